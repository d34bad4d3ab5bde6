"""Which weights are taken, and that whoever reads the results is told."""

import dataclasses
import json
import os
import re

import pytest
from numpy.testing import assert_allclose
from test_released import PICTURES
from tiny_released import NAMES, shrink_released, write_released

from i2v_lib.config import load_config
from i2v_lib.models.architecture import Architecture, trained_with
from i2v_lib.models.checkpoints import read_metadata, save_weights
from i2v_lib.models.hash_network import build_hash_network
from i2v_lib.models.networks import build_network
from i2v_lib.models.released.convert import convert_released
from i2v_lib.models.released.files import find_released, missing_released, released_folder, released_vocabulary
from i2v_lib.models.serving.load_weights import run_weights
from i2v_lib.models.tagger import Illustration2Vec
from i2v_lib.models.tagging.choose_weights import best_tagger, file_tagger, of_run, released_tagger, run_tagger


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home of the kit, for which the authors' files are tiny."""
    shrink_released(monkeypatch)
    monkeypatch.setenv("I2V_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def write_run(home, name="vgg_nin", preset="smoke", **settings):
    """A finished network of a run; returns its file."""
    config = load_config("smoke", width=1 / 16, image_size=32, **settings)
    network = build_network("vgg_nin", 9, config) if name == "vgg_nin" else build_hash_network(config, 9)
    vocabulary = json.loads(released_vocabulary(NAMES).to_json())
    start = {"start": {"network": "vgg_nin"}} if name == "hash" else {}
    metadata = {
        "architecture": dataclasses.asdict(Architecture.of(config, name, 9)),
        "trained_with": trained_with(config),
        "vocabulary": vocabulary,
        "settings": {"network": name, **start},
    }
    path = home / "runs" / preset / "networks" / f"{name}-1" / "weights.safetensors"
    save_weights(path, network, metadata)
    return path


def test_a_run_s_own_networks_come_before_those_of_experiments(home):
    """A network with the preset's settings is taken though one with others is newer; without it, the newest is."""
    own = write_run(home)
    experiment = own.parent.with_name("vgg_nin-2") / own.name
    experiment.parent.mkdir()
    experiment.write_bytes(own.read_bytes())
    os.utime(experiment, (own.stat().st_mtime + 10,) * 2)
    assert run_weights("smoke") == (experiment, None)  # neither has the preset's settings
    config = load_config("smoke")
    about = {
        "architecture": dataclasses.asdict(Architecture.of(config, "vgg_nin", 9)),
        "trained_with": trained_with(config),
    }
    save_weights(own, build_network("vgg_nin", 9, config), read_metadata(own) | about)
    os.utime(experiment, (own.stat().st_mtime + 10,) * 2)
    assert run_weights("smoke") == (own, None)


def test_files_are_found_by_their_names(home, tmp_path):
    assert released_folder() == home / "released"
    assert find_released() == {}
    written = write_released(home / "released")
    assert find_released() == written == find_released(str(home / "released"))
    assert find_released(tmp_path / "elsewhere") == {}
    converted = convert_released(**written, out=home / "released")
    assert find_released()["tag_model"] == converted["tags"]
    assert find_released()["feature_model"] == converted["features"]
    written["tag_list"].rename(home / "released" / "tag_list.json.gz")
    assert find_released()["tag_list"].name == "tag_list.json.gz"


def test_what_is_missing_is_named(home):
    tags, features, names = "illust2vec_tag_ver200.caffemodel", "illust2vec_ver200.caffemodel", "tag_list.json"
    assert missing_released() == [tags, features, names]
    assert missing_released(["tags"]) == [tags, names]
    assert missing_released(["features"]) == [features]
    written = write_released(home / "released")
    assert missing_released() == []
    written["tag_list"].unlink()
    assert missing_released() == [names]
    assert missing_released(["features"]) == []
    written["tag_list"].write_text(json.dumps(NAMES))
    convert_released(**written, out=home / "released")
    for path in written.values():
        path.unlink()
    assert missing_released() == []  # the converted ones do without the list
    with pytest.raises(ValueError, match="needs=.*codes.*tags, features"):
        missing_released(["codes"])


def test_without_any_weights_both_ways_to_get_some_are_told(home):
    with pytest.raises(FileNotFoundError, match=r"train smoke --network hash.*_tag_ver200.*tag_list\.json"):
        best_tagger("smoke")
    with pytest.raises(FileNotFoundError, match=r"released lacks .*tag_list\.json.*https://.*v2\.0\.0"):
        released_tagger()
    with pytest.raises(FileNotFoundError, match=r"other lacks illust2vec_ver200\.caffemodel;"):
        released_tagger(home / "other", needs=["features"])


def test_a_run_stands_in_until_the_files_are_there(home, worded):
    write_run(home)
    config = load_config("smoke", width=1 / 16, image_size=32)
    tagger, name, meaning, architecture, preset = best_tagger("smoke", needs=["tags"])
    assert (architecture, preset) == (Architecture.of(config, "vgg_nin", 9), "smoke")
    assert name == "smoke weights"
    assert_allclose(tagger.logits(PICTURES), Illustration2Vec.from_run("smoke").logits(PICTURES), atol=1e-5)
    assert "9 tags (2 general, 2 copyright, 2 character, 3 rating)" in meaning
    assert "drawn" in meaning
    assert "32 × 32 pixels" in meaning
    assert "invented" in meaning
    for awaited in ("illust2vec_tag_ver200.caffemodel", "tag_list.json", "released/"):
        assert awaited in meaning
    worded(meaning)
    with pytest.raises(ValueError, match="no feature network"):
        best_tagger("smoke")
    write_run(home, "hash")
    best = best_tagger("smoke")
    assert best.tagger.extract_feature(PICTURES).shape == (2, 256)
    assert of_run(best.tagger, config, missing_released()) == best

    files = write_released(home / "released")
    chosen = best_tagger("smoke", batch_size=3)
    theirs = Illustration2Vec.from_released(**files)
    assert (chosen.name, chosen.tagger.batch_size, chosen.preset) == ("released weights", 3, "paper")
    assert_allclose(chosen.tagger.logits(PICTURES), theirs.logits(PICTURES), atol=1e-5)
    assert_allclose(chosen.tagger.extract_feature(PICTURES), theirs.extract_feature(PICTURES), atol=1e-5)
    assert "1,539 tags" in chosen.meaning
    assert "drawn" not in chosen.meaning
    files["feature_model"].unlink()
    assert best_tagger("smoke").name == "smoke weights"  # one of the two is not enough
    assert best_tagger("smoke", needs=["tags"]).name == "released weights"


def test_only_what_is_needed_is_read(home):
    files = write_released(home / "released")
    files["feature_model"].write_bytes(b"damaged")
    tagger = released_tagger(needs=["tags"]).tagger
    assert tagger.logits(PICTURES).shape == (2, 9)
    with pytest.raises(ValueError, match="no feature network"):
        tagger.extract_feature(PICTURES)
    with pytest.raises(ValueError, match="illust2vec_ver200"):
        best_tagger("smoke")  # damaged files are no reason to take others in silence


def test_the_data_a_network_learned_from_are_named(home):
    path = write_run(home, preset="demo", collection="/somewhere/my pictures")
    chosen = run_tagger("demo")
    assert re.search("my pictures .*32", chosen.meaning)
    assert "somewhere" not in chosen.meaning
    assert file_tagger(path).name == "weights of weights.safetensors"
    assert file_tagger(path).meaning == chosen.meaning.replace("run demo", "weights.safetensors")
    written = convert_released(**write_released(home / "released"), out=home / "other")
    assert file_tagger(written["tags"]).meaning == released_tagger().meaning
    assert "1,539" in file_tagger(written["features"]).meaning
