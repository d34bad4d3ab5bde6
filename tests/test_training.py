"""Training: it learns, and it survives interruption, full disks and poisoned batches."""

import json
import os
import resource
import shutil
import signal
from collections import namedtuple

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from i2v_lib.config import load_config
from i2v_lib.data.batches import Batches
from i2v_lib.models import training
from i2v_lib.models.loss import tag_loss
from i2v_lib.models.networks import VGGNIN, VGGModelA, build_network
from i2v_lib.models.training import fit, learning_rate_at, load_weights, predict, save_weights

COUNT, TAGS, EPOCHS, STEPS = 26, 3, 3, 12  # four batches an epoch
TARGETS = (np.random.default_rng(0).random((COUNT, TAGS)) < 0.5).astype(np.uint8)
NOISE = np.random.default_rng(1).integers(0, 80, (COUNT, 36, 36, 3), dtype=np.uint8)
PIXELS = NOISE + 150 * TARGETS[:, None, None, :]  # tag t is told by color t
INDICES = np.arange(COUNT)


class Accident(Exception):
    """What a test raises in the middle of training."""


class Fragile(Batches):
    """Batches that call ``accidents[step]`` before the batch of that step; it may return another batch."""

    def __init__(self, accidents=None, workers=0):
        super().__init__(PIXELS, TARGETS, INDICES, 7, 32, seed=3, workers=workers)
        self.accidents = accidents or {}

    def epoch(self, number, skip=0):
        for step, batch in enumerate(super().epoch(number, skip), start=number * len(self) + skip):
            yield self.accidents[step](batch) if step in self.accidents else batch


def accident(batch):
    raise Accident


def interrupt(batch):
    signal.raise_signal(signal.SIGINT)
    return batch


def train(folder, accidents=None, name="vgg_nin", workers=0, epochs=EPOCHS, rate=1e-3, **options):
    config = load_config("smoke", width=1 / 32, dropout_vgg_nin=0.5, dropout_vgg_a=0.5)
    network = build_network(name, TAGS, config)
    options = {"checkpoint_every": 3, "device": "cpu", **options}
    return fit(network, Fragile(accidents, workers), epochs, rate, folder, **options)


def losses(folder):
    return [json.loads(line)["loss"] for line in (folder / "log.jsonl").read_text().splitlines()]


def identical(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder of a training that was never interrupted."""
    folder = tmp_path_factory.mktemp("finished")
    train(folder, validate=lambda network: {"general": 0.5}, metadata={"vocabulary": ["a", "b", "c"]})
    return folder


def test_leaves_weights_and_a_log_but_no_checkpoint(finished):
    assert sorted(path.name for path in finished.iterdir()) == ["log.jsonl", "weights.safetensors"]
    records = [json.loads(line) for line in (finished / "log.jsonl").read_text().splitlines()]
    assert [record["epoch"] for record in records] == [1, 2, 3]
    assert set(records[0]) == {"epoch", "loss", "seconds", "images_per_second", "map"}
    assert records[0]["map"] == {"general": 0.5}
    metadata = load_weights(finished / "weights.safetensors", VGGNIN(TAGS, width=1 / 32))
    assert metadata["history"] == records
    assert metadata["vocabulary"] == ["a", "b", "c"]
    assert metadata["settings"]["seed"] == 3


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_crashed_and_resumed_weights_are_bit_identical(finished, tmp_path, workers):
    for step in (0, 2, 3, 7, 8, 11):  # before any checkpoint, at one, at an epoch's start, at the last step
        with pytest.raises(Accident):
            train(tmp_path, {step: accident}, workers=workers)
    train(tmp_path, workers=workers)
    assert identical(load_file(tmp_path / "weights.safetensors"), load_file(finished / "weights.safetensors"))
    assert losses(tmp_path) == losses(finished)


@pytest.mark.parametrize("name", ["vgg_a", "vgg_nin_bn"])
def test_other_networks_resume_alike(tmp_path, name):
    train(tmp_path / "whole", name=name)
    with pytest.raises(Accident):
        train(tmp_path / "cut", {7: accident}, name=name)
    train(tmp_path / "cut", name=name)
    assert identical(*(load_file(tmp_path / part / "weights.safetensors") for part in ("whole", "cut")))


def test_optimizer_is_bit_identical_after_crashes(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "once", {9: interrupt})
    for step in (2, 5, 8):
        with pytest.raises(Accident):
            train(tmp_path / "often", {step: accident})
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "often", {9: interrupt})
    once, often = (load_file(tmp_path / part / "checkpoint.safetensors") for part in ("once", "often"))
    assert identical(once, often)
    assert once["optimizer/step/tags.bias"] == 10  # the step under way was finished first
    assert once["optimizer/exp_avg_sq/tags.weight"].abs().max() > 0


def test_validation_and_the_global_generator_do_not_change_weights(finished, tmp_path):
    torch.manual_seed(12345)
    state = torch.random.get_rng_state()
    train(tmp_path, validate=lambda network: {"general": float(torch.rand(()))})
    assert identical(load_file(tmp_path / "weights.safetensors"), load_file(finished / "weights.safetensors"))
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
@pytest.mark.parametrize("step", [4, 7])  # within an epoch and at its end
def test_a_signal_writes_a_checkpoint_and_leaves(finished, tmp_path, number, error, step):
    handlers = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]

    def strike(batch):
        signal.raise_signal(number)
        return batch

    with pytest.raises(error):
        train(tmp_path, {step: strike}, checkpoint_every=1000)
    assert load_file(tmp_path / "checkpoint.safetensors")["optimizer/step/tags.bias"] == step + 1
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == handlers
    train(tmp_path, checkpoint_every=1000)
    assert identical(load_file(tmp_path / "weights.safetensors"), load_file(finished / "weights.safetensors"))


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failing_write_leaves_the_checkpoint_before(finished, tmp_path, monkeypatch, call):
    with pytest.raises(Accident):
        train(tmp_path, {5: accident})
    before = (tmp_path / "checkpoint.safetensors").read_bytes()

    def fail(*arguments):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="checkpoint.safetensors could not be written"):
        train(tmp_path)
    monkeypatch.undo()
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before
    assert not list(tmp_path.glob("*.partial"))
    train(tmp_path)
    assert identical(load_file(tmp_path / "weights.safetensors"), load_file(finished / "weights.safetensors"))


def test_a_write_cut_short_leaves_the_weights_before(tmp_path):
    path, network = tmp_path / "weights.safetensors", VGGNIN(TAGS, width=1 / 8)
    save_weights(path, network, {"version": 1})
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))  # the kernel refuses to write on
    try:
        with pytest.raises(OSError, match=r"weights\.safetensors could not be written"):
            save_weights(path, network, {"version": 2})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_named_with_its_bytes(tmp_path, monkeypatch):
    usage = namedtuple("usage", "free")(1234)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OSError, match=r"disk is full: [\d,]{7,} bytes needed, 1,234 free") as error:
        train(tmp_path)
    assert error.value.errno == 28
    assert error.value.filename == str(tmp_path / "checkpoint.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_a_loss_that_is_not_finite_stops_before_the_step(finished, tmp_path):
    poisoned = []

    def poison(batch):
        poisoned.extend(batch.indices.tolist())
        return batch._replace(targets=batch.targets * float("nan"))

    with pytest.raises(FloatingPointError) as error:
        train(tmp_path, {6: poison})
    assert "step 6" in str(error.value)
    assert str(poisoned) in str(error.value)
    assert load_file(tmp_path / "checkpoint.safetensors")["optimizer/step/tags.bias"] == 6
    train(tmp_path)  # the batch healed, training goes on as if nothing had been
    assert identical(load_file(tmp_path / "weights.safetensors"), load_file(finished / "weights.safetensors"))


def test_weights_that_are_not_finite_are_never_checkpointed(tmp_path):
    with pytest.raises(FloatingPointError, match="not overwritten"):
        train(tmp_path, rate=float("inf"), checkpoint_every=1)
    assert not (tmp_path / "checkpoint.safetensors").exists()


def test_changed_settings_are_refused_with_their_difference(tmp_path):
    with pytest.raises(Accident):
        train(tmp_path, {5: accident}, fingerprint={"collection": "abc"})
    with pytest.raises(ValueError, match="collection was 'abc', is 'def'; learning_rate was 0.001, is 0.002"):
        train(tmp_path, fingerprint={"collection": "def"}, rate=2e-3)
    train(tmp_path, fingerprint={"collection": "def"}, rate=2e-3, force=True)
    assert (tmp_path / "weights.safetensors").exists()


def test_a_changed_machine_is_warned_of(tmp_path, monkeypatch):
    with pytest.raises(Accident):
        train(tmp_path, {5: accident})
    now = training.machine(torch.device("cpu"))
    monkeypatch.setattr(training, "machine", lambda device: {**now, "threads": 77})
    with pytest.warns(UserWarning, match="threads was .*, is 77"):
        train(tmp_path)


def test_learns_more_than_the_base_rates(tmp_path):
    network = VGGNIN(TAGS, width=1 / 8, batch_norm=True)
    assert not fit(network, Fragile(), 8, 3e-3, tmp_path, device="cpu").training
    targets, prior = torch.from_numpy(TARGETS).float(), torch.from_numpy(TARGETS.mean(axis=0)).float()
    control = tag_loss(torch.logit(prior).expand(COUNT, TAGS), targets)
    reached = tag_loss(torch.from_numpy(predict(network, PIXELS, INDICES, 32)), targets)
    assert control > 1.9  # three tags of about one bit each
    assert reached < 0.5 * control


def test_fine_tuning_keeps_mean_and_bias(tmp_path):
    network = VGGNIN(TAGS, width=1 / 32)
    fit(network, Fragile(), 1, 0.0, tmp_path, from_scratch=False, device="cpu")
    assert network.mean.tolist() == [127.5] * 3
    assert network.tags.bias.tolist() == [0.0] * TAGS
    fit(network, Fragile(), 1, 0.0, tmp_path, device="cpu")
    assert network.mean.tolist() == pytest.approx(PIXELS.mean(axis=(0, 1, 2)).tolist())
    assert network.tags.bias.sigmoid().tolist() == pytest.approx(TARGETS.mean(axis=0).tolist())


def test_weight_decay_spares_the_biases(tmp_path):
    plain, decayed = train(tmp_path / "a", epochs=1), train(tmp_path / "b", epochs=1, weight_decay=10.0)
    assert decayed.tags.weight.norm() < 0.995 * plain.tags.weight.norm()
    prior = torch.logit(Fragile().priors())
    assert (decayed.tags.bias - prior).abs().max() < 0.01  # decay alone would take 2 % of it away


def test_bfloat16_trains_close_to_float32_and_unknown_precision_is_refused(finished, tmp_path):
    train(tmp_path, precision="bfloat16")
    whole, half = (losses(folder)[0] for folder in (finished, tmp_path))
    assert half != whole
    assert half == pytest.approx(whole, rel=0.03)
    with pytest.raises(ValueError, match="float16"):
        train(tmp_path / "other", precision="float16")


def test_learning_rate_rises_then_falls_to_zero():
    rates = [learning_rate_at(step, 100, 2.0, 0.1) for step in range(100)]
    assert rates[:10] == pytest.approx([0.2 * k for k in range(1, 11)])
    assert rates[10] == pytest.approx(2.0)
    assert rates[55] == pytest.approx(1.0)  # half of the cosine
    assert all(a > b for a, b in zip(rates[10:], rates[11:], strict=False))
    assert 0 < rates[-1] < 0.01
    assert learning_rate_at(0, 100, 2.0, 0.0) == 2.0
    assert learning_rate_at(99, 100, 2.0, 1.0) == 2.0


def test_predict_is_the_networks_output_in_order():
    network = VGGModelA(TAGS, 32, 1 / 32, dropout=0.5).train()
    order = np.array([5, 3, 20, 1, 19])
    logits = predict(network, PIXELS, order, 32, batch_size=2)
    assert network.training  # its mode is left as it was
    center = torch.from_numpy(PIXELS[order, 2:34, 2:34]).permute(0, 3, 1, 2)
    np.testing.assert_allclose(logits, network.eval()(center).detach().numpy(), rtol=1e-4, atol=1e-5)
    assert logits.dtype == np.float32
    with pytest.raises(ValueError, match="at least one"):
        predict(network, PIXELS, order[:0], 32)


def test_weights_round_trip_and_refuse_another_shape(tmp_path):
    path, network = tmp_path / "weights.safetensors", VGGNIN(TAGS, width=1 / 32, batch_norm=True)
    save_weights(path, network.to(memory_format=torch.channels_last), {"tags": ["猫", "a b"]})
    other = VGGNIN(TAGS, width=1 / 32, batch_norm=True)
    assert load_weights(path, other) == {"tags": ["猫", "a b"]}
    assert identical(network.state_dict(), other.state_dict())
    with pytest.raises(ValueError, match=r"tags\.bias: 3 in the file, 4 in the network"):
        load_weights(path, VGGNIN(4, width=1 / 32, batch_norm=True))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="damaged"):
        load_weights(path, other)
    with pytest.raises(FileNotFoundError, match="train the network first"):
        load_weights(tmp_path / "none.safetensors", other)


def test_progress_is_plain_lines_without_a_terminal(tmp_path, capsys):
    train(tmp_path, epochs=1)
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("epoch 1/1: 26/26 images, ")
    assert "left, loss=" in lines[-1]
    assert not any("\r" in line for line in lines)
