"""Tables of speed, each number of them from the JSON file that a benchmark wrote.

Long, because it holds a table per benchmark: search and paths, reading illustrations, training, tagging, explorers; at
the end all of them for ``benchmarks/README.md`` and one row each for the README.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from i2v_lib.config import load_config
from i2v_lib.show import paper
from i2v_lib.show.readme import markdown_table

FOLDER = Path(__file__).resolve().parent
SAFE, ALL = f"{paper.SAFE_DATASET:,}", f"{paper.ILLUSTRATIONS:,}"
PEERS = {"faiss": "faiss `IndexBinaryFlat`", "torch": "torch product", "scikit-learn": "scikit-learn, brute force"}
COLLECTIONS = (paper.ILLUSTRATIONS, 8_000_000)  # the paper's, and about what Danbooru has by now
CARDS = (1, 4, 8)
NAMES = {"vgg_a": "VGG model A", "vgg_nin": "VGG + NIN"}
WAYS = {
    "forward": "forward",
    "forward and backward": "forward, backward",
    "bare step": "bare step",
    "loop": "whole loop",
    "loop with pixels": "with data, pixels",
    "loop with JPEG": "with data, packed JPEG",
    "reference recipe": "torchvision's recipe",
}
LOOKS = {
    "another_illustration": "another illustration",
    "where_a_tag_was_seen": "where a tag was seen",
    "a_dropped_picture": "a picture that was dropped",
}
CHANGES = {"new_ends": "new ends", "first_time_of_a_k": "first use of a K", "k_again": "this K again"}


def read_record(name: str, folder: Path = FOLDER) -> dict[str, Any]:
    """What ``benchmarks/<name>.py`` wrote."""
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


# --- numbers as text


def median_range(measured: Mapping[str, float], unit: str = "", places: int = 1) -> str:
    """A median with its lowest and highest: "5.1× [4.9, 5.3]"."""
    middle, low, high = (format_number(measured[key], places) for key in ("median", "low", "high"))
    return f"{middle}{unit} [{low}, {high}]"


def format_number(value: float, places: int = 1) -> str:
    """A number without digits that nobody can have measured."""
    return f"{value:,.0f}" if value >= 20 else f"{value:.{places}f}"


def format_seconds(value: float) -> str:
    """A time in the unit that fits: "1.4 ms", "89.0 s", "2.0 h"."""
    for size, unit, least in ((3600, "h", 1.5), (60, "min", 1.5), (1, "s", 1)):
        if value >= least * size:
            return f"{value / size:.1f} {unit}"
    return f"{1000 * value:.0f} ms" if value >= 0.0095 else f"{1000 * value:.1f} ms"


def _milliseconds(measured: Mapping[str, float]) -> str:
    values = [measured["median"], measured["slowest"]]
    middle, slowest = (f"{value:.2g}" if value < 10 else f"{value:.0f}" for value in values)
    return f"{middle} (slowest {slowest})"


# --- search and paths


def search_table(record: Mapping[str, Any]) -> str:
    """Pairs of codes measured a second, the nearest found among them, and how many times faster than each peer."""
    rows = []
    for kind, searches in record["speed"].items():
        for search, methods in searches.items():
            speed = median_range(methods["kit"]["million_pairs_a_second"])
            ratios = [median_range(methods[peer]["kit_is_times_faster"], "×") for peer in PEERS]
            rows.append([kind, search, speed, *ratios])
    heads = ["codes", "searched with", "kit, million pairs/s", *(f"against {peer}" for peer in PEERS.values())]
    return markdown_table(heads, rows)


def growth_table(record: Mapping[str, Any]) -> str:
    """Seconds that a set takes against itself, measured, and by the law c N² where it was not."""
    kinds = list(record["growth"])
    sizes = list(record["growth"][kinds[0]]["seconds"])
    rows = [[f"{int(n):,}", *(format_seconds(record["growth"][kind]["seconds"][n]) for kind in kinds)] for n in sizes]
    checks = [record["growth"][kind]["check"] for kind in kinds]
    said = [f"{format_seconds(c['measured_seconds'])} (law: {format_seconds(c['predicted_seconds'])})" for c in checks]
    rows.append([f"{checks[0]['rows']:,}", *said])
    whole = [f"law: {format_seconds(record['growth'][kind]['predicted_seconds_of_all'])}" for kind in kinds]
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
                format_seconds(size["build_seconds"]["median"]),
                f"{size['graph_megabytes']:.1f}",
                *(_milliseconds(size[way]["milliseconds"]) for way in ("shortest", "exact")),
            ]
        )
    heads = ["nodes", "graph from its neighbors", "MB", "shortest path, ms", "exactly four intermediates, ms"]
    return markdown_table(heads, rows)


def sentences(search: Mapping[str, Any], graph: Mapping[str, Any]) -> str:
    """Memory, compilation, additions, and the paths' peer."""
    memory, first = search["extra_megabytes"], search["first_call_seconds"]
    against, added = graph["against"], search["extension"]
    networkx = against["ratio"]["networkx"]
    card = search["gpu"]
    return " ".join(
        [
            f"Beside the codes a search of {memory['rows']:,} takes {memory['peak']:.0f} MB, its result among them.",
            f"The first search of a process takes {first['compiling']:.1f} s to compile,",
            f"{first['compiled_before']:.1f} s where that was done before.",
            f"Adding {added['added']:,} codes to {added['before']:,} takes",
            f"{format_seconds(added['seconds']['median'])}.",
            f"A path takes networkx's Dijkstra {networkx['median']:.0f} times as long",
            f"({networkx['low']:.0f}–{networkx['high']:.0f}, {against['nodes']:,} nodes), and",
            f"{against['pairs_of_equal_length']:,} paths have its lengths.",
            "No GPU was at hand: its path is tested on the processor, its speed is not known."
            if card is None
            else f"On one {card['card']}: {card[str(paper.ILLUSTRATIONS)]['seconds']:.0f} s for all.",
        ]
    )


def render_scale(folder: Path = FOLDER) -> str:
    """Search and paths."""
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


# --- reading illustrations


def intake_table(record: Mapping[str, Any]) -> str:
    """Pictures a second and core that become rows of a collection, beside two loops that do less."""
    kit, loop, peer = "kit", "Pillow loop", "torchvision"
    rows = []
    for name, measured in record["formats"].items():
        rates = {who: median_range(measured["images"][who]["per_core"]) for who in (kit, loop, peer)}
        size = f"{name}, {measured['kilobytes']:.0f} kB"
        rows.append([size, rates[kit], rates[loop], rates[peer], f"{measured['core_hours_of_the_paper']:.1f}"])
    heads = ["file", "kit: decode, resize, hash, store", "Pillow: decode, resize", "torchvision: decode, resize"]
    return markdown_table([*heads, f"core hours for {paper.ILLUSTRATIONS:,}"], rows)


# --- training


def rates_table(record: Mapping[str, Any]) -> str:
    """Images a second of each way, all measured."""
    rows = []
    for size, name, found in _networks(record):
        rates = [median_range(found["images_per_second"][way]) for way in WAYS]
        rows.append([f"{_name(size, name)}, batches of {size['batch_size']}", *rates])
    return markdown_table(["images/s, measured", *WAYS.values()], rows)


def shares_table(record: Mapping[str, Any]) -> str:
    """Rates as shares of a matrix product's, and what the input takes, all measured."""
    rows = []
    for size, name, found in _networks(record):
        ratios, shares = found["ratios"], found["share_of_peak"]
        against = [_percent(ratios[f"{way} / loop"]) for way in ("loop with pixels", "loop with JPEG")]
        bare = _percent(ratios["loop with pixels / bare step"])
        recipe = median_range(ratios["loop with pixels / reference recipe"], "×")
        part = [f"{100 * shares[way]:.0f} %" for way in ("forward", "loop with pixels")]
        work = f"{found['flops']['step'] / 1e9:.1f}"
        rows.append([_name(size, name), work, *part, *against, bare, recipe])
    heads = ["measured", "GFLOP a picture and step", "forward, of a product's rate", "loop with data, of it"]
    heads += ["with pixels, of the loop without", "with JPEG, of the loop without", "with pixels, of the bare step"]
    return markdown_table([*heads, "against torchvision's recipe"], rows)


def batches_table(record: Mapping[str, Any]) -> str:
    """Loop with data by batch size, and on a GPU the memory it takes, measured."""
    rows, gpu = [], record["device"] == "cuda"
    for size, name, found in _networks(record):
        for batch_size, point in found["by_batch_size"].items():
            memory = ["–" if point["gpu_gib"] is None else f"{point['gpu_gib']:.1f}"] * gpu
            rows.append([_name(size, name), batch_size, format_number(point["images_per_second"]), *memory])
    heads = ["measured", "batch size", "loop with data, images/s", *["GPU memory, GiB"] * gpu]
    return markdown_table(heads, rows)


def hours_table(record: Mapping[str, Any]) -> str:
    """Hours of the paper preset's epochs, extrapolated from the measured loop with data."""
    epochs, rows = load_config("paper").epochs, []
    cards = CARDS if record["device"] == "cuda" else (1,)
    for size, name, found in _networks(record):
        if size["preset"] != "paper":
            continue
        rate = found["images_per_second"]["loop with pixels"]["median"]
        for pictures in COLLECTIONS:
            hours = [pictures * epochs / rate / 3600 / count for count in cards]
            rows.append([f"{NAMES[name]}, {pictures:,} × {epochs}", *(f"{value:,.1f}" for value in hours)])
    if record["device"] == "cuda":
        heads = [f"{count} GPU{'s' if count > 1 else ''}, h, extrapolated" for count in cards]
    else:
        heads = ["this CPU, h, extrapolated"]
    return markdown_table(["pictures × epochs", *heads], rows)


def storage_table(record: Mapping[str, Any]) -> str:
    """Disk and memory by the number of pictures, extrapolated from the bytes of one."""
    size = next(size for size in record["sizes"] if size["preset"] == "paper")
    each, rows = size["bytes_a_picture"], []
    for pictures in COLLECTIONS:
        disk = [f"{pictures * each[store] / 1e9:,.0f}" for store in ("pixels", "jpeg")]
        rows.append([f"{pictures:,}", *disk, f"{pictures * size['tags'] / 1e9:.1f}"])
    heads = ["pixels, GB of disk", "packed JPEG, GB of disk, extrapolated", "targets, GB of memory a process"]
    return markdown_table([f"pictures of {size['stored_size']} px", *heads], rows)


def shuffle_sentences(record: Mapping[str, Any]) -> str:
    """What shuffling in blocks leaves of a full shuffle, from ``benchmarks/shuffle.json``."""
    orders, trained = record["paper"]["orders"], record["training"]
    ours = load_config("paper")
    found = next(o for o in orders if (o["block"], o["buffer"]) == (ours.shuffle_block, ours.shuffle_buffer))
    full, least = orders[0], orders[-1]
    measured = record["paper"]
    said = (
        f"Pictures that take more than the memory are shuffled in blocks of {found['block']} neighbors within "
        f"{found['buffer']:,} pictures. The bad case is a store sorted by character: of {measured['pictures']:,} such "
        f"pictures a batch of {measured['batch_size']} holds {found['characters_in_a_batch']:.0f} of "
        f"{measured['characters']} characters on average, {full['characters_in_a_batch']:.0f} in any order, "
        f"{least['characters_in_a_batch']:.0f} where each batch is one stretch of the store (`benchmarks/shuffle.py`)."
    )
    if not trained:
        return said
    first, *others = trained["orders"]
    losses = "; ".join(
        f"{100 * (order['mean'] - first['mean']):+.1f} with {order['buffer']:,} pictures in a buffer".replace("-", "−")
        for order in others
    )
    return said + (
        f" {NAMES[trained['network']]}, trained on {trained['pictures']:,} drawn pictures sorted so, "
        f"{trained['epochs']} epochs in batches of {trained['batch_size']}, scores {100 * first['mean']:.1f} % mAP "
        f"in any order ({trained['seeds']} trainings: {100 * first['low']:.1f} to {100 * first['high']:.1f}); "
        f"in points: {losses}."
    )


def render_cost(record: Mapping[str, Any]) -> str:
    """What training costs: rates, shares, batch sizes, hours, disk and memory."""
    best, machine = record["peak"], record["machine"]
    gpu = record["device"] == "cuda"
    where = machine["accelerator"] if gpu else f"{machine['threads']} threads of {machine['cpu']}"
    paper_size = next(size for size in record["sizes"] if size["preset"] == "paper")
    each = paper_size["bytes_a_picture"]
    weights = ", ".join(
        f"{NAMES[name]} {found['parameters'] * 4 / 1e9:.2f} GB" for name, found in paper_size["networks"].items()
    )
    scaled = (
        "One GPU was measured; for more it is assumed that they lose nothing to each other, so their hours are the "
        "least that is possible."
        if gpu
        else "No GPU was at hand: what runs on one is tested on the processor, its speed is not known, and hours on "
        "GPUs are missing. `python benchmarks/training.py --device cuda` measures them."
    )
    return "\n\n".join(
        [
            f"Training on {where}, in {best['kind']}; medians, with the lowest and the highest of "
            f"{record['setting']['repeats']} turns (`benchmarks/training.py`). A matrix product runs at "
            f"{best['flops'] / 1e12:.2f} TFLOP/s here.",
            rates_table(record),
            shares_table(record),
            batches_table(record),
            hours_table(record),
            f"{scaled} A drawn picture of {paper_size['stored_size']} px takes {each['jpeg'] / 1e3:.0f} kB as JPEG; "
            f"real ones may take twice that. The CPU decodes {format_number(paper_size['decoded_a_second'])} a second. "
            f"Weights: {weights}; a checkpoint takes three times that.",
            storage_table(record),
        ]
    )


def _networks(record: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str, Mapping[str, Any]]]:
    for size in record["sizes"]:
        for name, found in size["networks"].items():
            yield size, name, found


def _name(size: Mapping[str, Any], network: str) -> str:
    return f"{NAMES[network]}, {size['image_size']} px, width {size['width']:g}"


def _percent(measured: Mapping[str, float]) -> str:
    middle, low, high = (f"{100 * measured[key]:.0f}" for key in ("median", "low", "high"))
    return f"{middle} % [{low}, {high}]"


# --- tagging


def tagging_table(record: Mapping[str, Any]) -> str:
    """Pictures tagged a second, beside onnxruntime on the exported model."""
    rows = []
    for name, title in (("network", "the network alone"), ("from_files", "from JPEG files to logits")):
        measured = record["speed"][name]
        rates = [median_range(measured["pictures_a_second"][who]) for who in ("kit", "onnxruntime")]
        rows.append([title, *rates, median_range(measured["kit_over_rival"], "×", places=2)])
    return markdown_table(["pictures a second", "kit", "onnxruntime", "kit over onnxruntime"], rows)


def loading_table(record: Mapping[str, Any]) -> str:
    """Seconds and memory to load the tag model and the feature model, without Python's imports."""
    rows = []
    for kind, title in (("vgg_nin", "tag model"), ("hash", "feature model")):
        caffe, converted = record["load"]["caffe"][kind], record["load"]["converted"][kind]
        cells = [title, f"{caffe['megabytes']:,.0f}", format_seconds(caffe["seconds"] - caffe["imports"])]
        cells.append(f"{caffe['peak_megabytes'] - caffe['imported_megabytes']:,.0f}")
        rows.append([*cells, format_seconds(converted["seconds"] - converted["imports"])])
    return markdown_table(["", "MiB of the authors' file", "to load it", "MiB of memory", "to load it converted"], rows)


def folder_table(record: Mapping[str, Any]) -> str:
    """Memory while a folder is tagged: constant, whatever the number of pictures."""
    rows = [
        [
            f"{run['width']:g}",
            f"{run['pictures']:,.0f}",
            f"{run['loaded_megabytes']:,.0f}",
            f"{run['peak_megabytes']:,.0f}",
            format_number(run["pictures_a_second"]),
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
            f"Loading, from the disk's cache; Python's imports take {format_seconds(imports)} more:",
            loading_table(record),
            "Memory while a folder is tagged, libraries included; nothing but the network's own memory depends on its "
            "width:",
            folder_table(record),
        ]
    )


# --- explorers


def morphing_table(record: Mapping[str, Any]) -> str:
    """Milliseconds from a change of a widget to the message with the new path, its thumbnails included, by size."""
    rows = []
    for size in record["sizes"]:
        answers = [size["shown"]["milliseconds"][change] for change in CHANGES]
        what = f"{size['nodes']:,} ({size['illustrations']})"
        rows.append([what, *(f"{format_number(a['median'])} ({format_number(a['high'])})" for a in answers)])
    return markdown_table(["illustrations", *(f"{name}, ms" for name in CHANGES.values())], rows)


def map_table(record: Mapping[str, Any]) -> str:
    """Frames a second while the map is dragged and zoomed, by size and by how near it is seen."""
    rows = []
    for size in record["sizes"]:
        views = list(dict.fromkeys(move["view"] for move in size["moves"]))
        for view in views:
            moves = {move["motion"]: move for move in size["moves"] if move["view"] == view}
            rates = [format_number(moves[motion]["frames_per_second"]) for motion in ("drag", "zoom")]
            slow = max(move["frame_ms_95"] for move in moves.values())
            rows.append([f"{size['illustrations']:,}", view, *rates, format_number(slow)])
    heads = ["illustrations", "seen", "frames/s, dragged", "frames/s, zoomed", "ms, 95 % of frames within"]
    return markdown_table(heads, rows, left=(0, 1))


def panel_sentence(record: Mapping[str, Any]) -> str:
    """How soon the panel of notebooks 3 and 4 shows what was asked for."""
    times = record["panel"]["milliseconds"]
    spans = {
        key: f"{format_number(found['median'])} ms ({format_number(found['high'])})" for key, found in times.items()
    }
    said = [f"{what} in {spans[key]}" for key, what in LOOKS.items()]
    return f"The panel of the demo run shows {', '.join(said[:-1])} and {said[-1]}."


def render_explorers(morphing: Mapping[str, Any], frames: Mapping[str, Any]) -> str:
    """Both tables, with how they were measured."""
    machine, canvas = morphing["machine"], frames["machine"]
    largest = max(size["largest_message_bytes"] for size in frames["sizes"]) / 1e6
    return "\n\n".join(
        [
            f"The morphing explorer on {machine['cores']} cores ({machine['cpu']}): from a change to the message with "
            f"the new path, thumbnails included; medians of {morphing['runs']} runs, in brackets the slowest "
            "(`benchmarks/explorers.py`):",
            morphing_table(morphing),
            *([panel_sentence(morphing)] if "panel" in morphing else []),  # measured where there is a demo run
            f"The map in Chromium {frames['browser']}, drawn by the processor ({canvas['cpu']}, {canvas['cores']} "
            "cores), where no more than 60 frames a second are shown (`benchmarks/map_explorer.py`):",
            map_table(frames),
            f"No message between kernel and browser is larger than {largest:.1f} MB.",
        ]
    )


# --- all of it


def render_speed(folder: Path = FOLDER) -> str:
    """Every table, one section per part of the kit: ``benchmarks/README.md``."""
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


def summary_table(folder: Path = FOLDER) -> str:
    """One row for each thing that takes time at the paper's size, beside its peer; its numbers are medians."""
    rows = []
    for name, describe in ROWS.items():
        record = read_record(name, folder)
        machine = record["machine"]
        where = f"{machine['cores']} cores, {machine.get('cpu') or machine['processor']}"
        rows += [[*row, where] for row in describe(record)]
    return markdown_table(["what", "how fast", "beside", "on"], rows, left=range(4))


def _search_rows(record: Mapping[str, Any]) -> list[list[str]]:
    bits, k = record["setting"]["bits"], record["setting"]["k"]
    growth = record["growth"]["random"]
    faiss = record["speed"]["random"]["itself"]["faiss"]["kit_is_times_faster"]
    measured, expected = growth["seconds"][str(paper.SAFE_DATASET)], growth["predicted_seconds_of_all"]
    return [
        [
            f"the {k} nearest of each of {SAFE} codes of {bits:,} bits",
            format_seconds(measured),
            f"{median_range(faiss, '×')} faiss",
        ],
        [f"of each of {ALL}", f"{format_seconds(expected)}, by the law N²", "–"],
    ]


def _paths_rows(record: Mapping[str, Any]) -> list[list[str]]:
    path = next(size["shortest"]["milliseconds"] for size in record["sizes"] if size["nodes"] == paper.SAFE_DATASET)
    networkx = median_range(record["against"]["ratio"]["networkx"], "×")
    return [[f"shortest path among {SAFE}", f"{format_number(path['median'])} ms", f"{networkx} networkx"]]


def _explorer_rows(record: Mapping[str, Any]) -> list[list[str]]:
    size = next(size for size in record["sizes"] if size["nodes"] == paper.SAFE_DATASET)
    target = record["targets_milliseconds"][SAFE]
    shown = format_number(size["shown"]["milliseconds"]["new_ends"]["median"])
    return [[f"a new path in the explorer of {size['nodes']:,}", f"{shown} ms", f"our target: {target} ms"]]


def _map_rows(record: Mapping[str, Any]) -> list[list[str]]:
    rows = []
    for size in (record["sizes"][0], record["sizes"][-1]):
        rates = [move["frames_per_second"] for move in size["moves"]]
        frames = "–".join(dict.fromkeys(map(format_number, (min(rates), max(rates))))) + " frames/s"
        rows.append([f"moving the map of {size['illustrations']:,}", frames, "a browser's most: 60"])
    return rows


def _intake_rows(record: Mapping[str, Any]) -> list[list[str]]:
    name, measured = next(iter(record["formats"].items()))
    kit, loop = (format_number(measured["images"][who]["per_core"]["median"]) for who in ("kit", "Pillow loop"))
    peer = f"Pillow, to decode and resize: {loop}"
    return [[f"reading {name} into a collection", f"{kit} pictures/s and core", peer]]


def _training_rows(record: Mapping[str, Any]) -> list[list[str]]:
    size = record["sizes"][0]
    network = size["networks"]["vgg_nin"]
    rate = format_number(network["images_per_second"]["loop with pixels"]["median"])
    ratio = median_range(network["ratios"]["loop with pixels / reference recipe"], "×")
    what = f"training VGG + NIN, {size['image_size']} px, width {size['width']:g}"
    return [[what, f"{rate} pictures/s", f"{ratio} torchvision's recipe"]]


def _tagging_rows(record: Mapping[str, Any]) -> list[list[str]]:
    setting, network = record["setting"], record["speed"]["network"]
    what = f"tagging, {setting['image_size']} px, width {setting['width']:g}"
    ratio = median_range(network["kit_over_rival"], "×", places=2)
    return [
        [what, f"{format_number(network['pictures_a_second']['kit']['median'])} pictures/s", f"{ratio} onnxruntime"]
    ]


ROWS = {  # record -> its rows
    "neighbors": _search_rows,
    "graph": _paths_rows,
    "explorers": _explorer_rows,
    "map_explorer": _map_rows,
    "intake": _intake_rows,
    "training": _training_rows,
    "tagger": _tagging_rows,
}
