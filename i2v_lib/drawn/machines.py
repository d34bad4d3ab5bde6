"""Vehicles, toy-like, in two views or models each, and all machines by name.

The middle at the origin, some 6 to 8 head radii wide, going right; the caller's frame may flip them.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np

from i2v_lib.drawn.canvas import Canvas, Color, Frame
from i2v_lib.drawn.robots import draw_mecha, draw_robot
from i2v_lib.drawn.shapes import ellipse, rectangle, smooth, star
from i2v_lib.drawn.stencil import (
    GLASS,
    GOLD,
    INK,
    IRON,
    STEEL,
    WHITE,
    Layer,
    Stencil,
    accent,
    dark,
    fill,
    ink,
    main,
    mirror,
    pale,
)

Draw = Callable[[Canvas, Frame, Random, Color, Color], None]


def _wheel(x: float, y: float, radius: float) -> tuple[Layer, ...]:
    """A tire with a bright hub."""
    return (ink(ellipse(x, y, radius, count=18), IRON), fill(ellipse(x, y, 0.5 * radius, count=12), STEEL))


PLANES = (
    Stencil(  # a propeller plane from the side
        ink([(-3.3, -0.2), (-3.9, -1.9), (-3, -1.9), (-2.1, -0.5)], accent),
        ink(ellipse(3.75, 0, 0.14, 1.5, 14), STEEL),
        ink(smooth([(-3.7, -0.3), (-1.5, -0.85), (0.6, -1.05), (2.6, -0.85), (3.5, -0.2), (3.4, 0.5),
                    (2, 0.95), (-1, 0.75), (-3.2, 0.2)], 3), main, lit=True),
        ink(ellipse(3.6, 0, 0.3, 0.34, 10), accent),
        ink(smooth([(-0.4, -0.95), (0, -1.7), (1, -1.75), (1.5, -0.95)], 3), GLASS),
        ink([(-0.9, 0.1), (1.1, 0.1), (0.1, 1.5), (-1.5, 1.5)], accent),
        ink([(-3.7, -0.35), (-2.4, -0.35), (-3.2, 0.35), (-4.3, 0.35)], accent),
        fill(star(-1.8, -0.2, 0.42, 0.18, 5, -np.pi / 2), WHITE),
        *_wheel(1.7, 1.5, 0.36),
        marks=[(-2, -0.1), (0, -0.3), (1.6, 0), (2.6, 0)],
    ),
    Stencil(  # a jet from above
        ink([(-0.6, -0.5), (-2.2, -3.3), (-1.2, -3.3), (1.6, -0.5), (1.6, 0.5), (-1.2, 3.3), (-2.2, 3.3),
             (-0.6, 0.5)], accent),
        ink([(-2.6, -0.3), (-3.7, -1.4), (-3, -1.4), (-1.8, -0.3), (-1.8, 0.3), (-3, 1.4), (-3.7, 1.4),
             (-2.6, 0.3)], accent),
        ink(smooth([(-3.6, -0.35), (-1, -0.62), (2, -0.58), (3.4, -0.3), (4, 0), (3.4, 0.3), (2, 0.58),
                    (-1, 0.62), (-3.6, 0.35)], 3), main, lit=True),
        fill(smooth([(2, -0.36), (2.9, -0.25), (3.2, 0), (2.9, 0.25), (2, 0.36)], 3), GLASS),
        fill(rectangle(-3.4, -0.1, 1.6, 0.1), pale),
        *(fill(star(-1, y, 0.42, 0.18, 5), WHITE) for y in (-2.1, 2.1)),
        marks=[(-2, 0), (-0.5, 0), (1, 0), (2.5, 0)],
    ),
)  # fmt: skip

CARS = (
    Stencil(  # a small car from the side
        ink(smooth([(-2, -0.6), (-1.6, -1.8), (-0.6, -2.1), (0.6, -2), (1.4, -1.5), (2, -0.6)], 3), pale),
        fill([(-1.5, -0.7), (-1.3, -1.55), (-0.15, -1.75), (-0.15, -0.7)], GLASS),
        fill([(0.12, -0.7), (0.12, -1.75), (0.9, -1.6), (1.5, -0.7)], GLASS),
        ink(smooth([(-3.1, 0.5), (-3.1, -0.4), (-2.6, -0.75), (1.6, -0.75), (2.9, -0.4), (3.3, 0.2),
                    (3.2, 0.75), (-2.9, 0.75)], 3), main, lit=True),
        fill(rectangle(-2.9, 0.2, 3.1, 0.4), dark),
        fill(ellipse(2.85, -0.1, 0.24, 0.24, 10), (255, 240, 170)),
        fill(rectangle(-0.15, -0.5, 0.3, -0.36), WHITE),
        *_wheel(-1.75, 0.8, 0.68),
        *_wheel(1.8, 0.8, 0.68),
        marks=[(-2.5, -0.2), (-0.8, 0), (0.8, 0), (2.3, 0)],
    ),
    Stencil(  # a car from the front
        *(ink(rectangle(s * 1.75 - 0.38, 0.5, s * 1.75 + 0.38, 1.7), IRON) for s in (-1, 1)),
        *(ink(ellipse(s * 2.35, -0.65, 0.36, 0.26, 10), accent) for s in (-1, 1)),
        ink(smooth(mirror([(-1.2, -2.1), (-1.6, -1.7), (-2, -0.4), (-1.6, 0)]), 3), main),
        fill(mirror([(-1.1, -1.75), (-1.5, -0.6)]), GLASS),
        fill([(-1, -1.7), (-0.4, -1.7), (-1, -0.65), (-1.4, -0.65)], WHITE),
        ink(smooth(mirror([(-1.8, -0.5), (-2.3, -0.1), (-2.3, 0.8), (-2, 1.15)]), 3), main, lit=True),
        *(ink(ellipse(s * 1.55, 0.25, 0.42, count=14), (255, 244, 190)) for s in (-1, 1)),
        fill(rectangle(-0.85, 0.1, 0.85, 0.55), INK),
        fill(rectangle(-2, 0.8, 2, 1.05), STEEL),
        marks=[(-1, 0.7), (1, 0.7), (0, -0.3), (0, 0.3)],
    ),
)  # fmt: skip

SHIPS = (
    Stencil(  # a sailing ship
        ink(rectangle(-0.12, -4.2, 0.12, 1), (150, 100, 70)),
        ink([(0.1, -4.3), (1.2, -4), (0.1, -3.7)], accent),
        ink(smooth([(-1.9, -3.4), (-1.9, -3.4), (1.6, -3.4), (1.6, -3.4), (2.1, -1.6), (1.5, 0), (1.5, 0),
                    (-2, 0), (-2, 0), (-1.3, -1.7)], 3), WHITE),
        fill(star(0.2, -1.7, 0.8, 0.36, 5, -np.pi / 2), main),
        ink(smooth([(-3.4, 0.2), (-3.4, 0.2), (-2, 0.7), (2, 0.7), (3.8, -0.1), (3.8, -0.1), (2.8, 1.6),
                    (2, 2.2), (-2, 2.2), (-2.9, 1.5)], 3), main),
        fill([(-3, 0.75), (3.2, 0.75), (3.05, 1.05), (-2.95, 1.05)], GOLD),
        marks=[(-1.5, 1.3), (0, 1.3), (1.5, 1.3), (0, -2.7)],
    ),
    Stencil(  # a steamer
        *(ink([(x, -2.6), (x + 0.8, -2.6), (x + 0.8, -0.9), (x, -0.9)], accent) for x in (-1.2, 0.3)),
        *(fill(rectangle(x, -2.5, x + 0.8, -2.15), INK) for x in (-1.2, 0.3)),
        ink(rectangle(-2.3, -1.2, 2, 0.4), WHITE),
        *(fill(ellipse(x, -0.4, 0.26, count=12), GLASS) for x in (-1.6, -0.6, 0.4, 1.4)),
        ink([(-3.5, 0.2), (3.9, -0.1), (2.9, 1.9), (-2.8, 1.9)], main),
        fill([(-3.2, 1.1), (3.3, 1.1), (2.9, 1.9), (-2.8, 1.9)], dark),
        marks=[(-1.8, 0.8), (0, 0.8), (1.8, 0.8), (0, 0)],
    ),
)  # fmt: skip

TANKS = (
    Stencil(
        ink(rectangle(1.1, -1.35, 3.9, -0.95), IRON),
        ink(rectangle(3.7, -1.45, 4.2, -0.85), IRON),
        ink(smooth([(-1.8, -0.5), (-1.5, -1.7), (-0.5, -2), (0.8, -1.9), (1.6, -1.3),
                    (1.5, -0.5)], 3), main, lit=True),
        ink([(-3.1, 0.4), (-2.6, -0.6), (2.6, -0.6), (3.4, 0.4)], main),
        fill(star(-0.2, -1.2, 0.46, 0.2, 5, -np.pi / 2), accent),
        ink(smooth([(-3, 0.3), (3, 0.3), (3.6, 0.9), (2.8, 1.8), (-2.8, 1.8), (-3.6, 0.9)], 3), IRON),
        *(fill(ellipse(x, 1.05, 0.46, count=12), STEEL) for x in (-2.4, -1.2, 0, 1.2, 2.4)),
        marks=[(-1, -1.2), (0.8, -1), (-1.5, 0), (1.5, 0)],
    ),
    Stencil(
        *(ink(smooth(np.array([(-0.5, -0.5), (0.5, -0.5), (0.6, 0.6), (0.5, 1.8), (-0.5, 1.8),
                               (-0.6, 0.6)]) + (s * 1.9, 0), 3), IRON)
          for s in (-1, 1)),
        *(fill(rectangle(s * 1.9 - 0.45, y, s * 1.9 + 0.45, y + 0.22), STEEL)
          for s in (-1, 1) for y in (0.1, 0.65, 1.2)),
        ink(mirror([(-1.7, -0.7), (-2.1, 0.3), (-1.4, 1.2)]), main),
        ink(smooth(mirror([(-0.8, -2.1), (-1.4, -1.7), (-1.5, -0.8), (-1, -0.4)]), 3), main, lit=True),
        ink(ellipse(0, -1, 0.55, count=16), accent),
        fill(ellipse(0, -1, 0.32, count=12), INK),
        fill(star(0, 0.4, 0.5, 0.22, 5, -np.pi / 2), WHITE),
        marks=[(-0.9, -1), (0.9, -1), (-0.9, 0.3), (0.9, 0.3)],
    ),
)  # fmt: skip

TRAINS = (
    Stencil(  # a steam engine
        ink([(2, -1.3), (1.8, -2.7), (2.9, -2.7), (2.7, -1.3)], IRON),
        ink(ellipse(0.7, -1.4, 0.42, 0.5, 12), GOLD),
        ink(rectangle(-3, -2.7, -0.8, 1), main),
        ink(rectangle(-3.3, -3, -0.5, -2.55), accent),
        fill(rectangle(-2.5, -2.1, -1.3, -0.9), GLASS),
        ink(smooth([(-0.8, -1.4), (-0.8, -1.4), (2.6, -1.4), (3.3, -0.8), (3.3, 0.2), (2.6, 0.8),
                    (-0.8, 0.8), (-0.8, 0.8)], 3), main),
        fill(rectangle(0.2, -1.35, 0.5, 0.8), GOLD),
        fill(rectangle(1.9, -1.35, 2.2, 0.8), GOLD),
        ink([(3, 0.9), (4.1, 1.9), (3, 1.9)], accent),
        ink(rectangle(-3, 0.7, 3.1, 1.2), IRON),
        *(layer for x in (-2.1, -0.5, 1, 2.3) for layer in _wheel(x, 1.3, 0.66)),
        marks=[(-2, -0.3), (0, 0), (1.2, -0.3), (2.6, -0.3)],
    ),
    Stencil(  # a bullet train
        ink(smooth([(-4.5, -1.5), (-4.5, -1.5), (1.6, -1.5), (3, -0.9), (4.3, 0.4), (4.4, 1), (3.8, 1.3),
                    (-4.5, 1.3), (-4.5, 1.3)], 3), WHITE),
        fill([(-4.5, 0.2), (4.1, 0.2), (4.4, 0.75), (-4.5, 0.75)], main),
        fill([(-4.5, 0.85), (4.3, 0.85), (4, 1.2), (-4.5, 1.2)], accent),
        *(fill(rectangle(x, -0.95, x + 0.8, -0.2), GLASS) for x in (-4, -2.8, -1.6, -0.4)),
        fill([(1.6, -1.1), (2.4, -0.95), (3.3, -0.25), (1.6, -0.25)], INK),
        ink(rectangle(-4, 1.3, 3.4, 1.7), IRON),
        marks=[(-3, 0.4), (-1, 0.4), (1, 0.4), (3, 0.4)],
    ),
)  # fmt: skip

ROCKETS = (
    Stencil(
        ink(smooth(mirror([(-0.5, 2.3), (-0.75, 3), (-0.2, 3.6), (0, 4.4)]), 2), (255, 150, 48)),
        fill(smooth(mirror([(-0.3, 2.3), (-0.4, 2.8), (0, 3.5)]), 2), (255, 224, 92)),
        *(ink(np.array([(0.8, 0.6), (1.9, 1.9), (1.8, 3), (0.7, 2.1)]) * (s, 1), accent) for s in (-1, 1)),
        ink(smooth(mirror([(0, -4), (-0.8, -2.7), (-1.2, -0.8), (-1.1, 1), (-0.7, 2.4)]), 3), WHITE, lit=True),
        ink(smooth(mirror([(0, -4), (0, -4), (-0.5, -3.3), (-0.85, -2.4), (-0.85, -2.4)]), 2), main, weight=0.5),
        ink(ellipse(0, -0.9, 0.62, count=18), main),
        fill(ellipse(0, -0.9, 0.42, count=14), GLASS),
        fill(rectangle(-1.02, 1.2, 1.02, 1.6), main),
        marks=[(0, -3), (0, -1.8), (0, -0.4), (0, 0.6)],
    ),
    Stencil(  # a shuttle with two boosters
        *(
            ink(smooth(mirror([(-0.2, 2), (-0.4, 2.6), (0, 3.8)]), 2) + (x, 0), (255, 170, 60))
            for x in (-1.35, 0, 1.35)
        ),
        *(ink(mirror([(0, -2.4), (-0.4, -1.7), (-0.45, 2.1)]) + (s * 1.35, 0), accent) for s in (-1, 1)),
        ink([(0, -1), (1.9, 1.9), (-1.9, 1.9)], main),
        ink(smooth(mirror([(-0.3, -3.6), (-0.75, -2.6), (-0.8, 0), (-0.8, 2.2)]), 3), WHITE, lit=True),
        fill(mirror([(-0.3, -2.9), (-0.55, -2.35)]), INK),
        fill(star(0, 0.2, 0.5, 0.22, 5, -np.pi / 2), main),
        marks=[(0, -2), (0, -0.8), (0, 0.4), (0, 1.4)],
    ),
)


def _vehicle(tag: str, models: tuple[Stencil, ...]) -> Draw:
    """A function that draws one of some models."""

    def draw(canvas: Canvas, frame: Frame, rng: Random, color: Color, accent: Color) -> None:
        rng.choice(models).draw(canvas, frame, color, accent, tag)

    return draw


draw_plane = _vehicle("airplane", PLANES)
draw_car = _vehicle("car", CARS)
draw_ship = _vehicle("ship", SHIPS)
draw_tank = _vehicle("tank", TANKS)
draw_train = _vehicle("train", TRAINS)
draw_rocket = _vehicle("rocket", ROCKETS)

MACHINES: dict[str, Draw] = {
    "robot": draw_robot,
    "mecha": draw_mecha,
    "airplane": draw_plane,
    "car": draw_car,
    "ship": draw_ship,
    "tank": draw_tank,
    "train": draw_train,
    "rocket": draw_rocket,
}
