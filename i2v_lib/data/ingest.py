"""The long part of an import: every picture read once, each result noted so that a killed run can go on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from i2v_lib.data.duplicates import perceptual_hash
from i2v_lib.data.images import BadImageError, decode_reduced, resize_image
from i2v_lib.data.packed import PackedPixels
from i2v_lib.data.sidecars import Tagging
from i2v_lib.data.stores import JpegWriter, PixelWriter, encode, open_store, store_writer

THREADS = min(4, os.cpu_count() or 1)  # Pillow decodes outside the interpreter's lock; memory grows with each
BATCH = 64  # files in flight; an interrupt waits for at most these


class Source(Protocol):
    """Where illustrations come from: a folder, what was collected, a bulk archive."""

    def identity(self) -> Any:
        """Anything that JSON can hold, and that changes when what would be imported changes."""

    def names(self) -> list[str]:
        """What there is, in the order of the rows; a name is the illustration's id unless its tagging gives one."""

    def read(self, name: str) -> tuple[bytes, Tagging]:
        """Bytes of one picture, and what is known about it; called from several threads at once.

        Raises
        ------
        BadImageError
            For what cannot be used; it is listed with its reason.
        """

    def skipped(self) -> dict[str, int]:
        """How many were left out before, by reason."""


class Intake:
    """Reads illustrations into a growing store and a journal, one line a picture.

    A picture's pixels are written before its line, and its row is the number of usable pictures before it.
    So the journal never promises pixels that are not there, and a run that goes on ends in the same bytes.
    What was read stays on disk: memory grows with neither pixels nor tags.

    Parameters
    ----------
    folder : the growing collection
    source : what to read
    size, resize : see :func:`i2v_lib.data.images.resize_image`
    animation : see :func:`i2v_lib.data.images.decode_image`
    default_rating : rating of illustrations that have none
    store : how pictures are kept, see :mod:`i2v_lib.data.stores`
    ratings : those that may come in; another is a reason to leave the illustration out, before it is decoded

    Attributes
    ----------
    done : lines of the journal
    usable : those of them that have a row of pixels
    """

    def __init__(
        self,
        folder: Path,
        source: Source,
        *,
        size: int,
        resize: str,
        animation: str,
        default_rating: str,
        ratings: Collection[str],
        store: str = "pixels",
    ) -> None:
        self.folder, self.source = folder, source
        self.size, self.resize, self.animation, self.store = size, resize, animation, store
        self.default_rating, self.ratings = default_rating, ratings
        self.done = self.usable = 0

    @staticmethod
    def journal(folder: Path) -> Path:
        """Where the journal of a collection's intake lies."""
        return folder / "import.jsonl"

    def run(self, names: Sequence[str]) -> Iterator[int]:
        """Read all pictures that the journal does not hold yet; yield how many are done, after each.

        When the last is done, the store is whole.
        """
        with (
            _open_or_create(self.journal(self.folder)) as journal,
            ThreadPoolExecutor(THREADS) as pool,
            closing(self._writer(*_resume(journal))) as pixels,
        ):
            yield self.done
            for first in range(self.done, len(names), BATCH):
                for entry, picture in pool.map(self.read, names[first : first + BATCH]):
                    if picture is not None:
                        pixels.append(picture)
                        pixels.flush()
                        self.usable += 1
                    journal.write(json.dumps(entry).encode() + b"\n")
                    journal.flush()
                    self.done += 1
                    yield self.done
            pixels.finish()

    def _writer(self, done: int, usable: int) -> PixelWriter | JpegWriter:
        self.done, self.usable = done, usable
        return store_writer(self.store, self.folder, self.size, usable)

    def pixels(self) -> np.ndarray | PackedPixels:
        """Pictures of the usable entries: uint8 array, shape (usable, S, S, 3), or what is indexed like one."""
        return open_store(self.folder, self.store, self.size)

    def entries(self, usable: bool) -> Iterator[dict[str, Any]]:
        """Lines of the journal in order: those that have pixels, or the others."""
        with self.journal(self.folder).open("rb") as lines:
            for line in lines:
                entry = json.loads(line)
                if ("md5" in entry) == usable:
                    yield entry

    def read(self, name: str) -> tuple[dict[str, Any], bytes | None]:
        """Read one illustration and its tags.

        Returns
        -------
        entry : its line of the journal, with tags and hashes, or with the reason why it cannot be used
        picture : its bytes in the store, or None
        """
        data = None
        try:
            data, tagging = self.source.read(name)
            rating = tagging.rating or self.default_rating
            if rating not in self.ratings:
                raise BadImageError("rating", f"{rating} is none of {', '.join(self.ratings)}")
            image, width, height = decode_reduced(data, self.size, self.animation)
            pixels = np.asarray(resize_image(image, self.size, self.resize))
            look = perceptual_hash(image)
        except BadImageError as error:
            sha256 = error.sha256 if data is None else hashlib.sha256(data).hexdigest()
            return {"path": name, "reason": error.reason, "sha256": sha256}, None
        entry = {
            "path": name,
            "tags": asdict(tagging) | {"id": tagging.id or name, "rating": rating},
            "md5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
            "width": width,
            "height": height,
            "pixels": hashlib.sha256(pixels).hexdigest(),
            "look": None if look is None else f"{look:016x}",
        }
        return entry, encode(pixels, self.store)


def _open_or_create(path: Path) -> BinaryIO:
    return path.open("r+b" if path.exists() else "w+b")


def _resume(journal: BinaryIO) -> tuple[int, int]:
    """Count a journal's whole lines, and the usable ones; cut off a last one that a kill left unfinished."""
    done = usable = end = 0
    for line in journal:
        if line.endswith(b"\n"):
            done, usable, end = done + 1, usable + ("md5" in json.loads(line)), end + len(line)
    journal.seek(end)
    journal.truncate()
    return done, usable
