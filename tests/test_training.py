"""Training: it learns, stops when it is asked to, and goes on to the same weights."""

import json
import signal
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_training import (
    COUNT,
    INDICES,
    PIXELS,
    TAGS,
    TARGETS,
    Accident,
    Fragile,
    accident,
    checkpoints,
    identical,
    interrupt,
    losses,
    newest,
    train,
    weights,
)

from i2v_lib.models import training
from i2v_lib.models.checkpoints import load_weights
from i2v_lib.models.loss import tag_loss
from i2v_lib.models.networks import VGGNIN, VGGModelA
from i2v_lib.models.prediction import predict
from i2v_lib.models.steps import TrainingStep
from i2v_lib.models.training import fit, learning_rate_at


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder of a training that was never interrupted."""
    folder = tmp_path_factory.mktemp("finished")
    train(folder, validate=lambda network: {"general": 0.5}, metadata={"vocabulary": ["a", "b", "c"]})
    return folder


def test_leaves_weights_and_a_log_but_no_checkpoint(finished):
    names = ["best.safetensors", "log.jsonl", "weights.safetensors"]
    assert sorted(path.name for path in finished.iterdir()) == names
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
    assert identical(weights(tmp_path), weights(finished))
    assert losses(tmp_path) == losses(finished)


@pytest.mark.parametrize("name", ["vgg_a", "vgg_nin_bn"])
def test_other_networks_resume_alike(tmp_path, name):
    train(tmp_path / "whole", name=name)
    with pytest.raises(Accident):
        train(tmp_path / "cut", {7: accident}, name=name)
    train(tmp_path / "cut", name=name)
    assert identical(*(weights(tmp_path / part) for part in ("whole", "cut")))


def test_optimizer_is_bit_identical_after_crashes(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "once", {9: interrupt})
    for step in (2, 5, 8):
        with pytest.raises(Accident):
            train(tmp_path / "often", {step: accident})
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "often", {9: interrupt})
    once, often = (load_file(newest(tmp_path / part)) for part in ("once", "often"))
    assert identical(once, often)
    assert once["optimizer/step/tags.bias"] == 10  # the step under way was finished first
    assert once["optimizer/exp_avg_sq/tags.weight"].abs().max() > 0


def test_validation_and_the_global_generator_do_not_change_weights(finished, tmp_path):
    torch.manual_seed(12345)
    state = torch.random.get_rng_state()
    train(tmp_path, validate=lambda network: {"general": float(torch.rand(()))})
    assert identical(weights(tmp_path), weights(finished))
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize(("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
@pytest.mark.parametrize("step", [4, 7])  # within an epoch and at its end
def test_a_signal_writes_a_checkpoint_and_leaves(finished, tmp_path, number, error, step):
    handlers = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]

    def strike(batch):
        signal.raise_signal(number)
        return batch

    with pytest.raises(error):
        train(tmp_path, {step: strike}, checkpoint_every=1000)
    assert checkpoints(tmp_path)[-1] == step + 1
    assert load_file(newest(tmp_path))["optimizer/step/tags.bias"] == step + 1
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == handlers
    train(tmp_path, checkpoint_every=1000)
    assert identical(weights(tmp_path), weights(finished))


def test_a_loss_that_is_not_finite_stops_before_the_step(finished, tmp_path):
    poisoned = []

    def poison(batch):
        poisoned.extend(batch.indices.tolist())
        return batch._replace(targets=batch.targets * float("nan"))

    with pytest.raises(FloatingPointError) as error:
        train(tmp_path, {6: poison})
    assert "step 6" in str(error.value)
    assert str(poisoned) in str(error.value)
    assert load_file(newest(tmp_path))["optimizer/step/tags.bias"] == 6
    train(tmp_path)  # the batch healed, training goes on as if nothing had been
    assert identical(weights(tmp_path), weights(finished))


def test_weights_that_are_not_finite_are_never_checkpointed(tmp_path):
    with pytest.raises(FloatingPointError, match=r"checkpoint-00000001\.safetensors .*not written"):
        train(tmp_path, rate=float("inf"), checkpoint_every=1)
    assert not list(tmp_path.iterdir())


def test_changed_settings_are_refused_with_their_difference(tmp_path):
    with pytest.raises(Accident):
        train(tmp_path, {5: accident}, fingerprint={"collection": "abc"})
    with pytest.raises(ValueError, match="collection .*'abc', .*'def'; learning_rate .*0.001, .*0.002"):
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


def test_progress_is_plain_lines_without_a_terminal(tmp_path, capsys):
    train(tmp_path, epochs=1)
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("epoch 1/1: 26/26 images, ")
    assert "left, loss=" in lines[-1]
    assert not any("\r" in line for line in lines)


def test_a_compiled_network_makes_the_same_steps(finished, tmp_path, monkeypatch):
    """Traced whole, without code for this processor, which would take a compiler half a minute."""
    graphs, real = [], torch.compile

    def compiled(network, dynamic):
        return real(network, dynamic=dynamic, fullgraph=True, backend=lambda graph, _: graphs.append(graph) or graph)

    monkeypatch.setattr(torch, "compile", compiled)
    train(tmp_path, compiled="on")
    assert len(graphs) == 2  # batches of 7 and of 6
    assert identical(weights(tmp_path), weights(finished))
    with pytest.raises(ValueError, match="compiled='perhaps' .*auto, on, off"):
        train(tmp_path / "other", compiled="perhaps")


def test_an_average_is_kept_validated_and_resumed(tmp_path):
    seen = []
    options = {"ema": 0.9, "validate": lambda network: seen.append(network) or {}}
    train(tmp_path / "whole", **options)
    for step in (2, 7):
        with pytest.raises(Accident):
            train(tmp_path / "cut", {step: accident}, **options)
    train(tmp_path / "cut", **options)
    assert identical(weights(tmp_path / "whole"), weights(tmp_path / "cut"))
    plain = train(tmp_path / "plain")
    assert not identical(weights(tmp_path / "whole"), plain.state_dict())
    for wrong in ({"ema": 1.0}, {"accumulate": 0}):
        with pytest.raises(ValueError, match="ema=1.0|accumulate=0"):
            train(tmp_path / "other", **wrong)


def test_the_average_is_the_one_by_hand():
    """Three steps: the first weights are taken as they are, then 0.9 of the average and 0.1 of the new ones."""
    network = VGGNIN(TAGS, width=1 / 32)
    training_step = TrainingStep(network, seed=0, device="cpu", ema=0.9)
    expected = None
    for number, batch in enumerate(Fragile().epoch(0)):
        training_step.step(batch, number, 1e-2)
        now = network.tags.weight.detach().clone()
        expected = now if expected is None else 0.9 * expected + 0.1 * now
    torch.testing.assert_close(training_step.result.tags.weight, expected)
    assert (training_step.result.tags.weight - now).abs().max() > 1e-3


@pytest.mark.parametrize("training", [True, False])
def test_a_prediction_that_fails_leaves_the_mode_as_it_was(training):
    network = VGGNIN(TAGS, width=1 / 32).train(training)
    with pytest.raises(IndexError):
        predict(network, PIXELS, np.array([len(PIXELS)]), 32, device="cpu")
    assert network.training is training
    predict(network, PIXELS, INDICES, 32, device="cpu")  # control
    assert network.training is training


def test_batches_of_the_caller_s_stay_as_they_are(tmp_path, monkeypatch):
    """On a GPU pictures are cropped there; the batches that were passed know nothing of it."""
    batches, seen = Fragile(), []
    before = dict(vars(batches))

    def stop(training_step, *_):
        seen.append(training_step.device)
        raise Accident

    monkeypatch.setattr(training, "TrainingStep", lambda *_, **__: SimpleNamespace(device=torch.device("cuda")))
    monkeypatch.setattr(training, "_Training", stop)
    with pytest.raises(Accident):
        fit(VGGNIN(TAGS, width=1 / 32), batches, 1, 1e-3, tmp_path)
    assert [device.type for device in seen] == ["cuda"]
    assert vars(batches) == before
