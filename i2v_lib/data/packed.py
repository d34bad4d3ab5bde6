"""Pictures packed as JPEG in one file, read like an array of their pixels.

``pixels.jpegs`` holds one file behind the other, ``pixels.index`` two numbers a picture: where it ends, and the CRC-32
of its bytes. At 256 pixels and quality 95 a picture takes a fifth to a seventh of its pixels.
"""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

JPEGS, INDEX = "pixels.jpegs", "pixels.index"
RECORD = np.dtype([("end", "<u8"), ("crc", "<u8")])  # of the index: a byte position, and CRC-32 of the bytes before
PIECE = 16  # pictures a thread decodes before it takes others


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
            raise ValueError("packed pictures are no array without being decoded; leave copy out")
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
        with self._turn:  # Windows has but one position a file
            self._file.seek(start)
            return self._file.read(count)

    def _damaged(self, row: int, what: str) -> DamagedPictureError:
        cure = "copy the file again, or build the collection again"
        return DamagedPictureError(f"{self.filename}: picture {self.name(row)}, row {row}, is damaged: {what}; {cure}")


def own_processors() -> int:
    """Processors this process has for itself, where torchrun started several on one machine."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, usable // int(os.environ.get("LOCAL_WORLD_SIZE", 1)))


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(own_processors(), thread_name_prefix="decode")


def _tensor(data: bytes) -> torch.Tensor:
    import torch

    return torch.frombuffer(bytearray(data), dtype=torch.uint8)  # a copy, since a tensor must be writable
