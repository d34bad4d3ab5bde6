"""A folder of drawn pictures as somebody may have one: nested, of many sizes and formats, with copies and rubbish."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterable
from pathlib import Path

from PIL import Image

from i2v_lib.data.build import discard

FORMATS = {"png": {"compress_level": 1}, "jpg": {"quality": 88}, "webp": {"quality": 80, "method": 0}}  # and options
SIDES = (96, 288)  # pixels of the longer side, from and to
SHAPES = ((1, 1), (3, 4), (4, 3), (2, 3))  # width to height; the picture's center stays
FOLDERS = ("sketches", "finished/2024", "finished/2025", "finished/commissions", "")
COPIES = 0.04  # share of pictures that lie in the folder once more, smaller and compressed again
HALF = "finished/2024/half sent.jpg"
BROKEN = {"sketches/empty.png": b"", "notes.docx": b"PK\x03\x04 not a picture"}  # as folders have it


def draw_folder(out: Path, rows: Iterable[int], draw: Callable[[int, int], Image.Image], seed: int) -> Path:
    """Write pictures as files, without tags; a folder that stands is left as it is.

    Parameters
    ----------
    out : new folder; it has its name when it is whole
    rows : numbers of the pictures
    draw : from a number and a side in pixels to a square picture
    seed : of sizes, shapes, formats and places

    Returns
    -------
    ``out``
    """
    if out.exists():
        return out
    unfinished = out.with_name(out.name + ".partial")
    discard(unfinished)
    for name, content in (BROKEN | {HALF: _half_a_picture()}).items():
        _place(unfinished, name).write_bytes(content)
    for row in rows:
        chance = random.Random(f"folder/{seed}/{row}")
        side, (width, height) = chance.randint(*SIDES), chance.choice(SHAPES)
        kind, folder = chance.choice(list(FORMATS)), chance.choice(FOLDERS)
        square, longer = draw(row, side), max(width, height)
        size = (side * width // longer, side * height // longer)
        corner = [(side - length) // 2 for length in size]
        image = square.crop((*corner, corner[0] + size[0], corner[1] + size[1]))
        image.save(_place(unfinished / folder, f"{row:05d}.{kind}"), **FORMATS[kind])
        if chance.random() < COPIES:
            small = image.resize([max(round(0.7 * length), 1) for length in size], Image.Resampling.BICUBIC)
            small.save(_place(unfinished, f"old disk/{row:05d} copy.jpg"), quality=75)
    return unfinished.rename(out)


def _place(root: Path, name: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _half_a_picture() -> bytes:
    file = io.BytesIO()
    Image.radial_gradient("L").save(file, "JPEG")
    return file.getvalue()[: len(file.getvalue()) // 2]
