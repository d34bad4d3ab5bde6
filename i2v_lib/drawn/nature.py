"""Landscapes, painted without outlines from far to near."""

from __future__ import annotations

from functools import cache
from math import pi
from random import Random

import numpy as np

from i2v_lib.drawn.canvas import Canvas, Color, mix
from i2v_lib.drawn.shapes import ellipse, star, tube
from i2v_lib.drawn.sky import day_sky, grid, hills, mark_area
from i2v_lib.drawn.stencil import WHITE, blossom

LEAVES: tuple[Color, ...] = ((82, 160, 84), (104, 178, 84), (58, 140, 96), (230, 150, 70), (250, 178, 200))


@cache
def _foliage(kind: int) -> np.ndarray:
    """A leafy crown of radius 1 with uneven bumps."""
    rng = Random(kind)
    bumps = rng.randint(6, 8)
    angle = np.linspace(0, 2 * pi, 8 * bumps, endpoint=False)
    reach = 0.8 + 0.2 * np.abs(np.sin(bumps * angle / 2)) + 0.06 * np.sin(2 * angle + rng.uniform(0, 6))
    return np.column_stack([reach * np.cos(angle), 0.9 * reach * np.sin(angle)])


_FIR = np.array([(0, -1), (-0.28, -0.45), (-0.14, -0.48), (-0.44, 0), (-0.2, -0.04), (-0.56, 0.5),
     (0.56, 0.5), (0.2, -0.04),
                 (0.44, 0), (0.14, -0.48), (0.28, -0.45)])  # fmt: skip


def tree(canvas: Canvas, rng: Random, x: float, foot: float, size: float, color: Color) -> None:
    """A round tree of some height standing at ``foot``, lit from the left."""
    trunk = np.array([(-0.05, 0), (-0.035, -0.5), (0.035, -0.5), (0.05, 0)])
    canvas.polygon(trunk * size + (x, foot), (118, 84, 72))
    crown = _foliage(rng.randrange(6)) * 0.34 * size
    canvas.polygon(crown + (x, foot - 0.64 * size), mix(color, (40, 60, 110), 0.28))
    canvas.polygon(crown * 0.8 + (x - 0.05 * size, foot - 0.7 * size), color)
    canvas.mark(
        "tree",
        np.array([(x, foot - 0.75 * size), (x, foot - 0.5 * size), (x - 0.15 * size, foot - 0.65 * size)]),
    )


def fir(canvas: Canvas, x: float, foot: float, size: float, color: Color, snow: bool = False) -> None:
    """A fir of some height, perhaps with snow on its left."""
    shape = _FIR * size * 0.66 + (x, foot - 0.33 * size)
    canvas.polygon(shape, color)
    if snow:
        canvas.polygon(_FIR[[0, 1, 2, 3, 4, 5]] * size * 0.66 + (x, foot - 0.33 * size), (236, 244, 252))
    canvas.mark("tree", np.array([(x, foot - 0.3 * size), (x, foot - 0.5 * size), (x, foot - 0.15 * size)]))


def forest(canvas: Canvas, rng: Random) -> None:
    """Trunks in three depths in misty light, with a path of light on the ground."""
    w, h = canvas.width, canvas.height
    deep, mist = rng.choice((((44, 110, 92), (214, 244, 190)), ((40, 92, 110), (200, 240, 226)),
                             ((150, 84, 50), (255, 232, 170)), ((60, 120, 60), (240, 250, 180))))  # fmt: skip
    floor = rng.uniform(0.7, 0.82)
    canvas.gradient(mix(mist, deep, 0.35), mist, 0, floor)
    canvas.gradient(mix(mist, deep, 0.4), mix(deep, (20, 50, 40), 0.2), floor, 1)
    for depth in (0.3, 0.6, 1.0):
        color = mix(mist, mix(deep, (52, 40, 48), 0.55), depth)
        for i in range(3):
            x = w * (
                (i + rng.random() * 0.8) / 3 if depth < 1 else (rng.uniform(0, 0.14), rng.uniform(0.86, 1), 1.2)[i]
            )
            r, foot = w * (0.012 + 0.04 * depth), h * (floor + 0.2 * depth**2)
            trunk = np.array([(x - r * 1.6, foot), (x - r, foot - 0.1 * h), (x - 0.8 * r, 0),
                 (x + 0.8 * r, 0),
                              (x + r, foot - 0.1 * h), (x + r * 1.6, foot)])  # fmt: skip
            canvas.polygon(trunk, color)
            if 0 < x < w and depth > 0.5:
                canvas.mark("tree", np.array([(x, 0.3 * h), (x, 0.45 * h), (x, 0.6 * h)]))
    for i in range(5):  # the canopy frames the picture from above
        crown = _foliage(i) * w * rng.uniform(0.17, 0.24) + (w * (i + 0.3) / 4.6, h * 0.02)
        canvas.polygon(crown, mix(deep, mist, rng.choice((0.05, 0.2, 0.3))))
    lean = rng.uniform(0.1, 0.25) * w
    for i in range(2):
        x = w * (0.35 + 0.3 * i)
        canvas.polygon(np.array([(x, floor * h), (x + 0.12 * w, floor * h), (x + lean + 0.06 * w, 0.14 * h),
                                 (x + lean + 0.02 * w, 0.14 * h)]), mix(mist, WHITE, 0.55))  # fmt: skip
    mark_area(canvas, "forest")


def _water(canvas: Canvas, rng: Random, horizon: float, far: Color, near: Color, foot: float = 1.0) -> None:
    """Open water with glints that widen towards us."""
    canvas.gradient(far, near, horizon, foot)
    glint = mix(far, WHITE, 0.55)
    for i in range(7):
        depth = ((i + rng.random()) / 7) ** 1.4
        x, y = canvas.width * rng.random(), canvas.height * (horizon + 0.02 + (foot - horizon) * 0.9 * depth)
        half, thick = canvas.width * (0.03 + 0.11 * depth), canvas.height * (0.004 + 0.008 * depth)
        canvas.polygon(np.array([(x - half, y), (x, y - thick), (x + half, y), (x, y + thick)]), glint)
    canvas.mark("water", grid(0, horizon * canvas.height, canvas.width, foot * canvas.height))


SEAS: tuple[tuple[Color, Color], ...] = (
    ((70, 160, 216), (34, 96, 180)),
    ((110, 206, 214), (30, 134, 176)),
    ((96, 150, 220), (40, 70, 150)),
)


def sea(canvas: Canvas, rng: Random) -> None:
    """The open sea, perhaps with an island or a sail on the horizon."""
    w, h = canvas.width, canvas.height
    horizon = rng.uniform(0.42, 0.68)
    day_sky(canvas, rng, horizon)
    far, near = rng.choice(SEAS)
    if rng.random() < 0.5:
        x, half = w * rng.choice((0.15, 0.8)), w * rng.uniform(0.12, 0.22)
        island = [(-1, 0), (-0.6, -0.3), (-0.1, -0.52), (0.25, -0.3), (0.6, -0.36), (1, 0)]
        canvas.polygon(np.array(island) * half + (x, horizon * h), mix(far, (90, 150, 110), 0.6))
    _water(canvas, rng, horizon, far, near)
    if rng.random() < 0.4:
        x, y, r = w * rng.uniform(0.3, 0.7), h * (horizon + 0.03), w * 0.06
        canvas.polygon(np.array([(0, -1.6), (0, -0.2), (-0.9, -0.2)]) * r + (x, y), WHITE)
        canvas.polygon(np.array([(0.12, -1.3), (0.8, -0.2), (0.12, -0.2)]) * r + (x, y), (255, 214, 190))
        canvas.polygon(np.array([(-1, -0.1), (1, -0.1), (0.6, 0.35), (-0.6, 0.35)]) * r + (x, y), (150, 90, 80))
    mark_area(canvas, "sea", horizon, 1)
    mark_area(canvas, "sky", 0, horizon)


def beach(canvas: Canvas, rng: Random) -> None:
    """Sea, a curved line of foam, sand, perhaps a palm."""
    w, h = canvas.width, canvas.height
    horizon, shore = rng.uniform(0.36, 0.48), rng.uniform(0.62, 0.74)
    day_sky(canvas, rng, horizon)
    far, near = rng.choice(SEAS)
    _water(canvas, rng, horizon, far, mix(near, (120, 224, 224), 0.6), shore + 0.1)
    x = np.linspace(0, 1, 12)
    line = shore + 0.05 * np.sin(x * rng.uniform(3, 6) + rng.uniform(0, 6)) + rng.uniform(-0.1, 0.1) * (x - 0.5)
    foot = [(1.0, 1.0), (0.0, 1.0)]
    for drop, color in ((-0.018, WHITE), (0.012, (214, 190, 146)), (0.05, (248, 226, 176))):
        edge = np.concatenate([np.column_stack([x, line + drop]), foot]) * (w, h)
        canvas.polygon(edge, color)
    if rng.random() < 0.55:
        side = rng.choice((-1, 1))
        top = np.array([w * (0.5 + side * 0.3), h * 0.2])
        base = (w * (0.5 + side * 0.42), h * 0.86)
        canvas.polygon(
            tube([base, (w * (0.5 + side * 0.4), h * 0.5), top], [0.03 * w, 0.022 * w, 0.016 * w]),
            (150, 108, 80),
        )
        for i, a in enumerate(np.linspace(-3.0, 0.6, 6)):
            tip = top + np.array([np.cos(a), np.sin(a) * 0.7 + 0.25]) * 0.24 * w
            middle = (top + tip) / 2 - (0, 0.06 * h)
            canvas.polygon(tube([top, middle, tip], [0.012 * w, 0.034 * w, 0.0]), ((52, 140, 90), (76, 170, 98))[i % 2])
        canvas.mark("tree", np.array([top, top + (0, 0.02 * h), base]))
    else:
        fx, fy = w * rng.uniform(0.15, 0.85), h * 0.92
        canvas.polygon(star(fx, fy, 0.05 * w, 0.024 * w, 5, rng.random()), (244, 130, 100))
    mark_area(canvas, "beach", shore + 0.08, 1)
    canvas.mark("sea", grid(0, horizon * h, w, shore * h))


BLOOMS: tuple[tuple[Color, Color], ...] = (
    ((255, 240, 120), WHITE),
    ((255, 150, 180), (255, 214, 226)),
    ((170, 130, 230), (230, 200, 255)),
    ((250, 110, 90), (255, 210, 110)),
    ((255, 206, 60), (255, 170, 50)),
)


def field(canvas: Canvas, rng: Random) -> None:
    """A field of flowers, small far away and large at our feet."""
    w, h = canvas.width, canvas.height
    horizon = rng.uniform(0.45, 0.62)
    day_sky(canvas, rng, horizon)
    green = rng.choice(((110, 184, 96), (130, 190, 90), (90, 170, 110)))
    hills(canvas, rng, horizon, 0.12, mix(green, (150, 200, 230), 0.45))
    if rng.random() < 0.5:
        tree(
            canvas,
            rng,
            w * rng.choice((0.16, 0.84)),
            h * (horizon + 0.07),
            h * 0.34,
            mix(green, (60, 130, 80), 0.4),
        )
    canvas.gradient(mix(green, WHITE, 0.12), mix(green, (30, 90, 70), 0.25), horizon, 1)
    colors = rng.choice(BLOOMS)
    near = []
    for i in range(22):
        depth = i / 21
        x = w * ((i * 0.618 + 0.12 * rng.random()) % 1)
        y = h * (horizon + 0.06 + (0.92 - horizon) * depth**1.5)
        r = w * (0.008 + 0.042 * depth**1.6)
        if depth < 0.5:
            canvas.polygon(ellipse(x, y, r * 1.3, r, 8), colors[i % 2])
            continue
        canvas.polygon(blossom(0, 0, 1) * (r, 0.85 * r) + (x, y), colors[i % 2])
        canvas.polygon(ellipse(x, y, 0.3 * r, count=8), (250, 190, 60) if colors[0][2] > 100 else (130, 80, 50))
        near.append((x, y))
    canvas.mark("flower", np.array(near))
    mark_area(canvas, "field", horizon + 0.05, 1)
    mark_area(canvas, "sky", 0, horizon)
