"""Speed at a glance: a row for each thing that takes time at the paper's size, beside its peer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from i2v_lib.show import paper
from i2v_lib.show.measured import digits, seconds, spread
from i2v_lib.show.readme import markdown_table
from i2v_lib.show.speed import FOLDER, read_record

SAFE, ALL = f"{paper.SAFE_DATASET:,}", f"{paper.ILLUSTRATIONS:,}"


def summary_table(folder: Path = FOLDER) -> str:
    """A table of Markdown; its numbers are medians of what the benchmarks recorded."""
    rows = []
    for name, describe in ROWS.items():
        record = read_record(name, folder)
        machine = record["machine"]
        where = f"{machine['cores']} cores, {machine.get('cpu') or machine['processor']}"
        rows += [[*row, where] for row in describe(record)]
    return markdown_table(["what", "how fast", "beside", "on"], rows, left=range(4))


def _search(record: Mapping[str, Any]) -> list[list[str]]:
    bits, k = record["setting"]["bits"], record["setting"]["k"]
    growth = record["growth"]["random"]
    faiss = record["speed"]["random"]["itself"]["faiss"]["kit_is_times_faster"]
    measured, expected = growth["seconds"][str(paper.SAFE_DATASET)], growth["predicted_seconds_of_all"]
    return [
        [f"the {k} nearest of each of {SAFE} codes of {bits:,} bits", seconds(measured), f"{spread(faiss, '×')} faiss"],
        [f"of each of {ALL}", f"{seconds(expected)}, by the law N²", "–"],
    ]


def _paths(record: Mapping[str, Any]) -> list[list[str]]:
    path = next(size["shortest"]["milliseconds"] for size in record["sizes"] if size["nodes"] == paper.SAFE_DATASET)
    networkx = spread(record["against"]["ratio"]["networkx"], "×")
    return [[f"shortest path among {SAFE}", f"{digits(path['median'])} ms", f"{networkx} networkx"]]


def _explorer(record: Mapping[str, Any]) -> list[list[str]]:
    size = next(size for size in record["sizes"] if size["nodes"] == paper.SAFE_DATASET)
    target = record["targets_milliseconds"][SAFE]
    shown = digits(size["shown"]["milliseconds"]["new_ends"]["median"])
    return [[f"a new path in the explorer of {size['nodes']:,}", f"{shown} ms", f"our target: {target} ms"]]


def _map(record: Mapping[str, Any]) -> list[list[str]]:
    rows = []
    for size in (record["sizes"][0], record["sizes"][-1]):
        rates = [move["frames_per_second"] for move in size["moves"]]
        frames = "–".join(dict.fromkeys(map(digits, (min(rates), max(rates))))) + " frames/s"
        rows.append([f"moving the map of {size['illustrations']:,}", frames, "a browser's most: 60"])
    return rows


def _intake(record: Mapping[str, Any]) -> list[list[str]]:
    name, measured = next(iter(record["formats"].items()))
    kit, loop = (digits(measured["images"][who]["per_core"]["median"]) for who in ("kit", "Pillow loop"))
    peer = f"Pillow, to decode and resize: {loop}"
    return [[f"reading {name} into a collection", f"{kit} pictures/s and core", peer]]


def _training(record: Mapping[str, Any]) -> list[list[str]]:
    size = record["sizes"][0]
    network = size["networks"]["vgg_nin"]
    rate = digits(network["images_per_second"]["loop with pixels"]["median"])
    ratio = spread(network["ratios"]["loop with pixels / reference recipe"], "×")
    what = f"training VGG + NIN, {size['image_size']} px, width {size['width']:g}"
    return [[what, f"{rate} pictures/s", f"{ratio} torchvision's recipe"]]


def _tagging(record: Mapping[str, Any]) -> list[list[str]]:
    setting, network = record["setting"], record["speed"]["network"]
    what = f"tagging, {setting['image_size']} px, width {setting['width']:g}"
    ratio = spread(network["kit_over_rival"], "×", places=2)
    return [[what, f"{digits(network['pictures_a_second']['kit']['median'])} pictures/s", f"{ratio} onnxruntime"]]


ROWS = {  # record -> its rows
    "neighbors": _search,
    "graph": _paths,
    "explorers": _explorer,
    "map_explorer": _map,
    "intake": _intake,
    "training": _training,
    "tagger": _tagging,
}
