"""What the paper claims and whether it holds here: one closed set of verdicts, and one way to come to them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

VERDICTS = ("held", "partly held", "did not hold", "undecided")

Answer = bool | None  # of a part of a claim: yes, no, or open


@dataclass(frozen=True)
class Claim:
    """A claim with its verdict.

    Attributes
    ----------
    section : of the paper, such as "§4.2"
    claim : what is claimed, a sentence without its full stop
    verdict : one of :data:`VERDICTS`, from :func:`verdict_of`
    measured : the numbers that the verdict was drawn from

    Raises
    ------
    ValueError
        For another verdict.
    """

    section: str
    claim: str
    verdict: str
    measured: str

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"verdict={self.verdict!r} is none of {', '.join(VERDICTS)}; draw it with verdict_of")

    @property
    def sentence(self) -> str:
        """The claim, its verdict and what was measured, for a caption or a terminal."""
        return f"{self.claim}: {self.verdict} ({self.measured.removesuffix('.')})."


def lies(interval: Sequence[float | None] | None, above: float = -math.inf, below: float = math.inf) -> Answer:
    """Whether a value lies on the claimed side of a bound, or between two, by its interval.

    That it is larger than a bound is claimed with ``above``, that it is smaller, or not larger, with ``below``. That it
    is about the same as another is claimed with both: a band around equality, fixed before anything is measured, such
    as 40 to 60 % of the votes. So neither of two equals is the winner by a single vote.

    Parameters
    ----------
    interval : (low, high), the value's 95 % interval; of a value that is known exactly, the value twice; None, or None
        or NaN in it, if nothing was measured
    above, below : the bounds, in the interval's unit

    Returns
    -------
    True if the interval lies wholly on the claimed side, False if it lies wholly outside, None if it holds a bound or
    nothing was measured

    Raises
    ------
    ValueError
        If the interval's ends, or the bounds, are in the wrong order.
    """
    if not above < below:
        raise ValueError(f"above={above} and below={below} leave nothing between them; the smaller goes to above")
    if interval is None:
        return None
    low, high = interval
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return None
    if low > high:
        raise ValueError(f"interval={(low, high)} begins after its end; give (low, high)")
    if above < low and high < below:
        return True
    return False if high < above or below < low else None


def verdict_of(answers: Sequence[Answer]) -> str:
    """One verdict from the answers to every part of a claim.

    "held" if all are yes, "partly held" if some are, "did not hold" if none is and at least one is no, and "undecided"
    if all are open or there are none.

    Parameters
    ----------
    answers : from :func:`lies`, or plain facts; a part that does not exist in this data is left out by the caller
    """
    if answers and all(answers):
        return "held"
    if any(answers):
        return "partly held"
    return "did not hold" if any(answer is not None for answer in answers) else "undecided"
