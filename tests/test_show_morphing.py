import json
import re
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from i2v_lib.evaluation import path_quality
from i2v_lib.search.graph import build_graph
from i2v_lib.search.neighbors import nearest_neighbors, nearest_vectors
from i2v_lib.show import morphing, saving

NODES = 150


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def a_collection(nodes=NODES):
    columns = {
        "id": [f"$picture_{i}$" for i in range(nodes)],
        "source_url": ["https://example.org/1", "", "javascript:alert(1)"] * (nodes // 3),
        "character": [["hero"]] * nodes,
        "copyright": [[]] * nodes,
        "general": [["hat"] * (i % 2) for i in range(nodes)],
    }
    return SimpleNamespace(column=columns.__getitem__)


@pytest.fixture(scope="module")
def study():
    """Two groups of pictures, each spread over a plane; the pre-trained net sees one of its axes only."""
    generator = np.random.default_rng(0)
    places = generator.uniform(size=(NODES, 2))
    waves = np.sin(6 * places @ generator.normal(size=(2, 64)))
    features = np.c_[waves, np.repeat([[9.0] * 8, [-9.0] * 8], 75, axis=0)]
    codes = np.packbits(features > 0, axis=1)
    truth = path_quality.indicators({"x": [frozenset({str(int(6 * x))}) for x in places[:, 0]],
                              "y": [frozenset({str(int(6 * y))}) for y in places[:, 1]]})  # fmt: skip
    graphs = {
        "codes": build_graph(*nearest_neighbors(codes, 5)),
        "pretrained": build_graph(*nearest_vectors(places[:, :1], 5)),
    }
    pairs = path_quality.random_pairs(NODES, 120, 0)
    free = {name: path_quality.find_paths(graph, pairs) for name, graph in graphs.items()}
    exact = {name: path_quality.find_paths(graph, pairs, 4) for name, graph in graphs.items()}
    ways = {
        name: path_quality.transitions(found["codes"], found["pretrained"], graphs["codes"], features, 0)
        for name, found in (("free", free), ("exact", exact))
    }
    measured = {
        name: {method: path_quality.measure_paths(way, codes, truth) for method, way in methods.items()}
        for name, methods in ways.items()
    }
    return SimpleNamespace(
        exact=exact["codes"],
        smoothness=morphing.smoothness_rows(measured, 100, 0),
        progress=morphing.progress_rows(ways["exact"], codes, truth),
        graphs=[{"metric": m, **path_quality.graph_numbers(graphs[m], free[m], exact[m])} for m in graphs],
    )


def nothing():
    """What is left of all numbers on a single picture."""
    graph = build_graph(np.empty((1, 0), int), np.empty((1, 0), int))
    ways = path_quality.transitions([], [], graph, np.ones((1, 4)), 0)
    codes, truth = np.zeros((1, 1), np.uint8), path_quality.indicators({"x": [frozenset()]})
    measured = {method: path_quality.measure_paths(way, codes, truth) for method, way in ways.items()}
    return SimpleNamespace(
        exact=[],
        smoothness=morphing.smoothness_rows({"free": measured, "exact": measured}, 10, 0),
        progress=morphing.progress_rows(ways, codes, truth),
        graphs=[{"metric": m, **path_quality.graph_numbers(graph, [], [])} for m in ("codes", "pretrained")],
    )


def texts(fig):
    return [text.get_text() for text in [*fig.texts, *(text for ax in fig.axes for text in ax.texts)]]


def test_fig1_shows_the_first_eight_found(study):
    rows = morphing.fig1_rows(a_collection(), np.arange(NODES), study.exact)
    found = [result for result in study.exact if result.status == "found"]
    assert 8 < len(found) < len(study.exact)
    assert len(rows) == 48
    for column, result in enumerate(found[:8]):
        block = rows[6 * column : 6 * column + 6]
        assert [row["row"] for row in block] == result.path.tolist()
        assert [row["distance"] for row in block] == [None, *result.distances.tolist()]
        assert [row["step"] for row in block] == list(range(6))
    images = np.random.default_rng(0).integers(0, 256, (48, 16, 16, 3), np.uint8)
    fig = morphing.draw_fig1(rows, images)
    assert len(fig.axes) == 48
    assert sum(text.startswith("↓") for text in texts(fig)) == 40
    for ax, row in zip(fig.axes, rows, strict=True):
        safe = row["source_url"] == "https://example.org/1"
        assert ax.texts[0].get_url() == (row["source_url"] if safe else None)
    renderer, (width, height) = fig.canvas.get_renderer(), fig.canvas.get_width_height()
    for text in (text for ax in fig.axes for text in ax.texts):
        box = text.get_window_extent(renderer)
        assert -1 <= box.x0 < box.x1 <= width + 1
        assert -1 <= box.y0 < box.y1 <= height + 1
    arrows = [text.get_window_extent(renderer) for text in fig.texts]
    names = [ax.texts[0].get_window_extent(renderer) for ax in fig.axes]
    assert not any(arrow.overlaps(name) for arrow in arrows for name in names)


def test_rows_other_than_the_nodes_are_looked_up(study):
    rows = morphing.fig1_rows(a_collection(2 * NODES), np.arange(NODES, 2 * NODES), study.exact)
    first = next(result.path[0] for result in study.exact if result.status == "found")
    assert (rows[0]["row"], rows[0]["id"]) == (first + NODES, f"$picture_{first + NODES}$")


def test_rows_of_smoothness(study):
    rows = {(row["paths"], row["method"], row["measure"]): row for row in study.smoothness}
    assert len(rows) == 2 * len(path_quality.METHODS) * len(path_quality.MEASURES)
    for (half, method, measure), row in rows.items():
        assert row["low"] <= row["mean"] <= row["high"]
        if method == "shortest":
            assert row["difference"] == row["difference_low"] == row["difference_high"] == 0
        elif method != "pretrained":  # of the same pairs, so the mean difference is the difference of means
            ours = rows[half, "shortest", measure]
            assert row["difference"] == pytest.approx(ours["mean"] - row["mean"])
            assert row["pairs"] == ours["pairs"]
    assert 0 < rows["exact", "shortest", "changed"]["pairs"] < rows["free", "shortest", "changed"]["pairs"]
    assert rows["exact", "pretrained", "changed"]["pairs"] <= rows["exact", "shortest", "changed"]["pairs"]
    assert rows["free", "random", "changed"]["difference_high"] < 0  # the control


def test_progress_ends_at_the_target(study):
    for method in path_quality.METHODS:
        block = [row for row in study.progress if row["method"] == method]
        assert [row["step"] for row in block] == list(range(6))
        assert block[-1]["bits"] == block[-1]["attributes"] == 0
        assert min(row["bits"] for row in block[:-1]) > 0
    starts = {row["method"]: row["bits"] for row in study.progress if row["step"] == 0}
    assert starts["shortest"] == starts["straight"] == starts["walk"] == starts["random"]


def a_table(**differences):
    """Rows of smoothness in which the shortest path is better than all, but for what is given."""
    rows = []
    for method in path_quality.METHODS:
        for measure in path_quality.MEASURES:
            sign = -1 if measure in ("changed", "largest") else 1
            low, high = differences.get(f"{method}_{measure}", sorted((sign * 0.1, sign * 0.5)))
            head = {"paths": "exact", "method": method, "measure": measure, "pairs": 40, "mean": 2.0}
            rows.append(head | {"difference_low": low, "difference_high": high})
    return rows


@pytest.mark.parametrize(
    ("differences", "verdict", "said"),
    [
        ({}, "held", "fewer changes than 3 of 3"),
        ({"walk_changed": (-0.4, 0.1)}, "partly held", "fewer changes than 2 of 3"),
        ({"straight_steady_truth": (-0.4, -0.1)}, "partly held", "steadier in attributes than 2 of 3"),
        ({"random_changed": (0.1, 0.2), "straight_falling": (-0.2, -0.1)}, "held", "steadier in bits than 3 of 3"),
        (
            {f"{c}_{m}": (-0.1, 0.1) for c in morphing.CONTROLS for m in morphing.SMOOTHER},
            "undecided",
            "than 0 of 3",
        ),
        (
            {
                f"{c}_{m}": (0.1, 0.2) if m == "changed" else (-0.2, -0.1)
                for c in morphing.CONTROLS
                for m in morphing.SMOOTHER
            },
            "did not hold",
            "than 0 of 3",
        ),
    ],
)
def test_verdict_on_smoothness(study, differences, verdict, said):
    claim = morphing.morphing_claims(a_table(**differences), study.graphs, "ImageNet")[0]
    assert claim.verdict == verdict
    assert said in claim.measured
    assert "Shortest path, binary codes 2.0" in claim.measured


def test_a_control_without_paths_is_left_out(study):
    rows = [row | ({"pairs": 0, "mean": np.nan} if row["method"] == "pretrained" else {}) for row in a_table()]
    claim = morphing.morphing_claims(rows, study.graphs, "ImageNet")[0]
    assert claim.verdict == "held"
    assert "than 2 of 2" in claim.measured
    unknown = [row | {"mean": 0.0} for row in a_table()]  # no attribute is known of any picture
    assert morphing.morphing_claims(unknown, study.graphs, "ImageNet")[0].verdict == "undecided"


@pytest.mark.parametrize(
    ("share", "components", "verdict", "said"),
    [
        (0.0, 1, "held", "100.0 %"),
        (0.0, 2, "partly held", "100.0 %"),  # the pairs drawn do not show it
        (0.25, 2, "partly held", "75.0 %"),
        (1.0, 9, "did not hold", "0.0 %"),
    ],
)
def test_verdict_on_connection(study, share, components, verdict, said):
    graph = study.graphs[0] | {"without_path": share, "components": components}
    claim = morphing.morphing_claims(a_table(), [graph], "ImageNet")[1]
    assert (claim.verdict, claim.measured[: len(said)]) == (verdict, said)


def test_tables_and_figures_are_drawn(study, tmp_path):
    printed = texts(morphing.draw_smoothness(study.smoothness, "surrogate"))
    assert "  Shortest path, pre-trained net (surrogate)" in printed
    assert printed.count("Exactly 4 intermediates") == 1
    assert "Pre-trained net" in texts(morphing.draw_graphs(study.graphs, "ImageNet"))
    fig = morphing.draw_progress(study.progress, study.graphs, "ImageNet")
    assert [len(ax.lines) for ax in fig.axes] == [5, 5, 2]
    fig.savefig(tmp_path / "progress.png")
    steps = fig.axes[2].lines[0].get_ydata()
    assert np.sum(steps) == pytest.approx(100)


def test_captions(study):
    rows = morphing.fig1_rows(a_collection(), np.arange(NODES), study.exact)
    lengths = [result.length for result in study.exact if result.status == "found"][:8]
    caption = morphing.caption_fig1(rows, 72, study.graphs[0])
    assert caption.startswith(f"8 transitions, {min(lengths)} to {max(lengths)} bits long.")
    claims = morphing.morphing_claims(study.smoothness, study.graphs, "ImageNet")
    assert claims[0].verdict in morphing.caption_morphing(claims, 2)
    share = 100 * study.graphs[0]["without_path"]
    assert re.match(rf"{share:.1f} % of 120 .*no path", morphing.caption_graphs(study.graphs, 5))
    assert "by chance" in morphing.caption_progress(study.progress)


def test_a_single_picture(worded):
    alone = nothing()
    assert morphing.fig1_rows(a_collection(), np.arange(1), alone.exact) == []
    fig = morphing.draw_fig1([], np.empty((0, 8, 8, 3), np.uint8))
    assert texts(fig)[0].startswith("No two")
    morphing.draw_smoothness(alone.smoothness, "ImageNet")
    morphing.draw_graphs(alone.graphs, "ImageNet")
    morphing.draw_progress(alone.progress, alone.graphs, "ImageNet").canvas.draw()
    claims = morphing.morphing_claims(alone.smoothness, alone.graphs, "ImageNet")
    assert [claim.verdict for claim in claims] == ["undecided", "undecided"]
    assert morphing.caption_fig1([], 8, alone.graphs[0]).startswith("0 transitions")
    assert morphing.caption_progress([]).startswith("No path")
    worded(morphing.caption_progress([]))
    assert morphing.caption_graphs(alone.graphs, 5)
    json.dumps(saving.plain({"smoothness": alone.smoothness, "graphs": alone.graphs}), allow_nan=False)
