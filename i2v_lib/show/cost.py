"""What training costs: tables of ``benchmarks/training.json``, and the hours, disk and memory that follow from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from i2v_lib.config import load_config
from i2v_lib.show import paper
from i2v_lib.show.measured import digits, spread
from i2v_lib.show.readme import markdown_table

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


def rates_table(record: Mapping[str, Any]) -> str:
    """Images a second of each way, all measured."""
    rows = []
    for size, name, found in _networks(record):
        rates = [spread(found["images_per_second"][way]) for way in WAYS]
        rows.append([f"{_name(size, name)}, batches of {size['batch_size']}", *rates])
    return markdown_table(["images/s, measured", *WAYS.values()], rows)


def shares_table(record: Mapping[str, Any]) -> str:
    """Rates as shares of a matrix product's, and what the input takes, all measured."""
    rows = []
    for size, name, found in _networks(record):
        ratios, shares = found["ratios"], found["share_of_peak"]
        against = [_percent(ratios[f"{way} / loop"]) for way in ("loop with pixels", "loop with JPEG")]
        bare = _percent(ratios["loop with pixels / bare step"])
        recipe = spread(ratios["loop with pixels / reference recipe"], "×")
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
            rows.append([_name(size, name), batch_size, digits(point["images_per_second"]), *memory])
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
    """All of it, for the README."""
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
            f"real ones may take twice that. The CPU decodes {digits(paper_size['decoded_a_second'])} a second. "
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
