"""Formula-driven pictures: fractal classes that teach a network to see without a single photograph."""

from __future__ import annotations

import numpy as np

MAPS = 4  # affine maps of an iterated function system
FILL = (0.25, 0.7)  # share of a 32 x 32 grid that a class must cover: neither a speck nor a blot
JITTER = 0.03  # standard deviation of an instance's coefficients around its class's
TURN = np.pi / 6  # radians, the most an instance is turned either way


def fractal_classes(count: int, seed: int) -> np.ndarray:
    """Draw iterated function systems whose attractors fill the canvas.

    Class k depends on the seed and k alone. Systems that cover too little or too much of the canvas
    (:data:`FILL`) are drawn again.

    Parameters
    ----------
    count : number of classes
    seed : of the random coefficients

    Returns
    -------
    float32 array, shape (count, 4, 2, 3)
        Coefficients of four contractive affine maps a class: a 2 x 2 matrix and a translation.
    """
    return np.stack([_fractal_class(np.random.default_rng([seed, number])) for number in range(count)])


def _fractal_class(rng: np.random.Generator) -> np.ndarray:
    while True:
        stretch = rng.uniform(0.2, 0.8, (MAPS, 2))  # singular values: below 1, so every map contracts
        matrix = (_rotation(rng, MAPS) * stretch[:, None]) @ _rotation(rng, MAPS)
        matrix[:, :, 0] *= rng.choice([-1, 1], (MAPS, 1))  # half of the maps mirror
        system = np.concatenate([matrix, rng.uniform(-1, 1, (MAPS, 2, 1))], axis=2)
        system = system.astype(np.float32)  # (4, 2, 3)
        x, y = attractor(system[None], depth=6)
        if FILL[0] <= (count_points(*_square(x, y), size=32) > 0).mean() <= FILL[1]:
            return system


def _rotation(rng: np.random.Generator, count: int) -> np.ndarray:
    """Rotations by random angles, shape (count, 2, 2)."""
    angle = rng.uniform(0, 2 * np.pi, count)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([np.stack([cos, -sin], 1), np.stack([sin, cos], 1)], 1)


def attractor(systems: np.ndarray, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of the attractors, by applying every map to every point ``depth`` times.

    Unlike the chaos game this needs no random numbers, and it is one broadcast product a step.

    Parameters
    ----------
    systems : float32 array, shape (B, 4, 2, 3), from :func:`fractal_classes`
    depth : number of applications

    Returns
    -------
    x, y : float32 arrays, shape (B, 4**depth)
    """
    coefficients = systems.reshape(len(systems), MAPS, 6, 1)
    x = y = np.zeros((len(systems), 1, 1), np.float32)
    for _ in range(depth):
        a, b, e, c, d, f = (coefficients[:, :, i] for i in range(6))  # each (B, 4, 1)
        x, y = a * x + b * y + e, c * x + d * y + f  # (B, 4, n)
        x, y = x.reshape(len(systems), 1, -1), y.reshape(len(systems), 1, -1)  # (B, 1, 4n)
    return x[:, 0], y[:, 0]


def _square(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shift and scale each set of points into [-1, 1]², keeping its proportions."""
    (left, right), (top, bottom) = ((v.min(1, keepdims=True), v.max(1, keepdims=True)) for v in (x, y))
    half = np.maximum(right - left, bottom - top) / 2
    return (x - (left + right) / 2) / half, (y - (top + bottom) / 2) / half


def count_points(x: np.ndarray, y: np.ndarray, size: int) -> np.ndarray:
    """Histogram of points in [-1, 1)² on a square grid; points outside are left out.

    Parameters
    ----------
    x, y : float32 arrays, shape (B, n)
    size : cells on a side

    Returns
    -------
    int64 array, shape (B, size, size)
    """
    # Points outside fall into a margin one cell wide, which is cut off at the end.
    side = size + 2
    column, row = (np.clip((v + 1) * (size / 2) + 1, 0, side - 1).astype(np.int64) for v in (x, y))
    cell = (np.arange(len(x))[:, None] * side + row) * side + column
    counts = np.bincount(cell.ravel(), minlength=len(x) * side * side).reshape(len(x), side, side)
    return counts[:, 1:-1, 1:-1]


def render_fractals(systems: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw one instance of each system.

    Instances of a class differ by a small jitter of the coefficients, a turn, a flip, scale, place, colors
    and background; only the shape shows the class.

    Parameters
    ----------
    systems : float32 array, shape (B, 4, 2, 3), from :func:`fractal_classes`
    size : pixels on a side
    rng : source of the variation

    Returns
    -------
    uint8 array, shape (B, size, size, 3), RGB
    """
    count = len(systems)
    jittered = systems + JITTER * rng.standard_normal(systems.shape, np.float32)
    x, y = attractor(jittered, depth=int(np.ceil(np.log2(size))))  # at least as many points as pixels
    angle = rng.uniform(-TURN, TURN, (count, 1)).astype(np.float32)
    x, y = np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y
    x, y = _square(x, y)
    scale = rng.uniform(0.7, 1.1, (count, 1)).astype(np.float32)
    shift = rng.uniform(-0.15, 0.15, (2, count, 1)).astype(np.float32)
    flip = rng.choice(np.array([-1, 1], np.float32), (count, 1))
    counts = count_points(flip * scale * x + shift[0], scale * y + shift[1], size)
    return _color(counts, rng)


def _color(counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Color counts (B, S, S) by their logarithm, on a background that fades from one color to another."""
    count, size = counts.shape[:2]
    density = np.log1p(counts.astype(np.float32))
    density = (density / density.max((1, 2), keepdims=True))[..., None]  # (B, S, S, 1), 0 to 1
    background = rng.uniform(0, 255, (count, 1, 1, 3)).astype(np.float32)
    # A shift of 64 to 192 on the circle of 256 values keeps each end of the scale off the background's color.
    sparse, dense = np.mod(background + rng.uniform(64, 192, (2, count, 1, 1, 3)).astype(np.float32), 256)
    fade = np.linspace(-1, 1, size, dtype=np.float32)[None, :, None, None]  # (1, S, 1, 1)
    background = background + fade * rng.uniform(-40, 40, (count, 1, 1, 3)).astype(np.float32)
    pictures = np.where(density > 0, sparse + density * (dense - sparse), background)
    return np.clip(pictures, 0, 255).astype(np.uint8)
