"""Fig. 5 as a picture, its rows, its table, and the verdicts on the paper's claims."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from i2v_lib.evaluation.measured import SHARE, Measured
from i2v_lib.evaluation.regions import SIDE, Region
from i2v_lib.show import tsne_map as show


def region(tag, category, column, row):
    members = np.array([r * 12 + c for r in range(row, row + SIDE) for c in range(column, column + SIDE)])
    return Region(tag, category, column, row, members, 20, 9.6, -30.0, False)


REGIONS = [region("$hero$", "character", 0, 0), region("4koma", "general", 6, 5)]
CELLS = np.stack(np.meshgrid(np.arange(12), np.arange(10)), -1).reshape(-1, 2)
IMAGES = np.broadcast_to(np.arange(120, dtype=np.uint8)[:, None, None, None], (120, 8, 8, 3))


def test_every_illustration_is_drawn_in_its_cell_and_in_its_panel():
    fig = show.draw_map(IMAGES, CELLS, (12, 10), REGIONS)
    whole, *panels = (ax.images[0].get_array() for ax in fig.axes)
    dots = whole.shape[1] // 12
    assert whole.shape == (10 * dots, 12 * dots, 3)
    np.testing.assert_array_equal(whole[dots // 2 :: dots, dots // 2 :: dots, 0].ravel(), np.arange(120))
    dots = panels[1].shape[0] // SIDE
    np.testing.assert_array_equal(panels[1][dots // 2 :: dots, dots // 2 :: dots, 0].ravel(), REGIONS[1].members)
    assert len(panels) == len(REGIONS)
    assert not any(len(ax.get_xticks()) + len(ax.get_yticks()) for ax in fig.axes)
    plt.close(fig)


@pytest.mark.parametrize("n", [0, 1, 30])
def test_a_map_without_regions_and_of_few(n, tmp_path):
    fig = show.draw_map(IMAGES[:n], CELLS[:n], (12, 10), [])
    fig.savefig(tmp_path / "map.png")
    assert len(fig.axes) == 1
    plt.close(fig)


def test_rows_name_every_illustration():
    layout = np.random.default_rng(0).normal(size=(120, 2))
    rows = show.fig5_rows([str(i) for i in range(120)], layout, CELLS, REGIONS)
    assert [row["id"] for row in rows] == [str(i) for i in range(120)]
    assert {i for i, row in enumerate(rows) if row["region"] == "b"} == set(REGIONS[1].members.tolist())
    assert (rows[13]["x"], rows[13]["y"]) == tuple(layout[13])
    assert (rows[13]["column"], rows[13]["row"]) == (1, 1)
    assert [row["share"] for row in show.region_rows(REGIONS)] == [80.0, 80.0]


def test_illustrations_are_drawn_once_each():
    nodes = show.choose_illustrations(50, 20, 0)
    assert len(set(nodes.tolist())) == 20
    assert (np.diff(nodes) > 0).all()
    assert not np.array_equal(nodes, show.choose_illustrations(50, 20, 1))
    assert len(show.choose_illustrations(5, 20, 0)) == 5


def kept(tsne, pca, shuffled):
    """Measurements with the given shares, each sure to a point."""
    noise = np.random.default_rng(0).permutation(np.linspace(-0.01, 0.01, 201)) / 0.95
    values = {"codes": 0.9, "tsne": tsne, "pca": pca, "shuffled": shuffled}
    return {
        (layout, measure): Measured(value, value + noise * (1 if layout == "tsne" else 0.5), SHARE)
        for measure in show.MEASURES
        for layout, value in values.items()
    }


@pytest.mark.parametrize(
    ("shares", "verdict"),
    [
        ((0.6, 0.2, 0.1), "held"),
        ((0.6, 0.6, 0.1), "partly held"),
        ((0.1, 0.2, 0.1), "did not hold"),
        ((np.nan, np.nan, np.nan), "undecided"),
    ],
)
def test_the_claim_of_semantics(shares, verdict):
    claim = show.map_claims(kept(*shares), [], {"general": [], "character": []})[0]
    assert claim.verdict == verdict
    if verdict == "held":
        assert re.search(r"60\.0 % .*character.* 10\.0 % .*shuffled", claim.measured)
        assert "+40.0 [" in claim.measured


def test_the_claim_of_clusters(worded):
    tags = {"general": [["4koma"], ["1boy"]], "character": [["$hero$"], []]}
    both = {"general": [["4koma"], []], "character": [["$hero$"], []]}
    assert show.map_claims({}, REGIONS, tags)[1].verdict == "partly held"
    claim = show.map_claims({}, REGIONS, both)[1]
    assert claim.verdict == "held"
    assert "comics: 4koma, 20 of 25, 10 times" in claim.measured
    assert "robots: no such tag" in claim.measured
    worded(claim.measured)
    assert show.map_claims({}, [], tags)[1].verdict == "did not hold"
    assert show.map_claims({}, [], {"general": [[]], "character": [[]]})[1].verdict == "undecided"


def test_table_and_captions(worded):
    measured = kept(0.6, 0.2, np.nan)
    rows = show.map_rows(measured)
    fig = show.draw_kept(rows)
    texts = [text.get_text() for text in fig.axes[0].texts]
    assert {"0.600", "60.0", "59.0–61.0", "–"} <= set(texts)
    plt.close(fig)
    plt.close(show.draw_kept([]))
    claims = show.map_claims(kept(0.6, 0.2, 0.1), REGIONS, {"general": [["4koma"]], "character": [["$hero$"]]})
    caption = show.caption_fig5(REGIONS, [], 120)
    assert "(a) $hero$, 20 of 25, 10 times" in caption
    worded(caption)
    assert show.caption_fig5([], [], 1).startswith("No tag gathers")
    assert claims[0].verdict in show.caption_map(claims)
    table = show.table_map(kept(0.6, 0.2, 0.1), REGIONS, {"general": [["4koma"]], "character": [["$hero$"]]})
    metrics = show.map_numbers(table, REGIONS, [])
    assert (metrics["claims"], table.name) == (claims, "table_map")
    assert metrics["regions of shuffled tags"] == 0
    assert metrics["scores"][0]["value"] == 0.9
