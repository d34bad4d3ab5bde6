"""From a scene to pixels and to what can be seen in them."""

from __future__ import annotations

import random

import numpy as np
from PIL import Image

from i2v_lib.drawn.animals import ANIMALS
from i2v_lib.drawn.artists import Artist
from i2v_lib.drawn.backgrounds import BACKGROUNDS
from i2v_lib.drawn.canvas import Canvas, Frame
from i2v_lib.drawn.effects import EFFECTS, speech_bubble
from i2v_lib.drawn.figures import draw_figure
from i2v_lib.drawn.machines import MACHINES
from i2v_lib.drawn.scenes import Scene
from i2v_lib.drawn.world import CLOTH

SUPERSAMPLING = 3  # every picture is drawn at this many times its size


Window = tuple[float, float, float, float]  # left, top, right, bottom; shares of the picture


def compose(
    scene: Scene, artist: Artist, size: int, window: Window | None = None
) -> tuple[Image.Image, list[set[str]]]:
    """Draw a scene.

    Parameters
    ----------
    scene : what to show
    artist : the hand
    size : side of the square result in pixels
    window : keep only this part, enlarged to the whole size: another crop of the same scene

    Returns
    -------
    RGB picture, size × size, and the marks that can be seen, a set an owner (0: scenery and pages; then one a figure,
    over all panels)
    """
    side = size * SUPERSAMPLING
    if scene.panels:
        image, seen = _page(scene, artist, side)
    else:
        image, seen = _panel(scene, artist, max(8, round(side * scene.aspect)), side, side, window)
        if window:
            box = [round(v * side) for v in window]
            image = image.crop(box).resize((side, side), Image.Resampling.BILINEAR)
    if image.width != side:  # a long image between white margins
        square = Image.new("RGB", (side, side), (255, 255, 255))
        square.paste(image, ((side - image.width) // 2, 0))
        image = square
    small = image.reduce(SUPERSAMPLING)
    return _paper(small, scene, artist), seen


def _panel(
    scene: Scene, artist: Artist, width: int, height: int, side: int, window: Window | None = None
) -> tuple[Image.Image, list[set[str]]]:
    """One picture without a frame; ``side`` is what lengths in the scene are shares of."""
    canvas = Canvas(width, height, artist)
    canvas.side = side
    canvas.sketch = scene.sketch
    if window:
        canvas.window = tuple(v * side for v in window)
    rng = random.Random(scene.palette)
    BACKGROUNDS[scene.background](canvas, rng)
    canvas.mark(scene.background, _grid(width, height))
    unit = height  # scene coordinates are shares of the height

    def effects(front: bool) -> None:
        canvas.owner = 254 if front else 0
        for effect in scene.effects:
            if effect.front == front:
                EFFECTS[effect.kind](canvas, rng, effect.x * unit, effect.y * unit, effect.size * unit)

    effects(front=False)
    for number, thing in enumerate(scene.things):
        canvas.owner = 200 + number
        frame = Frame(thing.x * width, thing.y * height, thing.unit * height, 0.0, thing.flip)
        if thing.kind in MACHINES:
            MACHINES[thing.kind](canvas, frame, rng, CLOTH[thing.color], CLOTH[thing.accent])
        else:
            ANIMALS[thing.kind](canvas, frame, rng, CLOTH[thing.color])
    for number, placed in enumerate(scene.figures):
        canvas.owner = number + 1
        draw_figure(canvas, placed.x * unit, placed.y * unit, placed.unit * unit, artist, placed.look)
    effects(front=True)
    canvas.owner = 255
    for placed in scene.figures[: scene.bubbles]:
        left = placed.x * unit > width / 2
        x, y = (0.22 if left else 0.78) * width, 0.16 * height
        head = np.array([placed.x, placed.y - 0.9 * placed.unit]) * unit
        away = np.array([x, y]) - head
        tip = head + away * min(0.6, 1.3 * placed.unit * unit / (np.hypot(*away) + 1e-9))  # beside the face
        speech_bubble(canvas, rng, x, y, 0.36 * width, 0.20 * height, (float(tip[0]), float(tip[1])))
    marks = canvas.visible()
    people = marks[1 : len(scene.figures) + 1]
    people += [set() for _ in range(len(scene.figures) - len(people))]
    return canvas.image, [marks[0].union(*marks[200:]) if marks else set(), *people]


def _grid(width: int, height: int) -> np.ndarray:
    """Points spread over a whole picture; a background counts as seen where a third of it shows."""
    x, y = np.meshgrid(np.linspace(0.04, 0.96, 5) * width, np.linspace(0.04, 0.96, 5) * height)
    points = np.column_stack([x.ravel(), y.ravel()])
    edge = (np.abs(points[:, 0] / width - 0.5) > 0.4) | (points[:, 1] / height < 0.1)
    return points[edge]


def _page(scene: Scene, artist: Artist, side: int) -> tuple[Image.Image, list[set[str]]]:
    """Panels in frames on white paper."""
    width = round(side * scene.aspect)
    page = Image.new("RGB", (width, side), (252, 252, 250))
    gap = round(side * 0.018)
    line = max(2, round(side * artist.line_weight * 1.4))
    seen: list[set[str]] = [set()]
    for panel, (x0, y0, x1, y1) in zip(
        scene.panels, _layout(len(scene.panels), scene.aspect, scene.palette), strict=True
    ):
        box = (round(x0 * width) + gap, round(y0 * side) + gap, round(x1 * width) - gap, round(y1 * side) - gap)
        w, h = box[2] - box[0], box[3] - box[1]
        image, marks = _panel(panel, artist, w, h, round(0.6 * side))
        page.paste((30, 28, 34), (box[0] - line, box[1] - line, box[2] + line, box[3] + line))
        page.paste(image, box[:2])
        seen[0] |= marks[0] - {panel.background}
        seen += marks[1:]
    return page, seen


def _layout(count: int, aspect: float, seed: int) -> list[tuple[float, float, float, float]]:
    """Boxes of a page's panels, shares of width and height."""
    if aspect < 1:
        return [(0.0, i / count, 1.0, (i + 1) / count) for i in range(count)]
    rng = random.Random(seed)
    rows = {3: (1, 2), 4: (2, 2), 5: (2, 1, 2)}[count]
    if rng.random() < 0.5:
        rows = rows[::-1]
    edges = np.cumsum([0.0] + [rng.uniform(0.8, 1.2) for _ in rows])
    edges /= edges[-1]
    boxes = []
    for row, columns in enumerate(rows):
        cut = rng.uniform(0.40, 0.60)
        xs = (0.0, 1.0) if columns == 1 else (0.0, cut, 1.0)
        boxes += [(xs[i], edges[row], xs[i + 1], edges[row + 1]) for i in range(columns)]
    return boxes


def _paper(image: Image.Image, scene: Scene, artist: Artist) -> Image.Image:
    """Monochrome and the grain of the artist's paper, at the final size."""
    if scene.monochrome:
        image = image.convert("L").convert("RGB")
    if artist.texture is None:
        return image
    x, y = scene.palette % 251, scene.palette // 251 % 251
    h, w = image.height, image.width
    rows, columns = (np.arange(h) + y) % 256, (np.arange(w) + x) % 256
    grain = artist.texture[rows[:, None], columns[None, :]]
    pixels = np.asarray(image).astype(np.float32) + grain[:, :, None]
    return Image.fromarray(np.clip(pixels.round(), 0, 255).astype(np.uint8))
