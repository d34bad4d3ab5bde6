"""Train, validation and test splits that keep every group of near-duplicates together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

SCALE = 2**64  # eight bytes of the hash, read as a number


def assign_splits(groups: Sequence[str], seed: int, validation_share: float, test_share: float) -> list[str]:
    """Choose the split of every illustration from a salted hash of its group.

    The hash looks at nothing but the seed and the group's name. So a group never straddles two splits, and
    illustrations added later, or another order, move no illustration that was there before. The shares are
    met on average: a small collection deviates as a coin does, and may leave a split empty.

    Parameters
    ----------
    groups : group names, one an illustration
    seed : the salt; another seed gives other splits
    validation_share, test_share : share of the groups, 0 to 1

    Returns
    -------
    list of "train", "val" or "test", one an illustration

    Raises
    ------
    ValueError
        If a share is negative, or the two leave nothing to train on.
    """
    check_shares(validation_share, test_share)
    split_of = {group: _split(group, seed, validation_share, test_share) for group in set(groups)}
    return [split_of[group] for group in groups]


def check_shares(validation_share: float, test_share: float) -> None:
    """Raise ValueError if a share is negative or not a number, or if the two leave nothing to train on."""
    if not (validation_share >= 0 and test_share >= 0 and validation_share + test_share < 1):
        raise ValueError(
            f"validation_share={validation_share}, test_share={test_share}: give numbers from 0 whose sum stays below 1"
        )


def _split(group: str, seed: int, validation_share: float, test_share: float) -> str:
    digest = hashlib.sha256(f"{seed}:{group}".encode()).digest()
    position = int.from_bytes(digest[:8], "big") / SCALE  # uniform in [0, 1)
    if position < test_share:  # first, so that another validation share leaves the test split as it is
        return "test"
    return "val" if position < test_share + validation_share else "train"
