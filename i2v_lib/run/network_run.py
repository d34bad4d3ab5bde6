"""The first half of a run (§3.1, §4.1): the collection, the networks trained on it, and how they score tags."""

from __future__ import annotations

import dataclasses
import functools
import json
from pathlib import Path
from typing import Any, cast

import numpy as np
from torch import nn

from i2v_lib.config import Config, results_folder, run_folder
from i2v_lib.data.batches import Batches
from i2v_lib.data.build import BuildOptions
from i2v_lib.data.collection import Collection, open_collection
from i2v_lib.data.fingerprint import code_fingerprint, import_closure
from i2v_lib.data.shuffle import choose_blocks
from i2v_lib.data.vocabulary import Vocabulary, build_vocabulary, targets
from i2v_lib.drawn import collection_folder, draw_collection
from i2v_lib.evaluation.metrics import average_precision, map_by_category
from i2v_lib.models.architecture import Architecture, trained_with
from i2v_lib.models.checkpoints import load_weights, read_metadata
from i2v_lib.models.hash_network import HashNetwork, build_hash_network
from i2v_lib.models.logistic import fit_logistic
from i2v_lib.models.networks import TagNetwork, build_network, network_class, set_prior
from i2v_lib.models.prediction import predict
from i2v_lib.models.pretrained import pretrained_features, pretrained_network, untrained_network
from i2v_lib.models.serving.load_weights import WEIGHTS
from i2v_lib.models.systems import SYSTEMS, TRAINED
from i2v_lib.models.training import fit
from i2v_lib.run.artifacts import Artifacts, digest, once
from i2v_lib.system.distributed import default_device, on_first, ranks

# what decides a network's weights beside the data
_NETWORK_FIELDS = (
    "seed", "image_size", "width", "head_convolutions", "batch_size", "warmup", "weight_decay", "precision", "compiled",
    "accumulate", "ema",
)  # fmt: skip
# what goes on to training as it is
_FIT_FIELDS = ("warmup", "weight_decay", "precision", "compiled", "accumulate", "ema", "checkpoint_every")
_PRETRAINED_FIELDS = (
    "seed", "image_size", "width", "batch_size", "pretrained", "pretrained_pictures", "surrogate_classes",
    "surrogate_images", "surrogate_epochs", "logistic_regression_c",
)  # fmt: skip


class NetworkRun(Artifacts):
    """A collection and the networks trained on it, in ``runs/<preset>/``; see :class:`i2v_lib.run.Run`."""

    def __init__(self, config: Config):
        super().__init__(run_folder(config))
        self.config = config
        self.figures = results_folder(config) / "figures"

    def __repr__(self) -> str:
        """What stands, what is missing, and how long that took when it was last built here."""
        head = f"{type(self).__name__}({self.config.preset!r}) in {self.folder}"
        if ranks() > 1:  # one rank must not look at artifacts without the others
            return head
        standing, seconds = self._standing(), self.seconds()
        missing = []
        for name in (name for name, stands in standing.items() if not stands):
            taken = seconds.get("draw" if name == "collection" else f"train {name}")
            missing.append(f"{name} ({'time unknown' if taken is None else f'{taken / 60:.1f} min'})")
        there = [name for name, stands in standing.items() if stands]
        lines = [("stands: ", there), ("missing: ", missing)]
        return "\n".join([head, *(f"  {word}{', '.join(names)}" for word, names in lines if names)])

    def _standing(self) -> dict[str, bool]:
        """Whether the collection and each network stand on disk."""
        found = {"collection": self._collection_folder().exists()} | dict.fromkeys([*TRAINED, "hash"], False)
        if found["collection"]:
            found |= {name: (self._network_folder(name) / WEIGHTS).exists() for name in (*TRAINED, "hash")}
        return found

    def _collection_folder(self) -> Path:
        """Where the collection is, or will be; one folder for each search of a site, whatever its limit."""
        if self.config.collection:
            return Path(self.config.collection)
        if self.config.source:
            search = self.settings(("source", "query", "minimum_side", "base_url"))
            return self.folder / f"{self.config.source}-{digest(search)}"
        return collection_folder(self.config, self.folder)[0]

    @once
    def collection(self) -> Collection:
        """The illustrations: an imported collection, what is collected from a source, or the drawn demo set."""
        if self.config.collection:
            return open_collection(self.config.collection)
        sides = self.config.image_size, self.config.stored_size
        if sides[0] > sides[1]:
            raise ValueError(f"image_size={sides[0]}, stored_size={sides[1]}: give a stored_size at least as large")
        if self.config.source:
            return self._collect(self.config.source)
        folder, store = collection_folder(self.config, self.folder)

        def draw() -> None:
            with self.timed("draw"):
                draw_collection(self.config, folder, store=store)

        self.built(folder.name, folder.exists, draw)
        return open_collection(folder)

    def _collect(self, source: str) -> Collection:
        """Collect what is missing, or open what stands."""
        from i2v_lib.collect.booru.collect import collect  # here, since only this needs an HTTP client
        from i2v_lib.collect.booru.policy import Policy
        from i2v_lib.collect.booru.sites import Access

        config, folder = self.config, self._collection_folder()
        access = Access(per_second=config.files_per_second, base_url=config.base_url)
        policy = Policy(minimum_side=config.minimum_side)
        build = BuildOptions(
            size=config.stored_size,
            pixel_store=config.pixel_store,
            seed=config.seed,
            validation_share=config.validation_share,
            test_share=config.test_share,
        )
        on_first(
            lambda: collect(
                source,
                folder,
                query=config.query,
                limit=config.limit,
                policy=policy,
                access=access,
                build=build,
            )
        )
        return open_collection(folder)

    @once
    def vocabulary(self) -> Vocabulary:
        """The tags that are learned and scored (§3.1)."""
        return build_vocabulary(self.collection(), self.config)

    @once
    def targets(self) -> np.ndarray:
        """Which picture has which tag: uint8 array, shape (N, T)."""
        return targets(self.collection(), self.vocabulary())

    @once
    def network(self, name: str) -> TagNetwork | HashNetwork:
        """A trained network in eval mode; one that does not stand is trained now, as by :meth:`train`.

        Parameters
        ----------
        name : a key of :data:`~i2v_lib.models.systems.TRAINED`, such as "vgg_nin"; or "hash": VGG + NIN with the hash
            layer, all of it retrained from the tag network's weights (§3.2)
        """
        folder, trained = self._network_folder(name), []
        self.built(folder.name, (folder / WEIGHTS).exists, lambda: trained.append(self._train(name)), together=True)
        if trained:
            return trained[0]
        tags, config = len(self.vocabulary()), self.config
        network = build_hash_network(config, tags) if name == "hash" else build_network(name, tags, config)
        load_weights(folder / WEIGHTS, network)
        return network.to(default_device()).eval()

    def _train(self, name: str) -> TagNetwork | HashNetwork:
        inputs, folder, tags = self.network_inputs(name), self._network_folder(name), len(self.vocabulary())
        hashing, collection, config = name == "hash", self.collection(), self.config
        batches = Batches(
            collection.pixels,
            self.targets(),
            collection.split("train"),
            config.batch_size,
            config.image_size,
            config.seed,
            config.workers,
            *choose_blocks(config, collection.pixels),
            decode=config.decode,
        )
        network: TagNetwork | HashNetwork
        if hashing:
            network = build_hash_network(config, tags, cast(TagNetwork, self.network("vgg_nin")))
            set_prior(network, batches.priors())
        else:
            network = build_network(name, tags, config)
        metadata = {
            "architecture": dataclasses.asdict(Architecture.of(config, name, tags)),
            "trained_with": trained_with(config),
            "vocabulary": json.loads(self.vocabulary().to_json()),
        }
        with self.timed(f"train {name}"):
            return fit(
                network,
                batches,
                inputs["epochs"],
                inputs["learning_rate"],
                folder,
                validate=self.validation_map,
                **self.settings(_FIT_FIELDS),
                fingerprint=inputs,
                metadata=metadata,
                from_scratch=not hashing,
            )

    def train(self, name: str) -> TagNetwork | HashNetwork:
        """Train a network unless its weights stand, which may take hours; see :meth:`network`."""
        return self.network(name)

    def weights(self, name: str) -> Path:
        """File of a trained network's weights, as :class:`~i2v_lib.models.tagger.Illustration2Vec` reads it."""
        self.network(name)
        return self._network_folder(name) / WEIGHTS

    def history(self, name: str) -> list[dict[str, Any]]:
        """One record an epoch of a network's training: epoch, loss, seconds, images_per_second, map (on validation)."""
        return read_metadata(self.weights(name))["history"]

    @once
    def logits(self, name: str) -> np.ndarray:
        """Scores before the sigmoid on the test split.

        Parameters
        ----------
        name : of one of :data:`~i2v_lib.models.systems.SYSTEMS`, or "hash". "random" are normal numbers; "untrained" is
            the pre-trained net's architecture with its random initial weights, read by the same logistic regression

        Returns
        -------
        float32 array, shape (n_test, T), rows in the order of ``collection().split("test")``
        """
        test = self.collection().split("test")
        if name == "random":
            rng = np.random.default_rng([self.config.seed, len(test)])
            return rng.standard_normal((len(test), len(self.vocabulary()))).astype(np.float32)
        if name in ("pretrained", "untrained"):
            inputs = self.data_inputs() | self.pretrained_inputs()
            return self.stored(f"{name}-logits", inputs, lambda: self._read_out(name))
        if name not in (*TRAINED, "hash"):
            raise ValueError(f"system {name!r} is unknown; use one of {', '.join(system.name for system in SYSTEMS)}")
        network = self.network(name)

        def score() -> np.ndarray:
            return predict(network, self.collection().pixels, test, self.config.image_size, progress=f"scoring {name}")

        return self.stored(f"{name}-logits", self.network_inputs(name), score, together=True)

    def pretrained_source(self) -> str:
        """Where the pre-trained net's weights come from: "ImageNet" or "surrogate"."""
        return self.pretrained()[1]

    @once
    def pretrained(self) -> tuple[nn.Module, str]:
        """The network that never saw a tag, and where its weights come from; see ``pretrained_network``."""
        with self.timed("pre-trained net", keep_longer=True):
            folder = self.folder / "networks" / f"pretrained-{digest(self.pretrained_inputs())}"
            if ranks() > 1:
                on_first(lambda: pretrained_network(self.config, folder))
            return pretrained_network(self.config, folder, offline=ranks() > 1)

    def _read_out(self, name: str) -> np.ndarray:
        """Test logits of a logistic regression on the features of a network that never saw a tag (§4.1)."""
        network, source = self.pretrained() if name == "pretrained" else (untrained_network(self.config), "surrogate")
        collection, config = self.collection(), self.config
        train, test = collection.split("train"), collection.split("test")
        if 0 < config.pretrained_pictures < len(train):
            rng = np.random.default_rng(config.seed)
            train = np.sort(rng.choice(train, config.pretrained_pictures, replace=False))
        with self.timed(f"logistic regression, {name}"):
            features = pretrained_features(network, source, collection.pixels, np.concatenate([train, test]), config)
            model = fit_logistic(features[: len(train)], self.targets()[train], config.logistic_regression_c)
            return model.logits(features[len(train) :])

    def validation_map(self, network: nn.Module) -> dict[str, float]:
        """Mean average precision a category, 0 to 1, of a network on the validation split; empty without one."""
        rows = self.collection().split("val")
        if not len(rows):
            return {}
        logits = predict(network, self.collection().pixels, rows, self.config.image_size)
        ap = average_precision(self.targets()[rows], logits)
        return {category: value for category, (value, _) in map_by_category(ap, self.vocabulary().blocks).items()}

    def _network_folder(self, name: str) -> Path:
        return self.folder / "networks" / f"{name}-{digest(self.network_inputs(name))}"

    def data_inputs(self) -> dict[str, Any]:
        """Fingerprints of the collection and the vocabulary."""
        return {"collection": self.collection().fingerprint, "vocabulary": self.vocabulary().fingerprint}

    def settings(self, fields: tuple[str, ...]) -> dict[str, Any]:
        """Some fields of the config."""
        return {field: getattr(self.config, field) for field in fields}

    def pretrained_inputs(self) -> dict[str, Any]:
        """All that decides the pre-trained net and its logistic regression, beside the data."""
        return self.settings(_PRETRAINED_FIELDS) | {"code": code_of("pretrained")}

    def network_inputs(self, name: str) -> dict[str, Any]:
        """All that decides a network's weights; they are reused while this stands."""
        config = self.config
        if name == "hash":
            return {
                "start": self.network_inputs("vgg_nin"),
                "network": name,
                "code": code_of(name),
                "epochs": config.epochs_hash,
                "learning_rate": config.learning_rate_hash,
                **self.settings(("code_bits", "hash_layer")),
            }
        if name not in TRAINED:
            raise ValueError(f"network {name!r} is unknown; use one of {', '.join(TRAINED)}, hash")
        system = TRAINED[name]
        return {
            **self.data_inputs(),
            **self._order_inputs(),
            **self.settings(_NETWORK_FIELDS),
            "network": name,
            "code": code_of(name),
            "epochs": getattr(config, system.epochs),
            "learning_rate": getattr(config, system.learning_rate),
            "dropout": getattr(config, network_class(name).dropout_field),
        }

    def _order_inputs(self) -> dict[str, Any]:
        """What else decides which pixels come when; nothing where any order is possible and the CPU decodes."""
        block, buffer = choose_blocks(self.config, self.collection().pixels)
        shuffle = {"shuffle": [block, buffer]} if block else {}
        return shuffle | ({"decode": self.config.decode} if self.config.decode != "cpu" else {})


@functools.cache
def code_of(name: str) -> str:
    """Fingerprint of the code that decides a network's weights: a change of it trains the network again.

    Parameters
    ----------
    name : of a trained network, "hash", or "pretrained" for the pre-trained net and its logistic regression
    """
    return code_fingerprint(code_files(name))


def code_files(name: str) -> list[Path]:
    """Files that :func:`code_of` reads: the network, what trains it, and all that these import."""
    if name == "pretrained":
        modules = ["i2v_lib.models.pretrained", "i2v_lib.models.logistic"]
    else:
        kind = HashNetwork if name == "hash" else network_class(name)
        modules = [kind.__module__, "i2v_lib.models.training"]
    # settings count by their values; what processes, signals and bars do moves no weight
    return import_closure(*modules, apart_from=["i2v_lib.config", "i2v_lib.system"])
