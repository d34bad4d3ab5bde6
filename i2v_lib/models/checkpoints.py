"""Weights and checkpoints on disk: one safetensors file each, its header holding the rest as JSON.

A file appears under its name only when it is whole, and no pickle is ever read.
"""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from i2v_lib.models.steps import Stepper
from i2v_lib.system.distributed import ranks
from i2v_lib.system.files import whole_path

HEADER = "i2v_lib"  # the entry of the safetensors header that holds our JSON
SPARE = 1 << 20  # bytes asked for beside the tensors
MOMENTS = ("exp_avg", "exp_avg_sq")  # Adam's


class DamagedFile(ValueError):
    """A file that is cut short, altered, or not of this kit."""


UNWRITTEN = {"accumulate": 1, "ema": 0.0, "compiled": "auto", "shuffle": [0, 0]}  # as version 0.1 of the kit had them


def save_weights(path: Path | str, network: nn.Module, metadata: dict[str, Any]) -> None:
    """Write a network's parameters and buffers.

    Parameters
    ----------
    path : file to write, ``….safetensors``; an older one is replaced only by a whole new one
    network : on any device
    metadata : what JSON can hold: config, vocabulary, fingerprint

    Raises
    ------
    OSError
        If the disk is full or the folder cannot be written.
    """
    _write(Path(path), dict(network.state_dict()), metadata)


def load_weights(path: Path | str, network: nn.Module) -> dict[str, Any]:
    """Fill a network with saved weights and return the metadata saved with them.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, or its tensors are not the network's in name and shape.
    """
    tensors, metadata = _read(Path(path))
    _check_tensors(Path(path), tensors, network.state_dict())
    network.load_state_dict(tensors)
    return metadata


def read_metadata(path: Path | str) -> dict[str, Any]:
    """Metadata of a weights or checkpoint file, without reading its tensors."""
    return _read(Path(path), tensors=False)[1]


def save_checkpoint(path: Path, stepper: Stepper, metadata: dict[str, Any]) -> None:
    """Write all that training needs to go on: weights, the optimizer's state, the average, and JSON ``metadata``.

    Raises
    ------
    FloatingPointError
        If a weight is not finite; no file is written.
    OSError
        If the disk is full or the folder cannot be written.
    """
    tensors = _training_tensors(stepper)
    broken = [name for name, t in tensors.items() if t.is_floating_point() and not t.isfinite().all()]
    if broken:
        raise FloatingPointError(
            f"{', '.join(broken[:3])}: no longer finite, so {path} was not written; lower learning_rate"
        )
    _write(path, tensors, {**metadata, "crc32": {name: _checksum(t) for name, t in tensors.items()}})


def load_checkpoint(path: Path, stepper: Stepper) -> dict[str, Any]:
    """Bring a training to where a checkpoint left it; return its metadata.

    Raises
    ------
    DamagedFile
        If the file is not what was written; nothing is changed then.
    ValueError
        If it is of another network.
    """
    tensors, metadata = _read(path)
    sums = metadata.get("crc32", {})  # the kit's version 0.1 wrote none
    altered = [name for name in sums if name in tensors and _checksum(tensors[name]) != sums[name]]
    if altered:
        raise DamagedFile(f"{path} is damaged: {', '.join(altered[:3])} are not what was written; delete it")
    start_optimizer(stepper)
    current = _training_tensors(stepper)
    _check_tensors(path, tensors, current)
    with torch.no_grad():
        for name, tensor in current.items():
            tensor.copy_(tensors[name])
    return metadata


def start_optimizer(stepper: Stepper) -> None:
    """Give the optimizer the state that its first step would give it, all zeros."""
    for parameter in stepper.network.parameters():
        moments = {name: torch.zeros_like(parameter) for name in MOMENTS}
        stepper.optimizer.state[parameter] = {"step": torch.zeros((), device=parameter.device), **moments}


def check_resumable(path: Path, settings: dict[str, Any], machine: dict[str, Any], force: bool) -> None:
    """Compare a checkpoint's ``settings`` and ``machine`` with those it would be resumed under.

    A changed machine only warns, that the weights may not be bit for bit what they would have been.

    Raises
    ------
    ValueError
        If a setting changed and ``force`` is not set; the message names each.
    """
    saved, settings = read_metadata(path), json.loads(json.dumps(settings))
    before = {**UNWRITTEN, "dataset": settings.get("dataset"), **saved["settings"]}
    if before != settings and not force:
        changes = _differences(before, settings)
        raise ValueError(
            f"{path} was written under other settings: {changes}; "
            "delete it to train anew, or pass force=True to go on from it"
        )
    then = {"ranks": 1, **saved["machine"]}
    if then != machine:
        changes = _differences(then, machine)
        warnings.warn(f"resumed weights may differ in their last bits: {changes}", stacklevel=4)


def machine(device: torch.device) -> dict[str, Any]:
    """What can change the last bits of a result, by name."""
    return {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "mkldnn": torch.backends.mkldnn.is_available(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "ranks": ranks(),
    }


def _differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Entries that changed, for an error message."""
    names = [name for name in sorted(then.keys() | now.keys()) if then.get(name) != now.get(name)]
    return "; ".join(f"{name} was {then.get(name)!r}, is {now.get(name)!r}" for name in names)


def _training_tensors(stepper: Stepper) -> dict[str, torch.Tensor]:
    """Every tensor of a training, by name: ``…``, ``optimizer/exp_avg/…``, ``average/…``."""
    tensors = dict(stepper.network.state_dict())
    for name, parameter in stepper.network.named_parameters():
        for key, value in stepper.optimizer.state[parameter].items():
            tensors[f"optimizer/{key}/{name}"] = value
    if stepper.average:
        tensors |= {f"average/{name}": value for name, value in stepper.average.state_dict().items()}
    return tensors


def _checksum(tensor: torch.Tensor) -> int:
    return zlib.crc32(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())


def _check_tensors(path: Path, found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    """Refuse tensors that are not the expected ones in name and shape."""
    differences = [
        f"{name}: {_shape(found.get(name))} in the file, {_shape(expected.get(name))} in the network"
        for name in sorted(found.keys() | expected.keys())
        if _shape(found.get(name)) != _shape(expected.get(name))
    ]
    if differences:
        raise ValueError(
            f"{path} is of another network, in {len(differences)} tensors; {'; '.join(differences[:3])}. "
            "Build the network with the width, image_size and tags it was saved with"
        )


def weights_digest(*networks: nn.Module) -> str:
    """SHA-256 of the names, shapes and values of networks' tensors, on whatever device."""
    digest = hashlib.sha256()
    for network in networks:
        for name, tensor in network.state_dict().items():
            digest.update(f"{name} {tuple(tensor.shape)}\n".encode())
            digest.update(tensor.cpu().contiguous().numpy())
    return digest.hexdigest()


def _shape(tensor: torch.Tensor | None) -> str:
    return "absent" if tensor is None else " × ".join(map(str, tensor.shape)) or "a number"


def _read(path: Path, tensors: bool = True) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors (if wanted) and JSON of a file of ours."""
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; check the path, or train the network first")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = json.loads((file.metadata() or {})[HEADER])
            return {name: file.get_tensor(name) for name in file.keys()} if tensors else {}, metadata  # noqa: SIM118
    except (SafetensorError, KeyError, ValueError) as error:
        cure = "if a training left it there, delete it to train anew"
        raise DamagedFile(f"{path} is damaged or was not written by this kit ({error}); {cure}") from error


def _write(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, Any]) -> None:
    """Write a file if the disk has room for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    needed = sum(t.numel() * t.element_size() for t in tensors.values()) + SPARE
    check_space(path, needed)
    contiguous = {name: t.detach().contiguous() for name, t in tensors.items()}
    try:
        with whole_path(path) as temporary:
            save_file(contiguous, temporary, {HEADER: json.dumps(metadata)})
    except (OSError, SafetensorError) as error:
        check_space(path, needed)
        text = f"could not be written ({error}); what was written before is intact"
        raise OSError(getattr(error, "errno", None) or errno.EIO, text, str(path)) from error


def check_space(path: Path, needed: int) -> None:
    """Raise OSError unless the disk that a path lies on has ``needed`` free bytes."""
    free = shutil.disk_usage(path.parent).free
    if free < needed:
        raise OSError(
            errno.ENOSPC,
            f"the disk is full: {needed:,} bytes needed, {free:,} free; what was written before is intact. "
            "Make room and run the same command again",
            str(path),
        )
