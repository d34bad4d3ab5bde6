"""Measure what shuffling in blocks costs: how far from any order it is, and what a network trained by it loses.

    python benchmarks/shuffle.py [--pictures 10000] [--epochs 2] [--seeds 2]

The bad case is a store sorted by character, as a collection fetched tag by tag would be. First the order alone, at the
paper's number of illustrations. Then VGG + NIN of the demo preset is trained on a sorted part of the demo set, with
buffers that hold a quarter of it, eight batches, or a single one, and scored on the validation split. What is
measured goes to ``benchmarks/shuffle.json``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from i2v_lib.config import load_config
from i2v_lib.data.batches import Batches
from i2v_lib.data.shuffle import draw_order
from i2v_lib.drawn import world_of
from i2v_lib.models.networks import build_network
from i2v_lib.models.training import fit
from i2v_lib.run import Run
from i2v_lib.show import paper
from i2v_lib.show.saving import machine

RECORDS = Path(__file__).with_suffix(".json")
NETWORK = "vgg_nin"


def randomness(block: int, buffer: int, batch_size: int, labels: np.ndarray) -> dict[str, Any]:
    """What an order of sorted pictures has of a full permutation.

    Parameters
    ----------
    block, buffer : see :func:`i2v_lib.data.shuffle.draw_order`; a block of 0 draws any order
    batch_size : pictures in a batch
    labels : int array, shape (n,), the character of each picture, as they lie in the store

    Returns
    -------
    dictionary of "neighbors_in_a_batch", the share of neighbors in the store that meet in a batch; "distance", how far
    apart they are on average, as a share of the epoch; "characters_in_a_batch", the mean number of different ones
    """
    order = draw_order(len(labels), np.random.default_rng(0), block, buffer).positions
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    batches = labels[order[: len(order) // batch_size * batch_size]].reshape(-1, batch_size)
    different = 1 + (np.diff(np.sort(batches, axis=1), axis=1) > 0).sum(axis=1)
    return {
        "block": block,
        "buffer": buffer,
        "neighbors_in_a_batch": round(float((np.diff(places // batch_size) == 0).mean()), 6),
        "distance": round(float(np.abs(np.diff(places)).mean() / len(places)), 6),
        "characters_in_a_batch": round(float(different.mean()), 2),
    }


def orders_at_the_papers_size() -> dict[str, Any]:
    """Orders of the paper's training pictures, sorted by character, in the batches of its preset."""
    config = load_config("paper", characters=512, titles=512)
    weights = np.array([person.weight for person in world_of(config)[0].characters])
    count = round(paper.ILLUSTRATIONS * (1 - config.validation_share - config.test_share))
    labels = np.searchsorted(np.cumsum(weights / weights.sum()), (np.arange(count) + 0.5) / count)
    block, buffer, batch = config.shuffle_block, config.shuffle_buffer, config.batch_size
    settings = [(0, 0), (block, 4 * buffer), (block, buffer), (block, buffer // 4), (batch, batch)]
    found = [randomness(*setting, batch, labels) for setting in settings]
    return {"pictures": count, "characters": len(weights), "batch_size": batch, "orders": found}


def train(run: Run, rows: np.ndarray, block: int, buffer: int, epochs: int, seed: int) -> dict[str, float]:
    """Mean average precision a category, 0 to 1, on the validation split, of a network trained on sorted rows."""
    config = run.config
    batches = Batches(
        run.collection().pixels,
        run.targets(),
        rows,
        config.batch_size,
        config.image_size,
        seed,
        block=block,
        buffer=buffer,
    )
    network = build_network(NETWORK, len(run.vocabulary()), config)
    with tempfile.TemporaryDirectory() as folder:
        fit(network, batches, epochs, config.learning_rate_vgg_nin, folder, warmup=config.warmup)
    return run.validation_map(network)


def main(pictures: int, epochs: int, seeds: int, collection: str | None) -> None:
    """Measure, and write the record; without seeds only of the orders, beside the trainings that were recorded."""
    before = json.loads(RECORDS.read_text(encoding="utf-8")) if RECORDS.exists() else {}
    if not seeds:
        _write({"machine": machine(), "training": None} | before | {"paper": orders_at_the_papers_size()})
        return
    run = Run(load_config("demo", collection=collection))
    config, generator = run.config, np.random.default_rng(0)
    train_rows = run.collection().split("train")
    chosen = generator.choice(train_rows, min(pictures, len(train_rows)), replace=False)
    names = run.collection().column("character")
    chosen = np.array(sorted(chosen.tolist(), key=lambda row: (names[row][:1], row)))
    batch = config.batch_size
    buffers = (len(chosen) // 4, 8 * batch)
    settings = [(0, 0), *((batch // 2, buffer) for buffer in buffers), (batch, batch)]
    record: dict[str, Any] = {
        "machine": machine(),
        "paper": orders_at_the_papers_size(),
        "training": {
            "network": NETWORK,
            "pictures": len(chosen),
            "epochs": epochs,
            "batch_size": batch,
            "seeds": seeds,
            "orders": [],
        },
    }
    for block, buffer in settings:
        scores = [train(run, chosen, block, buffer, epochs, seed) for seed in range(seeds)]
        means = [statistics.mean(score.values()) for score in scores]
        found = {
            "block": block,
            "buffer": buffer,
            "map": {name: round(statistics.mean(score[name] for score in scores), 5) for name in scores[0]},
            "mean": round(statistics.mean(means), 5),
            "low": round(min(means), 5),
            "high": round(max(means), 5),
        }
        record["training"]["orders"].append(found)
        print(json.dumps(found), flush=True)
    _write(record)


def _write(record: dict[str, Any]) -> None:
    RECORDS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=10_000, help="trained on (default 10000)")
    parser.add_argument("--epochs", type=int, default=2, help="(default 2)")
    parser.add_argument("--seeds", type=int, default=2, help="trainings of each order (default 2); 0: only the orders")
    parser.add_argument("--collection", help="a drawn demo set that stands already")
    arguments = parser.parse_args()
    main(arguments.pictures, arguments.epochs, arguments.seeds, arguments.collection)
