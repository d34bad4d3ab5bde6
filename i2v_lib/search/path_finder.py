"""Transitions between illustrations over a graph of any K and any codes, to which pictures of one's own can be joined.

What the morphing explorer does, without a browser.
"""

from __future__ import annotations

import dataclasses
import operator
import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from i2v_lib.search.adjacency import Graph
from i2v_lib.search.graph import Morph, build_graph, morph
from i2v_lib.search.neighbors import extend_neighbors, extend_vectors

LEAST_K, MOST_K = 3, 20
LIMIT = 2000  # partial paths to look at, some 100 ms: who moves a slider does not wait for a proof

Neighbors = tuple[np.ndarray, np.ndarray]


class Transitions:
    """N illustrations, and how near they are by one or several measures.

    Neighbors are asked for once a metric, and each graph is kept.

    Parameters
    ----------
    ids : names of the illustrations
    tags : tags of each
    links : web address of each one's source, or None
    vectors : of a metric, the codes (uint8) or features (float) of all illustrations, shape (N, ·)
    neighbors : of a metric and k, what :mod:`i2v_lib.search.neighbors` finds among these vectors
    encode : of a metric and a picture of one's own, its vector, shape (·,); None if pictures cannot be joined
    width : neighbors that are asked for; no graph has a greater k

    Attributes
    ----------
    own : pictures that were joined, in the order of their nodes, which come after the illustrations'
    """

    def __init__(
        self,
        ids: Sequence[str],
        tags: Sequence[Collection[str]],
        links: Sequence[str | None],
        vectors: Callable[[str], np.ndarray],
        neighbors: Callable[[str, int], Neighbors],
        encode: Callable[[str, Any], np.ndarray] | None = None,
        width: int = MOST_K,
    ):
        self.ids, self.tags, self.links = list(ids), [list(own) for own in tags], list(links)
        self.own: list[Any] = []
        self._vectors, self._neighbors, self._encode, self._width = vectors, neighbors, encode, width
        self._measured: dict[str, tuple[np.ndarray, Neighbors]] = {}  # of all nodes, those joined included
        self._graphs: dict[tuple[str, int], Graph] = {}
        self._nodes = {name: node for node, name in enumerate(self.ids)}

    def __len__(self) -> int:
        return len(self.ids)

    def node(self, picture: str | int) -> int:
        """The node of an illustration, by its id or its number.

        Raises
        ------
        ValueError
            If there is none.
        """
        if isinstance(picture, str):
            if picture not in self._nodes:
                known = f"; try {self.ids[0]!r}" if self.ids else ""
                raise ValueError(f"no illustration here has the id {picture!r}{known}")
            return self._nodes[picture]
        if not 0 <= operator.index(picture) < len(self):
            raise ValueError(f"no illustration here has the number {picture}; they are 0 to {len(self) - 1}")
        return operator.index(picture)

    def ready(self, metric: str) -> bool:
        """Whether a metric's neighbors are known, so that :meth:`find` answers at once."""
        return metric in self._measured

    def graph(self, metric: str = "codes", k: int = 5) -> Graph:
        """The either-way k-nearest-neighbor graph of all nodes."""
        if not 1 <= k <= self._width:
            raise ValueError(f"k={k}: pass 1 to {self._width}")
        if (metric, k) not in self._graphs:
            indices, distances = self._measure(metric)[1]
            self._graphs[metric, k] = build_graph(indices[:, :k], distances[:, :k])
        return self._graphs[metric, k]

    def find(
        self,
        source: str | int,
        target: str | int,
        *,
        k: int = 5,
        intermediates: int | None = None,
        metric: str = "codes",
        avoid: Sequence[str | int] = (),
        waypoints: Sequence[str | int] = (),
        limit: int | None = None,
    ) -> Morph:
        """The transition between two illustrations, and what changes at each step.

        Parameters
        ----------
        source, target, avoid, waypoints : illustrations, by id or number
        k : neighbors that each is joined to
        intermediates : exactly so many pictures between; None for the shortest path
        metric : which codes or features are near each other
        limit : with ``avoid`` and ``waypoints``, as for :func:`~i2v_lib.search.graph.morph`

        Returns
        -------
        :class:`~i2v_lib.search.graph.Morph`, with its ``steps``, and with its ``bridge`` where there is no path
        """
        found = morph(
            self.graph(metric, k),
            self.node(source),
            self.node(target),
            intermediates,
            self._measure(metric)[0],
            avoid=[self.node(picture) for picture in avoid],
            waypoints=[self.node(picture) for picture in waypoints],
            limit=limit,
        )
        return dataclasses.replace(found, steps=tuple(describe_path(found.path.tolist(), self.ids, self.tags)))

    def joining_k(self, nodes: Sequence[int], metric: str, avoid: Sequence[int] = ()) -> int | None:
        """The least k, up to :data:`MOST_K`, whose graph joins some nodes; None if none does."""
        low, high = LEAST_K, MOST_K + 1  # more neighbors never part what fewer have joined
        while low < high:
            k = (low + high) // 2
            parts = self.graph(metric, k).without(avoid).components[list(nodes)]
            low, high = (low, k) if (parts == parts[0]).all() else (k + 1, high)
        return low if low <= MOST_K else None

    def search(self, text: str) -> np.ndarray:
        """Nodes whose tags fit a text, ascending: int64 array.

        Parameters
        ----------
        text : terms with commas between them; all must fit, and one that begins with "-" must not. A term is a tag; if
            there is no such tag, the beginning of a word of a tag; or an id. Underscores are spaces. An empty text fits
            all
        """
        found = np.ones(len(self), bool)
        for term in filter(None, (part.strip() for part in text.split(","))):
            out = len(term) > 1 and term.startswith("-")
            found &= out ^ self._fitting(term.removeprefix("-") if out else term)
        return np.flatnonzero(found)

    def join(self, picture: Any, name: str) -> int:
        """Add a picture of one's own, to be encoded whenever a metric is first asked for; its node.

        Parameters
        ----------
        picture : what ``encode`` takes
        name : becomes its id, with a number behind it if there is one of that name
        """
        if self._encode is None:
            raise ValueError("pictures cannot be joined here: there is no network that encodes them")
        vectors = {metric: self._encode(metric, picture) for metric in self._measured}  # first: it may fail
        count, unique = 1, name
        while unique in self._nodes:
            count += 1
            unique = f"{name} ({count})"
        self._nodes[unique] = len(self)
        self.ids.append(unique)
        self.tags.append([])
        self.links.append(None)
        self.own.append(picture)
        self._graphs.clear()
        for metric, vector in vectors.items():
            self._measured[metric] = self._extended(*self._measured[metric], vector)
        self.__dict__.pop("_members", None)
        return len(self) - 1

    def rarest_first(self, tags: Collection[str]) -> list[str]:
        """Tags in the order of how few illustrations carry them."""
        return sorted(tags, key=lambda tag: (self._frequency[tag], tag))

    @cached_property
    def _frequency(self) -> Counter:
        return Counter(tag for own in self.tags for tag in own)

    @cached_property
    def _members(self) -> dict[str, list[int]]:
        """Which nodes carry a tag, in lower case."""
        members: dict[str, list[int]] = {}
        for node, own in enumerate(self.tags):
            for tag in own:
                members.setdefault(tag.lower(), []).append(node)
        return members

    def _fitting(self, term: str) -> np.ndarray:
        fits, tag = np.zeros(len(self), bool), term.replace("_", " ").lower()
        if term in self._nodes:
            fits[self._nodes[term]] = True
        begins = re.compile(rf"(?<!\w){re.escape(tag)}")
        tags = [tag] if tag in self._members else [other for other in self._members if begins.search(other)]
        for other in tags:
            fits[self._members[other]] = True
        return fits

    def _measure(self, metric: str) -> tuple[np.ndarray, Neighbors]:
        if metric not in self._measured:
            measured = self._vectors(metric), self._neighbors(metric, self._width)
            if self._encode is not None:  # else none could be joined
                for picture in self.own:
                    measured = self._extended(*measured, self._encode(metric, picture))
            self._measured[metric] = measured
        return self._measured[metric]

    def _extended(self, vectors: np.ndarray, neighbors: Neighbors, new: np.ndarray) -> tuple[np.ndarray, Neighbors]:
        """Vectors and their neighbors, with one more."""
        everything = np.concatenate([vectors, new[None]])
        extend = extend_neighbors if vectors.dtype == np.uint8 else extend_vectors
        return everything, extend(everything, len(vectors), *neighbors, self._width)


def describe_path(path: Sequence[int], ids: Sequence[str], tags: Sequence[Collection[str]]) -> list[dict[str, Any]]:
    """What changes and what stays at each step of a path.

    Parameters
    ----------
    path : L nodes
    ids : name of every node's illustration
    tags : tags of every node's illustration

    Returns
    -------
    list of L - 1 dictionaries
        "from" and "to", ids; "kept", "gained" and "lost", lists of tags in alphabetical order.
    """
    steps = []
    for a, b in zip(path[:-1], path[1:], strict=True):
        before, after = set(tags[a]), set(tags[b])
        changes = {"kept": before & after, "gained": after - before, "lost": before - after}
        steps.append({"from": ids[a], "to": ids[b], **{name: sorted(found) for name, found in changes.items()}})
    return steps
