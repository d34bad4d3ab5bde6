"""Simulated judges of the user study: they see the demo set's truth through noise (§4.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from i2v_lib.data.collection import Collection
from i2v_lib.evaluation.similarity import similarities
from i2v_lib.evaluation.study import ANSWERS, QUESTIONS, Trials, choices

RANDOM_PAIRS = 1000  # that tell how similar two illustrations are by chance


@dataclass(frozen=True)
class Judges:
    """How simulated judges answer. Similarities are 0 for two illustrations at random, 1 for one and itself.

    Attributes
    ----------
    noise : standard deviation of what a judge sees around the truth, anew for each picture and question
    similar : "neither" if both pictures look less similar than this
    strictness : standard deviation of ``similar`` between judges
    same : "both" if they look similar and differ by less than this
    lapse : share of answers given without looking, each of the four as often
    """

    noise: float = 0.15
    similar: float = 0.25
    strictness: float = 0.05
    same: float = 0.1
    lapse: float = 0.02


def simulate_votes(
    collection: Collection, rows: np.ndarray, trials: Trials, levels: Sequence[float], seed: int, judges: Judges
) -> list[np.ndarray]:
    """Votes of simulated judges at several levels of noise, all else equal.

    Parameters
    ----------
    collection : drawn; any other raises ValueError, for nobody knows what is true of its illustrations
    rows : int64 array, shape (n,): the safe dataset
    trials : T trials over its nodes
    levels : of noise, each instead of ``judges.noise``
    seed : of the random pairs that tell chance, and of the noise
    judges : how they answer

    Returns
    -------
    An int8 array, shape (T, 6), a level: places in :data:`~i2v_lib.evaluation.study.CHOICES`.
    """
    seen = perceive(collection, rows, trials, seed)
    at = [replace(judges, noise=level) for level in levels]
    return [choices(answer(seen, trials, noisy, seed), trials.ours_left) for noisy in at]


def perceive(collection: Collection, rows: np.ndarray, trials: Trials, seed: int) -> np.ndarray:
    """True similarity of the left and the right picture to A, above chance.

    Parameters
    ----------
    collection : drawn; any other raises ValueError
    rows : int64 array, shape (n,): the safe dataset
    trials : T trials over its nodes
    seed : of the random pairs that tell chance

    Returns
    -------
    float64 array, shape (2, T, 6)
        Left and right. As Cohen's kappa, 0 is the mean over random pairs of the safe dataset and 1 is identical.
    """
    if not len(trials):  # there may be no two illustrations to pair
        return np.zeros((2, 0, len(QUESTIONS)))
    generator = np.random.default_rng([seed, *b"random pairs"])
    one = generator.integers(len(rows), size=RANDOM_PAIRS)
    other = (one + generator.integers(1, len(rows), size=RANDOM_PAIRS)) % len(rows)
    first = rows[np.concatenate([one, trials.a, trials.a])]
    second = rows[np.concatenate([other, trials.left, trials.right])]
    found = similarities(collection, first, second)
    chance = found[:RANDOM_PAIRS].mean(axis=0)
    spread = np.where(chance < 1, 1 - chance, 1)  # all alike: nothing is more similar than chance
    return ((found[RANDOM_PAIRS:] - chance) / spread).reshape(2, len(trials), len(QUESTIONS))


def answer(seen: np.ndarray, trials: Trials, judges: Judges, seed: int) -> np.ndarray:
    """Answers of simulated judges.

    Parameters
    ----------
    seen : float64 array, shape (2, T, 6), from :func:`perceive`
    trials : the T trials
    judges : how they answer
    seed : of their noise

    Returns
    -------
    int8 array, shape (T, 6)
        Places in :data:`~i2v_lib.evaluation.study.ANSWERS`.
    """
    generator = np.random.default_rng([seed, *b"simulated judges"])
    participants = -(-len(trials) // trials.each)
    threshold = generator.normal(judges.similar, judges.strictness, participants)[trials.participant]
    left, right = seen + judges.noise * generator.standard_normal(seen.shape)
    closer = np.where(left > right, ANSWERS.index("left"), ANSWERS.index("right"))
    answers = np.where(np.abs(left - right) < judges.same, ANSWERS.index("both"), closer)
    answers[np.maximum(left, right) < threshold[:, None]] = ANSWERS.index("neither")
    lapses = generator.random(answers.shape) < judges.lapse
    return np.where(lapses, generator.integers(len(ANSWERS), size=answers.shape), answers).astype(np.int8)
