"""Tables of speed: from the records alone, and the README's are those."""

import json
import re
import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest

from i2v_lib.show import speed
from i2v_lib.show.measured import seconds
from i2v_lib.show.readme import replace_block
from i2v_lib.show.speed_summary import summary_table

ROOT = Path(__file__).resolve().parent.parent


def test_both_readmes_show_the_records():
    program = runpy.run_path(ROOT / "benchmarks" / "readme.py")
    for path, text in program["written"]().items():
        assert text == path.read_text(encoding="utf-8"), "run: python benchmarks/readme.py"


def test_another_record_gives_another_readme(tmp_path):
    for path in speed.FOLDER.glob("*.json"):
        shutil.copy(path, tmp_path)
    record = speed.read_record("neighbors")
    for searches in record["speed"].values():
        searches["itself"]["faiss"]["kit_is_times_faster"]["median"] = 1234.5
    (tmp_path / "neighbors.json").write_text(json.dumps(record))
    assert speed.render_speed(tmp_path).count("1,234×") == 2
    assert summary_table(tmp_path).count("1,234×") == 1
    assert "1,234×" not in speed.render_speed() + summary_table()


def tagging_record():
    """What ``benchmarks/tagger.py`` writes, its numbers invented."""
    rates = {"kit": 8, "onnxruntime": 7}
    paired = {who: {"median": rate, "low": rate - 1, "high": rate + 1} for who, rate in rates.items()}
    compared = {"pictures_a_second": paired, "kit_over_rival": {"median": 1.143, "low": 1.1, "high": 1.2}, "apart": 0.0}
    times = {"seconds": 5.5, "imports": 3.0, "peak_megabytes": 1500.0, "imported_megabytes": 500.0}
    folder = {"loaded_megabytes": 600.0, "peak_megabytes": 640.0, "pictures_a_second": 7.5}
    return {
        "machine": {"processor": "A processor", "cores": 2},
        "setting": {"image_size": 224, "width": 1.0, "batch": 32, "runs": 5},
        "speed": {"network": compared, "from_files": compared},
        "load": {
            "converted": dict.fromkeys(("vgg_nin", "hash"), times),
            "caffe": dict.fromkeys(("vgg_nin", "hash"), times | {"megabytes": 933.0, "seconds": 6.5}),
        },
        "folder": [folder | {"width": 0.125, "pictures": 5000}, folder | {"width": 1, "pictures": 500}],
    }


def test_the_tagger_s_speed_is_shown():
    text = speed.render_tagging(tagging_record())
    for said in (
        "width 1 on 2 cores (A processor), 32 at a time; medians of 5 paired runs",
        "| the network alone | 8.0 [7.0, 9.0] | 7.0 [6.0, 8.0] | 1.14× [1.10, 1.20] |",
        "imports take 3.0 s more",
        "| feature model | 933 | 3.5 s | 1,000 | 2.5 s |",
        "| 0.125 | 5,000 | 600 | 640 | 7.5 |",
    ):
        assert said in text
    check_widths(text, 3)


def test_every_row_is_as_wide_as_its_heading():
    check_widths(speed.render_speed(), 14)
    check_widths(summary_table(), 1)


def check_widths(text, tables):
    rows = [line for line in text.splitlines() if line.startswith("|")]
    widths = [row.count(" | ") for row in rows]
    starts = [i for i, row in enumerate(rows) if row.startswith("| --- ")]
    assert len(starts) == tables
    for i, start in enumerate(starts):
        end = starts[i + 1] - 1 if i + 1 < len(starts) else len(rows)
        assert set(widths[start - 1 : end]) == {widths[start]}


def test_a_readme_without_markers_is_refused():
    with pytest.raises(ValueError, match="speed:begin"):
        replace_block("# No markers", "speed", "tables")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0014, "1.4 ms"), (0.148, "148 ms"), (1.43, "1.4 s"), (89, "89.0 s"), (90, "1.5 min"), (7200, "2.0 h")],
)
def test_seconds_are_told_in_the_unit_that_fits(value, text):
    assert seconds(value) == text


def test_a_search_is_timed_here():
    codes = np.random.default_rng(0).integers(0, 256, (40, 8), np.uint8)
    said = speed.time_search(codes, 3)
    assert re.fullmatch(r"40 codes: [\d.]+ m?s to search .+, [\d.]+ m?s to join .+ 20 paths", said)
