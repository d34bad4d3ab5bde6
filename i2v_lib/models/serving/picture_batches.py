"""Pictures of any kind and number, made into batches that a network reads; decoded on threads ahead of it."""

from __future__ import annotations

import io
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from i2v_lib.data.images import FORMATS, BadImageError, decode_image, decode_reduced, read_bytes, resize_image
from i2v_lib.system.errors import ArgumentError

Picture = str | Path | bytes | Image.Image | np.ndarray
ALPHAS = ("white", "drop")
THREADS = min(4, os.cpu_count() or 1)  # Pillow decodes outside the interpreter's lock
AHEAD = 2  # batches of pictures that wait or are being decoded: all that is held of a generator
CHANNELS = (1, 3, 4)  # of an array with three axes
_one_at_a_time = Lock()  # a Pillow image reads its file when it is first used, and may be given twice


class PictureBatch(NamedTuple):
    """Up to B pictures, and what became of each.

    Attributes
    ----------
    images : uint8 tensor, shape (n, 3, S, S), RGB, channels last in memory: the usable ones, in order
    errors : one for each of the B pictures, None where it is usable; n of them are None
    """

    images: torch.Tensor
    errors: list[BadImageError | None]


def picture_batches(
    pictures: Picture | Iterable[Picture],
    batch_size: int,
    image_size: int,
    stored_size: int | None = None,
    alpha: str = "white",
) -> Iterator[PictureBatch]:
    """Decode pictures in order, a few batches ahead of what takes them.

    Parameters
    ----------
    pictures : one, or any iterable of them; a generator is read as far as is needed, and what was taken is let go.
        A picture is a path, the bytes of a file, a Pillow image, or a uint8 array, shape (H, W), (H, W, 1), (H, W, 3)
        or (H, W, 4): grey, RGB, or RGB and alpha
    batch_size : B, pictures in a batch, usable or not; the last may hold fewer
    image_size : side S of the result in pixels
    stored_size : side to which pictures are warped before their center, S pixels wide, is cut out; S when left out
    alpha : see :func:`read_picture`

    Yields
    ------
    PictureBatch

    Raises
    ------
    TypeError
        If something is not a picture, or an array is not uint8.
    """
    stored_size = stored_size or image_size
    if batch_size < 1:
        raise ArgumentError("batch_size", batch_size, "a batch holds at least one picture")
    if alpha not in ALPHAS:
        raise ValueError(f"alpha={alpha!r} is unknown; use one of {', '.join(ALPHAS)}")
    if stored_size < image_size:
        raise ValueError(f"stored_size={stored_size} is smaller than image_size={image_size}; cutting needs a margin")
    return _batches(as_pictures(pictures), batch_size, image_size, stored_size, alpha)


def _batches(
    pictures: Iterable[Picture], batch_size: int, image_size: int, stored_size: int, alpha: str
) -> Iterator[PictureBatch]:
    numbered = iter(enumerate(pictures))
    start = (stored_size - image_size) // 2
    inside = slice(start, start + image_size)
    pool = ThreadPoolExecutor(THREADS)

    def submit(count: int) -> Iterator[tuple[int, str, Future]]:
        for index, picture in islice(numbered, count):
            _check_type(index, picture)
            yield index, _name(picture), pool.submit(read_picture, picture, stored_size, alpha)

    try:
        waiting = deque(submit(AHEAD * batch_size))
        while waiting:
            images: list[np.ndarray] = []
            errors: list[BadImageError | None] = []
            for index, name, future in islice(_popping(waiting), batch_size):
                try:
                    images.append(future.result()[inside, inside])
                    errors.append(None)
                except BadImageError as error:
                    errors.append(BadImageError(error.reason, f"image {index}{name}: {error.detail}"))
            waiting.extend(submit(batch_size))
            yield PictureBatch(_tensor(images, image_size), errors)
    finally:
        pool.shutdown(cancel_futures=True)


def read_picture(picture: Picture, size: int, alpha: str = "white") -> np.ndarray:
    """Decode one picture and warp it to a square, bilinearly, as the authors do.

    The kit's decoding applies: EXIF rotation, color profiles, 16-bit greys scaled. A large JPEG in a file is decoded
    at a lesser size, at least twice the square's.

    Parameters
    ----------
    picture : see :func:`picture_batches`
    size : side S of the square in pixels
    alpha : "white" lays transparent pictures on white; "drop" shows the colors that transparency hides, as the
        authors' library does

    Returns
    -------
    uint8 array, shape (S, S, 3), RGB

    Raises
    ------
    BadImageError
        For whatever is wrong with the picture.
    """
    if isinstance(picture, np.ndarray):
        picture = _from_array(picture)
    if isinstance(picture, Image.Image):
        with _one_at_a_time:
            image = _decode(picture, alpha)
    else:
        data = picture if isinstance(picture, bytes) else read_bytes(picture)
        image = decode_reduced(data, size)[0] if alpha == "white" else _decode(data, alpha)
    return resize_image(image, size)


def as_pictures(pictures: Picture | Iterable[Picture]) -> Iterable[Picture]:
    """An iterable of pictures: what was given, or a list of the single one that was."""
    if isinstance(pictures, str | Path | bytes | Image.Image):
        return [pictures]
    if isinstance(pictures, np.ndarray):
        return [pictures] if pictures.ndim < 4 else pictures
    if not isinstance(pictures, Iterable):
        raise TypeError(f"images: a {type(pictures).__name__}; pass pictures, or an iterable of them")
    return pictures


def _decode(source: bytes | Image.Image, alpha: str) -> Image.Image:
    decoded = decode_image(source)  # first, since it refuses what is too large before a pixel is decoded
    if alpha == "drop":
        image = source if isinstance(source, Image.Image) else Image.open(io.BytesIO(source), formats=FORMATS)
        if image.has_transparency_data and not image.mode.startswith("I"):
            return decode_image(image.convert("RGBA").convert("RGB"))
    return decoded


def _from_array(array: np.ndarray) -> Image.Image:
    if array.ndim not in (2, 3) or 0 in array.shape or (array.ndim == 3 and array.shape[2] not in CHANNELS):
        raise BadImageError(
            "unsupported", f"an array of shape {array.shape}; pass (height, width) or (height, width, 3 or 4)"
        )
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    return Image.fromarray(np.ascontiguousarray(array))


def _check_type(index: int, picture: object) -> None:
    """Refuse what is not a picture: that is a mistake of the caller's, not a bad picture."""
    if not isinstance(picture, Picture):
        raise TypeError(
            f"images[{index}] is a {type(picture).__name__}; pass paths, bytes, Pillow images or uint8 arrays"
        )
    if isinstance(picture, np.ndarray) and picture.dtype != np.uint8:
        raise TypeError(f"images[{index}] is an array of {picture.dtype}; pass uint8, RGB 0–255")


def _name(picture: Picture) -> str:
    """What to call a picture in an error beside its number: its path, if it has one."""
    path = picture if isinstance(picture, str | Path) else getattr(picture, "filename", "")
    return f" ({os.fspath(path)})" if isinstance(path, str | Path) and str(path) else ""


def _popping(waiting: deque) -> Iterator:
    while waiting:
        yield waiting.popleft()


def _tensor(images: list[np.ndarray], size: int) -> torch.Tensor:
    """Pictures (S, S, 3) as one tensor (n, 3, S, S), channels last in memory."""
    stacked = np.stack(images) if images else np.empty((0, size, size, 3), np.uint8)
    return torch.from_numpy(stacked).permute(0, 3, 1, 2)
