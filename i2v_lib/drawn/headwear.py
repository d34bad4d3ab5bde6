"""What is worn on head and face, in head coordinates."""

from __future__ import annotations

import numpy as np

from i2v_lib.drawn.canvas import Canvas, Color, Frame, mix, shaded
from i2v_lib.drawn.clothes import draw_bow
from i2v_lib.drawn.heads import FRONT, PROFILE, THREE_QUARTER, eye_places
from i2v_lib.drawn.shapes import ellipse, smooth, tube
from i2v_lib.drawn.world import CLOTH, HAIR

HATS = frozenset(
    {"witch hat", "beret", "baseball cap", "top hat", "straw hat", "tokin hat", "helmet", "sailor hat", "crown"}
)
GOLD: Color = (246, 206, 88)


def draw_headwear_behind(canvas: Canvas, frame: Frame, look, view: int) -> None:
    """Animal ears, horns and halos that rise behind the hair; before the face is drawn."""
    kind, hair = look.headwear, HAIR[look.hair]
    x = {FRONT: 0.0, THREE_QUARTER: 0.05, PROFILE: 0.2}[view]
    if kind in ("cat ears", "fox ears"):
        tall = 0.62 if kind == "cat ears" else 0.85
        color = hair if kind == "cat ears" else mix(hair, (238, 160, 84), 0.35)
        for s in (-1, 1):
            tip = (x + s * 0.50, -1.0 - tall)
            ear = smooth([(x + s * 0.24, -0.92), tip, tip, (x + s * 0.94, -0.52)], 3)
            canvas.part(frame.map(ear), color, 1.0)
            inner = np.array([(x + s * 0.38, -0.98), (x + s * 0.52, -0.98 - tall * 0.72), (x + s * 0.78, -0.72)])
            canvas.polygon(frame.map(inner), (250, 196, 200) if kind == "cat ears" else (252, 240, 226))
        where = [(x + s * 0.52, -1.0 - tall * f) for s in (-1, 1) for f in (0.15, 0.45)]
        canvas.mark(kind, frame.map(where))
    elif kind == "rabbit ears":
        color = CLOTH["white"] if look.headwear_color not in ("black", "pink") else CLOTH[look.headwear_color]
        for s in (-1, 1):
            ear = tube(
                [(x + s * 0.34, -0.85), (x + s * 0.46, -1.5), (x + s * (0.62 if s > 0 else 0.44), -2.15)],
                [0.18, 0.27, 0.08],
                4,
            )
            inner = tube([(x + s * 0.38, -1.1), (x + s * 0.46, -1.5), (x + s * 0.55, -1.95)], [0.07, 0.13, 0.02])
            canvas.part(frame.map(ear), color)
            canvas.polygon(frame.map(inner), (250, 190, 204))
        canvas.mark(kind, frame.map([(x + s * 0.45, y) for s in (-1, 1) for y in (-1.3, -1.75)]))
    elif kind == "horns":
        for s in (-1, 1):
            horn = tube([(x + s * 0.55, -0.80), (x + s * 0.88, -1.12), (x + s * 0.86, -1.52)], [0.20, 0.15, 0.0], 4)
            canvas.part(frame.map(horn), (92, 74, 86) if look.headwear_color != "red" else (190, 62, 58))
        canvas.mark(kind, frame.map([(x + s * 0.82, y) for s in (-1, 1) for y in (-1.05, -1.3)]))
    elif kind == "halo":
        ring = np.concatenate([ellipse(x, -1.5, 0.72, 0.22, 24), ellipse(x, -1.5, 0.52, 0.12, 24)[::-1]])
        canvas.part(frame.map(ring[:24]), GOLD, 0.8, solid=True)
        canvas.polygon(frame.map(ring[24:]), (255, 250, 214))
        canvas.mark(kind, frame.map([(x - 0.55, -1.5), (x + 0.55, -1.5), (x, -1.6)]))


def draw_headwear(canvas: Canvas, frame: Frame, look, view: int) -> None:
    """Hats, ribbons and what else sits on the hair; after the fringe is drawn."""
    kind, color = look.headwear, CLOTH[look.headwear_color]
    band = CLOTH["yellow" if look.headwear_color != "yellow" else "brown"]
    lean = {FRONT: 0.0, THREE_QUARTER: -0.06, PROFILE: 0.06}[view]

    def part(points, paint: Color, weight: float = 1.0, light=None) -> None:
        canvas.part(frame.map(points), paint, weight, light=None if light is None else frame.map([light])[0])

    def mark(*where) -> None:
        canvas.mark(kind, frame.map(where))

    if kind == "witch hat":
        part(
            smooth(
                [
                    (-0.80, -0.62),
                    (-0.52, -1.35),
                    (-0.16, -2.05),
                    (0.42, -2.42),
                    (0.42, -2.42),
                    (0.36, -1.75),
                    (0.66, -1.2),
                    (0.84, -0.62),
                ],
                3,
            ),
            color,
            light=(-0.1, -1.0),
        )
        part(
            smooth([(-0.83, -0.60), (-0.70, -0.92), (0, -0.82), (0.74, -0.92), (0.87, -0.60), (0, -0.48)], 3), band, 0.6
        )
        part(ellipse(lean, -0.56, 1.62, 0.30, 26), color, light=(lean - 0.3, -0.62))
        mark((0, -1.1), (0.2, -1.7), (0.9, -0.56), (-0.9, -0.56))
    elif kind == "beret":
        part(
            smooth(
                [(-1.06, -0.42), (-1.14, -0.92), (-0.4, -1.32), (0.6, -1.26), (1.22, -0.78), (1.02, -0.46), (0, -0.62)],
                3,
            ),
            color,
            light=(-0.2, -0.95),
        )
        part(tube([(0.05, -1.26), (0.10, -1.44)], [0.05, 0.05], 2), color, 0.7)
        mark((-0.6, -0.9), (0.6, -0.95), (0, -1.1))
    elif kind == "baseball cap":
        part(
            smooth([(-0.98, -0.36), (-0.92, -0.95), (0.0, -1.30), (0.92, -0.95), (1.02, -0.36), (0, -0.50)], 3),
            color,
            light=(-0.25, -0.85),
        )
        if view == FRONT:
            brim = [(-0.86, -0.44), (-0.74, -0.12), (0, -0.22), (0.74, -0.12), (0.86, -0.44), (0, -0.58)]
        else:
            brim = [(-0.95, -0.42), (-1.5, -0.16), (-1.1, -0.12), (-0.2, -0.36)]
        part(smooth(brim, 3), shaded(color))
        mark((-0.5, -0.85), (0.5, -0.85), (0, -1.1))
    elif kind == "top hat":
        part([(-0.66, -0.62), (-0.76, -1.86), (0.76, -1.86), (0.66, -0.62)], color, light=(-0.2, -1.2))
        part([(-0.67, -0.66), (-0.70, -0.96), (0.70, -0.96), (0.67, -0.66)], band, 0.5)
        part(ellipse(0, -0.62, 1.22, 0.20, 24), color)
        mark((-0.4, -1.4), (0.4, -1.4), (0, -1.0))
    elif kind == "straw hat":
        straw = (238, 208, 136)
        part(
            smooth([(-0.82, -0.58), (-0.70, -1.22), (0, -1.42), (0.70, -1.22), (0.82, -0.58)], 3),
            straw,
            light=(-0.2, -1.0),
        )
        part(
            smooth([(-0.84, -0.58), (-0.80, -0.88), (0, -0.78), (0.80, -0.88), (0.84, -0.58), (0, -0.46)], 3),
            color,
            0.6,
        )
        part(ellipse(lean, -0.54, 1.68, 0.30, 26), straw, light=(lean - 0.3, -0.60))
        mark((0, -1.15), (0.9, -0.54), (-0.9, -0.54))
    elif kind == "tokin hat":
        part(
            [(-0.26, -1.02), (-0.30, -1.40), (0.0, -1.54), (0.30, -1.40), (0.26, -1.02)],
            CLOTH["red" if look.headwear_color == "red" else "black"],
        )
        for s in (-1, 1):
            cord = tube([(s * 0.26, -1.04), (s * 0.82, -0.5), (s * 0.96, 0.2)], [0.03, 0.03, 0.03])
            canvas.polygon(frame.map(cord), CLOTH["white"])
            part(ellipse(s * 0.98, 0.30, 0.13, 0.13, 10), CLOTH["white"], 0.7)
        mark((-0.15, -1.2), (0.15, -1.3), (0, -1.15))
    elif kind == "helmet":
        steel = mix(color, (206, 212, 226), 0.6)
        part(
            smooth(
                [
                    (-1.12, 0.22),
                    (-1.16, -0.5),
                    (-0.6, -1.18),
                    (0, -1.30),
                    (0.6, -1.18),
                    (1.16, -0.5),
                    (1.12, 0.22),
                    (0.86, 0.26),
                    (0.80, -0.34),
                    (0, -0.48),
                    (-0.80, -0.34),
                    (-0.86, 0.26),
                ],
                3,
            ),
            steel,
        )
        part(tube([(0, -0.52), (0, -1.2), (0.1, -1.62)], [0.08, 0.10, 0.16]), CLOTH["red"])
        mark((-0.5, -0.85), (0.5, -0.85), (0, -1.0))
    elif kind == "sailor hat":
        part(
            smooth([(-0.72, -0.84), (-0.90, -1.32), (0, -1.48), (0.90, -1.32), (0.72, -0.84), (0, -0.92)], 3),
            CLOTH["white"],
            light=(-0.2, -1.15),
        )
        part(
            smooth([(-0.78, -0.62), (-0.80, -0.92), (0, -1.0), (0.80, -0.92), (0.78, -0.62), (0, -0.72)], 3),
            CLOTH["blue"],
            0.7,
        )
        mark((-0.5, -1.15), (0.5, -1.15), (0, -0.9))
    elif kind == "crown":
        part(
            [(-0.55, -0.86), (-0.66, -1.42), (-0.30, -1.14), (0.0, -1.55), (0.30, -1.14), (0.66, -1.42), (0.55, -0.86)],
            GOLD,
            light=(-0.1, -1.0),
        )
        for s in (-0.3, 0.0, 0.3):
            canvas.polygon(frame.map(ellipse(s, -1.0, 0.08, 0.09, 8)), CLOTH["red"])
        mark((-0.4, -1.05), (0.4, -1.05), (0, -1.2))
    elif kind == "hair ribbon":
        x, y = {"twintails": (0.95, -0.66), "low twintails": (0.86, 0.64)}.get(look.hair_style, (0.66, -0.86))
        draw_bow(canvas, frame.child(x, y, 0.42, 0.25), color)
        if "twintails" in look.hair_style and view != PROFILE:
            draw_bow(canvas, frame.child(-x, y, 0.42, -0.25), color)
        mark((x - 0.22, y), (x + 0.22, y))
        canvas.mark(f"{look.headwear_color} ribbon", frame.map([(x - 0.25, y), (x + 0.25, y)]))
    elif kind == "hair bow":
        draw_bow(canvas, frame.child(lean, -1.10, 0.78), color)
        mark((-0.5, -1.1), (0.5, -1.1))
        canvas.mark(f"{look.headwear_color} bow", frame.map([(-0.5, -1.1), (0.5, -1.1)]))
    elif kind == "hair flower":
        for a in np.linspace(0, 2 * np.pi, 6)[:-1]:
            part(ellipse(0.70 + 0.20 * np.cos(a), -0.62 + 0.20 * np.sin(a), 0.17, 0.17, 10), color, 0.6)
        part(ellipse(0.70, -0.62, 0.12, 0.12, 8), band, 0.5)
        mark((0.5, -0.62), (0.9, -0.62), (0.7, -0.5))
    elif kind == "hairband":
        part(
            smooth(
                [
                    (-1.02, -0.22),
                    (-0.80, -0.80),
                    (0, -1.12),
                    (0.80, -0.80),
                    (1.02, -0.22),
                    (0.92, -0.26),
                    (0.70, -0.66),
                    (0, -0.92),
                    (-0.70, -0.66),
                    (-0.92, -0.26),
                ],
                3,
            ),
            color,
            0.8,
        )
        mark((-0.6, -0.82), (0.6, -0.82), (0, -1.02))
    elif kind == "maid headdress":
        for i in range(7):
            a = np.pi * (1.17 + 0.66 * i / 6)
            part(ellipse(1.02 * np.cos(a), -0.12 + 1.06 * np.sin(a), 0.20, 0.20, 10), CLOTH["white"], 0.7)
        part(
            smooth([(-0.86, -0.52), (0, -1.02), (0.86, -0.52), (0.78, -0.44), (0, -0.86), (-0.78, -0.44)], 3),
            color,
            0.5,
        )
        mark((-0.5, -0.95), (0.5, -0.95), (0, -1.1))
    elif kind == "headphones":
        part(
            smooth(
                [
                    (-1.10, -0.1),
                    (-0.92, -0.85),
                    (0, -1.30),
                    (0.92, -0.85),
                    (1.10, -0.1),
                    (1.00, -0.15),
                    (0.80, -0.75),
                    (0, -1.14),
                    (-0.80, -0.75),
                    (-1.00, -0.15),
                ],
                3,
            ),
            CLOTH["grey"],
        )
        for s in (-1, 1) if view != PROFILE else (0.25,):
            part(ellipse(s * 1.06, 0.02, 0.24, 0.36, 14), color, light=(s * 1.06 - 0.05, -0.1))
        s = 0.25 if view == PROFILE else 1
        mark((s * 1.06, -0.15), (s * 1.06, 0.15), (s * 1.0, 0.0))
    elif kind == "goggles on head":
        part(
            smooth([(-1.0, -0.45), (0, -0.86), (1.0, -0.45), (0.98, -0.32), (0, -0.70), (-0.98, -0.32)], 3),
            CLOTH["brown"],
            0.7,
        )
        for s in (-0.36, 0.36):
            part(ellipse(s + lean, -0.76, 0.30, 0.25, 14), color)
            canvas.polygon(frame.map(ellipse(s + lean, -0.76, 0.19, 0.15, 12)), (196, 232, 246))
        mark((-0.4, -0.76), (0.4, -0.76))


def draw_facewear(canvas: Canvas, frame: Frame, look, view: int) -> None:
    """Glasses, eyepatch, sunglasses, a mark on the cheek; over the fringe."""
    kind, places = look.facewear, eye_places(view)
    y = 0.19
    if kind in ("glasses", "sunglasses"):
        color = CLOTH[look.headwear_color if look.headwear_color in ("red", "black", "blue") else "black"]
        if kind == "sunglasses":
            color = (58, 50, 66)
        for x, w in places:
            rim = ellipse(x, y + 0.02, 0.33 * w, 0.31, 18)
            if kind == "sunglasses":
                gleam = [(x - 0.16 * w, y - 0.14), (x - 0.02, y - 0.16), (x - 0.14 * w, y + 0.10)]
                canvas.part(frame.map(rim), color, 0.8, solid=False)
                canvas.polygon(frame.map(gleam), (140, 132, 156))
            else:
                canvas.line(frame.map(np.concatenate([rim, rim[:1]])), color, 1.5)
        inner, outer = places[-1][0] + 0.30 * places[-1][1], places[0][0] - 0.30 * places[0][1]
        if len(places) == 2:
            canvas.line(frame.map([(inner, y), (outer, y)]), color, 1.4)
        canvas.line(frame.map([(places[0][0] + 0.32 * places[0][1], y - 0.04), (0.88, y - 0.08)]), color, 1.4)
        canvas.mark(kind, frame.map([(places[0][0] - 0.2, y), (places[0][0] + 0.2, y), (places[-1][0], y + 0.2)]))
    elif kind == "eyepatch":
        x, w = places[0]
        canvas.line(frame.map([(-0.7, -0.55), (x, 0.05), (0.92, 0.1)]), (40, 34, 40), 1.5)
        patch = smooth(
            [
                (x - 0.30 * w, y - 0.24),
                (x + 0.30 * w, y - 0.24),
                (x + 0.22 * w, y + 0.25),
                (x, y + 0.34),
                (x - 0.22 * w, y + 0.25),
            ],
            3,
        )
        paint = CLOTH["white"] if look.headwear_color == "white" else (48, 42, 50)
        canvas.part(frame.map(patch), paint, solid=False)
        canvas.mark(kind, frame.map([(x - 0.2, y), (x + 0.2, y)]))
    elif kind == "face mark":
        x, w = places[0]
        diamond = [(x, 0.40), (x + 0.11, 0.52), (x, 0.70), (x - 0.11, 0.52)]
        canvas.polygon(frame.map(diamond), CLOTH["red" if look.skin < 3 else "white"])
        canvas.mark(kind, frame.map([(x, 0.42), (x, 0.68)]))
