"""Networks: the paper's counts, an independent body, and invariances."""

import pytest
import torch
from torchvision.models.vgg import cfgs, make_layers

from i2v_lib.config import load_config
from i2v_lib.models.networks import SCALE, VGGNIN, VGGModelA, build_network, set_prior
from i2v_lib.show.networks import layer_table

PICTURES = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 255


def count(module):
    return sum(p.numel() for p in module.parameters())


def full(build, *arguments, **options):
    with torch.device("meta"):
        return build(*arguments, **options)


def small(name, image_size=64, **overrides):
    config = load_config("smoke", width=1 / 16, image_size=image_size, **overrides)
    return build_network(name, 7, config).eval()


def test_parameters_are_the_papers():
    vgg_a, vgg_nin = full(VGGModelA, 1539), full(VGGNIN, 1539)
    assert count(vgg_a) == 135_071_619
    assert count(vgg_nin) == 37_563_267
    assert count(vgg_a.body) == count(vgg_nin.body) == 9_220_480


def test_released_variant_is_one_argument_away():
    released = full(VGGNIN, 1539, convolutions=4)
    assert count(released) == 47_001_475
    counts = {row["name"]: row["parameters"] for row in layer_table(released, 224)}
    assert counts["conv3_2"] == 590_080
    assert counts["conv6_3"] == 9_438_208
    assert counts["tags"] == 14_184_963


def test_body_computes_what_torchvisions_model_a_computes():
    ours, theirs = VGGNIN(5).body, make_layers(cfgs["A"], batch_norm=False)
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
    x = PICTURES[:1, :, :32, :32]
    torch.testing.assert_close(ours(x), theirs(x))


def test_layer_table_lists_table_1():
    rows = layer_table(full(VGGNIN, 1539), 224)
    assert [(row["layer"], row["output"]) for row in rows[-5:]] == [
        ("max-pool", (512, 7, 7)),
        ("conv3-1024", (1024, 7, 7)),
        ("conv3-1024", (1024, 7, 7)),
        ("conv3-1539", (1539, 7, 7)),
        ("average-pool", (1539, 1, 1)),
    ]
    assert [row["output"] for row in rows if row["layer"] == "max-pool"] == [
        (64, 112, 112), (128, 56, 56), (256, 28, 28), (512, 14, 14), (512, 7, 7),
    ]  # fmt: skip
    rows = layer_table(full(VGGModelA, 1539), 224)
    assert [row["layer"] for row in rows[-3:]] == ["FC-4096", "FC-4096", "FC-1539"]
    assert sum(row["parameters"] for row in rows) == 135_071_619


@pytest.mark.parametrize("name", ["vgg_a", "vgg_nin", "vgg_nin_bn"])
def test_layer_table_leaves_the_network_as_it_was(name):
    network = small(name)
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    rows = layer_table(network, 64)
    assert sum(row["parameters"] for row in rows) == count(network)
    assert all(torch.equal(before[key], tensor) for key, tensor in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())


@pytest.mark.parametrize("size", [32, 64, 72, 96])
def test_shapes_at_several_sizes(size):
    x = torch.zeros(2, 3, size, size)
    nin, side = small("vgg_nin"), size // 32
    assert nin.features_map(x).shape == (2, 64, side, side)
    assert nin.tag_map(x).shape == (2, 7, side, side)
    assert nin(x).shape == (2, 7)
    assert small("vgg_a", image_size=size)(x).shape == (2, 7)


def test_pooled_tag_map_is_the_output():
    network = small("vgg_nin")
    maps = network.tag_map(PICTURES)
    torch.testing.assert_close(network(PICTURES), maps.mean(dim=(2, 3)))
    assert (maps < 0).any()  # a ReLU before the sigmoid would forbid every probability below one half
    assert (network.features_map(PICTURES) >= 0).all()


@pytest.mark.parametrize("name", ["vgg_a", "vgg_nin", "vgg_nin_bn"])
def test_a_batch_equals_its_items(name):
    network = small(name)
    items = torch.cat([network(PICTURES[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(network(PICTURES), items, rtol=1e-4, atol=1e-5)
    assert (items[0] - items[1]).abs().max() > 1e-3  # the tolerance is far below what pictures differ by


def test_uint8_and_float_pictures_give_the_same():
    network, pictures = small("vgg_nin"), PICTURES.to(torch.uint8)
    assert torch.equal(network(pictures), network(pictures.float()))


def test_mean_is_subtracted_and_scaled():
    network = small("vgg_nin")
    network.mean.copy_(torch.tensor([10.0, 20.0, 30.0]))
    x = torch.tensor([10.0, 20.0, 30.0]).view(1, 3, 1, 1).expand(1, 3, 32, 32) + 1 / SCALE
    assert torch.equal(network.body_map(x), network.body(torch.ones(1, 3, 32, 32)))


@pytest.mark.parametrize(("name", "dropout"), [("vgg_a", "dropout_vgg_a"), ("vgg_nin", "dropout_vgg_nin")])
def test_dropout_acts_in_training_only(name, dropout):
    network = small(name, **{dropout: 0.5})
    assert torch.equal(network(PICTURES), network(PICTURES))
    network.train()
    assert not torch.equal(network(PICTURES), network(PICTURES))


def test_set_prior_predicts_the_frequencies_of_an_empty_map():
    priors = torch.tensor([0.5, 0.25, 0.01, 0.9, 0.1, 0.0, 1.0])
    for name in ("vgg_a", "vgg_nin"):
        network = small(name)
        set_prior(network, priors)
        torch.nn.init.zeros_(network.tags.weight)
        scores = network(PICTURES).sigmoid()
        torch.testing.assert_close(scores, priors.expand(3, 7), rtol=1e-5, atol=2e-6)
        assert network.tags.bias.isfinite().all()
    with pytest.raises(ValueError, match="pass 7"):
        set_prior(network, torch.tensor([0.5]))


def test_he_initialization_keeps_the_signal_alive_through_the_body():
    network = build_network("vgg_nin", 7, load_config("smoke", width=0.25))
    noise = torch.randn(8, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert 0.5 < network.body(noise).square().mean() < 50
    for module in network.modules():  # control: under PyTorch's default it fades
        if isinstance(module, torch.nn.Conv2d):
            module.reset_parameters()
    assert network.body(noise).square().mean() < 0.01


def test_the_seed_decides_the_weights():
    first, again, other = small("vgg_nin"), small("vgg_nin"), small("vgg_nin", seed=1)
    assert torch.equal(first.tags.weight, again.tags.weight)
    assert not torch.equal(first.tags.weight, other.tags.weight)


def test_build_network_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    small("vgg_a")
    assert torch.equal(torch.rand(1), expected)


def test_errors_name_the_cure():
    with pytest.raises(ValueError, match="vgg_nin_bn"):
        build_network("resnet", 7, load_config("smoke"))
    with pytest.raises(ValueError, match="96 × 96 pixels.*64"):
        small("vgg_a")(torch.zeros(1, 3, 96, 96))
    with pytest.raises(ValueError, match="at least 32"):
        small("vgg_nin")(torch.zeros(1, 3, 31, 31))
    with pytest.raises(ValueError, match="at least 32"):
        VGGModelA(7, image_size=16)
