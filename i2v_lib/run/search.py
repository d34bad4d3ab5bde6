"""The second half of a run (§3.2, §4.2–4.5): codes of the safe dataset, its neighbors, and the graph they make."""

from __future__ import annotations

import dataclasses

import numpy as np

from i2v_lib.models.pretrained import pretrained_features
from i2v_lib.models.training import predict
from i2v_lib.run.artifacts import once
from i2v_lib.run.networks import NetworkRun
from i2v_lib.search.graph import Graph, Morph, build_graph, morph
from i2v_lib.search.hashing import binarize
from i2v_lib.search.neighbors import nearest_neighbors, nearest_vectors
from i2v_lib.search.transitions import describe_path

# what may be near: binary codes, the real features they come from, other networks' features, and the control
METRICS = ("codes", "features", "vgg_nin", "vgg_a", "pretrained", "random")
_NETWORK_OF = {"features": "hash", "vgg_nin": "vgg_nin", "vgg_a": "vgg_a"}


class Run(NetworkRun):
    """One reproduction, in ``runs/<preset>/``.

    Ask for any artifact; what it needs is built first, and what stands on disk with the same fingerprint is read.
    Features, codes, neighbors and graphs are of the safe dataset, in the order of :meth:`safe_dataset`.

    Parameters
    ----------
    config : all settings

    Attributes
    ----------
    folder : ``runs/<preset>/``
    figures : where notebooks save figures, tables and ``metrics.json``
    """

    @once
    def safe_dataset(self) -> np.ndarray:
        """Rows of the collection that are searched: rated safe, of the test split (§4.2); int64, ascending."""
        test = self.collection().split("test")
        return test[np.asarray(self.collection().posts.column("rating"))[test] == "safe"]

    @once
    def features(self, metric: str) -> np.ndarray:
        """Real features.

        Parameters
        ----------
        metric : "features", the hash layer before its sigmoid, D = code_bits; "vgg_nin", the tag network's last hidden
            map averaged over positions; "vgg_a", its last hidden layer; "pretrained", the last fully connected layer

        Returns
        -------
        float32 array, shape (n, D)
        """
        rows, pixels, config = self.safe_dataset(), self.collection().pixels, self.config
        if len(rows) < 2:
            raise ValueError(f"the safe dataset has {len(rows)} test illustrations; a search needs 2: raise test_share")
        if metric == "pretrained":
            network, source = self.pretrained()
            inputs = self.data_inputs() | self.pretrained_inputs()
            return self.stored(
                "pretrained-features", inputs, lambda: pretrained_features(network, source, pixels, rows, config)
            )
        if metric not in _NETWORK_OF:
            raise ValueError(f"metric {metric!r} has no real features; use {', '.join(_NETWORK_OF)} or pretrained")
        name = _NETWORK_OF[metric]
        network = self.network(name)

        def compute() -> np.ndarray:
            return predict(network, pixels, rows, config.image_size, progress=f"features, {name}", output="features")

        return self.stored(f"{name}-features", self.network_inputs(name), compute)

    @once
    def codes(self, metric: str = "codes") -> np.ndarray:
        """Packed codes: uint8 array, shape (n, B / 8).

        Parameters
        ----------
        metric : "codes", the signs of the hash layer's features; or "random" bits, the control
        """
        if metric == "random":
            rng = np.random.default_rng([self.config.seed, self.config.code_bits])
            return binarize(rng.standard_normal((len(self.safe_dataset()), self.config.code_bits), np.float32))
        if metric != "codes":
            raise ValueError(f"metric {metric!r} has no codes; use codes or random")
        return binarize(self.features("features"))

    @once
    def neighbors(self, metric: str, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The k nearest others of every illustration.

        Parameters
        ----------
        metric : one of :data:`METRICS`
        k : fewer come back if there are not so many others

        Returns
        -------
        indices : int64 array, shape (n, k), nearest first
        distances : array, shape (n, k): bits, int32, for "codes" and "random"; Euclidean for the others
        """
        if metric in ("codes", "random"):
            return nearest_neighbors(self.codes(metric), k)
        return nearest_vectors(self.features(metric), k)

    def morph(self, source: str | int, target: str | int, intermediates: int | None = None) -> Morph:
        """A transition between two illustrations of the safe dataset over the codes' graph (§4.4).

        Parameters
        ----------
        source, target : ids of illustrations, or their places in :meth:`safe_dataset`
        intermediates : the exact number of pictures between them; None for the shortest path

        Returns
        -------
        :class:`~i2v_lib.search.graph.Morph`, with its ``steps``, and with its ``bridge`` where there is no path

        Raises
        ------
        ValueError
            If an id is not in the safe dataset.
        """
        posts, rows = self.collection().posts, self.safe_dataset()
        ids = posts.column("id").take(rows).to_pylist()
        for name, end in (("source", source), ("target", target)):
            if isinstance(end, str) and end not in ids:
                raise ValueError(f"{name}={end!r} is not in the safe dataset (rated safe, test split); try {ids[0]!r}")
        nodes = [ids.index(end) if isinstance(end, str) else end for end in (source, target)]
        found = morph(self.graph(), *nodes, intermediates, vectors=self.codes())
        along = posts.select(["id", "character", "copyright", "general"]).take(rows[found.path]).to_pydict()
        names, *columns = along.values()
        tags = [[tag for own in lists for tag in own] for lists in zip(*columns, strict=True)]
        steps = describe_path(np.arange(len(names)), names, tags)
        return dataclasses.replace(found, steps=tuple(steps))

    @once
    def graph(self, metric: str = "codes") -> Graph:
        """The either-way k-nearest-neighbor graph (§4.4), k = ``config.neighbors``."""
        return build_graph(*self.neighbors(metric, self.config.neighbors))
