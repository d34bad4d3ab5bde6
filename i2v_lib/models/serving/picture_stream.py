"""Pictures of any kind and number through a tag network and a feature network, in constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.models.hash_network import HashNetwork
from i2v_lib.models.networks import TagNetwork
from i2v_lib.models.released.files import SOURCES
from i2v_lib.models.serving.cpu_inference import compute, prepare_network
from i2v_lib.models.serving.picture_batches import Picture, PictureBatch, picture_batches
from i2v_lib.models.serving.tag_lists import OUTPUTS
from i2v_lib.models.serving.thresholds import thresholds_of
from i2v_lib.system.errors import ArgumentError

ERRORS = ("raise", "skip", "return")
NO_TAGS = (
    f"no tag network: tags need {SOURCES['tags'].name} and {SOURCES['tag_list'].name} "
    "(from_released(tag_model=…, tag_list=…)), or the kit's own (from_run, from_weights)"
)
Pictures = Picture | Iterable[Picture]


class PictureStream:
    """Networks ready for pictures as people have them: what :class:`~i2v_lib.models.tagger.Illustration2Vec` stands on.

    Parameters
    ----------
    tag_network : gives tags; None where only features are wanted. Networks stay as they are: see
        :func:`~i2v_lib.models.serving.cpu_inference.prepare_network`
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
    metadata : of the file that the tag network is from

    Attributes
    ----------
    vocabulary, image_size, stored_size, alpha, batch_size, metadata : as above
    device : torch.device, where the networks compute
    thresholds : float64 array, shape (T, 3), or None
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
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.device = _device(device)
        if precision not in ("float32", "bfloat16") or (precision == "bfloat16" and self.device.type != "cuda"):
            raise ValueError(f"precision={precision!r} on {self.device}: use float32, or on CUDA also bfloat16")
        if tag_network is not None and (vocabulary is None or len(vocabulary) != tag_network.outputs):
            tags = "no" if vocabulary is None else len(vocabulary)
            raise ValueError(f"vocabulary: {tags} tags for {tag_network.outputs} outputs of the network")
        self._feature_network = None if feature_network is None else prepare_network(feature_network, self.device)
        self._tag_network: TagNetwork | HashNetwork | None
        if tag_network is None or tag_network is feature_network:
            self._tag_network = tag_network and self._feature_network
        else:
            self._tag_network = prepare_network(tag_network, self.device)
        self._half = precision == "bfloat16"
        usual = 64 if self.device.type == "cuda" else 16 * torch.get_num_threads()
        self.batch_size = usual if batch_size is None else batch_size
        self.vocabulary, self.alpha, self.metadata = vocabulary, alpha, metadata
        self.image_size, self.stored_size = image_size, stored_size or image_size
        self.thresholds = thresholds_of(thresholds, vocabulary)

    @property
    def about(self) -> Mapping[str, Any]:
        """The metadata of the file that the tag network is from; a ValueError where it is from none."""
        if self.metadata is None:
            raise ValueError("metadata=None: this tagger was not read from a file; write its network with save_weights")
        return self.metadata

    @property
    def network(self) -> TagNetwork | HashNetwork:
        """The tag network, in eval mode on :attr:`device`: pictures (N, 3, S, S), RGB 0–255, to logits (N, T)."""
        if self._tag_network is None:
            raise ValueError(NO_TAGS)
        return self._tag_network

    @property
    def tag_names(self) -> Vocabulary:
        """The vocabulary of :attr:`network`, which has one; without that network an error that says what it needs."""
        if self._tag_network is None or self.vocabulary is None:
            raise ValueError(NO_TAGS)
        return self.vocabulary

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
        one value per picture, in order
        """
        for name, value, known in (("output", output, OUTPUTS), ("errors", errors, ERRORS)):
            if value not in known:
                raise ValueError(f"{name}={value!r} is unknown; use one of {', '.join(known)}")
        network = self.feature_network if output.endswith("feature") else self.network
        describe = OUTPUTS[output](self.vocabulary, self.thresholds, **options)
        batches = self.batches(images, batch_size)

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

    def batches(self, images: Pictures, batch_size: int | None = None, factor: int = 1) -> Iterator[PictureBatch]:
        """Pictures as the networks take them, on the CPU, and an error for each that is none; see :meth:`prepare`."""
        size = self.batch_size if batch_size is None else batch_size
        return picture_batches(images, size, self.image_size * factor, self.stored_size * factor, self.alpha)

    def prepare(self, images: Pictures, factor: int = 1) -> Iterator[torch.Tensor]:
        """Pictures as the networks take them; a bad one is a BadImageError that names it.

        Parameters
        ----------
        images : see the class
        factor : how many times larger than :attr:`image_size`; the same part of a picture is seen

        Yields
        ------
        uint8 tensor, shape (B, 3, S · factor, S · factor), RGB, channels last in memory, on :attr:`device`
        """
        for batch in self.batches(images, factor=factor):
            for error in filter(None, batch.errors):
                raise error
            yield batch.images.to(self.device, non_blocking=True)

    def _array(self, images: Pictures, output: str, dtype: type, width: int) -> np.ndarray:
        rows = list(self.iterate(images, output))
        return np.array(rows, dtype).reshape(len(rows), width)

    def _compute(self, network: TagNetwork | HashNetwork, images: torch.Tensor, output: str) -> np.ndarray:
        """One row of numbers per picture."""
        if not len(images):
            return np.empty((0, 0))
        images = images.to(self.device, non_blocking=True)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._half):
            rows = compute(network.features if output.endswith("feature") else network, images).float()
        if output == "binary_feature":  # a sigmoid is above 0.5 where its argument is above 0
            return np.packbits((rows > 0).cpu().numpy(), axis=1)
        return (rows if output in ("logits", "feature") else torch.sigmoid(rows)).cpu().numpy()


def _device(name: str | None) -> torch.device:
    """A device that can be used; CUDA if there is one, where none is named."""
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ArgumentError("device", name, f"cannot be used ({reason}); leave it out, or use cpu") from None
