"""Food and toys as stencils: grip at the origin, one head radius as the unit, pointing up."""

from __future__ import annotations

import numpy as np

from i2v_lib.drawn.shapes import ellipse, rectangle, smooth, tube
from i2v_lib.drawn.stencil import (
    CREAM,
    GREEN,
    INK,
    STRAW,
    WHITE,
    WOOD,
    Stencil,
    fill,
    heart,
    ink,
    main,
    mirror,
    pale,
    turned,
)

BALLOON = Stencil(
    ink(tube([(0, -2.9), (0.12, -1.8), (-0.1, -0.8), (0, 0.3)], [0.04, 0.04, 0.04, 0.04]), WHITE, weight=0.5),
    ink([(0, -3.2), (-0.24, -2.78), (0.24, -2.78)], main),
    ink(smooth(mirror([(-0.4, -5.55), (-1.08, -4.9), (-1.08, -4.1), (-0.6, -3.4), (-0.15, -3.08)])), main, lit=True),
    fill(turned(ellipse(0, 0, 0.2, 0.36, 10), 0.6, -0.5, -4.85), WHITE),
    marks=[(-0.5, -4.6), (0.5, -4.6), (0, -4), (0, -5)],
)

CUP = Stencil(
    ink(smooth([(0.6, -0.9), (1.3, -0.95), (1.35, -0.2), (0.55, -0.1)], 3), main),
    fill(smooth([(0.7, -0.7), (1.08, -0.72), (1.1, -0.4), (0.6, -0.32)], 3), WHITE),
    ink([(-0.8, -1.3), (0.8, -1.3), (0.62, 0.4), (-0.62, 0.4)], main, lit=True),
    ink(ellipse(0, -1.3, 0.8, 0.26, 16), WHITE),
    fill(ellipse(0, -1.27, 0.62, 0.16, 14), (150, 96, 62)),
    fill(heart(0, -0.45, 0.34), WHITE),
    marks=[(-0.4, -0.8), (0.4, -0.8), (-0.3, 0), (0.3, 0)],
    size=1.2,
)

ICE_CREAM = Stencil(
    ink([(-0.62, -0.75), (0.62, -0.75), (0, 0.95)], (232, 178, 104)),
    fill([(0.1, -0.7), (0.5, -0.7), (0, 0.7), (-0.1, 0.45)], (204, 144, 78)),
    ink(
        smooth(
            [
                (-0.8, -0.9),
                (-0.85, -1.5),
                (-0.4, -1.9),
                (0.4, -1.9),
                (0.85, -1.5),
                (0.8, -0.9),
                (0.4, -0.62),
                (0, -0.85),
                (-0.4, -0.62),
            ],
            3,
        ),
        main,
        lit=True,
    ),
    ink(ellipse(0, -2.05, 0.58, 0.55, 16), WHITE),
    ink(ellipse(0.1, -2.7, 0.24, count=10), (224, 64, 84)),
    marks=[(-0.3, -1.3), (0.3, -1.3), (0, -2), (0, -0.2)],
    size=1.15,
)

LOLLIPOP = Stencil(
    ink(rectangle(-0.08, -1.2, 0.08, 1), WHITE),
    ink(ellipse(0, -1.9, 1, count=20), main),
    *(
        fill(turned(tube([(0.1, 0), (0.5, -0.25), (0.85, 0)], [0.04, 0.16, 0.02], 2), a, 0, -1.9), WHITE)
        for a in np.arange(5) * 2 * np.pi / 5
    ),
    marks=[(-0.4, -2.1), (0.4, -2.1), (0, -1.5), (0, -2.3)],
    size=1.1,
)

DANGO = Stencil(
    ink(rectangle(-0.08, -3, 0.08, 1), WOOD),
    ink(ellipse(0, -0.7, 0.52, count=16), (164, 204, 116), lit=True),
    ink(ellipse(0, -1.6, 0.52, count=16), CREAM, lit=True),
    ink(ellipse(0, -2.5, 0.52, count=16), (255, 172, 186), lit=True),
    marks=[(0, -0.7), (0, -1.6), (0, -2.5)],
    size=1.1,
)

ONIGIRI = Stencil(
    ink(smooth(mirror([(-0.25, -1.65), (-0.65, -1.1), (-1.1, -0.3), (-1.05, 0.15), (-0.5, 0.3)])), WHITE, lit=True),
    ink(rectangle(-0.46, -0.5, 0.46, 0.32), (52, 70, 62)),
    fill(ellipse(0, -1, 0.18, count=10), (222, 84, 92)),
    marks=[(-0.6, -0.3), (0.6, -0.3), (0, -0.8), (0, -0.1)],
    size=1.3,
)

STUFFED_TOY = Stencil(
    *(ink(ellipse(x, -1.75, 0.4, count=12), main) for x in (-0.62, 0.62)),
    *(
        ink(turned(ellipse(0, 0, 0.32, 0.52, 12), a, x, y), main)
        for a, x, y in [(0.6, -0.82, 0.1), (-0.6, 0.82, 0.1), (0.5, -0.55, 1.1), (-0.5, 0.55, 1.1)]
    ),
    ink(ellipse(0, 0.42, 0.8, 0.85, 16), main),
    fill(ellipse(0, 0.55, 0.48, 0.55, 12), pale),
    ink(ellipse(0, -1, 1, 0.86, 18), main),
    fill(ellipse(0, -0.72, 0.42, 0.34, 12), pale),
    *(
        fill(ellipse(x, y, r, count=8), INK)
        for x, y, r in [(-0.42, -1.12, 0.14), (0.42, -1.12, 0.14), (0, -0.85, 0.15)]
    ),
    marks=[(-0.5, -1.2), (0.5, -1.2), (0, -0.7), (0, 0.5)],
)

BASKET = Stencil(
    ink(tube([(-0.95, 0.8), (-0.8, -0.1), (0, -0.5), (0.8, -0.1), (0.95, 0.8)], [0.1] * 5), WOOD),
    *(ink(ellipse(x, 0.72, 0.4, count=12), c) for x, c in [(-0.6, (226, 74, 74)), (0.6, (240, 150, 60)), (0, GREEN)]),
    ink([(-1.2, 0.75), (1.2, 0.75), (0.9, 1.9), (-0.9, 1.9)], STRAW, lit=True),
    fill([(-1.1, 1.15), (1.1, 1.15), (1.05, 1.4), (-1.05, 1.4)], main),
    marks=[(-0.6, 1), (0.6, 1), (-0.4, 1.6), (0.4, 1.6)],
    size=1.2,
)

FISH = Stencil(
    ink([(0, 0.1), (-0.75, 0.85), (0, 0.62), (0.75, 0.85)], main),
    ink([(0.5, -1.6), (1.05, -1), (0.5, -0.7)], main),
    ink(smooth(mirror([(0, -2.6), (-0.5, -2.2), (-0.72, -1.4), (-0.4, -0.5), (-0.12, 0.2)])), main, lit=True),
    fill(smooth([(-0.35, -2.2), (-0.6, -1.4), (-0.35, -0.6), (-0.15, -1.4)], 3), WHITE),
    fill(ellipse(0.12, -2, 0.22, count=10), WHITE),
    fill(ellipse(0.14, -2, 0.13, count=8), INK),
    marks=[(0, -1.9), (0, -1.4), (0, -0.9), (0, -0.3)],
)

_ORANGE = (244, 146, 48)
PUMPKIN = Stencil(
    ink(tube([(0, -0.9), (0.05, -1.4), (0.35, -1.65)], [0.18, 0.15, 0.14]), GREEN),
    *(ink(ellipse(x, -0.1, 0.7, 0.95, 14), _ORANGE) for x in (-0.75, 0.75)),
    ink(ellipse(0, -0.08, 0.85, 1.05, 16), _ORANGE, lit=True),
    *(fill([(x - 0.3, -0.2), (x + 0.3, -0.2), (x, -0.62)], INK) for x in (-0.5, 0.5)),
    fill([(-0.8, 0.1), (-0.3, 0.28), (0, 0.12), (0.3, 0.28), (0.8, 0.1), (0.4, 0.62), (0, 0.48), (-0.4, 0.62)], INK),
    marks=[(-0.9, 0), (0.9, 0), (0, -0.6), (0, 0.3)],
)
