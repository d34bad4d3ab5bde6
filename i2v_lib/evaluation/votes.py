"""What the votes of a user study say: shares, exact tests, and a check that they find nothing where nothing is (§4.3).

The exact tests take votes as independent; the intervals do not: they resample whole participants.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import binom

from i2v_lib.evaluation.bootstrap import draw_counts
from i2v_lib.evaluation.study import CHOICES, QUESTIONS, UNANSWERED

OURS, PRETRAINED = CHOICES.index("ours"), CHOICES.index("pretrained")
LEVEL = 0.05  # of significance


def analyze(votes: np.ndarray, participant: np.ndarray, resamples: int, seed: int) -> list[dict[str, Any]]:
    """Votes, shares and tests of each question.

    Parameters
    ----------
    votes : int8 array, shape (T, 6): places in :data:`~i2v_lib.evaluation.study.CHOICES`, or ``UNANSWERED``
    participant : int64 array, shape (T,)
    resamples : of the participants, for the 95 % intervals
    seed : of the resamples

    Returns
    -------
    A dictionary a question: "question"; "ours", "both", "neither", "pretrained" (votes); "shares" (choice -> share,
    low, high, 0 to 1, of all votes); "preference" (the same of ours among votes for either net), "p" (exact binomial
    test of the preference against ½, two-sided) and "p_holm" (corrected for six questions). NaN without such votes.
    """
    people, person = np.unique(participant[np.any(votes != UNANSWERED, axis=1)], return_inverse=True)
    kept = votes[np.any(votes != UNANSWERED, axis=1)]
    counts = np.zeros((len(people), len(QUESTIONS), len(CHOICES)), np.int64)
    t, q = np.nonzero(kept != UNANSWERED)
    np.add.at(counts, (person[t], q, kept[t, q]), 1)
    drawn = draw_counts(len(people), resamples, seed).astype(np.int64) if len(people) else np.zeros((0, 1), np.int64)
    total = counts.sum(axis=0)  # (6, 4)
    resampled = np.einsum("pr,pqc->rqc", drawn, counts)  # (R, 6, 4)
    p = exact_p(total[:, OURS], total[:, PRETRAINED])
    corrected = holm(p)
    return [
        {
            "question": question,
            **{choice: int(total[i, c]) for c, choice in enumerate(CHOICES)},
            "shares": {c: _share(total[i], resampled[:, i], [k], range(4)) for k, c in enumerate(CHOICES)},
            "preference": _share(total[i], resampled[:, i], [OURS], [OURS, PRETRAINED]),
            "p": float(p[i]),
            "p_holm": float(corrected[i]),
        }
        for i, question in enumerate(QUESTIONS)
    ]


def exact_p(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Two-sided exact binomial test that both nets get a vote equally often, ties left out.

    Parameters
    ----------
    ours, theirs : int64 arrays of one shape: votes

    Returns
    -------
    float64 array
        p values; 1 without votes. As :func:`scipy.stats.binomtest`, for many tests at once.
    """
    return np.minimum(1, 2 * binom.cdf(np.minimum(ours, theirs), ours + theirs, 0.5))


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's correction: p values that hold for all m tests together, float64 array, shape (m,)."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(stepped, 1)
    return corrected


def null_check(votes: np.ndarray, swaps: int, seed: int) -> dict[str, float]:
    """The same votes with B and C swapped in every trial at random: there is no effect left to find.

    Parameters
    ----------
    votes : int8 array, shape (T, 6)
    swaps : how often all trials are swapped at random
    seed : of the swaps

    Returns
    -------
    "preference": mean share of ours among votes for either net, ½ is expected; "false_positives": share of tests with
    p < 0.05, at most 0.05 is expected; "false_alarms": share of swaps with a Holm-corrected p < 0.05 in any question,
    at most 0.05 is expected. NaN without votes for either net.
    """
    generator = np.random.default_rng([seed, *b"null check"])
    swapped = generator.random((swaps, len(votes))) < 0.5
    ours, theirs = (votes == OURS).astype(np.int64), (votes == PRETRAINED).astype(np.int64)
    moved = swapped.astype(np.int64) @ (theirs - ours)  # (swaps, 6)
    ours_then, decided = ours.sum(axis=0) + moved, (ours + theirs).sum(axis=0)
    p = exact_p(ours_then, decided - ours_then)[:, decided > 0]
    if not p.size:
        return dict.fromkeys(("preference", "false_positives", "false_alarms"), np.nan)
    return {
        "preference": float(np.mean(ours_then[:, decided > 0] / decided[decided > 0])),
        "false_positives": float(np.mean(p < LEVEL)),
        "false_alarms": float(np.mean([np.any(holm(row) < LEVEL) for row in p])),
    }


def _share(total: np.ndarray, resampled: np.ndarray, part: list[int], whole: range | list[int]) -> tuple[float, ...]:
    """Share of some choices among others, and its 95 % percentile interval: (4,), (R, 4) -> three numbers."""
    with np.errstate(invalid="ignore"):
        share = total[part].sum() / total[whole].sum()
        shares = resampled[:, part].sum(axis=1) / resampled[:, whole].sum(axis=1)
    low, high = np.nanquantile(shares, [0.025, 0.975]) if np.isfinite(shares).any() else (np.nan, np.nan)
    return float(share), float(low), float(high)
