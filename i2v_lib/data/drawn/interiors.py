"""Rooms: a home, a classroom, a library. The wall, the floor, then furniture that leaves the middle free."""

from __future__ import annotations

from math import cos, pi, sin
from random import Random

import numpy as np

from i2v_lib.data.drawn.canvas import Canvas, Color, ellipse, mix, rectangle, smooth
from i2v_lib.data.drawn.sky import grid, mark_area
from i2v_lib.data.drawn.stencil import GOLD, GREEN, WHITE, WOOD, heart

WALLS: tuple[Color, ...] = (
    (250, 236, 214),
    (226, 236, 244),
    (250, 224, 226),
    (226, 240, 222),
    (236, 228, 246),
    (214, 200, 184),
)
FLOORS: tuple[Color, ...] = ((206, 160, 112), (176, 126, 92), (222, 190, 146), (150, 112, 100))
BOOKS: tuple[Color, ...] = (
    (206, 84, 84),
    (84, 128, 190),
    (238, 190, 92),
    (96, 158, 120),
    (150, 110, 180),
    (240, 226, 204),
)
CLOTH: tuple[Color, ...] = (
    (232, 120, 130),
    (110, 170, 210),
    (140, 190, 140),
    (250, 206, 120),
    (176, 150, 214),
)


def _box(canvas: Canvas, x0: float, y0: float, x1: float, y1: float, color: Color) -> None:
    """A rectangle in shares of the canvas."""
    canvas.polygon(
        rectangle(x0 * canvas.width, y0 * canvas.height, x1 * canvas.width, y1 * canvas.height), color
    )


def _mark(canvas: Canvas, tag: str, x0: float, y0: float, x1: float, y1: float) -> None:
    w, h = canvas.width, canvas.height
    canvas.mark(tag, grid(x0 * w, y0 * h, x1 * w, y1 * h))


def _shell(canvas: Canvas, rng: Random, wall: Color, floor: Color) -> float:
    """Wall, floor with boards and a skirting; returns the floor's height as a share."""
    y = rng.uniform(0.68, 0.78)
    canvas.gradient(mix(wall, WHITE, 0.2), mix(wall, (120, 100, 140), 0.1), 0, y)
    canvas.gradient(mix(floor, (80, 50, 70), 0.2), floor, y, 1)
    w, h = canvas.width, canvas.height
    for i in range(5):
        x = (i - 2) * 0.25
        seam = np.array([(0.5 + x, y), (0.506 + x, y), (0.515 + 1.9 * x, 1), (0.5 + 1.9 * x, 1)]) * (w, h)
        canvas.polygon(seam, mix(floor, (80, 50, 70), 0.3))
    _box(canvas, 0, y - 0.03, 1, y, mix(wall, WHITE, 0.6))
    return y


def _window(
    canvas: Canvas, rng: Random, x0: float, y0: float, x1: float, y1: float, curtain: Color | None
) -> None:
    """A window with the sky, or the night, behind its panes, perhaps with curtains."""
    w, h = canvas.width, canvas.height
    top, bottom = rng.choice(
        (
            ((120, 190, 240), (220, 240, 252)),
            ((250, 160, 110), (255, 220, 160)),
            ((30, 36, 84), (70, 84, 150)),
        )
    )
    _box(canvas, x0 - 0.015, y0 - 0.015, x1 + 0.015, y1 + 0.015, WHITE)
    _box(canvas, x0, y0, x1, y1, top)
    _box(canvas, x0, y0 + 0.6 * (y1 - y0), x1, y1, mix(top, bottom, 0.6))
    middle = (x0 + x1) / 2
    canvas.polygon(
        ellipse(
            w * (x0 + 0.7 * (x1 - x0)),
            h * (y0 + 0.35 * (y1 - y0)),
            0.16 * (x1 - x0) * w,
            0.09 * (x1 - x0) * h,
        ),
        bottom,
    )
    _box(canvas, middle - 0.008, y0, middle + 0.008, y1, WHITE)
    _box(canvas, x0, (y0 + y1) / 2 - 0.008, x1, (y0 + y1) / 2 + 0.008, WHITE)
    _box(canvas, x0 - 0.035, y1 + 0.01, x1 + 0.035, y1 + 0.04, (236, 226, 220))
    _mark(canvas, "window", x0, y0, x1, y1)
    if curtain:
        low = y1 + 0.08
        for edge, tie, tip in ((x0 - 0.06, x0 + 0.02, middle - 0.06), (x1 + 0.06, x1 - 0.02, middle + 0.06)):
            drape = np.array([(edge, y0 - 0.05), (tip, y0 - 0.05), ((tip + tie) / 2, y0 + 0.4 * (y1 - y0)),
                 (tie, y0 + 0.62 * (y1 - y0)),
                              ((tie * 2 + tip) / 3, low), (edge, low)])  # fmt: skip
            canvas.polygon(drape * (w, h), curtain)
            fold = np.array(
                [
                    (edge, y0 - 0.05),
                    ((edge + tip) / 2, y0 - 0.05),
                    (edge + (tie - edge) * 0.4, y0 + 0.62 * (y1 - y0)),
                    (edge, low),
                ]
            )
            canvas.polygon(fold * (w, h), mix(curtain, (80, 60, 110), 0.18))
        _box(canvas, x0 - 0.09, y0 - 0.07, x1 + 0.09, y0 - 0.045, WOOD)
        canvas.mark(
            "curtains",
            np.array(
                [
                    ((x0 - 0.03) * w, (y0 + 0.1) * h),
                    ((x1 + 0.03) * w, (y0 + 0.1) * h),
                    ((x0 - 0.03) * w, y1 * h),
                ]
            ),
        )


def _books(canvas: Canvas, rng: Random, x0: float, x1: float, foot: float, height: float, count: int) -> None:
    """A row of spines, a few of them missing."""
    step = (x1 - x0) / count
    for i in range(count):
        if rng.random() < 0.88:
            top = foot - height * rng.uniform(0.66, 0.95)
            _box(canvas, x0 + step * i, top, x0 + step * (i + 0.88), foot, BOOKS[rng.randrange(6)])


def _bookshelf(
    canvas: Canvas,
    rng: Random,
    x0: float,
    x1: float,
    top: float,
    foot: float,
    rows: int,
    wood: Color,
    books: int,
) -> None:
    """A case of rows of books."""
    _box(canvas, x0, top, x1, foot, wood)
    step = (foot - top - 0.02) / rows
    for i in range(rows):
        y = top + 0.02 + step * i
        _box(canvas, x0 + 0.018, y, x1 - 0.018, y + step - 0.02, mix(wood, (50, 30, 50), 0.5))
        _books(canvas, rng, x0 + 0.022, x1 - 0.022, y + step - 0.02, step - 0.02, books)
    _mark(canvas, "bookshelf", x0, top, x1, foot)


def _clock(canvas: Canvas, rng: Random, x: float, y: float) -> None:
    """A round clock on the wall."""
    r, cx, cy = 0.06 * canvas.side, x * canvas.width, y * canvas.height
    canvas.polygon(ellipse(cx, cy, r, count=24), (110, 90, 100))
    canvas.polygon(ellipse(cx, cy, 0.82 * r, count=24), WHITE)
    for length, thick in ((0.7, 0.07), (0.45, 0.1)):
        a = rng.uniform(0, 2 * pi)
        tip, side = np.array([sin(a), -cos(a)]) * r, np.array([cos(a), sin(a)]) * r * thick
        canvas.polygon(np.array([side, -side, tip * length]) + (cx, cy), (70, 60, 80))
    canvas.mark("clock", ellipse(cx, cy, 0.5 * r, count=4))


def _plant(canvas: Canvas, x: float, foot: float, size: float) -> None:
    """A potted plant, in shares of the canvas."""
    frame = np.array([size * canvas.width, size * canvas.height])
    at = np.array([x * canvas.width, foot * canvas.height])
    for a, reach in ((-2.6, 0.75), (-0.55, 0.75), (-2.0, 0.95), (-1.1, 0.95), (-1.57, 1.05)):
        tip, side = np.array([cos(a), sin(a)]) * reach, np.array([-sin(a), cos(a)]) * 0.16
        leaf = smooth([(0, 0), tip * 0.5 + side, tip, tip * 0.5 - side], 3) + (0, -0.45)
        canvas.polygon(leaf * frame + at, mix(GREEN, (40, 90, 90), 0.3 if a in (-2.0, -1.1) else 0.05))
    canvas.polygon(np.array([(-0.3, -0.5), (0.3, -0.5), (0.22, 0), (-0.22, 0)]) * frame + at, (206, 120, 88))
    canvas.mark("plant", np.array([(0, -0.25), (0, -0.8), (0, -0.6)]) * frame + at)


def _bed(canvas: Canvas, x: float, floor: float, flip: bool, color: Color) -> None:
    """A bed along the wall, its head at x."""
    s = -1 if flip else 1

    def box(a: float, b: float, y0: float, y1: float, paint: Color) -> None:
        left, right = sorted((x + s * a, x + s * b))
        _box(canvas, left, floor + y0, right, floor + y1, paint)

    box(0, 0.04, -0.24, 0.14, WOOD)
    box(0.04, 0.6, 0.02, 0.1, mix(WOOD, (70, 40, 60), 0.3))
    box(0.04, 0.6, -0.07, 0.04, WHITE)
    box(0.2, 0.61, -0.09, 0.06, color)
    box(0.2, 0.25, -0.09, 0.06, mix(color, WHITE, 0.6))
    box(0.05, 0.18, -0.13, -0.06, mix(color, WHITE, 0.75))
    left, right = sorted((x + s * 0.05, x + s * 0.6))
    _mark(canvas, "bed", left, floor - 0.08, right, floor + 0.05)


def room(canvas: Canvas, rng: Random) -> None:
    """A room at home: a window with curtains, and on the sides a bookshelf, a bed, a lamp, a clock,
    a plant."""
    wall, cloth = rng.choice(WALLS), rng.choice(CLOTH)
    floor = _shell(canvas, rng, wall, rng.choice(FLOORS))
    left = rng.random() < 0.5

    def near(x: float) -> float:
        """A place on the busy side of the room."""
        return x if left else 1 - x

    a, b = sorted((near(0.5), near(0.82)))
    _window(canvas, rng, a, 0.16, b, 0.5, cloth if rng.random() < 0.75 else None)
    choice = rng.choice(("bookshelf", "bed", "picture"))
    if choice == "bookshelf":
        a, b = sorted((near(0.03), near(0.31)))
        _bookshelf(
            canvas,
            rng,
            a,
            b,
            0.2,
            floor + 0.05,
            4,
            rng.choice(((168, 112, 68), (132, 90, 76), (236, 226, 214))),
            6,
        )
        _plant(canvas, near(0.93), floor + 0.1, 0.2)
    elif choice == "bed":
        _bed(canvas, near(0.02), floor + 0.04, not left, cloth)
        _clock(canvas, rng, near(0.2), 0.24)
    else:
        a, b = sorted((near(0.08), near(0.3)))
        _box(canvas, a, 0.22, b, 0.42, GOLD)
        _box(canvas, a + 0.02, 0.24, b - 0.02, 0.4, (190, 222, 236))
        canvas.polygon(heart((a + b) / 2 * canvas.width, 0.32 * canvas.height, 0.045 * canvas.side), cloth)
        _plant(canvas, near(0.12), floor + 0.1, 0.26)
    w, h = canvas.width, canvas.height
    canvas.polygon(ellipse(0.5 * w, 0.93 * h, 0.36 * w, 0.07 * h, 28), mix(cloth, WHITE, 0.25))
    canvas.polygon(ellipse(0.5 * w, 0.93 * h, 0.29 * w, 0.052 * h, 28), mix(cloth, WHITE, 0.55))
    mark_area(canvas, "room", 0, 1)


def classroom(canvas: Canvas, rng: Random) -> None:
    """A blackboard, a clock, a window on one side and desks in front."""
    wall = rng.choice(WALLS[:4])
    floor = _shell(canvas, rng, wall, rng.choice(FLOORS))
    left = rng.random() < 0.5
    a, b = (0.3, 0.97) if left else (0.03, 0.7)
    _box(canvas, a - 0.015, 0.185, b + 0.015, 0.555, WOOD)
    board = rng.choice(((52, 96, 84), (58, 108, 78), (56, 74, 86)))
    _box(canvas, a, 0.2, b, 0.54, board)
    for i in range(3):  # writing, no letters
        _box(
            canvas,
            a + 0.05,
            0.26 + 0.08 * i,
            a + rng.uniform(0.2, 0.5),
            0.275 + 0.08 * i,
            mix(board, WHITE, 0.7),
        )
    canvas.polygon(heart((b - 0.1) * canvas.width, 0.42 * canvas.height, 0.04 * canvas.side), (255, 190, 200))
    _mark(canvas, "blackboard", a, 0.2, b, 0.54)
    _clock(canvas, rng, (a + b) / 2, 0.1)
    x0, x1 = (0.03, 0.22) if left else (0.78, 0.97)
    _window(canvas, rng, x0, 0.14, x1, 0.52, None)
    w, h = canvas.width, canvas.height
    for i in range(3):
        x, y = 0.17 + 0.33 * i, floor + 0.08
        for leg in (-0.1, 0.09):
            _box(canvas, x + leg, y, x + leg + 0.015, y + 0.17, (126, 130, 146))
        canvas.polygon(
            np.array([(x - 0.11, y - 0.035), (x + 0.11, y - 0.035), (x + 0.13, y), (x - 0.13, y)]) * (w, h),
            (232, 190, 136),
        )
        _box(canvas, x - 0.13, y, x + 0.13, y + 0.035, (196, 146, 98))
        canvas.mark("desk", np.array([((x - 0.08) * w, (y + 0.01) * h), ((x + 0.08) * w, (y + 0.01) * h)]))
    mark_area(canvas, "classroom", 0, 1)


def library(canvas: Canvas, rng: Random) -> None:
    """Tall shelves on both sides of an aisle with an arched window."""
    wood = rng.choice(((140, 92, 66), (116, 74, 66), (164, 116, 76)))
    floor = _shell(canvas, rng, mix(wood, (255, 236, 200), 0.6), mix(wood, (200, 150, 110), 0.4))
    w, h = canvas.width, canvas.height
    x = rng.uniform(0.46, 0.54)
    arch = np.concatenate(
        [
            ellipse(x, 0.26, 0.1, 0.13, 24)[12:],
            [(x + 0.1, 0.26), (x + 0.1, 0.55), (x - 0.1, 0.55), (x - 0.1, 0.26)],
        ]
    )
    canvas.polygon((arch - (x, 0.34)) * (1.18, 1.1) * (w, h) + (x * w, 0.34 * h), wood)
    canvas.polygon(arch * (w, h), rng.choice(((255, 240, 190), (190, 226, 250), (70, 84, 150))))
    _box(canvas, x - 0.007, 0.13, x + 0.007, 0.55, wood)
    _box(canvas, x - 0.1, 0.33, x + 0.1, 0.345, wood)
    canvas.mark("window", grid((x - 0.09) * w, 0.2 * h, (x + 0.09) * w, 0.55 * h))
    canvas.glow(x * w, 0.4 * h, 0.4 * w, (255, 240, 200), 0.4)
    for edge in (x - 0.17, x + 0.17):  # the far cases
        outer = edge + (-0.13 if edge < x else 0.13)
        _bookshelf(
            canvas, rng, *sorted((edge, outer)), 0.14, floor + 0.02, 4, mix(wood, (255, 230, 190), 0.18), 3
        )
    _bookshelf(canvas, rng, -0.05, x - 0.28, 0.02, floor + 0.14, 4, wood, 4)
    _bookshelf(canvas, rng, x + 0.28, 1.05, 0.02, floor + 0.14, 4, wood, 4)
    mark_area(canvas, "library", 0, 1)
