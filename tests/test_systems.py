"""The records of Table 2's systems: what they say, and that a network is added by a class and a record."""

import dataclasses

import pytest

from i2v_lib.config import Config, load_config
from i2v_lib.models.networks import build_network, network_class
from i2v_lib.models.systems import SYSTEMS, TRAINED, System
from i2v_lib.run import Run
from i2v_lib.show import paper, style

CONFIG = load_config("smoke", width=1 / 32)


def test_records_are_in_the_order_of_table_2():
    assert [system.kind for system in SYSTEMS] == ["paper"] * 3 + ["ours"] + ["control"] * 2
    assert list(TRAINED) == ["vgg_a", "vgg_nin", "vgg_nin_bn"]
    assert list(paper.SYSTEMS) == list(style.MODEL_COLORS) == [system.name for system in SYSTEMS]
    assert list(paper.TABLE2) == ["pretrained", "vgg_a", "vgg_nin"]
    assert len({system.label for system in SYSTEMS}) == len(SYSTEMS)


@pytest.mark.parametrize("system", TRAINED.values(), ids=TRAINED)
def test_what_a_record_names_is_there(system):
    settings = {system.epochs, system.learning_rate, network_class(system.name).dropout_field}
    assert settings <= {field.name for field in dataclasses.fields(Config)}
    assert system.color in style.PALETTE
    assert build_network(system.name, 7, CONFIG).tags.bias.shape == (7,)


def test_trained_systems_can_be_told_apart():
    for attribute in ("color", "marker"):
        assert len({getattr(system, attribute) for system in TRAINED.values()}) == len(TRAINED)


def test_a_record_s_settings_reach_the_training(tmp_path, monkeypatch):
    monkeypatch.setenv("I2V_HOME", str(tmp_path))
    settings = {"epochs": 3, "epochs_batch_norm": 4, "learning_rate_vgg_a": 0.1, "learning_rate_vgg_nin": 0.2}
    run = Run(load_config("smoke", pictures=40, minimum_positives=2, learning_rate_batch_norm=0.3, **settings))
    found = {name: run.network_inputs(name) for name in TRAINED}
    assert [found[name]["epochs"] for name in TRAINED] == [3, 3, 4]
    assert [found[name]["learning_rate"] for name in TRAINED] == [0.1, 0.2, 0.3]
    with pytest.raises(ValueError, match="'vgg_b'.*vgg_nin_bn"):
        run.network_inputs("vgg_b")


def test_a_new_record_needs_a_name_and_a_label():
    system = System("thin", "Thin net")
    assert system.trained
    assert system.kind == "ours"
    assert system.color in style.PALETTE
