"""How a run keeps what it builds: once in memory, on disk under a name that tells what it was made from."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
from filelock import FileLock, Timeout

from i2v_lib.system.distributed import from_first, on_first, rank, ranks
from i2v_lib.system.files import discard_unfinished, whole, write_text

Self = TypeVar("Self", bound="Artifacts")
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def once(method: Callable[Concatenate[Self, Arguments], Result]) -> Callable[Concatenate[Self, Arguments], Result]:
    """Keep what a method of :class:`Artifacts` returned, by its arguments, however they were written.

    What rank 0 made by itself, all ranks have yet to make together; so their number counts as well.
    """
    signature = inspect.signature(method)

    @functools.wraps(method)
    def kept(self: Self, /, *arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        bound = signature.bind(self, *arguments, **named)
        bound.apply_defaults()
        key = (method.__qualname__, ranks(), *bound.args[1:])
        if key not in self._kept:
            self._kept[key] = method(self, *arguments, **named)
        return self._kept[key]

    return kept


class Artifacts:
    """A folder of things built, and how long each took.

    An artifact's name carries a digest of its inputs. So nothing built is ever overwritten: after a change of a
    setting the old artifact stays, and changing the setting back finds it again. However many processes ask for an
    artifact at once, it is built once; under ``torchrun`` all ranks must ask for the same in the same order.

    Parameters
    ----------
    folder : made when something is first written
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._kept: dict[tuple, Any] = {}

    def seconds(self) -> dict[str, float]:
        """How long each stage took when it was last built."""
        path = self.folder / "seconds.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def built(self, name: str, stands: Callable[[], bool], build: Callable[[], Any], together: bool = False) -> None:
        """Build something unless it stands on disk.

        Parameters
        ----------
        name : of the lock that keeps other processes out; they wait, then find it standing
        stands : whether it is there, whole
        build : puts it there
        together : under ``torchrun``, all ranks build it; otherwise rank 0 does while the others wait
        """
        if from_first(stands()):
            return
        if together and ranks() > 1:
            with self._lock(name, needed=rank() == 0):
                if not from_first(stands()):  # the others wait here for rank 0, and rank 0 for the lock
                    build()
                from_first(None)
            return

        def build_alone() -> None:
            with self._lock(name):
                if not stands():
                    build()

        on_first(build_alone)

    def stored(
        self, name: str, inputs: dict[str, Any], build: Callable[[], np.ndarray], together: bool = False
    ) -> np.ndarray:
        """An array kept in ``arrays/``, built unless it stands there with the same inputs; see :meth:`built`."""
        path = self.folder / "arrays" / f"{name}-{digest(inputs)}.npy"

        def write() -> None:
            array = build()
            if rank() == 0:
                path.parent.mkdir(parents=True, exist_ok=True)
                discard_unfinished(path.parent)
                with whole(path) as file:
                    np.save(file, array)

        self.built(path.stem, path.exists, write, together)
        return np.load(path)

    @contextmanager
    def _lock(self, name: str, needed: bool = True) -> Iterator[None]:
        """Keep other processes out; the kernel lets them in when this one is done, or dead."""
        if not needed:
            yield
            return
        folder = self.folder / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        lock, holder = FileLock(folder / f"{name}.lock"), folder / f"{name}.holder"
        try:
            lock.acquire(timeout=0)
        except Timeout:
            who = holder.read_text(encoding="utf-8") if holder.exists() else "another process"
            print(f"waiting for {who}, which builds {name}; Ctrl-C stops this one alone", file=sys.stderr, flush=True)
            lock.acquire()
        try:
            write_text(holder, f"process {os.getpid()} on {socket.gethostname()}")
            yield
        finally:
            holder.unlink(missing_ok=True)
            lock.release()

    @contextmanager
    def timed(self, stage: str, keep_longer: bool = False) -> Iterator[None]:
        """Note a stage's wall time; of a stage that may be read from disk, ``keep_longer`` keeps the building's."""
        start = time.perf_counter()
        yield
        taken, known = time.perf_counter() - start, self.seconds()
        if keep_longer:
            taken = max(taken, known.get(stage, 0.0))
        if rank() == 0:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_text(self.folder / "seconds.json", json.dumps(known | {stage: round(taken, 1)}, indent=2))


def digest(inputs: dict[str, Any]) -> str:
    """A short name for a set of inputs."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:8]
