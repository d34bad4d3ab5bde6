"""The command line, the Makefile, and every command that the README and CONTRIBUTING.md show."""

import argparse
import errno
import os
import re
import shlex
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from papermill import PapermillExecutionError
from PIL import Image
from torch.distributed.run import get_args_parser

from i2v_lib.__main__ import build_parser, main
from i2v_lib.cli import doctor, reproduce
from i2v_lib.config import load_config, parse_overrides, results_folder, run_folder
from i2v_lib.data.collection import open_collection
from i2v_lib.system.errors import ArgumentError
from tests.booru_server import BooruServer, rule

ROOT = Path(__file__).resolve().parent.parent
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = re.search(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)[1].split()
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "benchmarks/README.md")
COMMANDS = build_parser()._subparsers._group_actions[0].choices
SERVER = ROOT / "tests" / "booru_server" / "__main__.py"


def shown_commands():
    """Lines of the ```sh blocks of our documents, without comments."""
    for name in DOCUMENTS:
        text = (ROOT / name).read_text(encoding="utf-8")
        for block in re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                if words:
                    yield name, words
        for script in re.findall(r"^```bash\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            for command in re.findall(r"torchrun .*", script.replace("\\\n", " ")):
                command = command.removesuffix('" &')  # given to ssh
                yield name, shlex.split(command)


@pytest.mark.parametrize("words", [words for _, words in shown_commands()], ids=" ".join)
def test_shown_commands_exist(words):
    """A command of the kit parses and its settings are real; a make target and a named file exist."""
    if words[:3] == ["python", "-m", "i2v_lib"]:
        options = vars(build_parser().parse_args(words[3:]))
        load_config(options.get("preset") or "demo", **parse_overrides(options.get("set", [])))
    elif words[0] == "torchrun":
        launcher, (_, *kit) = words[1 : words.index("-m")], words[words.index("-m") + 1 :]
        get_args_parser().parse_args([*(word.replace("$SLURM_NNODES", "2") for word in launcher), "script"])
        test_shown_commands_exist(["python", "-m", "i2v_lib", *kit])
    elif words[0] == "make":
        assert set(words[1:]) <= set(TARGETS)
    elif words[:3] == ["python", "-m", "tests.booru_server"]:
        assert set(words[3::2]) <= set(re.findall(r'"(--\w+)"', SERVER.read_text(encoding="utf-8")))
    elif words[:3] == ["python", "-m", "pytest"]:
        assert all((ROOT / word).exists() for word in words[3:])
    elif found := re.match(r"python (?:benchmarks/|-m benchmarks\.)(\w+)", " ".join(words)):
        source = (ROOT / "benchmarks" / f"{found[1]}.py").read_text(encoding="utf-8")
        assert {word for word in words if word.startswith("--")} <= set(re.findall(r'"(--\w+)"', source))
    elif words[:3] == ["uv", "pip", "compile"]:
        assert words[-1] == "requirements.txt"
    else:
        assert words == [".", ".venv/bin/activate"]


def test_documents_show_commands():
    assert {name for name, _ in shown_commands()} == set(DOCUMENTS)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_shows_at_once(command):
    """Nothing heavy is imported for it, and it takes less than half a second of the processor."""
    code = """
import sys, time
from i2v_lib.__main__ import main
try:
    main(sys.argv[1:])
finally:
    heavy = ("torch", "pyarrow", "PIL", "matplotlib", "sklearn", "numba", "papermill", "psutil", "httpx2")
    print(*(name for name in heavy if name in sys.modules), file=sys.stderr)
    print(time.process_time(), file=sys.stderr)
"""
    words = [sys.executable, "-c", code, *command.split(), "--help"]
    done = subprocess.run(words, cwd="/", capture_output=True, text=True)
    imported, seconds = done.stderr.splitlines()
    assert (done.returncode, imported) == (0, "")
    assert float(seconds) < 0.5
    if not command:
        assert set(COMMANDS) <= set(done.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["reproduce", "smoke", "--set", "epoch=3"], "no field 'epoch'"),
        (["reproduce", "smoke", "--set", "epochs=three"], "expected int"),
        (["reproduce", "smoke", "--set", "epochs=0"], "epochs=0: give a number >= 1"),
        (["train", "smoke", "--set", "checkpoint_every=0"], "checkpoint_every=0: give a number >= 1"),
        (["train", "smoke", "--set", "seed=-1"], "seed=-1: give a number >= 0"),
        (["train", "smoke", "--set", "width=nan"], "width=nan: give a number > 0"),
        (["reproduce", "smoke", "--set", "source=danboru"], "use one of danbooru, safebooru"),
        (["train", "smoke", "--set", "hash_layer=flat"], "use one of flattened, pooled, tags, convolution"),
        (["train", "smoke", "--set", "precision=half"], "is unknown; use one of auto, float32, bfloat16"),
        (["reproduce", "smoke", "--set", "epochs"], "name=value"),
        (["reproduce", "smoke", "--notebook", "99"], "--notebook 99"),
        (["train", "smoke", "--set", "colection=x"], "no field 'colection'"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_starts(arguments, message, notebooks, capsys):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert not notebooks.executed


def test_an_unknown_command_or_preset_is_refused(capsys):
    for arguments in (["reproduse", "demo"], ["reproduce", "huge"], []):
        with pytest.raises(SystemExit, match="2"):
            main(arguments)
    assert "Traceback" not in capsys.readouterr().err


def test_stopping_says_how_to_go_on(notebooks, capsys):
    notebooks.error = KeyboardInterrupt()
    assert main(["reproduce", "smoke"]) == 130
    assert "same command" in capsys.readouterr().err


def test_a_failing_cell_is_one_line_that_names_the_copy_with_its_traceback(notebooks, tmp_path, capsys):
    notebooks.error = PapermillExecutionError(
        cell_index=3,
        exec_count=2,
        source="1 / 0",
        ename="ZeroDivisionError",
        evalue="division by zero",
        traceback=[],
    )
    assert main(["reproduce", "smoke"]) == 2
    copy = tmp_path / "home" / "runs" / "smoke" / "notebooks" / "01_data_collection.ipynb"
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    for part in ("error: 01_data_collection.ipynb ", "ZeroDivisionError: division by zero", f" {copy}\n"):
        assert part in error


def test_a_home_that_cannot_be_written_stops_before_the_first_notebook(notebooks, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("I2V_HOME", str(tmp_path / "file"))
    assert main(["reproduce", "smoke"]) == 2
    assert "set I2V_HOME" in capsys.readouterr().err
    assert not notebooks.executed


def test_doctor_exits_by_what_it_finds(monkeypatch, capsys):
    for status, code in (("ok", 0), ("note", 0), ("fatal", 1)):
        monkeypatch.setattr(doctor, "examine", lambda config, s=status: [doctor.Check(s, "text", "cure")])
        assert main(["doctor"]) == code
        assert "text" in capsys.readouterr().out


def test_a_folder_goes_into_a_collection_and_back(tmp_path, capsys):
    """The handlers hand every option on: size, resize policy and limit show in what comes out."""
    pictures, collection, out = (tmp_path / name for name in ("ma collection", "imported", "back"))
    pictures.mkdir()
    for number in range(5):
        noise = np.random.default_rng(number).integers(0, 256, (20, 30, 3), dtype=np.uint8)
        Image.fromarray(noise).save(pictures / f"{number}.png")
        (pictures / f"{number}.txt").write_text("1girl, long_hair")
    command = ["import-folder", str(pictures), "--out", str(collection), "--size", "16", "--resize", "pad"]
    assert main(command) == 0
    assert "5 illustrations" in capsys.readouterr().out
    opened = open_collection(collection)
    assert (opened.info["size"], opened.info["resize"]) == (16, "pad")
    assert main(["export-folder", "--collection", str(collection), "--out", str(out), "--limit", "3"]) == 0
    assert len(list(out.rglob("*.png"))) == 3
    assert main([*command[:-1], "crop"]) == 2  # another collection stands there
    assert main([*command[:-1], "crop", "--overwrite"]) == 0
    assert open_collection(collection).info["resize"] == "crop"


def test_train_makes_the_network_asked_for(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("I2V_HOME", str(tmp_path))
    asked = []

    def run(config):
        return SimpleNamespace(weights=lambda name: asked.append((name, config)) or "runs/weights.safetensors")

    monkeypatch.setitem(sys.modules, "i2v_lib.run", SimpleNamespace(Run=run))
    assert main(["train", "smoke", "--network", "vgg_a", "--set", "epochs=1"]) == 0
    assert asked == [("vgg_a", load_config("smoke", epochs=1))]
    assert capsys.readouterr().out == "runs/weights.safetensors\n"


def test_draw_writes_the_sheet_asked_for(monkeypatch, tmp_path):
    def contact_sheet(config, count, size, columns):
        return Image.new("RGB", (columns * size, count // columns * size + config.seed))

    monkeypatch.setattr("i2v_lib.drawn.contact_sheet", contact_sheet)
    out = tmp_path / "new" / "sheet.png"
    assert main(["draw", "--count", "6", "--seed", "1", "--size", "10", "--columns", "3", "--out", str(out)]) == 0
    assert Image.open(out).size == (30, 21)


# --- reproduce


@pytest.fixture
def notebooks(tmp_path, monkeypatch):
    """Three empty notebooks, and stand-ins that record what would be executed and published."""
    seen = SimpleNamespace(executed=[], published=[], error=None)

    def run_notebook(path, out, parameters):
        if seen.error:
            raise seen.error
        seen.executed.append((path.name, out, parameters))

    folder = tmp_path / "notebooks"
    folder.mkdir()
    for name in ("02_training.ipynb", "01_data_collection.ipynb", "10_late.ipynb", "notes.ipynb"):
        (folder / name).touch()
    monkeypatch.setenv("I2V_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(reproduce, "find_notebooks", lambda numbers: find_notebooks(numbers, folder))
    monkeypatch.setitem(sys.modules, "i2v_lib.cli.execute", SimpleNamespace(run_notebook=run_notebook))
    run = SimpleNamespace(Run=lambda config: SimpleNamespace(figures=run_folder(config) / "figures"))
    monkeypatch.setitem(sys.modules, "i2v_lib.run", run)

    def publish(run, figures, pages):
        seen.published.extend([figures, *pages])
        pages["explorer.html"](figures / "explorer.html")

    report = SimpleNamespace(publish=publish)
    monkeypatch.setitem(sys.modules, "i2v_lib.show.report", report)
    page = SimpleNamespace(export_explorer=lambda run, out: seen.published.append(out))
    monkeypatch.setitem(sys.modules, "i2v_lib.explorers.page", page)
    return seen


find_notebooks = reproduce.find_notebooks


def test_all_notebooks_run_in_order_with_their_parameters(notebooks, tmp_path, capsys):
    assert main(["reproduce", "smoke", "--set", "epochs=3", "width=0.5"]) == 0
    names = ["01_data_collection.ipynb", "02_training.ipynb", "10_late.ipynb"]
    executed = tmp_path / "home" / "runs" / "smoke" / "notebooks"
    parameters = {"PRESET": "smoke", "OVERRIDES": {"epochs": 3, "width": 0.5}}
    assert notebooks.executed == [(name, executed / name, parameters) for name in names]
    out = capsys.readouterr().out
    assert "[1/3] 01_data_collection.ipynb" in out
    assert str(executed) in out
    assert str(tmp_path / "home" / "runs" / "smoke" / "figures") in out


def test_only_the_notebooks_asked_for_run(notebooks):
    main(["reproduce", "smoke", "--notebook", "2", "10"])
    assert [name for name, *_ in notebooks.executed] == ["02_training.ipynb", "10_late.ipynb"]


@pytest.mark.parametrize(
    ("arguments", "published"),
    [(["demo"], True), (["smoke"], False), (["demo", "--set", "seed=1"], False)],
)
def test_only_the_plain_demo_is_published(arguments, published, notebooks, tmp_path):
    main(["reproduce", *arguments])
    figures = tmp_path / "home" / "figures"
    assert notebooks.published == [figures, "explorer.html", "contact_sheet.png", figures / "explorer.html"] * published


def test_a_collection_is_found_from_any_working_directory(notebooks, tmp_path, monkeypatch):
    """A kernel may work elsewhere, so a relative path is made absolute where the reader typed it."""
    monkeypatch.chdir(tmp_path)
    main(["reproduce", "smoke", "--notebook", "01", "--set", "collection=my pictures"])
    assert notebooks.executed[0][2]["OVERRIDES"] == {"collection": str(tmp_path / "my pictures")}


def test_illustrations_have_results_of_their_own(notebooks, tmp_path, monkeypatch, capsys):
    """What is made of somebody's folder leaves the run's figures and numbers alone; a wrong folder starts nothing."""
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", "smoke", "--notebook", "01", "--set", "illustrations=art"]) == 2
    assert re.search(r"\bart\b.* folder.*pictures", capsys.readouterr().err)
    assert not (tmp_path / "home").exists()
    (tmp_path / "art").mkdir()
    assert main(["reproduce", "smoke", "--notebook", "01"]) == 0
    before = (tmp_path / "home" / "runs" / "smoke" / "figures" / "metrics.json").read_bytes()
    assert main(["reproduce", "smoke", "--notebook", "01", "--set", "illustrations=art"]) == 0
    _, copy, parameters = notebooks.executed[-1]
    assert parameters["OVERRIDES"] == {"illustrations": str(tmp_path / "art")}
    own = results_folder(load_config("smoke", **parameters["OVERRIDES"]))
    assert copy.parent == own / "notebooks"
    assert own.parent == tmp_path / "home" / "runs" / "smoke" / "illustrations"
    assert '"illustrations": "art"' in (own / "figures" / "metrics.json").read_text()
    assert (tmp_path / "home" / "runs" / "smoke" / "figures" / "metrics.json").read_bytes() == before


def test_a_package_without_notebooks_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="from a clone"):
        find_notebooks(None, tmp_path)


# --- make

STUB = """#!/bin/sh
echo "$*" >> log
case "$*" in
  *"-m venv"*) mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
  *"-e ."*) test ! -e broken ;;
  *version_info*) test ! -e old ;;
esac
"""


@pytest.fixture
def make(tmp_path):
    """`make` in a folder with spaces and accents and a stub as Python: returns exit code, calls, output."""
    folder = tmp_path / "dossier élevé à part"
    folder.mkdir()
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    stub = folder / "a python"
    stub.write_text(STUB)
    stub.chmod(0o755)

    def run(*targets):
        (folder / "log").write_text("")
        command = ["make", "PYTHON=./a python", *targets]
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        return done.returncode, (folder / "log").read_text(), done.stdout

    run.folder = folder
    return run


def test_make_builds_the_environment_once_and_again_when_the_pins_change(make):
    code, calls, _ = make("reproduce")
    assert code == 0
    assert "pip install" in calls
    assert calls.endswith("-m i2v_lib reproduce demo\n")
    assert make("reproduce")[1] == "-m i2v_lib reproduce demo\n"
    stamp = (make.folder / ".venv" / ".ready").stat().st_mtime
    os.utime(make.folder / "requirements.txt", (stamp + 5, stamp + 5))
    assert "pip install" in make("test")[1]


def test_make_rebuilds_a_half_built_environment(make):
    (make.folder / "broken").touch()
    code, calls, _ = make("test")
    assert code != 0
    assert "pytest" not in calls
    (make.folder / "broken").unlink()
    code, calls, _ = make("test")
    assert (code, "-m venv --clear" in calls, "-m pytest" in calls) == (0, True, True)


def test_make_refuses_an_old_python(make):
    (make.folder / "old").touch()
    code, calls, out = make("lab")
    assert (code != 0, "venv --clear" in calls, "not Python 3.11 or newer" in out) == (True, False, True)


def test_make_alone_lists_its_targets(make):
    _, calls, out = make()
    assert calls == ""
    assert all(f"make {target} " in out for target in TARGETS if target != "help")


def test_make_clean_keeps_the_published_figures(make):
    for folder in ("figures", "runs", "i2v_lib/__pycache__", "tests", "benchmarks", "notebooks"):
        (make.folder / folder).mkdir(parents=True)
    make("clean")
    assert (make.folder / "figures").is_dir()
    assert not (make.folder / "runs").exists()
    assert not (make.folder / "i2v_lib" / "__pycache__").exists()


def test_continuous_integration_runs_make_test():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").splitlines()[-1] == "exec make test"


def test_a_site_is_asked_collected_from_and_synced(tmp_path, capsys):
    """The commands hand their options on: what the server logs is what was asked for."""
    with BooruServer(40, size=40, rate=None) as site:
        there = ["--source", "danbooru", "--base-url", site.api]
        assert main(["doctor", *there]) == 0
        assert "ready" in capsys.readouterr().out
        assert len(site.log) == 3
        site.plan(rule("drop_keys", host="api", keys=["rating"]))
        assert main(["doctor", *there]) == 0
        assert "note" in capsys.readouterr().out
        site.plan(rule("challenge", host="api"))
        assert main(["doctor", *there]) == 1
        assert "fatal" in capsys.readouterr().out
        site.plan()

        out = tmp_path / "collected"
        collect = ["collect", *there, "--limit", "9", "--out", str(out), "--min-side", "20", "--size", "16"]
        assert main([*collect, "--dry-run"]) == 0
        assert "9 illustrations" in capsys.readouterr().out
        assert not out.exists()
        before = len(site.log)
        assert main([*collect, "--files-per-second", "100", "--variant", "original"]) == 0
        files = [record for record in site.log[before:] if record.host == "cdn"]
        assert [record.kind for record in files] == ["original"] * 9
        assert open_collection(out).pixels.shape == (9, 16, 16, 3)
        assert main([*collect, "--ratings", "x"]) == 2
        assert "ratings" in capsys.readouterr().err

        site.change("flag", files[0].post_id, "banned")
        assert main(["takedown-sync", str(out), "--base-url", site.api]) == 0
        assert "1 removed" in capsys.readouterr().out
        both = ["build-collection", f"{out}.store", "--out", str(tmp_path / "both"), "--size", "8"]
        assert main(both) == 0
        assert open_collection(tmp_path / "both").pixels.shape == (8, 8, 8, 3)


def test_a_bulk_archive_is_imported(tmp_path, capsys):
    (tmp_path / "set").mkdir()
    rows = ["id,rating,image_width,image_height,tag_string_general"]
    for number in range(1, 5):
        noise = np.random.default_rng(number).integers(0, 256, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / "set" / f"{number}.png")
        rows.append(f"{number},{'gggs'[number - 1]},40,40,1girl long_hair")
    (tmp_path / "set" / "posts.csv").write_text("\n".join(rows) + "\n")
    command = ["import-bulk", str(tmp_path / "set"), "--size", "16", "--out"]
    assert main([*command, str(tmp_path / "none")]) == 2  # all are below 128 pixels
    assert "too_small" in capsys.readouterr().err
    assert main([*command, str(tmp_path / "out"), "--min-side", "32"]) == 0
    assert open_collection(tmp_path / "out").column("general") == [["1girl", "long hair"]] * 3


def printed(command, error, monkeypatch, capsys):
    """Exit code and what is printed where a command's action raises an error."""

    def action(options):
        raise error

    parse = argparse.ArgumentParser.parse_args
    patched = lambda parser, words: argparse.Namespace(**{**vars(parse(parser, words)), "action": action})  # noqa: E731
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", patched)
    code = main(command.split())
    return code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "argument", "shown"),
    [
        ("import-folder x --out y", ("size", 3, "cure"), "--size 3: cure"),
        ("import-folder x --out y", ("pixel_store", "gif", "cure"), "--store gif: cure"),
        ("import-folder x --out y", ("folder", Path("a b"), "cure"), "a b: cure"),
        ("import-folder x --out y", ("overwrite", False, "cure"), "--overwrite: cure"),
        ("collect --limit 3 --out y", ("minimum_side", 0, "cure"), "--min-side 0: cure"),
        ("collect --limit 3 --out y", ("ratings", ("q", "e"), "cure"), "--ratings q e: cure"),
        ("tag x", ("threshold_rule", "f1", "cure"), "--rule f1: cure"),
        ("train smoke", ("image_size", 8, "cure"), "--set image_size=8: cure"),
        ("doctor", ("size", 8, "another command's"), "size=8: another command's"),
    ],
)
def test_an_argument_is_named_as_its_option(command, argument, shown, monkeypatch, capsys):
    error = ArgumentError(*argument)
    assert str(error) == f"{argument[0]}={argument[1]!r}: {argument[2]}"
    assert printed(command, error, monkeypatch, capsys) == (2, f"error: {shown}\n")


@pytest.mark.parametrize(
    "error",
    [FileNotFoundError(errno.ENOENT, "No such file or directory", "size=3.png"), ValueError("array of size=5")],
    ids=str,
)
def test_an_error_that_is_not_about_an_argument_keeps_its_words(error, monkeypatch, capsys):
    assert printed("import-folder x --out y", error, monkeypatch, capsys) == (2, f"error: {error}\n")


def test_a_size_that_cannot_be_is_named_as_the_option(tmp_path, capsys):
    assert main(["import-folder", str(tmp_path), "--out", f"{tmp_path} out", "--size", "0"]) == 2
    assert capsys.readouterr().err.startswith("error: --size 0: ")


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, 74), (errno.ENOENT, 2)])
def test_a_full_disk_has_an_exit_code_of_its_own_on_windows_too(number, code, monkeypatch, capsys):
    monkeypatch.delattr(os, "EX_IOERR", raising=False)
    assert printed("doctor", OSError(number, "text"), monkeypatch, capsys)[0] == code


def test_a_misspelt_setting_is_answered_with_those_like_it(capsys):
    assert main(["train", "smoke", "--set", "epoch=3"]) == 2
    error = capsys.readouterr().err
    assert re.search("'epoch'.* epochs", error)
    assert "batch_size" not in error


def test_an_empty_split_is_warned_of_in_one_line(tmp_path, capsys):
    (tmp_path / "set").mkdir()
    Image.new("RGB", (8, 8), "red").save(tmp_path / "set" / "a.png")
    (tmp_path / "set" / "a.txt").write_text("red")
    command = ["import-folder", str(tmp_path / "set"), "--size", "8", "--out"]
    with warnings.catch_warnings(action="always"):
        assert main([*command, str(tmp_path / "out")]) == 0
    lines = capsys.readouterr().err.splitlines()
    warned = [line for line in lines if line.startswith("warning: ")]
    assert [("validation_share=0.05" in line, "test_share=0.05" in line) for line in warned] == [
        (True, False),
        (False, True),
    ]
    with warnings.catch_warnings(action="always"):
        assert main([*command, str(tmp_path / "none"), "--validation-share", "0", "--test-share", "0"]) == 0
    assert "warning" not in capsys.readouterr().err
