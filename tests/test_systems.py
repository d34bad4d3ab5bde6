"""The records of Table 2's systems: what they say, and that a network is added by a class and a record."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import i2v_lib
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


CLASS = '''

@register("thin")
class ThinNIN(VGGNIN):
    """VGG + NIN with half the channels."""

    def __init__(self, outputs: int, width: float = 1.0, dropout: float = 0.0, convolutions: int = 3) -> None:
        super().__init__(outputs, width / 2, dropout, convolutions)
'''
RECORD = 'System("thin", "Thin VGG + NIN", color="black"),'
TABLE_2 = """
import json
from i2v_lib.config import load_config
from i2v_lib.evaluation.bootstrap import score_systems
from i2v_lib.run import Run
from i2v_lib.show import paper, style
from i2v_lib.show.{module} import paired_differences, table2_numbers

run = Run(load_config("smoke", pictures=160, minimum_positives=6, epochs=1, surrogate_images=32, bootstrap=20))
logits = {{system: run.logits(system) for system in paper.SYSTEMS}}
test = run.collection().split("test")
scores = score_systems(run.targets()[test], logits, run.vocabulary().blocks, run.config.bootstrap, run.config.seed)

print(json.dumps({{
    "numbers": table2_numbers(scores), "colors": style.MODEL_COLORS, "labels": paper.SYSTEMS,
    "claims": paired_differences(scores),
    "weights": {{name: float(sum(p.double().abs().sum() for p in run.network(name).parameters()))
               for name in ("vgg_a", "vgg_nin", "vgg_nin_bn")}},
}}))
"""


def table_2(package, home):
    """What Table 2 and its figures show of a tiny run, computed by a copy of the package."""
    module = "tag_prediction" if (package / "i2v_lib/show/tag_prediction.py").exists() else "numbers"
    code = TABLE_2.format(module=module)
    environment = {**os.environ, "PYTHONPATH": str(package), "I2V_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=package.anchor, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_class_and_a_record_add_a_network_to_table_2(tmp_path):
    """Nothing else is written; what was there before keeps its weights, numbers, claims, names and colors."""
    source, copy = Path(i2v_lib.__file__).parent, tmp_path / "copy" / "i2v_lib"
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
    networks, systems = copy / "models/networks.py", copy / "models/systems.py"
    networks.write_text(networks.read_text(encoding="utf-8") + CLASS, encoding="utf-8")
    text = systems.read_text(encoding="utf-8")
    assert text.count('    System("random"') == 1
    systems.write_text(text.replace('    System("random"', f'    {RECORD}\n    System("random"'), encoding="utf-8")

    before, after = table_2(source.parent, tmp_path / "before"), table_2(copy.parent, tmp_path / "after")
    order = [*before["labels"]]
    order.insert(order.index("random"), "thin")
    assert list(after["numbers"]) == list(after["labels"]) == list(after["colors"]) == order
    assert (after["labels"].pop("thin"), after["colors"].pop("thin")) == ("Thin VGG + NIN", style.BLACK)
    added = after["numbers"].pop("thin")
    assert all(0 < values["low"] <= values["map"] <= values["high"] for values in added.values() if values["tags"])
    assert added != before["numbers"]["vgg_nin"]
    assert after == before
