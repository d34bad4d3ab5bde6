"""The commands about weights and tags, as a user gives them: what they print, write, keep and refuse."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.testing import assert_allclose
from PIL import Image
from sklearn.metrics import average_precision_score
from test_choose_weights import write_run
from test_evaluate_released import make
from test_new_tags import write_pictures
from test_released import PICTURES
from tiny_released import NAMES, shrink_released, write_released

from i2v_lib.__main__ import main
from i2v_lib.models.released.files import SOURCES
from i2v_lib.models.tagger import Illustration2Vec
from i2v_lib.show.released import replace_sources

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home of the kit, for which the authors' files are tiny."""
    shrink_released(monkeypatch)
    monkeypatch.setenv("I2V_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def released(home):
    """The authors' files in their place, as arguments of ``from_released``."""
    return write_released(home / "released")


@pytest.fixture
def pictures(tmp_path):
    """Two pictures, and a file that is none."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i, picture in enumerate(PICTURES):
        Image.fromarray(picture).save(folder / f"{i}.png")
    (folder / "notes.pdf").write_bytes(b"no picture")
    return folder


def refused(capsys, *arguments):
    """The one line that a command ends with."""
    capsys.readouterr()
    assert main([str(argument) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error


# --- convert-released


def test_the_authors_files_are_converted_once(home, released, capsys):
    assert main(["convert-released"]) == 0
    first = capsys.readouterr().out
    tags, features = (home / "released" / f"illust2vec_{name}ver200.safetensors" for name in ("tag_", ""))
    assert f"{tags}: 47,001,475 parameters, {tags.stat().st_size:,} bytes; written" in first
    assert f"{features}: 244,646,787 parameters, {features.stat().st_size:,} bytes; written" in first
    before = [path.stat().st_mtime_ns for path in (tags, features)]
    assert main(["convert-released"]) == 0
    assert capsys.readouterr().out.count("there already, kept") == 2
    assert [path.stat().st_mtime_ns for path in (tags, features)] == before
    assert main(["convert-released", "--overwrite"]) == 0
    assert capsys.readouterr().out.count("written") == 2
    assert all(path.stat().st_mtime_ns > time for path, time in zip((tags, features), before, strict=True))


def test_conversion_names_the_cure(home, released, tmp_path, capsys):
    out = ("--out", tmp_path / "out")
    error = refused(capsys, "convert-released", "--tag-model", released["feature_model"], *out)
    assert re.search(r"--tag-list: .*tag_list\.json", error)
    given = ("--tag-model", released["feature_model"], "--tag-list", released["tag_list"])
    error = refused(capsys, "convert-released", *given, *out)
    assert re.search(r"feature model \(illust2vec_ver200\); .*illust2vec_tag_ver200\.caffemodel", error)
    assert not (tmp_path / "out").exists()
    main(["convert-released"])
    released["tag_model"].write_bytes(write_released(tmp_path / "other")["tag_model"].read_bytes()[:-5])
    assert "--overwrite: " in refused(capsys, "convert-released")
    assert "truncated" in refused(capsys, "convert-released", "--overwrite")
    assert Illustration2Vec.from_weights(home / "released" / "illust2vec_tag_ver200.safetensors")  # the whole one stays
    for path in (home / "released").iterdir():
        path.unlink()
    error = refused(capsys, "convert-released")
    assert re.search(r"neither illust2vec_tag_ver200\.caffemodel nor illust2vec_ver200\.caffemodel", error)
    assert str(home / "released") in error


# --- tag


@pytest.mark.parametrize("format", ["txt", "json", "csv"])
def test_a_folder_is_tagged(released, pictures, capsys, format):
    command = ["tag", str(pictures), "--format", format, "--threshold", "0.5"]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "released weights" in out.split("\n")[0]
    assert re.search(r"^2 tagged; 0 .*; 1 skipped", out, re.MULTILINE)
    assert "not_an_image: notes.pdf" in out
    expected = Illustration2Vec.from_released(**released).estimate_plausible_tags(list(PICTURES), 0.5)
    for i, tags in enumerate(expected):
        general = [tag for tag, _ in tags["general"]]
        if format == "json":
            assert json.loads((pictures / f"{i}.json").read_text())["tags"]["general"] == general
        elif format == "txt":
            assert (pictures / f"{i}.txt").read_text().split(", ")[: len(general)] == general
        else:
            assert f"{i}.png," in (pictures / "tags.csv").read_text()
    if format == "csv":
        assert "force" in refused(capsys, *command)
        assert main([*command, "--force"]) == 0
        return
    sidecar = pictures / f"0.{format}"
    sidecar.write_text("mine")
    assert main(command) == 0
    assert re.search("^0 tagged; 2 .*kept", capsys.readouterr().out, re.MULTILINE)
    assert sidecar.read_text() == "mine"
    assert main([*command, "--force"]) == 0
    assert "2 tagged" in capsys.readouterr().out
    assert sidecar.read_text() != "mine"


def test_whose_weights_tag(home, pictures, capsys):
    """The authors' if they are there, else the demo run's; or those that are named."""
    assert "train demo --network hash" in refused(capsys, "tag", pictures)
    assert "lacks illust2vec_tag_ver200.caffemodel" in refused(capsys, "tag", pictures, "--released")
    demo, smoke = write_run(home, preset="demo"), write_run(home, preset="smoke", seed=1)
    written = {}
    for name, options in {
        "best": [],
        "demo": ["--run", "demo"],
        "smoke": ["--run", "smoke"],
        "file": ["--weights", smoke],
    }.items():
        assert main(["tag", str(pictures), "--format", "json", "--force", *map(str, options)]) == 0
        written[name] = capsys.readouterr().out, (pictures / "0.json").read_text()
    assert written["best"][1] == written["demo"][1] == as_json_of(demo, pictures / "0.png")
    assert written["smoke"][1] == written["file"][1] == as_json_of(smoke, pictures / "0.png")
    assert written["smoke"][1] != written["demo"][1]
    assert re.search("run demo: 9 tags", written["best"][0])
    assert re.search(r"illust2vec_tag_ver200\.caffemodel and tag_list\.json .*released/", written["best"][0])
    write_released(home / "elsewhere")
    assert main(["tag", str(pictures), "--force", "--released", str(home / "elsewhere")]) == 0
    assert "released weights" in capsys.readouterr().out.split("\n")[0]
    with pytest.raises(SystemExit, match="2"):
        main(["tag", str(pictures), "--run", "demo", "--weights", "a"])


def as_json_of(weights, picture):
    from i2v_lib.models.tagging.tag_files import as_json

    return as_json(Illustration2Vec.from_weights(weights).estimate_plausible_tags(picture)[0])


def test_one_picture_s_tags_are_printed(released, pictures, capsys):
    assert main(["tag", str(pictures / "0.png"), "--format", "json", "--threshold", "0.5"]) == 0
    found = json.loads(capsys.readouterr().out)
    tags = Illustration2Vec.from_released(**released).estimate_plausible_tags(pictures / "0.png", 0.5)[0]
    assert found["tags"]["character"] == [tag for tag, _ in tags["character"]]
    assert sorted(path.name for path in pictures.iterdir()) == ["0.png", "1.png", "notes.pdf"]
    error = refused(capsys, "tag", pictures / "notes.pdf")
    assert "notes.pdf" in error
    assert error.count("not_an_image") == 1


def test_wrong_options_of_tag(released, pictures, capsys):
    before = sorted(pictures.iterdir())
    for options, text in (
        (["--rule", "f1"], "--rule f1: needs a threshold for each tag"),
        (["--threshold", "25"], "--threshold 25.0: it is a probability; give 0 to 1"),
        (["--threshold", "nan"], "--threshold nan: it is a probability"),
        (["--thresholds", pictures / "none.npz"], "none.npz' is no file; python -m i2v_lib thresholds makes one"),
        (["--device", "nonsense"], "--device nonsense: cannot be used"),
        (["--batch-size", "0"], "--batch-size 0: a batch holds at least one picture"),
        (["--thresholds", pictures / "0.png"], "is no npz file with the array 'threshold'"),
        (["--weights", pictures / "nowhere.safetensors"], "nowhere.safetensors does not exist"),
    ):
        assert text in refused(capsys, "tag", pictures, *options)
    assert re.search("none.* folder", refused(capsys, "tag", pictures / "none"))
    assert "--threshold 2.0: it is" in refused(capsys, "tag", pictures / "0.png", "--threshold", "2")
    assert sorted(pictures.iterdir()) == before
    for picture in before:
        picture.unlink()
    assert "holds no pictures" in refused(capsys, "tag", pictures)


# --- thresholds, evaluate-released, export-onnx


@pytest.fixture
def collection(tmp_path):
    """Sixty pictures: 40 to test, of the rest 20 to validate; tags by chance, one of which no tagger knows."""

    def tagged(i):
        rng = np.random.default_rng([3, i])
        general = [tag for tag in ("smile", "hat", "unknown") if rng.random() < 0.5]
        rating = ("safe", "questionable")[rng.integers(2)]
        post = {"general": general, "character": ["rin"] * (i % 2), "rating": rating}
        return post | {"split": "test" if i < 40 else "val"}

    return make(tmp_path / "my set", tagged)


def test_thresholds_are_made_and_used(released, collection, pictures, tmp_path, capsys):
    out = tmp_path / "new" / "thresholds.npz"
    assert main(["thresholds", str(collection.folder), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert re.search("F0.5, F1 .*F2 .*2 of 2 general, 0 of 2 copyright, 1 of 2 character, 2 of 3 rating", said)
    with np.load(out) as arrays:
        theirs = arrays["threshold"]  # in the order of the authors' list
    assert theirs.shape == (9, 3)
    assert (theirs[[NAMES.index("mei"), NAMES.index("stars"), NAMES.index("explicit")]] == 0.25).all()
    assert (theirs[[0, 1, NAMES.index("rin")]] != 0.25).all()
    assert "pass --overwrite, or another --out" in refused(capsys, "thresholds", collection.folder, "--out", out)
    rule = ["--rule", "f0.5", "--thresholds", str(out), "--format", "json", "--force"]
    assert main(["tag", str(pictures), *rule]) == 0
    tagger = Illustration2Vec.from_released(**released, thresholds=out)
    for i, tags in enumerate(tagger.estimate_plausible_tags(list(PICTURES), threshold_rule="f0.5")):
        found = json.loads((pictures / f"{i}.json").read_text())["tags"]
        assert found["general"] == [tag for tag, _ in tags["general"]]
    error = refused(capsys, "thresholds", collection.folder, "--out", tmp_path / "b.npz", "--split", "train")
    assert re.search("train split .*empty", error)
    assert not (tmp_path / "b.npz").exists()


def test_table_2_of_released_weights(home, released, collection, capsys):
    assert main(["evaluate-released", str(collection.folder), "--resamples", "50"]) == 0
    out = capsys.readouterr().out
    folder = home / "runs" / "evaluations" / "my set, released weights"
    assert sorted(path.suffix for path in folder.iterdir()) == [".csv", ".json", ".pdf", ".png"]
    record = json.loads((folder / "table2_weights.json").read_text())
    rows = {row["category"]: row for row in record["numbers"]}
    assert list(rows) == ["general", "copyright", "character", "rating"]
    tagger, test = Illustration2Vec.from_released(**released), collection.split("test")
    logits = tagger.logits(collection.pixels[row] for row in test)
    general = collection.posts.column("general").take(test).to_pylist()
    truth = np.array([[tag in tags for tag in ("smile", "hat")] for tags in general])
    expected = np.mean([average_precision_score(truth[:, t], logits[:, t]) for t in range(2)])
    assert rows["general"]["map"] == pytest.approx(100 * expected, abs=1e-3)
    assert rows["general"]["low"] < rows["general"]["map"] < rows["general"]["high"]
    assert rows["general"]["random_map"] != rows["general"]["map"]
    known = truth.sum() / (truth.sum() + sum("unknown" in tags for tags in general))
    assert rows["general"]["share_known"] == pytest.approx(100 * known, abs=1e-3)
    assert (rows["general"]["matched"], rows["general"]["vocabulary"], rows["general"]["paper"]) == (2, 2, 32.2)
    assert (rows["copyright"]["map"], rows["copyright"]["tags"], rows["copyright"]["matched"]) == (None, 0, 0)
    assert record["sources"]["weights"] == "released weights"
    assert "my set (test split)" in record["caption"]
    lines = {line.split("  ")[0]: line for line in out.splitlines()}
    assert lines["Paper: VGG + NIN, other pictures"].split()[-4:] == ["32.2", "27.8", "57.4", "85.9"]
    assert lines["Tags scored"].split()[-4:] == ["2", "0", "1", "2"]
    for name, key in (("Released weights", ""), ("Random scores (control)", "random_")):
        value, low, high = (rows["general"][f"{key}{part}"] for part in ("map", "low", "high"))
        assert f"{value:.1f} [{low:.1f}, {high:.1f}]" in lines[name]
    assert str(folder) in out


def test_another_split_and_folder_of_the_table(home, collection, tmp_path, capsys):
    write_run(home)
    command = ["evaluate-released", str(collection.folder), "--run", "smoke", "--split", "all", "--resamples", "20"]
    assert main([*command, "--out", str(tmp_path / "out"), "--seed", "3"]) == 0
    record = json.loads((tmp_path / "out" / "table2_weights.json").read_text())
    assert (record["preset"], record["seed"], record["sources"]["split"]) == ("smoke", 3, "all")
    assert "60 illustrations" in capsys.readouterr().out


def test_exports_compute_what_the_tagger_does(released, tmp_path, capsys):
    tagger = Illustration2Vec.from_released(**released)
    tags, codes = tmp_path / "tags.onnx", tmp_path / "codes.onnx"
    assert main(["export-onnx", "--out", str(tags)]) == 0
    assert "logits, scores" in capsys.readouterr().out
    assert main(["export-onnx", "--out", str(codes), "--codes", "--pixels", "uint8", "--released"]) == 0
    assert "uint8, N × 3 × 64 × 64" in capsys.readouterr().out
    given = torch.cat(list(tagger.prepare(list(PICTURES)))).contiguous().numpy()
    (logits,) = onnxruntime.InferenceSession(tags).run(["logits"], {"images": given.astype(np.float32)})
    assert_allclose(logits, tagger.logits(list(PICTURES)), atol=1e-4)
    (found,) = onnxruntime.InferenceSession(codes).run(["codes"], {"images": given})
    assert np.array_equal(found, tagger.extract_binary_feature(list(PICTURES)))
    assert "pass --overwrite, or another --out" in refused(capsys, "export-onnx", "--out", tags)
    assert ".onnx" in refused(capsys, "export-onnx", "--out", tmp_path / "codes")
    assert "--opset 3: use 13 to" in refused(capsys, "export-onnx", "--out", tmp_path / "c.onnx", "--opset", 3)
    assert sorted(path.name for path in tmp_path.glob("*.onnx*")) == ["codes.onnx", "tags.onnx"]


# --- the README


def test_the_readme_tells_where_the_files_are():
    assert replace_sources(README) == README, "run: python benchmarks/readme.py"
    for file in SOURCES.values():
        assert all(f"]({address})" in README for address in (*file.addresses, *file.copies))
    assert "188,005,900" in README  # four bytes a weight


def test_the_readme_s_section_runs(home, released, collection, pictures, monkeypatch, capsys):
    """Its commands and its code, in order, with tiny networks: in the clone, with what it names beside it."""
    (pictures / "0.png").rename(pictures / "picture.png")
    (home / "picture.png").write_bytes((pictures / "picture.png").read_bytes())
    collection.folder.rename(home.parent / "touhou")
    write_pictures(home.parent / "mine" / "red square", 12, 1)
    write_run(home, preset="demo")
    monkeypatch.chdir(home)
    section = re.search(r"^## Tagging\n(.*?)^## ", README, re.DOTALL | re.MULTILINE)[1]
    blocks = re.findall(r"^```(sh|python)\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    assert [kind for kind, _ in blocks] == ["python", "sh", "python", "sh"]
    commands = set()
    for kind, text in blocks:
        if kind == "python":
            exec(text, {})
            continue
        for line in text.splitlines():
            words = shlex.split(line, comments=True)[3:]
            assert main(words) == 0, line
            commands.add(words[0])
    assert commands == {"convert-released", "tag", "thresholds", "evaluate-released", "export-onnx", "add-tags"}
    assert "'general': [" in capsys.readouterr().out
    for name in ("picture.txt", "picture.json", "tags.csv"):
        assert (pictures / name).exists()
    assert (home / "thresholds.npz").exists()
    assert (home / "codes.onnx").exists()
