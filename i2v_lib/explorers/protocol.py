"""The protocol of what a morphing explorer shows: a run follows it (:mod:`.of_run`), and any set of pictures may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from i2v_lib.search.graph import Morph
from i2v_lib.show.wording import Rows


class Backing(Protocol):
    """Pictures to show, and what becomes of a dropped file and of a path to be saved."""

    metrics: Mapping[str, str]  # by what pictures may be near, each with its name for print

    def pictures(self, nodes: np.ndarray, well: bool) -> Sequence[np.ndarray]:
        """Of n nodes, uint8 arrays, shape (S, S, 3): at once, or the best there are (``well``), which takes a while."""

    def join(self, name: str, data: bytes) -> int:
        """Join a picture of one's own to the transitions, from the bytes of a file; its node."""

    def save(self, rows: Rows, found: Morph, metric: str, k: int) -> str:
        """Write a path as PNG, PDF and JSON; what to say of it."""
