"""Measure exact Hamming search against other libraries, and how its time grows.

    python -m pip install faiss-cpu==1.15.1
    python benchmarks/neighbors.py [--rows 20000] [--queries 10000] [--runs 5]
        [--growth 10000 20000 40000 76003] [--check 160000]

Codes are 4,096 bits long: random ones, and clustered ones, which are those of the demo run with one bit in 64 flipped,
or synthetic where there is no demo run. Methods take turns, and the order is turned around each time; a ratio is that
of neighbors in time. All use all cores. Results go to ``benchmarks/neighbors.json``. The machine must be quiet.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

from i2v_lib.config import home, load_config
from i2v_lib.search.neighbors import extend_neighbors, nearest_neighbors

RECORDS = Path(__file__).with_suffix(".json")
BITS, K = 4096, 5  # of a code; of the graph (§4.4)
PAPER, WHOLE = 76_003, 1_290_000  # illustrations searched in the paper, and collected
SAMPLE = {"faiss": None, "scikit-learn": 100, "torch": 1000}  # queries a rival answers; None for all
KIT = "kit"


def random_codes(rows: int, seed: int = 0) -> np.ndarray:
    """Codes of independent bits."""
    return np.random.default_rng([seed, rows]).integers(0, 256, (rows, BITS // 8), np.uint8)


def real_codes() -> tuple[np.ndarray, str]:
    """Codes of the demo run, and where they are from; synthetic centers where it has none of this length."""
    if any((home() / "runs" / "demo" / "arrays").glob("hash-features-*.npy")):
        from i2v_lib.run import Run

        codes = Run(load_config("demo")).codes()
        if codes.shape[1] == BITS // 8:
            return codes, f"demo run, {len(codes)} codes"
    return random_codes(500, seed=1), "synthetic, 500 centers"


def clustered_codes(rows: int, centers: np.ndarray, seed: int = 0) -> np.ndarray:
    """Centers drawn at random, each bit flipped with a chance of 1 in 64."""
    rng = np.random.default_rng([seed, rows])
    codes = centers[rng.integers(0, len(centers), rows)]
    for block in np.array_split(codes, max(rows // 4096, 1)):
        block ^= np.bitwise_and.reduce(rng.integers(0, 256, (6, *block.shape), np.uint8))
    return codes


def seconds(work: Callable[[], object]) -> float:
    """Wall time of a call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def methods(database: np.ndarray, queries: np.ndarray | None) -> dict[str, tuple[Callable[[], object], int]]:
    """Of each method: what to call, and how many queries it then answers."""
    import faiss
    import torch
    from sklearn.neighbors import NearestNeighbors

    cores = len(os.sched_getaffinity(0))
    faiss.omp_set_num_threads(cores)
    torch.set_num_threads(cores)
    points, keep = (database, K + 1) if queries is None else (queries, K)  # the others find the query itself, too
    counts = {name: min(sample or len(points), len(points)) for name, sample in SAMPLE.items()}
    flat = faiss.IndexBinaryFlat(BITS)
    flat.add(database)
    brute = NearestNeighbors(n_neighbors=keep, algorithm="brute", metric="hamming", n_jobs=cores)
    brute.fit(np.unpackbits(database, axis=1).astype(bool))
    signs = torch.from_numpy(np.unpackbits(database, axis=1).astype(np.float32) * 2 - 1)
    others = np.unpackbits(points[: counts["torch"]], axis=1)
    rivals = {
        "faiss": lambda: flat.search(points[: counts["faiss"]], keep),
        "scikit-learn": lambda: brute.kneighbors(others[: counts["scikit-learn"]].astype(bool)),
        "torch": lambda: (torch.from_numpy(others.astype(np.float32) * 2 - 1) @ signs.T).topk(keep),
    }
    return {KIT: (lambda: nearest_neighbors(database, K, queries), len(points))} | {
        name: (call, counts[name]) for name, call in rivals.items()
    }


def compare(database: np.ndarray, queries: np.ndarray | None, runs: int) -> dict[str, dict]:
    """Paired runs: million pairs a second of each method, and how many times faster the kit is; median, low, high."""
    called = methods(database, queries)
    for call, _ in called.values():
        call()  # warm: compiled, in the cache
    rates = {name: [] for name in called}
    for run in range(runs):
        for name in list(called)[:: 1 if run % 2 else -1]:
            call, count = called[name]
            rates[name].append(count * len(database) / seconds(call) / 1e6)
    found = {name: {"million_pairs_a_second": spread(values)} for name, values in rates.items()}
    for name in SAMPLE:
        found[name]["kit_is_times_faster"] = spread(np.divide(rates[KIT], rates[name]))
    return found


def spread(values: list[float]) -> dict[str, float]:
    """Median, lowest and highest."""
    return {"median": rounded(np.median(values)), "low": rounded(min(values)), "high": rounded(max(values))}


def rounded(value: float) -> float:
    """Four digits."""
    return float(f"{value:.4g}")


def growth(make: Callable[[int], np.ndarray], counts: list[int], check: int, runs: int) -> dict:
    """Seconds of a set against itself, the law c × N² fitted to them, and the law at a larger size."""
    measured = {}
    for count in [*counts, check]:
        codes = make(count)
        times = [seconds(lambda codes=codes: nearest_neighbors(codes, K)) for _ in range(runs)]
        measured[count] = float(np.median(times))
    sizes, times = np.array(counts, float), np.array([measured[count] for count in counts])
    constant = float(times @ sizes**2 / np.sum(sizes**4))  # least squares: the large sizes decide
    exponent = float(np.polyfit(np.log(sizes), np.log(times), 1)[0])
    return {
        "seconds": {str(count): rounded(value) for count, value in measured.items() if count != check},
        "law": {"seconds_of_a_million_pairs": rounded(1e6 * constant), "exponent_if_free": rounded(exponent)},
        "check": {
            "rows": check,
            "predicted_seconds": rounded(constant * check**2),
            "measured_seconds": rounded(measured[check]),
        },
        "predicted_seconds_of_all": rounded(constant * WHOLE**2),
    }


def extension(database: np.ndarray, added: int, runs: int) -> dict:
    """Seconds to add codes to a searched set."""
    before = len(database) - added
    earlier = nearest_neighbors(database[:before], K)
    times = [seconds(lambda: extend_neighbors(database, before, *earlier, K)) for _ in range(runs)]
    return {"before": before, "added": added, "seconds": spread(times)}


def on_gpu() -> dict | None:
    """The card's matrix rate in half precision, and the share of it that a search reaches; None without a card."""
    import torch

    if not torch.cuda.is_available():
        return None
    a = torch.ones(16384, 4096, dtype=torch.float16, device="cuda")
    b = torch.ones(32768, 4096, dtype=torch.float16, device="cuda")

    def product() -> None:
        for _ in range(20):
            a @ b.T
        torch.cuda.synchronize()

    product()
    rate = 20 * 2 * len(a) * b.numel() / min(seconds(product) for _ in range(5))
    record = {"card": torch.cuda.get_device_name(), "matrix_rate_teraflops": rounded(rate / 1e12)}
    for rows in (PAPER, WHOLE):
        codes = random_codes(rows)
        nearest_neighbors(codes[:100], K, device="cuda")
        taken = seconds(lambda codes=codes: nearest_neighbors(codes, K, device="cuda"))
        share = 2 * rows**2 * BITS / taken / rate
        record[str(rows)] = {"seconds": rounded(taken), "share_of_matrix_rate": rounded(share)}
    return record


def in_a_fresh_process(task: str, **environment: str) -> float:
    """One of :data:`ALONE`, where nothing is compiled or kept in memory yet."""
    found = subprocess.run(
        [sys.executable, __file__, "--alone", task], env=os.environ | environment, capture_output=True, check=True
    )
    return rounded(float(found.stdout))


def first_call() -> float:
    """Seconds of the first search of a process, imports included."""
    return seconds(lambda: nearest_neighbors(random_codes(100), K))


def extra_memory() -> float:
    """Megabytes at the peak of a search of the paper's size, beyond the codes; the result is among them. Linux only."""
    codes = random_codes(PAPER)
    nearest_neighbors(codes[:5000], K)
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak of making the codes
    before = peak_memory()
    nearest_neighbors(codes, K)
    return peak_memory() - before


def peak_memory() -> float:
    """The most memory that this process has held, in megabytes."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


ALONE = {"first_call": first_call, "extra_memory": extra_memory}


def describe_machine() -> dict:
    """Processor, cores and versions."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    libraries = ("numpy", "numba", "faiss-cpu", "scikit-learn", "torch")
    return {
        "processor": (names or [platform.machine()])[0],
        "cores": len(os.sched_getaffinity(0)),
        "versions": {name: version(name) for name in libraries},
    }


def main(arguments: argparse.Namespace) -> None:
    """Measure everything and write the record."""
    centers, source = real_codes()
    kinds = {"random": random_codes, "clustered": lambda rows, seed=0: clustered_codes(rows, centers, seed)}
    runs = arguments.runs
    record = {
        "machine": describe_machine(),
        "setting": {"bits": BITS, "k": K, "rows": arguments.rows, "queries": arguments.queries, "runs": runs}
        | {"clustered": source, "queries_of_rivals": SAMPLE},
        "speed": {},
        "growth": {},
    }
    with tempfile.TemporaryDirectory() as empty:
        compiling, cached = (in_a_fresh_process("first_call", NUMBA_CACHE_DIR=empty) for _ in range(2))
    record["first_call_seconds"] = {"compiling": compiling, "compiled_before": cached}
    record["extra_megabytes"] = {"rows": PAPER, "peak": in_a_fresh_process("extra_memory")}
    for kind, make in kinds.items():
        database, others = make(arguments.rows), make(arguments.queries, 1)
        record["speed"][kind] = {
            "itself": compare(database, None, runs),
            "other queries": compare(database, others, runs),
        }
        record["growth"][kind] = growth(make, arguments.growth, arguments.check, 3)
    record["extension"] = extension(random_codes(arguments.growth[-1] + 1000), 1000, runs)
    record["gpu"] = on_gpu()
    arguments.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000, help="codes searched in the comparison")
    parser.add_argument("--queries", type=int, default=10_000, help="other codes that search them")
    parser.add_argument("--runs", type=int, default=5, help="paired runs")
    parser.add_argument("--growth", type=int, nargs="+", default=[10_000, 20_000, 40_000, PAPER])
    parser.add_argument("--check", type=int, default=160_000, help="the larger size that the law must predict")
    parser.add_argument("--out", type=Path, default=RECORDS)
    parser.add_argument("--alone", choices=ALONE, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.alone:
        print(ALONE[given.alone]())
    else:
        main(given)
