"""Hair: a mass behind the head, tails and braids, and a fringe of tapered locks that throws its shadow on the face.

Coordinates as in :mod:`heads`: head radii around the head's center, the face looking left.
"""

from __future__ import annotations

from functools import lru_cache
from math import cos, pi, sin

import numpy as np

from i2v_lib.drawn.artists import Artist
from i2v_lib.drawn.canvas import Canvas, Color, Frame, mix, shaded
from i2v_lib.drawn.heads import FRONT, PROFILE, THREE_QUARTER
from i2v_lib.drawn.shapes import ellipse, smooth, tube
from i2v_lib.drawn.world import HAIR, SKIN

# style: (how far the mass behind the head falls, how wide it ends, tips, waviness)
_MASS = {
    "long": (2.5, 1.12, 7, 0.03), "very long": (4.6, 1.35, 9, 0.05), "wavy": (2.4, 1.42, 6, 0.16),
        "hime cut": (2.7, 1.05, 9, 0.0),
    "bob": (0.98, 1.14, 6, 0.0), "short": (0.62, 1.02, 5, 0.02), "spiky": (0.50, 1.06, 5, 0.05),
        "messy": (0.70, 1.16, 6, 0.10),
}  # fmt: skip
_LENGTH_TAGS = {
    "long": ("long hair",), "very long": ("very long hair", "long hair"), "wavy": ("wavy hair", "long hair"),
    "hime cut": ("hime cut", "long hair"), "bob": ("bob cut", "short hair"), "short": ("short hair",),
    "spiky": ("spiky hair", "short hair"), "messy": ("messy hair", "short hair"),
        "twintails": ("twintails", "long hair"),
    "low twintails": ("low twintails", "long hair"), "ponytail": ("ponytail",), "side ponytail": ("side ponytail",),
    "twin braids": ("twin braids", "braid"), "braid": ("braid",), "double bun": ("double bun", "hair bun"),
        "drills": ("drill hair",),
}  # fmt: skip


@lru_cache(maxsize=512)
def _mass(style: str, lift: float, view: int, reach: float) -> np.ndarray:
    """Outline of the hair behind head and shoulders."""
    length, spread, tips, wave = _MASS.get(style, (0.55, 1.0, 5, 0.0))
    length = min(length, reach)
    side = 1.0 + lift
    shift = {FRONT: 0.0, THREE_QUARTER: 0.10, PROFILE: 0.42}[view]
    narrow = {FRONT: 1.0, THREE_QUARTER: 0.97, PROFILE: 0.66}[view]
    points = [(side * cos(a), -0.12 + side * sin(a)) for a in np.linspace(pi * 1.0, pi * 2.0, 9)]
    down = max(0.15, length - 0.15)
    for i, u in enumerate((0.35, 0.7)):
        sway = wave * (1 if i % 2 else -1)
        points.append((side + (spread - side) * u + 0.05 + sway, -0.12 + down * u))
    for i in range(tips):  # pointed locks along the lower edge, right to left
        x = spread * (1 - 2 * (i + 0.5) / tips)
        tip = length + (0.16 + wave) * (1 if i % 2 else 0.35) * (1 - 0.3 * abs(x))
        points += [(x + 0.03, tip), (x + 0.03, tip)]
        if i < tips - 1:
            points.append((spread * (1 - 2 * (i + 1) / tips), length - 0.16))
    for i, u in enumerate((0.7, 0.35)):
        sway = wave * (1 if i % 2 else -1)
        points.append((-(side + (spread - side) * u + 0.05 - sway), -0.12 + down * u))
    p = np.array(points)
    p[:, 0] = p[:, 0] * narrow + shift * np.clip((p[:, 1] + 0.6) / 1.2, 0, 1)
    return smooth(p, 3)


@lru_cache(maxsize=4096)
def _tails(style: str, reach: float, view: int, sway: float) -> list[tuple[np.ndarray, bool]]:
    """Tapered tails of a style: (outline, whether it hangs in front of the shoulder)."""
    end = min(2.7, reach)
    s = sway
    near, far = {FRONT: (1.02, -1.02), THREE_QUARTER: (1.06, -0.86), PROFILE: (0.55, None)}[view]
    sides = [x for x in (near, far) if x is not None]

    tails = []
    for x in sides if style in ("twintails", "low twintails") else ():
        out = 1.0 if x > 0 else -1.0
        if style == "twintails":
            middle = [
                (x * 0.86, -0.62), (x + out * 0.42, -0.50), (x + out * 0.62 + s, 0.5), (x + out * 0.45 + s, 1.5),
                (x + out * 0.25 + 1.6 * s, end),
            ]  # fmt: skip
            tails.append((tube(middle, [0.10, 0.26, 0.42, 0.34, 0.0], 4), False))
        else:
            middle = [(x * 0.85, 0.62), (x * 1.02 + 0.5 * s, 1.2), (x * 0.95 + s, 1.8), (x * 0.85 + s, min(2.5, reach))]
            tails.append((tube(middle, [0.12, 0.30, 0.27, 0.0], 4), True))
    if style == "ponytail":
        x = {FRONT: 0.25, THREE_QUARTER: 0.75, PROFILE: 0.9}[view]
        middle = [(x, -0.85), (x + 0.55, -1.08), (x + 1.02 + s, -0.35), (x + 0.85 + s, 0.8)]
        return [(tube([*middle, (x + 0.5 + 2 * s, min(2.1, reach))], [0.12, 0.28, 0.40, 0.34, 0.0], 4), False)]
    if style == "side ponytail":
        middle = [(near * 0.80, -0.55), (near + 0.45, -0.45), (near + 0.50 + s, 0.5)]
        return [(tube([*middle, (near + 0.30 + s, min(2.2, reach))], [0.12, 0.30, 0.36, 0.0], 4), False)]
    return tails


def _braid(canvas: Canvas, frame: Frame, color: Color, x: float, lean: float, reach: float) -> None:
    """A braid that hangs from beside the jaw: overlapping knots and a tassel."""
    count = 5
    step = min(0.34, max(0.16, (reach - 0.6) / 5.5))
    for i in range(count):
        r = 0.21 - 0.014 * i
        knot = ellipse(x + lean * i * 0.2 + (0.05 if i % 2 else -0.05), 0.62 + i * step, r, r * 0.92, 12)
        canvas.part(frame.map(knot), color, 0.7, light=frame.map(knot[:1] * 0.5 + knot[7:8] * 0.5)[0])
    y = 0.62 + count * step
    tassel = [(x + lean * 1.0 - 0.11, y - 0.1), (x + lean * 1.0 + 0.11, y - 0.1), (x + lean + 0.16, y + 0.26),
        (x + lean + 0.16, y + 0.26),
              (x + lean, y + 0.16), (x + lean - 0.16, y + 0.26), (x + lean - 0.16, y + 0.26)]  # fmt: skip
    canvas.part(frame.map(tassel), color, 0.7)


def _drill(canvas: Canvas, frame: Frame, color: Color, x: float, reach: float) -> None:
    """A ringlet: discs that shrink downwards, each slanted."""
    for i in range(5):
        y = 0.15 + i * min(0.36, reach / 6)
        w = 0.36 - 0.055 * i
        band = smooth([(x - w, y - 0.12), (x + w, y - 0.26), (x + w * 0.9, y + 0.14), (x - w * 0.7, y + 0.30)], 4)
        canvas.part(frame.map(band), color, 0.8, light=frame.map([(x - 0.1 * w, y - 0.02)])[0])


def draw_back_hair(canvas: Canvas, frame: Frame, artist: Artist, look, view: int, reach: float, sway: float) -> None:
    """The mass behind head and shoulders, and tails that hang behind; before the body is drawn.

    Parameters
    ----------
    reach : how far below the head's center hair may fall, head radii (short figures have no room for long hair)
    sway : wind and movement, -0.3 to 0.3
    """
    color = HAIR[look.hair]
    back = shaded(color)
    if look.headwear != "helmet" or look.hair_style in _MASS:
        canvas.part(frame.map(_mass(look.hair_style, artist.lift, view, reach)), back, light=None)
    for outline, front in _tails(look.hair_style, reach, view, sway):
        if not front:
            canvas.part(frame.map(outline), color, light=frame.map(outline[len(outline) // 5][None])[0])
    if look.hair_style == "double bun" and look.headwear in (None, "hairband", "hair flower", "hair ribbon", "glasses"):
        for x in {FRONT: (0.78, -0.78), THREE_QUARTER: (0.86, -0.62), PROFILE: (0.55,)}[view]:
            bun = ellipse(x, -0.92, 0.40, 0.38, 18)
            canvas.part(frame.map(bun), color, light=frame.map([(x - 0.08, -1.02)])[0])
    if look.hair_style == "drills":
        for x in {FRONT: (1.08, -1.08), THREE_QUARTER: (1.12, -0.92), PROFILE: (0.6,)}[view]:
            _drill(canvas, frame, color, x, reach)


@lru_cache(maxsize=1024)
def _fringe(style: str, locks: int, lift: float, view: int, flat_top: bool) -> tuple[np.ndarray, np.ndarray]:
    """(hair on the skull with its fringe, highlight band); closed outlines."""
    side, top = 1.0 + lift * 0.9, 1.0 + lift * (0.5 if flat_top else 1.2)
    tips: list[tuple[float, float]] = []
    if view == PROFILE:
        arc = [(-0.92 * side, -0.28)] + [
            (side * cos(a) * 0.98 + 0.03, -0.1 + top * sin(a)) for a in np.linspace(pi * 1.15, pi * 1.95, 8)
        ]
        lower = [
            (1.02, 0.30),
            (0.86, 0.78),
            (0.86, 0.78),
            (0.52, 0.62),
            (0.30, 0.86),
            (0.30, 0.86),
            (0.12, 0.30),
            (0.02, 0.52),
            (0.02, 0.52),
            (-0.10, -0.22),
        ]
        n = max(2, locks // 2)
        for i in range(n):
            x = -0.16 - 0.74 * (i + 0.7) / n
            y = {"blunt": 0.0, "parted": -0.12 + 0.12 * i, "over one eye": 0.35}.get(style, -0.02 + 0.13 * (i % 2))
            lower += [(x, y), (x, y), (x - 0.30 / n, -0.34)]
        outline = smooth(arc + lower, 3)
        band = smooth([(-0.62, -0.60), (-0.10, -0.80), (0.52, -0.62), (0.46, -0.50), (-0.10, -0.66), (-0.58, -0.46)], 3)
        return outline, band
    arc = [(-side, 0.30), (-side * 1.02, -0.1)] + [
        (side * cos(a), -0.12 + top * sin(a)) for a in np.linspace(pi * 1.1, pi * 1.9, 8)
    ]
    arc += [(side * 1.02, -0.1), (side, 0.30)]
    right, left = (0.86, 0.50), (-0.86, 0.50)
    lower = [right, right, (0.74, 0.05)]
    for i in range(locks):
        u = (i + 0.5) / locks  # 0 at the right temple, 1 at the left
        x = 0.76 - 1.52 * u
        wiggle = 0.37 * (i * 7 % 5) / 4 - 0.18
        y, lean, notch = {
            "blunt": (-0.02, 0.0, -0.13),
            "swept": (-0.22 + 0.30 * u, -0.16, -0.34),
            "parted": (-0.30 + 0.52 * abs(2 * u - 1) ** 1.2, 0.20 * (1 if u < 0.5 else -1), -0.52),
            "spiky": (-0.02 + wiggle * 0.8, 0.0, -0.42),
            "over one eye": (-0.20 + (0.62 if u > 0.62 else 0.14 * u), -0.14, -0.30),
            "messy": (0.02 + wiggle, 0.12 * (-1) ** i, -0.36),
        }[style]
        tips.append((x + lean, y))
        lower += [(x + lean, y), (x + lean, y)]
        if i < locks - 1:
            v = (i + 1) / locks
            lower.append((0.76 - 1.52 * v, max(y, -0.3) * 0.3 + notch))
    lower += [(-0.74, 0.05), left, left]
    p = np.array(arc + lower)
    if view == THREE_QUARTER:
        inner = np.hypot(p[:, 0], p[:, 1] + 0.12) < 0.93
        p[:, 0] = np.where(inner, p[:, 0] * 0.93 - 0.17, p[:, 0] + 0.03)
    shift = -0.14 if view == THREE_QUARTER else 0.0
    band = [
        (-0.74 + shift, -0.42),
        (-0.45 + shift, -0.68),
        (0.0 + shift, -0.78),
        (0.45 + shift, -0.68),
        (0.74 + shift, -0.42),
    ]
    band += [
        (0.56 + shift, -0.50),
        (0.44 + shift, -0.42),
        (0.28 + shift, -0.60),
        (0.10 + shift, -0.50),
        (-0.12 + shift, -0.64),
        (-0.30 + shift, -0.48),
        (-0.48 + shift, -0.54),
    ]
    return smooth(p, 3), smooth(band, 2)


def fringe_shadow(canvas: Canvas, frame: Frame, artist: Artist, look, view: int) -> None:
    """The fringe's shadow on the forehead: the fringe itself, a little lower, in the skin's shade."""
    if artist.shading == "flat" or canvas.sketch or view == PROFILE:
        return
    outline, _ = _fringe(look.fringe, artist.locks, artist.lift, view, look.headwear in FLAT_TOP)
    shadow = outline * (0.84, 1.0) + (0.0, 0.09)
    canvas.polygon(frame.map(shadow[(shadow[:, 1] > -0.75)]), shaded(SKIN[look.skin]))


FLAT_TOP = frozenset(
    {"beret", "baseball cap", "witch hat", "top hat", "straw hat", "helmet", "sailor hat", "crown", "hood"}
)


def draw_front_hair(canvas: Canvas, frame: Frame, artist: Artist, look, view: int, reach: float, sway: float) -> None:
    """Fringe, side locks and whatever hangs before the shoulders; after the face is drawn."""
    color = HAIR[look.hair]
    for x in {FRONT: (0.93, -0.93), THREE_QUARTER: (0.90, -0.80), PROFILE: (0.10,)}[view]:
        long = 1.15 if look.hair_style not in ("short", "spiky", "messy", "bob") else 0.72
        if look.hair_style == "hime cut":
            lock = np.array([(x - 0.17, -0.1), (x + 0.17, -0.1), (x + 0.15, 0.88), (x - 0.15, 0.88)])
        else:
            lock = tube(
                [(x * 0.98, -0.25), (x * 1.04, 0.30), (x * 0.96, long * 0.8), (x * 0.90 + 0.3 * sway, long)],
                [0.12, 0.17, 0.10, 0.0],
                4,
            )
        canvas.part(frame.map(lock), color, 0.85, light=frame.map([(x - 0.03, 0.2)])[0])
    outline, band = _fringe(look.fringe, artist.locks, artist.lift, view, look.headwear in FLAT_TOP)
    canvas.part(frame.map(outline), color)
    if artist.shading != "flat":
        canvas.polygon(frame.map(band), mix(color, (255, 255, 255), 0.38 if look.hair != "black" else 0.22))
    for outline, front in _tails(look.hair_style, reach, view, sway):
        if front:
            canvas.part(frame.map(outline), color, light=frame.map(outline[len(outline) // 5][None])[0])
    if look.hair_style == "twin braids":
        for x in {FRONT: (0.80, -0.80), THREE_QUARTER: (0.82, -0.66), PROFILE: (0.35,)}[view]:
            _braid(canvas, frame, color, x, 0.15 * sway, reach)
    elif look.hair_style == "braid":
        _braid(canvas, frame, color, {FRONT: 0.72, THREE_QUARTER: 0.76, PROFILE: 0.4}[view], 0.15 * sway, reach)
    if look.ahoge and look.headwear not in FLAT_TOP:
        curl = tube([(0.0, -1.02), (0.10, -1.38), (0.42, -1.52), (0.66, -1.30)], [0.07, 0.10, 0.07, 0.0], 4)
        canvas.part(frame.map(curl), color, 0.8, solid=False)
        canvas.mark("ahoge", frame.map([(0.1, -1.35), (0.45, -1.48)]))
    _mark(canvas, frame, look, view)


def _mark(canvas: Canvas, frame: Frame, look, view: int) -> None:
    """What a tag would say of this hair."""
    crown = [(-0.6, -0.55), (0.0, -0.8), (0.6, -0.55), (0.92, 0.0)]
    if look.headwear in FLAT_TOP:
        crown = [(0.92, 0.1), (0.92, 0.4), (-0.5, -0.3)]
    canvas.mark(f"{look.hair} hair", frame.map(crown))
    style = look.hair_style
    ends = {"long": [(1.05, 1.4), (-1.05, 1.4), (0.9, 2.0)], "very long": [(1.15, 1.8), (1.2, 2.8), (-1.1, 2.4)]}
    ends |= {
        "wavy": [(1.2, 1.4), (-1.2, 1.4)],
        "hime cut": [(1.0, 0.6), (0.95, 1.6), (-0.95, 1.6)],
        "twintails": [(1.5, 0.6), (-1.4, 0.6)],
    }
    ends |= {
        "low twintails": [(0.98, 1.3), (-0.9, 1.3)],
        "ponytail": [(1.5, 0.0), (1.2, -0.6)],
        "side ponytail": [(1.5, 0.3), (1.3, -0.2)],
    }
    ends |= {
        "twin braids": [(0.8, 0.9), (-0.75, 0.9)],
        "braid": [(0.75, 0.9), (0.75, 1.2)],
        "double bun": [(0.8, -0.95), (-0.7, -0.95)],
    }
    ends |= {"drills": [(1.08, 0.6), (-1.0, 0.6)]}
    if style == "double bun" and look.headwear not in (None, "hairband", "hair flower", "hair ribbon"):
        return
    where = np.array(ends.get(style, [(0.95, 0.2), (-0.9, 0.2)]))
    if view == PROFILE:
        where[:, 0] = np.abs(where[:, 0]) * 0.9
    for tag in _LENGTH_TAGS[style]:
        canvas.mark(tag, frame.map(where))
    if look.fringe == "blunt" and look.headwear not in FLAT_TOP:
        canvas.mark("blunt bangs", frame.map([(-0.5, -0.15), (0.4, -0.15)]))
    if look.hidden_eye and view != PROFILE:
        canvas.mark("hair over one eye", frame.map([(-0.6, 0.05), (-0.4, -0.2)]))
