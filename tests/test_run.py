"""Run: what is built once, what is reused, and what a change of a setting builds anew."""

import functools
import re
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from i2v_lib.config import load_config
from i2v_lib.data.fingerprint import code_fingerprint, import_closure
from i2v_lib.evaluation.metrics import average_precision
from i2v_lib.models.systems import SYSTEMS, TRAINED
from i2v_lib.run import Run
from i2v_lib.run import network_run as run_module
from i2v_lib.run.artifacts import Artifacts

TINY = {"pictures": 160, "minimum_positives": 6, "epochs": 1, "surrogate_images": 32, "surrogate_classes": 4}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with a built run."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("hôme of runs")
        patch.setenv("I2V_HOME", str(folder))
        yield folder


@pytest.fixture(scope="module")
def run(home):
    return Run(load_config("smoke", **TINY))


def test_every_system_scores_every_test_picture(run):
    shape = (len(run.collection().split("test")), len(run.vocabulary()))
    for system in (system.name for system in SYSTEMS):
        logits = run.logits(system)
        assert logits.shape == shape, system
        assert np.isfinite(logits).all(), system
        assert logits.dtype == np.float32, system
    assert run.pretrained_source() == "surrogate"


def test_random_scores_are_at_chance(run):
    rows = run.targets()[run.collection().split("test")]
    ap = average_precision(rows, run.logits("random"))
    often = rows.mean(0) > 0.2  # a rare tag's AP is far above its frequency in so few pictures
    assert np.nanmean(ap[often]) == pytest.approx(rows.mean(0)[often].mean(), abs=0.15)


def test_a_second_run_builds_nothing(run, monkeypatch):
    logits = run.logits("vgg_nin")
    history = run.history("vgg_nin")
    for name in ("fit", "draw_collection", "predict"):
        monkeypatch.setattr(run_module, name, lambda *_, **__: pytest.fail("built again"))
    again = Run(run.config)
    assert np.array_equal(again.logits("vgg_nin"), logits)
    assert again.history("vgg_nin") == history
    assert again.network("vgg_nin").training is False


def test_the_same_settings_give_the_same_numbers(run, tmp_path, monkeypatch):
    first = run.logits("vgg_nin")
    monkeypatch.setenv("I2V_HOME", str(tmp_path))
    assert np.array_equal(Run(run.config).logits("vgg_nin"), first)


def test_a_change_trains_again_and_keeps_the_old(run):
    run.network("vgg_nin")
    before = set((run.folder / "networks").iterdir())
    changed = Run(load_config("smoke", **TINY, learning_rate_vgg_nin=3e-3))
    assert not np.array_equal(changed.logits("vgg_nin"), run.logits("vgg_nin"))
    after = set((run.folder / "networks").iterdir())
    assert before < after
    assert len(after) == len(before) + 1


def test_what_a_network_does_not_depend_on_does_not_train_it_again(run, monkeypatch):
    run.network("vgg_nin")
    monkeypatch.setattr(run_module, "fit", lambda *_, **__: pytest.fail("trained again"))
    Run(load_config("smoke", **TINY, bootstrap=7, learning_rate_vgg_a=1e-5)).network("vgg_nin")


def test_an_imported_collection_takes_the_place_of_the_drawn_one(run):
    folder = run.collection().folder
    imported = Run(load_config("smoke", **{**TINY, "pictures": 1}, collection=str(folder)))
    assert len(imported.collection()) == TINY["pictures"]


def test_wrong_names_are_told(run):
    with pytest.raises(ValueError, match="vgg_b.*vgg_nin_bn"):
        run.network("vgg_b")
    with pytest.raises(ValueError, match="resnet.*untrained"):
        run.logits("resnet")
    with pytest.raises(ValueError, match="pictures=0.*collection"):
        Run(load_config("paper")).collection()


def test_pictures_too_small_for_the_networks_are_not_drawn(run, monkeypatch):
    monkeypatch.setattr(run_module, "draw_collection", lambda *_, **__: pytest.fail("drawn"))
    with pytest.raises(ValueError, match="image_size=41, stored_size=40"):
        Run(load_config("smoke", image_size=41)).collection()
    folder = run.collection().folder
    assert len(Run(load_config("smoke", image_size=41, collection=str(folder))).collection()) == TINY["pictures"]


def test_a_run_says_what_stands_and_what_the_rest_took(run, tmp_path, monkeypatch):
    run.train("vgg_nin")
    seconds = run.seconds()
    for name in ("fit", "draw_collection", "predict", "load_weights", "build_network", "pretrained_network"):
        monkeypatch.setattr(run_module, name, lambda *_, **__: pytest.fail("computed for a text"))
    head, stands, *_ = repr(Run(run.config)).splitlines()
    assert "Run('smoke')" in head
    assert str(run.folder) in head
    assert {"collection", "vgg_nin"} <= set(re.findall(r"\w+", stands))
    changed = repr(Run(load_config("smoke", **TINY, seed=3))).splitlines()
    assert len(changed) == 2
    assert changed[1].split()[0] == "missing:"
    assert f"collection ({seconds['draw'] / 60:.1f} min)" in changed[1]
    assert f"vgg_nin ({seconds['train vgg_nin'] / 60:.1f} min)" in changed[1]
    monkeypatch.setenv("I2V_HOME", str(tmp_path))
    assert repr(Run(run.config)).count("time unknown") == 1 + len(TRAINED) + 1
    assert not list(tmp_path.iterdir())
    assert "missing: collection" in repr(Run(load_config("smoke", collection="nowhere")))


def test_stages_are_timed(run):
    run.logits("vgg_a")
    assert {"draw", "train vgg_a"} <= set(run.seconds())
    assert all(seconds > 0 for seconds in run.seconds().values())


def test_an_artifact_that_another_process_builds_is_waited_for(tmp_path, capsys):
    """The lock's holder is named; what it has built is not built again. A holder that dies leaves no lock."""
    built, artifacts = [], Artifacts(tmp_path)
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "x.holder").write_text("process 77 on elsewhere")
    held = threading.Event()

    def hold():
        with FileLock(tmp_path / "locks" / "x.lock"):
            held.set()
            time.sleep(0.3)
            (tmp_path / "x").touch()

    threading.Thread(target=hold).start()
    held.wait()
    artifacts.built("x", (tmp_path / "x").exists, lambda: built.append("twice"))
    assert not built
    assert re.search(r"waiting .*77 on elsewhere.* x\b", capsys.readouterr().err)
    artifacts.built("y", (tmp_path / "y").exists, lambda: built.append("once"))
    assert built == ["once"]


def test_pictures_may_be_packed_and_shuffled_in_blocks(home, run, monkeypatch):
    blocks = {"shuffle": "blocks", "shuffle_block": 4, "shuffle_buffer": 32, "decode": "device"}
    packed, trained = Run(load_config("smoke", **TINY, pixel_store="jpeg", **blocks)), []
    assert (run.collection().store, packed.collection().store) == ("pixels", "jpeg")
    assert packed.collection().posts.equals(run.collection().posts)
    assert packed.network_inputs("vgg_a")["shuffle"] == [4, 32]
    assert not {"shuffle", "decode"} & set(run.network_inputs("vgg_a"))  # whose names stay what they were
    monkeypatch.setattr(run_module, "fit", lambda network, batches, *_, **__: trained.append(batches) or network)
    packed.network("vgg_a")
    assert [(b.block, b.buffer, b.decode) for b in trained] == [(4, 32, "device")]


@pytest.fixture
def changed_code(tmp_path, monkeypatch):
    """Fingerprints of all networks' code, and of the drawn set's, after a change to a copy of the package."""
    package = Path(run_module.__file__).parents[1]
    shutil.copytree(package, tmp_path / "i2v_lib", ignore=shutil.ignore_patterns("__pycache__"))

    def fingerprints(path="config.py", old="", new=""):
        file = tmp_path / "i2v_lib" / path
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new, 1), encoding="utf-8")
        names = [*TRAINED, "hash", "pretrained"]
        found = {name: code_fingerprint(run_module.code_files(name)) for name in names}
        file.write_text(text, encoding="utf-8")
        return found

    monkeypatch.setattr(run_module, "import_closure", functools.partial(import_closure, root=tmp_path))
    return fingerprints


@pytest.mark.parametrize(
    ("path", "old", "new", "others"),
    [
        ("data/batches.py", "generator.random(count) < 0.5", "generator.random(count) < 0", set()),
        ("data/crops.py", "import torch", "import torch\n\nX = 1", set()),
        ("models/loss.py", "import torch", "import torch\n\nX = 1", set()),
        ("models/hash_network.py", "import torch", "import torch\n\nX = 1", {*TRAINED, "pretrained"}),
        ("models/fractals.py", "import numpy", "import math\nimport numpy", {*TRAINED, "hash"}),
    ],
)
def test_a_change_of_code_trains_what_imports_it(changed_code, path, old, new, others):
    before, after = changed_code(), changed_code(path, old, new)
    assert {name for name in before if before[name] == after[name]} == others


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("data/batches.py", '"""Crops, flips and batches', '"""Batches'),
        ("models/loss.py", "\n\n\ndef", "\n\n\n# why\ndef"),
        ("models/systems.py", '"VGG + NIN"', '"VGG and NIN"'),
        ("drawn/sheet.py", "from __future__", "X = 1\nfrom __future__"),
        ("show/style.py", "from __future__", "X = 1\nfrom __future__"),
        ("config.py", "from __future__", "X = 1\nfrom __future__"),
    ],
)
def test_what_decides_no_weight_trains_nothing(changed_code, path, old, new):
    assert changed_code(path, old, new) == changed_code()


def test_code_that_decides_weights_lies_in_two_rooms():
    package = Path(run_module.__file__).parents[1]
    for name in (*TRAINED, "hash", "pretrained"):
        files = [path.relative_to(package) for path in run_module.code_files(name)]
        assert {path.parts[0] for path in files} == {"data", "models"}
        assert {"batches.py", "training.py", "loss.py", "networks.py"} <= {path.name for path in files}
        assert len(files) < 20
