"""The sky at all hours, and what is far away under it.

Painted without outlines, in few large shapes: at 72 pixels a background is read by its silhouettes and
by its colors.
"""

from __future__ import annotations

from functools import cache
from math import pi
from random import Random

import numpy as np

from i2v_lib.drawn.canvas import Canvas, Color, mix
from i2v_lib.drawn.shapes import ellipse, rectangle, star
from i2v_lib.drawn.stencil import WHITE

DAY: tuple[tuple[Color, Color], ...] = (
    ((92, 164, 232), (208, 236, 252)),
    ((66, 140, 220), (176, 222, 248)),
    ((120, 190, 236), (244, 244, 236)),
    ((104, 196, 214), (226, 246, 232)),
)
DUSK: tuple[tuple[Color, Color], ...] = (
    ((96, 72, 150), (255, 176, 120)),
    ((228, 104, 88), (255, 216, 140)),
    ((62, 62, 130), (250, 140, 130)),
)
NIGHT: tuple[tuple[Color, Color], ...] = (
    ((16, 20, 58), (52, 66, 128)),
    ((24, 16, 52), (92, 60, 122)),
    ((8, 18, 44), (30, 78, 110)),
)


def grid(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    """Nine points that stand for a large area: (9, 2)."""
    x, y = np.meshgrid([x0 + (x1 - x0) * s for s in (0.15, 0.5, 0.85)], [y0 + (y1 - y0) * s for s in (0.15, 0.5, 0.85)])
    return np.column_stack([x.ravel(), y.ravel()])


def mark_area(canvas: Canvas, tag: str, y0: float = 0.0, y1: float = 1.0) -> None:
    """Mark the whole width between two heights (shares of the canvas)."""
    canvas.mark(tag, grid(0, y0 * canvas.height, canvas.width, y1 * canvas.height))


@cache
def _cloud(kind: int) -> np.ndarray:
    """A cumulus 2 wide with a flat foot and uneven humps."""
    rng = Random(kind)
    middles = np.array([-0.7, -0.3, 0.17, 0.62]) + [rng.uniform(-0.06, 0.06) for _ in range(4)]
    radii = np.array([0.26, 0.33, 0.36, 0.27]) * [rng.uniform(0.85, 1.1) for _ in range(4)]
    lifts = np.array([0.0, 0.17, 0.24, 0.03]) * rng.uniform(0.6, 1.2)
    x = np.linspace(-0.94, 0.87, 37)
    reach = radii[:, None] ** 2 - (x - middles[:, None]) ** 2
    top = np.where(reach > 0, lifts[:, None] + np.sqrt(np.maximum(reach, 0)), 0).max(0)
    return np.column_stack([np.r_[x, 0.78, -0.85], np.r_[-top, 0.09, 0.09]])


def cloud(canvas: Canvas, rng: Random, x: float, y: float, size: float, light: Color, shade: Color) -> None:
    """A cloud of some width with a shaded foot, marked when large enough to be seen."""
    shape = _cloud(rng.randrange(8)) * (rng.choice((-1, 1)) * size / 2, size / 2) + (x, y)
    canvas.polygon(shape, shade)
    canvas.polygon((shape - (x, y)) * (0.93, 0.84) + (x - 0.02 * size, y - 0.03 * size), light)
    if size > 0.22 * canvas.side:
        canvas.mark("cloud", np.array([(x + dx * size, y - 0.08 * size) for dx in (-0.25, 0, 0.25)]))


def clouds(canvas: Canvas, rng: Random, horizon: float, light: Color = WHITE, shade: Color = (206, 224, 244)) -> None:
    """Two to four clouds, the far ones low and small."""
    w, h = canvas.width, canvas.height
    count = rng.randint(2, 4)
    for i in range(count):
        depth = (i + rng.uniform(0.3, 0.7)) / count
        x = w * ((i * 0.62 + rng.random() * 0.4) % 1.1)
        cloud(canvas, rng, x, h * horizon * (0.92 - 0.75 * depth), w * (0.16 + 0.42 * depth), light, shade)


def day_sky(canvas: Canvas, rng: Random, horizon: float = 1.0, cloudy: bool = True) -> tuple[Color, Color]:
    """A sky by day down to a horizon (share of the height); returns its colors above and below."""
    top, bottom = colors = rng.choice(DAY)
    canvas.gradient(top, bottom, 0, horizon)
    if rng.random() < 0.25:
        x, y = canvas.width * rng.choice((0.18, 0.82)), canvas.height * 0.17
        canvas.glow(x, y, 0.3 * canvas.side, (255, 250, 214), 0.9)
        canvas.polygon(ellipse(x, y, 0.075 * canvas.side), (255, 250, 220))
        canvas.mark("sun", ellipse(x, y, 0.04 * canvas.side, count=4))
    if cloudy:
        clouds(canvas, rng, horizon)
    if rng.random() < 0.25:
        _birds(canvas, rng, horizon)
    return colors


def _birds(canvas: Canvas, rng: Random, horizon: float) -> None:
    x, y = canvas.width * rng.uniform(0.2, 0.8), canvas.height * horizon * rng.uniform(0.15, 0.45)
    places = []
    for _ in range(3):
        x, y = x + canvas.width * rng.uniform(0.07, 0.13), y + canvas.height * rng.uniform(-0.07, 0.07)
        canvas.polygon(_GULL * 0.05 * canvas.side + (x, y), WHITE)
        places.append((x, y))
    canvas.mark("bird", np.array(places))


_GULL = np.array([(-1, -0.5), (-0.5, -0.55), (0, 0), (0.5, -0.55), (1, -0.5), (0.5, -0.25), (0, 0.4), (-0.5, -0.25)])


def moon(canvas: Canvas, rng: Random, x: float, y: float, behind: Color) -> None:
    """A full or a crescent moon before a sky of some color."""
    r = canvas.side * rng.uniform(0.07, 0.13)
    canvas.glow(x, y, 3 * r, (190, 200, 255), 0.5)
    canvas.polygon(ellipse(x, y, r, count=28), (255, 244, 200))
    kind = "full moon"
    if rng.random() < 0.45:
        kind = "crescent moon"
        canvas.polygon(ellipse(x + 0.42 * r, y - 0.16 * r, 0.84 * r, count=28), behind)
        seen = np.array([(x - 0.7 * r, y), (x - 0.5 * r, y + 0.5 * r)])
    else:
        for dx, dy, s in ((-0.3, -0.2, 0.24), (0.3, 0.35, 0.18), (0.35, -0.4, 0.12)):
            canvas.polygon(ellipse(x + dx * r, y + dy * r, s * r, count=10), (240, 222, 168))
        seen = ellipse(x, y, 0.5 * r, count=4)
    canvas.mark(kind, seen)
    canvas.mark("moon", seen)


def stars(canvas: Canvas, rng: Random, horizon: float, count: int = 16) -> None:
    """Stars of several sizes, evenly strewn."""
    places = []
    for i in range(count):
        x = canvas.width * (i + rng.random()) / count
        y = canvas.height * horizon * ((i * 0.382 + 0.2 * rng.random()) % 1)
        r = canvas.side * rng.choice((0.007, 0.009, 0.012, 0.024))
        canvas.polygon(star(x, y, r, 0.35 * r, 4), rng.choice(((255, 250, 226), (214, 228, 255))))
        places.append((x, y))
    canvas.mark("star (sky)", np.array(places))


def night_sky(canvas: Canvas, rng: Random, horizon: float = 1.0) -> None:
    """A sky by night down to a horizon (share of the height)."""
    top, bottom = rng.choice(NIGHT)
    canvas.gradient(top, bottom, 0, horizon)
    stars(canvas, rng, horizon)
    if rng.random() < 0.7:
        y = rng.uniform(0.15, 0.3)
        behind = mix(top, bottom, y / horizon)
        moon(canvas, rng, canvas.width * rng.choice((0.2, 0.78)), y * canvas.height, behind)


def hills(canvas: Canvas, rng: Random, y: float, height: float, color: Color, peaks: int = 3) -> np.ndarray:
    """A rolling skyline at a height (shares of the canvas), filled down to the foot of the picture.

    Returns
    -------
    float array, shape (n, 2)
        The skyline, on the canvas.
    """
    x = np.linspace(0, 1, 13)
    phase, wave = rng.uniform(0, 2 * pi), peaks * pi * rng.uniform(0.7, 1.2)
    line = y - height * (0.5 + 0.35 * np.sin(wave * x + phase) + 0.15 * np.sin(2.3 * wave * x + 1))
    skyline = np.column_stack([x * canvas.width, line * canvas.height])
    canvas.polygon(np.concatenate([skyline, [(canvas.width, canvas.height), (0, canvas.height)]]), color)
    return skyline


def sky(canvas: Canvas, rng: Random) -> None:
    """Nothing but clouds, seen from high up."""
    day_sky(canvas, rng, cloudy=False)
    clouds(canvas, rng, rng.uniform(0.8, 1.1))
    if rng.random() < 0.5:  # a tower of cloud rises before the others
        x, y = canvas.width * rng.random(), canvas.height * rng.uniform(0.8, 1.05)
        cloud(canvas, rng, x, y, canvas.side * 1.1, WHITE, (204, 224, 246))
    mark_area(canvas, "sky")


def night(canvas: Canvas, rng: Random) -> None:
    """Stars and the moon, perhaps over dark hills."""
    night_sky(canvas, rng)
    if rng.random() < 0.6:
        hills(canvas, rng, rng.uniform(0.85, 1.0), 0.2, (14, 20, 48))
    mark_area(canvas, "night sky", 0, 0.8)


def sunset(canvas: Canvas, rng: Random) -> None:
    """A low sun over the sea or over hills."""
    top, bottom = rng.choice(DUSK)
    horizon = rng.uniform(0.6, 0.85)
    canvas.gradient(top, bottom, 0, horizon)
    x, y, r = canvas.width * rng.uniform(0.25, 0.75), canvas.height * (horizon - 0.06), canvas.side * 0.11
    canvas.glow(x, y, 4 * r, (255, 236, 170), 0.9)
    canvas.polygon(ellipse(x, y, r, count=28), (255, 246, 206))
    canvas.mark("sun", np.array([(x, y - 0.5 * r), (x - 0.5 * r, y - 0.3 * r), (x + 0.5 * r, y - 0.3 * r)]))
    glow = mix(bottom, WHITE, 0.25)
    for _ in range(3):  # long thin clouds, lit from below
        cx, cy = canvas.width * rng.random(), canvas.height * horizon * rng.uniform(0.15, 0.7)
        length = canvas.width * rng.uniform(0.25, 0.5)
        canvas.polygon(_cloud(rng.randrange(8)) * (length / 2, length / 6) + (cx, cy), mix(top, glow, 0.7))
    if rng.random() < 0.4:
        canvas.gradient(mix(bottom, top, 0.35), mix(top, (20, 20, 60), 0.3), horizon, 1)
        for i in range(4):
            half = r * (1.3 - 0.25 * i)
            level = canvas.height * (horizon + (1 - horizon) * (0.12 + 0.2 * i))
            canvas.polygon(rectangle(x - half, level, x + half, level + 0.016 * canvas.height), (255, 230, 170))
        canvas.mark("water", grid(0, horizon * canvas.height, canvas.width, canvas.height))
    else:
        hills(canvas, rng, horizon, 0.1, mix(top, bottom, 0.35))
        hills(canvas, rng, horizon + 0.16, 0.12, mix(top, (30, 20, 50), 0.55), 2)
    mark_area(canvas, "sunset", 0, horizon)
