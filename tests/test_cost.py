"""The benchmark of training runs, tiny, and what it records becomes tables whose numbers follow from it."""

import importlib.util
import json
import shutil
import sys

import numpy as np
import pytest
import torch

from i2v_lib.config import load_config
from i2v_lib.show import cost, speed
from i2v_lib.show.paper import ILLUSTRATIONS

ROOT = speed.FOLDER.parent


def load(name):
    """A benchmark as a module; none of them is part of the package."""
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", ROOT / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    training = load("training")
    config = load_config("smoke", width=0.0625)
    training.NETWORKS, training.UNLIKE = ("vgg_nin",), 4
    training.SIDES = {"cpu": (64, 128)}
    out = tmp_path_factory.mktemp("cost") / "training.json"
    training.main(torch.device("cpu"), 0.01, 1, {"paper": config}, {"paper": (2, 3, 4)}, out)
    return json.loads(out.read_text())


def test_everyone_is_timed_and_shares_follow(record):
    (size,) = record["sizes"]
    found = size["networks"]["vgg_nin"]
    assert list(found["images_per_second"]) == list(cost.WAYS)
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
    network = load("training").build_network("vgg_a", 7, load_config("smoke", width=0.0625))
    found = load("training").flops(network, 32, 7)
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
    text = cost.hours_table(changed)
    assert f"| VGG + NIN, 1,287,596 × 20 | {hours} |" in text
    assert "this CPU, h, extrapolated" in text
    said = cost.render_cost(changed)
    assert "No GPU was at hand" in said
    changed["device"], changed["machine"]["accelerator"] = "cuda", "Some GPU"
    row = next(line for line in cost.hours_table(changed).splitlines() if "1,287,596" in line)
    values = [float(cell.replace(",", "")) for cell in row.split("|")[2:-1]]
    assert values == pytest.approx([ILLUSTRATIONS * 20 / 100 / 3600 / count for count in (1, 4, 8)], abs=0.06)
    said = cost.render_cost(changed)
    assert "Some GPU" in said
    assert "No GPU" not in said


def test_what_blocks_cost_is_told_from_the_record():
    record = speed.read_record("shuffle")
    ours = load_config("paper")
    assert (ours.shuffle_block, ours.shuffle_buffer) in [(o["block"], o["buffer"]) for o in record["paper"]["orders"]]
    trained = {"network": "vgg_nin", "pictures": 9000, "epochs": 2, "batch_size": 32, "seeds": 2}
    scores = ((0, 0, 0.2), (16, 2250, 0.195), (32, 32, 0.1))
    orders = [{"block": b, "buffer": n, "mean": m, "low": m - 0.01, "high": m + 0.01} for b, n, m in scores]
    text = cost.shuffle_sentences(record | {"training": trained | {"orders": orders}})
    assert text.startswith(cost.shuffle_sentences(record | {"training": None}))
    assert "20.0 % mAP in any order (2 trainings: 19.0 to 21.0)" in text
    assert "−0.5 with 2,250 pictures in a buffer; −10.0 with 32 pictures" in text


def test_the_orders_on_record_are_those_of_this_code():
    """Smaller, so that it is quick: the mean number of characters in a batch, against sampling by hand."""
    shuffle = load("shuffle")
    labels = np.repeat(np.arange(50), 200)
    full, blocks, stretch = (shuffle.randomness(*setting, 40, labels) for setting in ((0, 0), (8, 800), (40, 40)))
    expected = 50 * (1 - (1 - 1 / 50) ** 40)  # of 40 draws from 50 that are equally likely
    assert full["characters_in_a_batch"] == pytest.approx(expected, rel=0.02)
    assert stretch["characters_in_a_batch"] < 3 < blocks["characters_in_a_batch"] < expected
    assert full["neighbors_in_a_batch"] == pytest.approx(39 / 9999, rel=0.3)
    assert stretch["neighbors_in_a_batch"] > 0.7  # batches and blocks begin at other places


def test_the_readme_takes_what_is_measured(record, tmp_path):
    for path in speed.FOLDER.glob("*.json"):
        shutil.copy(path, tmp_path)
    before = speed.render_speed(tmp_path)
    (tmp_path / "training.json").write_text(json.dumps(record))
    text = speed.render_speed(tmp_path)
    assert text != before
    assert text.count("images/s, measured") == 1
    rows = [line for line in text.splitlines() if line.startswith("|")]
    heads = [i for i, row in enumerate(rows) if row.startswith("| --- ")]
    for i in heads:
        assert rows[i - 1].count(" | ") == rows[i].count(" | ") == rows[i + 1].count(" | ")
