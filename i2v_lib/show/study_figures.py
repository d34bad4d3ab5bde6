"""Fig. 4 and its table: the votes of the user study; and what a trial looks like (§4.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from i2v_lib.evaluation.study import CHOICES, QUESTIONS, Trials
from i2v_lib.show import paper
from i2v_lib.show.numbers import Rows
from i2v_lib.show.style import MODEL_COLORS, TWO_COLUMNS
from i2v_lib.show.tables import NONE, over_interval
from i2v_lib.show.thumbnails import CELL, Pictures, thumbnail
from i2v_lib.show.typeset import typeset
from i2v_lib.show.user_study import p_phrase, stars

FILLS = {  # choice -> a bar's look; ties are hatched, so that the nets stand out without color too
    "ours": {"facecolor": MODEL_COLORS["vgg_nin"]},
    "both": {"facecolor": "0.85", "hatch": "////"},
    "neither": {"facecolor": "0.95", "hatch": "...."},
    "pretrained": {"facecolor": MODEL_COLORS["pretrained"]},
}
INK = {"ours": "white", "both": "black", "neither": "black", "pretrained": "black"}
NO_VOTES = "No votes have been cast in the form; judges are simulated only where the truth is known."
LEAST = 4  # percent: a narrower bar has no room for its number


def fig4_user_study(study: Mapping[str, Any], pretrained_source: str) -> Figure:
    """Fig. 4: votes for both nets and both kinds of tie, a stacked bar a question.

    Parameters
    ----------
    study : from :func:`~i2v_lib.show.user_study.study_numbers`
    pretrained_source : "ImageNet" or "surrogate"
    """
    fig, ax = plt.subplots(figsize=(TWO_COLUMNS, 2.5), layout="constrained")
    if not study["trials"]:
        ax.text(0.5, 0.5, NO_VOTES, ha="center", va="center")
        ax.axis("off")
        return fig
    names = choice_names(pretrained_source)
    for line, row in enumerate(study["questions"]):
        start = 0.0
        for choice in CHOICES:
            share = row[f"{choice}_share"] or 0.0
            label = names[choice] if not line else None
            ax.barh(line, share, 0.7, start, edgecolor="white", linewidth=0.6, label=label, **FILLS[choice])
            if share >= LEAST:
                patch = {"facecolor": FILLS[choice]["facecolor"], "edgecolor": "none", "pad": 0.8}
                style = {"color": INK[choice], "size": 7, "bbox": patch, "ha": "center", "va": "center"}
                ax.text(start + share / 2, line, f"{share:.0f}", **style)
            start += share
        ax.text(102, line, _preference(row), size=7, va="center")
    ax.text(102, -0.75, "without ties", size=7, va="center")
    ax.set(xlim=(0, 100), ylim=(len(QUESTIONS) - 0.5, -0.5), xlabel=f"votes of {_voters(study)} (%)")
    ax.set_yticks(range(len(QUESTIONS)), QUESTIONS)
    ax.tick_params(axis="y", length=0)
    fig.legend(loc="outside upper center", ncols=4, handlelength=1.2, handletextpad=0.5, columnspacing=1.5)
    return fig


def table_user_study(study: Mapping[str, Any], noise: Mapping[str, Any] | None, pretrained_source: str) -> Figure:
    """Votes in percent with intervals, and the tests, a row a question; at a second noise level the share again."""
    others = noise["questions"] if noise else [None] * len(QUESTIONS)
    cells = []
    for row, other in zip(study["questions"], others, strict=True):
        shares = [_interval(row, f"{choice}_share") for choice in CHOICES]
        tests = [_p(row, "p"), _p(row, "p_holm")]
        cells.append([row["question"], *shares, _interval(row, "preference"), *tests])
        cells[-1] += [_interval(other, "preference")] if other else []
    columns = ["question", *choice_names(pretrained_source, short=True).values(), "VGG + NIN", "p", "p, Holm"]
    columns += [f"noise {noise['second']:g}"] if noise else []
    spans = [(1, 4, f"votes of {_voters(study)} (%)"), (5, len(columns) - 1, "without ties (%)")]
    return typeset(columns, cells, spans=spans, breaks=(5,))


def table_rows(study: Mapping[str, Any], noise: Mapping[str, Any] | None) -> Rows:
    """The table as flat rows for CSV, the second noise level's below the first's."""
    rows = [{"noise": noise["level"] if noise else None, **row} for row in study["questions"]]
    return rows + [{"noise": noise["second"], **row} for row in (noise["questions"] if noise else ())]


def fig4_trials(
    trials: Trials, pictures: Pictures, rows: np.ndarray, ids: Sequence[str], pretrained_source: str
) -> Figure:
    """Trials side by side: A above, B and C below, framed in the color of their net.

    Parameters
    ----------
    trials : at most three
    pictures : rows of the collection, (n,), to their pictures, uint8 (n, S, S, 3)
    rows : int64 array, shape (n,): the safe dataset
    ids : names of its n nodes
    pretrained_source : "ImageNet" or "surrogate"
    """
    names = {
        ours: (paper.system_name(system, pretrained_source), MODEL_COLORS[system])
        for ours, system in ((True, "vgg_nin"), (False, "pretrained"))
    }
    size = 0.88 * CELL
    step, line = TWO_COLUMNS / 3, size + 0.32
    fig = plt.figure(figsize=(TWO_COLUMNS, 2 * line))
    if not len(trials):
        fig.text(0.5, 0.5, "No illustration has different neighbors by the two nets.", ha="center")
    for i in range(len(trials)):
        middle = (i + 0.5) * step
        shown = [
            (trials.a[i], middle - size / 2, 0, "A", "black"),
            (trials.left[i], middle - size - 0.03, line, *names[bool(trials.ours_left[i])]),
            (trials.right[i], middle + 0.03, line, *names[not trials.ours_left[i]]),
        ]
        for node, x, y, name, color in shown:
            thumbnail(fig, pictures(rows[[node]])[0], ids[node], x, y + 0.15, size, color)
            at = ((x + size / 2) / TWO_COLUMNS, 1 - (y + 0.13) / (2 * line))
            fig.text(*at, name.replace(" (", "\n("), ha="center", va="bottom", size=7, color=color, linespacing=1)
    return fig


def choice_names(pretrained_source: str, short: bool = False) -> dict[str, str]:
    """What a vote can be for, for print."""
    if short:
        return dict(zip(CHOICES, ("VGG + NIN", "both", "neither", "pre-trained"), strict=True))
    nets = paper.SYSTEMS["vgg_nin"], paper.system_name("pretrained", pretrained_source)
    return dict(zip(CHOICES, (nets[0], "tie: both", "tie: neither", nets[1]), strict=True))


def _voters(study: Mapping[str, Any]) -> str:
    return f"{study['participants']} {study['judges']}, {study['trials']} trials"


def _preference(row: Mapping[str, Any]) -> str:
    """The share without ties, with its interval and stars."""
    if row["preference"] is None:
        return NONE
    low, high = (f"{row[f'preference_{end}']:.0f}" for end in ("low", "high"))
    return f"{row['preference']:.0f} % [{low}, {high}] {stars(row['p_holm'])}"


def _interval(row: Mapping[str, Any], key: str) -> str:
    if row[key] is None:
        return NONE
    return over_interval(row[key], row[f"{key}_low"], row[f"{key}_high"])


def _p(row: Mapping[str, Any], key: str) -> str:
    return p_phrase(row[key]).removeprefix("p = ").removeprefix("p ") if row["preference"] is not None else NONE
