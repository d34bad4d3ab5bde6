"""Heads: the face from the front, at three quarters and in profile, eyes, brows, mouth.

Coordinates: head radii around the head's center, y down, the face looking left; a frame's flip turns it right.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from i2v_lib.drawn.artists import Artist
from i2v_lib.drawn.canvas import Canvas, Color, Frame, mix, shaded
from i2v_lib.drawn.shapes import ellipse, smooth, tube
from i2v_lib.drawn.world import EYE, HAIR, SKIN

FRONT, THREE_QUARTER, PROFILE = 0, 1, 2
WHITE: Color = (255, 255, 255)
LASH: Color = (48, 34, 42)
MOUTH: Color = (176, 62, 70)

# half of a face: temple, cheek, jaw, beside the chin; then how sharp the chin is
_FACES = {
    "round": ((0.88, -0.2), (0.90, 0.26), (0.66, 0.70), (0.22, 0.95), False),
    "oval": ((0.86, -0.2), (0.83, 0.28), (0.55, 0.72), (0.17, 0.99), False),
    "pointed": ((0.86, -0.2), (0.82, 0.25), (0.50, 0.68), (0.12, 0.97), True),
    "square": ((0.87, -0.2), (0.84, 0.30), (0.64, 0.72), (0.30, 0.97), False),
}


@dataclass(frozen=True)
class Expression:
    """What a face does: mouth and eyes."""

    mouth: str = "smile"  # smile, open, grin, frown, line, small
    closed: tuple[bool, bool] = (False, False)  # the eye nearer to the viewer first
    brows: str = "calm"  # calm, angry, sad
    blush: bool = False
    tears: bool = False


@lru_cache(maxsize=1024)
def face_outline(face: str, view: int) -> np.ndarray:
    """Closed outline of a face without hair: float array, shape (n, 2)."""
    temple, cheek, jaw, chin, sharp = _FACES[face]
    if view == PROFILE:
        return smooth(
            [(-0.80, -0.45), (-0.84, -0.05), (-0.88, 0.14), (-1.00, 0.32), (-1.00, 0.32), (-0.85, 0.42), (-0.88, 0.53),
             (-0.82, 0.62), (-0.80, 0.72), (-0.70, 0.93), (-0.42, 0.92), (0.18, 0.62), (0.40, 0.10), (0.62, -0.5),
                 (0.0, -0.98)]
        )  # fmt: skip
    right = [temple, cheek, jaw, chin]
    left = [(-x, y) for x, y in reversed(right)]
    middle = [(0.0, 1.03), (0.0, 1.03)] if sharp else [(0.0, 1.0)]
    points = np.array([(0.0, -0.98), (0.62, -0.72), *right, *middle, *left, (-0.62, -0.72)])
    if view == THREE_QUARTER:
        # the chin swings to the far side, the far brow sinks in and the far cheek stands out
        x, y = points.T
        low = np.clip((y + 0.1) / 1.1, 0, 1)
        x = x - 0.17 * low
        x = np.where((points[:, 0] < -0.5) & (y < 0), x + 0.10, x)
        x = np.where((points[:, 0] < -0.5) & (y > 0.15) & (y < 0.4), x + 0.08, x)
        points = np.column_stack([x, y])
    return smooth(points)


def eye_places(view: int) -> list[tuple[float, float]]:
    """(x, width factor) of each eye that shows, the nearer one first."""
    return {FRONT: [(0.41, 1.0), (-0.41, 1.0)], THREE_QUARTER: [(0.20, 0.98), (-0.60, 0.78)], PROFILE: [(-0.56, 0.62)]}[
        view
    ]


@lru_cache(maxsize=4096)
def _eye_shapes(kind: str, half_width: float, half_height: float, lash: float, outer: float) -> dict[str, np.ndarray]:
    """Pieces of one eye around (0, 0), by name; ``outer`` is the side of its outer corner, +1 or -1."""
    w, h = half_width, half_height
    tilt = {"round": 0.0, "tall": 0.0, "sharp": -0.30, "droopy": 0.25, "dot": 0.0}[kind] * h
    top = {"sharp": 0.82}.get(kind, 1.0)
    white = [
        (-outer * w, 0.10 * h - tilt * 0.5), (-outer * 0.72 * w, -0.72 * h * top), (0, -h * top),
        (outer * 0.76 * w, -0.70 * h * top + tilt * 0.5), (outer * w, 0.05 * h + tilt), (outer * 0.62 * w, 0.80 * h),
        (0, 0.96 * h), (-outer * 0.64 * w, 0.78 * h),
    ]  # fmt: skip
    iw, ih = (0.68 * w, 0.90 * h) if kind != "sharp" else (0.60 * w, 0.80 * h)
    lid_middle = [
        (-outer * 1.02 * w, 0.02 * h), (-outer * 0.70 * w, -0.78 * h * top), (0, -1.04 * h * top),
        (outer * 0.80 * w, -0.74 * h * top + tilt * 0.5), (outer * 1.16 * w, -0.02 * h + tilt),
            (outer * 1.3 * w, 0.0 + tilt),
    ]  # fmt: skip
    return {
        "white": smooth(white, 3),
        "iris": ellipse(0, 0.03 * h, iw, ih, 18),
        "low": ellipse(0, 0.36 * h, iw * 0.78, ih * 0.52, 14),
        "pupil": ellipse(0, 0.0, iw * 0.42, ih * 0.46, 12),
        "light": ellipse(-iw * 0.36, -0.38 * h, iw * 0.34, ih * 0.26, 10),
        "light2": ellipse(iw * 0.38, 0.42 * h, iw * 0.19, ih * 0.15, 8),
        "lid": tube(lid_middle, [0.35 * lash, 0.8 * lash, 1.15 * lash, 1.1 * lash, 0.7 * lash, 0.0], 3),
        "shut": tube(
            [(-1.05 * w, 0.15 * h), (-0.5 * w, 0.42 * h), (0, 0.50 * h), (0.5 * w, 0.42 * h), (1.1 * w, 0.08 * h)],
            [0.0, 0.9 * lash, 1.1 * lash, 0.9 * lash, 0.0], 3,
        ),
        "happy": tube(
            [(-1.05 * w, 0.35 * h), (-0.5 * w, -0.12 * h), (0, -0.26 * h), (0.5 * w, -0.12 * h), (1.1 * w, 0.38 * h)],
            [0.0, 0.9 * lash, 1.1 * lash, 0.9 * lash, 0.0], 3,
        ),
    }  # fmt: skip


def draw_eye(
    canvas: Canvas, frame: Frame, artist: Artist, color: Color, outer: float, width: float, closed: str | None
) -> None:
    """One eye around the frame's origin.

    Parameters
    ----------
    outer : +1 if the outer corner is to the right in the frame, else -1
    width : foreshortening factor
    closed : None for an open eye, "shut" or "happy"
    """
    half_width = artist.eye_size * width
    height = artist.eye_size * artist.eye_height * (1.1 if artist.eyes == "tall" else 1.0)
    shapes = _eye_shapes(artist.eyes, half_width, height, artist.lash, outer)
    lash = canvas.outline_color(LASH) if canvas.sketch else LASH
    if closed:
        canvas.polygon(frame.map(shapes[closed]), LASH if not canvas.sketch else (0, 0, 0))
        return
    if artist.eyes == "dot":  # the simplest hand: a bean of the iris color with one light
        canvas.part(frame.map(ellipse(0, 0, half_width * 0.62, height * 0.9)), mix(color, LASH, 0.15), 0.8, solid=False)
        canvas.polygon(frame.map(shapes["light"]), WHITE)
        return
    canvas.polygon(frame.map(shapes["white"]), WHITE)
    canvas.polygon(frame.map(shapes["iris"]), mix(color, LASH, 0.42))
    canvas.polygon(frame.map(shapes["low"]), mix(color, WHITE, 0.16))
    canvas.polygon(frame.map(shapes["pupil"]), mix(color, LASH, 0.85))
    canvas.polygon(frame.map(shapes["light"]), WHITE)
    canvas.polygon(frame.map(shapes["light2"]), mix(color, WHITE, 0.75))
    canvas.polygon(frame.map(shapes["lid"]), lash)


_MOUTHS = {
    "smile": [(-0.17, 0.0), (-0.07, 0.07), (0.07, 0.07), (0.17, 0.0)],
    "frown": [(-0.14, 0.07), (-0.05, 0.0), (0.05, 0.0), (0.14, 0.07)],
    "line": [(-0.11, 0.03), (0.0, 0.035), (0.11, 0.03)],
    "small": [(-0.05, 0.03), (0.0, 0.05), (0.05, 0.03)],
}
_OPEN = smooth(
    [
        (-0.20, -0.05),
        (-0.20, -0.05),
        (0.0, -0.015),
        (0.20, -0.05),
        (0.20, -0.05),
        (0.13, 0.16),
        (0.0, 0.22),
        (-0.13, 0.16),
    ],
    3,
)
_TONGUE = ellipse(0, 0.145, 0.095, 0.06, 12)
_GRIN = smooth(
    [(-0.23, -0.02), (-0.23, -0.02), (0.0, 0.03), (0.23, -0.02), (0.23, -0.02), (0.12, 0.11), (-0.12, 0.11)], 3
)
_BROWS = {"calm": (0.0, 0.0), "angry": (0.13, -0.02), "sad": (-0.13, 0.03)}


def draw_face(canvas: Canvas, frame: Frame, artist: Artist, look, view: int) -> None:
    """Face, eyes, brows, nose and mouth; the hair comes later.

    ``look`` gives ``skin``, ``eyes``, ``hair``, ``expression`` and ``hidden_eye`` (whether a lock hides the far eye).
    """
    skin = SKIN[look.skin]
    canvas.part(frame.map(face_outline(artist.face, view)), skin, light=frame.map([(-0.15, -0.1)])[0])
    expression, places = look.expression, eye_places(view)
    turn = {FRONT: 0.0, THREE_QUARTER: -0.22, PROFILE: -0.72}[view]
    y = 0.17
    if expression.blush or artist.blush:
        rose = mix(skin, (244, 110, 110), 0.42 if expression.blush else 0.22)
        for x, width in places:
            canvas.polygon(frame.map(ellipse(x * 1.12, y + 0.34, 0.17 * width, 0.085, 12)), rose)
    shown = []
    for number, (x, width) in enumerate(places):
        if look.hidden_eye and number == len(places) - 1:
            continue  # under the lock of hair
        outer = 1.0 if x > 0 or view == PROFILE else -1.0
        closed = None
        if expression.closed[number]:
            closed = "happy" if expression.mouth in ("open", "smile", "grin") else "shut"
        name = look.eyes[number % 2]
        eye = frame.child(x, y)
        draw_eye(canvas, eye, artist, EYE[name], outer, width, closed)
        half = artist.eye_size * artist.eye_height * 0.9
        around = eye.map([(0, -half), (0, half), (0, 0)])
        if closed is None:
            canvas.mark(f"{name} eyes", around)
            shown.append(name)
        _brow(canvas, frame, artist, look, x, width, outer, y)
    if len(shown) == 2 and shown[0] != shown[1]:
        canvas.mark("heterochromia", frame.map([(p[0], y) for p in places]))
    both = frame.map([(places[0][0] + 0.2, y), (places[-1][0] - 0.2, y)])
    if len(places) == 2 and not look.hidden_eye and look.facewear not in ("eyepatch", "sunglasses"):
        if all(expression.closed):
            canvas.mark("closed eyes", both)
        elif any(expression.closed):
            canvas.mark("one eye closed", both)
    if expression.tears:
        for x, _ in places:
            canvas.polygon(
                frame.map(tube([(x + 0.05, y + 0.25), (x + 0.08, y + 0.42), (x + 0.08, y + 0.62)], [0.03, 0.06, 0.08])),
                (150, 208, 250),
            )
        canvas.mark("tears", both)
    if artist.nose and view != PROFILE:
        canvas.polygon(frame.map([(turn - 0.03, 0.43), (turn + 0.05, 0.50), (turn - 0.03, 0.50)]), shaded(skin))
    _mouth(
        canvas, frame.child(turn * 1.05, 0.66 if view != PROFILE else 0.60, {PROFILE: 0.7}.get(view, 1.0)), expression
    )
    if expression.blush:
        canvas.mark("blush", both)


def _brow(canvas: Canvas, frame: Frame, artist: Artist, look, x: float, width: float, outer: float, y: float) -> None:
    slope, lift = _BROWS[look.expression.brows]
    top = y - artist.eye_size * artist.eye_height * 1.12 - 0.13 + lift
    inner, end = x - outer * 0.20 * width, x + outer * 0.22 * width
    middle = (x, top - 0.05)
    canvas.polygon(
        frame.map(tube([(inner, top + slope), middle, (end, top - slope * 0.6 + 0.03)], [0.035, 0.03, 0.008])),
        mix(HAIR[look.hair], LASH, 0.45),
    )


def _mouth(canvas: Canvas, frame: Frame, expression: Expression) -> None:
    kind = expression.mouth
    around = frame.map([(-0.19, 0.03), (0.19, 0.03), (0, 0.06)])
    if kind == "open":
        canvas.part(frame.map(_OPEN), MOUTH, 0.7, solid=False)
        canvas.polygon(frame.map(_TONGUE), (238, 134, 134))
        canvas.mark("open mouth", around)
        canvas.mark("smile", around)
    elif kind == "grin":
        canvas.part(frame.map(_GRIN), WHITE, 0.8, solid=False)
        canvas.mark("grin", around)
        canvas.mark("smile", around)
    else:
        points = np.asarray(_MOUTHS[kind])
        canvas.polygon(frame.map(tube(points, [0.012] + [0.03] * (len(points) - 2) + [0.012])), (130, 56, 58))
        if kind in ("smile", "frown"):
            canvas.mark(kind, around)
