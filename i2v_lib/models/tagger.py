"""The tagger: tags, features and codes of illustrations, by the five calls of the authors' library."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.models.checkpoints import save_weights
from i2v_lib.models.hash_network import HashNetwork
from i2v_lib.models.networks import TagNetwork
from i2v_lib.models.released.convert import ARCHITECTURES
from i2v_lib.models.serving.heatmaps import finer, gradient_map, last_map
from i2v_lib.models.serving.load_weights import load_network, load_released, released_metadata, run_weights
from i2v_lib.models.serving.picture_stream import Pictures, PictureStream
from i2v_lib.models.serving.tag_lists import Tags, columns_by_name
from i2v_lib.models.serving.thresholds import best_thresholds, save_thresholds

SAVED = ("architecture", "trained_with", "released", "added")  # of a weights file's metadata: what a copy keeps
HEATMAPS = {"gradient": gradient_map, "last map": last_map}


class Illustration2Vec(PictureStream):
    """Tags and feature vectors of illustrations.

    Make one with :meth:`from_released`, :meth:`from_run` or :meth:`from_weights`. Every call takes one picture or any
    iterable of them: paths, bytes, Pillow images, uint8 arrays; see
    :func:`~i2v_lib.models.serving.picture_batches.picture_batches`. A list is not needed: pictures are taken as they
    come, decoded in threads ahead of the network, and let go.

    The authors' vocabulary holds sexual terms, and so may what is found in a harmless picture; filter what you show.

    Arguments and attributes are those of :class:`~i2v_lib.models.serving.picture_stream.PictureStream`.

    Source: Saito & Matsui 2015; the calls are those of the library that the authors released with it.
    """

    @classmethod
    def from_released(
        cls,
        tag_model: Path | str | None = None,
        feature_model: Path | str | None = None,
        tag_list: Path | str | None = None,
        **options: Any,
    ) -> Illustration2Vec:
        """The authors' networks.

        Parameters
        ----------
        tag_model : ``illust2vec_tag_ver200.caffemodel``, or the safetensors file converted from it; for tags
        feature_model : ``illust2vec_ver200.caffemodel``, or the file converted from it; for features and codes
        tag_list : ``tag_list.json``; a converted file does without
        options : keyword arguments of the class: thresholds, alpha, batch_size, device, precision

        Errors are those of :func:`~i2v_lib.models.serving.load_weights.load_released`.
        """
        tags, features, vocabulary = load_released(tag_model, feature_model, tag_list)
        metadata = None if tag_model is None else released_metadata(tag_model)
        size = ARCHITECTURES["tags"].image_size
        return cls(tags, features, vocabulary, image_size=size, metadata=metadata, **options)

    @classmethod
    def from_weights(cls, path: Path | str, features: Path | str | None = None, **options: Any) -> Illustration2Vec:
        """Networks of the kit, or converted ones: a hash network gives tags and features, any other gives tags.

        Parameters
        ----------
        path : ``weights.safetensors`` of a training, or a file that ``convert-released`` wrote
        features : such a file of a hash network, for features, where the first has none or others are wanted
        options : keyword arguments of the class: thresholds, alpha, batch_size, device, precision
        """
        loaded = load_network(path)
        network = loaded.network if features is None else load_network(features).network
        hashing = network if isinstance(network, HashNetwork) else None
        if hashing is None and features is not None:
            raise ValueError(f"features={str(features)!r}: this is not a hash network; give the weights of one")
        tags = None if loaded.vocabulary is None else loaded.network
        if tags is None and hashing is None:
            raise ValueError(f"{path} does not hold its tags' names; convert the tag model again, with its tag_list")
        sizes = {name: getattr(loaded.architecture, name) for name in ("image_size", "stored_size")}
        return cls(tags, hashing, loaded.vocabulary, **(sizes | {"metadata": loaded.metadata} | options))

    @classmethod
    def from_run(cls, preset: str = "demo", **options: Any) -> Illustration2Vec:
        """The networks of a run: the newest hash network for features, the one it started from for tags.

        A FileNotFoundError says how to train them, if the run has not.
        """
        tags, features = run_weights(preset)
        return cls.from_weights(tags, None if features == tags else features, **options)

    def with_network(
        self, network: TagNetwork | HashNetwork, vocabulary: Vocabulary, thresholds: np.ndarray | None
    ) -> Illustration2Vec:
        """A tagger that is as this one, but for its tag network, vocabulary and thresholds."""
        features = self._feature_network
        if features is self._tag_network and isinstance(network, HashNetwork):
            features = network
        options = {name: getattr(self, name) for name in ("image_size", "stored_size", "alpha", "batch_size")}
        metadata = self.metadata
        if metadata is not None and (added := len(vocabulary) - len(self.tag_names)):
            longer = {**metadata["architecture"], "outputs": len(vocabulary)}
            metadata = {**metadata, "architecture": longer, "added": metadata.get("added", 0) + added}
        precision = "bfloat16" if self._half else "float32"
        return Illustration2Vec(
            network,
            features,
            vocabulary,
            **options,
            metadata=metadata,
            thresholds=thresholds,
            device=str(self.device),
            precision=precision,
        )

    def save(self, path: Path | str) -> None:
        """Write the tag network and its vocabulary as a weights file that :meth:`from_weights` reads.

        Raises
        ------
        ValueError
            If the tagger was made of bare networks, so that it does not know how theirs is built.
        """
        kept = {key: self.about[key] for key in SAVED if key in self.about}
        save_weights(path, self.network, kept | {"vocabulary": json.loads(self.tag_names.to_json())})

    def estimate_plausible_tags(
        self, images: Pictures, threshold: float = 0.25, threshold_rule: str = "constant", *, errors: str = "raise"
    ) -> list[Tags | None]:
        """Tags whose probability is above a threshold.

        Parameters
        ----------
        images : see the class
        threshold : of all tags, 0 to 1, under the rule "constant"
        threshold_rule : "constant"; or "f0.5", "f1", "f2": each tag's own, see :attr:`thresholds`
        errors : what becomes of a bad picture: "raise" a :class:`~i2v_lib.data.images.BadImageError` that names it,
            "skip" it and give None in its place, or "return" the error in its place

        Returns
        -------
        list of dict
            For each picture: "general", "character", "copyright" and "rating", each a list of (tag, probability),
            the most likely first. The ratings are always all three.
        """
        found = self.iterate(
            images, "plausible_tags", errors=errors, threshold=threshold, threshold_rule=threshold_rule
        )
        return list(found)

    def estimate_top_tags(self, images: Pictures, n_tag: int = 10, *, errors: str = "raise") -> list[Tags | None]:
        """The ``n_tag`` most likely tags of each category, and all three ratings; else as the plausible tags."""
        return list(self.iterate(images, "top_tags", errors=errors, n_tag=n_tag))

    def estimate_specific_tags(
        self, images: Pictures, tags: Sequence[str], *, errors: str = "raise"
    ) -> list[dict[str, float] | None]:
        """Probabilities of the tags that are named: for each picture a dict from tag to probability, in their order.

        A name that stands in several categories means the last of them in the authors' order, as it does in theirs.

        A tag that is not in the vocabulary is a ValueError that names it, and what is like it.
        """
        return list(self.iterate(images, "specific_tags", errors=errors, tags=tags))

    def extract_feature(self, images: Pictures) -> np.ndarray:
        """The hash layer before its sigmoid: float32 array, shape (N, B); the released network has B = 4,096."""
        return self._array(images, "feature", np.float32, self.feature_network.tags.in_features)

    def extract_binary_feature(self, images: Pictures) -> np.ndarray:
        """Which of the hash layer's activations are above 0.5, packed: uint8 array, shape (N, B / 8)."""
        return self._array(images, "binary_feature", np.uint8, -(-self.feature_network.tags.in_features // 8))

    def logits(self, images: Pictures) -> np.ndarray:
        """Scores before the sigmoid: float32 array, shape (N, T), tags in the vocabulary's order."""
        return self._array(images, "logits", np.float32, self.network.outputs)

    def heatmap(self, images: Pictures, tags: str | Sequence[str], method: str = "gradient") -> np.ndarray:
        """Where the tag network saw tags: a value for each cell of a grid laid over what it sees of a picture.

        That is the picture's center, :attr:`image_size` / :attr:`stored_size` of its sides; :meth:`prepare` gives it.

        Parameters
        ----------
        images : see the class
        tags : one name, or K names; which of several equal names is meant: see :meth:`estimate_specific_tags`
        method : "gradient", of any network; or "last map", the last convolution before its average pooling, which
            only VGG + NIN has. Pictures are then shown to it larger, if it was trained on small ones: at 64 pixels its
            map would have 2 × 2 cells. On the demo set the gradient points better (notebook 03)

        Returns
        -------
        float32 array, shape (N, h, w), or (N, K, h, w) for a list of tags; see :mod:`i2v_lib.models.serving.heatmaps`
        """
        if method not in HEATMAPS:
            raise ValueError(f"method={method!r} is unknown; use one of {', '.join(HEATMAPS)}")
        names = [tags] if isinstance(tags, str) else list(tags)
        if not names:
            raise ValueError("tags is empty; name at least one")
        by_name = columns_by_name(self.tag_names, names)
        columns = np.array([by_name[name] for name in names])
        factor = finer(self.image_size) if method == "last map" else 1
        maps = [
            HEATMAPS[method](self.network, batch, np.tile(columns, (len(batch), 1)))
            for batch in self.prepare(images, factor)
        ]
        found = np.concatenate(maps) if maps else np.empty((0, len(columns), 1, 1), np.float32)  # (N, K, h, w)
        return found[:, 0] if isinstance(tags, str) else found

    def fit_thresholds(self, images: Pictures, targets: np.ndarray) -> None:
        """Set :attr:`thresholds` to those of best F measures on validation pictures.

        Parameters
        ----------
        images : N pictures that the network was not trained on
        targets : 0/1 array, shape (N, T): which has which tag; see :func:`i2v_lib.data.vocabulary.targets`
        """
        scores = self._array(images, "probabilities", np.float32, self.network.outputs)
        self.thresholds = best_thresholds(targets, scores)

    def save_thresholds(self, path: Path | str) -> None:
        """Write :attr:`thresholds` as the npz file that the authors' library reads, and this class too."""
        if self.thresholds is None:
            raise ValueError("there are no thresholds to save; make them with fit_thresholds")
        save_thresholds(path, self.thresholds, self.tag_names)
