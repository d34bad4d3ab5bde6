"""Files of figures and metrics: whole, the same bytes twice, and nothing of the machine or its folders in them."""

import json

import numpy as np

from i2v_lib.config import load_config
from i2v_lib.show import dataset, saving

CONFIG = load_config("smoke")
SOURCES = {
    "notebook": "03_tag_prediction.ipynb",
    "collection": "drawn demo set",
    "illustrations": {"train": 400, "val": 100, "test": 100},
}


def test_saving_twice_gives_the_same_bytes(tmp_path):
    for folder in ("one", "two"):
        fig = dataset.draw_sheet(np.full((2, 8, 8, 3), 90, np.uint8), ["a", "b"])
        rows = [{"tag": "hat", "ap": 0.123456}, {"tag": "solo", "ap": float("nan")}]
        saving.save_table(fig, "table_x", tmp_path / folder, rows, CONFIG, SOURCES, "Claim. How.")
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["table_x.csv", "table_x.json", "table_x.pdf", "table_x.png"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert b"/Type3" not in (tmp_path / "one" / "table_x.pdf").read_bytes()
    record = json.loads((tmp_path / "one" / "table_x.json").read_text())
    assert record["numbers"] == [{"tag": "hat", "ap": 0.1235}, {"tag": "solo", "ap": None}]
    assert (record["caption"], record["preset"], record["seed"]) == ("Claim. How.", "smoke", 0)
    assert (tmp_path / "one" / "table_x.csv").read_text() == "tag,ap\nhat,0.1235\nsolo,\n"


def test_metrics_merge_and_make_way_for_another_run(tmp_path):
    saving.save_metrics(tmp_path, CONFIG, table3=[1])
    saving.save_metrics(tmp_path, CONFIG, seconds={"draw": np.float32(1.5)})
    first = {"preset": "smoke", "seed": 0, "overrides": {}, "table3": [1], "seconds": {"draw": 1.5}}
    assert saving.read_metrics(tmp_path) == first
    saving.save_metrics(tmp_path, load_config("smoke", seed=1), table3=[2])
    second = {"preset": "smoke", "seed": 1, "overrides": {"seed": 1}, "table3": [2]}
    assert saving.read_metrics(tmp_path) == second
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]


def test_settings_hide_where_a_collection_lies():
    config = load_config("smoke", collection="/home/somebody/pictures/mine", epochs=3)
    assert saving.settings(config)["overrides"] == {"collection": "mine", "epochs": 3}


def test_machine_names_no_host():
    import platform

    facts = saving.machine()
    assert facts["cores"] > 0
    assert platform.node() not in json.dumps(facts).split('"')
