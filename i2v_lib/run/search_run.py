"""The second half of a run (§3.2, §4.2–4.5): codes of the safe dataset, its neighbors, and the graph they make."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from i2v_lib.config import Config
from i2v_lib.data.collection import Collection
from i2v_lib.data.stores import PackedPixels
from i2v_lib.models.prediction import predict
from i2v_lib.models.pretrained import pretrained_features
from i2v_lib.models.serving.picture_batches import Picture, read_picture
from i2v_lib.run.artifacts import Artifacts, once
from i2v_lib.run.network_run import NetworkRun
from i2v_lib.search.adjacency import Graph
from i2v_lib.search.distributed_search import search_in_shares
from i2v_lib.search.graph import Morph, build_graph
from i2v_lib.search.hashing import binarize
from i2v_lib.search.neighbors import nearest_neighbors, nearest_vectors
from i2v_lib.search.path_finder import MOST_K, Transitions
from i2v_lib.system.distributed import default_device, rank
from i2v_lib.system.files import whole

# what may be near: binary codes, the real features they come from, other networks' features, and the control
METRICS = ("codes", "features", "vgg_nin", "vgg_a", "pretrained", "random")
_NETWORK_OF = {"features": "hash", "vgg_nin": "vgg_nin", "vgg_a": "vgg_a"}


class Search(Artifacts):
    """Illustrations that are searched by codes: their neighbors, the graph of these, and transitions over it.

    A subclass gives ``config`` and the methods that raise NotImplementedError here.
    """

    config: Config

    def collection(self) -> Collection:
        """The illustrations."""
        raise NotImplementedError

    def safe_dataset(self) -> np.ndarray:
        """Rows of the collection that are searched: int64, ascending."""
        raise NotImplementedError

    def features(self, metric: str) -> np.ndarray:
        """Real features of the safe dataset: float32 array, shape (n, D)."""
        raise NotImplementedError

    def codes(self, metric: str = "codes") -> np.ndarray:
        """Packed codes of the safe dataset: uint8 array, shape (n, B / 8)."""
        raise NotImplementedError

    def encode(self, metric: str, picture: Picture) -> np.ndarray:
        """Code or features of another picture, one row."""
        raise NotImplementedError

    @once
    def neighbors(self, metric: str, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The k nearest others of every illustration.

        A set is searched once, for as many neighbors as any graph may take: fewer are the first of more, ties
        included. Codes are compared on the GPU if there is one; a search of hours goes on after a kill.

        Parameters
        ----------
        metric : one of :data:`METRICS`
        k : fewer come back if there are not so many others

        Returns
        -------
        indices : int64 array, shape (n, k), nearest first
        distances : array, shape (n, k): bits, int32, for "codes" and "random"; Euclidean for the others
        """
        known = self._nearest()
        if metric not in known or known[metric][0].shape[1] < min(k, len(known[metric][0]) - 1):
            known[metric] = self._search(metric, max(k, self._width()))
        indices, distances = known[metric]
        return indices[:, :k], distances[:, :k]

    @once
    def _nearest(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Of each metric the widest search so far."""
        return {}

    def _search(self, metric: str, k: int) -> tuple[np.ndarray, np.ndarray]:
        vectors = self._vectors(metric)
        if vectors.dtype != np.uint8:
            return search_in_shares(nearest_vectors, vectors, k)
        kept = self.folder / "searches"
        return search_in_shares(nearest_neighbors, vectors, k, folder=kept, device=str(default_device()))

    def _width(self) -> int:
        """Neighbors that any graph may take."""
        return max(MOST_K, self.config.neighbors)

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
        return self.transitions().find(source, target, k=self.config.neighbors, intermediates=intermediates)

    @once
    def transitions(self) -> Transitions:
        """Transitions over graphs of any k and metric; pictures of one's own join as :meth:`encode` takes them."""
        posts = self.collection().posts.take(self.safe_dataset())
        columns = (posts.column(name).to_pylist() for name in ("character", "copyright", "general"))
        tags = [[tag for own in lists for tag in own] for lists in zip(*columns, strict=True)]
        ids, links = (posts.column(name).to_pylist() for name in ("id", "source_url"))
        return Transitions(ids, tags, links, self._vectors, self.neighbors, self.encode, self._width())

    def _vectors(self, metric: str) -> np.ndarray:
        return self.codes(metric) if metric in ("codes", "random") else self.features(metric)

    @once
    def graph(self, metric: str = "codes") -> Graph:
        """The either-way k-nearest-neighbor graph (§4.4), k = ``config.neighbors``."""
        return build_graph(*self.neighbors(metric, self.config.neighbors))


class Run(NetworkRun, Search):
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
        rows, pixels = self.safe_dataset(), self.collection().pixels
        if len(rows) < 2:
            raise ValueError(f"the safe dataset has {len(rows)} test illustrations; a search needs 2: raise test_share")
        compute = self._features_of(metric)
        name = _NETWORK_OF.get(metric, metric)
        inputs = self.network_inputs(name) if metric in _NETWORK_OF else self.data_inputs() | self.pretrained_inputs()
        progress = f"features, {name}"
        return self.stored(f"{name}-features", inputs, lambda: compute(pixels, rows, progress), together=True)

    def _features_of(self, metric: str) -> Callable[[np.ndarray | PackedPixels, np.ndarray, str | None], np.ndarray]:
        """What computes features: of pixels, rows of them, and what to call it on a progress bar (or None)."""
        config = self.config
        if metric == "pretrained":
            network, source = self.pretrained()
            return lambda pixels, rows, _: pretrained_features(network, source, pixels, rows, config)
        if metric not in _NETWORK_OF:
            raise ValueError(f"metric {metric!r} has no real features; use {', '.join(_NETWORK_OF)} or pretrained")
        network = self.network(_NETWORK_OF[metric])
        return lambda pixels, rows, progress: predict(
            network, pixels, rows, config.image_size, progress=progress, output="features"
        )

    def encode(self, metric: str, picture: Picture) -> np.ndarray:
        """A picture of one's own, read and encoded as the illustrations are.

        Parameters
        ----------
        metric : "codes", or one that :meth:`features` has
        picture : see :func:`~i2v_lib.models.serving.picture_batches.read_picture`, whose errors it raises

        Returns
        -------
        array, shape (B / 8,) of uint8, or (D,) of float32
        """
        pixels = read_picture(picture, self.collection().info["size"])[None]
        features = self._features_of("features" if metric == "codes" else metric)(pixels, np.arange(1), None)
        return (binarize(features) if metric == "codes" else features)[0]

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

    def save_codes(self, path: Path, k: int) -> None:
        """Write the safe dataset's codes and neighbors as one ``.npz`` file.

        Parameters
        ----------
        path : gets "ids" (n,), "codes" uint8 (n, B / 8), "indices" int64 and "distances" int32 (n, k)
        k : neighbors of each
        """
        codes, (indices, distances) = self.codes(), self.neighbors("codes", k)
        if rank() == 0:
            ids = self.collection().posts.column("id").take(self.safe_dataset()).to_pylist()
            with whole(path) as file:
                np.savez(file, ids=np.asarray(ids), codes=codes, indices=indices, distances=distances)
