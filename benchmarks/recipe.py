"""Search the training recipe on the validation split, with the same effort for both networks of Table 1.

    python benchmarks/recipe.py [--pictures 12000] [--epochs 4]

Every setting is trained from scratch on the same pictures for the same epochs, and scored on the validation split of
the demo set. The learning rate is searched first, without dropout; then the batch size; then dropout, each at the best
of what was searched before, for each network on its own. Records go to ``benchmarks/recipe.json`` as they are made; a
setting that is there is not trained again.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import time

import numpy as np

from i2v_lib.config import Config, load_config
from i2v_lib.data.batches import Batches
from i2v_lib.models.networks import build_network
from i2v_lib.models.training import fit
from i2v_lib.run import Run
from i2v_lib.show import tag_prediction

RECORDS = tag_prediction.RECIPE
NETWORKS = ("vgg_a", "vgg_nin")
LEARNING_RATES = (2.5e-4, 5e-4, 1e-3, 2e-3)
DROPOUTS = (0.0, 0.25, 0.5)
BATCH_SIZES = (64, 32)


def read_records() -> list[dict]:
    """All settings tried so far."""
    return tag_prediction.read_recipe(RECORDS) if RECORDS.exists() else []


def try_setting(
    run: Run, network_name: str, learning_rate: float, batch_size: int, dropout: float, pictures: int, epochs: int
) -> dict:
    """Train one setting, or find it in the records.

    Returns
    -------
    record with the setting, ``map`` (0 to 1, a category each, on validation) and ``seconds``
    """
    setting = {
        "network": network_name,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "dropout": dropout,
        "pictures": pictures,
        "epochs": epochs,
    }
    for record in read_records():
        if all(record[key] == value for key, value in setting.items()):
            return record
    config = dataclasses.replace(run.config, **{f"dropout_{network_name}": dropout})
    collection = run.collection()
    rng = np.random.default_rng(config.seed)
    train = collection.split("train")
    chosen = np.sort(rng.choice(train, min(pictures, len(train)), replace=False))
    batches = Batches(collection.pixels, run.targets(), chosen, batch_size, config.image_size, config.seed)
    folder = run.folder / "recipe" / "_".join(str(value) for value in setting.values())
    start = time.perf_counter()
    network = build_network(network_name, len(run.vocabulary()), config)
    fit(network, batches, epochs, learning_rate, folder, warmup=config.warmup, precision=config.precision)
    seconds = time.perf_counter() - start
    scores = {category: round(value, 5) for category, value in run.validation_map(network).items()}
    record = setting | {"map": scores, "seconds": round(seconds, 1)}
    RECORDS.write_text(json.dumps(read_records() + [record], indent=1) + "\n", encoding="utf-8")
    shutil.rmtree(folder)
    return record


def search(config: Config, pictures: int, epochs: int) -> None:
    """Search learning rate, batch size and dropout of each network, and print the records."""
    run = Run(config)
    for name in NETWORKS:
        tried = [try_setting(run, name, rate, BATCH_SIZES[0], 0.0, pictures, epochs) for rate in LEARNING_RATES]
        rate = max(tried, key=tag_prediction.mean_map)["learning_rate"]
        tried += [try_setting(run, name, rate, size, 0.0, pictures, epochs) for size in BATCH_SIZES[1:]]
        size = max(tried, key=tag_prediction.mean_map)["batch_size"]
        tried += [try_setting(run, name, rate, size, dropout, pictures, epochs) for dropout in DROPOUTS[1:]]
        for record in tried:
            print(f"{tag_prediction.mean_map(record):.2f}", json.dumps(record))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=12_000, help="training pictures a setting (default 12000)")
    parser.add_argument("--epochs", type=int, default=4, help="epochs a setting (default 4)")
    arguments = parser.parse_args()
    search(load_config("demo"), arguments.pictures, arguments.epochs)
