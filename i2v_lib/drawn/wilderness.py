"""Landscapes of height, cold, wet and depth: mountains, snow, rain, the deep sea, space."""

from __future__ import annotations

from random import Random

import numpy as np

from i2v_lib.drawn.canvas import Canvas, Color, Frame, mix
from i2v_lib.drawn.nature import fir
from i2v_lib.drawn.shapes import ellipse, smooth, tube
from i2v_lib.drawn.sky import cloud, day_sky, hills, mark_area, stars
from i2v_lib.drawn.stencil import WHITE


def _peak(canvas: Canvas, x: float, foot: float, width: float, height: float, rock: Color) -> None:
    """A mountain with a shaded flank and a jagged cap of snow."""
    frame = np.array([width, height])
    canvas.polygon(np.array([(-0.5, 0), (-0.2, -0.6), (0, -1), (0.26, -0.55), (0.5, 0)]) * frame + (x, foot), rock)
    shade = np.array([(0, -1), (0.26, -0.55), (0.5, 0), (0.06, 0), (0.1, -0.4), (-0.02, -0.6)])
    canvas.polygon(shade * frame + (x, foot), mix(rock, (50, 50, 110), 0.3))
    snow = np.array(
        [(0, -1), (0.15, -0.74), (0.08, -0.66), (0.02, -0.74), (-0.04, -0.62), (-0.08, -0.7), (-0.16, -0.68)]
    )
    canvas.polygon(snow * frame + (x, foot), (246, 250, 255))


def mountain(canvas: Canvas, rng: Random) -> None:
    """Snowy peaks over forested hills."""
    w, h = canvas.width, canvas.height
    foot = rng.uniform(0.62, 0.78)
    top, bottom = day_sky(canvas, rng, foot, cloudy=False)
    x, width, height = w * rng.uniform(0.3, 0.7), w * rng.uniform(0.75, 1), h * rng.uniform(0.42, 0.56)
    rock = rng.choice(((112, 128, 170), (134, 124, 150), (96, 130, 160)))
    side = rng.choice((-1, 1))
    _peak(canvas, x + side * 0.45 * w, foot * h, 0.7 * w, 0.7 * height, mix(rock, bottom, 0.5))
    _peak(canvas, x, foot * h, width, height, rock)
    for _ in range(2):
        cloud(
            canvas,
            rng,
            w * rng.random(),
            h * foot * rng.uniform(0.35, 0.8),
            w * 0.3,
            WHITE,
            mix(bottom, (190, 210, 240), 0.5),
        )
    green = rng.choice(((70, 140, 90), (90, 150, 70), (60, 120, 110)))
    hills(canvas, rng, foot, 0.08, mix(green, bottom, 0.3))
    hills(canvas, rng, foot + 0.16, 0.1, green, 2)
    for i in range(5):
        fir(
            canvas,
            w * (i + rng.random()) / 5,
            h * (foot + rng.uniform(0.18, 0.26)),
            h * 0.2,
            mix(green, (20, 60, 60), 0.4),
        )
    canvas.mark("mountain", np.array([(x, foot * h - height * s) for s in (0.3, 0.5, 0.7)]))
    mark_area(canvas, "sky", 0, foot - height / h)


def snow(canvas: Canvas, rng: Random) -> None:
    """Firs and drifts under a winter sky, with falling flakes."""
    w, h = canvas.width, canvas.height
    foot = rng.uniform(0.58, 0.7)
    top, bottom = rng.choice(
        (
            ((150, 184, 220), (234, 240, 248)),
            ((196, 180, 214), (250, 232, 226)),
            ((36, 50, 98), (120, 140, 190)),
        )
    )
    canvas.gradient(top, bottom, 0, foot + 0.05)
    light = mix((240, 246, 255), top, 0.12)
    hills(canvas, rng, foot + 0.05, 0.2, mix(light, top, 0.35))
    for i in range(4):
        fir(
            canvas,
            w * (i + 0.2 + 0.6 * rng.random()) / 4,
            h * (foot + 0.08),
            h * rng.uniform(0.26, 0.36),
            mix((60, 104, 110), top, 0.35),
            True,
        )
    hills(canvas, rng, foot + 0.15, 0.1, mix(light, top, 0.1), 2)
    side = rng.choice((0.12, 0.88))
    fir(canvas, w * side, h * (foot + 0.26), h * rng.uniform(0.5, 0.62), (52, 96, 104), True)
    hills(canvas, rng, foot + 0.32, 0.12, light, 2)
    for i in range(14):
        x, y = w * (i + rng.random()) / 14, h * ((i * 0.618 + 0.1 * rng.random()) % 1)
        canvas.polygon(ellipse(x, y, canvas.side * rng.choice((0.008, 0.012, 0.016)), count=8), WHITE)
    mark_area(canvas, "snow", foot + 0.1, 1)


def rain(canvas: Canvas, rng: Random) -> None:
    """Grey clouds, slanting rain, puddles with rings."""
    w, h = canvas.width, canvas.height
    top, bottom = rng.choice(
        (((84, 98, 128), (168, 184, 204)), ((70, 84, 110), (140, 160, 180)), ((98, 96, 132), (184, 184, 206)))
    )
    foot = rng.uniform(0.68, 0.8)
    canvas.gradient(top, bottom, 0, foot)
    for _ in range(3):
        cloud(
            canvas,
            rng,
            w * rng.random(),
            h * rng.uniform(0.1, 0.24),
            w * rng.uniform(0.5, 0.8),
            mix(top, WHITE, 0.2),
            mix(top, (40, 46, 70), 0.3),
        )
    hills(canvas, rng, foot + 0.02, 0.14, mix(bottom, (70, 100, 100), 0.45))
    canvas.gradient(mix(bottom, (90, 110, 120), 0.5), mix(top, (60, 80, 100), 0.4), foot, 1)
    for i in range(4):
        x, y, r = w * (i + rng.random()) / 4, h * rng.uniform(foot + 0.06, 0.96), w * rng.uniform(0.05, 0.09)
        canvas.polygon(ellipse(x, y, r, 0.3 * r, 16), mix(bottom, WHITE, 0.35))
        canvas.polygon(ellipse(x, y, 0.72 * r, 0.18 * r, 12), mix(bottom, top, 0.5))
    streak = mix(bottom, WHITE, 0.65)
    lean = rng.uniform(-0.3, 0.3)
    for i in range(24):
        x, y = w * (i + rng.random()) / 24, h * ((i * 0.618 + 0.1 * rng.random()) % 1)
        length, thick = h * rng.uniform(0.07, 0.13), canvas.side * 0.0045
        canvas.polygon(np.array([(x - thick, y), (x + thick, y), (x + lean * length, y + length)]), streak)
    mark_area(canvas, "rain")


def underwater(canvas: Canvas, rng: Random) -> None:
    """Shafts of light from above, weed, coral, a school of fish, bubbles."""
    w, h = canvas.width, canvas.height
    top, bottom = rng.choice(
        (((110, 214, 232), (16, 74, 140)), ((90, 190, 240), (30, 50, 130)), ((130, 230, 214), (14, 90, 120)))
    )
    canvas.gradient(top, bottom)
    for i in range(3):
        x = w * (0.1 + 0.3 * i + 0.1 * rng.random())
        ray = np.array([(x, 0), (x + 0.11 * w, 0), (x - 0.08 * w, 0.7 * h), (x - 0.13 * w, 0.7 * h)])
        canvas.polygon(ray * (1, rng.uniform(0.7, 1.1)), mix(top, mix(bottom, WHITE, 0.35), 0.3))
    hills(canvas, rng, 0.94, 0.12, mix(bottom, (226, 206, 160), 0.45))
    for i in range(5):
        x, sway = w * (rng.uniform(0.02, 0.3) if i % 2 else rng.uniform(0.7, 0.98)), 0.03 * w
        height = h * rng.uniform(0.18, 0.4)
        points = [(x + sway * (-1) ** k, h - height * k / 3) for k in range(4)]
        color = ((40, 130, 110), (230, 110, 130), (60, 160, 120))[i % 3]
        canvas.polygon(tube(points, [0.02 * w, 0.024 * w, 0.02 * w, 0.0]), color)
    color = rng.choice(((255, 170, 70), (255, 226, 110), (250, 130, 150)))
    flip = rng.random() < 0.5
    fishes = []
    for _ in range(4):
        frame = Frame(w * rng.uniform(0.12, 0.88), h * rng.uniform(0.15, 0.7), w * rng.uniform(0.04, 0.075), 0.0, flip)
        canvas.polygon(frame.map(_FISH), color)
        canvas.polygon(frame.map(ellipse(0.55, -0.1, 0.13, count=6)), (40, 40, 60))
        fishes.append(frame.origin)
    canvas.mark("fish", np.array(fishes))
    for i in range(7):
        x, y, r = w * rng.random(), h * (i + rng.random()) / 7, w * rng.uniform(0.01, 0.024)
        canvas.polygon(ellipse(x, y, r, count=12), mix(top, WHITE, 0.6))
    mark_area(canvas, "underwater")


_FISH = smooth([(1, 0), (0.4, -0.45), (-0.3, -0.3), (-0.75, 0), (-1.2, -0.45), (-1.2, -0.45), (-1.2, 0.45),
                (-1.2, 0.45), (-0.75, 0), (-0.3, 0.3), (0.4, 0.45)], 2)  # fmt: skip

NEBULAS: tuple[tuple[Color, Color, Color], ...] = (
    ((18, 12, 46), (60, 30, 96), (220, 110, 190)),
    ((8, 16, 44), (20, 60, 100), (90, 190, 230)),
    ((26, 10, 36), (80, 34, 70), (255, 150, 110)),
)
PLANETS: tuple[Color, ...] = ((240, 170, 110), (120, 180, 230), (200, 130, 200), (140, 210, 170))


def space(canvas: Canvas, rng: Random) -> None:
    """Stars, a glowing nebula and a planet, perhaps with a ring."""
    w, h = canvas.width, canvas.height
    top, bottom, glow = rng.choice(NEBULAS)
    canvas.gradient(top, bottom)
    angle = rng.uniform(-0.6, 0.6)
    for i in range(2):
        x = w * (0.28 + 0.4 * i)
        canvas.glow(x, h * (0.5 + angle * (i - 0.5)), 0.34 * w, mix(glow, bottom, 0.25 * i), 0.5)
    stars(canvas, rng, 1.0, 22)
    x, y, r = w * rng.choice((0.2, 0.8)), h * rng.choice((0.24, 0.76)), w * rng.uniform(0.12, 0.22)
    color = rng.choice(PLANETS)
    canvas.polygon(ellipse(x, y, r, count=36), mix(color, (30, 20, 70), 0.5))
    canvas.polygon(ellipse(x - 0.1 * r, y - 0.1 * r, 0.86 * r, count=36), color)
    for dy, half in ((-0.35, 0.6), (0.12, 0.72)):
        canvas.polygon(ellipse(x - 0.1 * r, y + dy * r, half * r, 0.09 * r, 16), mix(color, WHITE, 0.4))
    if rng.random() < 0.6:
        frame = Frame(x, y, r, angle)
        outer, inner = (ellipse(0, 0, s, 0.3 * s, 40)[:21] for s in (1.75, 1.35))
        canvas.polygon(frame.map(np.concatenate([outer, inner[::-1]])), mix(color, (255, 240, 210), 0.6))
    canvas.mark("planet", np.concatenate([ellipse(x, y, 0.5 * r, count=4), [(x, y)]]))
    mark_area(canvas, "space")
