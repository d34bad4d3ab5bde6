"""Measured numbers as text."""

from __future__ import annotations

from collections.abc import Mapping


def spread(measured: Mapping[str, float], unit: str = "", places: int = 1) -> str:
    """A median with its lowest and highest: "5.1× [4.9, 5.3]"."""
    middle, low, high = (digits(measured[key], places) for key in ("median", "low", "high"))
    return f"{middle}{unit} [{low}, {high}]"


def digits(value: float, places: int = 1) -> str:
    """A number without digits that nobody can have measured."""
    return f"{value:,.0f}" if value >= 20 else f"{value:.{places}f}"


def seconds(value: float) -> str:
    """A time in the unit that fits: "1.4 ms", "89.0 s", "2.0 h"."""
    for size, unit, least in ((3600, "h", 1.5), (60, "min", 1.5), (1, "s", 1)):
        if value >= least * size:
            return f"{value / size:.1f} {unit}"
    return f"{1000 * value:.0f} ms" if value >= 0.0095 else f"{1000 * value:.1f} ms"
