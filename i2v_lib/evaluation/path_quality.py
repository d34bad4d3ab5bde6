"""How smooth transitions are: what changes at each step and how steadily the target comes nearer, beside controls.

The paper shows eight transitions and calls them smooth (§4.4). Here they are measured, against other ways from the same
source to the same target with as many pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.stats import rankdata
from sklearn.preprocessing import MultiLabelBinarizer

from i2v_lib.evaluation.bootstrap import draw_counts
from i2v_lib.evaluation.measured import Measured
from i2v_lib.search.adjacency import Graph
from i2v_lib.search.graph import Morph, morph

METHODS = ("shortest", "straight", "walk", "pretrained", "random")
MEASURES = ("changed", "largest", "steady_bits", "steady_truth", "falling")


def random_pairs(nodes: int, count: int, seed: int) -> np.ndarray:
    """Ordered pairs of different nodes, none twice: int64 array, shape (P, 2), P = ``count`` or all there are."""
    everything = nodes * (nodes - 1)
    drawn = np.random.default_rng([seed, nodes]).choice(everything, min(count, everything), replace=False)
    source, target = np.divmod(drawn, max(nodes - 1, 1))
    return np.stack([source, target + (target >= source)], axis=1)


def find_paths(graph: Graph, pairs: np.ndarray, intermediates: int | None = None) -> list[Morph]:
    """Result of :func:`~i2v_lib.search.graph.morph` for every pair."""
    return [morph(graph, source, target, intermediates) for source, target in pairs]


def graph_numbers(graph: Graph, free: Sequence[Morph], exact: Sequence[Morph]) -> dict[str, Any]:
    """How a graph hangs together, and how long its paths are.

    Parameters
    ----------
    graph : from :func:`~i2v_lib.search.graph.build_graph`
    free, exact : results for the same pairs, of shortest paths and of those with a given number of intermediates

    Returns
    -------
    dict
        "nodes", "edges"; "components", their number, and "component_sizes", largest first; "pairs"; "without_path" and
        "with_exact", shares of the pairs, 0 to 1; "steps" and "length", quartiles (five numbers) of the shortest paths;
        "histogram", pairs by number of steps from 0; "extra", median of the exact paths' length over the shortest
        between the same ends, less 1.
    """
    found = [result for result in free if result.status == "found"]
    steps = [len(result.distances) for result in found]
    longer = [
        long.length / short.length - 1
        for short, long in zip(free, exact, strict=True)
        if long.status == "found" and long.length is not None and short.length
    ]
    return {
        "nodes": len(graph),
        "edges": len(graph.pairs),
        "components": len(np.unique(graph.components)),
        "component_sizes": sorted(np.bincount(graph.components).tolist(), reverse=True),
        "pairs": len(free),
        "without_path": 1 - len(found) / len(free) if free else None,
        "with_exact": sum(result.status == "found" for result in exact) / len(exact) if exact else None,
        "steps": _quartiles(steps),
        "length": _quartiles([result.length for result in found]),
        "histogram": np.bincount(steps).tolist() if steps else [],
        "extra": float(np.median(longer)) if longer else None,
    }


def transitions(
    ours: Sequence[Morph], theirs: Sequence[Morph], graph: Graph, features: np.ndarray, seed: int
) -> dict[str, list[np.ndarray]]:
    """Five ways between the same two pictures, for every pair that has a path on the codes' graph.

    - shortest: the path on the codes' graph;
    - straight: as many intermediates as that path, at equal intervals on the straight line between the features of the
      two ends, each snapped to the nearest picture that is not on the way yet;
    - walk: as many intermediates again, a random walk on the codes' graph from the source that avoids the target and,
      where it can, pictures it has seen; from its last picture it jumps to the target;
    - pretrained: the path on the pre-trained net's graph, with as many intermediates as that has; empty without one;
    - random: as many intermediates as the first, pictures at random. What this reaches comes from the ends alone.

    Parameters
    ----------
    ours, theirs : of the same pairs, on the graph of the codes and on that of the pre-trained net
    graph : of the codes
    features : float array, shape (N, D): the real features behind the codes
    seed : of the walks and the random pictures

    Returns
    -------
    dict
        Method -> one int64 array of nodes a pair.
    """
    rng = np.random.default_rng([seed, len(graph), len(ours)])
    both = [(a.path, b.path) for a, b in zip(ours, theirs, strict=True) if a.status == "found"]
    shortest, pretrained = [path for path, _ in both], [path for _, path in both]
    return {
        "shortest": shortest,
        "straight": straight_paths(features, shortest),
        "walk": [_random_walk(graph, path, rng) for path in shortest],
        "pretrained": pretrained,
        "random": [_random_pictures(len(graph), path, rng) for path in shortest],
    }


def straight_paths(features: np.ndarray, paths: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Straight lines between the features of paths' ends, snapped to the nearest pictures.

    Parameters
    ----------
    features : float array, shape (N, D)
    paths : of each the ends count, and its length L: the line has L - 2 points at equal intervals between the ends.
        In order from the source each takes the nearest picture that is neither an end nor taken; of equally near ones
        the lowest.

    Returns
    -------
    list of int64 arrays, as long as the paths
    """
    if not paths:
        return []
    ends, places = np.unique([path[[0, -1]] for path in paths], return_inverse=True)
    features = features.astype(np.float64)
    halves = (features**2).sum(axis=1) / 2
    near = features[ends] @ features.T - halves  # |x - end|² = |end|² - 2 near; linear in the end, so it holds between
    lines = []
    for path, (source, target) in zip(paths, places.reshape(-1, 2), strict=True):
        free = np.ones(len(features), bool)
        free[path[[0, -1]]] = False
        line = [path[0]]
        for share in np.linspace(0, 1, len(path))[1:-1]:
            line.append(np.where(free, (1 - share) * near[source] + share * near[target], -np.inf).argmax())
            free[line[-1]] = False
        lines.append(np.array([*line, path[-1]]))
    return lines


def _random_walk(graph, path, rng):
    """From the source over the edges, past the target, as many pictures as the path has between; then the target."""
    walk = [path[0]]
    while len(walk) < len(path) - 1:
        ends = graph.ends[graph.row(walk[-1])]
        ends = ends[ends != path[-1]] if len(ends) > 1 else ends
        fresh = np.setdiff1d(ends, walk)
        walk.append(rng.choice(fresh if len(fresh) else ends))
    return np.array([*walk, path[-1]])


def _random_pictures(nodes, path, rng):
    """The path's ends, and as many other pictures between, none twice."""
    others = np.delete(np.arange(nodes), path[[0, -1]])
    return np.r_[path[0], rng.choice(others, len(path) - 2, replace=False), path[-1]]


def indicators(values: Mapping[str, Sequence[frozenset[str]]]) -> list[csr_array]:
    """Attributes as one 0/1 matrix each, shape (N, values), from :func:`~i2v_lib.evaluation.attributes.attributes`."""
    return [csr_array(MultiLabelBinarizer(sparse_output=True).fit_transform(sets)) for sets in values.values()]


def changed_attributes(truth: Sequence[csr_array], first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How many attributes differ between pictures, pair by pair: float64 array, shape (n,).

    An attribute of which both pictures have one value counts 0 or 1. One with several counts the share of them that
    only one picture has (1 − Jaccard index); one that neither has counts 0.

    Parameters
    ----------
    truth : from :func:`indicators`
    first, second : int64 arrays, shape (n,): rows of the matrices
    """
    total = np.zeros(len(first))
    for members in truth:
        sizes = members.sum(axis=1)
        shared = members[first].multiply(members[second]).sum(axis=1)
        either = sizes[first] + sizes[second] - shared
        total += np.where(either > 0, 1 - shared / np.maximum(either, 1), 0)
    return total


def distances_left(
    paths: Sequence[np.ndarray], codes: np.ndarray, truth: Sequence[csr_array]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """How far each picture of each path is from its target, in bits and in attributes that differ.

    Parameters
    ----------
    paths : P int64 arrays of nodes, at least one array
    codes : uint8 array, shape (N, B/8)
    truth : from :func:`indicators`

    Returns
    -------
    Two lists of P arrays, each as long as its path.
    """
    nodes = np.concatenate(paths)
    targets = np.concatenate([np.full(len(path), path[-1]) for path in paths])
    bits = np.bitwise_count(codes[nodes] ^ codes[targets]).sum(axis=1, dtype=np.int64)
    cuts = np.cumsum([len(path) for path in paths])[:-1]
    return np.split(bits, cuts), np.split(changed_attributes(truth, nodes, targets), cuts)


def measure_paths(paths: Sequence[np.ndarray], codes: np.ndarray, truth: Sequence[csr_array]) -> dict[str, np.ndarray]:
    """How smooth each path is.

    Parameters
    ----------
    paths : P int64 arrays of at least two nodes, or of none: all is NaN for them
    codes : uint8 array, shape (N, B/8)
    truth : from :func:`indicators`

    Returns
    -------
    dict of float64 arrays, shape (P,)
        "changed": attributes changed a step, on average; "largest": at the step that changes most; "steady_bits" and
        "steady_truth": Spearman's rank correlation, −1 to 1, of the number of the step and the nearness to the target,
        in bits and in attributes (NaN where all are equally near); "falling": share of steps that come nearer to the
        target in bits.
    """
    known = np.array([len(path) > 0 for path in paths], bool)
    measured = {measure: np.full(len(paths), np.nan) for measure in MEASURES}
    if not known.any():
        return measured
    paths = [path for path in paths if len(path)]
    befores, afters = (np.concatenate([path[cut] for path in paths]) for cut in (slice(-1), slice(1, None)))
    cuts = np.cumsum([len(path) - 1 for path in paths])[:-1]
    changed = np.split(changed_attributes(truth, befores, afters), cuts)
    bits, differing = distances_left(paths, codes, truth)
    measured["changed"][known] = [steps.mean() for steps in changed]
    measured["largest"][known] = [steps.max() for steps in changed]
    measured["steady_bits"][known] = [_steadiness(left) for left in bits]
    measured["steady_truth"][known] = [_steadiness(left) for left in differing]
    measured["falling"][known] = [(np.diff(left) < 0).mean() for left in bits]
    return measured


def _steadiness(left):
    """Spearman's rank correlation of the step and the nearness; NaN if it never changes."""
    ranks = rankdata(-left)
    return np.corrcoef(np.arange(len(left)), ranks)[0, 1] if np.ptp(ranks) else np.nan


def mean_of_pairs(values: np.ndarray, resamples: int, seed: int) -> Measured:
    """Mean over pairs, with bootstrap resamples of the pairs; NaN values are left out.

    Parameters
    ----------
    values : float array, shape (P,), one value per pair
    resamples : R, how often P pairs are drawn with replacement; one seed draws the same for all values
    seed : of the draws

    Returns
    -------
    :class:`~i2v_lib.evaluation.measured.Measured`
        NaN without a value. Its ``count`` is the number of pairs with a value.
    """
    known = ~np.isnan(values)
    if not known.any():
        return Measured(np.nan, np.full(resamples, np.nan), count=0)
    counts = draw_counts(len(values), resamples, seed).astype(np.float64)
    with np.errstate(invalid="ignore"):
        resampled = np.where(known, values, 0) @ counts / (known @ counts)
    return Measured(float(values[known].mean()), resampled, count=int(known.sum()))


def _quartiles(values):
    """Least, three quartiles, greatest; None without values."""
    return np.quantile(values, [0, 0.25, 0.5, 0.75, 1]).tolist() if values else None
