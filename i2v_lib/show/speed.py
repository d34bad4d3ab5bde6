"""Speed: what the benchmarks recorded, as Markdown tables whose every number is from their JSON, and a look at here."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from i2v_lib.search.graph import build_graph, morph
from i2v_lib.search.neighbors import nearest_neighbors
from i2v_lib.show import paper
from i2v_lib.show.cost import render_cost, shuffle_sentences
from i2v_lib.show.explorer_speed import render_explorers
from i2v_lib.show.measured import digits, seconds, spread
from i2v_lib.show.readme import markdown_table

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
PATHS = 20  # timed together
PEERS = {"faiss": "faiss `IndexBinaryFlat`", "torch": "torch product", "scikit-learn": "scikit-learn, brute force"}


def read_record(name: str, folder: Path = FOLDER) -> dict[str, Any]:
    """What ``benchmarks/<name>.py`` wrote."""
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


def time_search(codes: np.ndarray, k: int) -> str:
    """Search codes with themselves, build their graph and walk over it; say how long each took, here and now.

    Parameters
    ----------
    codes : uint8 array, shape (N, B/8), at least two
    k : neighbors of each
    """
    nearest_neighbors(codes[:2], 1)  # compiles
    times = [time.perf_counter()]
    neighbors = nearest_neighbors(codes, k)
    times.append(time.perf_counter())
    graph = build_graph(*neighbors)
    times.append(time.perf_counter())
    ends = np.linspace(0, len(codes) - 1, PATHS + 1).astype(int)
    morph(graph, 0, 1)
    times.append(time.perf_counter())
    for source, target in pairwise(ends):
        morph(graph, source, target)
    times.append(time.perf_counter())
    search, join, _, walk = (seconds(later - sooner) for sooner, later in pairwise(times))
    return f"{len(codes):,} codes: {search} to search all with all, {join} to join them, {walk} to find {PATHS} paths"


def intake_table(record: Mapping[str, Any]) -> str:
    """Pictures a second and core that become rows of a collection, beside two loops that do less."""
    kit, loop, peer = "kit", "Pillow loop", "torchvision"
    rows = []
    for name, measured in record["formats"].items():
        rates = {who: spread(measured["images"][who]["per_core"]) for who in (kit, loop, peer)}
        size = f"{name}, {measured['kilobytes']:.0f} kB"
        rows.append([size, rates[kit], rates[loop], rates[peer], f"{measured['core_hours_of_the_paper']:.1f}"])
    heads = ["file", "kit: decode, resize, hash, store", "Pillow: decode, resize", "torchvision: decode, resize"]
    return markdown_table([*heads, f"core hours for {paper.ILLUSTRATIONS:,}"], rows)


def search_table(record: Mapping[str, Any]) -> str:
    """Pairs of codes measured a second, the nearest found among them, and how many times faster than each peer."""
    rows = []
    for kind, searches in record["speed"].items():
        for search, methods in searches.items():
            speed = spread(methods["kit"]["million_pairs_a_second"])
            ratios = [spread(methods[peer]["kit_is_times_faster"], "×") for peer in PEERS]
            rows.append([kind, search, speed, *ratios])
    heads = ["codes", "searched with", "kit, million pairs/s", *(f"against {peer}" for peer in PEERS.values())]
    return markdown_table(heads, rows)


def growth_table(record: Mapping[str, Any]) -> str:
    """Seconds that a set takes against itself, measured, and by the law c N² where it was not."""
    kinds = list(record["growth"])
    sizes = list(record["growth"][kinds[0]]["seconds"])
    rows = [[f"{int(n):,}", *(seconds(record["growth"][kind]["seconds"][n]) for kind in kinds)] for n in sizes]
    checks = [record["growth"][kind]["check"] for kind in kinds]
    said = [f"{seconds(c['measured_seconds'])} (law: {seconds(c['predicted_seconds'])})" for c in checks]
    rows.append([f"{checks[0]['rows']:,}", *said])
    whole = [f"law: {seconds(record['growth'][kind]['predicted_seconds_of_all'])}" for kind in kinds]
    rows.append([f"{paper.ILLUSTRATIONS:,}", *whole])
    return markdown_table(["codes, each against all others", *kinds], rows)


def graph_table(record: Mapping[str, Any]) -> str:
    """Time to build the graph and to find a path, by size."""
    rows = []
    for size in record["sizes"]:
        kind = "codes of the demo set" if "demo" in size["neighbors"] else "made"
        rows.append(
            [
                f"{size['nodes']:,} ({kind})",
                seconds(size["build_seconds"]["median"]),
                f"{size['graph_megabytes']:.1f}",
                *(_milliseconds(size[way]["milliseconds"]) for way in ("shortest", "exact")),
            ]
        )
    heads = ["nodes", "graph from its neighbors", "MB", "shortest path, ms", "exactly four intermediates, ms"]
    return markdown_table(heads, rows)


def sentences(search: Mapping[str, Any], graph: Mapping[str, Any]) -> str:
    """Memory, compilation, the option that is not exact, additions, and the paths' peer."""
    memory, first = search["extra_megabytes"], search["first_call_seconds"]
    against, added = graph["against"], search["extension"]
    recalls = ", ".join(f"{100 * found['recall']:.1f} % of {kind}" for kind, found in search["hnsw"].items())
    networkx = against["ratio"]["networkx"]
    card = search["gpu"]
    return " ".join(
        [
            f"Beside the codes a search of {memory['rows']:,} takes {memory['peak']:.0f} MB, its result among them.",
            f"The first search of a process takes {first['compiling']:.1f} s to compile,",
            f"{first['compiled_before']:.1f} s where that was done before.",
            f"Adding {added['added']:,} codes to {added['before']:,} takes {seconds(added['seconds']['median'])}.",
            f"HNSW finds {recalls} neighbors; the tables are exact.",
            f"A path takes networkx's Dijkstra {networkx['median']:.0f} times as long",
            f"({networkx['low']:.0f}–{networkx['high']:.0f}, {against['nodes']:,} nodes), and",
            f"{against['pairs_of_equal_length']:,} paths have its lengths.",
            "No GPU was at hand: its path is tested on the processor, its speed is not known."
            if card is None
            else f"On one {card['card']}: {card[str(paper.ILLUSTRATIONS)]['seconds']:.0f} s for all.",
        ]
    )


def render_scale(folder: Path = FOLDER) -> str:
    """Search and paths, for notebook 6 and the README."""
    search, graph = read_record("neighbors", folder), read_record("graph", folder)
    where = f"{search['machine']['cores']} cores ({search['machine']['processor']})"
    asked = f"exact search of {search['setting']['bits']:,}-bit codes for the {search['setting']['k']} nearest"
    return "\n\n".join(
        [
            f"On {where}, {asked}; medians, with the lowest and the highest of {search['setting']['runs']} paired runs "
            "(`benchmarks/neighbors.py`):",
            search_table(search),
            growth_table(search),
            "Graph and paths; *made* neighbors are those of points, since the search itself would take longer "
            "(`benchmarks/graph.py`):",
            graph_table(graph),
            sentences(search, graph),
        ]
    )


def tagging_table(record: Mapping[str, Any]) -> str:
    """Pictures tagged a second, beside onnxruntime on the exported model."""
    rows = []
    for name, title in (("network", "the network alone"), ("from_files", "from JPEG files to logits")):
        measured = record["speed"][name]
        rates = [spread(measured["pictures_a_second"][who]) for who in ("kit", "onnxruntime")]
        rows.append([title, *rates, spread(measured["kit_over_rival"], "×", places=2)])
    return markdown_table(["pictures a second", "kit", "onnxruntime", "kit over onnxruntime"], rows)


def loading_table(record: Mapping[str, Any]) -> str:
    """Seconds and memory to load the tag model and the feature model, without Python's imports."""
    rows = []
    for kind, title in (("vgg_nin", "tag model"), ("hash", "feature model")):
        caffe, converted = record["load"]["caffe"][kind], record["load"]["converted"][kind]
        cells = [title, f"{caffe['megabytes']:,.0f}", seconds(caffe["seconds"] - caffe["imports"])]
        cells.append(f"{caffe['peak_megabytes'] - caffe['imported_megabytes']:,.0f}")
        rows.append([*cells, seconds(converted["seconds"] - converted["imports"])])
    return markdown_table(["", "MiB of the authors' file", "to load it", "MiB of memory", "to load it converted"], rows)


def folder_table(record: Mapping[str, Any]) -> str:
    """Memory while a folder is tagged: constant, whatever the number of pictures."""
    rows = [
        [
            f"{run['width']:g}",
            f"{run['pictures']:,.0f}",
            f"{run['loaded_megabytes']:,.0f}",
            f"{run['peak_megabytes']:,.0f}",
            digits(run["pictures_a_second"]),
        ]
        for run in sorted(record["folder"], key=lambda run: (-run["width"], run["pictures"]))
    ]
    return markdown_table(["width", "pictures", "MiB when loaded", "MiB at most", "pictures a second"], rows)


def render_tagging(record: Mapping[str, Any]) -> str:
    """Speed and memory of the tagger."""
    machine, setting = record["machine"], record["setting"]
    imports = record["load"]["converted"]["vgg_nin"]["imports"]
    return "\n\n".join(
        [
            f"Tagging at {setting['image_size']} px, networks of the released shapes at width {setting['width']:g} on "
            f"{machine['cores']} cores ({machine['processor']}), {setting['batch']} at a time; medians of "
            f"{setting['runs']} paired runs (`benchmarks/tagger.py`):",
            tagging_table(record),
            f"Loading, from the disk's cache; Python's imports take {seconds(imports)} more:",
            loading_table(record),
            "Memory while a folder is tagged, libraries included; nothing but the network's own memory depends on its "
            "width:",
            folder_table(record),
        ]
    )


def render_speed(folder: Path = FOLDER) -> str:
    """All of it, a section each."""
    intake = "Pictures a second and core; the two loops neither hash nor store (`benchmarks/intake.py`):"
    training = [render_cost(read_record("training", folder)), shuffle_sentences(read_record("shuffle", folder))]
    sections = {
        "Search and paths": [render_scale(folder)],
        "Reading illustrations into a collection": [intake, intake_table(read_record("intake", folder))],
        "Training": training,
        "Tagging": [render_tagging(read_record("tagger", folder))],
        "Explorers": [render_explorers(read_record("explorers", folder), read_record("map_explorer", folder))],
    }
    return "\n\n".join(f"## {title}\n\n" + "\n\n".join(parts) for title, parts in sections.items())


def _milliseconds(measured: Mapping[str, float]) -> str:
    values = [measured["median"], measured["slowest"]]
    middle, slowest = (f"{value:.2g}" if value < 10 else f"{value:.0f}" for value in values)
    return f"{middle} (slowest {slowest})"
