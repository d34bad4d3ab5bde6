"""All backgrounds by name, the plain ones among them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random

import numpy as np

from i2v_lib.drawn.canvas import Canvas, Color, mix
from i2v_lib.drawn.interiors import classroom, library, room
from i2v_lib.drawn.nature import beach, field, forest, sea
from i2v_lib.drawn.places import city, shrine, street
from i2v_lib.drawn.shapes import ellipse, star
from i2v_lib.drawn.sky import mark_area, night, sky, sunset
from i2v_lib.drawn.stencil import WHITE
from i2v_lib.drawn.wilderness import mountain, rain, snow, space, underwater

Draw = Callable[[Canvas, Random], None]

PASTELS: tuple[Color, ...] = (
    (250, 206, 214), (255, 226, 190), (252, 244, 196), (206, 236, 206), (190, 226, 244), (214, 208, 244),
    (244, 208, 238),
    (176, 214, 210), (240, 190, 170), (150, 180, 220),
)  # fmt: skip


def _plain(tag: str, colors: tuple[Color, ...], canvas: Canvas, rng: Random) -> None:
    """One flat color."""
    canvas.gradient(color := rng.choice(colors), color)
    mark_area(canvas, tag)


def _simple(canvas: Canvas, rng: Random) -> None:
    """A pastel, flat or with a soft spot of light."""
    color = rng.choice(PASTELS)
    canvas.gradient(color, color)
    if rng.random() < 0.5:
        canvas.glow(canvas.width / 2, canvas.height / 2, 0.7 * canvas.side, mix(color, WHITE, 0.7))
    mark_area(canvas, "simple background")


def _gradient(canvas: Canvas, rng: Random) -> None:
    """One color that passes into another."""
    top, bottom = rng.sample(PASTELS, 2)
    canvas.gradient(mix(top, (90, 80, 170), rng.choice((0, 0.35))), bottom)
    mark_area(canvas, "gradient background")


def _tiles(canvas: Canvas, step: float) -> np.ndarray:
    """Centers of a pattern with every second row shifted: (n, 2)."""
    rows, columns = int(canvas.height / step) + 2, int(canvas.width / step) + 2
    return np.array([((c + 0.5 * (r % 2)) * step, r * step) for r in range(rows) for c in range(columns)])


def _dots(canvas: Canvas, rng: Random) -> None:
    """Large even dots."""
    color = rng.choice(PASTELS)
    canvas.gradient(color, color)
    step = canvas.side * rng.uniform(0.17, 0.23)
    dot, paint = (
        ellipse(0, 0, 0.24 * step, count=14),
        rng.choice((mix(color, WHITE, 0.65), mix(color, (150, 90, 150), 0.22))),
    )
    for center in _tiles(canvas, step):
        canvas.polygon(dot + center, paint)
    mark_area(canvas, "polka dot background")


def _stripes(canvas: Canvas, rng: Random) -> None:
    """Even stripes: upright, level or slanted."""
    color = rng.choice(PASTELS)
    canvas.gradient(color, color)
    step, paint = (
        canvas.side * rng.uniform(0.14, 0.2),
        rng.choice((mix(color, WHITE, 0.6), mix(color, (150, 90, 150), 0.2))),
    )
    w, h = canvas.width, canvas.height
    slant = rng.choice((0.0, 0.0, 1.0, -1.0))
    level = slant == 0 and rng.random() < 0.4
    for i in range(-int(h / step) - 1, int((w + h) / step) + 1):
        x = i * step
        band = np.array([(x, 0), (x + step / 2, 0), (x + step / 2 + slant * h, h), (x + slant * h, h)])
        if level:
            band = band[:, ::-1] * (w / h, h / w) if w != h else band[:, ::-1]
        if band[:, 0].max() > 0 and band[:, 0].min() < w:
            canvas.polygon(band, paint)
    mark_area(canvas, "striped background")


def _starry(canvas: Canvas, rng: Random) -> None:
    """A pattern of drawn stars, large and small in turn."""
    color = rng.choice((*PASTELS, (84, 90, 160), (120, 90, 160)))
    canvas.gradient(color, color)
    step, turn = canvas.side * rng.uniform(0.2, 0.26), rng.uniform(-0.4, 0.4)
    large, small = (star(0, 0, s * step, 0.48 * s * step, 5, turn - 1.57) for s in (0.34, 0.16))
    paint = rng.choice((mix(color, WHITE, 0.7), (255, 232, 140)))
    for i, center in enumerate(_tiles(canvas, step)):
        canvas.polygon((large, small)[i % 2] + center, paint)
    mark_area(canvas, "starry background")


BACKGROUNDS: dict[str, Draw] = {
    "sky": sky,
    "night sky": night,
    "sunset": sunset,
    "city": city,
    "street": street,
    "shrine": shrine,
    "forest": forest,
    "field": field,
    "sea": sea,
    "beach": beach,
    "mountain": mountain,
    "snow": snow,
    "rain": rain,
    "underwater": underwater,
    "space": space,
    "room": room,
    "classroom": classroom,
    "library": library,
    "white background": partial(_plain, "white background", ((255, 255, 255),)),
    "grey background": partial(_plain, "grey background", ((206, 206, 210), (176, 176, 182), (226, 226, 230))),
    "simple background": _simple,
    "gradient background": _gradient,
    "polka dot background": _dots,
    "striped background": _stripes,
    "starry background": _starry,
}

_INDOORS = {"room", "classroom", "library"}
GROUPS: dict[str, str] = {
    name: "simple" if name.endswith("background") else "indoors" if name in _INDOORS else "outdoors"
    for name in BACKGROUNDS
}
