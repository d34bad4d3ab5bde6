"""Settings: what each may be, how they are changed, and how a command line says them."""

import dataclasses
import math
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from i2v_lib.config import FOLDERS, PRESETS, Config, choices_of, load_config, parse_overrides
from i2v_lib.data.crops import DECODERS
from i2v_lib.data.shuffle import SHUFFLES
from i2v_lib.models.hash_network import PLACEMENTS

FIELDS = {field.name: field for field in dataclasses.fields(Config)}
NUMBERS = {name: field.metadata for name, field in FIELDS.items() if field.type in ("int", "float")}
IMPOSSIBLE = {
    "accumulate": 0, "bootstrap": 0, "participants": 0, "trials": 0, "map_illustrations": 0, "artists": 0,
    "titles": 200, "dropout_vgg_a": 1.5, "dropout_vgg_nin": 1.5, "ema": 2.0, "validation_share": 3.0, "warmup": 7.0,
    "general_noise": 5.0, "epochs": 0, "checkpoint_every": 0, "seed": -1, "width": math.nan, "weight_decay": math.inf,
    "code_bits": 0,
    "head_convolutions": 1, "image_size": 31, "learning_rate_vgg_a": 0.0, "path_pairs": 0, "neighbors": 0,
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), IMPOSSIBLE.items())
def test_an_impossible_value_is_refused_at_once(name, value):
    with pytest.raises(ValueError, match=f"^{name}={value}"):
        load_config("smoke", **{name: value})
    with pytest.raises(ValueError, match=f"^{name}={value}"):
        dataclasses.replace(PRESETS["paper"], **{name: value})


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_may_be_its_bound_and_nothing_beyond(name):
    whole, bounds = FIELDS[name].type == "int", NUMBERS[name]
    assert {"low", "above"} & set(bounds), "every number has a lower bound"
    room = {"characters": 512, "titles": 1, "shuffle_buffer": 16384, "shuffle_block": 1}  # so that no two disagree
    room |= {"validation_share": 0.0, "test_share": 0.0}

    def accepted(value):
        try:
            return getattr(load_config("smoke", **room | {name: value}), name) == value
        except ValueError:
            return False

    for bound, limit in bounds.items():
        outwards = -math.inf if bound in ("low", "above") else math.inf
        beyond = limit + (1 if outwards > 0 else -1) if whole else math.nextafter(limit, outwards)
        within = limit - (1 if outwards > 0 else -1) if whole else math.nextafter(limit, -outwards)
        assert accepted(within)
        assert accepted(limit) == (bound in ("low", "high"))
        assert not accepted(beyond)


def test_every_preset_stands_and_is_made_of_its_own_values():
    for name, preset in PRESETS.items():
        assert load_config(name) == Config(**dataclasses.asdict(preset)) == preset
        assert preset.preset == name
    assert choices_of("preset") == tuple(PRESETS)


@pytest.mark.parametrize(
    "together",
    [
        {"titles": 9, "characters": 8},
        {"validation_share": 0.5, "test_share": 0.5},
        {"shuffle_block": 9, "shuffle_buffer": 8},
        {"files_per_second": 4.5, "base_url": None},
    ],
)
def test_settings_that_do_not_agree_are_named(together):
    with pytest.raises(ValueError, match=next(iter(together))) as caught:
        load_config("smoke", **together)
    assert all(name in str(caught.value) for name in together)


def test_settings_that_just_agree_pass():
    load_config("smoke", titles=8, characters=8, validation_share=0.5, test_share=0.49)
    load_config("smoke", shuffle_block=8, shuffle_buffer=8)
    load_config("smoke", files_per_second=50, base_url="http://127.0.0.1:8000")


@pytest.mark.parametrize(
    ("name", "value"),
    [("epochs", 3.0), ("epochs", True), ("epochs", "3"), ("width", None), ("query", None), ("collection", 3)],
)
def test_another_type_is_refused(name, value):
    with pytest.raises(TypeError, match=f"{name}={value!r}.*{type(value).__name__}"):
        load_config("smoke", **{name: value})


def test_a_whole_number_becomes_a_float_where_one_is_meant():
    """So that 1 and 1.0 give one fingerprint."""
    assert (
        repr(load_config("smoke", width=1).width) == repr(dataclasses.replace(PRESETS["smoke"], width=1).width) == "1.0"
    )


def test_a_word_is_one_of_its_field_s():
    assert choices_of("hash_layer") == PLACEMENTS
    assert choices_of("shuffle") == SHUFFLES
    assert choices_of("decode") == DECODERS
    for name in ("source", "pixel_store", "decode", "shuffle", "precision", "compiled", "pretrained", "hash_layer"):
        for choice in choices_of(name):
            assert getattr(load_config("smoke", **{name: choice}), name) == choice
        with pytest.raises(ValueError, match=f"{name}='other'.*{choices_of(name)[1]}"):
            load_config("smoke", **{name: "other"})


def test_a_misspelt_name_is_refused_with_the_nearest():
    with pytest.raises(TypeError, match="'epoch'.*epochs"):
        load_config("smoke", epoch=3)
    with pytest.raises(ValueError, match="'tiny'.*smoke, demo, paper"):
        load_config("tiny")


def test_a_relative_folder_starts_at_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert FOLDERS == ("collection", "illustrations")
    for name in FOLDERS:
        assert parse_overrides([f"{name}=mine"]) == {name: str(tmp_path / "mine")}
    assert parse_overrides(["query=mine"]) == {"query": "mine"}


def test_a_relative_folder_given_in_python_starts_at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("I2V_HOME", str(tmp_path))
    for given in ("mine", Path("mine"), tmp_path / "mine"):
        assert load_config("smoke", collection=given).collection == str(tmp_path / "mine")
        assert dataclasses.replace(PRESETS["smoke"], illustrations=given).illustrations == str(tmp_path / "mine")


def test_a_command_line_can_say_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    optional = [name for name, field in FIELDS.items() if "None" in field.type]
    assert optional == ["collection", "source", "base_url", "illustrations"]
    for name in optional:
        for text in (f"{name}=", f"{name}=None"):
            assert parse_overrides([text]) == {name: None}
            assert getattr(load_config("smoke", **parse_overrides([text])), name) is None
    assert parse_overrides(["collection=./None"]) == {"collection": str(tmp_path / "None")}
    assert parse_overrides(["query=None", "query="]) == {"query": ""}
    with pytest.raises(ValueError, match="epochs='None'.*int"):
        parse_overrides(["epochs=None"])


def test_an_empty_text_is_no_folder():
    for name in ("collection", "illustrations", "base_url"):
        with pytest.raises(ValueError, match=f"{name}=''.*None"):
            load_config("smoke", **{name: ""})


def test_help_comes_at_once():
    """Less than half a second of a processor; the least of three, as others work on this machine, too."""

    def seconds():
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "i2v_lib", "--help"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(3)) < 0.5


def test_settings_import_neither_torch_nor_numpy():
    code = "import sys, i2v_lib.config; print({'numpy', 'torch'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "set()\n"
