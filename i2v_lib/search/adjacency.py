"""The graph itself: undirected, weighted, in compressed rows, with its components (§4.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

EXACT = 2**53  # float64 holds every whole number below


@dataclass(frozen=True)
class Graph:
    """An undirected graph of N nodes and E weighted edges, in rows: one a node, each edge in the rows of both its ends.

    Attributes
    ----------
    starts : int64 array, shape (N + 1,); row i is ``starts[i]:starts[i + 1]`` of the other arrays
    ends : int64 array, shape (2E,); the nodes that each node is joined to, ascending within a row
    weights : array, shape (2E,); int64 (bits) or float64, may be 0
    """

    starts: np.ndarray
    ends: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.starts) - 1

    def row(self, node: int) -> slice:
        """Where a node's edges stand in ``ends``, ``weights``, ``owners`` and ``costs``."""
        return slice(self.starts[node], self.starts[node + 1])

    @property
    def owners(self) -> np.ndarray:
        """Whose row it is: int64 array, shape (2E,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    @property
    def pairs(self) -> np.ndarray:
        """Every edge once, the lower node first, in ascending order: int64 array, shape (E, 2)."""
        owners = self.owners
        once = owners < self.ends
        return np.stack([owners[once], self.ends[once]], axis=1)

    @cached_property
    def costs(self) -> np.ndarray:
        """Weights as whole numbers, so that sums are exact and equal lengths equal: int64 array, shape (2E,).

        Bits are what they are. Real weights are rounded to the finest steps with which sums stay exact.
        """
        if np.issubdtype(self.weights.dtype, np.integer) or not self.weights.any():
            return self.weights.astype(np.int64, copy=False)
        finest = (EXACT // len(self) - 1) // len(self)
        return np.rint(self.weights / self.weights.max() * finest).astype(np.int64)

    @cached_property
    def components(self) -> np.ndarray:
        """Number of the component that each node is in: int32 array, shape (N,)."""
        low, high = self.pairs.T
        ones = np.ones(len(low))  # not the weights: for SciPy a 0 is no edge
        joined = csr_array((ones, (low, high)), shape=(len(self), len(self)))
        return connected_components(joined, directed=False)[1]

    @cached_property
    def component_sizes(self) -> np.ndarray:
        """Nodes in each component: int64 array."""
        return np.bincount(self.components)

    def without(self, nodes: Sequence[int]) -> Graph:
        """The same nodes, of which some are joined to none."""
        barred = np.isin(np.arange(len(self)), nodes)
        kept = ~(barred[self.owners] | barred[self.ends])
        return Graph(np.r_[0, np.cumsum(kept)][self.starts], self.ends[kept], self.weights[kept])
