"""What is worn around the neck and on the back, in body coordinates."""

from __future__ import annotations

from i2v_lib.drawn.bodies import Build
from i2v_lib.drawn.canvas import Canvas, Frame, mix, shaded
from i2v_lib.drawn.clothes import draw_bow
from i2v_lib.drawn.heads import PROFILE
from i2v_lib.drawn.headwear import GOLD
from i2v_lib.drawn.shapes import ellipse, smooth, tube
from i2v_lib.drawn.world import CLOTH, HAIR


def draw_neckwear(canvas: Canvas, frame: Frame, build: Build, look) -> None:
    """Scarf, bow tie, necktie, choker, bell; over the collar, under the chin."""
    kind, color = look.neckwear, CLOTH[look.headwear_color]
    s = build.shoulder
    if kind == "scarf":
        tail = tube([(0.34, 0.2), (0.52, build.torso * 0.55), (0.60, build.torso * 0.98)], [0.17, 0.19, 0.20])
        loop = smooth([(-0.62, -0.08), (0, 0.04), (0.62, -0.08), (0.70, 0.22), (0, 0.46), (-0.70, 0.22)], 3)
        canvas.part(frame.map(tail), color)
        canvas.part(frame.map(loop), color, light=frame.map([(-0.1, 0.1)])[0], solid=False)
        canvas.mark("scarf", frame.map([(-0.3, 0.2), (0.3, 0.2), (0.5, build.torso * 0.5)]))
        canvas.mark(f"{look.headwear_color} scarf", frame.map([(-0.3, 0.2), (0.3, 0.2)]))
    elif kind == "bowtie":
        draw_bow(canvas, frame.child(0, 0.22, 0.34), color)
        canvas.mark("bowtie", frame.map([(-0.25, 0.22), (0.25, 0.22)]))
    elif kind == "necktie":
        tie = [
            (-0.12, 0.08),
            (0.12, 0.08),
            (0.08, 0.26),
            (0.19, build.torso * 0.5),
            (0, build.torso * 0.62),
            (-0.19, build.torso * 0.5),
            (-0.08, 0.26),
        ]
        canvas.part(frame.map(tie), color, 0.8, solid=False)
        canvas.mark("necktie", frame.map([(0, 0.15), (0, build.torso * 0.5)]))
    elif kind == "choker":
        band = [(-0.30, -0.16), (0.30, -0.16), (0.32, 0.02), (-0.32, 0.02)]
        paint = CLOTH["black"] if look.headwear_color == "white" else color
        canvas.part(frame.map(band), paint, 0.6, solid=False)
        canvas.mark("choker", frame.map([(-0.25, -0.07), (0.25, -0.07)]))
    elif kind == "bell":
        band = [(-0.32, -0.06), (0.32, -0.06), (0.34, 0.06), (-0.34, 0.06)]
        canvas.part(frame.map(band), CLOTH["red"], 0.6, solid=False)
        canvas.part(frame.map(ellipse(0, 0.24, 0.21, 0.21, 14)), GOLD, light=frame.map([(-0.05, 0.18)])[0], solid=False)
        canvas.polygon(frame.map([(-0.12, 0.27), (0.12, 0.27), (0.0, 0.36)]), (98, 70, 32))
        canvas.mark("bell", frame.map([(-0.15, 0.24), (0.15, 0.24)]))
    if look.backwear == "third eye":
        x, y = s * 0.55, build.torso * 0.62
        for end in ((-0.3, 0.15), (s * 1.0, 0.5), (-0.2, build.torso * 1.02)):
            canvas.line(frame.map([(x, y), ((x + end[0]) / 2 + 0.2, (y + end[1]) / 2), end]), (196, 60, 72), 1.6)
        ball = frame.map(ellipse(x, y, 0.44, 0.44, 18))
        canvas.part(ball, (206, 60, 76), light=frame.map([(x - 0.1, y - 0.1)])[0], solid=False)
        canvas.polygon(frame.map(ellipse(x, y, 0.30, 0.19, 14)), (255, 255, 255))
        canvas.polygon(frame.map(ellipse(x, y, 0.13, 0.17, 10)), (120, 40, 90))
        canvas.mark("third eye", frame.map([(x - 0.25, y), (x + 0.25, y), (x, y - 0.2)]))


def draw_backwear(canvas: Canvas, frame: Frame, build: Build, look, view: int) -> None:
    """Wings, cape, tails, backpack; before everything else of the figure."""
    kind, color = look.backwear, CLOTH[look.headwear_color]
    t, s = build.torso, build.shoulder
    sides = (1,) if view == PROFILE else (-1, 1)
    if kind == "wings":
        for q in sides:
            wing = [
                (q * 0.3, 0.5),
                (q * 1.3, -0.7),
                (q * 2.5, -1.1),
                (q * 2.5, -1.1),
                (q * 2.55, -0.2),
                (q * 2.2, 0.3),
                (q * 2.3, 0.8),
                (q * 1.75, 1.1),
                (q * 1.75, 1.6),
                (q * 1.1, 1.5),
                (q * 0.4, t * 0.8),
            ]
            paint = CLOTH["white"] if look.headwear_color not in ("black", "blue", "pink") else color
            canvas.part(frame.map(smooth(wing, 3)), paint, light=frame.map([(q * 1.4, -0.1)])[0])
            for u in (0.35, 0.7):
                feather = tube([(q * (0.9 + u), 0.0), (q * (1.5 + u), 0.45 - 0.4 * u)], [0.0, 0.05], 2)
                canvas.polygon(frame.map(feather), shaded(paint))
        canvas.mark("wings", frame.map([(q * 1.6, y) for q in sides for y in (-0.4, 0.3)]))
    elif kind == "demon wings":
        for q in sides:
            wing = [
                (q * 0.3, 0.5),
                (q * 0.9, -0.5),
                (q * 2.4, -1.2),
                (q * 2.4, -1.2),
                (q * 2.3, -0.1),
                (q * 2.3, 0.5),
                (q * 2.3, 0.5),
                (q * 1.75, 0.35),
                (q * 1.5, 1.1),
                (q * 1.5, 1.1),
                (q * 1.0, 0.75),
                (q * 0.4, t * 0.7),
            ]
            paint = CLOTH["purple" if look.headwear_color == "purple" else "black"]
            canvas.part(frame.map(smooth(wing, 3)), paint, light=frame.map([(q * 1.2, 0.0)])[0])
        for tag in ("wings", "demon wings"):
            canvas.mark(tag, frame.map([(q * 1.7, y) for q in sides for y in (-0.4, 0.1)]))
    elif kind == "cape":
        low = t + build.legs * 0.5
        cape = [
            (-s * 0.8, 0.1),
            (s * 0.8, 0.1),
            (s * 1.9, low * 0.8),
            (s * 2.0, low),
            (s * 0.7, low * 1.06),
            (-s * 0.7, low * 0.98),
            (-s * 2.0, low * 1.04),
            (-s * 1.9, low * 0.7),
        ]
        canvas.part(frame.map(smooth(cape, 3)), color, light=frame.map([(0, 0.6)])[0])
        for tag in ("cape", f"{look.headwear_color} cape"):
            canvas.mark(tag, frame.map([(-s * 1.5, low * 0.75), (s * 1.5, low * 0.75)]))
    elif kind in ("cat tail", "fox tail"):
        hair = HAIR[look.hair]
        end = (1.0 + s, t * 0.35)
        if kind == "cat tail":
            tail = tube([(0.2, t * 0.95), (s + 0.6, t * 1.05), (s + 1.0, t * 0.65), end], [0.12, 0.14, 0.14, 0.13])
            shown = [(s + 0.85, t * 0.8), (s + 0.98, t * 0.6)]
            canvas.part(frame.map(tail), hair)
        else:
            tail = tube(
                [(0.2, t * 0.95), (s + 0.5, t * 1.1), (s + 1.1, t * 0.7), (s + 1.0, t * 0.05)],
                [0.14, 0.36, 0.48, 0.0],
                4,
            )
            shown = [(s + 0.7, t * 0.9), (s + 1.05, t * 0.4)]
            canvas.part(frame.map(tail), mix(hair, (238, 160, 84), 0.35), light=frame.map([(s + 0.8, t * 0.7)])[0])
        canvas.mark(kind, frame.map(shown))  # "tail" follows from it, see tags
    elif kind == "backpack":
        pack = smooth(
            [
                (-s * 1.15, 0.3),
                (-s * 0.6, 0.0),
                (s * 0.6, 0.0),
                (s * 1.25, 0.3),
                (s * 1.3, t * 0.9),
                (-s * 1.2, t * 0.9),
            ],
            3,
        )
        canvas.part(frame.map(pack), color)
        canvas.mark("backpack", frame.map([(s * 1.12, 0.5), (s * 1.12, t * 0.6)]))
