"""Stencils: drawings cut once, in their own coordinates, and painted anywhere in any color."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from i2v_lib.drawn.canvas import Canvas, Color, Frame, mix, shaded
from i2v_lib.drawn.shapes import smooth

Paint = Color | Callable[[Color, Color], Color]  # fixed, or made from the main and the accent color

STEEL: Color = (208, 220, 236)
IRON: Color = (84, 88, 108)
WOOD: Color = (168, 112, 68)
GOLD: Color = (245, 200, 76)
WHITE: Color = (252, 250, 246)
INK: Color = (56, 50, 68)
GREEN: Color = (92, 170, 96)
GLASS: Color = (166, 220, 244)
CREAM: Color = (255, 240, 206)
STRAW: Color = (232, 196, 112)
ROSE: Color = (255, 132, 158)


def main(color: Color, accent: Color) -> Color:
    """The drawing's main color."""
    return color


def accent(color: Color, accent: Color) -> Color:
    """The drawing's second color."""
    return accent


def pale(color: Color, accent: Color) -> Color:
    """A light tint of the main color."""
    return mix(color, (255, 255, 255), 0.5)


def dark(color: Color, accent: Color) -> Color:
    """The shadow of the main color."""
    return shaded(color)


@dataclass(frozen=True)
class Layer:
    """One shape of a stencil: an outlined part, perhaps with a shade, or a plain patch."""

    points: np.ndarray
    paint: Paint
    weight: float
    lit: bool
    outlined: bool


def ink(points, paint: Paint, lit: bool = False, weight: float = 1.0) -> Layer:
    """An outlined shape that hides what lies behind it; ``lit`` asks for a shade (for convex shapes)."""
    return Layer(np.asarray(points, float), paint, weight, lit, True)


def fill(points, paint: Paint) -> Layer:
    """A patch without an outline, on top of an inked shape."""
    return Layer(np.asarray(points, float), paint, 0.0, False, False)


def mirror(points) -> np.ndarray:
    """The right half of a closed shape from its left half, top to bottom: both halves, (2 n, 2)."""
    half = np.asarray(points, float)
    return np.concatenate([half, half[::-1] * (-1, 1)])


def turned(points, angle: float, x: float = 0.0, y: float = 0.0) -> np.ndarray:
    """Points turned clockwise around the origin, in radians, then moved: (n, 2)."""
    return Frame(x, y, 1.0, angle).map(points)


def blossom(x: float, y: float, radius: float, petals: int = 5) -> np.ndarray:
    """Outline of a flower with round petals: (6 * petals, 2)."""
    angle = np.linspace(0, 2 * np.pi, 6 * petals, endpoint=False) - np.pi / 2
    reach = radius * (0.72 + 0.28 * np.cos(petals * (angle + np.pi / 2)))
    return np.column_stack([x + reach * np.cos(angle), y + reach * np.sin(angle)])


def heart(x: float, y: float, radius: float) -> np.ndarray:
    """Outline of a heart: (32, 2)."""
    half = [
        (0, -0.5),
        (-0.18, -0.8),
        (-0.55, -0.95),
        (-0.9, -0.75),
        (-1, -0.3),
        (-0.8, 0.15),
        (-0.4, 0.6),
        (0, 1),
    ]
    return smooth(mirror(half), 2) * radius + (x, y)


def _light(points: np.ndarray) -> np.ndarray:
    """Where the lit side of a shape shrinks to: above and left of its middle."""
    low, high = points.min(0), points.max(0)
    return (low + high) / 2 - (high - low) * (0.14, 0.16)


class Stencil:
    """Layers, back to front, and the points that must be seen for the drawing to be recognized.

    Parameters
    ----------
    layers : from :func:`ink` and :func:`fill`
    marks : (n, 2) points inside inked layers
    size : factor on all lengths
    """

    def __init__(self, *layers: Layer, marks, size: float = 1.0):
        self.layers = layers
        self._ends = np.cumsum([len(layer.points) for layer in layers]).tolist()
        lights = np.array([_light(layer.points) for layer in layers])
        # one array, so that a frame maps the whole drawing at once
        self._points = size * np.concatenate([*(layer.points for layer in layers), lights, marks])

    def draw(self, canvas: Canvas, frame: Frame, color: Color, accent: Color | None = None, tag: str = "") -> None:
        """Paint the layers into a frame, and mark ``tag`` (unless empty)."""
        accent = accent or color
        points = frame.map(self._points)
        start, lights = 0, points[self._ends[-1] :]
        for layer, end, light in zip(self.layers, self._ends, lights, strict=False):
            paint = layer.paint(color, accent) if callable(layer.paint) else layer.paint
            if layer.outlined:
                canvas.part(points[start:end], paint, layer.weight, light if layer.lit else None)
            else:
                canvas.polygon(points[start:end], paint)
            start = end
        if tag:
            canvas.mark(tag, lights[len(self.layers) :])
