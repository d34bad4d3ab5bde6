"""Weights and checkpoints on disk: one safetensors file each, its header holding the rest as JSON.

A file appears under its name only when it is whole, and no pickle is ever read. Of one training the last two
checkpoints are kept, so that one stands whatever becomes of the other, and the weights of the best epoch.
"""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import warnings
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from i2v_lib.models.steps import TrainingStep
from i2v_lib.system.distributed import from_first, rank, ranks
from i2v_lib.system.files import discard_unfinished, whole_path

HEADER = "i2v_lib"  # the entry of the safetensors header that holds our JSON
SPARE = 1 << 20  # bytes asked for beside the tensors
MOMENTS = ("exp_avg", "exp_avg_sq")  # Adam's
ATTEMPTS = 3  # checkpoints in a row that may fail to be written before training stops


class DamagedFileError(ValueError):
    """A file that is cut short, altered, or not of this kit."""


def save_weights(path: Path | str, network: nn.Module, metadata: dict[str, Any]) -> None:
    """Write a network's parameters and buffers.

    Parameters
    ----------
    path : file to write, ``….safetensors``; an older one is replaced only by a whole new one
    network : on any device
    metadata : what JSON can hold: architecture, vocabulary, fingerprint

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


def save_checkpoint(path: Path, training_step: TrainingStep, metadata: dict[str, Any]) -> None:
    """Write all that training needs to go on: weights, the optimizer's state, the average, and JSON ``metadata``.

    Raises
    ------
    FloatingPointError
        If a weight is not finite; no file is written.
    OSError
        If the disk is full or the folder cannot be written.
    """
    tensors = _training_tensors(training_step)
    broken = [name for name, t in tensors.items() if t.is_floating_point() and not t.isfinite().all()]
    if broken:
        raise FloatingPointError(
            f"{', '.join(broken[:3])}: no longer finite, so {path} was not written; lower learning_rate"
        )
    _write(path, tensors, {**metadata, "crc32": {name: _checksum(t) for name, t in tensors.items()}})


def load_checkpoint(path: Path, training_step: TrainingStep) -> dict[str, Any]:
    """Bring a training to where a checkpoint left it; return its metadata.

    Raises
    ------
    DamagedFileError
        If the file is not what was written; nothing is changed then.
    ValueError
        If it is of another network.
    """
    tensors, metadata = _read(path)
    sums = metadata["crc32"]
    altered = [name for name in sums if name in tensors and _checksum(tensors[name]) != sums[name]]
    if altered:
        raise DamagedFileError(f"{path} is damaged: {', '.join(altered[:3])} are not what was written; delete it")
    start_optimizer(training_step)
    current = _training_tensors(training_step)
    _check_tensors(path, tensors, current)
    with torch.no_grad():
        for name, tensor in current.items():
            tensor.copy_(tensors[name])
    return metadata


def start_optimizer(training_step: TrainingStep) -> None:
    """Give the optimizer the state that its first step would give it, all zeros."""
    for parameter in training_step.network.parameters():
        moments = {name: torch.zeros_like(parameter) for name in MOMENTS}
        training_step.optimizer.state[parameter] = {"step": torch.zeros((), device=parameter.device), **moments}


def check_resumable(path: Path, settings: dict[str, Any], machine: dict[str, Any], force: bool) -> None:
    """Compare a checkpoint's ``settings`` and ``machine`` with those it would be resumed under.

    A changed machine only warns, that the weights may not be bit for bit what they would have been.

    Raises
    ------
    ValueError
        If a setting changed and ``force`` is not set; the message names each.
    """
    saved, settings = read_metadata(path), json.loads(json.dumps(settings))
    if saved["settings"] != settings and not force:
        changes = _differences(saved["settings"], settings)
        raise ValueError(
            f"{path} was written under other settings: {changes}; "
            "delete it to train from the start, or pass force=True to continue from it"
        )
    if saved["machine"] != machine:
        changes = _differences(saved["machine"], machine)
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


class KeptCheckpoints:
    """Checkpoints in a folder; rank 0 writes them, all ranks read the same one.

    ``checkpoint-00001000.safetensors`` is of 1,000 steps. ``best.safetensors`` holds the weights of the best epoch.

    Parameters
    ----------
    folder : which exists
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.last: Path | None = None  # the newest that is known to be whole
        self.failures = 0  # in a row

    def load(self, training_step: TrainingStep, check: Callable[[Path], None]) -> dict[str, Any] | None:
        """Go back to the newest checkpoint that can be read; warn of each that cannot.

        Parameters
        ----------
        training_step : brought to where the checkpoint left it
        check : called with each file first; what it raises goes through, unless the file is unreadable

        Returns
        -------
        the checkpoint's metadata, or None where there is none yet

        Raises
        ------
        ValueError
            If there are checkpoints and none can be read.
        """
        found = from_first(_newest_first(self.folder))
        for path in found:
            damage, metadata = None, None
            try:
                check(path)
                metadata = load_checkpoint(path, training_step)
            except (DamagedFileError, OSError) as error:
                damage = str(error)
            if from_first(damage) is None:
                if damage is not None:
                    raise OSError(f"rank 0 can read {path}, rank {rank()} cannot: {damage}")
                self.last = path
                return metadata
            warnings.warn(f"{damage}; going on from the one before", stacklevel=4)
        if found:
            names = ", ".join(path.name for path in found)
            raise ValueError(f"{self.folder}: no checkpoint can be read ({names}); delete them to train from the start")
        return None

    def save(self, training_step: TrainingStep, metadata: dict[str, Any], step: int, stopping: bool = False) -> bool:
        """Write a checkpoint, and remove those older than the one before.

        A full disk does not end a training at once: it goes on, and the next checkpoint tries again.

        Parameters
        ----------
        stopping : there will be no next one

        Returns
        -------
        whether it was written

        Raises
        ------
        OSError
            If this is the third in a row that could not be written, or there will be no next one.
        """
        path = self.folder / f"checkpoint-{step:08d}.safetensors"
        try:
            save_checkpoint(path, training_step, metadata)
        except OSError as error:
            self.failures += 1
            if stopping or self.failures == ATTEMPTS:
                raise
            left = f"{ATTEMPTS - self.failures} more before training stops"
            warnings.warn(f"no checkpoint of step {step}: {error}; trying again at the next one, {left}", stacklevel=4)
            return False
        self.failures = 0
        for old in self.folder.glob("checkpoint*"):
            if old not in (path, self.last):
                old.unlink()
        discard_unfinished(self.folder, idle=0)  # which killed processes left; a training has its folder to itself
        self.last = path
        return True

    def save_best(self, training_step: TrainingStep, metadata: dict[str, Any]) -> None:
        """Write the weights of the best epoch so far, if the disk has room for them."""
        path = self.folder / "best.safetensors"
        try:
            save_weights(path, training_step.result, metadata)
        except OSError as error:
            warnings.warn(f"the best epoch's weights were not kept: {error}", stacklevel=4)

    def remove(self) -> None:
        """Remove the checkpoints of a training that is at its end; the best epoch's weights stay."""
        for path in self.folder.glob("checkpoint*"):
            path.unlink()
        discard_unfinished(self.folder, idle=0)


def _newest_first(folder: Path) -> list[Path]:
    """Checkpoints by their steps."""
    return sorted(folder.glob("checkpoint-*.safetensors"), key=lambda path: (len(path.name), path.name), reverse=True)


def _differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Entries that changed, for an error message."""
    names = [name for name in sorted(then.keys() | now.keys()) if then.get(name) != now.get(name)]
    return "; ".join(f"{name} was {then.get(name)!r}, is {now.get(name)!r}" for name in names)


def _training_tensors(training_step: TrainingStep) -> dict[str, torch.Tensor]:
    """Every tensor of a training, by name: ``…``, ``optimizer/exp_avg/…``, ``average/…``."""
    tensors = dict(training_step.network.state_dict())
    for name, parameter in training_step.network.named_parameters():
        for key, value in training_step.optimizer.state[parameter].items():
            tensors[f"optimizer/{key}/{name}"] = value
    if training_step.average:
        tensors |= {f"average/{name}": value for name, value in training_step.average.state_dict().items()}
    return tensors


def _checksum(tensor: torch.Tensor) -> int:
    return zlib.crc32(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)


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
        cure = "if a training left it there, delete it to train from the start"
        raise DamagedFileError(f"{path} is damaged or was not written by this kit ({error}); {cure}") from error


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
