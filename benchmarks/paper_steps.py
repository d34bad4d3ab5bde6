"""Run the `paper` preset for a few steps where there is no GPU: 224 px, full width, 1,539 outputs.

    python benchmarks/paper_steps.py [--pictures 24] [--batch-size 4]

It shows that the preset's networks, crops, checkpoints and weights work at the size of the paper, and what memory they
take; the seconds say nothing of a GPU, whose figures are missing. First `python -m i2v_lib train paper` trains both
networks for an epoch on a few drawn pictures of 256 px, with as many tags as these have; then `fit` takes some steps
with the paper's 1,539 outputs. Each runs in a process of its own, whose peak of memory is noted. The record is
``benchmarks/paper_steps.json``.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from i2v_lib.__main__ import main
from i2v_lib.config import load_config
from i2v_lib.data.batches import Batches
from i2v_lib.models.checkpoints import read_metadata
from i2v_lib.models.networks import build_network
from i2v_lib.models.training import fit
from i2v_lib.run import Run

RECORD = Path(__file__).with_suffix(".json")
OUTPUTS = 1539  # §3.1: 512 + 512 + 512 + 3
NETWORKS = ("vgg_a", "vgg_nin")


def train_preset(name: str, pictures: int, batch_size: int) -> Path:
    """`train paper` on a few drawn pictures; returns the weights' file."""
    settings = {"pictures": pictures, "batch_size": batch_size, "minimum_positives": 1, "epochs": 1}
    if code := main(["train", "paper", "--network", name, "--set", *(f"{k}={v}" for k, v in settings.items())]):
        raise SystemExit(code)
    run = Run(load_config("paper", **settings))
    assert run.collection().pixels.shape[1:] == (256, 256, 3)
    return next((run.folder / "networks").glob(f"{name}-*/weights.safetensors"))


def fit_outputs(name: str, pictures: int, batch_size: int) -> Path:
    """Some steps with the paper's number of tags, on noise; returns the weights' file."""
    rng, config = np.random.default_rng(0), load_config("paper")
    pixels = rng.integers(0, 256, (pictures, 256, 256, 3), np.uint8)
    targets = (rng.random((pictures, OUTPUTS)) < 0.02).astype(np.uint8)
    batches = Batches(pixels, targets, np.arange(pictures), batch_size, config.image_size, config.seed, config.workers)
    folder = Path(os.environ["I2V_HOME"]) / f"{name}-{OUTPUTS}"
    fit(build_network(name, OUTPUTS, config), batches, 1, 1e-4, folder)
    return folder / "weights.safetensors"


def measure(work: Any, name: str, pictures: int, batch_size: int, records: Any) -> None:
    """Do one of the two, and put what it took into a queue."""
    start = time.perf_counter()
    path = work(name, pictures, batch_size)
    metadata = read_metadata(path)
    epoch, tensors = metadata["history"][0], path.stat().st_size / 4
    trained = metadata["settings"]["pictures"]
    records.put(
        {
            "what": "train paper" if work is train_preset else f"fit, {OUTPUTS:,} outputs",
            "network": name,
            "pixels": metadata["settings"]["image_size"],
            "parameters": round(tensors / 1e6, 1),  # millions
            "pictures": trained,
            "batch_size": batch_size,
            "steps": -(-trained // batch_size),
            "loss": round(epoch["loss"], 2),  # nats a picture, mean of the epoch
            "seconds_a_step": round(epoch["seconds"] / -(-trained // batch_size), 1),
            "seconds": round(time.perf_counter() - start, 1),  # drawing, validating and writing included
            "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        }
    )


def run_all(pictures: int, batch_size: int) -> dict[str, Any]:
    """Every case in a process of its own."""
    context, cases = multiprocessing.get_context("spawn"), []
    records = context.Queue()
    with tempfile.TemporaryDirectory() as home:
        os.environ["I2V_HOME"] = home
        for work in (train_preset, fit_outputs):
            for name in NETWORKS:
                count = pictures if work is train_preset else 3 * batch_size
                process = context.Process(target=measure, args=(work, name, count, batch_size, records))
                process.start()
                process.join()
                if process.exitcode:
                    raise SystemExit(f"{work.__name__}, {name}: exit code {process.exitcode}")
                cases.append(records.get())
                print(json.dumps(cases[-1]))
    about = {"torch": torch.__version__, "threads": torch.get_num_threads(), "gpu": None}
    return {"note": "a functional record on a CPU; GPU figures are missing", **about, "cases": cases}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=24, help="drawn pictures, all splits (default 24)")
    parser.add_argument("--batch-size", type=int, default=4, help="(default 4)")
    arguments = parser.parse_args()
    RECORD.write_text(json.dumps(run_all(arguments.pictures, arguments.batch_size), indent=1) + "\n", encoding="utf-8")
