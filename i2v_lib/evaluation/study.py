"""The protocol of the user study: which illustrations are shown to whom, and what an answer means (§4.3, Fig. 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

QUESTIONS = ("illustration style", "color", "composition", "title", "background", "character")  # the paper's order
ANSWERS = ("left", "both", "neither", "right")  # what a participant says; two kinds of tie
CHOICES = ("ours", "both", "neither", "pretrained")  # what it is a vote for
UNANSWERED = -1


@dataclass(frozen=True)
class Trials:
    """T trials, those of one participant in a row. Nodes are places in the safe dataset.

    Attributes
    ----------
    a : int64 array, shape (T,): illustrations drawn at random
    b, c : int64 arrays, shape (T,): nearest to A by our codes, and by the pre-trained net
    ours_left : bool array, shape (T,): B is on the left, C on the right
    each : trials of one participant
    candidates : illustrations that could have been drawn
    skipped : how many of them are never A, because their B and C are the same illustration
    """

    a: np.ndarray
    b: np.ndarray
    c: np.ndarray
    ours_left: np.ndarray
    each: int
    candidates: int
    skipped: int

    def __len__(self) -> int:
        return len(self.a)

    @property
    def participant(self) -> np.ndarray:
        """Number of each trial's participant, from 0: int64 array, shape (T,)."""
        return np.arange(len(self)) // self.each

    @property
    def left(self) -> np.ndarray:
        """Illustrations shown on the left: int64 array, shape (T,)."""
        return np.where(self.ours_left, self.b, self.c)

    @property
    def right(self) -> np.ndarray:
        """Illustrations shown on the right: int64 array, shape (T,)."""
        return np.where(self.ours_left, self.c, self.b)


def draw_trials(ours: np.ndarray, theirs: np.ndarray, participants: int, each: int, seed: int) -> Trials:
    """Draw the trials of a study.

    An illustration whose two neighbors are the same is not drawn: it could only be a tie, and the paper compares the
    nets by the votes that are none. No illustration is drawn twice before all others were once. Near-duplicates of A
    stay, as the paper excludes nothing else; see :func:`count_duplicates`.

    Parameters
    ----------
    ours, theirs : int64 arrays, shape (N, K), K ≥ 0
        Neighbors of every illustration, nearest first, by our codes and by the pre-trained net.
    participants, each : number of participants, and of trials for each
    seed : of the draws and of the sides

    Returns
    -------
    Trials
        None at all if no illustration has two different neighbors.

    Raises
    ------
    ValueError
        If the two are not neighbors of the same illustrations, or a number is not positive.

    Source: Saito & Matsui 2015, §4.3.
    """
    if len(ours) != len(theirs):
        raise ValueError(f"ours has {len(ours)} illustrations and theirs {len(theirs)}; both are of the safe dataset")
    if participants < 1 or each < 1:
        raise ValueError(f"participants={participants}, each={each}: both must be at least 1")
    generator = np.random.default_rng([seed, *b"user study"])
    found = min(ours.shape[1], theirs.shape[1]) > 0  # one illustration alone has no neighbor
    usable = np.flatnonzero(ours[:, 0] != theirs[:, 0]) if found else np.arange(0)
    count = participants * each if len(usable) else 0
    rounds = -(-count // max(len(usable), 1)) or 1
    a = np.concatenate([generator.permutation(usable) for _ in range(rounds)])[:count]
    return Trials(
        a=a,
        b=ours[a, 0] if count else a,
        c=theirs[a, 0] if count else a,
        ours_left=generator.random(count) < 0.5,
        each=each,
        candidates=len(ours),
        skipped=len(ours) - len(usable),
    )


def choices(answers: np.ndarray, ours_left: np.ndarray) -> np.ndarray:
    """What answers are votes for; the same call turns votes back into answers.

    Parameters
    ----------
    answers : int8 array, shape (T, 6): places in :data:`ANSWERS`, or :data:`UNANSWERED`
    ours_left : bool array, shape (T,)

    Returns
    -------
    int8 array, shape (T, 6)
        Places in :data:`CHOICES`, or :data:`UNANSWERED`.
    """
    sides = np.isin(answers, (0, 3))  # left and right; a tie is the same from both sides
    return np.where(sides & ~ours_left[:, None], 3 - answers, answers).astype(np.int8)


def count_duplicates(trials: Trials, groups: Sequence[str]) -> dict[str, int]:
    """In how many trials B and C are near-duplicates of A: they share its group.

    Parameters
    ----------
    trials : T trials
    groups : of every node
    """
    group = np.asarray(groups)
    return {name: int(np.sum(group[getattr(trials, name)] == group[trials.a])) for name in ("b", "c")}
