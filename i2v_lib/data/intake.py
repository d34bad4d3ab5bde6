"""The long part of an import: every picture read once, each result noted so that a killed run can go on."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from i2v_lib.data.duplicates import perceptual_hash
from i2v_lib.data.images import BadImageError, decode_reduced, resize_image
from i2v_lib.data.sidecars import Tagging

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
    """Reads illustrations into a growing ``pixels.npy`` and a journal, one line a picture.

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
    ) -> None:
        self.folder, self.source = folder, source
        self.size, self.resize, self.animation = size, resize, animation
        self.default_rating, self.ratings = default_rating, ratings
        self.done = self.usable = 0

    @staticmethod
    def journal(folder: Path) -> Path:
        """Where the journal of a collection's intake lies."""
        return folder / "import.jsonl"

    def run(self, names: Sequence[str]) -> Iterator[int]:
        """Read all pictures that the journal does not hold yet; yield how many are done, after each.

        When the last is done, ``pixels.npy`` is whole.
        """
        # Plain writes, no memory map: a full disk then raises an error instead of killing the process.
        with (
            _open_or_create(self.journal(self.folder)) as journal,
            _open_or_create(self.folder / "pixels.npy") as pixels,
            ThreadPoolExecutor(THREADS) as pool,
        ):
            self.done, self.usable = _resume(journal)
            row_bytes, start = self.size * self.size * 3, len(_npy_header(0, self.size))
            yield self.done
            for first in range(self.done, len(names), BATCH):
                for entry, picture in pool.map(self.read, names[first : first + BATCH]):
                    if picture is not None:
                        pixels.seek(start + self.usable * row_bytes)
                        pixels.write(picture)
                        pixels.flush()
                        self.usable += 1
                    journal.write(json.dumps(entry).encode() + b"\n")
                    journal.flush()
                    self.done += 1
                    yield self.done
            header = _npy_header(self.usable, self.size)  # only now is the count known
            pixels.seek(0)
            pixels.write(header)
            pixels.truncate(len(header) + self.usable * row_bytes)

    def pixels(self) -> np.ndarray:
        """Pictures of the usable entries: uint8 array, shape (usable, S, S, 3), a read-only memory map."""
        return np.load(self.folder / "pixels.npy", mmap_mode="r")

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
        picture : its S * S * 3 bytes, or None
        """
        data = None
        try:
            data, tagging = self.source.read(name)
            rating = tagging.rating or self.default_rating
            if rating not in self.ratings:
                raise BadImageError("rating", f"{rating} is none of {', '.join(self.ratings)}")
            image, width, height = decode_reduced(data, self.size, self.animation)
            picture = resize_image(image, self.size, self.resize).tobytes()
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
            "pixels": hashlib.sha256(picture).hexdigest(),
            "look": None if look is None else f"{look:016x}",
        }
        return entry, picture


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


def _npy_header(count: int, size: int) -> bytes:
    """Header of ``pixels.npy``; NumPy pads it, so its length does not depend on the count."""
    buffer = io.BytesIO()
    layout = {"descr": "|u1", "fortran_order": False, "shape": (count, size, size, 3)}
    np.lib.format.write_array_header_1_0(buffer, layout)
    return buffer.getvalue()
