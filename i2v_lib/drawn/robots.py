"""Robots of heads, torsos, arms and legs: the chest at the origin, one head radius as the unit."""

from __future__ import annotations

from random import Random

import numpy as np

from i2v_lib.drawn.canvas import Canvas, Color, Frame
from i2v_lib.drawn.shapes import ellipse, rectangle, smooth, star, tube
from i2v_lib.drawn.stencil import (
    GOLD,
    INK,
    IRON,
    STEEL,
    WHITE,
    Paint,
    Stencil,
    accent,
    dark,
    fill,
    ink,
    main,
    mirror,
    pale,
)

LAMP: Color = (120, 240, 250)


def _slab(x: float, y: float, paint: Paint, cut: float = 0.25, y0: float = 0.0):
    """An inked box with cut corners, x wide and y tall, its top at y0."""
    half = [(-x / 2 + cut, y0), (-x / 2, y0 + cut), (-x / 2, y0 + y - cut), (-x / 2 + cut, y0 + y)]
    return ink(mirror(half), paint, lit=True)


# heads stand on the neck
HEADS = {
    "box": Stencil(
        ink(rectangle(-0.07, -2.9, 0.07, -2), IRON),
        ink(ellipse(0, -3, 0.26, count=12), accent),
        ink(rectangle(-1.5, -1.5, 1.5, -0.7), accent),
        _slab(2.5, 2.1, main, 0.3, -2.1),
        fill(rectangle(-0.95, -1.7, 0.95, -0.85), INK),
        *(fill(ellipse(s * 0.48, -1.28, 0.3, count=12), LAMP) for s in (-1, 1)),
        fill(rectangle(-0.5, -0.55, 0.5, -0.35), INK),
        marks=[(-0.7, -1.3), (0.7, -1.3), (0, -0.6)],
    ),
    "dome": Stencil(
        ink(smooth(mirror([(-0.6, -2.2), (-1.2, -1.6), (-1.3, -0.7), (-1.25, 0)])), main, lit=True),
        ink(ellipse(0, -1.05, 0.62, count=18), WHITE),
        fill(ellipse(0, -1.05, 0.42, count=14), LAMP),
        fill(ellipse(0, -1.05, 0.22, count=10), INK),
        fill(rectangle(-1.2, -0.22, 1.2, 0), accent),
        marks=[(-0.9, -0.8), (0.9, -0.8), (0, -1.6)],
    ),
    "screen": Stencil(
        *(ink(tube([(s * 0.5, -1.9), (s * 0.9, -2.9)], [0.09, 0.09]), IRON) for s in (-1, 1)),
        *(ink(ellipse(s * 0.95, -3, 0.22, count=10), accent) for s in (-1, 1)),
        ink(smooth(mirror([(-1.2, -2), (-1.65, -1.6), (-1.65, -0.5), (-1.2, -0.1)]), 3), main),
        fill(smooth(mirror([(-1, -1.75), (-1.35, -1.45), (-1.35, -0.65), (-1, -0.35)]), 3), (40, 52, 80)),
        *(
            fill(smooth([(s * 0.55 - 0.3, -1), (s * 0.55, -1.42), (s * 0.55 + 0.3, -1), (s * 0.55, -1.2)], 3), LAMP)
            for s in (-1, 1)
        ),
        fill(smooth([(-0.25, -0.82), (0, -0.62), (0.25, -0.82), (0, -0.74)], 3), LAMP),
        marks=[(-0.9, -0.6), (0.9, -0.6), (0, -1.5)],
    ),
    "fin": Stencil(
        ink([(-0.15, -1.5), (-1.7, -2.8), (-0.45, -1.35)], GOLD),
        ink([(0.15, -1.5), (1.7, -2.8), (0.45, -1.35)], GOLD),
        ink(mirror([(0, -1.9), (-0.6, -1.7), (-0.95, -1), (-0.85, -0.3), (-0.4, 0.05)]), WHITE),
        fill(mirror([(0, -0.92), (-0.75, -1.12), (-0.7, -0.75), (0, -0.6)]), INK),
        *(fill([(s * 0.12, -0.86), (s * 0.62, -1.02), (s * 0.58, -0.8)], (255, 226, 90)) for s in (-1, 1)),
        fill([(0, -1.95), (-0.28, -1.4), (0, -1.15), (0.28, -1.4)], accent),
        fill([(-0.25, -0.3), (0.25, -0.3), (0.15, 0), (-0.15, 0)], accent),
        marks=[(-0.4, -0.4), (0.4, -0.4), (0, -1.6)],
    ),
}

# torsos hang from the neck at (0, -1.5); shoulders at (±1.5, -1), hips at (0, 1.2)
TORSOS = {
    "box": Stencil(
        _slab(2.9, 2.8, main, 0.25, -1.5),
        fill(rectangle(-0.95, -1, 0.95, 0.05), pale),
        fill(ellipse(-0.45, -0.48, 0.28, count=12), accent),
        fill(rectangle(0.05, -0.75, 0.75, -0.6), IRON),
        fill(rectangle(0.05, -0.4, 0.75, -0.25), IRON),
        fill(rectangle(-1.4, 0.5, 1.4, 0.75), dark),
        marks=[(-0.8, -0.5), (0.8, -0.5), (0, 0.6)],
    ),
    "barrel": Stencil(
        ink(smooth(mirror([(-0.7, -1.55), (-1.5, -1), (-1.7, 0), (-1.2, 1.1), (-0.5, 1.4)])), main, lit=True),
        ink(ellipse(0, -0.15, 0.72, count=18), STEEL, weight=0.7),
        fill(star(0, -0.15, 0.56, 0.26, 5, -np.pi / 2), accent),
        marks=[(-0.9, -0.3), (0.9, -0.3), (0, 0.8)],
    ),
    "armor": Stencil(
        ink(mirror([(-0.7, -0.1), (-0.75, 1.3), (-0.4, 1.5)]), IRON),
        ink(mirror([(-0.5, -1.55), (-1.5, -1.4), (-1.6, -0.5), (-0.85, 0.35), (0, 0.5)]), main),
        fill(mirror([(-0.25, -1.1), (-1.25, -1.1), (-1.15, -0.6), (-0.4, -0.25)]), accent),
        fill([(-0.25, -0.3), (0.25, -0.3), (0, 0.3)], GOLD),
        ink(mirror([(-0.5, 0.85), (-1.25, 0.95), (-1, 1.75), (0, 1.5)]), WHITE),
        marks=[(-0.8, -0.5), (0.8, -0.5), (0, -0.1)],
    ),
}

# arms hang from the shoulder
ARMS = {
    "claw": Stencil(
        ink(tube([(0, 0), (0.25, 0.9), (0.3, 1.7)], [0.22, 0.2, 0.22]), IRON),
        ink(ellipse(0, 0, 0.48, count=14), main),
        ink(
            [
                (-0.1, 1.6),
                (0.7, 1.6),
                (0.95, 2.3),
                (0.62, 2.75),
                (0.6, 2.25),
                (0.3, 2.05),
                (0.02, 2.25),
                (0, 2.75),
                (-0.35, 2.3),
            ],
            accent,
        ),
        marks=[(0, 0)],
    ),
    "block": Stencil(
        ink([(-0.25, 0), (0.35, 0), (0.45, 1.3), (-0.1, 1.3)], IRON),
        ink([(-0.35, 1), (0.65, 1), (0.75, 2.5), (-0.3, 2.5)], main),
        fill([(-0.33, 1.3), (0.67, 1.3), (0.68, 1.55), (-0.33, 1.55)], pale),
        ink(mirror([(-0.28, 2.45), (-0.36, 2.75), (-0.3, 3.15)]) + (0.2, 0), IRON),
        ink(mirror([(0, -0.65), (-0.6, -0.5), (-0.75, 0.4), (-0.4, 0.6)]) + (0.1, 0), accent),
        marks=[(0, 0)],
    ),
}

# legs stand below the hips
LEGS = {
    "stumps": Stencil(
        *(ink(rectangle(s * 0.75 - 0.3, 1.1, s * 0.75 + 0.3, 3.2), IRON) for s in (-1, 1)),
        *(ink(np.array([(-0.45, 2.9), (0.45, 2.9), (0.75, 3.9), (-0.75, 3.9)]) + (s * 0.85, 0), accent)
          for s in (-1, 1)),
        marks=[(-0.85, 3.5), (0.85, 3.5)],
    ),
    "treads": Stencil(
        ink(rectangle(-0.5, 1.1, 0.5, 2.2), IRON),
        ink(smooth(mirror([(-1.6, 1.9), (-2.2, 2.3), (-2.2, 2.9), (-1.6, 3.4)]), 3), IRON),
        *(fill(ellipse(x, 2.65, 0.42, count=12), STEEL) for x in (-1.4, 0, 1.4)),
        *(fill(ellipse(x, 2.65, 0.2, count=8), accent) for x in (-1.4, 0, 1.4)),
        marks=[(-1.2, 2.6), (1.2, 2.6)],
    ),
    "hover": Stencil(
        ink(mirror([(-0.35, 3.1), (-0.16, 3.5), (0, 3.9)]), LAMP, weight=0.5),
        ink(smooth(mirror([(-0.8, 1.1), (-0.75, 2.1), (-0.45, 2.8), (-0.3, 3.1)]), 3), accent, lit=True),
        fill(rectangle(-0.8, 1.4, 0.8, 1.65), dark),
        marks=[(0, 1.8), (0, 2.4)],
    ),
    "spider": Stencil(
        *(ink(tube([(s * 0.6, 0.9), (s * x, y), (s * (x + 0.7), 3.6)], [0.28, 0.25, 0.08], 4), p)
          for s in (-1, 1) for x, y, p in ((2.6, 0.2, IRON), (1.7, 1.3, accent))),
        marks=[(-1.6, 1.2), (1.6, 1.2)],
    ),
    "greaves": Stencil(
        *(ink(np.array([(-0.32, 1.2), (0.36, 1.2), (0.36, 3), (-0.26, 3)]) + (s * 0.72, 0), IRON)
          for s in (-1, 1)),
        *(ink(np.array([(-0.42, 2.7), (0, 2.35), (0.42, 2.7), (0.62, 4.6),
                        (-0.62, 4.6)]) + (s * 0.85, 0), WHITE)
          for s in (-1, 1)),
        *(ink(np.array([(-0.55, 4.45), (0.55, 4.45), (0.8, 5.1), (-0.8, 5.1)]) + (s * 0.92, 0), main)
          for s in (-1, 1)),
        *(fill(np.array([(-0.2, 2.75), (0, 2.6), (0.2, 2.75), (0, 3.4)]) + (s * 0.85, 0), accent)
          for s in (-1, 1)),
        marks=[(-0.85, 3.7), (0.85, 3.7)],
    ),
}  # fmt: skip

# head, torso, arms and legs that go well together
FRIENDLY = (
    ("box", "box", "claw", "stumps"),
    ("dome", "barrel", "claw", "hover"),
    ("screen", "barrel", "claw", "stumps"),
    ("dome", "box", "claw", "treads"),
    ("screen", "box", "claw", "treads"),
    ("dome", "barrel", "claw", "spider"),
    ("box", "barrel", "claw", "treads"),
)
MECHA = ("fin", "armor", "block", "greaves")


def draw_robot(canvas: Canvas, frame: Frame, rng: Random, color: Color, accent: Color) -> None:
    """A robot of one of several builds, some 7 head radii tall; one in four is a mecha."""
    if rng.random() < 0.25:
        draw_mecha(canvas, frame, rng, color, accent)
    else:
        _assemble(canvas, frame, rng, color, accent, rng.choice(FRIENDLY))


def draw_mecha(canvas: Canvas, frame: Frame, rng: Random, color: Color, accent: Color) -> None:
    """A tall armored robot with horns, some 8 head radii tall."""
    _assemble(canvas, frame, rng, color, accent, MECHA)
    canvas.mark("mecha", frame.map([(-0.8, -0.5), (0.8, -0.5), (0, -2.5), (0, 0)]))


def _assemble(
    canvas: Canvas, frame: Frame, rng: Random, color: Color, accent: Color, build: tuple[str, str, str, str]
) -> None:
    """Draw a robot's parts back to front, each arm at an angle of its own."""
    head, torso, arm, legs = build
    LEGS[legs].draw(canvas, frame, color, accent)
    for side in (-1, 1):
        swing = rng.choice((-0.15, -0.5, -0.8, -2.3))
        shoulder = frame.child(side * 1.55, -0.95, 1.0, side * swing, side < 0)
        ARMS[arm].draw(canvas, shoulder, color, accent)
    TORSOS[torso].draw(canvas, frame, color, accent)
    HEADS[head].draw(canvas, frame.child(0, -1.5, 1.0, rng.uniform(-0.12, 0.12)), color, accent)
    canvas.mark("robot", frame.map([(-0.8, -0.5), (0.8, -0.5), (0, -2.5), (0, 0.5)]))
