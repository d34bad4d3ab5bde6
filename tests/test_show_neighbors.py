import re

import matplotlib.pyplot as plt
import numpy as np
import pyarrow as pa
import pytest

from i2v_lib.data.collection import SCHEMA, finish_collection
from i2v_lib.evaluation.attributes import attributes
from i2v_lib.evaluation.retrieval import measure
from i2v_lib.run import METRICS
from i2v_lib.show import neighbors, paper, saving
from i2v_lib.show.style import ANSWER_COLORS
from tests.growing_collection import create_pixels

N = 20
CAST = ["hero", "rival", "$x_1$ of the very long names"]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    """An imported collection: every fourth picture shows nobody; tags get rarer from "solo" to "hat" to "cat"."""
    folder = tmp_path_factory.mktemp("imported") / "collection"
    create_pixels(folder, N, 16)[:] = np.random.default_rng(0).integers(0, 256, (N, 16, 16, 3), np.uint8)
    posts = {name: [""] * N for name in ("md5", "artist")} | {
        "id": [f"picture {i}" for i in range(N)],
        "source_url": ["https://example.org/0", "javascript:alert(1)", *[""] * (N - 2)],
        "rating": ["safe"] * N,
        "width": [16] * N,
        "height": [16] * N,
        "general": [["solo"] + ["hat"] * (i % 2 == 0) + ["cat"] * (i % 6 == 0) for i in range(N)],
        "copyright": [["saga"] if i % 4 else [] for i in range(N)],
        "character": [[CAST[i % 3]] if i % 4 else [] for i in range(N)],
        "group": [str(i // 2) for i in range(N)],
        "split": ["test"] * N,
    }
    return finish_collection(folder, pa.table(posts).select(SCHEMA.names).cast(SCHEMA), "warp", "imported")


def ring(n):
    """Neighbors of pictures on a line, the nearest in number first, and distances in bits."""
    gaps = np.abs(np.arange(n)[:, None] - np.arange(n)) * 1000
    order = np.argsort(gaps, axis=1, kind="stable")[:, 1:]
    return order, np.take_along_axis(gaps, order, axis=1)


@pytest.fixture(scope="module")
def measured(collection):
    """All metrics on the imported collection, from the truth to random order."""
    truth = attributes(collection, np.arange(N))
    known = {name: truth[name] for name in ("character", "title", "artist")}
    rng = np.random.default_rng(0)
    order = np.stack([rng.permutation(np.delete(np.arange(N), i)) for i in range(N)])
    shares = [[bool(known["character"][i] & known["character"][j]) for j in row] for i, row in enumerate(order)]
    best = np.take_along_axis(order, np.argsort(~np.array(shares), axis=1, kind="stable"), axis=1)
    indices = {metric: best if metric in ("codes", "features") else order for metric in METRICS}
    return measure(indices, known, [str(i // 2) for i in range(N)], resamples=50)


def texts(fig):
    return [text for text in [*fig.texts, *(t for ax in fig.axes for t in ax.texts)] if text.get_text()]


def overlapping(fig):
    """Pairs of texts whose boxes overlap, and texts that leave the figure."""
    renderer = fig.canvas.get_renderer()
    drawn = texts(fig)
    boxes = [text.get_window_extent(renderer) for text in drawn]
    width, height = fig.canvas.get_width_height()
    inside = [b.x0 > -1 and b.y0 > -1 and b.x1 < width + 1 and b.y1 < height + 1 for b in boxes]
    return [text.get_text() for text, fits in zip(drawn, inside, strict=True) if not fits] + [
        (drawn[i].get_text(), drawn[j].get_text())
        for i in range(len(boxes))
        for j in range(i)
        if min(boxes[i].x1, boxes[j].x1) - max(boxes[i].x0, boxes[j].x0) > 1
        and min(boxes[i].y1, boxes[j].y1) - max(boxes[i].y0, boxes[j].y0) > 2
    ]


def fig3(collection, queries, n=N, rows=None):
    rows = np.arange(n) if rows is None else rows
    characters = attributes(collection, rows)["character"]
    return neighbors.fig3_rows(collection, rows, *ring(n), characters, np.asarray(queries))


def test_queries_are_drawn_and_not_picked():
    chosen = neighbors.choose_queries(1000, 0)
    assert len(set(chosen)) == 8
    assert sorted(chosen) == chosen.tolist()
    np.testing.assert_array_equal(chosen, neighbors.choose_queries(1000, 0))
    assert chosen.tolist() != neighbors.choose_queries(1000, 1).tolist()
    assert neighbors.choose_queries(3, 0).tolist() == [0, 1, 2]


def test_rows_of_fig3(collection):
    query, first, second, third = fig3(collection, [6])
    assert (query["rank"], query["id"], query["tags"]) == (0, "picture 6", ["hero", "saga", "cat", "hat", "solo"])
    assert [row["id"] for row in (first, second, third)] == ["picture 5", "picture 7", "picture 4"]
    assert [row["distance"] for row in (query, first, second, third)] == [0, 1000, 1000, 2000]
    assert [row["same_character"] for row in (query, first, second, third)] == [None, False, False, False]
    assert first["tags"] == ["saga", "solo"]
    assert third["tags"] == ["hat", "solo"]
    assert {row["same_character"] for row in fig3(collection, [0])} == {None}  # shows nobody


def test_rows_name_the_collection_and_nodes_the_searched_part(collection):
    """Node 1 of the odd rows is picture 3."""
    rows = fig3(collection, [1], n=10, rows=np.arange(1, N, 2))
    assert [row["row"] for row in rows] == [3, 1, 5, 7]
    assert rows[0]["query"] == rows[0]["id"] == "picture 3"
    assert [row["same_character"] for row in rows] == [None, False, False, False]
    assert fig3(collection, [1], n=4, rows=np.array([2, 3, 9, 10]))[2]["same_character"] is True


def test_fig3(collection):
    rows = fig3(collection, neighbors.choose_queries(N, 0))
    fig = neighbors.draw_neighbors(rows, collection.pixels[[row["row"] for row in rows]])
    assert len(fig.axes) == 32
    assert not overlapping(fig)
    drawn = [text.get_text() for text in texts(fig)]
    signs = {True: "✓", False: "✗", None: "–"}
    for row, ax in zip(rows, fig.axes, strict=True):
        assert row["id"] in drawn
        color = ANSWER_COLORS.get(row["same_character"], "0.4")
        assert ax.spines["left"].get_edgecolor() == plt.matplotlib.colors.to_rgba(color)
        if row["rank"]:
            assert f"{signs[row['same_character']]} {row['distance']:,} bits" in drawn


def test_tags_that_do_not_fit_are_counted(collection):
    rows = fig3(collection, [1])
    rows[0]["tags"] = [f"tag {i}" for i in range(9)]
    rows[1]["tags"] = ["a", "b", "c"]
    rows[2]["tags"] = ["a", "b", "c", "d"]
    drawn = [text.get_text() for text in texts(neighbors.draw_neighbors(rows, collection.pixels[:4]))]
    assert "+ 6 more" in drawn
    assert "+ 2 more" in drawn
    assert drawn.count("c") == 1


def test_ids_link_to_their_source_and_to_nothing_else(collection, tmp_path):
    rows = fig3(collection, [0])
    fig = neighbors.draw_neighbors(rows, collection.pixels[[row["row"] for row in rows]])
    assert {text.get_url() for text in texts(fig)} == {None, "https://example.org/0"}
    assert {row["source_url"] for row in rows} == {"https://example.org/0", "javascript:alert(1)", None}
    fig.savefig(tmp_path / "fig.pdf")
    pdf = (tmp_path / "fig.pdf").read_bytes()
    assert pdf.count(b"https://example.org/0") == 1
    assert b"javascript" not in pdf


@pytest.mark.parametrize("n", [1, 2, 3])
def test_fig3_of_a_few_pictures(collection, n):
    rows = fig3(collection, neighbors.choose_queries(n, 0), n=n)
    assert len(rows) == n * min(n, 4)
    fig = neighbors.draw_neighbors(rows, collection.pixels[[row["row"] for row in rows]])
    assert len(fig.axes) == len(rows)
    assert not overlapping(fig)


def test_caption_of_fig3(collection, worded):
    rows = fig3(collection, [0, 1, 10])
    rows[5]["same_character"] = True
    caption = neighbors.caption_fig3(rows, 4096)
    assert re.match(r"1 of 6 .*\b3 queries .*\(1 without", caption)
    assert "4,096-bit codes" in caption
    worded(caption, "three queries")
    caption = neighbors.caption_fig3(fig3(collection, [0]), 64)
    assert re.match(r"No query .*\b1 quer", caption)
    worded(caption, "one query")


def test_rows_are_percentages_and_plain(measured):
    rows = neighbors.retrieval_rows(measured)
    assert len(rows) == len(measured)
    row, p = rows[0], measured[0]
    assert (row["metric"], row["search"], row["attribute"], row["k"]) == ("codes", "as found", "character", 3)
    assert row["precision"] == pytest.approx(100 * p.precision.value, abs=1e-4)
    assert row["low"] <= row["precision"] <= row["high"]
    assert saving.plain(rows)[0] == row


def test_comparisons(measured):
    rows = neighbors.comparison_rows(measured)
    assert {row["against"] for row in rows} == {"pretrained", "features"}
    assert {row["search"] for row in rows} == {"as found", "without near-duplicates"}
    ahead = next(row for row in rows if row["against"] == "pretrained")
    assert ahead["low"] > 20
    assert ahead["ratio"] > 1.5
    assert next(row for row in rows if row["against"] == "features")["difference"] == 0


@pytest.mark.parametrize("source", ["surrogate", "ImageNet"])
def test_table(measured, source):
    rows = neighbors.retrieval_rows(measured)
    fig = neighbors.draw_retrieval(rows, source)
    assert not overlapping(fig)
    drawn = [text.get_text() for text in texts(fig)]
    assert drawn.count(paper.metric_name("pretrained", source)) == 2
    assert drawn.count(paper.METRICS["codes"]) == 3
    best = f"{rows[0]['precision']:.1f}"
    assert best in [text.get_text() for text in texts(fig) if text.get_weight() == "bold"]
    assert f"{rows[0]['chance']:.1f}" in drawn
    assert f"{rows[0]['low']:.1f}–{rows[0]['high']:.1f}" in drawn
    assert "–" in drawn  # nobody is known to have drawn these
    assert "view" not in drawn


def row(search, metric, attribute, precision, low, chance):
    named = {"search": search, "metric": metric, "attribute": attribute, "k": 3}
    return named | {"precision": precision, "low": low, "high": 90.0, "chance": chance, "found": 50.0, "queries": 7}


def against(metric, attribute, difference, ratio, half=1.0):
    """A comparison whose intervals reach half a width to both sides."""
    named = {"against": metric, "search": "as found", "attribute": attribute, "k": 3}
    points = {"difference": difference, "low": difference - half, "high": difference + half}
    return named | points | {"ratio": ratio, "ratio_low": ratio - half, "ratio_high": ratio + half}


def verdicts(rows, comparisons):
    return [claim.verdict for claim in neighbors.retrieval_claims(rows, comparisons)]


def test_verdicts(worded):
    rows = [row(search, "codes", "character", 40.0, 35.0, 2.0) for search in ("as found", "without near-duplicates")]
    rows += [row("other characters", "codes", name, 20.0, 15.0, 10.0) for name in ("artist", "arms", "view")]
    rows += [row("as found", "pretrained", name, 5.0, 4.0, 2.0) for name in ("character", "title")]
    comparisons = [against("features", name, -1.9, 0.9) for name in ("character", "title")]
    comparisons += [against("pretrained", name, 35.0, 6.1) for name in ("character", "title")]
    assert verdicts(rows, comparisons) == ["held"] * 4
    for i, spoiled in ((1, {"low": 1.9}), (2, {"low": 9.0})):
        assert "partly held" in verdicts([*rows[:i], rows[i] | spoiled, *rows[i + 1 :]], comparisons)
    assert verdicts([r | {"low": 0.0} for r in rows], comparisons)[:2] == ["undecided"] * 2
    assert verdicts([r | {"low": 0.0, "high": 1.0} for r in rows], comparisons)[:2] == ["did not hold"] * 2
    claims = neighbors.retrieval_claims(rows, comparisons)
    assert "50.0 % of 7 queries" in claims[0].measured
    assert "arms 20.0 % [15.0, 90.0] (chance 10.0)" in claims[1].measured
    assert "character −1.9 points [−2.9, −0.9]" in claims[2].measured
    assert re.search(r"times \[5\.1, 7\.1\] .*5\.0 %", claims[3].measured)
    worded("\n".join(claim.measured for claim in claims))


@pytest.mark.parametrize(
    ("points", "times", "half", "verdict"),
    [
        (-1.9, 6.1, 1, "held"),
        (-2.9, 5.1, 3, "undecided"),  # the point is beyond the bound, the interval holds it: [−5.9, 0.1], [2.1, 8.1]
        (-3.1, 4.9, 1, "undecided"),
        (-4.1, 3.9, 1, "did not hold"),
    ],
)
def test_targets_are_met_by_the_whole_interval(points, times, half, verdict):
    rows = [row("as found", "pretrained", name, 5.0, 4.0, 2.0) for name in ("character", "title")]
    comparisons = [against("features", name, points, 0.9, half) for name in ("character", "title")]
    comparisons += [against("pretrained", name, 35.0, times, half) for name in ("character", "title")]
    assert verdicts(rows, comparisons)[2:] == [verdict] * 2
    mixed = [comparisons[0], against("features", "title", 0, 1), comparisons[2], against("pretrained", "title", 9, 9)]
    assert verdicts(rows, mixed)[2:] == ["held" if verdict == "held" else "partly held"] * 2


def test_what_is_not_measured_is_said(measured):
    comparisons = neighbors.comparison_rows(measured)
    claims = neighbors.retrieval_claims(neighbors.retrieval_rows(measured), comparisons)
    assert claims[0].verdict == "held"
    assert claims[1].verdict == "undecided"  # no artist, no pose
    assert "view not measured" in claims[1].measured
    assert verdicts([], []) == ["undecided"] * 4
    caption = neighbors.caption_retrieval(neighbors.retrieval_rows(measured), claims, N, 50)
    assert re.match("Neighbors .*same character: held", caption)
    assert "20 illustrations" in caption
    assert "background, arms, view" in caption


def test_a_collection_without_characters(measured):
    """Nothing to share: every number is missing, and the table still stands."""
    nothing = {"character": [frozenset()] * N, "title": [frozenset()] * N}
    indices = {metric: ring(N)[0] for metric in METRICS}
    empty = measure(indices, nothing, range(N), resamples=5)
    rows, comparisons = neighbors.retrieval_rows(empty), neighbors.comparison_rows(empty)
    assert {r["precision"] for r in rows} == {None}
    assert verdicts(rows, comparisons) == ["undecided"] * 4
    neighbors.draw_retrieval(rows, "surrogate")


def test_a_pre_trained_net_that_finds_nothing():
    rows = [row("as found", "pretrained", name, 0.0, 0.0, 2.0) for name in ("character", "title")]
    comparisons = [against("pretrained", name, 35.0, np.nan) for name in ("character", "title")]
    claim = neighbors.retrieval_claims(rows, comparisons)[3]
    assert (claim.verdict, "not found by" in claim.measured) == ("held", True)
    nothing = [against("pretrained", name, 0.0, np.nan) for name in ("character", "title")]
    claim = neighbors.retrieval_claims(rows, nothing)[3]
    assert (claim.verdict, "found by neither" in claim.measured) == ("undecided", True)
