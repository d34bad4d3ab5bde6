"""How numbers are written in tables, captions and reports, and in the rows behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from i2v_lib.config import Config

Rows = list[dict[str, Any]]

NONE = "–"  # a value that does not exist


def percent(value: float) -> float | None:
    """A share, 0 to 1, in percent; None for NaN."""
    return None if np.isnan(value) else round(100 * float(value), 4)


def percents(shares: Mapping[str, float | None]) -> dict[str, float | None]:
    """Shares of several in percent; None stays None."""
    return {name: None if value is None else percent(value) for name, value in shares.items()}


def number(value: float | None) -> str:
    """A percentage with three significant digits, as the paper prints them."""
    if value is None:
        return NONE
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}"


def count(value: float | None) -> str:
    """A whole number with commas."""
    return NONE if value is None else f"{value:,}"


def over_interval(value: float, low: float, high: float, digits: int = 1) -> str:
    """A cell of two lines: a value, and its interval in small below."""
    return f"{value:.{digits}f}\n{low:.{digits}f}–{high:.{digits}f}"


def map_cell(score: Mapping[str, Any]) -> str:
    """A cell of two lines: "map", and the interval from "low" to "high" below."""
    if score["map"] is None:
        return NONE
    return over_interval(score["map"], score["low"], score["high"])


def map_text(score: Mapping[str, Any]) -> str:
    """The same in one line, for Markdown and terminals."""
    if score["map"] is None:
        return NONE
    return f"{score['map']:.1f} [{score['low']:.1f}, {score['high']:.1f}]"


def signed(value: float) -> str:
    """A difference in points, with its sign: "+1.2", "−0.3"."""
    return f"{value:+.1f}".replace("-", "−")


def margin(value: float, low: float, high: float) -> str:
    """A difference in points with its interval: "+1.2 [+0.4, +2.0]"."""
    return f"{signed(value)} [{signed(low)}, {signed(high)}]"


def how(config: Config, sources: Mapping[str, Any]) -> str:
    """The end of every caption: the weights, where they may be others' than the run's; preset, seed, data, notebook."""
    weights = f"Weights: {sources['weights']}. " if "weights" in sources else ""
    data = f"*{config.preset}* preset, seed {config.seed}, {data_phrase(sources)}"
    return f"{weights}{data}. `{sources['notebook']}`."


def data_phrase(sources: Mapping[str, Any]) -> str:
    """How many illustrations of which collection: "36,000 drawn illustrations"."""
    total = f"{sum(sources['illustrations'].values()):,}"
    if sources["collection"] == "drawn demo set":
        return f"{total} drawn illustrations"
    return f"{total} illustrations of {sources['collection']!r}"
