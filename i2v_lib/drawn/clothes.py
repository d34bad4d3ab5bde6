"""Clothes: what covers torso, arms and hips, and the tags it earns.

Coordinates as in :mod:`bodies`: head radii around the base of the neck.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from i2v_lib.drawn.bodies import Build, draw_limb
from i2v_lib.drawn.canvas import Canvas, Color, Frame, mix, shaded
from i2v_lib.drawn.shapes import ellipse, smooth, star, tube
from i2v_lib.drawn.world import CLOTH, SKIN


@dataclass(frozen=True)
class Outfit:
    """How a costume is cut.

    ``top`` and ``bottom`` name whose color a part takes: "main", "second", "white" or "skin". ``tags`` may hold
    ``{main}`` and ``{second}``, which become color names.
    """

    tags: tuple[str, ...]
    lower_tags: tuple[str, ...] = ()  # what only hips and legs show
    top: str = "main"
    sleeves: str = "long"  # none, short, puff, long, wide
    bottom: str = "skirt"  # skirt, long skirt, pants, shorts, coat, none
    bottom_color: str = "second"
    collar: str = "plain"  # plain, sailor, lapel, hood, crossed, high, scoop
    details: tuple[str, ...] = ()  # buttons, apron, belt, sash, plates, tie, straps, bow, emblem, zip


OUTFITS: dict[str, Outfit] = {
    "serafuku": Outfit(("serafuku", "school uniform", "{main} sailor collar"),
        ("{main} skirt", "skirt", "pleated skirt"), "white", "short", "skirt", "main", "sailor", ("bow",)),
    "dress": Outfit(("dress", "{main} dress"), (), "main", "puff", "skirt", "main", "scoop", ("sash",)),
    "school uniform": Outfit(("school uniform", "jacket", "{main} jacket", "blazer"),
        ("{second} skirt", "skirt", "pleated skirt"), "main", "long", "skirt", "second", "lapel", ("tie", "buttons")),
    "kimono": Outfit(("kimono", "japanese clothes", "{main} kimono"), (), "main", "wide", "long skirt", "main",
        "crossed", ("obi",)),
    "maid": Outfit(("maid", "apron", "{main} dress", "dress"), (), "main", "puff", "skirt", "main", "plain",
        ("apron", "bow")),
    "hoodie": Outfit(("hoodie", "{main} hoodie"), ("{second} shorts", "shorts"), "main", "long", "shorts", "second",
        "hood", ("zip",)),
    "armor": Outfit(("armor", "shoulder armor"), ("{second} skirt", "skirt"), "main", "long", "skirt", "second",
        "high", ("plates", "belt")),
    "coat": Outfit(("coat", "{main} coat"), (), "main", "long", "coat", "main", "lapel", ("buttons", "belt")),
    "shirt and skirt": Outfit(("shirt", "white shirt"), ("{main} skirt", "skirt"), "white", "short", "skirt",
        "main", "plain", ("straps",)),
    "military uniform": Outfit(("military uniform", "uniform", "{main} jacket", "jacket"),
        ("{main} skirt", "skirt"), "main", "long", "skirt", "main", "high", ("epaulettes", "belt", "buttons")),
    "overalls": Outfit(("overalls", "{main} overalls"), (), "second", "short", "pants", "main", "plain", ("bib",)),
    "robe": Outfit(("robe", "{main} robe"), (), "main", "wide", "long skirt", "main", "high", ("trim",)),
    "sweater": Outfit(("sweater", "{main} sweater"), ("{second} skirt", "skirt"), "main", "long", "skirt", "second",
        "high", ("stripes",)),
    "swimsuit": Outfit(("swimsuit", "one-piece swimsuit", "{main} swimsuit"), (), "main", "none", "none", "main",
        "scoop", ("trim",)),
    "suit": Outfit(("suit", "{main} jacket", "jacket", "formal"), ("{main} pants", "pants"), "main", "long",
        "pants", "main", "lapel", ("tie",)),
    "t-shirt": Outfit(("t-shirt", "shirt", "{main} shirt"), ("{second} shorts", "shorts"), "main", "short",
        "shorts", "second", "plain", ("emblem",)),
}  # fmt: skip


def part_color(look, which: str) -> Color:
    """Color of a part of the outfit: "main", "second", "white" or "skin"."""
    if which == "skin":
        return SKIN[look.skin]
    return CLOTH["white" if which == "white" else look.colors[0 if which == "main" else 1]]


def draw_sleeve(canvas: Canvas, frame: Frame, build: Build, look, joints: np.ndarray) -> None:
    """An arm in its sleeve, without the hand."""
    outfit = OUTFITS[look.outfit]
    r = build.arm_radius
    radii = np.array((r * 1.05, r * 0.86, r * 0.72))
    skin, color = SKIN[look.skin], part_color(look, outfit.top)
    if look.outfit == "overalls":
        color = part_color(look, "second")
    if outfit.sleeves != "long":
        draw_limb(canvas, frame, joints, radii, color if outfit.sleeves == "wide" else skin)
    if outfit.sleeves == "long":
        draw_limb(canvas, frame, joints, radii * 1.22, color, 0.0, 0.96)
        if "plates" in outfit.details:
            draw_limb(canvas, frame, joints, radii * 1.5, mix(color, (230, 234, 244), 0.5), 0.55, 0.92)
    elif outfit.sleeves == "short":
        draw_limb(canvas, frame, joints, radii * 1.38, color, 0.0, 0.36)
    elif outfit.sleeves == "puff":
        x, y = joints[0] + (joints[1] - joints[0]) * (r * 2 / build.arm)  # as long as the arm is thick
        puff = ellipse(x, y, r * 1.9, r * 1.75)
        canvas.part(frame.map(puff), color, light=frame.map([(x - 0.1, y - 0.1)])[0])
    elif outfit.sleeves == "wide":
        a, b, c = joints
        along = (c - b) / (np.hypot(*(c - b)) + 1e-9)
        hang = np.array([0.0, 1.0]) if abs(along[1]) < 0.9 else np.array([np.sign(c[0] or 1.0), 0.0])
        drop = build.arm * 0.36
        shape = [
            a + (0, -r),
            b - along * r * 0.5 - hang * r * 1.1,
            c - hang * r * 1.2,
            c - hang * r * 1.2,
            c + hang * drop,
            c + hang * drop,
            b + hang * drop * 0.75,
            a + (0, r * 1.1),
        ]
        canvas.part(frame.map(smooth(np.array(shape), 3)), color, light=frame.map(b))


@lru_cache(maxsize=1024)
def _torso(build: Build, length: float) -> np.ndarray:
    """Outline from the shoulders down to a share of the torso."""
    s, w, h, t = build.shoulder, build.waist, build.hip, build.torso
    right = [
        (0.26, 0.02),
        (s * 0.62, 0.10),
        (s * 0.98, 0.34),
        (s * 0.86, 0.75 * t * 0.55),
        (w, t * 0.60),
        (h * 0.94, t * 0.86 * length),
        (h, t * length),
    ]
    left = [(-x, y) for x, y in reversed(right)]
    return smooth(right + left, 3)


def draw_bottom(canvas: Canvas, frame: Frame, build: Build, look, flare: float) -> None:
    """Skirt, coat tails, hips of trousers; over the legs, under the torso."""
    outfit = OUTFITS[look.outfit]
    color = part_color(look, outfit.bottom_color)
    t, h, w = build.torso, build.hip, build.waist
    if outfit.bottom in ("pants", "shorts") or look.boy and outfit.bottom == "skirt":
        right, left = [(w * 0.8, t * 0.62), (h * 0.85, t * 0.9)], [(-h * 0.85, t * 0.9), (-w * 0.8, t * 0.62)]
        hips = smooth([*right, (h * 0.9, t + 0.22), (0.0, t + 0.05), (-h * 0.9, t + 0.22), *left], 3)
        canvas.part(frame.map(hips), color)
        return
    if outfit.bottom == "none":
        return
    hem, wide = {
        "skirt": (t + build.legs * 0.30, h * 1.65),
        "long skirt": (t + build.legs * 0.88, h * 1.35),
        "coat": (t + build.legs * 0.52, h * 1.5),
    }[outfit.bottom]
    wide *= 1 + flare
    top = t * 0.58
    edge = [(x, hem + 0.10 * (1 - (x / wide) ** 2)) for x in np.linspace(wide, -wide, 7)]
    right, left = [(w * 0.8, top), (h * 0.85, t * 0.9)], [(-h * 0.85, t * 0.9), (-w * 0.8, top)]
    shape = smooth(np.array([*right, edge[0], *edge, edge[-1], *left]), 2)
    canvas.part(frame.map(shape), color, light=frame.map([(-0.15, top + 0.1)])[0])
    if outfit.bottom == "skirt":
        for u in (-0.55, -0.12, 0.35, 0.72):  # pleats
            fold = tube([(u * w, t * 0.80), (u * wide * 0.98, hem + 0.02)], [0.0, 0.045], 2)
            canvas.polygon(frame.map(fold), shaded(color))
    if "trim" in outfit.details or look.outfit == "maid":
        band = [(x, y - 0.16) for x, y in edge]
        canvas.polygon(frame.map(edge + band[::-1]), CLOTH["grey" if look.colors[0] == "white" else "white"])


def draw_torso(canvas: Canvas, frame: Frame, build: Build, look, emblem: str | None) -> None:
    """Torso with collar and details, and the marks of the whole outfit."""
    outfit = OUTFITS[look.outfit]
    color, second, skin = part_color(look, outfit.top), part_color(look, "second"), SKIN[look.skin]
    t, w, s = build.torso, build.waist, build.shoulder
    canvas.part(
        frame.map(_torso(build, 1.0 if outfit.bottom != "none" else 1.06)),
        color,
        light=frame.map([(-s * 0.25, t * 0.25)])[0],
    )
    details = outfit.details

    def shape(points, paint: Color, weight: float = 0.6) -> None:
        canvas.part(frame.map(points), paint, weight, solid=False)

    if outfit.collar in ("scoop", "plain"):
        low = 0.42 if outfit.collar == "scoop" else 0.24
        neckline = smooth([(-0.34, 0.0), (0.34, 0.0), (0.24, low * 0.8), (0, low), (-0.24, low * 0.8)], 3)
        canvas.polygon(frame.map(neckline), skin)
    if "apron" in details:
        shape(
            smooth(
                [
                    (-0.5 * w, 0.42 * t),
                    (0.5 * w, 0.42 * t),
                    (0.8 * w, t * 0.66),
                    (1.2 * w, t + build.legs * 0.22),
                    (0, t + build.legs * 0.27),
                    (-1.2 * w, t + build.legs * 0.22),
                    (-0.8 * w, t * 0.66),
                ],
                3,
            ),
            CLOTH["white"],
        )
    if "bib" in details:
        bib = part_color(look, "main")
        shape([(-0.55 * w, 0.42 * t), (0.55 * w, 0.42 * t), (0.95 * w, t * 0.95), (-0.95 * w, t * 0.95)], bib)
        for side in (-1, 1):
            shape(
                [
                    (side * 0.45 * w, 0.44 * t),
                    (side * 0.66 * s, 0.10),
                    (side * 0.80 * s, 0.16),
                    (side * 0.62 * w, 0.46 * t),
                ],
                bib,
            )
    if "stripes" in details:
        for y in (0.40 * t, 0.66 * t):
            x, low = w * 0.98, y + 0.1 * t
            canvas.polygon(frame.map([(-x, y), (x, y), (x, low), (-x, low)]), second)
    if outfit.collar == "sailor":
        outer, inner = (s * 0.72, 0.30), (s * 0.66, 0.08)  # the collar's corners on a shoulder
        shape(
            [(-inner[0], inner[1]), (0.0, 0.42 * t), inner, outer, (0.0, 0.64 * t), (-outer[0], outer[1])],
            part_color(look, "main"),
        )
        canvas.polygon(frame.map([(-0.30, 0.02), (0.30, 0.02), (0.0, 0.44)]), skin)
    elif outfit.collar == "lapel":
        canvas.polygon(frame.map([(-0.36, 0.02), (0.36, 0.02), (0.0, 0.66 * t)]), CLOTH["white"])
        for side in (-1, 1):
            shape(
                [(side * 0.30, 0.02), (side * 0.52 * s, 0.12), (side * 0.50 * s, 0.42 * t), (0.0, 0.68 * t)],
                mix(color, (0, 0, 0), 0.12),
            )
    elif outfit.collar == "crossed":
        over = mix(second, (255, 255, 255), 0.3)
        shape([(-0.36, 0.0), (-0.14, 0.0), (0.42 * w, 0.60 * t), (0.12 * w, 0.60 * t)], CLOTH["white"])
        shape([(0.36, 0.0), (0.14, 0.0), (-0.55 * w, 0.60 * t), (-0.2 * w, 0.60 * t)], over)
        canvas.polygon(frame.map([(-0.15, 0.0), (0.15, 0.0), (0.0, 0.2)]), skin)
    elif outfit.collar == "hood":
        shape(
            smooth(
                [(-0.62, 0.12), (-0.3, -0.10), (0.3, -0.10), (0.62, 0.12), (0.34, 0.42), (0, 0.52), (-0.34, 0.42)], 3
            ),
            mix(color, (255, 255, 255), 0.2),
        )
    elif outfit.collar == "high":
        shape(smooth([(-0.34, -0.14), (0.34, -0.14), (0.42, 0.22), (0, 0.32), (-0.42, 0.22)], 3), second)
    if "straps" in details:
        for side in (-1, 1):
            top, low = side * s, side * w
            strap = [(top * 0.42, 0.12), (top * 0.58, 0.12), (low * 0.62, t * 0.62), (low * 0.42, t * 0.62)]
            canvas.polygon(frame.map(strap), part_color(look, "main"))
    if "plates" in details:
        steel = mix(color, (226, 232, 244), 0.55)
        shape(
            smooth(
                [
                    (-0.8 * s, 0.30),
                    (0, 0.18),
                    (0.8 * s, 0.30),
                    (0.9 * w, 0.52 * t),
                    (0, 0.66 * t),
                    (-0.9 * w, 0.52 * t),
                ],
                3,
            ),
            steel,
            0.9,
        )
        canvas.polygon(frame.map(tube([(0, 0.24), (0, 0.62 * t)], [0.03, 0.03], 1)), shaded(steel))
        for side in (-1, 1):
            pad = ellipse(side * s * 0.98, 0.30, 0.36, 0.30, 14)
            canvas.part(frame.map(pad), steel, light=frame.map([(side * s - 0.1, 0.2)])[0])
    if "epaulettes" in details:
        for side in (-1, 1):
            shape(ellipse(side * s * 0.84, 0.16, 0.28, 0.12, 12), CLOTH["yellow"])
        shape(tube([(-0.5 * s, 0.24), (-0.2 * s, 0.5), (0.1, 0.36)], [0.04, 0.04, 0.04]), CLOTH["yellow"], 0.0)
    if "buttons" in details:
        for y in (0.44, 0.62, 0.80):
            canvas.polygon(frame.map(ellipse(0.0, y * t + 0.05, 0.075, 0.075, 8)), CLOTH["yellow"])
    if "zip" in details:
        canvas.polygon(frame.map(tube([(0, 0.5), (0, t)], [0.03, 0.03], 1)), CLOTH["white"])
    if "belt" in details or "sash" in details:
        shape(
            [(-w * 1.04, t * 0.58), (w * 1.04, t * 0.58), (w * 1.06, t * 0.68), (-w * 1.06, t * 0.68)],
            CLOTH["brown"] if "belt" in details else second,
        )
    if "obi" in details:
        shape([(-w * 1.10, t * 0.46), (w * 1.10, t * 0.46), (w * 1.14, t * 0.74), (-w * 1.14, t * 0.74)], second)
    if "tie" in details:
        shape(
            [
                (-0.09, 0.12),
                (0.09, 0.12),
                (0.06, 0.28),
                (0.15, 0.52 * t),
                (0.0, 0.64 * t),
                (-0.15, 0.52 * t),
                (-0.06, 0.28),
            ],
            second,
        )
        canvas.mark("necktie", frame.map([(0, 0.2), (0, 0.5 * t)]))
    if "bow" in details:
        draw_bow(canvas, frame.child(0, 0.52 * t if outfit.collar == "sailor" else 0.16, 0.42), second)
        canvas.mark("bow", frame.map([(-0.2, 0.45 * t), (0.2, 0.45 * t)]))
    if emblem and ("emblem" in details or outfit.collar in ("hood", "lapel", "high", "scoop", "sailor", "crossed")):
        x, y, size = (0.0, 0.40, 0.30) if "emblem" in details else (s * 0.52, 0.44, 0.17)
        draw_emblem(canvas, frame.child(x, y * t, size), emblem, second)
    names = {"main": look.colors[0], "second": look.colors[1]}
    for tag in outfit.tags:
        canvas.mark(tag.format(**names), frame.map([(-s * 0.4, t * 0.35), (s * 0.4, t * 0.35), (0, t * 0.55)]))
    if not (look.boy and outfit.bottom == "skirt"):
        for tag in outfit.lower_tags:
            canvas.mark(tag.format(**names), frame.map([(-0.5 * w, t * 0.98), (0.5 * w, t * 0.98), (0, t * 1.06)]))


_EMBLEMS = {
    "star": star(0, 0, 1.0, 0.45, 5, -np.pi / 2), "diamond": np.array([(0, -1), (0.75, 0), (0, 1), (-0.75, 0)]),
    "heart": smooth([(0, -0.35), (0, -0.35), (0.5, -0.85), (0.98, -0.35), (0.55, 0.35), (0, 0.95), (0, 0.95),
        (-0.55, 0.35), (-0.98, -0.35), (-0.5, -0.85)], 3),
    "moon": smooth([(0.3, -1), (0.3, -1), (-0.7, -0.6), (-0.7, 0.6), (0.3, 1), (0.3, 1), (-0.1, 0.4), (-0.1, -0.4)], 3),
    "cross": np.array([(-0.3, -1), (0.3, -1), (0.3, -0.3), (1, -0.3), (1, 0.3), (0.3, 0.3), (0.3, 1), (-0.3, 1),
        (-0.3, 0.3), (-1, 0.3), (-1, -0.3), (-0.3, -0.3)]),
    "drop": smooth([(0, -1), (0, -1), (0.7, 0.3), (0, 1), (-0.7, 0.3)], 3), "ring": ellipse(0, 0, 0.9, 0.9, 14),
    "leaf": smooth([(-0.9, 0.9), (-0.9, 0.9), (-0.6, -0.4), (0.9, -0.9), (0.9, -0.9), (0.4, 0.6)], 3),
}  # fmt: skip


def draw_emblem(canvas: Canvas, frame: Frame, emblem: str, color: Color) -> None:
    """A title's emblem, one unit in radius."""
    canvas.part(frame.map(_EMBLEMS[emblem]), mix(color, (255, 236, 120), 0.35), 0.6, solid=False)


_BOW = smooth(
    [(0, -0.2), (0.9, -0.75), (1.15, -0.1), (0.95, 0.6), (0.0, 0.2), (-0.95, 0.6), (-1.15, -0.1), (-0.9, -0.75)], 3
)


def draw_bow(canvas: Canvas, frame: Frame, color: Color) -> None:
    """A ribbon bow, about one unit to each side, with two short ends."""
    for side in (-1, 1):
        end = [(0, 0), (side * 0.35, 0.05), (side * 0.75, 1.15), (side * 0.3, 1.05)]
        canvas.part(frame.map(end), shaded(color), 0.7, solid=False)
    canvas.part(frame.map(_BOW), color, 0.9, light=frame.map([(0.0, -0.05)])[0])
    canvas.part(frame.map(ellipse(0, 0, 0.26, 0.28, 10)), mix(color, (255, 255, 255), 0.15), 0.7, solid=False)
