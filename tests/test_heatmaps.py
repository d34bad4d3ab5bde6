"""Heat maps: the last map's mean is the logit, the gradient's cells are what the logit loses without them."""

import numpy as np
import pytest
import torch

from i2v_lib.config import load_config
from i2v_lib.models.hash_network import PLACEMENTS, build_hash_network
from i2v_lib.models.networks import build_network
from i2v_lib.models.serving.heatmaps import gradient_map, heatmap, last_map, peaks, resize

T = 7
PICTURES = torch.randint(0, 256, (3, 3, 64, 64), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def small(name, **overrides):
    config = load_config("smoke", width=1 / 16, image_size=64, code_bits=24, **overrides)
    if name == "hash":
        return build_hash_network(config, T).eval()
    return build_network(name, T, config).eval()


@torch.inference_mode()
def logits(network, pictures=PICTURES):
    return network(pictures).numpy()


@torch.no_grad()
def fill_biases(network, value):
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            parameter.fill_(value)


@pytest.mark.parametrize("side", [64, 160])
@pytest.mark.parametrize("name", ["vgg_nin", "vgg_nin_bn"])
def test_the_mean_of_the_last_map_is_the_logit(name, side):
    network, pictures = small(name), torch.nn.functional.interpolate(PICTURES.float(), size=side)
    fill_biases(network, 0.1)
    maps = last_map(network, pictures, np.tile(np.arange(T), (3, 1)))
    assert maps.shape == (3, T, side // 32, side // 32)
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps.mean((2, 3)), logits(network, pictures), rtol=1e-4, atol=1e-5)
    assert abs(maps.max((2, 3)) - logits(network, pictures)).min() > 1e-3  # the maximum is not


@pytest.mark.parametrize("name", ["vgg_a", "vgg_nin"])
def test_the_gradients_cells_add_up_to_the_logit_without_biases(name):
    network = small(name)
    fill_biases(network, 0.0)
    maps = gradient_map(network, PICTURES, np.tile(np.arange(T), (3, 1)))
    assert maps.shape == (3, T, 8, 8)
    np.testing.assert_allclose(maps.sum((2, 3)), logits(network), rtol=1e-3, atol=1e-5)
    fill_biases(network, 0.1)
    maps = gradient_map(network, PICTURES, np.tile(np.arange(T), (3, 1)))
    assert abs(maps.sum((2, 3)) - logits(network)).max() > 0.05  # what the biases add is in no cell


@pytest.mark.parametrize("name", ["vgg_a", "vgg_nin", "vgg_nin_bn", *PLACEMENTS])
def test_a_cell_holds_what_the_logit_gains_where_it_is_raised(name):
    """Each cell's activation raised a little, one after the other, in float64."""
    network = small("hash", hash_layer=name) if name in PLACEMENTS else small(name)
    body = network.convolutions.body if name in PLACEMENTS else network.body
    before_pooling = body.norm4_2 if name == "vgg_nin_bn" else body.conv4_2
    maps, share = gradient_map(network, PICTURES[:1], 4)[0], 1e-5  # small, so that no rectifier bends
    network.double()
    body.register_forward_pre_hook(lambda module, inputs: (inputs[0].double(),))  # the pictures enter as float32

    def gain(row, column, sign):
        def raise_one(module, inputs, output):
            output = output.clone()
            output[:, :, row, column] *= 1 + sign * share
            return output

        hook = before_pooling.register_forward_hook(raise_one)
        value = logits(network, PICTURES[:1])[0, 4]
        hook.remove()
        return value

    for row, column in ((0, 0), (3, 5), (7, 2), (6, 6)):
        slope = (gain(row, column, 1) - gain(row, column, -1)) / (2 * share)
        assert slope == pytest.approx(maps[row, column], rel=1e-3, abs=1e-6)
    assert np.ptp(maps) > 1e-4


def test_each_picture_has_its_own_tags():
    for network in (small("vgg_nin"), small("vgg_a"), small("hash")):
        every = heatmap(network, PICTURES, np.tile(np.arange(T), (3, 1)))
        np.testing.assert_allclose(heatmap(network, PICTURES, 2), every[:, 2], atol=1e-6)
        own = np.array([4, 0, 6])
        np.testing.assert_allclose(heatmap(network, PICTURES, own), every[np.arange(3), own], atol=1e-6)
        assert abs(every[:, 2] - every[:, 3]).max() > 1e-4


def test_vgg_nin_has_its_last_map_and_the_others_a_gradient():
    network = small("vgg_nin")
    assert np.array_equal(heatmap(network, PICTURES, 1), last_map(network, PICTURES, 1))
    for name in ("vgg_a", "hash"):
        assert np.array_equal(heatmap(small(name), PICTURES, 1), gradient_map(small(name), PICTURES, 1))
        with pytest.raises(TypeError, match="gradient_map"):
            last_map(small(name), PICTURES, 1)


@pytest.mark.parametrize(("side", "cells"), [(32, 8), (64, 8), (96, 12), (128, 8), (224, 14)])
def test_the_gradient_is_taken_at_the_deepest_map_of_eight_cells(side, cells):
    pictures = torch.nn.functional.interpolate(PICTURES[:1].float(), size=side)
    assert gradient_map(small("vgg_nin"), pictures, 0).shape == (1, cells, cells)


def test_a_batch_equals_its_items(monkeypatch):
    network = small("vgg_nin")
    together = gradient_map(network, PICTURES, 0), last_map(network, PICTURES, 0)
    monkeypatch.setattr("i2v_lib.models.serving.heatmaps.BATCH", 2)
    for whole, function in zip(together, (gradient_map, last_map), strict=True):
        np.testing.assert_allclose(function(network, PICTURES, 0), whole, rtol=1e-4, atol=1e-6)


def test_the_network_is_left_as_it_was():
    network = small("vgg_a").train()
    with torch.inference_mode():
        inside = gradient_map(network, PICTURES, 0)
    assert np.array_equal(inside, gradient_map(network, PICTURES, 0))
    assert network.training
    assert all(p.grad is None for p in network.parameters())
    assert not any(module._forward_hooks for module in network.modules())
    frozen = small("vgg_a").requires_grad_(False)
    np.testing.assert_allclose(gradient_map(frozen, PICTURES, 0), inside, atol=1e-6)


@pytest.mark.parametrize(
    ("tags", "message"),
    [(T, "0 to 6"), (-1, "0 to 6"), (np.arange(2), "3 pictures"), (0.5, "float64"), (np.array([[[0]]] * 3), "1, 1")],
)
def test_wrong_tags_are_refused(tags, message):
    with pytest.raises(ValueError, match=message):
        heatmap(small("vgg_nin"), PICTURES, tags)


def test_no_picture_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        heatmap(small("vgg_nin"), PICTURES[:0], 0)


def test_resizing_is_bilinear_between_the_centers_of_cells():
    maps = np.random.default_rng(0).normal(size=(2, 3, 4, 4)).astype(np.float32)
    centers, places = (np.arange(4) + 0.5) * 5, np.clip(np.arange(20) + 0.5, 2.5, 17.5)
    rows = np.apply_along_axis(lambda line: np.interp(places, centers, line), -1, maps)
    both = np.apply_along_axis(lambda line: np.interp(places, centers, line), -2, rows)
    np.testing.assert_allclose(resize(maps, 20), both, atol=1e-5)
    assert resize(maps, 20).shape == (2, 3, 20, 20)


def test_a_peak_is_the_center_of_the_hottest_cell():
    maps = np.zeros((2, 2, 4))
    maps[0, 1, 0], maps[1, 0, 3] = 1, 1
    assert peaks(maps).tolist() == [[0.125, 0.75], [0.875, 0.25]]
    assert peaks(np.zeros((1, 1))).tolist() == [0.5, 0.5]
