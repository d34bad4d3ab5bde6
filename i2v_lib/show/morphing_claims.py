"""What the paper says of its transitions and whether it held here, and the captions of Fig. 1 and its measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from i2v_lib.evaluation.path_quality import METHODS
from i2v_lib.show.morphing import COLUMNS, INTERMEDIATES, method_name, percent
from i2v_lib.show.numbers import Rows
from i2v_lib.show.tables import count

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
