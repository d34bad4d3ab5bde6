"""Tables of the hash layer: numbers by hand, captions that follow them, and the recorded comparison as it is."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from i2v_lib.evaluation.bootstrap import score_systems
from i2v_lib.evaluation.code_quality import code_statistics, distance_agreement
from i2v_lib.models.hash_network import PLACEMENTS
from i2v_lib.search.hashing import binarize
from i2v_lib.show import codes

BLOCKS = {"general": slice(0, 3), "copyright": slice(3, 3), "character": slice(3, 5), "rating": slice(5, 6)}


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def texts(fig):
    return [text.get_text() for ax in fig.axes for text in ax.texts]


@pytest.fixture
def rows():
    generator = np.random.default_rng(0)
    targets = (generator.random((60, 6)) < 0.4).astype(np.uint8)
    noise = generator.normal(size=(60, 6))
    return codes.retraining_rows(
        score_systems(targets, {"vgg_nin": noise + targets, "hash": noise + 3 * targets}, BLOCKS, 50)
    )


def test_retraining_is_the_difference_of_both(rows):
    for row in (rows[0], rows[2]):
        assert row["difference"] == pytest.approx(row["after"] - row["before"], abs=1e-3)
        assert 0 < row["low"] < row["difference"] < row["high"]
    assert rows[1]["before"] is rows[1]["difference"] is None  # no copyright tags


def test_retraining_is_told_and_set(rows):
    caption = codes.caption_retraining(rows, 2)
    assert f"general +{rows[0]['difference']:.1f} [+" in caption
    assert "copyright" not in caption
    assert "2 more epochs" in caption
    assert "–" in texts(codes.draw_retraining(rows))


def test_statistics_stand_beside_random_codes(worded):
    features = np.random.default_rng(0).standard_normal((50, 40)).cumsum(axis=1)
    statistics = {}
    for name, values in {"codes": features, "random": np.random.default_rng(1).standard_normal((50, 40))}.items():
        statistics[name] = code_statistics(binarize(values), 40)
        statistics[name]["agreement"] = distance_agreement(binarize(values), features)
    shown = texts(codes.draw_codes(statistics))
    assert f"{statistics['codes']['agreement']:.2f}" in shown
    assert f"{statistics['random']['entropy']:.3f}" in shown
    assert "0 of 40 bits" in codes.caption_codes(statistics, 50)
    worded(codes.caption_codes(statistics, 50))
    statistics["codes"]["agreement"] = float("nan")  # all codes equal: nothing to compare
    assert "–" in texts(codes.draw_codes(statistics))


def test_recorded_comparison_holds_every_place_for_the_same_seeds():
    records = codes.read_records()
    seeds = {place: [r["seed"] for r in records if r["hash_layer"] == place] for place in PLACEMENTS}
    assert len(seeds["flattened"]) >= 2
    assert all(of == seeds["flattened"] for of in seeds.values())
    assert len({r["epochs_hash"] for r in records}) == 1
    rows = codes.record_rows(records)
    assert texts(codes.draw_hash_layer(rows)).count("flattened map (as released)") == 1
    assert f"{len(seeds['flattened'])} seeds" in codes.caption_records(rows)


def test_caption_names_the_leading_place(worded):
    row = {"seed": 0, "character, codes": 40.0}
    others = [row | {"hash_layer": place} for place in PLACEMENTS[1:]]
    leads = codes.caption_records([row | {"hash_layer": "flattened", "character, codes": 42.0}, *others])
    assert "within 2.0 points" in leads
    assert "released one leads" in leads
    worded(leads, "leads")
    trails = codes.caption_records([row | {"hash_layer": "flattened", "character, codes": 39.0}, *others])
    assert re.search(r"averaged map leads.*\+1\.0 points", trails)
    worded(trails, "trails")
