"""The tagger: tags, features and codes of illustrations, by the five calls of the authors' library."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.models.estimates import OUTPUTS, Tags
from i2v_lib.models.hash_network import HashNetwork
from i2v_lib.models.inference import compute, prepare_network
from i2v_lib.models.loading import load_network, load_released, run_weights
from i2v_lib.models.networks import TagNetwork
from i2v_lib.models.pictures import Picture, PictureBatch, picture_batches
from i2v_lib.models.released import SOURCES
from i2v_lib.models.thresholds import best_thresholds, save_thresholds, thresholds_of

ERRORS = ("raise", "skip", "return")
Pictures = Picture | Iterable[Picture]


class Illustration2Vec:
    """Tags and feature vectors of illustrations.

    Make one with :meth:`from_released`, :meth:`from_run` or :meth:`from_weights`. Every call takes one picture or any
    iterable of them: paths, bytes, Pillow images, uint8 arrays; see :func:`~i2v_lib.models.pictures.picture_batches`.
    A list is not needed: pictures are taken as they come, decoded in threads ahead of the network, and let go.

    The authors' vocabulary holds sexual terms, and so may what is found in a harmless picture; filter what you show.

    Parameters
    ----------
    tag_network : gives tags; None where only features are wanted
    feature_network : gives features and codes; may be the tag network, if that is a hash network
    vocabulary : of the tag network's outputs
    image_size : side S of the pictures that the networks see, in pixels
    stored_size : side to which pictures are warped before their center, S pixels wide, is cut out: the kit's networks
        are trained on crops, and see things at that size. When left out, pictures are warped to S, as the authors' are
    thresholds : a threshold for each tag, for the rules "f0.5", "f1" and "f2": an npz file, or a float array, shape
        (T, 3), in the vocabulary's order
    alpha : "white" lays transparent pictures on white; "drop" shows what transparency hides, as the authors' code does
    batch_size : pictures at a time; when left out, 16 for each thread of a CPU, 64 on a GPU
    device : "cuda", "cpu", …; when left out, CUDA if there is one
    precision : "float32", or "bfloat16" (autocast), on CUDA only

    Attributes
    ----------
    vocabulary, image_size, stored_size, alpha, batch_size : as above
    device : torch.device; the networks were moved there
    thresholds : float64 array, shape (T, 3), or None

    Source: Saito & Matsui 2015; the calls are those of the library that the authors released with it.
    """

    def __init__(
        self,
        tag_network: TagNetwork | HashNetwork | None,
        feature_network: HashNetwork | None,
        vocabulary: Vocabulary | None,
        *,
        image_size: int,
        stored_size: int | None = None,
        thresholds: np.ndarray | Path | str | None = None,
        alpha: str = "white",
        batch_size: int | None = None,
        device: str | None = None,
        precision: str = "float32",
    ) -> None:
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        if precision not in ("float32", "bfloat16") or (precision == "bfloat16" and self.device.type != "cuda"):
            raise ValueError(f"precision={precision!r} on {self.device}: use float32, or on CUDA also bfloat16")
        if tag_network is not None and (vocabulary is None or len(vocabulary) != len(tag_network.tags.bias)):
            tags = "no" if vocabulary is None else len(vocabulary)
            raise ValueError(f"vocabulary: {tags} tags for {len(tag_network.tags.bias)} outputs of the network")
        self._tag_network = tag_network and prepare_network(tag_network, self.device)
        self._feature_network = feature_network and prepare_network(feature_network, self.device)
        self._half = precision == "bfloat16"
        usual = 64 if self.device.type == "cuda" else 16 * torch.get_num_threads()
        self.batch_size = usual if batch_size is None else batch_size
        self.vocabulary, self.alpha = vocabulary, alpha
        self.image_size, self.stored_size = image_size, stored_size or image_size
        self.thresholds = thresholds_of(thresholds, vocabulary)

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

        Errors are those of :func:`~i2v_lib.models.loading.load_released`.
        """
        tags, features, vocabulary, size = load_released(tag_model, feature_model, tag_list)
        return cls(tags, features, vocabulary, image_size=size, **options)

    @classmethod
    def from_weights(cls, path: Path | str, **options: Any) -> Illustration2Vec:
        """One network of the kit, or one converted: a hash network gives tags and features, any other gives tags.

        Parameters
        ----------
        path : ``weights.safetensors`` of a training, or a file that ``convert-released`` wrote
        options : keyword arguments of the class: thresholds, alpha, batch_size, device, precision
        """
        loaded = load_network(path)
        features = loaded.network if isinstance(loaded.network, HashNetwork) else None
        tags = None if loaded.vocabulary is None else loaded.network
        if tags is None and features is None:
            raise ValueError(f"{path} does not hold its tags' names; convert the tag model again, with its tag_list")
        sizes = {"image_size": loaded.image_size, "stored_size": loaded.stored_size}
        return cls(tags, features, loaded.vocabulary, **(sizes | options))

    @classmethod
    def from_run(cls, preset: str = "demo", **options: Any) -> Illustration2Vec:
        """The networks of a run: the newest hash network for features, the one it started from for tags.

        A FileNotFoundError says how to train them, if the run has not.
        """
        tags, features = run_weights(preset)
        tagger = cls.from_weights(tags, **options)
        if features not in (None, tags):
            tagger._feature_network = prepare_network(load_network(features).network, tagger.device)
        return tagger

    @property
    def network(self) -> TagNetwork | HashNetwork:
        """The tag network, in eval mode on :attr:`device`: pictures (N, 3, S, S), RGB 0–255, to logits (N, T)."""
        if self._tag_network is None:
            raise ValueError(
                f"no tag network: tags need {SOURCES['tags'].name} and {SOURCES['tag_list'].name} "
                "(from_released(tag_model=…, tag_list=…)), or the kit's own (from_run, from_weights)"
            )
        return self._tag_network

    @property
    def feature_network(self) -> HashNetwork:
        """The hash network; its ``features`` are the hash layer before the sigmoid, (N, B)."""
        if self._feature_network is None:
            raise ValueError(
                f"no feature network: feature vectors need {SOURCES['features'].name} "
                "(from_released(feature_model=…)), or a hash network of the kit: "
                "`python -m i2v_lib train demo --network hash`, then from_run('demo')"
            )
        return self._feature_network

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
        options = {"threshold": threshold, "threshold_rule": threshold_rule}
        return list(self.iterate(images, "plausible_tags", errors=errors, **options))

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
        return self._array(images, "logits", np.float32, self.network.tags.bias.numel())

    def iterate(
        self,
        images: Pictures,
        output: str = "plausible_tags",
        *,
        errors: str = "raise",
        batch_size: int | None = None,
        **options: Any,
    ) -> Iterator[Any]:
        """What the other calls return, one picture after the other, in constant memory.

        Parameters
        ----------
        images : see the class; a generator may be endless
        output : "plausible_tags", "top_tags", "specific_tags": a dict; "feature", "binary_feature", "logits",
            "probabilities": a row of an array
        errors : see :meth:`estimate_plausible_tags`
        batch_size : in place of :attr:`batch_size`
        options : the other arguments of the call that is named so

        Yields
        ------
        one value a picture, in order
        """
        for name, value, known in (("output", output, OUTPUTS), ("errors", errors, ERRORS)):
            if value not in known:
                raise ValueError(f"{name}={value!r} is unknown; use one of {', '.join(known)}")
        network = self.feature_network if output.endswith("feature") else self.network
        describe = OUTPUTS[output](self.vocabulary, self.thresholds, **options)
        batches = self._batches(images, batch_size)

        def rows() -> Iterator[Any]:
            for batch in batches:
                found = iter(self._compute(network, batch.images, output))
                for error in batch.errors:
                    if error is None:
                        yield describe(next(found))
                    elif errors == "raise":
                        raise error
                    else:
                        yield error if errors == "return" else None

        return rows()

    def prepare(self, images: Pictures) -> Iterator[torch.Tensor]:
        """Pictures as the networks take them; a bad one is a BadImageError that names it.

        Yields
        ------
        uint8 tensor, shape (B, 3, S, S), RGB, channels last in memory, on :attr:`device`
        """
        for batch in self._batches(images):
            for error in filter(None, batch.errors):
                raise error
            yield batch.images.to(self.device, non_blocking=True)

    def fit_thresholds(self, images: Pictures, targets: np.ndarray) -> None:
        """Set :attr:`thresholds` to those of best F measures on validation pictures.

        Parameters
        ----------
        images : N pictures that the network was not trained on
        targets : 0/1 array, shape (N, T): which has which tag; see :func:`i2v_lib.data.vocabulary.targets`
        """
        scores = self._array(images, "probabilities", np.float32, self.network.tags.bias.numel())
        self.thresholds = best_thresholds(targets, scores)

    def save_thresholds(self, path: Path | str) -> None:
        """Write :attr:`thresholds` as the npz file that the authors' library reads, and this class too."""
        if self.thresholds is None:
            raise ValueError("there are no thresholds to save; make them with fit_thresholds")
        save_thresholds(path, self.thresholds, self.vocabulary)

    def _array(self, images: Pictures, output: str, dtype: type, width: int) -> np.ndarray:
        rows = list(self.iterate(images, output))
        return np.array(rows, dtype).reshape(len(rows), width)

    def _batches(self, images: Pictures, batch_size: int | None = None) -> Iterator[PictureBatch]:
        size = self.batch_size if batch_size is None else batch_size
        return picture_batches(images, size, self.image_size, self.stored_size, self.alpha)

    def _compute(self, network: TagNetwork | HashNetwork, images: torch.Tensor, output: str) -> np.ndarray:
        """One row of numbers a picture."""
        if not len(images):
            return np.empty((0, 0))
        images = images.to(self.device, non_blocking=True)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._half):
            rows = compute(network.features if output.endswith("feature") else network, images).float()
        if output == "binary_feature":  # a sigmoid is above 0.5 where its argument is above 0
            return np.packbits((rows > 0).cpu().numpy(), axis=1)
        return (rows if output in ("logits", "feature") else torch.sigmoid(rows)).cpu().numpy()
