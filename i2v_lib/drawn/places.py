"""Built places out of doors: a city, a street, a shrine."""

from __future__ import annotations

from random import Random

import numpy as np

from i2v_lib.drawn.canvas import Canvas, Color, mix
from i2v_lib.drawn.nature import tree
from i2v_lib.drawn.shapes import rectangle
from i2v_lib.drawn.sky import DUSK, clouds, day_sky, hills, mark_area, night_sky
from i2v_lib.drawn.stencil import WHITE

LIT: tuple[Color, ...] = ((255, 224, 130), (255, 240, 190), (255, 190, 110))


def _tower(
    canvas: Canvas,
    rng: Random,
    x0: float,
    x1: float,
    top: float,
    foot: float,
    wall: Color,
    window: Color,
    rows: int,
) -> None:
    """A tall building with a shaded side and rows of windows, some of them dark."""
    width = x1 - x0
    canvas.polygon(rectangle(x0, top, x1, foot), wall)
    canvas.polygon(rectangle(x0 + 0.78 * width, top, x1, foot), mix(wall, (30, 30, 80), 0.25))
    roof = rng.choice(("flat", "box", "mast"))
    if roof == "box":
        canvas.polygon(rectangle(x0 + 0.2 * width, top - 0.12 * width, x0 + 0.6 * width, top), wall)
    elif roof == "mast":
        canvas.polygon(rectangle(x0 + 0.44 * width, top - 0.5 * width, x0 + 0.52 * width, top), wall)
    for row in range(rows):
        y = top + 0.16 * width + row * 0.34 * width
        if y > foot or rng.random() < 0.15:
            continue
        left, right = sorted(rng.sample((0.1, 0.32, 0.54, 0.74), 2))
        canvas.polygon(rectangle(x0 + left * width, y, x0 + right * width, y + 0.15 * width), window)


def city(canvas: Canvas, rng: Random) -> None:
    """Towers in three depths, by day, at dusk or by night with lit windows."""
    w, h = canvas.width, canvas.height
    hour = rng.choice(("day", "dusk", "night"))
    if hour == "day":
        top, haze = day_sky(canvas, rng)
        near, window = rng.choice(((104, 122, 160), (150, 124, 128), (96, 138, 150))), (214, 238, 252)
    elif hour == "dusk":
        top, haze = rng.choice(DUSK)
        canvas.gradient(top, haze, 0, 0.9)
        clouds(canvas, rng, 0.6, mix(haze, WHITE, 0.35), mix(top, haze, 0.5))
        near, window = mix(top, (50, 36, 80), 0.6), LIT[0]
    else:
        night_sky(canvas, rng)
        haze, near, window = (
            (64, 76, 140),
            rng.choice(((26, 30, 66), (40, 28, 70), (20, 38, 66))),
            rng.choice(LIT),
        )
    bright = 0.5 if hour == "day" else 0.95  # glass by day, lamps by night
    level = rng.uniform(0.0, 0.16)
    x = -0.02 * w
    while x < w:
        width = w * rng.uniform(0.07, 0.12)
        canvas.polygon(rectangle(x, h * (level + rng.uniform(0.34, 0.56)), x + width, h), mix(haze, near, 0.35))
        x += width
    for depth, (low, high), (thin, thick), rows in (
        (0.65, (0.42, 0.66), (0.13, 0.18), 5),
        (1.0, (0.6, 0.8), (0.2, 0.28), 3),
    ):
        x = -w * rng.uniform(0, 0.1)
        while x < w:
            width = w * rng.uniform(thin, thick)
            y = h * (level + rng.uniform(low, high))
            wall = mix(mix(haze, near, depth), (rng.randrange(256), 110, 150), 0.1)
            _tower(canvas, rng, x, x + width, y, h, wall, mix(wall, window, depth * bright), rows)
            canvas.mark(
                "building",
                np.array([(x + s * width, y + t * (h - y)) for s in (0.3, 0.7) for t in (0.2, 0.6)]),
            )
            x += width * rng.choice((1.0, 1.0, 1.25))
    mark_area(canvas, "city", level + 0.6, 1)


def street(canvas: Canvas, rng: Random) -> None:
    """A street between houses that meet at a vanishing point."""
    w, h = canvas.width, canvas.height
    vx, vy = w * rng.uniform(0.4, 0.6), h * rng.uniform(0.5, 0.6)
    hour_is_night = rng.random() < 0.25
    if hour_is_night:
        night_sky(canvas, rng, 0.7)
    else:
        day_sky(canvas, rng, 0.7)
    dim = 0.55 if hour_is_night else 0.0
    walls = rng.sample(
        (
            (240, 206, 170),
            (214, 222, 230),
            (236, 180, 160),
            (196, 214, 190),
            (250, 232, 196),
            (190, 196, 220),
        ),
        4,
    )
    canvas.polygon(rectangle(0, vy, w, h), mix((196, 186, 180), (30, 30, 70), dim))
    road = [(vx - 0.03 * w, vy), (vx + 0.03 * w, vy), (vx + 0.55 * w, h), (vx - 0.55 * w, h)]
    canvas.polygon(np.array(road), mix((128, 130, 146), (26, 28, 60), dim))
    for near, far in ((0.95, 0.62), (0.55, 0.32), (0.26, 0.14)):  # dashes along the middle
        y0, y1 = vy + (h - vy) * near, vy + (h - vy) * far
        a, b = 0.022 * w * near, 0.022 * w * far
        canvas.polygon(np.array([(vx - a, y0), (vx - b, y1), (vx + b, y1), (vx + a, y0)]), (250, 244, 220))
    for side in (-1, 1):
        for k, (near, far) in enumerate(((0.24, 0.12), (0.5, 0.25), (1.15, 0.52))):
            wall = mix(walls[(k + side) % 4], (40, 40, 90), dim + 0.12 * (side > 0))
            tall = rng.uniform(0.75, 1.0)

            def at(depth: float, level: float, side=side) -> tuple[float, float]:
                """A point on this side's wall: depth 1 at the picture's edge, level 0 at the ground,
                1 at the roof."""
                return vx + side * depth * 0.62 * w, vy + depth * (0.36 - 1.15 * level) * h

            canvas.polygon(np.array([at(near, 0), at(near, tall), at(far, tall), at(far, 0)]), wall)
            canvas.polygon(
                np.array([at(near, tall), at(near, tall + 0.09), at(far, tall + 0.09), at(far, tall)]),
                mix(wall, (90, 50, 60), 0.5),
            )
            glass = LIT[0] if hour_is_night else (156, 200, 226)
            for low in (0.14, 0.52):
                a, b = near + (far - near) * 0.28, near + (far - near) * 0.72
                canvas.polygon(np.array([at(a, low), at(a, low + 0.2), at(b, low + 0.2), at(b, low)]), glass)
            if k == 2:
                awning = rng.choice(((226, 92, 92), (82, 150, 190), (98, 168, 110)))
                a, b = near, far + 0.06
                canvas.polygon(np.array([at(a, 0.42), at(a, 0.5), at(b, 0.5), at(b, 0.42)]), awning)
                middle = np.array(at((near + far) / 2, 0.5))
                canvas.mark("building", np.array([middle, at(0.7, 0.3), at(0.7, 0.8), at(0.6, 0.5)]))
    mark_area(canvas, "street", 0.65, 1)


def shrine(canvas: Canvas, rng: Random) -> None:
    """A red torii over a stone path, woods behind."""
    w, h = canvas.width, canvas.height
    foot = rng.uniform(0.72, 0.8)
    day_sky(canvas, rng, foot)
    leaf = rng.choice(((92, 160, 96), (244, 170, 190), (232, 140, 70), (70, 140, 110)))
    hills(canvas, rng, foot - 0.04, 0.16, mix(leaf, (150, 180, 220), 0.45))
    ground = mix(leaf, (120, 130, 90), 0.55)
    canvas.gradient(mix(ground, WHITE, 0.15), mix(ground, (50, 60, 80), 0.25), foot - 0.02, 1)
    x = w * rng.uniform(0.42, 0.58)
    far = h * (foot - 0.02)
    path = np.array([(x - 0.05 * w, far), (x + 0.05 * w, far), (x + 0.34 * w, h), (x - 0.34 * w, h)])
    canvas.polygon(path, (212, 206, 204))
    for share in (0.25, 0.55):
        y, half = h * (foot + (1 - foot) * share), w * (0.05 + 0.29 * share)
        canvas.polygon(rectangle(x - half, y, x + half, y + 0.012 * h), (172, 166, 172))
    for side in (-1, 1):
        tree(
            canvas,
            rng,
            x + side * w * rng.uniform(0.42, 0.5),
            h * (foot + 0.04),
            h * rng.uniform(0.55, 0.7),
            leaf,
        )
    width, top = w * rng.uniform(0.29, 0.36), h * rng.uniform(0.16, 0.26)
    red, deep, low = (222, 66, 52), (168, 42, 52), h * (foot + 0.07)
    t = 0.034 * w
    for side in (-1, 1):
        px = x + side * width * 0.72
        canvas.polygon(
            np.array(
                [
                    (px - t, top + t),
                    (px + t, top + t),
                    (px + side * 0.6 * t + t, low),
                    (px + side * 0.6 * t - t, low),
                ]
            ),
            red,
        )
        canvas.polygon(
            np.array(
                [
                    (px + 0.3 * t, top + t),
                    (px + t, top + t),
                    (px + side * 0.6 * t + t, low),
                    (px + side * 0.6 * t + 0.3 * t, low),
                ]
            ),
            deep,
        )
        canvas.polygon(
            rectangle(px + side * 0.6 * t - 1.3 * t, low - 1.3 * t, px + side * 0.6 * t + 1.3 * t, low),
            (60, 50, 66),
        )
    bar = top + 0.15 * h
    canvas.polygon(rectangle(x - 0.92 * width, bar, x + 0.92 * width, bar + 1.3 * t), red)
    canvas.polygon(rectangle(x - 0.09 * width, top + t, x + 0.09 * width, bar + 0.4 * t), deep)
    beam = np.array(
        [
            (-1.2, -1.5),
            (-0.6, -0.75),
            (0, -0.6),
            (0.6, -0.75),
            (1.2, -1.5),
            (1.12, 0.3),
            (0.6, 0.9),
            (0, 1),
            (-0.6, 0.9),
            (-1.12, 0.3),
        ]
    )
    canvas.polygon(beam * (width, t) + (x, top + 0.6 * t), red)
    lid = np.concatenate([beam[:5], (beam[:5] + (0, 0.8))[::-1]])
    canvas.polygon(lid * (width * 1.04, t) + (x, top + 0.3 * t), (66, 52, 70))
    canvas.mark(
        "torii",
        np.array(
            [
                (x - 0.6 * width, top + t),
                (x + 0.6 * width, top + t),
                (x - 0.73 * width, h * 0.55),
                (x + 0.73 * width, h * 0.55),
            ]
        ),
    )
    mark_area(canvas, "shrine", 0.2, 0.9)
