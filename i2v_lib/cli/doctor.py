"""What this machine lacks to run the kit, and the cure for each: ``python -m i2v_lib doctor``.

A check is a function that returns a :class:`Check`; :func:`examine` calls them all.
"""

from __future__ import annotations

import math
import os
import platform
import shutil
import tempfile
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import psutil
from packaging.requirements import Requirement
from packaging.version import Version

from i2v_lib.cli.options import require_writable
from i2v_lib.config import Config, home, run_folder
from i2v_lib.data.collection import RATINGS
from i2v_lib.data.shuffle import FITS
from i2v_lib.data.stores import choose_store, store_bytes

PINS = Path(__file__).resolve().parent.parent / "requirements.txt"
LIBRARIES = ("torch", "torchvision", "numpy", "scikit-learn", "pillow", "pyarrow", "matplotlib", "papermill")
VGG16 = "vgg16-397923af.pth"  # torchvision's file of ImageNet weights
PAPER_PICTURES = 1_287_596  # §3.1
FEATURES = 4096  # of VGG-16's last fully connected layer, float32
GIB = 2**30


class Check(NamedTuple):
    """One finding: its status is "ok", "note" (the kit runs, with a difference) or "fatal"."""

    status: str
    text: str
    cure: str = ""


def versions() -> Check:
    """Python, the kit and the libraries that decide results."""
    installed = {d.metadata["Name"].lower(): d.version for d in metadata.distributions()}
    found = ", ".join(f"{name} {installed.get(name, 'missing')}" for name in ("i2v-lib", *LIBRARIES))
    system = f"{platform.system()} {platform.machine()}"
    return Check("ok", f"Python {platform.python_version()} on {system}; {found}")


def pins(path: Path = PINS) -> Check:
    """Installed libraries against the exact pins; a local build such as 2.15.0+cpu counts as its release."""
    if not path.exists():
        return Check("note", f"{path} is missing: versions are not compared", "install the kit from a clone")
    lines = path.read_text(encoding="utf-8").splitlines()
    required = [pin for pin in map(Requirement, lines) if pin.marker is None or pin.marker.evaluate()]
    missing, others = [], []
    for pin in required:
        try:
            installed = metadata.version(pin.name)
        except metadata.PackageNotFoundError:
            missing.append(pin.name)
            continue
        if not pin.specifier.contains(Version(installed).public, prereleases=True):
            others.append(f"{pin.name} {installed} instead of {str(pin.specifier).removeprefix('==')}")
    cure = "rebuild the environment: make clean, then make lab; or pip install -r requirements.txt"
    if missing:
        return Check("fatal", f"not installed: {_few(missing)}", cure)
    if others:
        return Check("note", f"other versions than pinned: {_few(others)}; numbers may differ slightly", cure)
    return Check("ok", f"all {len(required)} pinned libraries are installed")


def torch_pair() -> Check:
    """Whether torch and torchvision are builds for each other, which shows only when they are imported."""
    try:
        import torch  # noqa: F401
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError, OSError) as error:
        text = f"torch and torchvision cannot be imported together ({error})"
        return Check("fatal", text, "install both from the same place: pip install -r requirements.txt")
    return Check("ok", "torch and torchvision match")


def device() -> Check:
    """The accelerator that training will use, and whether it computes what the CPU computes."""
    import torch

    if not torch.accelerator.is_available():
        return Check("ok", "no accelerator: everything runs on the CPU, as the demo preset expects")
    accelerator = torch.accelerator.current_accelerator()
    name = torch.cuda.get_device_name() if accelerator.type == "cuda" else accelerator.type
    pairs = list(zip(two_steps("cpu"), two_steps(accelerator.type), strict=True))
    difference = max(abs(a - b) for a, b in pairs)
    text = f"{torch.accelerator.device_count()} × {name}; two steps end {difference:.0e} off the CPU's"
    if not all(math.isclose(a, b, rel_tol=1e-2) for a, b in pairs):  # TF32 keeps 1e-3
        return Check("fatal", text, "update its driver, or hide it (on NVIDIA: export CUDA_VISIBLE_DEVICES=)")
    return Check("ok", text)


def two_steps(device: str) -> list[float]:
    """Losses of a small convolutional network before, between and after two steps of gradient descent."""
    import torch
    from torch import nn

    generator = torch.Generator().manual_seed(0)
    images = torch.randn(8, 3, 16, 16, generator=generator).to(device)
    targets = (torch.rand(8, 5, generator=generator) < 0.5).float().to(device)
    network = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 5, 3),
        nn.AdaptiveAvgPool2d(1),
    )
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) * 0.1)
    network.to(device)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.5)
    losses = []
    for _ in range(3):
        loss = nn.functional.binary_cross_entropy_with_logits(network(images).flatten(1), targets)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses


def threads() -> Check:
    """Threads that PyTorch computes with, against the machine's cores."""
    import torch

    used, cores = torch.get_num_threads(), psutil.cpu_count(logical=False) or os.cpu_count()
    text = f"{used} thread{'s' if used > 1 else ''} on {cores} cores"
    if used < cores:
        return Check("note", text, f"training on the CPU is faster with all: export OMP_NUM_THREADS={cores}")
    return Check("ok", text)


def memory(config: Config) -> Check:
    """Free memory against what the largest stage holds: the pre-trained net's features of every picture, and targets.

    The pixels take none that anything else needs; where they fit memory beside it, they are read from the disk once.
    """
    tags = config.general_tags + config.copyright_tags + config.character_tags + len(RATINGS)
    needed = 2 * GIB + _pictures(config) * (FEATURES * 4 + tags)
    free, total = psutil.virtual_memory().available, psutil.virtual_memory().total
    text = f"{_gib(free)} of memory free, {config.preset} needs about {_gib(needed)}"
    pixels = store_bytes(_store(config), _pictures(config), config.stored_size)
    if pixels > FITS * total:
        text += f"; its pictures, {_gib(pixels)}, are more than the memory: they are shuffled in blocks"
    if free < needed:
        return Check("note", text, "close other programs, or choose fewer pictures: --set pictures=…")
    return Check("ok", text)


def disk(config: Config) -> Check:
    """Free space where ``runs/`` lies against what a run writes: pixels, features, weights, checkpoints."""
    store = _store(config)
    pixels = store_bytes(store, _pictures(config), config.stored_size)
    needed = GIB + _pictures(config) * FEATURES * 4 + pixels
    folder = next(f for f in (run_folder(config), *run_folder(config).parents) if f.exists())
    free = shutil.disk_usage(folder).free
    kept = "packed as JPEG" if store == "jpeg" else "as pixels"
    text = f"{_gib(free)} of disk free below {folder}, {config.preset} needs about {_gib(needed)}, "
    text += f"{_gib(pixels)} of them for pictures {kept}"
    if free < needed:
        return Check("fatal", text, "free some space, or set I2V_HOME to a folder on a larger disk")
    return Check("ok", text)


def writable() -> Check:
    """Whether runs and figures can be written."""
    try:
        require_writable(home())
    except OSError as error:
        text, _, cure = str(error).rpartition("; ")
        return Check("fatal", text, cure)
    return Check("ok", f"runs/ and figures/ can be written in {home()}")


def imagenet_weights(config: Config) -> Check:
    """Whether VGG-16's ImageNet weights, which the "Pre-trained net" wants, are cached."""
    import torch

    path = Path(torch.hub.get_dir()) / "checkpoints" / VGG16
    if path.exists():
        return Check("ok", f"ImageNet weights of VGG-16 are cached in {path.parent}")
    if config.pretrained == "surrogate":
        return Check("ok", f"{config.preset} needs no ImageNet weights: its pre-trained net is a surrogate")
    text = "ImageNet weights of VGG-16 are not cached: they are fetched or, offline, a surrogate is used"
    return Check("note", text, f"to have them offline, copy {VGG16} into {path.parent}")


def released_weights() -> Check:
    """Whether the authors' files are where the tagger looks for them, and not cut short."""
    from i2v_lib.models.released.files import CONVERTED, SOURCES, find_released, missing_released, released_folder

    folder, found = released_folder(), find_released()
    cure = "the README's section on tagging says where it can be had"
    if not found:
        return Check("ok", f"the authors' weights are not in {folder}: tags are those of a run of yours")
    for kind in ("tags", "features"):
        path, least = found.get(f"{kind[:-1]}_model"), 4 * SOURCES[kind].parameters
        if path and path.suffix != CONVERTED and path.stat().st_size < least:
            text = f"{path} has {path.stat().st_size:,} bytes, of at least {least:,}: it is not whole"
            return Check("note", text, f"fetch it again; {cure}")
    needs = {kind: missing_released([kind]) for kind in ("tags", "features")}
    text = "; ".join(f"{kind}: {'lacks ' + ', '.join(lacks) if lacks else 'there'}" for kind, lacks in needs.items())
    complete = not any(needs.values())
    return Check("ok" if complete else "note", f"the authors' weights in {folder}: {text}", "" if complete else cure)


def ask_source(source: str, base_url: str | None = None) -> list[Check]:
    """Ask a booru three things, whole rows, a page and a picture, and compare its answers with those we expect.

    Parameters
    ----------
    source : a key of :data:`i2v_lib.config.SOURCES`
    base_url : another address of it, such as a test server's
    """
    import httpx2  # noqa: F401  says what is missing before anything is asked

    from i2v_lib.collect.booru.policy import Policy, exclude
    from i2v_lib.collect.booru.replies import StopCollecting
    from i2v_lib.collect.booru.sites import Access, connect

    cure = "read what changed on the site before you collect; this kit was written for answers of May 2026"
    checks = []
    try:
        with connect(source, Access(base_url=base_url)) as site:
            differences = site.check()
            text = "; ".join(differences) or f"{source} answers {site.query!r}, and its rows have the keys we expect"
            checks.append(Check("note" if differences else "ok", text, cure if differences else ""))
            post = next((post for post in site.page(None).posts if exclude(post, Policy()) is None), None)
            preview = min(post.variants, key=lambda v: v.width * v.height or math.inf) if post else None
            if preview is None:
                return [*checks, Check("note", "no post of the first page may be fetched", cure)]
            with tempfile.TemporaryDirectory() as folder:
                file = site.web.download(preview.url, Path(folder) / "preview", limit=2**24)
            checks.append(Check("ok", f"a preview came whole: {file.size:,} bytes of {file.ext}"))
    except (StopCollecting, LookupError, OSError) as error:
        away = getattr(error, "reason", "") in ("unreachable", "connection", "timeout")
        there = "see whether this machine reaches the internet, and whether the site is up" if away else cure
        checks.append(Check("fatal", f"{source}: {error}", there))
    return checks


def examine(config: Config) -> list[Check]:
    """Run every check; those that need PyTorch only when it can be imported."""
    pair = torch_pair()
    checks = [versions(), pins(), pair, memory(config), disk(config), writable(), released_weights()]
    if pair.status == "ok":
        checks += [device(), threads(), imagenet_weights(config)]
    return checks


def report(checks: list[Check]) -> str:
    """One line a check, its cure below it, and a verdict; the user's folder is shown as ``~``."""
    lines = []
    for check in checks:
        lines.append(f"{check.status:5}  {check.text}")
        if check.cure:
            lines.append(f"       → {check.cure}")
    fatal = sum(check.status == "fatal" for check in checks)
    lines.append(f"{fatal} problem{'s' if fatal > 1 else ''} to cure first" if fatal else "ready")
    user = Path.home()
    return "\n".join(lines).replace(str(user), "~") if user != Path(user.anchor) else "\n".join(lines)


def _pictures(config: Config) -> int:
    """Pictures of a run; a preset that draws none is meant for a collection of the paper's size."""
    return config.pictures or PAPER_PICTURES


def _store(config: Config) -> str:
    """How the pixels of a run are kept on this disk."""
    if config.pixel_store != "auto":
        return config.pixel_store
    return choose_store(_pictures(config), config.stored_size, run_folder(config))


def _few(names: list[str], shown: int = 5) -> str:
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")


def _gib(count: int) -> str:
    return f"{count / GIB:.1f} GiB"
