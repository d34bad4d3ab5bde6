"""The two ways to keep a collection's pixels, ``pixels.npy`` and packed JPEG: written in order, resumable, and read."""

from __future__ import annotations

import io
import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from i2v_lib.data.packed import INDEX, JPEGS, RECORD, PackedPixels

PIXELS = "pixels.npy"
QUALITY = 95  # of JPEG
JPEG_SHARE = 0.22  # bytes of a packed picture for a byte of its pixels, about; drawn ones take .14
ROOM = 0.8  # share of the free disk that pixels may take before JPEG is chosen


def choose_store(count: int, size: int, folder: Path) -> str:
    """Choose "pixels" where they fit the disk with room to spare, "jpeg" beyond.

    Parameters
    ----------
    count : pictures
    size : side in pixels
    folder : where they are to lie; need not exist
    """
    place = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return "pixels" if store_bytes("pixels", count, size) <= ROOM * shutil.disk_usage(place).free else "jpeg"


def store_bytes(store: str, count: int, size: int) -> int:
    """Bytes that a store takes on disk; those of packed JPEG are an estimate."""
    return round(count * 3 * size**2 * (JPEG_SHARE if store == "jpeg" else 1))


def encode(picture: np.ndarray, store: str) -> bytes:
    """One picture's bytes in a store.

    Parameters
    ----------
    picture : uint8 array, shape (S, S, 3), RGB
    store : "pixels" or "jpeg"
    """
    if store == "pixels":
        return picture.tobytes()
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def open_store(folder: Path, store: str, size: int, name: Callable[[int], str] = str) -> np.ndarray | PackedPixels:
    """Pictures of a finished store: uint8, shape (N, S, S, 3), a read-only memory map or what is indexed like one."""
    if store == "pixels":
        return np.load(folder / PIXELS, mmap_mode="r")
    return PackedPixels(folder, size, name)


class PixelWriter:
    """Appends pictures to ``pixels.npy``.

    Plain writes, no memory map: a full disk then raises an error instead of killing the process. The number of
    pictures is written at the end, so an unfinished file does not load.

    Parameters
    ----------
    folder : that receives the file
    size : side S of the pictures
    count : pictures that stand already and are kept; whatever is behind them is overwritten
    """

    def __init__(self, folder: Path, size: int, count: int = 0) -> None:
        self.path, self.size, self.count = folder / PIXELS, size, count
        self._file = _open_or_create(self.path)
        self._start = len(_npy_header(0, size))
        self._file.seek(self._start + count * self._row_bytes)

    def append(self, data: bytes) -> None:
        """Write one picture's bytes from :func:`encode`."""
        self._file.write(data)
        self.count += 1

    def flush(self) -> None:
        """Hand what was appended to the system."""
        self._file.flush()

    def finish(self) -> None:
        """Write the number of pictures, and wait until all is on the disk."""
        self._file.truncate(self._start + self.count * self._row_bytes)
        self._file.seek(0)
        self._file.write(_npy_header(self.count, self.size))
        _sync(self._file)

    def close(self) -> None:
        """Close the file; unfinished, it can be gone on with."""
        self._file.close()

    @property
    def _row_bytes(self) -> int:
        return self.size * self.size * 3


class JpegWriter:
    """Appends pictures to ``pixels.jpegs`` and ``pixels.index``; see :class:`PixelWriter`."""

    def __init__(self, folder: Path, size: int, count: int = 0) -> None:
        self.path, self.size, self.count = folder / JPEGS, size, count
        self._file, self._index = _open_or_create(self.path), _open_or_create(folder / INDEX)
        index = np.frombuffer(self._index.read(count * RECORD.itemsize), RECORD)
        self._end = int(index["end"][-1]) if len(index) else 0
        if len(index) < count or self._end > os.fstat(self._file.fileno()).st_size:
            raise ValueError(f"{self.path} has fewer pictures than the {count} noted; delete {folder}, begin anew")
        for file, end in ((self._file, self._end), (self._index, count * RECORD.itemsize)):
            file.truncate(end)
            file.seek(end)

    def append(self, data: bytes) -> None:
        """Write one picture's bytes from :func:`encode`."""
        self._end += len(data)
        self._file.write(data)
        self._index.write(np.array((self._end, zlib.crc32(data)), RECORD).tobytes())
        self.count += 1

    def flush(self) -> None:
        """Hand what was appended to the system."""
        self._file.flush()
        self._index.flush()

    def finish(self) -> None:
        """Wait until all is on the disk."""
        _sync(self._file)
        _sync(self._index)

    def close(self) -> None:
        """Close the files; unfinished, they can be gone on with."""
        self._file.close()
        self._index.close()


def standing_pictures(store: str, folder: Path, size: int) -> int:
    """Pictures that an unfinished store holds whole: one that was cut short is not counted."""
    if store == "pixels":
        path, start = folder / PIXELS, len(_npy_header(0, size))
        return max(0, path.stat().st_size - start) // (size * size * 3) if path.exists() else 0
    if not (folder / INDEX).exists():
        return 0
    records = np.frombuffer((folder / INDEX).read_bytes()[: _whole(folder / INDEX)], RECORD)
    return int((records["end"] <= (folder / JPEGS).stat().st_size).sum())


def store_writer(store: str, folder: Path, size: int, count: int = 0) -> PixelWriter | JpegWriter:
    """The writer of a store."""
    return (PixelWriter if store == "pixels" else JpegWriter)(folder, size, count)


def _whole(index: Path) -> int:
    """Bytes of an index up to the end of its last whole record."""
    return index.stat().st_size // RECORD.itemsize * RECORD.itemsize


def _open_or_create(path: Path) -> io.BufferedRandom:
    return path.open("r+b" if path.exists() else "w+b")


def _sync(file: io.BufferedRandom) -> None:
    file.flush()
    os.fsync(file.fileno())


def _npy_header(count: int, size: int) -> bytes:
    """Header of ``pixels.npy``; NumPy pads it, so its length does not depend on the count."""
    buffer = io.BytesIO()
    layout = {"descr": "|u1", "fortran_order": False, "shape": (count, size, size, 3)}
    np.lib.format.write_array_header_1_0(buffer, layout)
    return buffer.getvalue()
