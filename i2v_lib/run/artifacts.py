"""How a run keeps what it builds: once in memory, on disk under a name that tells what it was made from."""

from __future__ import annotations

import functools
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np


def once(method: Callable) -> Callable:
    """Keep what a method of :class:`Artifacts` returned, by its arguments."""

    @functools.wraps(method)
    def kept(self: Artifacts, *arguments: Any) -> Any:
        key = (method.__name__, *arguments)
        if key not in self._kept:
            self._kept[key] = method(self, *arguments)
        return self._kept[key]

    return kept


class Artifacts:
    """A folder of things built, and how long each took.

    An artifact's name carries a digest of its inputs. So nothing built is ever overwritten: after a change of a
    setting the old artifact stays, and changing the setting back finds it again.

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

    def stored(self, name: str, inputs: dict[str, Any], build: Callable[[], np.ndarray]) -> np.ndarray:
        """An array kept in ``arrays/``, built unless it stands there with the same inputs."""
        path = self.folder / "arrays" / f"{name}-{digest(inputs)}.npy"
        if not path.exists():
            array = build()
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(".partial")
            with unfinished.open("wb") as file:
                np.save(file, array)
            unfinished.replace(path)
        return np.load(path)

    @contextmanager
    def timed(self, stage: str, keep_longer: bool = False) -> Iterator[None]:
        """Note a stage's wall time; of a stage that may be read from disk, ``keep_longer`` keeps the building's."""
        start = time.perf_counter()
        yield
        taken, known = time.perf_counter() - start, self.seconds()
        if keep_longer:
            taken = max(taken, known.get(stage, 0.0))
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "seconds.json").write_text(json.dumps(known | {stage: round(taken, 1)}, indent=2))


def digest(inputs: dict[str, Any]) -> str:
    """A short name for a set of inputs."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:8]
