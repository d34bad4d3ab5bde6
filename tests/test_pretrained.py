import socket

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import VGG16_Weights, vgg16

from i2v_lib.config import load_config
from i2v_lib.models import pretrained
from i2v_lib.models.pretrained import (
    imagenet_network,
    pretrained_features,
    pretrained_network,
    surrogate_network,
    train_surrogate,
    untrained_network,
)

TINY = {"surrogate_classes": 4, "surrogate_images": 64, "surrogate_epochs": 1, "width": 0.05}


@pytest.fixture(autouse=True)
def no_network_and_an_empty_cache(monkeypatch, tmp_path):
    def refuse(*_):
        raise OSError("network blocked")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(pretrained, "HELD_OUT", 320)


@pytest.fixture
def cached_imagenet(tmp_path):
    """Put weights with VGG-16's names and shapes in PyTorch's cache: zeros, but for the bias of fc7.

    An expanded zero is stored once, so the file is small.
    """
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in vgg16().state_dict().items()}
    state = {name: torch.zeros(1).expand(shape) for name, shape in shapes.items()}
    state["classifier.3.bias"] = torch.arange(4096.0) - 2048
    path = tmp_path / "torch/hub/checkpoints" / VGG16_Weights.IMAGENET1K_V1.url.rpartition("/")[2]
    path.parent.mkdir(parents=True)
    torch.save(state, path)


def pictures(count, size):
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


@pytest.mark.usefixtures("cached_imagenet")
def test_cached_imagenet_weights_give_fc7_after_its_relu(tmp_path):
    config = load_config("smoke", pretrained="auto")
    network, source = pretrained_network(config, tmp_path, offline=True)
    assert source == "ImageNet"
    assert not network.training
    features = pretrained_features(network, source, pictures(1, 40), np.array([0]), config)
    assert features.dtype == np.float32
    assert np.array_equal(features[0], np.maximum(np.arange(4096) - 2048, 0))


def test_auto_falls_back_on_a_surrogate_and_says_so(tmp_path, capsys):
    config = load_config("smoke", pretrained="auto", **TINY)
    _, source = pretrained_network(config, tmp_path)
    assert source == "surrogate"
    assert "network blocked" in capsys.readouterr().out


def test_imagenet_without_a_network_is_an_error(tmp_path):
    config = load_config("smoke", pretrained="imagenet")
    with pytest.raises(OSError, match="blocked"):
        pretrained_network(config, tmp_path)
    with pytest.raises(FileNotFoundError, match=r"vgg16.*put https"):
        imagenet_network(offline=True)


def test_a_damaged_download_is_an_oserror_and_the_time_limit_is_lifted_again(monkeypatch):
    limits = []

    def download(url, path, hash_prefix):
        limits.append(socket.getdefaulttimeout())
        assert hash_prefix == "397923af"
        raise RuntimeError("invalid hash value")

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    with pytest.raises(OSError, match="damaged"):
        imagenet_network()
    assert limits == [pretrained.STALL]
    assert socket.getdefaulttimeout() is None


def test_unknown_choice_is_named(tmp_path):
    with pytest.raises(ValueError, match="pretrained='photos'"):
        pretrained_network(load_config("smoke", pretrained="photos"), tmp_path)


def test_pictures_are_resized_whole_and_scaled_as_torchvision_does():
    config = load_config("smoke")
    flat = np.full((1, 40, 40, 3), (10, 100, 250), np.uint8)
    for source, size in (("ImageNet", 224), ("surrogate", config.image_size)):
        features = pretrained_features(nn.Flatten(), source, flat, np.array([0]), config)
        expected = VGG16_Weights.IMAGENET1K_V1.transforms()(torch.tensor(flat[0]).permute(2, 0, 1))[:, 0, 0]
        planes = features.reshape(3, size, size)
        np.testing.assert_allclose(planes, np.broadcast_to(expected.numpy()[:, None, None], planes.shape), atol=1e-4)
    halves = flat.copy()
    halves[:, :, 20:] = 0
    features = pretrained_features(nn.Flatten(), "ImageNet", halves, np.array([0]), config)
    row = features.reshape(3, 224, 224)[2, 100]
    assert (row > row.mean()).sum() == 112


def test_features_do_not_depend_on_the_batch_and_follow_the_indices(monkeypatch):
    config = load_config("smoke")
    network, pixels, rows = untrained_network(config), pictures(9, config.stored_size), np.array([7, 0, 3, 8])
    features = pretrained_features(network, "surrogate", pixels, rows, config)
    assert features.shape == (4, 512)
    monkeypatch.setattr(pretrained, "BATCH", 3)
    np.testing.assert_allclose(pretrained_features(network, "surrogate", pixels, rows, config), features, atol=1e-4)
    one = pretrained_features(network, "surrogate", pixels, rows[2:3], config)
    np.testing.assert_allclose(one[0], features[2], atol=1e-4)
    assert np.abs(features[0] - features[1]).max() > 0.1
    with pytest.raises(ValueError, match="indices is empty"):
        pretrained_features(network, "surrogate", pixels, rows[:0], config)


def test_untrained_network_is_vgg_16_and_follows_the_seed():
    network = untrained_network(load_config("smoke", width=1.0 / 16, image_size=64))
    kinds = [type(module).__name__ for module in network]
    assert kinds.count("Conv2d") == 13
    assert kinds.count("Linear") == 2
    assert [m.out_channels for m in network if isinstance(m, nn.Conv2d)] == [4, 4, 8, 8] + [16] * 3 + [32] * 6
    first, again = (untrained_network(load_config("smoke")).conv1_1.weight for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, untrained_network(load_config("smoke", seed=1)).conv1_1.weight)
    with pytest.raises(ValueError, match="image_size=31"):
        untrained_network(load_config("smoke", image_size=31))


def test_a_trained_surrogate_names_fractals_and_an_untrained_one_does_not():
    learn = {"surrogate_classes": 3, "surrogate_images": 1280, "surrogate_epochs": 1, "batch_size": 16}
    _, trained = train_surrogate(load_config("smoke", **learn))
    _, untrained = train_surrogate(load_config("smoke", **learn | {"surrogate_images": 32}))
    assert trained > 0.48  # chance is 0.33
    assert untrained < 0.42


def test_surrogate_is_deterministic_and_reused_until_a_setting_changes(tmp_path, monkeypatch, capsys):
    config = load_config("smoke", **TINY)
    first = surrogate_network(config, tmp_path / "one").state_dict()
    again = surrogate_network(config, tmp_path / "two").state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    line = capsys.readouterr().out.splitlines()[-1]
    assert "held-out" in line
    assert "chance 25.0%" in line

    def refuse(_):
        raise AssertionError("trained again")

    monkeypatch.setattr(pretrained, "train_surrogate", refuse)
    kept = surrogate_network(load_config("smoke", **TINY, epochs=9), tmp_path / "one").state_dict()
    assert all(torch.equal(first[name], kept[name]) for name in first)
    assert capsys.readouterr().out.splitlines()[-1] == line
    with pytest.raises(AssertionError, match="trained again"):
        surrogate_network(load_config("smoke", **TINY, seed=5), tmp_path / "one")
