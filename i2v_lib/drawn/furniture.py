"""Furniture, in shares of the canvas: windows, bookshelves, clocks, plants, beds."""

from __future__ import annotations

from math import cos, pi, sin
from random import Random

import numpy as np

from i2v_lib.drawn.canvas import Canvas, Color, mix
from i2v_lib.drawn.shapes import ellipse, rectangle, smooth
from i2v_lib.drawn.sky import grid
from i2v_lib.drawn.stencil import GREEN, WHITE, WOOD

BOOKS: tuple[Color, ...] = (
    (206, 84, 84), (84, 128, 190), (238, 190, 92), (96, 158, 120), (150, 110, 180), (240, 226, 204),
)  # fmt: skip
# what a window shows above and below: day, evening, night
VIEWS: tuple[tuple[Color, Color], ...] = (
    ((120, 190, 240), (220, 240, 252)),
    ((250, 160, 110), (255, 220, 160)),
    ((30, 36, 84), (70, 84, 150)),
)


def box(canvas: Canvas, x0: float, y0: float, x1: float, y1: float, color: Color) -> None:
    """A rectangle in shares of the canvas."""
    canvas.polygon(rectangle(x0 * canvas.width, y0 * canvas.height, x1 * canvas.width, y1 * canvas.height), color)


def mark_box(canvas: Canvas, tag: str, x0: float, y0: float, x1: float, y1: float) -> None:
    """Mark what a rectangle shows."""
    w, h = canvas.width, canvas.height
    canvas.mark(tag, grid(x0 * w, y0 * h, x1 * w, y1 * h))


def window(canvas: Canvas, rng: Random, x0: float, y0: float, x1: float, y1: float, curtain: Color | None) -> None:
    """A window with the sky, or the night, behind its panes, perhaps with curtains."""
    w, h = canvas.width, canvas.height
    top, bottom = rng.choice(VIEWS)
    box(canvas, x0 - 0.015, y0 - 0.015, x1 + 0.015, y1 + 0.015, WHITE)
    box(canvas, x0, y0, x1, y1, top)
    box(canvas, x0, y0 + 0.6 * (y1 - y0), x1, y1, mix(top, bottom, 0.6))
    middle = (x0 + x1) / 2
    width, height = (x1 - x0) * w, (y1 - y0) * h
    canvas.polygon(ellipse(x0 * w + 0.7 * width, y0 * h + 0.35 * height, 0.16 * width, 0.1 * height), bottom)
    box(canvas, middle - 0.008, y0, middle + 0.008, y1, WHITE)
    box(canvas, x0, (y0 + y1) / 2 - 0.008, x1, (y0 + y1) / 2 + 0.008, WHITE)
    box(canvas, x0 - 0.035, y1 + 0.01, x1 + 0.035, y1 + 0.04, (236, 226, 220))
    mark_box(canvas, "window", x0, y0, x1, y1)
    if curtain:
        _curtains(canvas, x0, y0, x1, y1, curtain)


def _curtains(canvas: Canvas, x0: float, y0: float, x1: float, y1: float, color: Color) -> None:
    """Two tied curtains on a rod, over the sides of a window."""
    size, middle = (canvas.width, canvas.height), (x0 + x1) / 2
    top, tied, low = y0 - 0.05, y0 + 0.62 * (y1 - y0), y1 + 0.08
    for edge, tie, tip in ((x0 - 0.06, x0 + 0.02, middle - 0.06), (x1 + 0.06, x1 - 0.02, middle + 0.06)):
        waist, hem = (tip + tie) / 2, (2 * tie + tip) / 3
        drape = [(edge, top), (tip, top), (waist, y0 + 0.4 * (y1 - y0)), (tie, tied), (hem, low), (edge, low)]
        canvas.polygon(np.array(drape) * size, color)
        fold = [(edge, top), ((edge + tip) / 2, top), (edge + 0.4 * (tie - edge), tied), (edge, low)]
        canvas.polygon(np.array(fold) * size, mix(color, (80, 60, 110), 0.18))
    box(canvas, x0 - 0.09, y0 - 0.07, x1 + 0.09, y0 - 0.045, WOOD)
    canvas.mark("curtains", np.array([(x0 - 0.03, y0 + 0.1), (x1 + 0.03, y0 + 0.1), (x0 - 0.03, y1)]) * size)


def _books(canvas: Canvas, rng: Random, x0: float, x1: float, foot: float, height: float, count: int) -> None:
    """A row of spines, a few of them missing."""
    step = (x1 - x0) / count
    for i in range(count):
        if rng.random() < 0.88:
            top = foot - height * rng.uniform(0.66, 0.95)
            box(canvas, x0 + step * i, top, x0 + step * (i + 0.88), foot, BOOKS[rng.randrange(6)])


def bookshelf(
    canvas: Canvas, rng: Random, x0: float, x1: float, y0: float, y1: float, rows: int, wood: Color, row: int
) -> None:
    """A case with some rows of so many books (``row``)."""
    box(canvas, x0, y0, x1, y1, wood)
    step = (y1 - y0 - 0.02) / rows
    for i in range(rows):
        y = y0 + 0.02 + step * i
        box(canvas, x0 + 0.018, y, x1 - 0.018, y + step - 0.02, mix(wood, (50, 30, 50), 0.5))
        _books(canvas, rng, x0 + 0.022, x1 - 0.022, y + step - 0.02, step - 0.02, row)
    mark_box(canvas, "bookshelf", x0, y0, x1, y1)


def clock(canvas: Canvas, rng: Random, x: float, y: float) -> None:
    """A round clock on the wall."""
    r, cx, cy = 0.06 * canvas.side, x * canvas.width, y * canvas.height
    canvas.polygon(ellipse(cx, cy, r, count=24), (110, 90, 100))
    canvas.polygon(ellipse(cx, cy, 0.82 * r, count=24), WHITE)
    for length, thick in ((0.7, 0.07), (0.45, 0.1)):
        a = rng.uniform(0, 2 * pi)
        tip, side = np.array([sin(a), -cos(a)]) * r, np.array([cos(a), sin(a)]) * r * thick
        canvas.polygon(np.array([side, -side, tip * length]) + (cx, cy), (70, 60, 80))
    canvas.mark("clock", ellipse(cx, cy, 0.5 * r, count=4))


def plant(canvas: Canvas, x: float, foot: float, size: float) -> None:
    """A potted plant, in shares of the canvas."""
    frame = np.array([size * canvas.width, size * canvas.height])
    at = np.array([x * canvas.width, foot * canvas.height])
    for a, reach in ((-2.6, 0.75), (-0.55, 0.75), (-2.0, 0.95), (-1.1, 0.95), (-1.57, 1.05)):
        tip, side = np.array([cos(a), sin(a)]) * reach, np.array([-sin(a), cos(a)]) * 0.16
        leaf = smooth([(0, 0), tip * 0.5 + side, tip, tip * 0.5 - side], 3) + (0, -0.45)
        canvas.polygon(leaf * frame + at, mix(GREEN, (40, 90, 90), 0.3 if a in (-2.0, -1.1) else 0.05))
    canvas.polygon(np.array([(-0.3, -0.5), (0.3, -0.5), (0.22, 0), (-0.22, 0)]) * frame + at, (206, 120, 88))
    canvas.mark("plant", np.array([(0, -0.25), (0, -0.8), (0, -0.6)]) * frame + at)


def bed(canvas: Canvas, x: float, floor: float, flip: bool, color: Color) -> None:
    """A bed along the wall, its head at x."""
    s = -1 if flip else 1

    def piece(a: float, b: float, y0: float, y1: float, paint: Color) -> None:
        left, right = sorted((x + s * a, x + s * b))
        box(canvas, left, floor + y0, right, floor + y1, paint)

    piece(0, 0.04, -0.24, 0.14, WOOD)
    piece(0.04, 0.6, 0.02, 0.1, mix(WOOD, (70, 40, 60), 0.3))
    piece(0.04, 0.6, -0.07, 0.04, WHITE)
    piece(0.2, 0.61, -0.09, 0.06, color)
    piece(0.2, 0.25, -0.09, 0.06, mix(color, WHITE, 0.6))
    piece(0.05, 0.18, -0.13, -0.06, mix(color, WHITE, 0.75))
    left, right = sorted((x + s * 0.05, x + s * 0.6))
    mark_box(canvas, "bed", left, floor - 0.08, right, floor + 0.05)
