"""Tables of speed: from the records alone, and the README's are those."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from i2v_lib.show import speed

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_shows_the_records():
    assert speed.replace_speed(README) == README, "run: python benchmarks/readme.py"


def test_another_record_gives_another_readme(tmp_path):
    for path in speed.FOLDER.glob("*.json"):
        shutil.copy(path, tmp_path)
    record = speed.read_record("neighbors")
    for searches in record["speed"].values():
        searches["itself"]["faiss"]["kit_is_times_faster"]["median"] = 1234.5
    (tmp_path / "neighbors.json").write_text(json.dumps(record))
    assert speed.replace_speed(README, tmp_path).count("1,234×") == 2
    assert "1,234×" not in README


def test_every_row_is_as_wide_as_its_heading():
    rows = [line for line in speed.render_speed().splitlines() if line.startswith("|")]
    widths = [row.count(" | ") for row in rows]
    starts = [i for i, row in enumerate(rows) if row.startswith("| --- ")]
    assert len(starts) == 4
    for i, start in enumerate(starts):
        end = starts[i + 1] - 1 if i + 1 < len(starts) else len(rows)
        assert set(widths[start - 1 : end]) == {widths[start]}


def test_a_readme_without_markers_is_refused():
    with pytest.raises(ValueError, match="speed:begin"):
        speed.replace_speed("# No markers")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0014, "1.4 ms"), (0.148, "148 ms"), (1.43, "1.4 s"), (89, "89.0 s"), (90, "1.5 min"), (7200, "2.0 h")],
)
def test_seconds_are_told_in_the_unit_that_fits(value, text):
    assert speed._seconds(value) == text


def test_a_search_is_timed_here():
    codes = np.random.default_rng(0).integers(0, 256, (40, 8), np.uint8)
    said = speed.time_search(codes, 3)
    assert re.fullmatch(r"40 codes: [\d.]+ m?s to search .+, [\d.]+ m?s to join .+ 20 paths", said)
