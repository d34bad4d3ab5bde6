"""Run: the artifacts of one reproduction, each built once from the others and reused while its inputs stand.

An artifact's folder carries a digest of its inputs in its name. So nothing built is ever overwritten: after a change of
a setting the old artifact stays, and changing the setting back finds it again.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from i2v_lib import models
from i2v_lib.config import NETWORKS, Config, run_folder
from i2v_lib.data.batches import Batches
from i2v_lib.data.collection import Collection, open_collection
from i2v_lib.data.drawn.demo import draw_collection, drawn_fingerprint
from i2v_lib.data.fingerprint import code_fingerprint
from i2v_lib.data.vocabulary import Vocabulary, build_vocabulary, targets
from i2v_lib.evaluation.metrics import average_precision, map_by_category
from i2v_lib.models.checkpoints import load_weights, read_metadata
from i2v_lib.models.logistic import fit_logistic
from i2v_lib.models.networks import TagNetwork, build_network
from i2v_lib.models.pretrained import pretrained_features, pretrained_network, untrained_network
from i2v_lib.models.training import fit, predict

WEIGHTS = "weights.safetensors"
SYSTEMS = ("pretrained", *NETWORKS, "random", "untrained")

# what decides a network's weights beside the data
_NETWORK_FIELDS = (
    "seed", "image_size", "width", "head_convolutions", "batch_size", "warmup", "weight_decay", "precision",
)  # fmt: skip
_PRETRAINED_FIELDS = (
    "seed", "image_size", "width", "batch_size", "pretrained", "pretrained_pictures", "surrogate_classes",
    "surrogate_images", "surrogate_epochs", "logistic_regression_c",
)  # fmt: skip


def _once(method: Callable) -> Callable:
    """Keep what a method of :class:`Run` returned, by its arguments."""

    @functools.wraps(method)
    def kept(self: Run, *arguments: Any) -> Any:
        key = (method.__name__, *arguments)
        if key not in self._kept:
            self._kept[key] = method(self, *arguments)
        return self._kept[key]

    return kept


class Run:
    """One reproduction, in ``runs/<preset>/``.

    Ask for any artifact; what it needs is built first, and what stands on disk with the same fingerprint is read.

    Parameters
    ----------
    config : all settings

    Attributes
    ----------
    folder : ``runs/<preset>/``
    figures : where notebooks save figures, tables and ``metrics.json``
    """

    def __init__(self, config: Config):
        self.config = config
        self.folder = run_folder(config)
        self.figures = self.folder / "figures"
        self._kept: dict[tuple, Any] = {}

    @_once
    def collection(self) -> Collection:
        """The illustrations: an imported collection if the config names one, else the drawn demo set."""
        if self.config.collection:
            return open_collection(self.config.collection)
        fingerprint = drawn_fingerprint(self.config)
        folder = self.folder / f"collection-{fingerprint[:8]}"
        if folder.exists():
            return open_collection(folder)
        with self._timed("draw"):
            return draw_collection(self.config, folder)

    @_once
    def vocabulary(self) -> Vocabulary:
        """The tags that are learned and scored (§3.1)."""
        return build_vocabulary(self.collection(), self.config)

    @_once
    def targets(self) -> np.ndarray:
        """Which picture has which tag: uint8 array, shape (N, T)."""
        return targets(self.collection(), self.vocabulary())

    @_once
    def network(self, name: str) -> TagNetwork:
        """A trained network in eval mode.

        Parameters
        ----------
        name : "vgg_a", "vgg_nin" or "vgg_nin_bn"
        """
        inputs, folder = self._network_inputs(name), self._network_folder(name)
        network = build_network(name, len(self.vocabulary()), self.config)
        if (folder / WEIGHTS).exists():
            load_weights(folder / WEIGHTS, network)
            return network.eval()
        collection, config = self.collection(), self.config
        batches = Batches(
            collection.pixels,
            self.targets(),
            collection.split("train"),
            config.batch_size,
            config.image_size,
            config.seed,
            config.workers,
        )
        metadata = {"config": dataclasses.asdict(config), "vocabulary": json.loads(self.vocabulary().to_json())}
        with self._timed(f"train {name}"):
            return fit(
                network,
                batches,
                inputs["epochs"],
                inputs["learning_rate"],
                folder,
                validate=self.validation_map,
                warmup=config.warmup,
                weight_decay=config.weight_decay,
                precision=config.precision,
                checkpoint_every=config.checkpoint_every,
                fingerprint=inputs,
                metadata=metadata,
            )

    def history(self, name: str) -> list[dict[str, Any]]:
        """One record an epoch of a network's training: epoch, loss, seconds, images_per_second, map (on validation)."""
        self.network(name)
        return read_metadata(self._network_folder(name) / WEIGHTS)["history"]

    @_once
    def logits(self, name: str) -> np.ndarray:
        """Scores before the sigmoid on the test split.

        Parameters
        ----------
        name : one of :data:`SYSTEMS`. "random" are normal numbers; "untrained" is the pre-trained net's architecture
            with its random initial weights, read by the same logistic regression

        Returns
        -------
        float32 array, shape (n_test, T), rows in the order of ``collection().split("test")``
        """
        test = self.collection().split("test")
        if name == "random":
            rng = np.random.default_rng([self.config.seed, len(test)])
            return rng.standard_normal((len(test), len(self.vocabulary()))).astype(np.float32)
        if name in ("pretrained", "untrained"):
            inputs = self._data_inputs() | self._settings(_PRETRAINED_FIELDS)
            return self._stored(f"{name}-logits", inputs, lambda: self._read_out(name))
        if name not in NETWORKS:
            raise ValueError(f"system {name!r} is unknown; use one of {', '.join(SYSTEMS)}")
        network = self.network(name)

        def score() -> np.ndarray:
            return predict(network, self.collection().pixels, test, self.config.image_size, progress=f"scoring {name}")

        return self._stored(f"{name}-logits", self._network_inputs(name), score)

    def pretrained_source(self) -> str:
        """Where the pre-trained net's weights come from: "ImageNet" or "surrogate"."""
        return self._pretrained()[1]

    def seconds(self) -> dict[str, float]:
        """How long each stage took when it was last built."""
        path = self.folder / "seconds.json"
        return json.loads(path.read_text()) if path.exists() else {}

    @_once
    def _pretrained(self) -> tuple[Any, str]:
        with self._timed("pre-trained net", keep_longer=True):
            folder = self.folder / "networks" / f"pretrained-{_digest(self._settings(_PRETRAINED_FIELDS))}"
            return pretrained_network(self.config, folder)

    def _read_out(self, name: str) -> np.ndarray:
        """Test logits of a logistic regression on the features of a network that never saw a tag (§4.1)."""
        network, source = self._pretrained() if name == "pretrained" else (untrained_network(self.config), "surrogate")
        collection, config = self.collection(), self.config
        train, test = collection.split("train"), collection.split("test")
        if 0 < config.pretrained_pictures < len(train):
            rng = np.random.default_rng(config.seed)
            train = np.sort(rng.choice(train, config.pretrained_pictures, replace=False))
        with self._timed(f"logistic regression, {name}"):
            features = pretrained_features(network, source, collection.pixels, np.concatenate([train, test]), config)
            model = fit_logistic(features[: len(train)], self.targets()[train], config.logistic_regression_c)
            return model.logits(features[len(train) :])

    def validation_map(self, network: TagNetwork) -> dict[str, float]:
        """Mean average precision a category, 0 to 1, of a network on the validation split; empty without one."""
        rows = self.collection().split("val")
        if not len(rows):
            return {}
        logits = predict(network, self.collection().pixels, rows, self.config.image_size)
        ap = average_precision(self.targets()[rows], logits)
        return {category: value for category, (value, _) in map_by_category(ap, self.vocabulary().blocks).items()}

    def _network_folder(self, name: str) -> Path:
        return self.folder / "networks" / f"{name}-{_digest(self._network_inputs(name))}"

    def _data_inputs(self) -> dict[str, Any]:
        return {"collection": self.collection().fingerprint, "vocabulary": self.vocabulary().fingerprint}

    def _settings(self, fields: tuple[str, ...]) -> dict[str, Any]:
        return {field: getattr(self.config, field) for field in fields}

    def _network_inputs(self, name: str) -> dict[str, Any]:
        """All that decides a network's weights; they are reused while this stands."""
        if name not in NETWORKS:
            raise ValueError(f"network {name!r} is unknown; use one of {', '.join(NETWORKS)}")
        config, ours = self.config, name == "vgg_nin_bn"
        return {
            **self._data_inputs(),
            **self._settings(_NETWORK_FIELDS),
            "network": name,
            "code": _training_code(),
            "epochs": config.epochs_batch_norm if ours else config.epochs,
            "learning_rate": getattr(config, "learning_rate_batch_norm" if ours else f"learning_rate_{name}"),
            "dropout": config.dropout_vgg_a if name == "vgg_a" else config.dropout_vgg_nin,
        }

    def _stored(self, name: str, inputs: dict[str, Any], build: Callable[[], np.ndarray]) -> np.ndarray:
        """An array kept in ``arrays/`` under a name that tells what it was made from."""
        path = self.folder / "arrays" / f"{name}-{_digest(inputs)}.npy"
        if not path.exists():
            array = build()
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(".partial")
            with unfinished.open("wb") as file:
                np.save(file, array)
            unfinished.replace(path)
        return np.load(path)

    @contextmanager
    def _timed(self, stage: str, keep_longer: bool = False) -> Iterator[None]:
        """Note a stage's wall time; of a stage that may be read from disk, ``keep_longer`` keeps the building's."""
        start = time.perf_counter()
        yield
        taken, known = time.perf_counter() - start, self.seconds()
        if keep_longer:
            taken = max(taken, known.get(stage, 0.0))
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "seconds.json").write_text(json.dumps(known | {stage: round(taken, 1)}, indent=2))


def _digest(inputs: dict[str, Any]) -> str:
    """A short name for a set of inputs."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:8]


@functools.cache
def _training_code() -> str:
    """Fingerprint of the code that trains networks: a change of it trains them again."""
    folder = Path(models.__file__).parent
    return code_fingerprint(folder / name for name in ("networks.py", "loss.py", "training.py"))
