"""Rooms: a home, a classroom, a library. The wall, the floor, then furniture that leaves the middle free."""

from __future__ import annotations

from random import Random

import numpy as np

from i2v_lib.drawn.canvas import Canvas, Color, mix
from i2v_lib.drawn.furniture import bed, bookshelf, box, clock, mark_box, plant, window
from i2v_lib.drawn.shapes import ellipse
from i2v_lib.drawn.sky import grid, mark_area
from i2v_lib.drawn.stencil import GOLD, WHITE, WOOD, heart

WALLS: tuple[Color, ...] = (
    (250, 236, 214), (226, 236, 244), (250, 224, 226), (226, 240, 222), (236, 228, 246), (214, 200, 184),
)  # fmt: skip
FLOORS: tuple[Color, ...] = ((206, 160, 112), (176, 126, 92), (222, 190, 146), (150, 112, 100))
CLOTHS: tuple[Color, ...] = (
    (232, 120, 130), (110, 170, 210), (140, 190, 140), (250, 206, 120), (176, 150, 214),
)  # fmt: skip


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
    box(canvas, 0, y - 0.03, 1, y, mix(wall, WHITE, 0.6))
    return y


def room(canvas: Canvas, rng: Random) -> None:
    """A room at home: a window, and a bookshelf, a bed or a picture beside it."""
    wall, cloth = rng.choice(WALLS), rng.choice(CLOTHS)
    floor = _shell(canvas, rng, wall, rng.choice(FLOORS))
    left = rng.random() < 0.5

    def near(x: float) -> float:
        """A place on the busy side of the room."""
        return x if left else 1 - x

    a, b = sorted((near(0.5), near(0.82)))
    window(canvas, rng, a, 0.16, b, 0.5, cloth if rng.random() < 0.75 else None)
    choice = rng.choice(("bookshelf", "bed", "picture"))
    if choice == "bookshelf":
        a, b = sorted((near(0.03), near(0.31)))
        wood = rng.choice(((168, 112, 68), (132, 90, 76), (236, 226, 214)))
        bookshelf(canvas, rng, a, b, 0.2, floor + 0.05, 4, wood, 6)
        plant(canvas, near(0.93), floor + 0.1, 0.2)
    elif choice == "bed":
        bed(canvas, near(0.02), floor + 0.04, not left, cloth)
        clock(canvas, rng, near(0.2), 0.24)
    else:
        a, b = sorted((near(0.08), near(0.3)))
        box(canvas, a, 0.22, b, 0.42, GOLD)
        box(canvas, a + 0.02, 0.24, b - 0.02, 0.4, (190, 222, 236))
        canvas.polygon(heart((a + b) / 2 * canvas.width, 0.32 * canvas.height, 0.045 * canvas.side), cloth)
        plant(canvas, near(0.12), floor + 0.1, 0.26)
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
    box(canvas, a - 0.015, 0.185, b + 0.015, 0.555, WOOD)
    board = rng.choice(((52, 96, 84), (58, 108, 78), (56, 74, 86)))
    box(canvas, a, 0.2, b, 0.54, board)
    for i in range(3):  # writing, no letters
        y = 0.26 + 0.08 * i
        box(canvas, a + 0.05, y, a + rng.uniform(0.2, 0.5), y + 0.015, mix(board, WHITE, 0.7))
    canvas.polygon(heart((b - 0.1) * canvas.width, 0.42 * canvas.height, 0.04 * canvas.side), (255, 190, 200))
    mark_box(canvas, "blackboard", a, 0.2, b, 0.54)
    clock(canvas, rng, (a + b) / 2, 0.1)
    x0, x1 = (0.03, 0.22) if left else (0.78, 0.97)
    window(canvas, rng, x0, 0.14, x1, 0.52, None)
    w, h = canvas.width, canvas.height
    for i in range(3):
        x, y = 0.17 + 0.33 * i, floor + 0.08
        for leg in (-0.1, 0.09):
            box(canvas, x + leg, y, x + leg + 0.015, y + 0.17, (126, 130, 146))
        top = np.array([(x - 0.11, y - 0.035), (x + 0.11, y - 0.035), (x + 0.13, y), (x - 0.13, y)])
        canvas.polygon(top * (w, h), (232, 190, 136))
        box(canvas, x - 0.13, y, x + 0.13, y + 0.035, (196, 146, 98))
        canvas.mark("desk", np.array([((x - 0.08) * w, (y + 0.01) * h), ((x + 0.08) * w, (y + 0.01) * h)]))
    mark_area(canvas, "classroom", 0, 1)


def library(canvas: Canvas, rng: Random) -> None:
    """Tall shelves on both sides of an aisle with an arched window."""
    wood = rng.choice(((140, 92, 66), (116, 74, 66), (164, 116, 76)))
    floor = _shell(canvas, rng, mix(wood, (255, 236, 200), 0.6), mix(wood, (200, 150, 110), 0.4))
    w, h = canvas.width, canvas.height
    x = rng.uniform(0.46, 0.54)
    sides = [(x + 0.1, 0.26), (x + 0.1, 0.55), (x - 0.1, 0.55), (x - 0.1, 0.26)]
    arch = np.concatenate([ellipse(x, 0.26, 0.1, 0.13, 24)[12:], sides])
    canvas.polygon((arch - (x, 0.34)) * (1.18, 1.1) * (w, h) + (x * w, 0.34 * h), wood)
    canvas.polygon(arch * (w, h), rng.choice(((255, 240, 190), (190, 226, 250), (70, 84, 150))))
    box(canvas, x - 0.007, 0.13, x + 0.007, 0.55, wood)
    box(canvas, x - 0.1, 0.33, x + 0.1, 0.345, wood)
    canvas.mark("window", grid((x - 0.09) * w, 0.2 * h, (x + 0.09) * w, 0.55 * h))
    canvas.glow(x * w, 0.4 * h, 0.4 * w, (255, 240, 200), 0.4)
    for edge in (x - 0.17, x + 0.17):  # the far cases
        outer = edge + (-0.13 if edge < x else 0.13)
        far = mix(wood, (255, 230, 190), 0.18)
        bookshelf(canvas, rng, *sorted((edge, outer)), 0.14, floor + 0.02, 4, far, 3)
    bookshelf(canvas, rng, -0.05, x - 0.28, 0.02, floor + 0.14, 4, wood, 4)
    bookshelf(canvas, rng, x + 0.28, 1.05, 0.02, floor + 0.14, 4, wood, 4)
    mark_area(canvas, "library", 0, 1)
