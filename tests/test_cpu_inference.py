"""A network made ready for a CPU computes what it computed before, and is the same network to everyone else."""

import copy
import gc
from dataclasses import replace

import pytest
import torch

from i2v_lib.config import load_config
from i2v_lib.models.hash_network import PLACEMENTS, build_hash_network
from i2v_lib.models.networks import build_network
from i2v_lib.models.serving import cpu_inference
from i2v_lib.models.serving.cpu_inference import compute, prepare_network

CPU = torch.device("cpu")
PICTURES = torch.randint(0, 256, (5, 3, 96, 96), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def networks():
    config = load_config("smoke", width=1 / 16, image_size=96, code_bits=24, head_convolutions=4)
    yield from (build_network(name, 7, config) for name in ("vgg_a", "vgg_nin", "vgg_nin_bn"))
    yield from (build_hash_network(replace(config, hash_layer=place), 7) for place in PLACEMENTS)


def run(network, pictures=PICTURES):
    with torch.inference_mode():
        return network(pictures)


@pytest.fixture
def threads():
    """Give the number of threads back as it was."""
    before = torch.get_num_threads()
    yield before
    torch.set_num_threads(before)


@pytest.mark.parametrize("network", list(networks()))
def test_the_same_numbers_another_way(network, monkeypatch):
    called, names = set(), list(network.state_dict())
    hooks = [
        module.register_forward_hook(lambda *_, name=name: called.add(name))
        for name, module in network.named_modules()
        if isinstance(module, torch.nn.Conv2d)
    ]
    expected = run(network.eval())
    for hook in hooks:
        hook.remove()
    monkeypatch.setattr(cpu_inference, "PIXELS", 2 * 96 * 96)  # pieces of two
    ready = prepare_network(network, CPU)
    used, of, modules = set(), cpu_inference._copies.of, {module: name for name, module in ready.named_modules()}
    monkeypatch.setattr(cpu_inference._copies, "of", lambda module: used.add(modules[module]) or of(module))
    torch.testing.assert_close(run(ready), expected, rtol=1e-4, atol=1e-5)
    assert prepare_network(ready, CPU) is ready  # so its weights are packed once
    assert list(ready.state_dict()) == names
    assert used == (called if cpu_inference.PACKS else set())
    assert len(called) > 7
    monkeypatch.setattr(cpu_inference, "PACKS", False)  # as on other processors
    torch.testing.assert_close(run(ready), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(run(ready, PICTURES[:1]), expected[:1], rtol=1e-4, atol=1e-5)
    assert (expected[0] - expected[1]).abs().max() > 1e-3


@pytest.mark.parametrize("network", list(networks()))
def test_the_caller_s_network_stays_as_it_was(network):
    """Its kinds of modules, its mode, its parameters and where they lie; and the copy takes no memory for weights."""
    network.train()
    kinds = [type(module) for module in network.modules()]
    tensors = [(id(t), t.data_ptr(), t.stride()) for t in (*network.parameters(), *network.buffers())]
    ready = prepare_network(network, CPU)
    assert [type(module) for module in network.modules()] == kinds
    assert [(id(t), t.data_ptr(), t.stride()) for t in (*network.parameters(), *network.buffers())] == tensors
    assert all(module.training for module in network.modules())
    assert not any(module.training for module in ready.modules())
    if cpu_inference.PACKS:
        shared = {t.data_ptr() for t in ready.state_dict().values() if t.numel()}
        assert shared == {t.data_ptr() for t in network.state_dict().values() if t.numel()}
    before = ready.tags.weight.detach().clone()
    network.to(torch.float64)
    assert ready.tags.weight.dtype is torch.float32
    assert torch.equal(ready.tags.weight, before)


def test_a_network_that_is_trained_on_is_followed():
    """The copy shares its tensors: a step of the optimizer is seen, in the packed weights too."""
    network = list(networks())[1]
    ready = prepare_network(network, CPU)
    before = run(ready)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3)
    network(PICTURES).sum().backward()
    optimizer.step()
    after = run(ready)
    assert (after - before).abs().max() > 1e-3
    torch.testing.assert_close(after, network.eval()(PICTURES).detach(), rtol=1e-4, atol=1e-4)


def test_gradients_take_the_usual_way(monkeypatch):
    network = prepare_network(list(networks())[1], CPU)

    def fail(*arguments):
        raise AssertionError("in pieces")

    monkeypatch.setattr(cpu_inference.torch, "cat", fail)
    network(PICTURES).sum().backward()
    assert all(p.grad is not None for p in network.parameters())
    with pytest.raises(AssertionError, match="in pieces"):
        run(network)


def test_copies_are_their_own():
    """A copy whose weights change computes with its own, and the network with the old ones."""
    network = prepare_network(list(networks())[1], CPU)
    before, other = run(network), copy.deepcopy(network)
    with torch.no_grad():
        for p in other.parameters():
            p.mul_(0.5)
    assert (run(other) - before).abs().max() > 1e-3
    torch.testing.assert_close(run(network), before, rtol=0, atol=0)


def test_weights_that_change_are_used():
    """In place, by another tensor, or by those of a file."""
    network = prepare_network(list(networks())[1], CPU)
    for change in (
        lambda layer: layer.weight.mul_(2),
        lambda layer: setattr(layer, "weight", torch.nn.Parameter(layer.weight + 0.1)),
        lambda layer: layer.load_state_dict({"weight": layer.weight / 3, "bias": layer.bias}),
    ):
        before = run(network)
        with torch.no_grad():
            change(network.body.conv1_1)
        after = run(network)
        assert (after - before).abs().max() > 1e-3
        torch.testing.assert_close(after, network.eval()(PICTURES).detach(), rtol=1e-4, atol=1e-5)


def test_weights_made_in_inference_mode_are_used():
    """They have no version, by which a change could be seen."""
    expected = run(prepare_network(list(networks())[1], CPU))
    with torch.inference_mode():
        network = prepare_network(list(networks())[1], CPU)
        network.tags.weight = torch.nn.Parameter(network.tags.weight.clone(), requires_grad=False)
    assert network.tags.weight.is_inference()
    assert run(network).shape == expected.shape


def test_copies_of_weights_go_with_their_network():
    network = prepare_network(list(networks())[1], CPU)
    before = len(cpu_inference._copies._made)
    run(network)
    del network
    gc.collect()
    assert len(cpu_inference._copies._made) <= before


def test_a_new_last_layer_is_used():
    network = prepare_network(list(networks())[1], CPU)
    old = run(network)
    network.tags = torch.nn.Conv2d(network.tags.in_channels, 3, 3, padding=1)
    assert run(network).shape == (5, 3) != old.shape


@pytest.mark.parametrize("count", [1, 2, 5])
def test_each_thread_has_pictures_of_its_own(threads, count):
    """The same numbers, in order, from as many calls as threads, each of one thread; and the setting is given back."""
    network = prepare_network(list(networks())[1], CPU)
    expected, parts = run(network), []

    def call(images):
        parts.append((len(images), torch.get_num_threads(), torch.is_inference_mode_enabled()))
        return network(images)

    for used in (1, 2, 3):
        torch.set_num_threads(used)
        parts.clear()
        torch.testing.assert_close(compute(call, PICTURES[:count]), expected[:count], rtol=1e-4, atol=1e-5)
        assert torch.get_num_threads() == used
        if min(used, count) == 1:
            assert parts == [(count, used, True)]
        else:
            assert sorted(parts) == sorted((len(part), 1, True) for part in PICTURES[:count].split(-(-count // used)))
    with pytest.raises(ZeroDivisionError):
        compute(lambda images: 1 / 0, PICTURES)
    assert torch.get_num_threads() == 3
