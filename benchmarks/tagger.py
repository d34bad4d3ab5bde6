"""Measure the tagger at full size: pictures a second beside onnxruntime, memory over a folder, seconds to load.

    python -m benchmarks.tagger [--pictures 5000] [--batch 32] [--batches 1] [--runs 5] [--whole]

The networks have the released shapes and random weights, which cost the same. The kit and onnxruntime, on the model
exported from the very network, take turns on the same batches, and the order is turned around each time; a ratio is
that of neighbors in time. Both use all cores. Loading is timed in processes of their own, from the authors' format and
from converted files, all in the disk's cache.

Memory must not grow with the number of pictures. It is compared between a tenth of a folder and the whole: at full
width for 50 and 500 pictures, and for 500 and 5,000 with a network of an eighth of the width, since nothing but what
the network computes on one batch depends on its width. ``--whole`` tags all 5,000 at full width too, which takes a
quarter of an hour on 2 cores; the rest takes about six minutes. Results go to ``benchmarks/tagger.json``. The machine
must be quiet.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
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
from PIL import Image

RECORDS = Path(__file__).with_suffix(".json")
SIDE = 512  # pixels of a picture that is tagged, a JPEG
FEW = 10  # as many times fewer pictures must take the same memory
NARROW = 0.125  # width of the network that tags the whole folder in a minute
RIVAL = "onnxruntime"


def picture(seed: int) -> bytes:
    """A smooth colored JPEG."""
    small = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def write_weights(folder: Path, width: float, kinds: tuple[str, ...] = ("vgg_nin", "hash")) -> dict[str, Path]:
    """Random networks of the released shapes as weights files; narrower ones for a try."""
    from i2v_lib.config import load_config
    from i2v_lib.models.checkpoints import save_weights
    from i2v_lib.models.hash_network import build_hash_network
    from i2v_lib.models.networks import build_network
    from i2v_lib.models.released.convert import ARCHITECTURES
    from i2v_lib.models.released.files import released_vocabulary

    config = load_config("paper", head_convolutions=4, width=width)
    names = [f"tag {i}" for i in range(1536)] + ["safe", "questionable", "explicit"]
    vocabulary = json.loads(released_vocabulary(names).to_json())
    tags = build_network("vgg_nin", len(names), config)
    tags.tags.bias.data.fill_(-3)  # some tags are plausible, as of a trained one, not nearly all
    paths = {}
    for kind in kinds:
        network = tags if kind == "vgg_nin" else build_hash_network(config, len(names), tags)
        architecture = dataclasses.replace(ARCHITECTURES["tags" if kind == "vgg_nin" else "features"], width=width)
        metadata = {"architecture": dataclasses.asdict(architecture), "vocabulary": vocabulary, "released": {}}
        paths[kind] = folder / f"{kind}.safetensors"
        save_weights(paths[kind], network, metadata)
    return paths


def write_caffe(path: Path, kind: str, width: float) -> Path:
    """Zeros in the authors' format, of the shapes of their tag model or their feature model, layer after layer."""
    from tests.caffe_writer import message, varint

    shapes = {}
    names = ("1_1", "2_1", "3_1", "3_2", "4_1", "4_2", "5_1", "5_2", "6_1", "6_2", "6_3")
    sizes = [3, *(int(width * n) for n in (64, 128, 256, 256, 512, 512, 512, 512, 1024, 1024, 1024))]
    for name, inputs, outputs in zip(names, sizes, sizes[1:], strict=False):
        shapes[f"conv{name}"] = (outputs, inputs, 3, 3)
    if kind == "vgg_nin":
        shapes["conv6_4"] = (1539, sizes[-1], 3, 3)
    else:
        shapes |= {"encode1": (4096, sizes[-1] * 49), "encode2": (1539, 4096)}
    with path.open("wb") as file:
        for name, shape in shapes.items():
            layer = [message(1, name)]
            for array in (np.zeros(shape, "<f4"), np.zeros(shape[0], "<f4")):
                head = message(7, message(1, b"".join(map(varint, array.shape)))) + varint(5 << 3 | 2)
                head += varint(array.nbytes)
                layer += [varint(7 << 3 | 2) + varint(len(head) + array.nbytes) + head, array]
            length = sum(len(part) if isinstance(part, bytes) else part.nbytes for part in layer)
            file.write(varint(100 << 3 | 2) + varint(length))
            for part in layer:
                file.write(part)
    return path


def speed(weights: Path, batch: int, batches: int, runs: int) -> dict[str, dict]:
    """Pictures a second of the networks alone, and from JPEG bytes to logits; median, low and high of paired runs."""
    import onnxruntime
    import torch

    from i2v_lib.models.released.onnx import export_onnx
    from i2v_lib.models.serving.cpu_inference import compute
    from i2v_lib.models.tagger import Illustration2Vec

    cores = len(os.sched_getaffinity(0))
    torch.set_num_threads(cores)
    tagger = Illustration2Vec.from_weights(weights, device="cpu", batch_size=batch)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores
    model = export_onnx(tagger.network, weights.with_suffix(".onnx"), image_size=tagger.image_size, pixels="uint8")
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    files = [picture(seed) for seed in range(batch * batches)]
    tensors = list(tagger.prepare(files))
    arrays = [np.ascontiguousarray(tensor.numpy()) for tensor in tensors]

    def kit() -> np.ndarray:
        return np.concatenate([compute(tagger.network, tensor).numpy() for tensor in tensors])

    def rival() -> np.ndarray:
        return np.concatenate([session.run(["logits"], {"images": array})[0] for array in arrays])

    def rival_from_files() -> np.ndarray:
        given = (np.ascontiguousarray(tensor.numpy()) for tensor in tagger.prepare(files))
        return np.concatenate([session.run(["logits"], {"images": array})[0] for array in given])

    pairs = {"network": (kit, rival), "from_files": (lambda: tagger.logits(files), rival_from_files)}
    return {name: compare(*pair, len(files), runs) for name, pair in pairs.items()}


def compare(kit: Callable[[], np.ndarray], rival: Callable[[], np.ndarray], pictures: int, runs: int) -> dict:
    """Paired runs of two calls that must give the same numbers."""
    apart = float(np.abs(kit() - rival()).max())  # also warms both
    rates: dict[str, list[float]] = {"kit": [], RIVAL: []}
    calls = {"kit": kit, RIVAL: rival}
    for run in range(runs):
        for name in list(calls)[:: 1 if run % 2 else -1]:
            rates[name].append(pictures / seconds(calls[name]))
    found = {name: spread(values) for name, values in rates.items()}
    return {"pictures_a_second": found, "kit_over_rival": spread(np.divide(rates["kit"], rates[RIVAL])), "apart": apart}


def tag_a_folder(weights: str, folder: str, batch: str) -> dict:
    """Megabytes before and at the peak of tagging a folder, and pictures a second."""
    from i2v_lib.models.tagger import Illustration2Vec
    from i2v_lib.models.tagging.folder import tag_folder

    tagger = Illustration2Vec.from_weights(weights, device="cpu", batch_size=int(batch))
    loaded, start = peak_megabytes(), time.perf_counter()
    done = tag_folder(tagger, folder, force=True, progress=False)
    taken = time.perf_counter() - start
    numbers = {"loaded_megabytes": loaded, "peak_megabytes": peak_megabytes()}
    return {"pictures": done.written, **numbers, "pictures_a_second": done.written / taken}


def load(weights: str) -> dict:
    """Seconds from the start of Python's imports to a tagger that can be asked, and of that the imports."""
    start = time.perf_counter()
    from i2v_lib.models.tagger import Illustration2Vec

    libraries = time.perf_counter(), peak_megabytes()
    Illustration2Vec.from_weights(weights, device="cpu")
    return loaded(start, *libraries)


def load_caffe(path: str, kind: str, width: str) -> dict:
    """The same from the authors' format, without the list of tags, which takes a millisecond."""
    start = time.perf_counter()
    from i2v_lib.models.released import convert

    libraries = time.perf_counter(), peak_megabytes()
    convert.CONFIG = dataclasses.replace(convert.CONFIG, width=float(width))
    (convert.load_released_tags if kind == "vgg_nin" else convert.load_released_features)(path)
    return loaded(start, *libraries)


def loaded(start: float, imported: float, before: float) -> dict:
    """Seconds in all and of the imports; the most memory, and the most that the imports took."""
    now = time.perf_counter()
    memory = {"peak_megabytes": peak_megabytes(), "imported_megabytes": before}
    return {"seconds": now - start, "imports": imported - start, **memory}


ALONE = {"tag_a_folder": tag_a_folder, "load": load, "load_caffe": load_caffe}


def in_a_fresh_process(task: str, *arguments: object) -> dict:
    """One of :data:`ALONE`, where nothing is loaded or imported yet."""
    command = [sys.executable, "-m", "benchmarks.tagger", "--alone", task, *map(str, arguments)]
    found = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=RECORDS.parent.parent)
    return {name: rounded(value) for name, value in json.loads(found.stdout).items()}


def seconds(work: Callable[[], object]) -> float:
    """Wall time of a call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def peak_megabytes() -> float:
    """The most memory this process has had; getrusage would count what its parent had when it was started."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def spread(values: list[float]) -> dict[str, float]:
    """Median, lowest and highest."""
    return {"median": rounded(np.median(values)), "low": rounded(min(values)), "high": rounded(max(values))}


def rounded(value: float) -> float:
    """Four digits."""
    return float(f"{value:.4g}")


def describe_machine() -> dict:
    """Processor, cores and versions."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    libraries = ("numpy", "onnxruntime", "pillow", "torch")
    return {
        "processor": (names or [platform.machine()])[0],
        "cores": len(os.sched_getaffinity(0)),
        "versions": {name: version(name) for name in libraries},
    }


def measure_loading(place: Path, weights: dict[str, Path], width: float) -> dict[str, dict]:
    """Seconds and memory by format and network; each file is read once before, so that it is in the disk's cache."""
    found: dict[str, dict] = {"converted": {}, "caffe": {}}
    for kind, path in weights.items():
        found["converted"][kind] = in_a_fresh_process("load", path)
        caffe = write_caffe(place / f"{kind}.caffemodel", kind, width)
        megabytes = caffe.stat().st_size / 2**20
        found["caffe"][kind] = {"megabytes": rounded(megabytes)} | in_a_fresh_process("load_caffe", caffe, kind, width)
        caffe.unlink()
    return found


def measure_folders(place: Path, weights: Path, given: argparse.Namespace) -> list[dict]:
    """Memory and speed of folders of several sizes, by the width of the network; see the top of this file."""
    narrow = write_weights(place / "narrow", NARROW * given.width, kinds=("vgg_nin",))["vgg_nin"]
    few = given.pictures // FEW
    sizes = [(few // FEW, given.width, weights), (few, given.width, weights)]
    sizes += [(few, NARROW * given.width, narrow), (given.pictures, NARROW * given.width, narrow)]
    if given.whole:
        sizes.append((given.pictures, given.width, weights))
    found = []
    for count, width, path in sizes:
        folder = place / str(count)
        if not folder.exists():
            folder.mkdir()
            for i in range(count):
                (folder / f"{i:06d}.jpg").write_bytes(picture(i))
        print(f"tagging {count:,} pictures at width {width:g}", flush=True)
        found.append({"width": width} | in_a_fresh_process("tag_a_folder", path, folder, given.batch))
    return found


def main(given: argparse.Namespace) -> None:
    """Measure everything and write the record."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        weights = write_weights(place, given.width)
        setting = {"image_size": 224, "side_of_pictures": SIDE}
        record = {
            "machine": describe_machine(),
            "setting": setting | {name: getattr(given, name) for name in ("width", "batch", "runs")},
            "speed": speed(weights["vgg_nin"], given.batch, given.batches, given.runs),
            "load": measure_loading(place, weights, given.width),
            "folder": measure_folders(place, weights["vgg_nin"], given),
        }
    given.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=5000, help="in the folder (default 5000)")
    parser.add_argument("--batch", type=int, default=32, help="pictures at a time (default 32)")
    parser.add_argument("--batches", type=int, default=1, help="in a run (default 1)")
    parser.add_argument("--runs", type=int, default=5, help="paired runs (default 5)")
    parser.add_argument("--width", type=float, default=1.0, help="of the networks; less for a try (default 1)")
    parser.add_argument("--whole", action="store_true", help="tag the whole folder at full width too")
    parser.add_argument("--out", type=Path, default=RECORDS)
    parser.add_argument("--alone", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone:
        print(json.dumps(ALONE[arguments.alone[0]](*arguments.alone[1:])))
    else:
        main(arguments)
