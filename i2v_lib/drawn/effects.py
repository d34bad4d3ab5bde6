"""Effects drawn over or behind figures: bursts, sparkles, falling things, balloons of speech.

Every effect takes a place and a size in canvas pixels. Falling things cover the whole picture; their pieces
are a tenth of the size.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import cos, pi, sin
from random import Random

import numpy as np

from i2v_lib.drawn.canvas import Canvas, Color, Frame, mix
from i2v_lib.drawn.shapes import ellipse, rectangle, smooth, star, tube
from i2v_lib.drawn.stencil import GOLD, INK, WHITE, Stencil, fill, heart, ink, main, mirror, pale, turned

YELLOW: Color = (255, 224, 92)
ORANGE: Color = (255, 150, 48)
PINKS: tuple[Color, ...] = ((255, 196, 212), (255, 172, 196), (255, 222, 230))


@cache
def _puff(bumps: int) -> np.ndarray:
    """A round cloud of radius 1: (12 * bumps, 2)."""
    angle = np.linspace(0, 2 * pi, 12 * bumps, endpoint=False)
    reach = 0.84 + 0.16 * np.abs(np.sin(bumps * angle / 2))
    return np.column_stack([reach * np.cos(angle), reach * np.sin(angle)])


def _burst(rng: Random, tips: int, inner: float) -> np.ndarray:
    """A star of radius about 1 with tips of uneven length: (2 * tips, 2)."""
    reach = np.array([rng.uniform(0.78, 1.08) if i % 2 == 0 else inner for i in range(2 * tips)])
    return star(0, 0, 1, 1, tips, rng.uniform(0, pi)) * reach[:, None]


def explosion(canvas: Canvas, rng: Random, x: float, y: float, size: float) -> None:
    """A comic burst of fire with puffs of smoke behind it."""
    turn = rng.uniform(0, 2 * pi)
    for i in range(3):
        a, r = turn + i * 2.1, size * rng.uniform(0.2, 0.28)
        canvas.part(_puff(7) * r + (x + 0.36 * size * cos(a), y + 0.36 * size * sin(a)), (150, 142, 158))
    shape = _burst(rng, rng.randint(10, 13), 0.62) * size / 2 + (x, y)
    canvas.part(shape, (244, 92, 50))
    canvas.polygon((shape - (x, y)) * 0.74 + (x, y), ORANGE)
    canvas.polygon((shape - (x, y)) * 0.5 + (x, y), YELLOW)
    canvas.polygon(ellipse(x, y, size * 0.14), (255, 250, 214))
    canvas.mark("explosion", rectangle(x - 0.15 * size, y - 0.15 * size, x + 0.15 * size, y + 0.15 * size))


def impact_stars(canvas: Canvas, rng: Random, x: float, y: float, size: float) -> None:
    """A hit: a bright star, short lines and two small stars flying off."""
    start = rng.uniform(0, 2 * pi)
    for i in range(6):
        a = start + i * pi / 3 + rng.uniform(-0.2, 0.2)
        spoke = turned(tube([(0.34, 0), (0.46, 0), (0.56, 0)], [0.0, 0.045, 0.0], 1), a) * size + (x, y)
        canvas.polygon(spoke, YELLOW)
    canvas.part(_burst(rng, 8, 0.5) * size * 0.32 + (x, y), YELLOW)
    canvas.polygon(star(x, y, size * 0.2, size * 0.1, 8, start), WHITE)
    for i in range(2):
        a = start + 0.5 + 2.6 * i
        sx, sy = x + 0.44 * size * cos(a), y + 0.44 * size * sin(a)
        canvas.part(star(sx, sy, 0.13 * size, 0.06 * size, 5, a), (255, 244, 160))
    canvas.mark("impact stars", np.array([(x, y), (x - size / 8, y), (x + size / 8, y), (x, y + size / 8)]))


def smoke(canvas: Canvas, rng: Random, x: float, y: float, size: float) -> None:
    """Puffs that grow as they rise."""
    lean = rng.uniform(-0.15, 0.15)
    for i, (dy, r) in enumerate([(0.36, 0.14), (0.12, 0.2), (-0.2, 0.27)]):
        cx = x + size * (lean * i + rng.uniform(-0.06, 0.06))
        shape = _puff(6 + i) * r * size + (cx, y + dy * size)
        canvas.part(shape, (206, 206, 218), light=np.array([cx - 0.06 * size, y + (dy - 0.06) * size]))
    canvas.mark("smoke", np.array([(x, y + 0.36 * size), (x + lean * size, y + 0.1 * size), (cx, y - 0.2 * size)]))


HEART = Stencil(
    ink(heart(0, 0, 1), main, lit=True),
    fill(turned(ellipse(0, 0, 0.2, 0.13, 10), -0.6, -0.5, -0.45), WHITE),
    marks=[(-0.4, -0.3), (0.4, -0.3), (0, 0), (0, 0.4)],
)
NOTE = Stencil(
    ink([(0.28, 0.5), (0.28, -1.2), (0.95, -0.75), (1, -0.1), (0.52, -0.52), (0.5, 0.5)], main),
    ink(turned(ellipse(0, 0, 0.5, 0.36, 12), -0.35, 0.02, 0.55), main),
    marks=[(0, 0.55), (-0.2, 0.6), (0.2, 0.5), (0.39, 0)],
)
_WING = [(0, -0.12), (-0.35, -0.7), (-0.85, -0.85), (-1, -0.45), (-0.72, -0.05), (-0.78, 0.4), (-0.5, 0.66),
         (-0.14, 0.3)]  # fmt: skip
BUTTERFLY = Stencil(
    ink(smooth(_WING, 3), main),
    ink(smooth(np.multiply(_WING, (-1, 1)), 3), main),
    *(fill(ellipse(s * 0.6, -0.45, 0.22, 0.2, 10), pale) for s in (-1, 1)),
    *(fill(ellipse(s * 0.45, 0.25, 0.14, 0.16, 10), pale) for s in (-1, 1)),
    ink(tube([(0, -0.4), (0, 0), (0, 0.5)], [0.1, 0.11, 0.04]), INK, weight=0.5),
    marks=[(-0.6, -0.4), (0.6, -0.4), (-0.4, 0.2), (0.4, 0.2)],
)
_BOLT = [(0.15, -1), (-0.5, 0.12), (-0.06, 0.08), (-0.3, 1), (0.5, -0.26), (0.06, -0.2), (0.55, -1)]
LIGHTNING = Stencil(
    ink(_BOLT, YELLOW),
    fill([(0.2, -0.9), (-0.3, -0.02), (0, -0.02), (0.32, -0.9)], (255, 248, 200)),
    marks=[(0.25, -0.7), (0, -0.1), (0.1, -0.3), (0, 0.3)],
)
_FLAME = mirror([(0.08, -1), (-0.1, -0.55), (-0.5, -0.3), (-0.62, 0.3), (-0.4, 0.8), (0, 0.95)])
FIRE = Stencil(
    ink(smooth([(0.1, -1.05), (-0.1, -0.5), (-0.45, -0.15), (-0.5, -0.5), (-0.75, 0.1), (-0.65, 0.6),
                (-0.3, 0.95), (0.3, 0.95), (0.65, 0.6), (0.72, 0), (0.5, -0.35), (0.42, -0.1),
                (0.3, -0.5)], 3), (244, 92, 50)),
    fill(smooth(_FLAME, 2) * (0.75, 0.65) + (0, 0.3), ORANGE),
    fill(smooth(_FLAME, 2) * (0.45, 0.4) + (0, 0.5), YELLOW),
    marks=[(0, -0.1), (-0.3, 0.4), (0.3, 0.4), (0, 0.6)],
)  # fmt: skip
_SPARK = star(0, 0, 1, 0.2, 4)
SPARKLE = Stencil(
    ink(_SPARK * (0.72, 1), main, weight=0.6),
    fill(_SPARK * (0.4, 0.56), WHITE),
    ink(_SPARK * 0.36 + (0.72, -0.66), main, weight=0.6),
    ink(_SPARK * 0.28 + (-0.66, 0.66), main, weight=0.6),
    marks=[(0, 0), (0, -0.3), (0, 0.3)],
)


def _single(stencil: Stencil, tag: str, colors: tuple[Color, ...], tilt: float) -> Callable:
    """An effect that places one stencil of radius 1, tilted a little, in one of some colors."""

    def draw(canvas: Canvas, rng: Random, x: float, y: float, size: float) -> None:
        stencil.draw(canvas, Frame(x, y, size / 2, rng.uniform(-tilt, tilt)), rng.choice(colors), tag=tag)

    return draw


def magic_circle(canvas: Canvas, rng: Random, x: float, y: float, size: float) -> None:
    """Glowing rings with a star, lying flat or facing us."""
    color = rng.choice(((120, 220, 255), (255, 170, 230), (255, 226, 120), (150, 255, 190)))
    frame = Frame(x, y, size / 2)
    frame.matrix[1] *= rng.choice((0.4, 1.0))
    canvas.glow(x, y, 0.62 * size, color, 0.55)
    turn = rng.uniform(0, pi)
    lines = [
        _ring(1.0),
        _ring(0.78),
        star(0, 0, 0.78, 0.45, 5, turn),
        star(0, 0, 0.78, 0.45, 5, turn + pi / 5),
    ]
    for line in lines:
        outer = np.concatenate([line, line[:1]])
        canvas.polygon(frame.map(np.concatenate([outer, 0.94 * outer[::-1]])), mix(color, WHITE, 0.5))
    rim = frame.map(_ring(0.89)[::8])
    for cx, cy in rim:
        canvas.part(star(cx, cy, size * 0.07, size * 0.03, 4), WHITE, 0.5)
    canvas.mark("magic circle", rim)


@cache
def _ring(radius: float) -> np.ndarray:
    return ellipse(0, 0, radius, count=32)


_FLAKE = star(0, 0, 1, 0.3, 6)
_PETAL = smooth(
    [(0, -1), (-0.55, -0.4), (-0.4, 0.6), (-0.12, 0.95), (0, 0.7), (0.12, 0.95), (0.4, 0.6), (0.55, -0.4)], 2
)
_LEAF = smooth([(0, -1.1), (0, -1.1), (-0.5, -0.2), (-0.3, 0.6), (0, 1), (0, 1), (0.3, 0.6), (0.5, -0.2)], 2)
_STREAK = np.array([(0.22, -1.7), (0.32, -1.7), (-0.24, 1.7), (-0.4, 1.7)])


def _scatter(
    tag: str,
    shapes: tuple[np.ndarray, ...],
    colors: tuple[Color, ...],
    count: int,
    weight: float = 0.0,
    turn: float = pi,
) -> Callable:
    """An effect that strews small shapes evenly over the whole canvas, the first at the given place."""

    def draw(canvas: Canvas, rng: Random, x: float, y: float, size: float) -> None:
        # one piece a cell of a grid, in a cell's random place: even, yet no pattern
        columns = max(1, round(count**0.5))
        cells = [(i % columns, i // columns) for i in range(count)]
        spots = [((c + rng.random()) / columns, (r + rng.random()) * columns / count) for c, r in cells]
        centers = np.array([(x, y), *((u * canvas.width, v * canvas.height) for u, v in spots)])
        for cx, cy in centers:
            a, r = rng.uniform(-turn, turn), size / 11 * rng.uniform(0.6, 1.3)
            canvas.part(Frame(cx, cy, r, a).map(rng.choice(shapes)), rng.choice(colors), weight)
        canvas.mark(tag, centers)

    return draw


def bubbles(canvas: Canvas, rng: Random, x: float, y: float, size: float) -> None:
    """Round bubbles rising around a place."""
    places = []
    for i in range(6):
        cx, cy = x + size * rng.uniform(-0.5, 0.5), y + size * (0.45 - 0.18 * i)
        r = size * rng.uniform(0.05, 0.13)
        canvas.part(ellipse(cx, cy, r), (176, 226, 246), 0.7)
        canvas.polygon(ellipse(cx + 0.06 * r, cy + 0.08 * r, 0.8 * r), (206, 240, 252))
        canvas.polygon(ellipse(cx - 0.36 * r, cy - 0.36 * r, 0.25 * r, count=8), WHITE)
        places.append((cx, cy))
    canvas.mark("bubbles", np.array(places))


_CURL = smooth([(0, -0.5), (-0.2, -0.3), (0.1, 0), (-0.1, 0.35), (0.1, 0.4), (0.3, 0), (0.05, -0.25)], 2)

EFFECTS: dict[str, Callable[[Canvas, Random, float, float, float], None]] = {
    "explosion": explosion,
    "impact stars": impact_stars,
    "smoke": smoke,
    "heart": _single(HEART, "heart", ((244, 84, 120), (255, 120, 160), (230, 60, 80)), 0.3),
    "sparkle": _single(SPARKLE, "sparkle", ((255, 232, 120), (255, 250, 200), (170, 230, 255)), 0.2),
    "musical note": _single(NOTE, "musical note", (INK, (90, 120, 220), (240, 110, 150), (60, 170, 120)), 0.25),
    "butterfly": _single(BUTTERFLY, "butterfly", ((90, 150, 240), GOLD, (240, 130, 180), (150, 110, 220)), 0.5),
    "lightning": _single(LIGHTNING, "lightning", (YELLOW,), 0.3),
    "fire": _single(FIRE, "fire", (ORANGE,), 0.08),
    "magic circle": magic_circle,
    "bubbles": bubbles,
    "petals": _scatter("petals", (_PETAL,), PINKS, 16),
    "snowflakes": _scatter("snowflakes", (_FLAKE, ellipse(0, 0, 0.6, count=10)), (WHITE, (232, 242, 255)), 18),
    "leaves": _scatter("leaves", (_LEAF,), ((226, 110, 50), (240, 170, 60), (190, 70, 50)), 14),
    "confetti": _scatter(
        "confetti",
        (rectangle(-0.7, -0.4, 0.7, 0.4), _CURL * 1.8, ellipse(0, 0, 0.5, count=10)),
        ((250, 90, 110), (255, 200, 70), (90, 190, 250), (130, 210, 120), (200, 130, 240)),
        20,
    ),
    "rain streaks": _scatter("rain streaks", (_STREAK,), ((226, 236, 250), (198, 216, 242)), 20, turn=0.05),
}


def speech_bubble(
    canvas: Canvas, rng: Random, x: float, y: float, width: float, height: float, tail: tuple[float, float]
) -> None:
    """A balloon of speech around (x, y) that points at ``tail``, round, square or (shouting) jagged.

    Scribbled lines stand for text. All lengths in canvas pixels.
    """
    shape = _BALLOONS[rng.choice(("round", "round", "square", "jagged"))] * (width / 2, height / 2) + (x, y)
    toward = np.array([tail[0] - x, tail[1] - y], float)
    toward /= np.hypot(*toward) + 1e-9
    side = np.array([-toward[1], toward[0]]) * min(width, height) * 0.14
    root = np.array([x, y]) + toward * (width / 2, height / 2) * 0.6
    # the tail's outline goes below the balloon, its fill above: one shape to the eye
    spike = np.array([root - side, np.array(tail), root + side])
    canvas.part(spike, WHITE)
    canvas.part(shape, WHITE)
    canvas.polygon(spike + (np.array([x, y]) - spike) * 0.06, WHITE)
    _scribble(canvas, rng, x, y, width * 0.6, height * 0.5)
    dx, dy = 0.3 * width, 0.2 * height
    canvas.mark("speech bubble", rectangle(x - dx, y - dy, x + dx, y + dy))


def _scribble(canvas: Canvas, rng: Random, x: float, y: float, width: float, height: float) -> None:
    """A few rough lines in place of text, the last one short."""
    rows = rng.randint(2, 3)
    for i in range(rows):
        right = width * (0.5 if i < rows - 1 else rng.uniform(-0.1, 0.3))
        level = y + height * ((i + 0.5) / rows - 0.5)
        thick = 0.1 * height / rows + 0.004 * canvas.side
        canvas.polygon(rectangle(x - width / 2, level - thick, x + right, level + thick), (96, 92, 108))


_SQUARE = smooth([(-1, -0.8), (-0.85, -1), (0.85, -1), (1, -0.8), (1, 0.8), (0.85, 1), (-0.85, 1), (-1, 0.8)], 2)
_BALLOONS = {"round": ellipse(0, 0, 1, count=28), "square": _SQUARE, "jagged": star(0, 0, 1.2, 0.92, 14)}
