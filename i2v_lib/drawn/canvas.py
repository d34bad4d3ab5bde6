"""Ink and paint: outlines of varying weight and cel shading on a supersampled Pillow picture.

Pillow has neither anti-aliasing nor clipping. So everything is drawn as filled polygons at a multiple of the final
size: a shape's outline is the same shape grown along its normals, and a shade is the shape itself with a lit copy,
shrunk towards the light, on top.
"""

from __future__ import annotations

import colorsys
from functools import lru_cache
from math import cos, sin

import numpy as np
from PIL import Image, ImageDraw

Color = tuple[int, int, int]

MASK = 4  # the owner mask is this many times smaller than the canvas
_HEAVY = np.array([0.28, 0.42])
SMALLEST = 0.022  # share of the picture's side under which nobody would tag what is drawn


def mix(a: Color, b: Color, share: float) -> Color:
    """Color a with a share of color b."""
    rest = 1 - share
    return (
        round(a[0] * rest + b[0] * share), round(a[1] * rest + b[1] * share), round(a[2] * rest + b[2] * share),
    )  # fmt: skip


@lru_cache(maxsize=4096)
def shaded(color: Color) -> Color:
    """The shadow of a color: darker, fuller and a little cooler, as illustrators paint it."""
    h, s, v = colorsys.rgb_to_hsv(*(c / 255 for c in color))
    dark = colorsys.hsv_to_rgb(h, min(1.0, s * 1.15 + 0.05), v * 0.80)
    return mix(tuple(round(255 * c) for c in dark), (70, 60, 130), 0.10)


@lru_cache(maxsize=4096)
def inked(color: Color) -> Color:
    """The line that a colored outline draws around a color."""
    h, s, v = colorsys.rgb_to_hsv(*(c / 255 for c in color))
    return tuple(round(255 * c) for c in colorsys.hsv_to_rgb(h, min(1.0, s * 1.2 + 0.15), v * 0.38))


class Frame:
    """A similarity transform: where a part's own coordinates lie on the canvas (x right, y down, angle clockwise)."""

    __slots__ = ("matrix", "origin", "scale")

    def __init__(self, x: float, y: float, scale: float, angle: float = 0.0, flip: bool = False):
        c, s = cos(angle) * scale, sin(angle) * scale
        f = -1.0 if flip else 1.0
        self.matrix = np.array([(c * f, s * f), (-s, c)])
        self.origin = np.array([x, y], float)
        self.scale = scale

    def map(self, points) -> np.ndarray:
        """Canvas coordinates of points given in this frame."""
        return np.asarray(points, float) @ self.matrix + self.origin

    def child(self, x: float, y: float, scale: float = 1.0, angle: float = 0.0, flip: bool = False) -> Frame:
        """A frame placed, turned and scaled inside this one."""
        inner = Frame(x, y, scale, angle, flip)
        frame = Frame.__new__(Frame)
        frame.matrix = inner.matrix @ self.matrix
        frame.origin = inner.origin @ self.matrix + self.origin
        frame.scale = scale * self.scale
        return frame


class Canvas:
    """A picture in progress, with the owner of every place.

    Parameters
    ----------
    width, height : canvas size in pixels, supersampled
    hand : the artist's style: ``line_weight`` (share of the picture's side), ``line_color`` (a color, or None for
        colored lines), ``shading`` ("flat", "cel" or "soft"), ``tint`` (a function from color to color)
    background : paper color

    Attributes
    ----------
    owner : whose parts are being drawn now: 0 for the scenery, 1, 2, … for figures; written to the mask by solid parts
    """

    def __init__(self, width: int, height: int, hand, background: Color = (255, 255, 255)):
        self.width, self.height, self.hand = width, height, hand
        self.image = Image.new("RGB", (width, height), background)
        self._draw = ImageDraw.Draw(self.image)
        self._owners = Image.new("L", (-(-width // MASK), -(-height // MASK)), 0)
        self._owner_draw = ImageDraw.Draw(self._owners)
        self.owner = 0
        self.side = max(width, height)
        self.sketch = False  # only lines on paper
        self.window = (0.0, 0.0, float(width), float(height))  # what will be kept: left, top, right, bottom
        self._marks: list[tuple[int, str, np.ndarray]] = []

    def polygon(self, points: np.ndarray, color: Color) -> None:
        """Fill a polygon without an outline; points in canvas coordinates, shape (n, 2)."""
        self._draw.polygon(points.ravel().tolist(), fill=self._paint(color))

    def _paint(self, color: Color) -> Color:
        """A color as it reaches the paper: mixed by this hand, or a sketch's grey."""
        color = self.hand.tint(color)
        if self.sketch:
            luminance = (color[0] * 3 + color[1] * 6 + color[2]) // 10
            grey = 96 if luminance < 75 else 196 if luminance < 120 else 240 + luminance * 14 // 255
            return (grey, grey, grey)
        return color

    def outline_color(self, color: Color) -> Color:
        """Color of the line around a part of some color."""
        if self.sketch:
            return (70, 70, 78)
        return self.hand.line_color or inked(self.hand.tint(color))

    def part(
        self,
        points: np.ndarray,
        color: Color,
        weight: float = 1.0,
        light: np.ndarray | None = None,
        solid: bool = True,
    ) -> None:
        """Draw a closed shape with its outline and shade.

        Parameters
        ----------
        points : (n, 2), canvas coordinates, either orientation
        color : before the artist's tint
        weight : of the line, relative to the artist's; 0 for none
        light : (2,) point inside the shape that the lit side shrinks to, canvas coordinates; None for no shade. The
            shape should be star-shaped around it
        solid : whether the shape hides what lies behind it, for :meth:`visible`
        """
        if weight:
            q = np.empty((len(points) + 2, 2))
            q[1:-1], q[0], q[-1] = points, points[-1], points[0]
            t = q[2:] - q[:-2]
            x, y = q[:, 0], q[:, 1]
            turn = x[1:-1] @ y[2:] - x[2:] @ y[1:-1]  # its sign tells the orientation
            n = np.empty_like(t)
            n[:, 0], n[:, 1] = t[:, 1], -t[:, 0]
            n *= ((1.0 if turn >= 0 else -1.0) / (np.hypot(t[:, 0], t[:, 1]) + 1e-9))[:, None]
            # heavier below and to the right, where the light does not reach
            w = self.hand.line_weight * self.side * weight * (1 + n @ _HEAVY)
            self._draw.polygon((points + n * w[:, None]).ravel().tolist(), fill=self.outline_color(color))
        if light is None or self.hand.shading == "flat" or self.sketch:
            self.polygon(points, color)
        else:
            dark = shaded(color)
            steps = ((0.80, 1.0),) if self.hand.shading == "cel" else ((0.90, 0.35), (0.76, 0.7), (0.58, 1.0))
            self.polygon(points, dark)
            for size, share in steps:
                self.polygon(light + (points - light) * size, mix(dark, color, share))
        if solid:
            self._owner_draw.polygon((points / MASK).ravel().tolist(), fill=self.owner)

    def line(self, points, color: Color, width: float = 1.0) -> None:
        """A thin even line through canvas points; width relative to the artist's line weight."""
        w = max(1, round(2 * width * self.hand.line_weight * self.side))
        self._draw.line(
            np.asarray(points, float).ravel().tolist(),
            fill=self._paint(color),
            width=w,
            joint="curve" if w > 3 else None,
        )

    def gradient(self, top: Color, bottom: Color, y0: float = 0.0, y1: float = 1.0) -> None:
        """Fill the whole width between two heights (shares of the canvas) with a vertical gradient."""
        top, bottom = np.array(self._paint(top)), np.array(self._paint(bottom))
        a, b = round(y0 * self.height), round(y1 * self.height)
        if b <= a:
            return
        ramp = np.linspace(0, 1, b - a)[:, None]
        column = (top + (bottom - top) * ramp).round().astype(np.uint8)[:, None]
        self.image.paste(Image.fromarray(column).resize((self.width, b - a), Image.Resampling.NEAREST), (0, a))

    def glow(self, x: float, y: float, radius: float, color: Color, strength: float = 0.8) -> None:
        """Soft light around a canvas point."""
        size = max(2, int(2 * radius))
        mask = _soft_disc().resize((size, size)).point(lambda v: int(v * strength))
        self.image.paste(self._paint(color), (int(x - radius), int(y - radius)), mask)

    def mark(self, name: str, points: np.ndarray) -> None:
        """Remember where the present owner shows something that a tag names; see :meth:`visible`."""
        self._marks.append((self.owner, name, np.atleast_2d(points)))

    def visible(self, share: float = 0.5) -> list[set[str]]:
        """What can be seen of every owner, now that all is drawn.

        A mark counts if at least ``share`` of its points lie in the window and belong to the same owner in the mask,
        and if they span at least :data:`SMALLEST` of the side.

        Returns
        -------
        list of sets of mark names, indexed by owner
        """
        seen: list[set[str]] = [set() for _ in range(max((o for o, _, _ in self._marks), default=0) + 1)]
        if not self._marks:
            return seen
        counts = np.array([len(points) for _, _, points in self._marks])
        starts = np.cumsum(counts) - counts
        points = np.concatenate([points for _, _, points in self._marks])
        span = (np.maximum.reduceat(points, starts) - np.minimum.reduceat(points, starts)).max(1)
        left, top, right, bottom = self.window
        x, y = points[:, 0], points[:, 1]
        inside = (x >= left) & (y >= top) & (x < right) & (y < bottom)
        owners = np.asarray(self._owners)
        column = np.clip(x / MASK, 0, owners.shape[1] - 1).astype(int)
        row = np.clip(y / MASK, 0, owners.shape[0] - 1).astype(int)
        own = inside & (owners[row, column] == np.repeat([owner for owner, _, _ in self._marks], counts))
        shown = (np.add.reduceat(own.astype(int), starts) >= share * counts) & (span >= SMALLEST * self.side)
        for (owner, name, _), shows in zip(self._marks, shown.tolist(), strict=True):
            if shows:
                seen[owner].add(name)
        return seen


@lru_cache(maxsize=1)
def _soft_disc() -> Image.Image:
    """A round spot that fades to nothing at its edge, 64 pixels, mode L."""
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    return Image.fromarray((255 * np.clip(1 - np.hypot(x, y), 0, 1) ** 1.5).astype(np.uint8))
