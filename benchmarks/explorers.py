"""Measure how soon the morphing explorer shows a new path, as plain function and as widget, and the panel a picture.

    python benchmarks/explorers.py [--sizes 1000 10000 76003] [--pairs 100] [--runs 3]

Neighbors are made as in ``benchmarks/graph.py``, twenty a node, with tags as many as in the demo set; where there is a
demo run, it is measured too, with its own pictures. "Shown" is the time from a change of a trait to the message that
carries the new path, thumbnails included; what the browser adds is not in it. What is measured goes to
``benchmarks/explorers.json``. The machine must be quiet.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from graph import made_neighbors, seconds, spread, walked_pairs
from PIL import Image

from i2v_lib.config import home, load_config
from i2v_lib.explorers.morphing import MorphingExplorer
from i2v_lib.explorers.of_run import explore_morphing
from i2v_lib.explorers.one_picture import PictureReport
from i2v_lib.explorers.panel import PicturePanel
from i2v_lib.search.adjacency import Graph
from i2v_lib.search.path_finder import LIMIT, MOST_K, Transitions
from i2v_lib.show import paper
from i2v_lib.show.saving import machine

RECORDS = Path(__file__).with_suffix(".json")
K, OTHER_K = 5, 10
INTERMEDIATES = 4
TAGS, OWN = 250, 15  # in the vocabulary, of an illustration
TARGETS = {"demo": 150, "76,003": 500}  # milliseconds


class Made:
    """Illustrations that are numbers, with pictures of noise."""

    metrics = {"codes": "made"}

    def __init__(self, nodes: int):
        rng = np.random.default_rng(nodes)
        tags = rng.integers(TAGS, size=(nodes, OWN)).tolist()
        names = [f"tag {i}" for i in range(TAGS)]
        neighbors = made_neighbors(nodes, k=MOST_K)
        self.transitions = Transitions(
            [str(i) for i in range(nodes)],
            [[names[i] for i in own] for own in tags],
            [None] * nodes,
            lambda _: np.zeros((nodes, 1), np.uint8),  # only bridges look at them
            lambda *_: neighbors,
        )
        self._images = rng.integers(0, 256, (64, 72, 72, 3), np.uint8)

    def pictures(self, nodes: np.ndarray, well: bool) -> np.ndarray:
        """Of n nodes: uint8 array, shape (n, 72, 72, 3)."""
        return self._images[nodes % len(self._images)]


def random_pairs(graph: Graph, count: int) -> np.ndarray:
    """Pairs of different nodes of the largest component: int64 array, shape (count, 2)."""
    nodes = np.flatnonzero(graph.components == graph.component_sizes.argmax())
    rng = np.random.default_rng(len(graph))
    return np.array([rng.choice(nodes, 2, replace=False) for _ in range(count)])


def questions(transitions: Transitions, pairs: np.ndarray) -> dict[str, list[dict[str, Any]]]:
    """What people ask for, as keyword arguments of ``find``."""
    ends = [{"source": int(a), "target": int(b)} for a, b in pairs]
    middle = [transitions.find(**pair).path[1:-1] for pair in ends]
    others = np.random.default_rng(0).choice(np.unique(pairs), len(pairs)).tolist()
    return {
        "any number between": ends,
        f"exactly {INTERMEDIATES} between": [
            {"source": a, "target": b, "intermediates": INTERMEDIATES}
            for a, b in walked_pairs(transitions.graph("codes", K), len(pairs))
        ],
        "three steps left out": [
            pair | {"avoid": way[:3].tolist()} for pair, way in zip(ends, middle, strict=True) if len(way)
        ],
        "past a random picture": [
            pair | {"waypoints": [via]} for pair, via in zip(ends, others, strict=True) if via not in pair.values()
        ],
    }


def measure_function(transitions: Transitions, pairs: np.ndarray, runs: int) -> dict[str, Any]:
    """Milliseconds of the plain function for each kind of question: median, lowest and highest."""
    measured = {}
    for name, asked in questions(transitions, pairs).items():
        found = [transitions.find(**question, limit=LIMIT) for question in asked]
        times = [
            1000 * seconds(lambda q=question: transitions.find(**q, limit=LIMIT))
            for _ in range(runs)
            for question in asked
        ]
        measured[name] = {
            "questions": len(asked),
            "found": sum(result.status == "found" for result in found),
            "proven": sum(result.proven for result in found),
            "milliseconds": spread(times) | {"of_95_percent": float(np.quantile(times, 0.95))},
        }
    return measured


def shown(explorer: MorphingExplorer, change: Callable[[], None]) -> float:
    """Milliseconds from a change to the message with the new path."""
    times: list[float] = []
    watch = lambda _: times.append(time.perf_counter())  # noqa: E731
    explorer.strip.observe(watch, "version")
    start = time.perf_counter()
    change()
    explorer.strip.unobserve(watch, "version")
    if explorer.status.error:
        raise explorer.status.error
    return 1000 * (times[-1] - start)


def measure_widget(explorer: MorphingExplorer, pairs: np.ndarray) -> dict[str, Any]:
    """Milliseconds until a new path is shown: after new ends, a new K, and the same K again."""

    def new_ends() -> Iterator[float]:
        for source, target in pairs.tolist():
            explorer.source = source
            yield shown(explorer, lambda t=target: setattr(explorer, "target", t))

    def another(k: int) -> float:
        return shown(explorer, lambda: setattr(explorer.k, "value", k))

    explorer.k.value = K
    measured: dict[str, Any] = {"new_ends": spread(list(new_ends()))}
    measured["first_time_of_a_k"] = spread([another(k) for k in range(OTHER_K, MOST_K + 1, 5)])
    measured["k_again"] = spread([another(k) for k in (K, OTHER_K) * 10])
    return {"milliseconds": measured}


def measure_panel(panel: PicturePanel, count: int = 20) -> dict[str, Any]:
    """Milliseconds until the panel shows another illustration, where a tag was seen, and a picture that was dropped."""
    nodes = np.linspace(0, len(panel.reports) - 1, count).astype(int).tolist()
    times: dict[str, list[float]] = {"another_illustration": [], "where_a_tag_was_seen": [], "a_dropped_picture": []}
    for node in nodes:
        times["another_illustration"].append(1000 * seconds(lambda n=node: panel._choose(n)))
        column = panel.tags.rows[0]["column"]
        times["where_a_tag_was_seen"].append(1000 * seconds(lambda c=column: panel._seek(c)))
    for image in panel.reports.images(nodes):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "png")
        times["a_dropped_picture"].append(1000 * seconds(lambda f=file: panel._take("mine.png", f.getvalue())))
    if panel.status.error:
        raise panel.status.error
    return {"milliseconds": {what: spread(values) for what, values in times.items()}}


def measure(name: str, explorer: MorphingExplorer, pairs: int, runs: int) -> dict[str, Any]:
    """The plain function and the widget, on one set of illustrations."""
    transitions = explorer.transitions
    ends = random_pairs(transitions.graph("codes", K), pairs)
    measured = {"illustrations": name, "nodes": len(transitions)}
    return measured | {"function": measure_function(transitions, ends, runs), "shown": measure_widget(explorer, ends)}


def main(sizes: list[int], pairs: int, runs: int) -> None:
    """Measure everything, and write the record."""
    record: dict[str, Any] = {"machine": machine(), "runs": runs, "targets_milliseconds": TARGETS, "sizes": []}
    if any((home() / "runs" / "demo" / "arrays").glob("hash-features-*.npy")):
        from i2v_lib.run import Run

        run = Run(load_config("demo"))
        record["sizes"].append(measure("demo run", explore_morphing(run), pairs, runs))
        record["panel"] = measure_panel(PicturePanel(PictureReport(run, near=True)))
    for size in sizes:
        made = Made(size)
        record["sizes"].append(measure("made", MorphingExplorer(made.transitions, made), pairs, runs))
        print(json.dumps(record["sizes"][-1]["shown"]), flush=True)
    rounded = json.loads(json.dumps(record), parse_float=lambda text: float(f"{float(text):.4g}"))
    RECORDS.write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    everything = [1000, 10_000, paper.SAFE_DATASET]
    parser.add_argument("--sizes", type=int, nargs="*", default=everything, help="illustrations of the made sets")
    parser.add_argument("--pairs", type=int, default=100, help="of ends (default 100)")
    parser.add_argument("--runs", type=int, default=3, help="of each question (default 3)")
    main(**vars(parser.parse_args()))
