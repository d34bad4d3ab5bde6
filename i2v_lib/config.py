"""Every setting of a reproduction, in one frozen dataclass with three presets."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import hashlib
import math
import operator
import os
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

SOURCES = {  # that illustrations may be collected from: name -> module and class that ask the site
    "danbooru": "i2v_lib.collect.booru.danbooru:Danbooru",
    "safebooru": "i2v_lib.collect.booru.safebooru:Safebooru",
}
PIXEL_STORES = ("pixels", "jpeg")  # as they are, or packed
BOUNDS = {  # of numbers: how a value is compared with each, and its sign
    "low": (operator.ge, ">="),
    "above": (operator.gt, ">"),
    "high": (operator.le, "<="),
    "below": (operator.lt, "<"),
}


def number(default: float, **bounds: float) -> Any:
    """A field that is a number within some of :data:`BOUNDS`."""
    return dataclasses.field(default=default, metadata=bounds)


def positive(default: float) -> Any:
    """A field that is a number above zero."""
    return number(default, above=0)


def share(default: float) -> Any:
    """A field that is a part of a whole, but not all of it."""
    return number(default, low=0, below=1)


def word(default: str | None, *others: str) -> Any:
    """A field that is one of a few words."""
    return dataclasses.field(default=default, metadata={"choices": (default, *others)})


def folder() -> Any:
    """A field that is the path of a folder of the user's, or None."""
    return dataclasses.field(default=None, metadata={"folder": True})


@dataclass(frozen=True)
class _Rule:
    """What one field of :class:`Config` may be."""

    name: str
    kind: Any  # int, float, str, or str | None
    metadata: Mapping[str, Any]

    @property
    def optional(self) -> bool:
        """Whether the field may be None."""
        return isinstance(None, self.kind)

    def checked(self, value: Any) -> Any:
        """Return a value as the field keeps it: an int where a float is meant becomes one, and a path is absolute."""
        given, metadata = f"{self.name}={value!r}", self.metadata
        if "folder" in metadata and isinstance(value, Path):
            value = str(value)
        if isinstance(value, bool) or not isinstance(value, int | float if self.kind is float else self.kind):
            expected = getattr(self.kind, "__name__", self.kind)
            raise TypeError(f"{given}: expected {expected}, got {type(value).__name__}")
        if value not in metadata.get("choices", (value,)):
            raise ValueError(f"{given} is unknown; use one of {', '.join(filter(None, metadata['choices']))}")
        if value == "" and self.optional:
            raise ValueError(f"{given} is empty; leave it out, or give None")
        if self.kind in (int, float):
            within = all(BOUNDS[bound][0](value, limit) for bound, limit in metadata.items())
            if not (within and math.isfinite(value)):
                limits = [f"{BOUNDS[bound][1]} {limit}" for bound, limit in metadata.items()]
                raise ValueError(f"{given}: give a number {' and '.join(limits)}")
            return self.kind(value)
        if "folder" in metadata and isinstance(value, str):
            return str(home() / Path(value).expanduser())  # a relative path means the same folder in every notebook
        return value

    def read(self, text: str) -> Any:
        """Return the value that a text on a command line means."""
        if self.optional and text in ("", "None"):
            return None
        if "folder" in self.metadata:
            return str(Path(text).expanduser().resolve())
        return self.kind(text) if self.kind in (int, float) else text


@functools.cache
def _rules() -> dict[str, _Rule]:
    """What each field may be, by its name."""
    kinds = get_type_hints(Config)
    return {field.name: _Rule(field.name, kinds[field.name], field.metadata) for field in dataclasses.fields(Config)}


@dataclass(frozen=True)
class Config:
    """Settings of one run. Change a field by name with :func:`load_config`; a misspelt name is an error.

    What a field may be stands in its metadata and is checked whenever a Config is made, with the errors of
    :func:`load_config`.
    """

    preset: str = dataclasses.field(metadata={"choices": ("smoke", "demo", "paper")})  # names runs/<preset>/
    seed: int = number(0, low=0, below=2**32)  # of the drawn set, initial weights, training's order, resampling

    # Collection (§3.1)
    collection: str | None = folder()  # folder of an imported collection; None collects, or draws the demo set
    source: str | None = word(None, *SOURCES)  # collected from there; None draws the demo set
    query: str = ""  # collecting: tags to search for
    limit: int = number(2000, low=1)  # collecting: illustrations
    minimum_side: int = number(128, low=1)  # collecting: pixels of the shorter side
    base_url: str | None = None  # collecting: another address of the site, such as a test server's
    files_per_second: float = positive(1.0)  # collecting: at most 4, unless base_url is this machine
    pictures: int = number(0, low=0)  # drawn illustrations, all splits together
    characters: int = number(80, low=1, high=512)  # drawn world: invented characters
    titles: int = number(20, low=1, high=512)  # drawn world: invented copyrights
    artists: int = number(24, low=1, high=256)  # drawn world: each with one style
    general_noise: float = share(0.07)  # of true general tags that go unpublished, as on a booru
    validation_share: float = share(0.05)  # of the groups
    test_share: float = share(0.05)  # of the groups
    stored_size: int = number(256, low=1)  # pixels, square, as stored in the collection
    pixel_store: str = word("auto", *PIXEL_STORES)  # jpeg: packed; auto: plain pixels while they fit the disk
    illustrations: str | None = folder()  # notebook 8: folder of pictures of yours, tagged or not; None draws some

    # Vocabulary (§3.1: 512 + 512 + 512 + 3)
    general_tags: int = number(512, low=0)
    copyright_tags: int = number(512, low=0)
    character_tags: int = number(512, low=0)
    minimum_positives: int = number(1, low=0)  # on the training split; a rarer tag is left out of the vocabulary

    # Networks (Table 1)
    image_size: int = number(224, low=32)  # pixels, square, as the network sees it
    width: float = positive(1.0)  # multiplies every hidden layer's channels
    head_convolutions: int = number(3, low=2)  # after the last pooling: 3 in Table 1, 4 in the released weights
    dropout_vgg_a: float = share(0.5)  # between fully connected layers
    dropout_vgg_nin: float = share(0.5)  # between head convolutions

    # Training (ours: the paper's recipe is in a supplement that is lost)
    epochs: int = number(20, low=1)  # of the paper's two networks
    epochs_batch_norm: int = number(20, low=1)  # of the row that is ours
    batch_size: int = number(256, low=1)
    learning_rate_vgg_a: float = positive(1e-3)  # Adam's peak
    learning_rate_vgg_nin: float = positive(1e-3)
    learning_rate_batch_norm: float = positive(1e-3)  # of the row that is ours; not searched
    warmup: float = number(0.05, low=0, high=1)  # share of the steps over which the learning rate rises from zero
    weight_decay: float = number(0.0, low=0)  # decoupled (AdamW)
    checkpoint_every: int = number(1000, low=1)  # steps between checkpoints; the end of an epoch writes one, too
    workers: int = number(0, low=0)  # threads that prepare batches; the order of samples does not depend on it
    decode: str = word("cpu", "device")  # packed pictures; device: the one that trains
    shuffle: str = word("auto", "full", "blocks")  # auto: blocks where pictures take more than the memory
    shuffle_block: int = number(32, low=1)  # neighbors read together
    shuffle_buffer: int = number(16384, low=1)  # pictures shuffled together
    precision: str = word("auto", "float32", "bfloat16")  # auto: bfloat16 on CUDA, float32 elsewhere
    compiled: str = word("auto", "on", "off")  # auto: torch.compile on CUDA
    accumulate: int = number(1, low=1)  # parts a batch is computed in, in turn, where it does not fit in memory
    ema: float = share(0.0)  # decay of the weights' moving average, which is then validated and kept; 0: none

    # "Pre-trained net" (Table 2)
    pretrained: str = word("auto", "imagenet", "surrogate")  # auto: ImageNet's if cached or to be fetched
    pretrained_pictures: int = number(0, low=0)  # training pictures its logistic regression sees; 0: all
    surrogate_classes: int = number(100, low=2)  # fractal classes, used where there are no ImageNet weights
    surrogate_images: int = number(6000, low=1)  # fractal pictures the surrogate is trained on, per epoch
    surrogate_epochs: int = number(3, low=1)
    logistic_regression_c: float = positive(1.0)  # inverse L2 strength, as in scikit-learn

    # Codes, neighbors, paths and map (§3.2, §4.2–4.5)
    code_bits: int = number(4096, low=1)  # units of the hash layer, and bits of a code
    hash_layer: str = word("flattened", "pooled", "tags", "convolution")  # see models/hash_network.py
    epochs_hash: int = number(5, low=1)  # of retraining with the hash layer
    learning_rate_hash: float = positive(5e-4)
    neighbors: int = number(5, low=1)  # k of the either-way k-nearest-neighbor graph
    path_pairs: int = number(1000, low=1)  # random pairs whose paths are measured
    map_illustrations: int = number(1000, low=1)  # drawn at random for the t-SNE map
    participants: int = number(25, low=1)  # of the user study
    trials: int = number(20, low=1)  # of the user study, per participant

    # Evaluation
    bootstrap: int = number(1000, low=1)  # resamples of the test images

    def __post_init__(self) -> None:
        for name, rule in _rules().items():
            object.__setattr__(self, name, rule.checked(getattr(self, name)))
        if self.titles > self.characters:
            raise ValueError(f"titles={self.titles}: give at most characters={self.characters}, one per title")
        if self.validation_share + self.test_share >= 1:
            shares = f"validation_share={self.validation_share}, test_share={self.test_share}"
            raise ValueError(f"{shares}: give a sum below 1, so that there is something to train on")
        if self.shuffle_block > self.shuffle_buffer:
            blocks = f"shuffle_block={self.shuffle_block}, shuffle_buffer={self.shuffle_buffer}"
            raise ValueError(f"{blocks}: give a buffer that holds at least one block")
        if self.files_per_second > 4 and self.base_url is None:
            rate = f"files_per_second={self.files_per_second}"
            raise ValueError(f"{rate}: give at most 4; only a base_url on this machine may be asked more often")


FOLDERS = tuple(field.name for field in dataclasses.fields(Config) if "folder" in field.metadata)
PRESETS = {
    "smoke": Config(
        preset="smoke",
        pictures=640,
        characters=8,
        titles=4,
        artists=12,
        stored_size=40,
        pixel_store="pixels",
        validation_share=0.1,
        test_share=0.2,
        minimum_positives=12,
        image_size=32,
        width=0.125,
        dropout_vgg_a=0.0,
        dropout_vgg_nin=0.0,
        epochs=2,
        epochs_batch_norm=1,
        batch_size=32,
        pretrained="surrogate",
        surrogate_classes=8,
        surrogate_images=256,
        surrogate_epochs=1,
        code_bits=256,
        epochs_hash=1,
        path_pairs=50,
        map_illustrations=60,
        participants=5,
        trials=4,
        bootstrap=100,
    ),
    "demo": Config(
        preset="demo",
        pictures=33000,
        stored_size=72,
        pixel_store="pixels",
        test_share=0.12,
        general_tags=200,
        minimum_positives=100,
        image_size=64,
        width=0.25,
        dropout_vgg_a=0.0,
        dropout_vgg_nin=0.0,
        epochs=5,
        epochs_batch_norm=1,
        batch_size=32,
        learning_rate_vgg_a=5e-4,
        learning_rate_vgg_nin=5e-4,
        pretrained="surrogate",
        pretrained_pictures=10_000,
        surrogate_images=4000,
        surrogate_epochs=2,
        epochs_hash=2,
    ),
    "paper": Config(preset="paper", minimum_positives=100, workers=8, surrogate_images=100_000, surrogate_epochs=20),
}


def load_config(preset: str, **overrides: Any) -> Config:
    """Return a preset with some fields replaced.

    Parameters
    ----------
    preset : "smoke", "demo" or "paper"
    overrides : field names of :class:`Config` and their values

    Raises
    ------
    ValueError
        For an unknown preset, a word that a field does not know, a number outside its range, or two that do not agree.
    TypeError
        For a field that does not exist, or a value of another type than the field's.
    """
    if preset not in PRESETS:
        raise ValueError(f"preset {preset!r} is unknown; use one of {', '.join(PRESETS)}")
    fields = _rules()
    unknown = sorted(set(overrides) - set(fields))
    if unknown:
        like = [close for name in unknown for close in difflib.get_close_matches(name, fields, 3)]
        hint = f"did you mean {' or '.join(like)}?" if like else "i2v_lib/config.py lists them"
        raise TypeError(f"Config has no field {', '.join(map(repr, unknown))}; {hint}")
    return dataclasses.replace(PRESETS[preset], **overrides)


def choices_of(name: str) -> tuple[str, ...]:
    """The words that a field of :class:`Config` may be, its default first."""
    return tuple(_rules()[name].metadata["choices"])


def parse_overrides(assignments: list[str]) -> dict[str, Any]:
    """Turn ``["epochs=3", "width=0.5"]`` from a command line into overrides for :func:`load_config`.

    A relative path of a folder starts at the working directory, as every other path on a command line does. A setting
    that may be None is unset by ``collection=`` or ``collection=None``; a folder of that name is ``./None``.
    """
    rules = _rules()
    overrides: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise ValueError(f"--set {assignment!r}: write it as name=value")
        try:
            overrides[name] = rules[name].read(text) if name in rules else text  # which load_config refuses
        except ValueError:
            raise ValueError(f"--set {name}={text!r}: expected {rules[name].kind.__name__}") from None
    return overrides


def home() -> Path:
    """Folder that holds ``runs/`` and ``figures/``: ``$I2V_HOME``, or the checkout the package lies in."""
    return Path(os.environ.get("I2V_HOME") or Path(__file__).resolve().parent.parent).resolve()


def run_folder(config: Config) -> Path:
    """``runs/<preset>/`` below :func:`home`, whatever the working directory."""
    return home() / "runs" / config.preset


def results_folder(config: Config) -> Path:
    """Where figures and executed notebooks go: the run's folder, or one below it for a folder of one's own pictures.

    So what is made of somebody's illustrations never stands among the run's own figures.
    """
    if config.illustrations is None:
        return run_folder(config)
    path = Path(config.illustrations).resolve()
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:8]  # folders of one name are kept apart
    name = re.sub(r"[^\w.-]+", "_", path.name)[:40]
    return run_folder(config) / "illustrations" / f"{name}-{digest}"


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and PyTorch's global generators.

    The kit draws from local generators only; this keeps a reader's own experiments in a notebook repeatable.
    """
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    torch.manual_seed(seed)
