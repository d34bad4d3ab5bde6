"""Fig. 1, how smooth the transitions are that the paper shows in it, and what it claims of them (§4.4)."""

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
from i2v_lib.evaluation.path_quality import MEASURES, METHODS, distances_left, mean_of_pairs
from i2v_lib.search.graph import Morph
from i2v_lib.show import paper
from i2v_lib.show.style import BLACK, BLUE, GREEN, PURPLE, TWO_COLUMNS, VERMILLION
from i2v_lib.show.thumbnails import thumbnail
from i2v_lib.show.typeset import typeset
from i2v_lib.show.wording import NONE, Rows, count, over_interval

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


def fig1_morphing(rows: Rows, images: np.ndarray, nothing: str = NOTHING) -> Figure:
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


def table_morphing(rows: Rows, pretrained_source: str) -> Figure:
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


def table_graphs(rows: Rows, pretrained_source: str) -> Figure:
    """How the graphs hang together and how long their paths are.

    Parameters
    ----------
    rows : "metric" and the entries of :func:`~i2v_lib.evaluation.path_quality.graph_numbers`
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
        for step, (bits, attributes) in enumerate(zip(*means, strict=True)):
            rows.append({"method": method, "step": step, "bits": float(bits), "attributes": float(attributes)})
    return rows


def fig_path_progress(progress: Rows, graphs: Rows, pretrained_source: str) -> Figure:
    """How the target comes nearer from picture to picture, in bits and in attributes, and how many steps paths take.

    Parameters
    ----------
    progress : from :func:`progress_rows`
    graphs : as for :func:`table_graphs`
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


CONTROLS = ("straight", "walk", "pretrained")  # that the shortest path must beat
SMOOTHER = {  # measure -> how it is said, and the sign of a better difference
    "changed": ("fewer changes", -1),
    "steady_bits": ("steadier in bits", 1),
    "steady_truth": ("steadier in attributes", 1),
}


def morphing_claims(smoothness: Rows, graphs: Rows, pretrained_source: str) -> list[dict[str, str]]:
    """What the paper says of its transitions, and whether it held here.

    "Smooth" held if, with four intermediates for all, the shortest path changes fewer attributes a step than the
    straight line, the random walk and the pre-trained net's path, and comes nearer to the target more steadily in bits
    and in attributes, each difference with an interval without 0. It partly held if some of the nine are so.

    Parameters
    ----------
    smoothness : from :func:`~i2v_lib.show.morphing.smoothness_rows`
    graphs : "metric" and the entries of :func:`~i2v_lib.evaluation.path_quality.graph_numbers`, the codes' among them
    pretrained_source : "ImageNet" or "surrogate"
    """
    codes = next(row for row in graphs if row["metric"] == "codes")
    claims = (
        ("The shortest path between two illustrations is semantically smooth", _smooth(smoothness, pretrained_source)),
        ("There is a path between any two illustrations", _connected(codes)),
    )
    return [
        {"section": "§4.4", "claim": claim, "verdict": verdict, "measured": measured}
        for claim, (verdict, measured) in claims
    ]


def _smooth(smoothness, pretrained_source):
    exact = {(row["method"], row["measure"]): row for row in smoothness if row["paths"] == "exact"}
    pairs = exact["shortest", "changed"]["pairs"]
    if not pairs or not exact["random", "changed"]["mean"]:
        return "not measured", f"No pair has a path of {INTERMEDIATES} intermediates, or no attribute is known."
    controls = [method for method in CONTROLS if exact[method, "changed"]["pairs"]]
    names = {method: method_name(method, pretrained_source) for method in METHODS}
    wins, words = 0, []
    for measure, (better, sign) in SMOOTHER.items():
        bound = "difference_low" if sign > 0 else "difference_high"
        beaten = [method for method in controls if sign * exact[method, measure][bound] > 0]
        wins += len(beaten)
        words.append(f"{better} than {len(beaten)} of {len(controls)} other ways")
    total = len(controls) * len(SMOOTHER)
    measured = [method for method in METHODS if exact[method, "changed"]["pairs"]]
    means = {method: f"{exact[method, 'changed']['mean']:.1f}{_fewer(exact, method)}" for method in measured}
    changed = "; ".join(f"{names[method]} {mean}" for method, mean in means.items())
    return (
        "held" if wins == total else "partly held" if wins else "did not hold",
        f"Attributes changed a step with {INTERMEDIATES} intermediates, {count(pairs)} pairs: {changed}. "
        f"By separated intervals the path over the codes has {', is '.join(words)}.",
    )


def _fewer(exact, method):
    """How many pairs a way could join, if not all."""
    pairs = exact[method, "changed"]["pairs"]
    return "" if pairs == exact["shortest", "changed"]["pairs"] else f" ({count(pairs)} pairs)"


def _connected(graph):
    if graph["without_path"] is None:
        return "not measured", "There are no two illustrations."
    share, pairs, components = 1 - graph["without_path"], count(graph["pairs"]), count(graph["components"])
    return (
        "held" if graph["components"] == 1 else "partly held" if share else "did not hold",
        f"{percent(share)} % of {pairs} random pairs have one; components: {components}.",
    )


def caption_fig1(rows: Rows, bits: int, graph: Mapping[str, float | None], ending: str) -> str:
    """Of Fig. 1; ``bits`` is a code's length, ``graph`` the numbers of the codes' graph."""
    columns = [list(block) for _, block in groupby(rows, key=lambda row: row["column"])]
    lengths = [sum(row["distance"] or 0 for row in column) for column in columns] or [0]
    return (
        f"{len(columns)} transitions, {min(lengths):,} to {max(lengths):,} bits long. Source at the top, target at the "
        f"bottom (black frames), between them the cheapest path with exactly {INTERMEDIATES} intermediates; arrows: "
        f"Hamming distance of {bits:,}-bit codes. The first {COLUMNS} that have such a path of {count(graph['pairs'])} "
        f"pairs drawn at random ({percent(graph['with_exact'])} % have one), in the order drawn; no illustration was "
        f"excluded. Ids link to the source where one is known. {ending}"
    )


def caption_morphing(claims: Sequence[Mapping[str, str]], attributes: int, ending: str) -> str:
    """Of the table of smoothness; ``attributes`` is how many are known of an illustration."""
    smooth = claims[0]
    return (
        f"A semantically smooth transition: {smooth['verdict']}. {smooth['measured']} Means with 95 % bootstrap "
        f"intervals over the pairs. Of {attributes} attributes, one that changes in part counts in part. Steadiness: "
        "rank correlation of step and nearness to the target; falling: steps that come nearer in bits. All ways of a "
        "pair share source and target. Below the middle rule all have the same number of pictures, the cheapest paths "
        "with it stand for the shortest, and only pairs that have one are counted. Straight line: points at equal "
        "intervals, each snapped to the nearest picture not yet used. Random walk: over the edges from the source, "
        f"then a jump to the target. {ending}"
    )


def caption_graphs(graphs: Rows, k: int, ending: str) -> str:
    """Of the table of graphs; ``k`` neighbors were joined."""
    codes = next(row for row in graphs if row["metric"] == "codes")
    return (
        f"{percent(codes['without_path'])} % of {count(codes['pairs'])} random pairs have no path. Either-way graphs "
        f"of the {k} nearest neighbors over the safe dataset; largest: nodes of the largest component. Steps and "
        f"length of the shortest paths: median and quartiles; bits for codes, else Euclidean. {INTERMEDIATES} "
        f"intermediates: pairs that have such a path, and how much longer it is than the shortest (median). {ending}"
    )


def caption_progress(progress: Rows, ending: str) -> str:
    """Of the figure of progress, from ``progress_rows``."""
    left = {(row["method"], row["step"]): row["attributes"] for row in progress}
    claim = "No path was measured."
    if left:
        ours, chance = left["shortest", INTERMEDIATES], left["random", INTERMEDIATES]
        claim = f"One step before the target {ours:.1f} attributes are left to change, {chance:.1f} by chance."
    return (
        f"{claim} Left and middle: mean distance to the target along paths of {INTERMEDIATES} intermediates, of the "
        "pairs that have one that way, so that two lines may start apart. Right: "
        f"steps of the shortest paths between random pairs, over the codes' graph and the pre-trained net's. {ending}"
    )
