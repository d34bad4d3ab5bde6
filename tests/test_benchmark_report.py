"""Tables of what the benchmarks recorded: from the records alone, and both READMEs show those."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import readme
import report
import shuffle
import torch
import training

from i2v_lib.config import load_config
from i2v_lib.show.paper import ILLUSTRATIONS
from i2v_lib.show.readme import replace_block

ROOT = Path(__file__).resolve().parent.parent


def test_both_readmes_show_the_records(tmp_path):
    program = [sys.executable, ROOT / "benchmarks" / "readme.py", "--check"]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_readme_that_shows_something_else_is_seen_and_written(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    shutil.copy(ROOT / "README.md", tmp_path)
    right = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    (folder / "README.md").write_text(replace_block(right, "speed", "typed by hand"), encoding="utf-8")
    monkeypatch.setattr(readme, "FOLDER", folder)
    assert readme.main(check=True) == 1
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [str(folder / "README.md")]
    assert readme.main(check=False) == 0
    assert (folder / "README.md").read_text(encoding="utf-8") == right


def test_another_record_gives_another_readme(tmp_path):
    for path in report.FOLDER.glob("*.json"):
        shutil.copy(path, tmp_path)
    record = report.read_record("neighbors")
    for searches in record["speed"].values():
        searches["itself"]["faiss"]["kit_is_times_faster"]["median"] = 1234.5
    (tmp_path / "neighbors.json").write_text(json.dumps(record))
    assert report.render_speed(tmp_path).count("1,234×") == 2
    assert report.summary_table(tmp_path).count("1,234×") == 1
    assert "1,234×" not in report.render_speed() + report.summary_table()


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
    text = report.render_tagging(tagging_record())
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
    check_widths(report.render_speed(), 14)
    check_widths(report.summary_table(), 1)


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
def test_seconds_are_given_in_the_unit_that_fits(value, text):
    assert report.format_seconds(value) == text


# --- training, its benchmark run tiny


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    config = load_config("smoke", width=0.0625)
    out = tmp_path_factory.mktemp("cost") / "training.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "NETWORKS", ("vgg_nin",))
        patch.setattr(training, "UNLIKE", 4)
        patch.setattr(training, "SIDES", {"cpu": (64, 128)})
        training.main(torch.device("cpu"), 0.01, 1, {"paper": config}, {"paper": (2, 3, 4)}, out)
    return json.loads(out.read_text())


def test_everyone_is_timed_and_shares_follow(record):
    (size,) = record["sizes"]
    found = size["networks"]["vgg_nin"]
    assert list(found["images_per_second"]) == list(report.WAYS)
    assert size["batch_size"] == 3
    assert list(found["by_batch_size"]) == ["2", "3", "4"]
    rates = {way: rate["median"] for way, rate in found["images_per_second"].items()}
    assert all(rate > 0 for rate in rates.values())
    for way, work in (("forward", "forward"), ("loop with pixels", "step")):
        share = rates[way] * found["flops"][work] / record["peak"]["flops"]
        assert found["share_of_peak"][way] == pytest.approx(share, rel=1e-3)
    expected = rates["loop with pixels"] / rates["loop"]
    assert found["ratios"]["loop with pixels / loop"]["median"] == pytest.approx(expected, rel=1e-3)
    assert size["bytes_a_picture"]["pixels"] == 3 * 40**2 > size["bytes_a_picture"]["jpeg"] > 0


def test_operations_are_those_counted_by_hand():
    network = training.build_network("vgg_a", 7, load_config("smoke", width=0.0625))
    found = training.flops(network, 32, 7)
    by_hand, side = 0, 32
    for _, module in network.named_modules():
        if isinstance(module, torch.nn.Conv2d):
            by_hand += 2 * module.weight.numel() * side**2
        elif isinstance(module, torch.nn.MaxPool2d):
            side //= 2
        elif isinstance(module, torch.nn.Linear):
            by_hand += 2 * module.weight.numel()
    assert found["forward"] == by_hand
    first = 2 * next(network.parameters()).numel() * 32**2  # no gradient of the pictures is computed
    assert found["step"] == 3 * by_hand - first


def test_hours_follow_from_the_rate_and_say_that_they_do(record):
    changed = json.loads(json.dumps(record))
    changed["sizes"][0]["networks"]["vgg_nin"]["images_per_second"]["loop with pixels"]["median"] = 100.0
    hours = f"{ILLUSTRATIONS * 20 / 100 / 3600:,.1f}"
    text = report.hours_table(changed)
    assert f"| VGG + NIN, 1,287,596 × 20 | {hours} |" in text
    assert "CPU" in text
    assert "extrapolated" in text
    said = report.render_cost(changed)
    assert "No GPU" in said
    changed["device"], changed["machine"]["accelerator"] = "cuda", "Some GPU"
    row = next(line for line in report.hours_table(changed).splitlines() if "1,287,596" in line)
    values = [float(cell.replace(",", "")) for cell in row.split("|")[2:-1]]
    assert values == pytest.approx([ILLUSTRATIONS * 20 / 100 / 3600 / count for count in (1, 4, 8)], abs=0.06)
    said = report.render_cost(changed)
    assert "Some GPU" in said
    assert "No GPU" not in said


def test_what_blocks_cost_is_from_the_record(worded):
    record = report.read_record("shuffle")
    ours = load_config("paper")
    assert (ours.shuffle_block, ours.shuffle_buffer) in [(o["block"], o["buffer"]) for o in record["paper"]["orders"]]
    trained = {"network": "vgg_nin", "pictures": 9000, "epochs": 2, "batch_size": 32, "seeds": 2}
    scores = ((0, 0, 0.2), (16, 2250, 0.195), (32, 32, 0.1))
    orders = [{"block": b, "buffer": n, "mean": m, "low": m - 0.01, "high": m + 0.01} for b, n, m in scores]
    text = report.shuffle_sentences(record | {"training": trained | {"orders": orders}})
    assert text.startswith(report.shuffle_sentences(record | {"training": None}))
    added = text.removeprefix(report.shuffle_sentences(record | {"training": None}))
    assert re.search(r"20\.0 % mAP .*\(2 .*19\.0 to 21\.0\)", added)
    assert re.search(r"−0\.5 with 2,250 .*−10\.0 with 32 ", added)
    worded(added)


def test_the_orders_on_record_are_those_of_this_code():
    """Smaller, so that it is quick: the mean number of characters in a batch, against sampling by hand."""
    labels = np.repeat(np.arange(50), 200)
    full, blocks, stretch = (shuffle.randomness(*setting, 40, labels) for setting in ((0, 0), (8, 800), (40, 40)))
    expected = 50 * (1 - (1 - 1 / 50) ** 40)  # of 40 draws from 50 that are equally likely
    assert full["characters_in_a_batch"] == pytest.approx(expected, rel=0.02)
    assert stretch["characters_in_a_batch"] < 3 < blocks["characters_in_a_batch"] < expected
    assert full["neighbors_in_a_batch"] == pytest.approx(39 / 9999, rel=0.3)
    assert stretch["neighbors_in_a_batch"] > 0.7  # batches and blocks begin at other places


def test_the_readme_takes_what_is_measured(record, tmp_path):
    for path in report.FOLDER.glob("*.json"):
        shutil.copy(path, tmp_path)
    before = report.render_speed(tmp_path)
    (tmp_path / "training.json").write_text(json.dumps(record))
    text = report.render_speed(tmp_path)
    assert text != before
    assert text.count("images/s, measured") == 1
    rows = [line for line in text.splitlines() if line.startswith("|")]
    heads = [i for i, row in enumerate(rows) if row.startswith("| --- ")]
    for i in heads:
        assert rows[i - 1].count(" | ") == rows[i].count(" | ") == rows[i + 1].count(" | ")
