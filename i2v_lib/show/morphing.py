"""Fig. 1, how smooth the transitions are that the paper shows in it, and what it claims of them (§4.4).

A long file, since the claims, the two tables and the figure of progress read the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy.sparse import csr_array

from i2v_lib.data.collection import Collection
from i2v_lib.evaluation.attributes import attributes
from i2v_lib.evaluation.claims import Claim, lies, verdict_of
from i2v_lib.evaluation.path_quality import (
    MEASURES,
    METHODS,
    distances_left,
    graph_numbers,
    indicators,
    mean_of_pairs,
    measure_paths,
    transitions,
)
from i2v_lib.run import Run
from i2v_lib.search.graph import Graph, Morph
from i2v_lib.show import paper
from i2v_lib.show.exhibit import Exhibit
from i2v_lib.show.style import BLACK, BLUE, GREEN, PURPLE, TWO_COLUMNS, VERMILLION
from i2v_lib.show.thumbnails import pictures, thumbnail
from i2v_lib.show.typeset import typeset
from i2v_lib.show.wording import NONE, Rows, count, over_interval

Paths = Mapping[str, Sequence[Morph]]  # metric -> a result per pair

NOTEBOOK = "06_semantic_morphing.ipynb"
INTERMEDIATES = 4  # of every transition in Fig. 1
COLUMNS = 8  # of Fig. 1
NOTHING = f"No two of the pairs drawn are joined by a path with {INTERMEDIATES} intermediates."

NAMES = {
    "shortest": "Shortest path, binary codes",
    "straight": "Straight line, real features",
    "walk": "Random walk (control)",
    "pretrained": "Shortest path, pre-trained net",
    "random": "Random pictures (control)",
}
COLORS = {"shortest": BLUE, "straight": GREEN, "walk": VERMILLION, "pretrained": PURPLE, "random": BLACK}
MARKERS = {"shortest": "o", "straight": "^", "walk": "s", "pretrained": "D", "random": "x"}


CONTROLS = ("straight", "walk", "pretrained")  # that the shortest path must beat
SMOOTHER = {  # measure -> how it is said, and on which side of 0 a better difference lies
    "changed": ("fewer changes", "below"),
    "steady_bits": ("steadier in bits", "above"),
    "steady_truth": ("steadier in attributes", "above"),
}


def fig1_morphing(run: Run, morphs: Sequence[Morph], graphs: Rows) -> Exhibit:
    """Fig. 1: the first transitions with four intermediates, in the order drawn.

    Parameters
    ----------
    run : that they are from
    morphs : of random pairs, with exactly :data:`INTERMEDIATES` pictures between
    graphs : from :func:`graph_rows`
    """
    rows = fig1_rows(run.collection(), run.safe_dataset(), morphs)
    fig = draw_fig1(rows, pictures(run.config, run.collection(), np.array([row["row"] for row in rows], int)))
    codes = next(row for row in graphs if row["metric"] == "codes")
    return Exhibit("fig1_morphing", fig, rows, caption_fig1(rows, run.config.code_bits, codes), notebook=NOTEBOOK)


def table_graphs(run: Run, graphs: Rows) -> Exhibit:
    """How the graphs hang together and how long their paths are, from :func:`graph_rows`."""
    fig, caption = draw_graphs(graphs, run.pretrained_source()), caption_graphs(graphs, run.config.neighbors)
    return Exhibit("table_graphs", fig, graphs, caption, notebook=NOTEBOOK)


def table_morphing(run: Run, smoothness: Rows, graphs: Rows) -> Exhibit:
    """How smooth five ways between the same pictures are, and what of the paper's claims that bears out.

    Parameters
    ----------
    run : that they are from
    smoothness : from :func:`measure_ways`
    graphs : from :func:`graph_rows`
    """
    source, known = run.pretrained_source(), attributes(run.collection(), run.safe_dataset())
    fig, claims = draw_smoothness(smoothness, source), morphing_claims(smoothness, graphs, source)
    caption = caption_morphing(claims, len(known))
    return Exhibit("table_morphing", fig, smoothness, caption, claims, notebook=NOTEBOOK)


def fig_path_progress(run: Run, progress: Rows, graphs: Rows) -> Exhibit:
    """How the target comes nearer from picture to picture; ``progress`` is from :func:`measure_ways`."""
    fig = draw_progress(progress, graphs, run.pretrained_source())
    return Exhibit("fig_path_progress", fig, progress, caption_progress(progress), notebook=NOTEBOOK)


def graph_rows(graphs: Mapping[str, Graph], free: Paths, exact: Paths) -> Rows:
    """How each graph hangs together; see :func:`~i2v_lib.evaluation.path_quality.graph_numbers`.

    Parameters
    ----------
    graphs : metric -> graph
    free, exact : metric -> paths of the same random pairs: the shortest, and those with exactly :data:`INTERMEDIATES`
    """
    return [{"metric": m, **graph_numbers(graphs[m], free[m], exact[m])} for m in graphs]


def measure_ways(run: Run, free: Paths, exact: Paths) -> tuple[Rows, Rows]:
    """Five ways between the same pictures: :func:`smoothness_rows`, and :func:`progress_rows` of the exact paths.

    Parameters
    ----------
    run : that the paths are from
    free, exact : as for :func:`graph_rows`, by "codes" and "pretrained"
    """
    truth = indicators(attributes(run.collection(), run.safe_dataset()))
    codes, features, seed = run.codes(), run.features("features"), run.config.seed
    ways = {
        name: transitions(found["codes"], found["pretrained"], run.graph("codes"), features, seed)
        for name, found in (("free", free), ("exact", exact))
    }
    measured = {
        name: {method: measure_paths(way, codes, truth) for method, way in methods.items()}
        for name, methods in ways.items()
    }
    return smoothness_rows(measured, run.config.bootstrap, seed), progress_rows(ways["exact"], codes, truth)


def method_name(method: str, pretrained_source: str) -> str:
    """Name of a way between two pictures for print; the pre-trained net says so when it saw a surrogate."""
    return NAMES[method] + paper.surrogate_mark(method, pretrained_source)


def fig1_rows(collection: Collection, rows: np.ndarray, morphs: Sequence[Morph]) -> Rows:
    """The first eight transitions that were found, a picture a dictionary, from source to target.

    Parameters
    ----------
    collection : the illustrations
    rows : int64 array, shape (n,): which row of the collection each node is
    morphs : of random pairs, in the order drawn; those without a path are passed over

    Returns
    -------
    list of dict
        "column", "step" (0 is the source), "id", "source_url", "row" (of the collection) and "distance" (bits from the
        picture before; None for the source).
    """
    ids, urls = collection.column("id"), collection.column("source_url")
    found = [result for result in morphs if result.status == "found"][:COLUMNS]
    return [
        {
            "column": column,
            "step": step,
            "id": ids[rows[node]],
            "source_url": urls[rows[node]] or None,
            "row": int(rows[node]),
            "distance": int(result.distances[step - 1]) if step else None,
        }
        for column, result in enumerate(found)
        for step, node in enumerate(result.path)
    ]


def draw_fig1(rows: Rows, images: np.ndarray, nothing: str = NOTHING) -> Figure:
    """Fig. 1: one transition a column, the source at the top; ids link to their sources.

    Parameters
    ----------
    rows : from :func:`fig1_rows`
    images : uint8 array, shape (len(rows), S, S, 3), in the order of the rows
    nothing : what the figure says without rows
    """
    size, pitch, top = 0.78, 1.04, 0.02  # inches
    column_width = (TWO_COLUMNS - size) / (COLUMNS - 1)
    lasts = {row["column"]: row["step"] for row in rows}  # a column's steps ascend
    last = max(lasts.values(), default=0)
    height = top + last * pitch + size + 0.14
    fig = plt.figure(figsize=(TWO_COLUMNS, height))
    if not rows:
        fig.text(0.5, 0.5, nothing, ha="center", va="center")
    for row, image in zip(rows, images, strict=True):
        x, y = row["column"] * column_width, top + row["step"] * pitch
        end = row["step"] in (0, lasts[row["column"]])
        thumbnail(fig, image, row["id"], x, y, size, "0" if end else "0.75", row["source_url"])
        if row["distance"] is not None:
            place = ((x + size / 2) / TWO_COLUMNS, 1 - (y - 0.015) / height)
            fig.text(*place, f"↓ {row['distance']:,}", ha="center", va="bottom", size=6.5)
    return fig


def smoothness_rows(measured: Mapping[str, Mapping[str, Mapping[str, np.ndarray]]], resamples: int, seed: int) -> Rows:
    """Mean of every measure for every method, with 95 % intervals, and what the shortest path differs by.

    Parameters
    ----------
    measured : "free" (paths of any length) or "exact" (with four intermediates) -> method -> measure -> float array,
        shape (P,), from :func:`~i2v_lib.evaluation.path_quality.measure_paths`, the same pairs for all methods; NaN
        where a method has no path
    resamples : of the pairs
    seed : of the resamples

    Returns
    -------
    list of dict
        "paths", "method", "measure", "pairs", "mean", "low", "high"; "difference", "difference_low" and
        "difference_high": the shortest path's minus the method's, over the same pairs.
    """
    rows = []
    for paths, methods in measured.items():
        ours = methods["shortest"]
        for method in METHODS:
            for measure in MEASURES:
                values = methods[method][measure]
                found = mean_of_pairs(values, resamples, seed)
                less = mean_of_pairs(ours[measure] - values, resamples, seed)
                row = {"paths": paths, "method": method, "measure": measure, "pairs": found.count}
                row |= zip(("mean", "low", "high"), found.estimate, strict=True)
                row |= zip(("difference", "difference_low", "difference_high"), less.estimate, strict=True)
                rows.append(row)
    return rows


def draw_smoothness(rows: Rows, pretrained_source: str) -> Figure:
    """Smoothness of five ways from the same sources to the same targets, beside the chance value.

    Parameters
    ----------
    rows : from :func:`smoothness_rows`
    pretrained_source : "ImageNet" or "surrogate"
    """
    headings = {"free": "As long as the shortest path", "exact": f"Exactly {INTERMEDIATES} intermediates"}
    cells, rules = [], []
    for paths, block in groupby(rows, key=lambda row: row["paths"]):
        entries = list(block)
        rules.append(len(cells))
        cells.append([headings[paths], *[""] * (1 + len(MEASURES))])
        for method in METHODS:
            values = {row["measure"]: row for row in entries if row["method"] == method}
            pairs = count(values["changed"]["pairs"])
            name = f"  {method_name(method, pretrained_source)}"
            cells.append([name, pairs, *(_cell(values[measure]) for measure in MEASURES)])
    columns = ["", "pairs", "a step", "largest step", "in bits", "in attributes", "falling (%)"]
    spans = [(2, 3, "attributes changed"), (4, 5, "steadiness, −1 to 1")]
    return typeset(columns, cells, spans=spans, rules=rules[1:])


def draw_graphs(rows: Rows, pretrained_source: str) -> Figure:
    """How the graphs hang together and how long their paths are.

    Parameters
    ----------
    rows : from :func:`graph_rows`
    pretrained_source : "ImageNet" or "surrogate"
    """
    cells = []
    for row in rows:
        cells.append(
            [
                paper.metric_name(row["metric"], pretrained_source),
                count(row["nodes"]),
                count(row["components"]),
                count(max(row["component_sizes"], default=0)),
                percent(row["without_path"]),
                _spread(row["steps"]),
                _spread(row["length"]),
                percent(row["with_exact"]),
                percent(row["extra"]),
            ]
        )
    columns = ["graph", "nodes", "components", "largest", "no path (%)", "steps", "length", "pairs (%)", "longer (%)"]
    return typeset(columns, cells, spans=[(7, 8, f"{INTERMEDIATES} intermediates")])


def progress_rows(ways: Mapping[str, Sequence[np.ndarray]], codes: np.ndarray, truth: Sequence[csr_array]) -> Rows:
    """Mean distance to the target at every picture of paths with the same number of pictures.

    Parameters
    ----------
    ways : method -> paths, from :func:`~i2v_lib.evaluation.path_quality.transitions`; the empty ones are passed over
    codes, truth : as for :func:`~i2v_lib.evaluation.path_quality.distances_left`

    Returns
    -------
    list of dict
        "method", "step" (0 is the source), "bits" and "attributes"; nothing for a method without a path.
    """
    rows = []
    for method, paths in ways.items():
        found = [path for path in paths if len(path)]
        left = distances_left(found, codes, truth) if found else ([], [])
        means = (np.mean(values, axis=0) for values in left if values)
        for step, (bits, changes) in enumerate(zip(*means, strict=True)):
            rows.append({"method": method, "step": step, "bits": float(bits), "attributes": float(changes)})
    return rows


def draw_progress(progress: Rows, graphs: Rows, pretrained_source: str) -> Figure:
    """How the target comes nearer from picture to picture, in bits and in attributes, and how many steps paths take.

    Parameters
    ----------
    progress : from :func:`progress_rows`
    graphs : as for :func:`draw_graphs`
    pretrained_source : "ImageNet" or "surrogate"
    """
    fig, axes = plt.subplots(1, 3, figsize=(TWO_COLUMNS, 2.3), layout="constrained")
    for ax, measure in zip(axes[:2], ("bits", "attributes"), strict=True):
        for method, block in groupby(progress, key=lambda row: row["method"]):
            points = list(block)
            look = {"color": COLORS[method], "marker": MARKERS[method], "label": method_name(method, pretrained_source)}
            look |= {"linestyle": "--" if method == "random" else "-"}
            ax.plot([row["step"] for row in points], [row[measure] for row in points], **look)
        ax.set(xlabel="picture (0 is the source)", ylabel=f"{measure} to the target", ylim=(0, None))
    for row in graphs:
        method = {"codes": "shortest"}.get(row["metric"], row["metric"])
        shares = 100 * np.array(row["histogram"]) / max(sum(row["histogram"]), 1)
        look = {"color": COLORS[method], "marker": MARKERS[method]}
        axes[2].plot(range(1, len(shares)), shares[1:], **look)
    axes[2].set(xlabel="steps of the shortest path", ylabel="pairs (%)", ylim=(0, None))
    axes[2].xaxis.set_major_locator(MaxNLocator(integer=True))
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return fig


def _cell(row: Mapping[str, Any]) -> str:
    """A mean over its interval."""
    if np.isnan(row["mean"]):
        return NONE
    mean, low, high = (row[key] * (100 if row["measure"] == "falling" else 1) for key in ("mean", "low", "high"))
    digits = 1 if row["measure"] == "falling" else 2
    return over_interval(mean, low, high, digits).replace("-", "−")


def _spread(quartiles: Sequence[float] | None) -> str:
    """A median over the quartiles."""
    if quartiles is None:
        return NONE
    _, low, median, high, _ = quartiles
    return f"{median:,.0f}\n{low:,.0f}–{high:,.0f}"


def percent(share: float | None) -> str:
    """A share, 0 to 1, in percent."""
    return NONE if share is None else f"{100 * share:.1f}"


def morphing_claims(smoothness: Rows, graphs: Rows, pretrained_source: str) -> list[Claim]:
    """What the paper says of its transitions, and whether it held here.

    "Smooth" has nine parts: with four intermediates for all, the shortest path changes fewer attributes a step than the
    straight line, the random walk and the pre-trained net's path, and comes nearer to the target more steadily in bits
    and in attributes, each by the 95 % interval of the difference.

    Parameters
    ----------
    smoothness : from :func:`smoothness_rows`
    graphs : from :func:`graph_rows`, the codes' among them
    pretrained_source : "ImageNet" or "surrogate"
    """
    codes = next(row for row in graphs if row["metric"] == "codes")
    return [_smooth(smoothness, pretrained_source), _connected(codes)]


def _smooth(smoothness: Rows, pretrained_source: str) -> Claim:
    claim = "The shortest path between two illustrations is semantically smooth"
    exact = {(row["method"], row["measure"]): row for row in smoothness if row["paths"] == "exact"}
    pairs = exact["shortest", "changed"]["pairs"]
    if not pairs or not exact["random", "changed"]["mean"]:
        nothing = f"No pair has a path of {INTERMEDIATES} intermediates, or no attribute is known."
        return Claim("§4.4", claim, verdict_of([]), nothing)
    controls = [method for method in CONTROLS if exact[method, "changed"]["pairs"]]
    names = {method: method_name(method, pretrained_source) for method in METHODS}
    answers, words = [], []
    for measure, (better, side) in SMOOTHER.items():
        rows = [exact[method, measure] for method in controls]
        found = [lies((row["difference_low"], row["difference_high"]), **{side: 0}) for row in rows]
        answers += found
        words.append(f"{better} than {found.count(True)} of {len(controls)} other ways")
    measured = [method for method in METHODS if exact[method, "changed"]["pairs"]]
    means = {method: f"{exact[method, 'changed']['mean']:.1f}{_fewer(exact, method)}" for method in measured}
    changed = "; ".join(f"{names[method]} {mean}" for method, mean in means.items())
    return Claim(
        "§4.4",
        claim,
        verdict_of(answers),
        f"Attributes changed a step with {INTERMEDIATES} intermediates, {count(pairs)} pairs: {changed}. "
        f"By separated intervals the path over the codes has {', is '.join(words)}.",
    )


def _fewer(exact, method):
    """How many pairs a way could join, if not all."""
    pairs = exact[method, "changed"]["pairs"]
    return "" if pairs == exact["shortest", "changed"]["pairs"] else f" ({count(pairs)} pairs)"


def _connected(graph: Mapping[str, Any]) -> Claim:
    claim = "There is a path between any two illustrations"
    if graph["without_path"] is None:
        return Claim("§4.4", claim, verdict_of([]), "There are no two illustrations.")
    share, pairs, components = 1 - graph["without_path"], count(graph["pairs"]), count(graph["components"])
    verdict = verdict_of([graph["components"] == 1, share > 0])  # between any two, and at least between some
    measured = f"{percent(share)} % of {pairs} random pairs have one; components: {components}."
    return Claim("§4.4", claim, verdict, measured)


def caption_fig1(rows: Rows, bits: int, graph: Mapping[str, float | None]) -> str:
    """Of Fig. 1; ``bits`` is a code's length, ``graph`` the numbers of the codes' graph."""
    columns = [list(block) for _, block in groupby(rows, key=lambda row: row["column"])]
    lengths = [sum(row["distance"] or 0 for row in column) for column in columns] or [0]
    return (
        f"{len(columns)} transitions, {min(lengths):,} to {max(lengths):,} bits long. Source at the top, target at the "
        f"bottom (black frames), between them the cheapest path with exactly {INTERMEDIATES} intermediates; arrows: "
        f"Hamming distance of {bits:,}-bit codes. The first {COLUMNS} that have such a path of {count(graph['pairs'])} "
        f"pairs drawn at random ({percent(graph['with_exact'])} % have one), in the order drawn; no illustration was "
        "excluded. Ids link to the source where one is known."
    )


def caption_morphing(claims: Sequence[Claim], known: int) -> str:
    """Of the table of smoothness; ``known`` is how many attributes are known of an illustration."""
    smooth = claims[0]
    return (
        f"A semantically smooth transition: {smooth.verdict}. {smooth.measured} Means with 95 % bootstrap "
        f"intervals over the pairs. Of {known} attributes, one that changes in part counts in part. Steadiness: "
        "rank correlation of step and nearness to the target; falling: steps that come nearer in bits. All ways of a "
        "pair share source and target. Below the middle rule all have the same number of pictures, the cheapest paths "
        "with it stand for the shortest, and only pairs that have one are counted. Straight line: points at equal "
        "intervals, each snapped to the nearest picture not yet used. Random walk: over the edges from the source, "
        "then a jump to the target."
    )


def caption_graphs(graphs: Rows, k: int) -> str:
    """Of the table of graphs; ``k`` neighbors were joined."""
    codes = next(row for row in graphs if row["metric"] == "codes")
    return (
        f"{percent(codes['without_path'])} % of {count(codes['pairs'])} random pairs have no path. Either-way graphs "
        f"of the {k} nearest neighbors over the safe dataset; largest: nodes of the largest component. Steps and "
        f"length of the shortest paths: median and quartiles; bits for codes, else Euclidean. {INTERMEDIATES} "
        "intermediates: pairs that have such a path, and how much longer it is than the shortest (median)."
    )


def caption_progress(progress: Rows) -> str:
    """Of the figure of progress, from ``progress_rows``."""
    left = {(row["method"], row["step"]): row["attributes"] for row in progress}
    claim = "No path was measured."
    if left:
        ours, chance = left["shortest", INTERMEDIATES], left["random", INTERMEDIATES]
        claim = f"One step before the target {ours:.1f} attributes are left to change, {chance:.1f} by chance."
    return (
        f"{claim} Left and middle: mean distance to the target along paths of {INTERMEDIATES} intermediates, of the "
        "pairs that have one that way, so that two lines may start apart. Right: "
        "steps of the shortest paths between random pairs, over the codes' graph and the pre-trained net's."
    )
