"""Every setting of a reproduction, in one frozen dataclass with three presets."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import os
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SOURCES = ("danbooru", "safebooru")  # that illustrations may be collected from
PIXEL_STORES = ("pixels", "jpeg")  # as they are, or packed
POSITIVE = (
    "batch_size", "checkpoint_every", "code_bits", "epochs", "epochs_batch_norm", "epochs_hash", "image_size", "limit",
    "neighbors", "stored_size", "width",
)  # fields of which zero would train or show nothing; no field is negative  # fmt: skip
CHOICES = {  # field -> what it may be, for those that are a word
    "source": (None, *SOURCES),
    "pixel_store": ("auto", *PIXEL_STORES),
    "decode": ("cpu", "device"),
    "shuffle": ("auto", "full", "blocks"),
    "precision": ("auto", "float32", "bfloat16"),
    "compiled": ("auto", "on", "off"),
    "pretrained": ("auto", "imagenet", "surrogate"),
    "hash_layer": ("flattened", "pooled", "tags", "convolution"),
}
FOLDERS = ("collection", "illustrations")  # fields that hold the path of a folder of the user's
NETWORKS = ("vgg_a", "vgg_nin", "vgg_nin_bn")  # those that are trained: Table 2's two, and ours


@dataclass(frozen=True)
class Config:
    """Settings of one run. Change a field by name with :func:`load_config`; a misspelt name is an error."""

    preset: str  # names the run's folder, runs/<preset>/
    seed: int = 0  # of the drawn set, the initial weights, the order of training and every resampling

    # Collection (§3.1)
    collection: str | None = None  # folder of an imported collection; None collects, or draws the demo set
    source: str | None = None  # "danbooru" or "safebooru": collected from there; None draws the demo set
    query: str = ""  # collecting: tags to search for
    limit: int = 2000  # collecting: illustrations
    minimum_side: int = 128  # collecting: pixels of the shorter side
    base_url: str | None = None  # collecting: another address of the site, such as a test server's
    files_per_second: float = 1.0  # collecting: at most 4, unless base_url is this machine
    pictures: int = 0  # drawn illustrations, all splits together
    characters: int = 80  # drawn world: invented characters
    titles: int = 20  # drawn world: invented copyrights
    artists: int = 24  # drawn world: each with one style
    general_noise: float = 0.07  # share of true general tags that go unpublished, as on a booru
    validation_share: float = 0.05  # of the groups
    test_share: float = 0.05  # of the groups
    stored_size: int = 256  # pixels, square, as stored in the collection
    pixel_store: str = "auto"  # "pixels", "jpeg" (packed), or "auto": the first while it fits the disk
    illustrations: str | None = None  # notebook 8: folder of pictures of yours, tagged or not; None draws some

    # Vocabulary (§3.1: 512 + 512 + 512 + 3)
    general_tags: int = 512
    copyright_tags: int = 512
    character_tags: int = 512
    minimum_positives: int = 1  # on the training split; a rarer tag is left out of the vocabulary

    # Networks (Table 1)
    image_size: int = 224  # pixels, square, as the network sees it
    width: float = 1.0  # multiplies every hidden layer's channels
    head_convolutions: int = 3  # after the last pooling: 3 in Table 1, 4 in the released weights
    dropout_vgg_a: float = 0.5  # between fully connected layers
    dropout_vgg_nin: float = 0.5  # between head convolutions

    # Training (ours: the paper's recipe is in a supplement that is lost)
    epochs: int = 20  # of the paper's two networks
    epochs_batch_norm: int = 20  # of the row that is ours
    batch_size: int = 256
    learning_rate_vgg_a: float = 1e-3  # Adam's peak
    learning_rate_vgg_nin: float = 1e-3
    learning_rate_batch_norm: float = 1e-3  # of the row that is ours; not searched
    warmup: float = 0.05  # share of the steps over which the learning rate rises from zero
    weight_decay: float = 0.0  # decoupled (AdamW)
    checkpoint_every: int = 1000  # steps between checkpoints; one is also written at the end of each epoch
    workers: int = 0  # threads that prepare batches; the order of samples does not depend on it
    decode: str = "cpu"  # packed pictures: on the "cpu", or on the "device" that trains
    shuffle: str = "auto"  # "full", "blocks", or "auto": blocks where pictures take more than the memory
    shuffle_block: int = 32  # neighbors read together
    shuffle_buffer: int = 16384  # pictures shuffled together
    precision: str = "auto"  # auto: bfloat16 on CUDA, float32 elsewhere; or "float32", "bfloat16"
    compiled: str = "auto"  # auto: torch.compile on CUDA; or "on", "off"
    accumulate: int = 1  # parts a batch is computed in, one after the other, where it does not fit in memory
    ema: float = 0.0  # decay of the weights' moving average, which is then validated and kept; 0: none

    # "Pre-trained net" (Table 2)
    pretrained: str = "auto"  # "imagenet", "surrogate", or "auto": ImageNet's if cached or to be fetched
    pretrained_pictures: int = 0  # training pictures its logistic regression sees; 0: all
    surrogate_classes: int = 100  # fractal classes, used when ImageNet weights cannot be had
    surrogate_images: int = 6000  # fractal pictures the surrogate is trained on, an epoch
    surrogate_epochs: int = 3
    logistic_regression_c: float = 1.0  # inverse L2 strength, as in scikit-learn

    # Codes, neighbors, paths and map (§3.2, §4.2–4.5)
    code_bits: int = 4096  # units of the hash layer, and bits of a code
    hash_layer: str = "flattened"  # where it is inserted: see i2v_lib/models/hash_network.py
    epochs_hash: int = 5  # of retraining with the hash layer
    learning_rate_hash: float = 5e-4
    neighbors: int = 5  # k of the either-way k-nearest-neighbor graph
    path_pairs: int = 1000  # random pairs whose paths are measured
    map_illustrations: int = 1000  # drawn at random for the t-SNE map
    participants: int = 25  # of the user study
    trials: int = 20  # of the user study, a participant

    # Evaluation
    bootstrap: int = 1000  # resamples of the test images


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
        For an unknown preset, a word that a field does not know, or a number too low.
    TypeError
        For a field that does not exist, or a value of another type than the field's.
    """
    if preset not in PRESETS:
        raise ValueError(f"preset {preset!r} is unknown; use one of {', '.join(PRESETS)}")
    fields = {field.name: field for field in dataclasses.fields(Config)}
    unknown = sorted(set(overrides) - set(fields))
    if unknown:
        like = [close for name in unknown for close in difflib.get_close_matches(name, fields, 3)]
        hint = f"did you mean {' or '.join(like)}?" if like else "i2v_lib/config.py lists them"
        raise TypeError(f"Config has no field {', '.join(map(repr, unknown))}; {hint}")
    return dataclasses.replace(PRESETS[preset], **{k: _checked(fields[k], v) for k, v in overrides.items()})


def _checked(field: dataclasses.Field, value: Any) -> Any:
    """Accept an int where a float is meant and a path where a string is; refuse what cannot be meant."""
    if field.name in FOLDERS and value is not None:
        value = str(home() / Path(value).expanduser())  # a relative path means the same folder in every notebook
    kinds = {"int": int, "float": (int, float), "str": str, "str | None": (str, type(None))}[field.type]
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise TypeError(f"{field.name}={value!r}: expected {field.type}, got {type(value).__name__}")
    choices = CHOICES.get(field.name, (value,))
    if value not in choices:
        raise ValueError(f"{field.name}={value!r} is unknown; use one of {', '.join(filter(None, choices))}")
    if isinstance(value, int | float) and not (value > 0 if field.name in POSITIVE else value >= 0):  # NaN is neither
        raise ValueError(f"{field.name}={value}: give a number {'above' if field.name in POSITIVE else 'from'} zero")
    return float(value) if field.type == "float" else value


def parse_overrides(assignments: list[str]) -> dict[str, Any]:
    """Turn ``["epochs=3", "width=0.5"]`` from a command line into overrides for :func:`load_config`.

    A relative path of a folder starts at the working directory, as every other path on a command line does.
    """
    types = {field.name: field.type for field in dataclasses.fields(Config)}
    overrides: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise ValueError(f"--set {assignment!r}: write it as name=value")
        try:
            read = _absolute if name in FOLDERS else {"int": int, "float": float}.get(types.get(name, ""), str)
            overrides[name] = read(text)
        except ValueError:
            raise ValueError(f"--set {name}={text!r}: expected {types[name]}") from None
    return overrides


def _absolute(folder: str) -> str:
    return str(Path(folder).expanduser().resolve())


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
    import torch

    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    torch.manual_seed(seed)
