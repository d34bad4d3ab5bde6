"""A weights file holds what is needed to build its network, and no more: no setting that others may rename, no path."""

import dataclasses
import json

import pytest
import torch

from i2v_lib import config as config_module
from i2v_lib.config import load_config
from i2v_lib.models.architecture import Architecture, trained_with
from i2v_lib.models.checkpoints import read_metadata, save_weights
from i2v_lib.models.hash_network import PLACEMENTS, HashNetwork, build_hash_network
from i2v_lib.models.networks import NETWORKS, TagNetwork, build_network, register, without_initial_weights
from i2v_lib.models.serving.load_weights import load_network

T = 7
IMAGES = torch.randint(0, 256, (2, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def write(path, name="vgg_nin", changed=None, **overrides):
    """Weights of an untrained network as a run writes them; returns the network."""
    config = load_config("smoke", width=1 / 16, code_bits=24, **overrides)
    network = build_hash_network(config, T) if name == "hash" else build_network(name, T, config)
    architecture = dataclasses.asdict(Architecture.of(config, name, T)) | (changed or {})
    metadata = {"architecture": architecture, "trained_with": trained_with(config), "vocabulary": None}
    save_weights(path, network, metadata)
    return network.eval()


@pytest.mark.parametrize("name", ["vgg_a", "vgg_nin", "vgg_nin_bn", "hash"])
def test_a_network_is_built_from_its_file_alone(name, tmp_path, monkeypatch):
    """Whatever has become of the settings since: they are not even looked at."""
    network = write(tmp_path / "a.safetensors", name, head_convolutions=4)
    monkeypatch.setattr(config_module.Config, "__init__", lambda *_, **__: pytest.fail("a Config was made"))
    loaded = load_network(tmp_path / "a.safetensors")
    assert type(loaded.network) is type(network)
    assert (loaded.architecture.image_size, loaded.architecture.stored_size) == (32, 40)
    assert torch.equal(loaded.network(IMAGES), network(IMAGES))


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_the_hash_layer_stands_where_it_stood(placement, tmp_path):
    network = write(tmp_path / "a.safetensors", "hash", hash_layer=placement)
    loaded = load_network(tmp_path / "a.safetensors").network
    assert (loaded.placement, loaded.encode.weight.shape[0]) == (placement, 24)
    assert torch.equal(loaded.features(IMAGES), network.features(IMAGES))


def test_entries_of_another_version_do_no_harm(tmp_path):
    network = write(tmp_path / "a.safetensors", changed={"attention": True, "depth": 3})
    path = tmp_path / "b.safetensors"
    metadata = read_metadata(tmp_path / "a.safetensors")
    del metadata["architecture"]["code_bits"], metadata["architecture"]["hash_layer"], metadata["trained_with"]
    save_weights(path, network, metadata | {"licence": "MIT"})
    for file in (tmp_path / "a.safetensors", path):
        assert torch.equal(load_network(file).network(IMAGES), network(IMAGES))


@pytest.mark.parametrize("name", ["network", "outputs", "image_size", "stored_size"])
def test_a_size_that_is_missing_or_of_another_kind_is_named(name, tmp_path):
    path = tmp_path / "a.safetensors"
    write(path, changed={name: [1]})
    with pytest.raises(ValueError, match=f"a.safetensors.*{name}"):
        load_network(path)
    architecture = read_metadata(path)["architecture"]
    del architecture[name]
    with pytest.raises(ValueError, match=f"{name} is missing"):
        Architecture.from_metadata({"architecture": architecture})
    with pytest.raises(ValueError, match="architecture"):
        Architecture.from_metadata({})


def test_an_unknown_network_is_named(tmp_path):
    write(tmp_path / "a.safetensors", changed={"network": "resnet"})
    with pytest.raises(ValueError, match="a.safetensors .*'resnet' is unknown.*vgg_a, vgg_nin"):
        load_network(tmp_path / "a.safetensors")


def test_no_path_of_the_user_s_goes_into_a_file(tmp_path):
    folders = {"collection": "/home/ada/secret/my set", "illustrations": "/home/ada/mine"}
    write(tmp_path / "a.safetensors", **folders, base_url="http://ada.example")
    text = json.dumps(read_metadata(tmp_path / "a.safetensors"))
    assert "ada" not in text
    assert "my set" in text  # its name alone, so that readers know what a network learned from
    assert "epochs" not in json.dumps(read_metadata(tmp_path / "a.safetensors")["architecture"])


def test_what_it_was_trained_with_is_what_differs_from_the_preset():
    assert trained_with(load_config("demo")) == {"preset": "demo", "changed": {}, "data": None}
    found = trained_with(load_config("smoke", source="danbooru", epochs=9, ema=0.5))
    assert found["data"] == "danbooru"
    assert found["changed"] == {"source": "danbooru", "epochs": 9, "ema": 0.5}


def test_a_class_of_one_s_own_is_built_and_loaded_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr("i2v_lib.models.networks.NETWORKS", dict(NETWORKS))  # given back afterwards

    class Small(TagNetwork):
        def __init__(self, outputs, width):
            super().__init__(width)
            self.head = torch.nn.Sequential()
            self.tags = torch.nn.Conv2d(self.body.conv5_2.out_channels, outputs, 1)

        @classmethod
        def build(cls, architecture, dropout):
            return cls(architecture.outputs, architecture.width)

        def forward(self, x):
            return self.tags(self.body_map(x)).mean((2, 3))

    assert register("small")(Small) is Small
    network = write(tmp_path / "a.safetensors", "small")
    loaded = load_network(tmp_path / "a.safetensors").network
    assert type(loaded) is Small
    assert torch.equal(loaded(IMAGES), network(IMAGES))


def test_networks_without_initial_weights_have_shapes_and_no_memory():
    before = torch.get_rng_state()
    with without_initial_weights():
        network = build_network("vgg_nin", T, load_config("paper"))
        assert isinstance(HashNetwork(network, 64, 224), torch.nn.Module)
    assert {tensor.device.type for tensor in network.state_dict().values()} == {"meta"}
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.nn.Linear(1, 1).weight.device.type == "cpu"  # afterwards all is as before
