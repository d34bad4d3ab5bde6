"""Small animals and creatures, sitting: the middle of the head at the origin, one head radius as the unit."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random

import numpy as np

from i2v_lib.drawn.canvas import Canvas, Color, Frame
from i2v_lib.drawn.shapes import ellipse, smooth, tube
from i2v_lib.drawn.stencil import (
    GOLD,
    INK,
    ROSE,
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
    turned,
)

Draw = Callable[[Canvas, Frame, Random, Color], None]
SECOND: Color = (255, 214, 120)
BLUSH: Color = (255, 160, 160)


def _eyes(apart: float, y: float, size: float = 0.2) -> tuple[Layer, ...]:
    """Two dark eyes with a glint, and blush below them."""
    return (
        *(fill(ellipse(s * (apart + 0.18), y + 0.36, 0.2, 0.11, 10), BLUSH) for s in (-1, 1)),
        *(fill(ellipse(s * apart, y, 0.8 * size, size, 12), INK) for s in (-1, 1)),
        *(fill(ellipse(s * apart - 0.05, y - 0.07, 0.34 * size, count=8), WHITE) for s in (-1, 1)),
    )


def _pair(points, paint, **options) -> tuple[Layer, ...]:
    """A part and its mirror image."""
    return tuple(ink(np.multiply(points, (s, 1)), paint, **options) for s in (-1, 1))


_SEAT = smooth(mirror([(-0.5, 0.6), (-0.95, 1.4), (-1.05, 2.1), (-0.6, 2.4)]), 3)
_SKULL = smooth(mirror([(-0.5, -0.86), (-1.02, -0.35), (-1.05, 0.25), (-0.6, 0.78)]), 3)
_MUZZLE = smooth([(-0.22, 0.24), (0, 0.16), (0.22, 0.24), (0, 0.44)], 3)

_MIDDLE = [(-0.3, -0.3), (0.3, -0.3), (0, 0.3)]

CAT = Stencil(
    ink(tube([(0.6, 2.1), (1.5, 2), (1.7, 1.2), (1.4, 0.7)], [0.2, 0.22, 0.2, 0.16]), main),
    ink(_SEAT, main, lit=True),
    fill(ellipse(0, 1.75, 0.5, 0.55, 14), pale),
    *_pair(ellipse(0.4, 2.3, 0.34, 0.2, 12), main),
    *_pair([(0.25, -0.75), (0.98, -1.5), (1.02, -0.2)], main),
    *(fill(np.array([(0.5, -0.8), (0.88, -1.22), (0.9, -0.55)]) * (s, 1), ROSE) for s in (-1, 1)),
    ink(_SKULL, main),
    fill(mirror([(0, -0.86), (-0.12, -0.84), (-0.06, -0.5)]), dark),
    *_eyes(0.46, 0.05, 0.24),
    fill(_MUZZLE * 0.7, ROSE),
    marks=[*_MIDDLE, (0, 1.6)],
)

DOG = Stencil(
    ink(tube([(0.7, 2.1), (1.4, 1.8), (1.7, 1.1)], [0.22, 0.24, 0.1]), main),
    ink(_SEAT, main, lit=True),
    fill(ellipse(0, 1.7, 0.52, 0.6, 14), WHITE),
    *_pair(ellipse(0.42, 2.3, 0.36, 0.21, 12), WHITE),
    ink(_SKULL, main),
    fill(smooth(mirror([(-0.18, -0.5), (-0.2, 0), (-0.62, 0.3), (-0.4, 0.68)]), 3), WHITE),
    *_pair(smooth([(0.6, -0.85), (1.1, -0.7), (1.4, 0.1), (1.25, 0.62), (0.95, 0.45), (0.9, -0.2)], 3), dark),
    *_eyes(0.46, -0.05, 0.22),
    fill(smooth([(-0.26, 0.16), (0, 0.1), (0.26, 0.16), (0, 0.4)], 3), INK),
    fill(smooth([(-0.14, 0.46), (0.14, 0.46), (0.1, 0.7), (-0.1, 0.7)], 3), ROSE),
    marks=[*_MIDDLE, (0, 1.6)],
)

RABBIT = Stencil(
    ink(ellipse(0.95, 2, 0.34, count=12), WHITE),
    ink(_SEAT, main, lit=True),
    fill(ellipse(0, 1.75, 0.5, 0.55, 14), pale),
    *_pair(ellipse(0.45, 2.3, 0.42, 0.2, 12), main),
    *_pair(turned(ellipse(0, 0, 0.3, 0.95, 16), 0.16, 0.5, -1.5), main),
    *(fill(turned(ellipse(0, 0, 0.15, 0.66, 12), s * 0.16, s * 0.5, -1.45), ROSE) for s in (-1, 1)),
    ink(_SKULL, main),
    *_eyes(0.48, 0.02, 0.23),
    fill(_MUZZLE * 0.6 + (0, 0.08), ROSE),
    marks=[*_MIDDLE, (0, 1.6)],
)

OWL = Stencil(
    *_pair([(0.15, 2.1), (0.6, 2.1), (0.5, 2.45), (0.2, 2.45)], GOLD),
    ink(
        smooth(mirror([(-0.2, -0.75), (-1, -1.2), (-1, -1.2), (-1.15, 0), (-1.2, 1.2), (-0.7, 2.1)]), 3), main, lit=True
    ),
    fill(smooth(mirror([(-0.4, 0.7), (-0.72, 1.3), (-0.4, 1.95)]), 3), pale),
    *_pair(smooth([(0.85, 0.4), (1.35, 0.9), (1.2, 1.7), (0.85, 2)], 3), dark),
    *_pair(ellipse(0.46, -0.1, 0.5, count=16), WHITE, weight=0.6),
    *(fill(ellipse(s * 0.42, -0.1, 0.28, count=14), INK) for s in (-1, 1)),
    *(fill(ellipse(s * 0.42 - 0.1, -0.2, 0.1, count=8), WHITE) for s in (-1, 1)),
    ink([(-0.2, 0.15), (0.2, 0.15), (0, 0.6)], GOLD, weight=0.6),
    marks=[*_MIDDLE, (0, 1.4)],
)

CHICK = Stencil(
    *_pair([(0.2, 1.2), (0.32, 1.2), (0.6, 1.75), (0.1, 1.75)], (250, 160, 60)),
    ink(smooth([(0, -0.9), (-0.2, -1.5), (0.05, -1.25), (0.35, -1.5), (0.25, -0.9)], 3), main),
    ink(smooth(mirror([(-0.5, -1), (-1.05, -0.5), (-1.25, 0.3), (-1, 1.1), (-0.4, 1.4)]), 3), main, lit=True),
    *_pair(smooth([(0.95, 0.2), (1.55, 0.1), (1.3, 0.75), (0.95, 0.8)], 3), main),
    *_eyes(0.45, -0.2, 0.2),
    ink(smooth([(-0.3, 0.05), (0, -0.1), (0.3, 0.05), (0, 0.36)], 3), (250, 160, 60), weight=0.6),
    marks=[*_MIDDLE, (0, 0.9)],
)

FISH = Stencil(
    ink(smooth([(1.1, 0), (2.2, -0.9), (2.2, -0.9), (1.95, 0), (2.2, 0.9), (2.2, 0.9)], 3), accent),
    ink(smooth([(-0.4, -0.8), (0.2, -1.5), (1, -1.1), (0.8, -0.5)], 3), accent),
    ink(
        smooth([(-1.7, 0.05), (-1, -0.75), (0, -1), (1, -0.5), (1.5, 0), (1, 0.5), (0, 0.95), (-1, 0.7)], 3),
        main,
        lit=True,
    ),
    fill(smooth([(-0.4, -0.85), (0, -0.95), (0.15, 0), (-0.1, 0.88), (-0.45, 0.82), (-0.2, 0)], 3), pale),
    ink(smooth([(0.1, 0.15), (0.8, 0.2), (0.9, 0.7)], 3), accent, weight=0.6),
    fill(ellipse(-1, -0.15, 0.3, count=14), WHITE),
    fill(ellipse(-1.04, -0.15, 0.18, count=10), INK),
    marks=[(-0.6, 0), (0, 0), (0.5, 0), (-0.6, 0.4)],
)

SLIME = Stencil(
    ink(smooth(mirror([(-0.3, -0.95), (-0.95, -0.6), (-1.35, 0.2), (-1.45, 1), (-0.8, 1.3)])), main, True),
    fill(turned(ellipse(0, 0, 0.16, 0.3, 10), 0.7, -0.62, -0.35), WHITE),
    *_eyes(0.46, 0.2, 0.24),
    fill(smooth([(-0.26, 0.55), (0.26, 0.55), (0.14, 0.82), (-0.14, 0.82)], 3), (200, 70, 90)),
    marks=[*_MIDDLE, (0, 0.9)],
)

GHOST = Stencil(
    *_pair(smooth([(0.8, 0.3), (1.5, -0.1), (1.55, 0.35), (0.95, 0.9)], 3), pale),
    ink(smooth([(0, -1.3), (-0.85, -0.95), (-1.1, 0), (-1.1, 1.2), (-1, 1.8), (-0.55, 1.4), (0, 1.85),
                (0.55, 1.4), (1, 1.8), (1.1, 1.2), (1.1, 0), (0.85, -0.95)], 3), pale, lit=True),
    *_eyes(0.4, -0.15, 0.28),
    fill(ellipse(0, 0.35, 0.16, 0.22, 10), INK),
    marks=[*_MIDDLE, (0, 1.2)],
)  # fmt: skip


def _draw(tag: str, models: tuple[Stencil, ...], canvas: Canvas, frame: Frame, rng: Random, color: Color) -> None:
    """One of some models, tilted a little."""
    tilted = frame.child(0, 0, 1.0, rng.uniform(-0.12, 0.12))
    rng.choice(models).draw(canvas, tilted, color, SECOND, tag)


ANIMALS: dict[str, Draw] = {
    tag: partial(_draw, tag, models)
    for tag, models in {
        "cat": (CAT,),
        "dog": (DOG,),
        "rabbit": (RABBIT,),
        "bird": (OWL, CHICK),
        "fish": (FISH,),
        "slime": (SLIME,),
        "ghost": (GHOST,),
    }.items()
}
