"""Work through a long list of tasks: in threads, with progress, stoppable at any time, resumable after a kill."""

from __future__ import annotations

import hashlib
import time
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from i2v_lib.system.files import discard_unfinished, whole
from i2v_lib.system.progress import progress_bar

BATCH = 32  # tasks of a thread between two looks at the clock; for a moment all threads rest
INTERVAL = 60  # seconds between two writings of what is found


def sweep(
    tasks: np.ndarray,
    work: Callable[[np.ndarray], None],
    keys: np.ndarray,
    inputs: Sequence,
    threads: int = 1,
    progress: bool = False,
    folder: Path | None = None,
) -> None:
    """Do every task.

    Ctrl-C cancels the tasks that have not begun and waits for those that have.

    Parameters
    ----------
    tasks : int array, shape (T, ...); what they do must not depend on the number of threads
    work : does one task; it changes ``keys`` in place, and in threads takes care that no other task does there
    keys : int64 array, shape (Q, K): neighbors, packed as :mod:`~i2v_lib.search.packed_neighbors` says
    inputs : arrays and numbers that decide the answer; the name of what is kept in the folder comes from them
    threads : that work at once
    progress : show a bar, which counts queries
    folder : where what is found is kept once a minute, and removed at the end. A search of the same inputs goes on
        from there; None keeps nothing

    Raises
    ------
    ValueError
        If what is kept in the folder cannot be read.
    """
    kept = None if folder is None else Path(folder) / f"neighbors-{_digest([tasks, keys, *inputs])}.npz"
    done = 0 if kept is None else _load(kept, keys)

    def queries_done() -> int:
        return len(keys) * done // max(len(tasks), 1)

    written = time.monotonic()
    bar = progress_bar("neighbors" if progress else None, len(keys), queries_done(), unit="queries")
    with bar, ThreadPoolExecutor(threads) as pool:
        while done < len(tasks):
            batch = tasks[done : done + BATCH * threads]
            list(pool.map(work, batch))
            done += len(batch)
            bar.update(queries_done() - bar.n)
            if kept is not None and time.monotonic() - written >= INTERVAL:
                _save(kept, keys, done)
                written = time.monotonic()
    if kept is not None:
        kept.unlink(missing_ok=True)
        discard_unfinished(kept.parent)


def _digest(inputs: Sequence) -> str:
    """A short name for arrays and numbers, by their bytes; an array is read a few rows at a time."""
    found = hashlib.sha256()
    for value in inputs:
        if isinstance(value, np.ndarray):
            found.update(repr((value.shape, value.dtype.str)).encode())
            for start in range(0, len(value), 4096):
                found.update(np.ascontiguousarray(value[start : start + 4096]).data)
        else:
            found.update(repr(value).encode())
    return found.hexdigest()[:16]


def _load(path: Path, keys: np.ndarray) -> int:
    """Fill ``keys`` with what was found before; the number of tasks that took, 0 if there is nothing."""
    if not path.exists():
        return 0
    try:
        with np.load(path) as file:
            keys[:] = file["keys"]
            return int(file["done"])
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} cannot be read ({error}); delete it, and the search starts again") from error


def _save(path: Path, keys: np.ndarray, done: int) -> None:
    """Replace the file at once: a kill leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as file:
        np.savez(file, keys=keys, done=done)
