"""The two ways to keep a collection's pixels, ``pixels.npy`` and packed JPEG: written in order, resumable, and read.

``pixels.npy`` is an array. ``pixels.jpegs`` holds one JPEG behind the other, and ``pixels.index`` two numbers per
picture: where it ends, and the CRC-32 of its bytes. At 256 pixels and quality 95 a packed picture takes a fifth to a
seventh of its pixels. It is read like an array all the same.
"""

from __future__ import annotations

import io
import os
import shutil
import threading
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    import torch

PIXELS, JPEGS, INDEX = "pixels.npy", "pixels.jpegs", "pixels.index"
RECORD = np.dtype([("end", "<u8"), ("crc", "<u8")])  # of the index: a byte position, and CRC-32 of the bytes before
QUALITY = 95  # of JPEG
JPEG_SHARE = 0.22  # bytes of a packed picture for a byte of its pixels, about; drawn ones take .14
PIECE = 16  # pictures a thread decodes before it takes others
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


def own_processors() -> int:
    """Processors this process has for itself, where torchrun started several on one machine."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, usable // int(os.environ.get("LOCAL_WORLD_SIZE", 1)))


def open_store(folder: Path, store: str, size: int, name: Callable[[int], str] = str) -> np.ndarray | PackedPixels:
    """Pictures of a finished store: uint8, shape (N, S, S, 3), a read-only memory map or what is indexed like one."""
    if store == "pixels":
        return np.load(folder / PIXELS, mmap_mode="r")
    return PackedPixels(folder, size, name)


class DamagedPictureError(ValueError):
    """A packed picture that cannot be read; the message names it."""


class PackedPixels:
    """N pictures of one collection, decoded when they are asked for.

    It is indexed as the uint8 array of shape (N, S, S, 3) that a memory map would be: by a row, a slice or an array
    of rows, and behind those by slices of what was decoded. What comes back is a new array. Rows that are asked for
    together are decoded on as many threads as this process has processors for itself.

    Parameters
    ----------
    folder : holds ``pixels.jpegs`` and ``pixels.index``
    size : side S of the pictures in pixels
    name : what to call the picture in a row, for errors

    Attributes
    ----------
    shape, dtype, ndim : of that array
    nbytes : on disk, packed
    filename : path of ``pixels.jpegs``
    index : array of :data:`RECORD`, shape (N,)

    Raises
    ------
    ValueError
        If the file is shorter or longer than its index says.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, folder: Path, size: int, name: Callable[[int], str] = str) -> None:
        self.filename, self.size, self.name = folder / JPEGS, size, name
        self.index = np.fromfile(folder / INDEX, RECORD)
        self._file, self._turn = self.filename.open("rb", buffering=0), threading.Lock()
        self.nbytes, expected = os.fstat(self._file.fileno()).st_size, int(self.index["end"][-1]) if len(self) else 0
        if self.nbytes != expected:
            raise ValueError(
                f"{self.filename} has {self.nbytes:,} bytes, its index says {expected:,}: it was cut, or copied in "
                "part; copy it again, or build the collection again"
            )

    def __len__(self) -> int:
        return len(self.index)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """As of the array: (N, S, S, 3)."""
        return len(self), self.size, self.size, 3

    def __getitem__(self, key: Any) -> np.ndarray:
        rows, *rest = key if isinstance(key, tuple) else (key,)
        chosen = np.arange(len(self))[rows]  # knows slices, negative rows, masks, and which rows there are not
        pictures = self.decode(chosen.reshape(-1)).numpy().reshape(*chosen.shape, *self.shape[1:])
        return pictures[(*[slice(None)] * chosen.ndim, *rest)] if rest else pictures

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("packed pictures become an array only by a copy, as they are decoded; leave copy out")
        return self[:] if dtype is None else self[:].astype(dtype)

    def read(self, row: int) -> bytes:
        """Bytes of one picture's JPEG, checked against their CRC-32."""
        start, stop = self.place(row)
        data = self._read_at(start, stop - start)
        if zlib.crc32(data) != self.index["crc"][row]:
            raise self._damaged(row, f"its bytes {start:,} to {stop - 1:,} are not those that were written")
        return data

    def place(self, row: int) -> tuple[int, int]:
        """First and last + 1 byte of one picture in the file."""
        return int(self.index["end"][row - 1]) if row else 0, int(self.index["end"][row])

    def decode(self, rows: Sequence[int] | np.ndarray, device: torch.device | str = "cpu") -> torch.Tensor:
        """Decode pictures.

        Parameters
        ----------
        rows : B row numbers, 0 to N − 1
        device : "cpu" decodes on threads; a CUDA device decodes them all at once, a few levels off the CPU's values

        Returns
        -------
        uint8 tensor, shape (B, S, S, 3), RGB, on the device

        Raises
        ------
        DamagedPictureError
            If a picture is not what was written.
        """
        import torch

        rows = [int(row) for row in rows]
        device = torch.device(device)
        if device.type != "cpu":
            return self._decode_there(rows, device)
        out = np.empty((len(rows), *self.shape[1:]), np.uint8)  # threads may not fill a tensor of inference mode

        def fill(first: int) -> None:
            for i in range(first, min(first + PIECE, len(rows))):
                out[i] = self._decode(rows[i]).numpy()

        starts = range(0, len(rows), PIECE)
        for _ in _pool().map(fill, starts) if len(starts) > 1 else map(fill, starts):
            pass
        return torch.from_numpy(out)

    def _decode(self, row: int) -> torch.Tensor:
        """One picture on the CPU: uint8 tensor, shape (S, S, 3)."""
        from torchvision.io import ImageReadMode, decode_jpeg

        try:
            picture = decode_jpeg(_tensor(self.read(row)), ImageReadMode.RGB).permute(1, 2, 0)
        except RuntimeError as error:
            raise self._damaged(row, str(error).splitlines()[0]) from error
        return self._checked(row, picture)

    def _decode_there(self, rows: list[int], device: torch.device) -> torch.Tensor:
        """Pictures on a GPU, decoded there."""
        import torch
        from torchvision.io import ImageReadMode, decode_jpeg

        encoded = [_tensor(self.read(row)) for row in rows]
        if not encoded:
            return torch.empty((0, *self.shape[1:]), dtype=torch.uint8, device=device)
        try:
            pictures = decode_jpeg(encoded, ImageReadMode.RGB, device=device)
        except RuntimeError as error:
            text = f"{self.filename}: {device} cannot decode picture {self.name(rows[0])} and those after it ({error})"
            raise ValueError(f"{text}; decode on the CPU: --set decode=cpu") from error
        checked = [self._checked(row, p.permute(1, 2, 0)) for row, p in zip(rows, pictures, strict=True)]
        return torch.stack(checked)

    def _checked(self, row: int, picture: torch.Tensor) -> torch.Tensor:
        if picture.shape != self.shape[1:]:
            raise self._damaged(row, f"it is {picture.shape[1]} × {picture.shape[0]} pixels, not {self.size} squared")
        return picture

    def _read_at(self, start: int, count: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._file.fileno(), count, start)
        with self._turn:  # Windows has only one position per file
            self._file.seek(start)
            return self._file.read(count)

    def _damaged(self, row: int, what: str) -> DamagedPictureError:
        cure = "copy the file again, or build the collection again"
        return DamagedPictureError(f"{self.filename}: picture {self.name(row)}, row {row}, is damaged: {what}; {cure}")


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
        """Close the file; if it is unfinished, another writer can continue it."""
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
            raise ValueError(f"{self.path} has fewer pictures than the {count} noted; delete {folder} and start again")
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
        """Close the files; if they are unfinished, another writer can continue them."""
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


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(own_processors(), thread_name_prefix="decode")


def _tensor(data: bytes) -> torch.Tensor:
    import torch

    return torch.frombuffer(bytearray(data), dtype=torch.uint8)  # a copy, since a tensor must be writable
