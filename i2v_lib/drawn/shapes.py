"""Geometry of what is drawn: smooth closed curves, tapered strokes, ellipses, stars."""

from __future__ import annotations

from functools import cache, lru_cache
from math import cos, sin

import numpy as np


@cache
def _catmull_rom(steps: int) -> np.ndarray:
    """Weights (steps, 4) of four neighboring control points along one segment of a Catmull–Rom spline."""
    u = np.arange(steps)[:, None] / steps
    return np.hstack([-u + 2 * u**2 - u**3, 2 - 5 * u**2 + 3 * u**3, u + 4 * u**2 - 3 * u**3, u**3 - u**2]) / 2


@lru_cache(maxsize=64)
def _neighbors(count: int) -> np.ndarray:
    """Indices (count, 4) of the control points around each segment of a closed curve."""
    return (np.arange(count)[:, None] + np.arange(-1, 3)) % count


def smooth(points, steps: int = 4) -> np.ndarray:
    """Closed Catmull–Rom curve through control points.

    A control point given twice makes a sharp corner. A shape given as a list of tuples is computed once.

    Parameters
    ----------
    points : (n, 2) array or list of tuples
    steps : curve points per control point

    Returns
    -------
    float array, shape (n * steps, 2); not to be written to
    """
    if isinstance(points, list):
        if all(type(point) is tuple for point in points):
            return _smooth_once(tuple(points), steps)
        points = np.array(points, float)
    return (_catmull_rom(steps) @ points[_neighbors(len(points))]).reshape(-1, 2)


@lru_cache(maxsize=16384)
def _smooth_once(points: tuple, steps: int) -> np.ndarray:
    return smooth(np.array(points, float), steps)


def smooth_line(points, steps: int = 4) -> np.ndarray:
    """Open Catmull–Rom curve through control points: float array, shape ((n - 1) * steps + 1, 2)."""
    p = np.asarray(points, float)
    n = len(p)
    q = np.empty((n + 2, p.shape[1]))
    q[1:-1], q[0], q[-1] = p, 2 * p[0] - p[1], 2 * p[-1] - p[-2]
    curve = np.empty(((n - 1) * steps + 1, p.shape[1]))
    curve[:-1] = (_catmull_rom(steps) @ q[_neighbors(n + 2)[1:-2]]).reshape(-1, p.shape[1])
    curve[-1] = p[-1]
    return curve


def tube(centers, radii, steps: int = 3) -> np.ndarray:
    """Outline of a tapered stroke: a limb, a lock of hair, a ribbon, a blade.

    A stroke given as lists is computed once.

    Parameters
    ----------
    centers : (n, 2) points along the middle
    radii : n half widths; 0 at an end makes a sharp tip, anything else a round end
    steps : curve points per center

    Returns
    -------
    float array, shape (m, 2); not to be written to
    """
    if isinstance(centers, list) and isinstance(radii, list) and all(type(point) is tuple for point in centers):
        return _tube_once(tuple(centers), tuple(radii), steps)
    knots = np.empty((len(centers), 3))
    knots[:, :2], knots[:, 2] = centers, radii
    line = smooth_line(knots, steps)
    p, r = line[:, :2], line[:, 2:]
    t = np.empty_like(p)
    t[1:-1], t[0], t[-1] = p[2:] - p[:-2], p[1] - p[0], p[-1] - p[-2]
    t /= np.hypot(t[:, 0], t[:, 1])[:, None] + 1e-9
    n = np.empty_like(t)
    n[:, 0], n[:, 1] = -t[:, 1], t[:, 0]
    n *= r
    m = len(p)
    outline = np.empty((2 * m + 6, 2))
    for row, end, along, cap in ((0, 0, -t[0], r[0]), (m + 3, -1, t[-1], r[-1])):
        side = n[end] if row else -n[end]
        outline[row] = p[end] + along * 0.5 * cap + side * 0.86  # round ends, three points beyond each
        outline[row + 1] = p[end] + along * 0.95 * cap
        outline[row + 2] = p[end] + along * 0.5 * cap - side * 0.86
    outline[3 : m + 3], outline[m + 6 :] = p + n, (p - n)[::-1]
    return outline


@lru_cache(maxsize=16384)
def _tube_once(centers: tuple, radii: tuple, steps: int) -> np.ndarray:
    return tube(np.array(centers, float), np.array(radii, float), steps)


@cache
def _circle(count: int) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.column_stack([np.cos(angle), np.sin(angle)])


def ellipse(x: float, y: float, rx: float, ry: float | None = None, count: int = 20) -> np.ndarray:
    """Points of an ellipse, float array of shape (count, 2)."""
    return _circle(count) * (rx, rx if ry is None else ry) + (x, y)


def rectangle(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    """Corners of a rectangle, clockwise on the screen: float array, shape (4, 2)."""
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], float)


def star(x: float, y: float, outer: float, inner: float, tips: int, angle: float = 0.0) -> np.ndarray:
    """Points of a star with sharp tips, float array of shape (2 * tips, 2)."""
    points = _circle(2 * tips) @ np.array([(cos(angle), sin(angle)), (-sin(angle), cos(angle))])
    return points * np.tile([outer, inner], tips)[:, None] + (x, y)
