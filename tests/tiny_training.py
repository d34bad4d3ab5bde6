"""A training of 12 steps that takes a fifth of a second, on pictures whose colors tell their tags."""

import json
import signal

import numpy as np
import torch
from safetensors.torch import load_file

from i2v_lib.config import load_config
from i2v_lib.data.batches import Batches
from i2v_lib.models.networks import build_network
from i2v_lib.models.training import fit

COUNT, TAGS, EPOCHS, STEPS = 26, 3, 3, 12  # four batches an epoch, of 7, 7, 6 and 6 pictures
TARGETS = (np.random.default_rng(0).random((COUNT, TAGS)) < 0.5).astype(np.uint8)
NOISE = np.random.default_rng(1).integers(0, 80, (COUNT, 36, 36, 3), dtype=np.uint8)
PIXELS = NOISE + 150 * TARGETS[:, None, None, :]  # tag t is told by color t
INDICES = np.arange(COUNT)


class Accident(Exception):
    """What a test raises in the middle of training."""


class Fragile(Batches):
    """Batches that call ``accidents[step]`` before the batch of that step; it may return another batch."""

    def __init__(self, accidents=None, workers=0, targets=TARGETS):
        super().__init__(PIXELS, targets, INDICES, 7, 32, seed=3, workers=workers)
        self.accidents = accidents or {}

    def epoch(self, number, skip=0, rank=0, ranks=1):
        batches = super().epoch(number, skip, rank, ranks)
        for step, batch in enumerate(batches, start=number * len(self) + skip):
            yield self.accidents[step](batch) if step in self.accidents else batch


def accident(batch):
    raise Accident


def interrupt(batch):
    signal.raise_signal(signal.SIGINT)
    return batch


def train(
    folder, accidents=None, name="vgg_nin", workers=0, epochs=EPOCHS, rate=1e-3, dropout=0.5, targets=TARGETS, **options
):
    """Train a network of a width of 1/32; checkpoints after steps 3, 4, 6, 8, 9 and 12."""
    config = load_config("smoke", width=1 / 32, dropout_vgg_nin=dropout, dropout_vgg_a=dropout)
    network = build_network(name, TAGS, config)
    options = {"checkpoint_every": 3, "device": "cpu", **options}
    return fit(network, Fragile(accidents, workers, targets), epochs, rate, folder, **options)


def losses(folder):
    return [json.loads(line)["loss"] for line in (folder / "log.jsonl").read_text().splitlines()]


def identical(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def weights(folder):
    return load_file(folder / "weights.safetensors")


def checkpoints(folder):
    """Steps of the checkpoints in a folder, and nothing half written."""
    assert not list(folder.glob(".*.unfinished"))
    return [int(path.stem.split("-")[1]) for path in sorted(folder.glob("checkpoint-*.safetensors"))]


def newest(folder):
    return max(folder.glob("checkpoint-*.safetensors"))
