"""Measure what training costs: images a second, the share of the device's peak, and what the input takes of it.

    python benchmarks/training.py [--device cuda] [--repeats 3] [--seconds 2]

For VGG model A and VGG + NIN, at 224 pixels and full width (the paper's) and at the demo's size: forward; forward and
backward; the bare step with an optimizer; the kit's whole loop; the loop with data from each store; and the same model
under torchvision's reference recipe (ImageFolder, Pillow, DataLoader). All take turns, so that a slow minute meets
everyone. The peak is what a product of two large matrices reaches here. Pictures are drawn; they lie in the system's
cache, as they would after the first epoch where they fit memory. What is measured goes to ``benchmarks/training.json``;
``benchmarks/readme.py`` puts it into the README, with the hours that follow from it.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
import torch
import torchvision
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode
from torchvision.transforms import v2

from i2v_lib.config import Config, load_config
from i2v_lib.data.batches import Batch, Batches
from i2v_lib.data.stores import PackedPixels, encode, open_store, own_processors, store_writer
from i2v_lib.drawn import draw_picture
from i2v_lib.models.loss import tag_loss
from i2v_lib.models.networks import TagNetwork, build_network
from i2v_lib.models.steps import TrainingStep
from i2v_lib.show.saving import machine

RECORDS = Path(__file__).with_suffix(".json")
NETWORKS = ("vgg_a", "vgg_nin")
TAGS = {"paper": 1539, "demo": 303}
BATCHES = {  # the one in the middle is raced
    "cpu": {"paper": (2, 4, 8), "demo": (16, 32, 128)},
    "cuda": {"paper": (32, 64, 128, 256, 512), "demo": (16, 32, 256)},
}
RATIOS = (
    ("loop with pixels", "loop"),
    ("loop with JPEG", "loop"),
    ("loop with pixels", "bare step"),
    ("loop with pixels", "reference recipe"),
)
LEARNING_RATE = 1e-6  # so small that random pictures blow nothing up
SIDES = {"cpu": (1024, 2048, 4096), "cuda": (4096, 8192, 16384)}  # of the matrices
UNLIKE = 64  # drawn pictures, which are then repeated


class Stored(NamedTuple):
    """Drawn pictures on disk, as each contestant wants them."""

    pixels: np.ndarray
    jpeg: PackedPixels
    folder: Path  # of an ImageFolder
    targets: np.ndarray
    bytes_a_picture: dict[str, float]


def write_pictures(config: Config, count: int, tags: int, folder: Path) -> Stored:
    """Draw a few pictures and write them again and again, into both stores and as files."""
    drawn = [np.asarray(draw_picture(config, index).image) for index in range(min(count, UNLIKE))]
    files, sizes = folder / "files" / "all", {}
    files.mkdir(parents=True)
    for store in ("pixels", "jpeg"):
        encoded = [encode(picture, store) for picture in drawn]
        sizes[store] = statistics.mean(map(len, encoded))
        writer = store_writer(store, folder, config.stored_size)
        for i in range(count):
            writer.append(encoded[i % len(drawn)])
            if store == "jpeg":
                (files / f"{i:07d}.jpg").write_bytes(encoded[i % len(drawn)])
        writer.finish()
        writer.close()
    targets = (np.random.default_rng(0).random((count, tags)) < 0.02).astype(np.uint8)
    pixels, jpeg = (open_store(folder, store, config.stored_size) for store in ("pixels", "jpeg"))
    return Stored(pixels, jpeg, files.parent, targets, sizes)


def peak(device: torch.device, dtype: torch.dtype, seconds: float) -> dict[str, Any]:
    """Floating-point operations a second of a product of two square matrices: the best of several sizes."""
    rates = {}
    for side in SIDES[device.type]:
        a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
        product = torch.empty_like(a)
        run = _steps(lambda a=a, b=b, out=product: torch.mm(a, b, out=out))
        rates[str(side)] = 2 * side**3 * _rate(run, device, seconds)
    return {"kind": str(dtype).removeprefix("torch."), "by_side": rates, "flops": max(rates.values())}


def flops(network: TagNetwork, image_size: int, tags: int) -> dict[str, int]:
    """Floating-point operations of one picture, forward, and forward and backward; a product and a sum are two."""
    counts = {}
    for name, backward in (("forward", False), ("step", True)):
        with FlopCounterMode(display=False) as counter:
            loss = tag_loss(network(torch.zeros(1, 3, image_size, image_size)), torch.zeros(1, tags))
            if backward:
                loss.backward()
        counts[name] = counter.get_total_flops()
    network.zero_grad(set_to_none=True)
    return counts


def contestants(
    name: str, config: Config, stored: Stored, batch_size: int, device: torch.device, everyone: bool = True
) -> dict[str, Callable[[], Iterator[int]]]:
    """What is timed, by name: each call gives a generator that makes a step at a time and yields its pictures.

    The first step is not timed: it compiles, or waits for the first batch. All share one network.
    """
    tags, size = stored.targets.shape[1], config.image_size
    network = build_network(name, tags, config)
    training_step = TrainingStep(network, 0, str(device))
    compute = torch.compile(network, dynamic=False) if device.type == "cuda" else network  # as the training step does
    rows = np.arange(len(stored.targets))

    def batches(pixels: np.ndarray | PackedPixels, workers: int = config.workers) -> Batches:
        workers, there = min(workers, own_processors()), device if device.type == "cuda" else None
        return Batches(pixels, stored.targets, rows, batch_size, size, 0, workers, device=there)

    ready = next(batches(stored.pixels, 0).epoch(0)).to(device)

    def forward() -> None:
        network.eval()
        with torch.inference_mode(), training_step.autocast:
            compute(ready.images)

    def backward() -> None:
        network.train()
        network.zero_grad()
        with training_step.autocast:
            logits = compute(ready.images)
        tag_loss(logits, ready.targets).backward()

    def bare() -> None:
        backward()
        training_step.optimizer.step()

    def loop(pixels: np.ndarray | PackedPixels | None) -> Callable[[], Iterator[int]]:
        def run() -> Iterator[int]:
            source = _again(batches(pixels)) if pixels is not None else iter(lambda: ready, None)
            for number, batch in enumerate(source):
                training_step.step(batch, number, LEARNING_RATE)
                yield len(batch.indices)

        return run

    found = {
        "loop": loop(None),
        "loop with pixels": loop(stored.pixels),
    }
    if everyone:
        found = {
            "forward": _steps(forward, batch_size),
            "forward and backward": _steps(backward, batch_size),
            "bare step": _steps(bare, batch_size),
            **found,
            "loop with JPEG": loop(stored.jpeg),
            "reference recipe": reference(name, config, stored, batch_size, device),
        }
    return found


def reference(
    name: str, config: Config, stored: Stored, batch_size: int, device: torch.device
) -> Callable[[], Iterator[int]]:
    """The same model as torchvision's references train theirs: files, Pillow, worker processes, SGD with momentum.

    Its precision is the kit's, float32 on a CPU and bfloat16 on a GPU, so that this is not what is compared. The
    memory layout, the input and the loop are its own.
    """
    tags, size = stored.targets.shape[1], config.image_size
    network = build_network(name, tags, config).to(device).train()
    optimizer = torch.optim.SGD(network.parameters(), LEARNING_RATE, momentum=0.9, weight_decay=1e-4)
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")
    mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    transform = v2.Compose(
        [
            v2.RandomCrop(size),
            v2.RandomHorizontalFlip(),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(mean, deviation),
        ]
    )
    wanted = torch.from_numpy(stored.targets[0]).float()
    pictures = torchvision.datasets.ImageFolder(stored.folder, transform, target_transform=lambda _: wanted)
    workers = own_processors()  # the reference's 16 where there are as many
    loader = DataLoader(
        pictures,
        batch_size,
        shuffle=True,
        num_workers=min(16, workers),
        pin_memory=device.type == "cuda",
        drop_last=True,
    )

    def run() -> Iterator[int]:
        while True:
            for images, targets in loader:
                images, targets = (part.to(device, non_blocking=True) for part in (images, targets))
                with autocast:
                    logits = network(images)
                loss = tag_loss(logits, targets)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                loss.item()  # the references print it
                yield len(images)

    return run


def race(
    runs: dict[str, Callable[[], Iterator[int]]], device: torch.device, seconds: float, repeats: int
) -> dict[str, list[float]]:
    """Images a second of each, one value a turn; another one begins each turn."""
    rates: dict[str, list[float]] = {name: [] for name in runs}
    names = list(runs)
    for turn in range(repeats):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            rates[name].append(_rate(runs[name], device, seconds))
    return rates


def measure(
    preset: str, config: Config, tags: int, sizes: Sequence[int], device: torch.device, seconds: float, repeats: int
) -> dict[str, Any]:
    """Both networks at one size of pictures; of the batch sizes, the middle one is that of the race."""
    batch_size = sizes[len(sizes) // 2]
    count = max(4 * max(sizes), 256)
    record: dict[str, Any] = {
        "preset": preset,
        "image_size": config.image_size,
        "stored_size": config.stored_size,
        "width": config.width,
        "tags": tags,
        "batch_size": batch_size,
        "networks": {},
    }
    with tempfile.TemporaryDirectory() as folder:
        stored = write_pictures(config, count, tags, Path(folder))
        record["bytes_a_picture"] = stored.bytes_a_picture
        record["decoded_a_second"] = _rate(_decoding(stored.jpeg), torch.device("cpu"), seconds)
        for name in NETWORKS:
            network = build_network(name, tags, config)
            found: dict[str, Any] = {
                "parameters": sum(p.numel() for p in network.parameters()),
                "flops": flops(network, config.image_size, tags),
            }
            del network
            rates = race(contestants(name, config, stored, batch_size, device), device, seconds, repeats)
            found["images_per_second"] = {who: spread(values) for who, values in rates.items()}
            found["ratios"] = {
                f"{one} / {other}": spread([a / b for a, b in zip(rates[one], rates[other], strict=True)])
                for one, other in RATIOS
            }
            found["by_batch_size"] = {}
            for size in sizes:
                _free(device)
                run = contestants(name, config, stored, size, device, everyone=False)["loop with pixels"]
                found["by_batch_size"][str(size)] = {
                    "images_per_second": _rate(run, device, seconds),
                    "gpu_gib": torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else None,
                }
            _free(device)
            record["networks"][name] = found
            print(preset, name, json.dumps(found, indent=1), flush=True)
    return record


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, lowest and highest."""
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def main(
    device: torch.device,
    seconds: float,
    repeats: int,
    configs: dict[str, Config],
    sizes: dict[str, Sequence[int]],
    out: Path = RECORDS,
) -> dict[str, Any]:
    """Measure every size, and write the record."""
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    best = peak(device, dtype, seconds)
    record = {
        "machine": machine() | {"torchvision": torchvision.__version__},
        "memory_gib": psutil.virtual_memory().total / 2**30,
        "device": device.type,
        "setting": {"seconds": seconds, "repeats": repeats},
        "peak": best,
        "sizes": [
            measure(name, config, TAGS[name], sizes[name], device, seconds, repeats) for name, config in configs.items()
        ],
    }
    for size in record["sizes"]:
        for found in size["networks"].values():
            found["share_of_peak"] = {
                who: rate["median"] * found["flops"]["forward" if who == "forward" else "step"] / best["flops"]
                for who, rate in found["images_per_second"].items()
            }
    out.write_text(json.dumps(_rounded(record), indent=1) + "\n", encoding="utf-8")
    return record


def _steps(make: Callable[[], Any], pictures: int = 1) -> Callable[[], Iterator[int]]:
    def run() -> Iterator[int]:
        while True:
            make()
            yield pictures

    return run


def _decoding(jpeg: PackedPixels) -> Callable[[], Iterator[int]]:
    rows = np.arange(min(len(jpeg), 256))
    return _steps(lambda: jpeg.decode(rows), len(rows))


def _again(batches: Batches) -> Iterator[Batch]:
    number = 0
    while True:
        yield from batches.epoch(number)
        number += 1


def _rate(run: Callable[[], Iterator[int]], device: torch.device, seconds: float) -> float:
    """Pictures a second, after a first step; at least two steps more, and as many as take so long."""
    steps = run()
    next(steps)
    _wait(device)
    start, done, count = time.perf_counter(), 0, 0
    while count < 2 or time.perf_counter() - start < seconds:
        done, count = done + next(steps), count + 1
        if count % 8 == 0:
            _wait(device)  # else a GPU would fall behind the clock
    _wait(device)
    taken = time.perf_counter() - start
    steps.close()
    return done / taken


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _free(device: torch.device) -> None:
    gc.collect()
    if device.type == "cuda":
        torch.compiler.reset()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def _rounded(value: Any) -> Any:
    """Floats to five digits, through all levels."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return float(f"{value:.5g}") if isinstance(value, float) and math.isfinite(value) else value


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="cpu or cuda")
    parser.add_argument("--seconds", type=float, default=2.0, help="a turn, at least (default 2)")
    parser.add_argument("--repeats", type=int, default=3, help="turns of everyone (default 3)")
    arguments = parser.parse_args()
    where = torch.device(arguments.device)
    presets = {"paper": load_config("paper"), "demo": load_config("demo")}
    main(where, arguments.seconds, arguments.repeats, presets, BATCHES[where.type])
