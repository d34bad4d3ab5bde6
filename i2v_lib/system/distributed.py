"""Processes that work as one, started by ``torchrun``: which of them this is, and what all of them share.

Each process runs the same program. What is said here of all ranks holds for a process that is alone, too: it is rank 0
of 1, and nothing is sent anywhere.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import distributed
from torch.distributed.rendezvous import rendezvous

from i2v_lib.system.errors import RankError

ANSWER = timedelta(minutes=10)  # within which every rank takes part in a step
PATIENCE = timedelta(days=7)  # for what one rank does while the others wait, such as drawing a million pictures
SHOWN = 10  # seconds within which a shared folder shows a file on all machines

_patient: Any = None  # the group that waits long; None where this process is alone
_alone = False  # while rank 0 works by itself


@contextmanager
def process_group() -> Iterator[None]:
    """Join the processes that ``torchrun`` started with this one, each on a GPU of its own where there are any.

    Raises
    ------
    ValueError
        If a machine runs more processes than it has GPUs.
    RankError
        If another process stops while this one waits for it.
    """
    global _patient
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        yield
        return
    backend, local = "gloo", int(os.environ.get("LOCAL_RANK", 0))
    if torch.cuda.is_available():
        if local >= torch.cuda.device_count():
            count = torch.cuda.device_count()
            raise ValueError(f"--nproc-per-node is above this machine's {count} GPUs; start one process for each")
        torch.cuda.set_device(local)
        backend = "cpu:gloo,cuda:nccl"
    try:
        store, rank, ranks = next(rendezvous("env://", timeout=ANSWER))
        # after a restart the store is the same one, with the addresses of processes that are gone
        store = distributed.PrefixStore(f"attempt {os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)}", store)
        distributed.init_process_group(backend, store=store, rank=rank, world_size=ranks, timeout=ANSWER)
        _patient = distributed.new_group(backend="gloo", timeout=PATIENCE)
        yield  # after an error the group is left as it is: closing it would wait for ranks in the middle of a step
    except RuntimeError as error:
        if isinstance(error, distributed.DistError) or "/gloo/" in str(error):  # gloo's own has no class
            text = f"another process stopped, or cannot be reached ({str(error).splitlines()[0]:.200})"
            raise RankError(f"{text}; its own error says why") from error
        raise
    _patient = None
    distributed.destroy_process_group()


def default_device() -> torch.device:
    """This process's GPU, or the CPU where there is none."""
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")


def rank() -> int:
    """Number of this process, from 0."""
    return distributed.get_rank() if _together() else 0


def ranks() -> int:
    """How many processes there are on all machines."""
    return distributed.get_world_size() if _together() else 1


def total(values: Sequence[float | torch.Tensor], device: torch.device) -> list[float]:
    """Sums of numbers over all ranks, the same on each; waits for a GPU's work as ``.item()`` does."""
    if ranks() == 1:
        return [float(value) for value in values]
    tensor = torch.stack([torch.as_tensor(value, dtype=torch.float64, device=device) for value in values])
    distributed.all_reduce(tensor)
    return tensor.tolist()


def from_first(value: Any) -> Any:
    """What rank 0 passes, on all ranks, which wait for it however long it takes."""
    if ranks() == 1:
        return value
    values = [value]
    distributed.broadcast_object_list(values, src=0, group=_patient)
    return values[0]


def gather_rows(part: np.ndarray | None) -> np.ndarray:
    """Put the rows of all ranks one behind the other.

    Parameters
    ----------
    part : array, shape (n, …), this rank's rows; None where it has none

    Returns
    -------
    array, shape (n_0 + n_1 + …, …), on every rank
    """
    if ranks() == 1:
        return part
    kinds: list[Any] = [None] * ranks()
    distributed.all_gather_object(kinds, None if part is None else (part.shape, part.dtype.str), group=_patient)
    shape, dtype = next(kind for kind in kinds if kind)
    lengths = [kind[0][0] if kind else 0 for kind in kinds]
    whole, start = np.empty((sum(lengths), *shape[1:]), dtype), 0
    for source, length in enumerate(lengths):
        rows = whole[start : start + length]
        start += length
        if source == rank() and part is not None:
            rows[:] = part
        if rows.size:
            distributed.broadcast(torch.from_numpy(rows.reshape(-1).view(np.uint8)), source, group=_patient)
    return whole


def on_first(work: Callable[[], Any]) -> None:
    """Have rank 0 do some work by itself while the others wait; to it, it is then rank 0 of 1.

    Raises
    ------
    RankError
        On the other ranks, if the work fails; on rank 0 the error itself.
    """
    global _alone
    if ranks() == 1:
        work()
        return
    failure: BaseException | None = None
    if rank() == 0:
        _alone = True
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - the others must hear of it, whatever it is
            failure = error
        finally:
            _alone = False
    told = from_first(failure and f"{type(failure).__name__}: {failure}")
    if failure:
        raise failure
    if told:
        raise RankError(f"rank 0 stopped: {told}")


def require_shared(folder: Path) -> None:
    """Raise OSError on all ranks unless each sees in a folder what rank 0 writes there."""
    if ranks() == 1:
        return
    token = from_first(folder / f".seen-by-all-{secrets.token_hex(4)}")
    if rank() == 0:
        folder.mkdir(parents=True, exist_ok=True)
        token.touch()
    from_first(None)
    deadline = time.monotonic() + SHOWN
    while not (seen := token.exists()) and time.monotonic() < deadline:
        time.sleep(0.2)
    blind: list[Any] = [None] * ranks()
    distributed.all_gather_object(blind, None if seen else socket.gethostname(), group=_patient)
    if rank() == 0:
        token.unlink()
    missing = sorted({host for host in blind if host})
    if missing:
        raise OSError(f"{', '.join(missing)} cannot see {folder}; set I2V_HOME to a folder that all machines share")


def _together() -> bool:
    return _patient is not None and not _alone
