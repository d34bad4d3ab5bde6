"""Measure how fast pictures become rows of a collection: decode, resize, hash, store.

    python benchmarks/intake.py [--pictures 300] [--repeats 7]

Drawn pictures with grain, so that they take as many bytes as real ones, are encoded as a booru serves them. The kit's
ingest reads them from memory, on one thread and on as many as an import has, beside a plain Pillow loop and
torchvision's decoder, which neither hash nor store. All take turns, the first being another one each time. What is
measured goes to ``benchmarks/intake.json``, with the hours that the paper's 1,287,596 illustrations would take.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import torch
import torchvision
from PIL import Image
from torchvision.transforms.v2 import functional
from tqdm import tqdm

from i2v_lib.config import load_config
from i2v_lib.data import ingest
from i2v_lib.data.collection import RATINGS
from i2v_lib.data.images import decode_reduced, resize_image
from i2v_lib.data.sidecars import Tagging
from i2v_lib.drawn import draw_picture
from i2v_lib.show import paper
from i2v_lib.show.saving import machine

RECORDS = Path(__file__).with_suffix(".json")
FORMATS = {
    "WebP 720 px": (720, "WEBP", {"quality": 75}),
    "JPEG 850 px": (850, "JPEG", {"quality": 85}),
    "PNG 720 px": (720, "PNG", {}),
}
GRAIN = 8.0  # grey levels, standard deviation: a WebP then takes about 60 kB, as the sites' do
SIZE = 256  # pixels of the stored squares, the default of every import


class Encoded:
    """Pictures in memory, as a source."""

    def __init__(self, pictures: Sequence[bytes]) -> None:
        self.pictures = pictures

    def read(self, name: str) -> tuple[bytes, Tagging]:
        """One picture, with a tag."""
        return self.pictures[int(name)], Tagging(general={"solo": None}, rating="safe")


def encode(count: int, side: int, kind: str, options: dict[str, Any]) -> Iterator[bytes]:
    """Draw, roughen and encode so many pictures."""
    config = load_config("demo")
    for index in tqdm(range(count), desc=f"drawing for {kind}", mininterval=2):
        drawn = np.asarray(draw_picture(config, index, side).image, dtype=np.float32)
        grain = np.random.default_rng(index).normal(0, GRAIN, drawn.shape)
        buffer = io.BytesIO()
        Image.fromarray((drawn + grain).clip(0, 255).astype(np.uint8)).save(buffer, kind, **options)
        yield buffer.getvalue()


def kit(threads: int) -> Callable[[Sequence[bytes]], None]:
    """The whole local part of an import, but for the table at its end."""

    def run(pictures: Sequence[bytes]) -> None:
        ingest.THREADS = threads
        with tempfile.TemporaryDirectory() as folder:
            one = ingest.Ingest(
                Path(folder),
                Encoded(pictures),
                size=SIZE,
                resize="warp",
                animation="skip",
                default_rating="safe",
                ratings=RATINGS,
            )
            for _ in one.run([str(i) for i in range(len(pictures))]):
                pass
            assert one.usable == len(pictures)

    return run


def kit_pixels(pictures: Sequence[bytes]) -> None:
    """Only what the two loops do: the kit's decoding and resizing."""
    for data in pictures:
        resize_image(decode_reduced(data, SIZE)[0], SIZE)


def pillow_loop(pictures: Sequence[bytes]) -> None:
    """What one writes first."""
    for data in pictures:
        image = Image.open(io.BytesIO(data)).convert("RGB")
        np.array(image.resize((SIZE, SIZE), Image.Resampling.BILINEAR))


def torchvision_loop(pictures: Sequence[bytes]) -> None:
    """Its own decoders and antialiased resizing."""
    for data in pictures:
        encoded = torch.frombuffer(bytearray(data), dtype=torch.uint8)
        image = torchvision.io.decode_image(encoded, torchvision.io.ImageReadMode.RGB)
        functional.resize(image, [SIZE, SIZE], antialias=True).permute(1, 2, 0).numpy()


def measure(pictures: Sequence[bytes], contestants: dict[str, Callable], repeats: int) -> dict[str, dict[str, Any]]:
    """Time all contestants in turns.

    Returns
    -------
    dictionary from the contestant to images a second ("per_second", by the clock) and images a second of processor
    time ("per_core"), each the median, the lowest and the highest of all repeats
    """
    names = list(contestants)
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for name in names:  # once for the caches
        contestants[name](pictures[:20])
    for turn in range(repeats):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            clock, processor = time.perf_counter(), time.process_time()
            contestants[name](pictures)
            clock, processor = time.perf_counter() - clock, time.process_time() - processor
            rates[name].append((len(pictures) / clock, len(pictures) / processor))
    return {
        name: {
            key: {"median": statistics.median(values), "low": min(values), "high": max(values)}
            for key, values in zip(("per_second", "per_core"), zip(*found, strict=True), strict=True)
        }
        for name, found in rates.items()
    }


def main(count: int, repeats: int) -> None:
    """Measure every format, and write the record."""
    torch.set_num_threads(1)
    threads = ingest.THREADS
    contestants = {
        "kit": kit(1),
        f"kit, {threads} threads": kit(threads),
        "kit, decode and resize": kit_pixels,
        "Pillow loop": pillow_loop,
        "torchvision": torchvision_loop,
    }
    record: dict[str, Any] = {
        "machine": machine() | {"Pillow": PIL.__version__, "torchvision": torchvision.__version__},
        "pictures": count,
        "repeats": repeats,
        "size": SIZE,
        "formats": {},
    }
    for name, (side, kind, options) in FORMATS.items():
        pictures = list(encode(count, side, kind, options))
        rates = measure(pictures, contestants, repeats)
        hours = paper.ILLUSTRATIONS / rates["kit"]["per_core"]["median"] / 3600
        record["formats"][name] = {
            "kilobytes": round(statistics.mean(map(len, pictures)) / 1000, 1),
            "images": json.loads(json.dumps(rates), parse_float=lambda text: round(float(text), 1)),
            "core_hours_of_the_paper": round(hours, 2),
        }
        print(name, json.dumps(record["formats"][name], indent=1), flush=True)
    RECORDS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=300, help="of each format (default 300)")
    parser.add_argument("--repeats", type=int, default=7, help="turns of everyone (default 7)")
    arguments = parser.parse_args()
    main(arguments.pictures, arguments.repeats)
