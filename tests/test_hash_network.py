"""The hash layer: the released weights' counts, where it is inserted, and that it starts from the tag network."""

import pytest
import torch

from i2v_lib.config import load_config
from i2v_lib.models.hash_network import PLACEMENTS, HashNetwork, build_hash_network
from i2v_lib.models.networks import VGGNIN, VGGModelA, build_network

PICTURES = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 255


def small(placement="flattened", network=None, **overrides):
    config = load_config("smoke", width=1 / 16, image_size=64, code_bits=24, hash_layer=placement, **overrides)
    return build_hash_network(config, 7, network).eval()


def test_released_shape_is_reached():
    """244,646,787 parameters, as the authors' illust2vec_ver200 has."""
    with torch.device("meta"):
        network = HashNetwork(VGGNIN(1539, convolutions=4), 4096, 224)
    assert sum(p.numel() for p in network.parameters()) == 244_646_787
    assert network.encode.weight.shape == (4096, 50_176)


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_a_batch_equals_its_items(placement):
    network = small(placement)
    with torch.inference_mode():
        features, logits = network.features(PICTURES), network(PICTURES)
        alone = torch.cat([network.features(picture[None]) for picture in PICTURES])
    assert features.shape == (3, 24)
    assert logits.shape == (3, 7)
    torch.testing.assert_close(features, alone, rtol=1e-4, atol=1e-5)
    assert (features[0] - features[1]).abs().max() > 1e-3  # other pictures, other features


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_every_weight_is_trained(placement):
    network = small(placement)
    network(PICTURES).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_it_starts_from_the_tag_network_and_leaves_it_alone(placement):
    tags = build_network("vgg_nin", 7, load_config("smoke", width=1 / 16, image_size=64)).eval()
    tags.mean.fill_(100.0)
    network = small(placement, tags)
    with torch.inference_mode():
        assert torch.equal(network.convolutions.features_map(PICTURES), tags.features_map(PICTURES))
        before = tags(PICTURES)
        for p in network.parameters():
            p.zero_()
        assert torch.equal(tags(PICTURES), before)


def test_flattened_features_are_in_the_released_order():
    """Channel, then row, then column: a unit that reads one element of the map."""
    network = small()
    with torch.inference_mode():
        network.encode.weight.zero_()
        network.encode.weight[5, 3 * 4 + 1 * 2 + 0] = 1.0  # channel 3, row 1, column 0 of a 2 × 2 map
        features, maps = network.features(PICTURES), network.convolutions.features_map(PICTURES)
    torch.testing.assert_close(features[:, 5], maps[:, 3, 1, 0])


def test_tags_are_read_from_activations_between_0_and_1():
    network = small()
    with torch.inference_mode():
        network.encode.weight.zero_()
        network.encode.bias.fill_(100.0)
        expected = network.tags.weight.sum(1) + network.tags.bias
        torch.testing.assert_close(network(PICTURES)[0], expected)


def test_bad_arguments_are_told():
    with pytest.raises(ValueError, match="hash_layer='top'.* flattened"):
        small("top")
    with pytest.raises(ValueError, match="code_bits=0"):
        HashNetwork(VGGNIN(7, 1 / 16), 0, 64)
    with pytest.raises(TypeError, match="VGGModelA"):
        HashNetwork(VGGModelA(7, 64, 1 / 16), 8, 64)
    with pytest.raises(ValueError, match="32 × 32 pixels.* 64"):
        small()(PICTURES[:, :, :32, :32])
