"""The one progress bar: it counts what it is given, by the name of that."""

import re
from pathlib import Path

import pytest

import i2v_lib
from i2v_lib.system import progress
from i2v_lib.system.progress import progress_bar


@pytest.mark.parametrize("unit", ["images", "queries", "labels"])
def test_each_line_names_what_is_counted(unit, capsys, monkeypatch):
    monkeypatch.setattr(progress, "INTERVAL", 0)
    with progress_bar("working", 8, done=2, unit=unit) as bar:
        bar.update(3)
    lines = capsys.readouterr().err.splitlines()
    assert re.match(rf"working: 2/8 {unit},", lines[0])
    assert re.match(rf"working: 5/8 {unit}, .*{unit}/s", lines[-1])


def test_what_is_gone_through_is_counted_without_a_total(capsys, monkeypatch):
    monkeypatch.setattr(progress, "INTERVAL", 0)
    assert list(progress_bar("reading", unit="posts", over=iter(range(5)))) == list(range(5))
    assert re.match("reading: 5/\\? posts", capsys.readouterr().err.splitlines()[-1])


def test_nothing_is_shown_without_a_description(capsys):
    assert list(progress_bar(None, unit="posts", over=range(3))) == [0, 1, 2]
    with progress_bar(None, 3) as bar:
        bar.update(3)
    assert capsys.readouterr().err == ""


def test_no_other_file_opens_a_bar():
    root = Path(i2v_lib.__file__).parent
    opened = [path.relative_to(root).as_posix() for path in root.rglob("*.py") if "tqdm(" in path.read_text("utf-8")]
    assert opened == ["system/progress.py"]
