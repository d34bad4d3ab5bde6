"""The long part of an import: every file read once, each result noted so that a killed run can go on."""

from __future__ import annotations

import hashlib
import io
import json
import os
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from i2v_lib.data.duplicates import perceptual_hash
from i2v_lib.data.images import BadImageError, decode_image, read_bytes, resize_image
from i2v_lib.data.sidecars import Tagging, read_json, read_txt

MAX_SIDECAR = 2**20  # bytes
THREADS = min(4, os.cpu_count() or 1)  # Pillow decodes outside the interpreter's lock; memory grows with each
BATCH = 64  # files in flight; an interrupt waits for at most these


def list_files(folder: Path) -> dict[str, Path]:
    """Every visible file below a folder by its relative path as text, in the order of that text.

    Hidden files, and links that lead out of the folder, are left out; linked folders are not entered. Bytes
    of a name that are no UTF-8 are written as ``\\xff``. A subfolder that cannot be listed stands for itself,
    to be reported as unreadable.
    """
    files = {}

    def add(path: Path) -> None:
        if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(folder):
            return  # it may show any file of this machine
        name = os.fsencode(path.relative_to(folder).as_posix()).decode("utf-8", "backslashreplace")
        files[name] = path

    for parent, subfolders, names in os.walk(folder, onerror=lambda error: add(Path(error.filename))):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        for name in names:
            if not name.startswith("."):
                add(Path(parent, name))
    return dict(sorted(files.items()))


def listing_digest(files: dict[str, Path]) -> str:
    """Change when a file comes, goes, or changes; contents are not read, so a million files take seconds."""
    digest = hashlib.sha256()
    for name, path in files.items():
        status = path.lstat()
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


class Intake:
    """Reads illustrations into a growing ``pixels.npy`` and a journal, one line a file.

    A picture's pixels are written before its line, and its row is the number of usable pictures before it.
    So the journal never promises pixels that are not there, and a run that goes on ends in the same bytes.

    Parameters
    ----------
    folder : the growing collection
    files : every file of the import by name, sidecars among them
    table : taggings of ``tags.csv`` by name (Unicode NFC)
    types : category of tags that come without one
    size, resize : see :func:`i2v_lib.data.images.resize_image`
    """

    def __init__(
        self,
        folder: Path,
        files: Mapping[str, Path],
        table: Mapping[str, Tagging],
        types: Mapping[str, str],
        size: int,
        resize: str,
    ) -> None:
        self.folder, self.files, self.table, self.types = folder, files, table, types
        self.size, self.resize = size, resize
        self.entries: list[dict[str, Any]] = []

    @staticmethod
    def journal(folder: Path) -> Path:
        """Where the journal of a collection's intake lies."""
        return folder / "import.jsonl"

    def run(self, names: Sequence[str]) -> Iterator[int]:
        """Read all files that the journal does not hold yet; yield how many are done, after each."""
        # Plain writes, no memory map: a full disk then raises an error instead of killing the process.
        with (
            _open_or_create(self.journal(self.folder)) as journal,
            _open_or_create(self.folder / "pixels.npy") as pixels,
            ThreadPoolExecutor(THREADS) as pool,
        ):
            self.entries = _resume(journal)
            row = sum("md5" in entry for entry in self.entries)
            row_bytes, start = self.size * self.size * 3, len(_npy_header(0, self.size))
            yield len(self.entries)
            for first in range(len(self.entries), len(names), BATCH):
                for entry, picture in pool.map(self.read, names[first : first + BATCH]):
                    if picture is not None:
                        pixels.seek(start + row * row_bytes)
                        pixels.write(picture)
                        pixels.flush()
                        row += 1
                    journal.write(json.dumps(entry).encode() + b"\n")
                    journal.flush()
                    self.entries.append(entry)
                    yield len(self.entries)

    def finish(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Give ``pixels.npy`` its header and length; return the usable entries and the others."""
        good = [entry for entry in self.entries if "md5" in entry]
        header = _npy_header(len(good), self.size)
        with (self.folder / "pixels.npy").open("r+b") as pixels:
            pixels.write(header)
            pixels.truncate(len(header) + len(good) * self.size * self.size * 3)
        return good, [entry for entry in self.entries if "md5" not in entry]

    def read(self, name: str) -> tuple[dict[str, Any], bytes | None]:
        """Read one illustration and its tags.

        Returns
        -------
        entry : its line of the journal, with tags and hashes, or with the reason why it cannot be used
        picture : its S * S * 3 bytes, or None
        """
        path = self.files.get(name)
        try:
            if path is None:
                raise BadImageError("missing", "tags.csv names a file that is not there")
            tagging = self.tagging(name)
            data = read_bytes(path)
            image = decode_image(data)
            picture = resize_image(image, self.size, self.resize).tobytes()
            look = perceptual_hash(image)
        except BadImageError as error:
            return {"path": name, "reason": error.reason, "sha256": _sha256(path)}, None
        entry = {
            "path": name,
            "tags": asdict(tagging),
            "md5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
            "width": image.width,
            "height": image.height,
            "pixels": hashlib.sha256(picture).hexdigest(),
            "look": None if look is None else f"{look:016x}",
        }
        return entry, picture

    def tagging(self, name: str) -> Tagging:
        """Tags of one illustration: from ``tags.csv``, else from a JSON, else from a text file beside it.

        Raises
        ------
        BadImageError
            If there are none (``no_tags``), or the file that holds them cannot be read (``bad_tags``).
        """
        row = self.table.get(unicodedata.normalize("NFC", name))
        if row is not None:
            return row
        stem = os.path.splitext(name)[0]
        for suffix, read in ((".json", read_json), (".txt", read_txt)):
            path = self.files.get(stem + suffix) or self.files.get(name + suffix)
            if path is None:
                continue
            try:
                tagging = read(read_bytes(path, MAX_SIDECAR).decode("utf-8-sig"), self.types)
            except (
                ValueError,
                RecursionError,
            ) as error:  # BadImageError and broken JSON or UTF-8 are ValueErrors
                raise BadImageError("bad_tags", error) from error
            if tagging:
                return tagging
        raise BadImageError("no_tags", f"nothing in tags.csv, and no sidecar with tags beside {name}")


def _sha256(path: Path | None) -> str:
    """Digest of a whole file, in pieces; empty where there is none to read."""
    try:
        if path is None or not path.is_file():
            return ""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _open_or_create(path: Path) -> BinaryIO:
    return path.open("r+b" if path.exists() else "w+b")


def _resume(journal: BinaryIO) -> list[dict[str, Any]]:
    """Read the whole lines of a journal, and cut off a last one that a kill left unfinished."""
    text = journal.read()
    whole = text[: text.rfind(b"\n") + 1]
    journal.truncate(len(whole))
    journal.seek(len(whole))
    return [json.loads(line) for line in whole.splitlines()]


def _npy_header(count: int, size: int) -> bytes:
    """Header of ``pixels.npy``; NumPy pads it, so its length does not depend on the count."""
    buffer = io.BytesIO()
    layout = {"descr": "|u1", "fortran_order": False, "shape": (count, size, size, 3)}
    np.lib.format.write_array_header_1_0(buffer, layout)
    return buffer.getvalue()
