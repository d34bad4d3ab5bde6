"""Many small pictures on few sheets, at three sizes: what a map draws from, the coarser the further away."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image

SIDES = (9, 36, 144)  # pixels of a picture at each level
SHEET = 576  # pixels of a sheet's side, whatever the level: 64 × 64, 16 × 16 or 4 × 4 pictures
QUALITY = 62  # of the WebP files
OVERVIEW, MOST_IN_OVERVIEW = 900, 4000  # pixels of the longer side of a map in one picture, and illustrations in it

Sized = Callable[[np.ndarray, int], np.ndarray]  # (n,) illustrations and a side in pixels -> uint8 (n, S, S, 3), S free


def per_sheet(level: int) -> int:
    """How many pictures a sheet of a level holds."""
    return (SHEET // SIDES[level]) ** 2


def sheet_count(level: int, count: int) -> int:
    """How many sheets hold ``count`` pictures at a level."""
    return -(-count // per_sheet(level))


def slots_along_curve(places: np.ndarray) -> np.ndarray:
    """The slot of each illustration, such that those near each other on the map share sheets.

    The map is walked along a Z-order curve, so whatever is in view lies on few sheets of every level.

    Parameters
    ----------
    places : float array, shape (n, 2)

    Returns
    -------
    int64 array, shape (n,)
        A permutation of 0 … n − 1.
    """
    low, high = places.min(axis=0, initial=np.inf), places.max(axis=0, initial=-np.inf)
    steps = ((places - low) / np.maximum(high - low, 1e-12) * 0xFFFF).astype(np.uint64)
    key = np.zeros(len(places), np.uint64)
    for bit in range(16):
        for axis in (0, 1):
            key |= (steps[:, axis] >> np.uint64(bit) & np.uint64(1)) << np.uint64(2 * bit + axis)
    slots = np.empty(len(places), np.int64)
    slots[np.argsort(key, kind="stable")] = np.arange(len(places))
    return slots


def draw_sheet(pictures: Sized, order: np.ndarray, level: int, sheet: int) -> bytes:
    """One sheet as WebP: its pictures from the top left, row by row; black where there are none.

    Parameters
    ----------
    pictures : makes them
    order : int array, shape (n,): the illustration in each slot
    level, sheet : which
    """
    side, each = SIDES[level], per_sheet(level)
    shown = order[sheet * each : (sheet + 1) * each]
    canvas, across = Image.new("RGB", (SHEET, SHEET)), SHEET // side
    for place, image in enumerate(pictures(shown, side)):
        small = Image.fromarray(image)
        if small.size != (side, side):
            small = small.resize((side, side), Image.Resampling.LANCZOS)
        canvas.paste(small, (place % across * side, place // across * side))
    file = io.BytesIO()
    canvas.save(file, "webp", quality=QUALITY, method=6 if level == len(SIDES) - 1 else 2)
    return file.getvalue()


def overview(pictures: Sized, places: np.ndarray, shape: tuple[int, int]) -> bytes:
    """A whole map as one PNG of few colors; of a large one, evenly spaced illustrations.

    Parameters
    ----------
    pictures : makes them
    places : float array, shape (n, 2), in cells from the top left
    shape : columns and rows
    """
    cell = max(OVERVIEW / max(*shape, 1), 1.0)
    side = max(round(0.92 * cell), 4)
    canvas = Image.new("RGB", tuple(round(cell * count) + 2 * side for count in shape), "white")
    some = np.arange(0, len(places), -(-len(places) // MOST_IN_OVERVIEW) or 1)
    for (x, y), image in zip(places[some], pictures(some, side) if len(some) else [], strict=True):
        small = Image.fromarray(image).resize((side, side), Image.Resampling.LANCZOS)
        canvas.paste(small, (round((x + 0.5) * cell + side / 2), round((y + 0.5) * cell + side / 2)))
    file = io.BytesIO()
    canvas.quantize(256).save(file, "png")
    return file.getvalue()
