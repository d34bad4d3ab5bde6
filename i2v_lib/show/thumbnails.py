"""Pictures in cells of 224 pixels, placed by inches, with a name under each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from i2v_lib.config import Config
from i2v_lib.data.collection import Collection
from i2v_lib.drawn import draw_picture, drawn_with
from i2v_lib.show.style import shorten

Pictures = Callable[[np.ndarray], np.ndarray]  # rows of a collection, (n,), to their pictures, uint8 (n, S, S, 3)

PIXELS = 224
CELL = 1.12  # inches: 224 pixels at 200 dots an inch
BORDER = 0.01  # inches: 2 pixels
HIDDEN = np.uint8(216)  # grey of a picture that is not shown


def choose_rows(candidates: np.ndarray, count: int, seed: int | Sequence[int]) -> np.ndarray:
    """Rows to show, drawn at random without a look at them: sorted, at most ``count``."""
    count = min(count, len(candidates))
    return np.sort(np.random.default_rng(seed).choice(candidates, count, replace=False))


def pictures(config: Config, collection: Collection, rows: np.ndarray, size: int = PIXELS) -> np.ndarray:
    """Illustrations to print: those of the drawn set are drawn again, larger; any others are as they are stored.

    Of an imported or collected set only pictures rated safe are shown; a grey square stands for any other. The drawn
    set's ratings are invented, and all of its pictures are harmless.

    Parameters
    ----------
    config : of the run
    collection : of the run
    rows : int64 array, shape (n,), of the collection
    size : side in pixels of those that are drawn

    Returns
    -------
    uint8 array, shape (n, S, S, 3)
    """
    if not drawn_with(config, collection):
        return stored_pictures(collection, rows)
    drawn = [np.asarray(draw_picture(config, int(row), size).image) for row in rows]
    return np.stack(drawn) if drawn else np.zeros((0, size, size, 3), np.uint8)


def stored_pictures(collection: Collection, rows: np.ndarray) -> np.ndarray:
    """As :func:`pictures`, but as small as they are stored, and at once: for the screen while others are drawn."""
    if collection.drawn:
        return collection.pixels[rows]
    safe = np.asarray(collection.posts.column("rating"))[rows] == "safe"
    return np.where(safe[:, None, None, None], collection.pixels[rows], HIDDEN)


def thumbnail(
    fig: Figure,
    image: np.ndarray,
    name: str,
    x: float,
    y: float,
    size: float = CELL,
    color: str = "0.75",
    link: str | None = None,
) -> None:
    """Put a picture into a cell, with its name below.

    Parameters
    ----------
    image : uint8 array, shape (S, S, 3)
    name : such as the id; shortened to what fits, of a path its last part
    x, y : of the cell, in inches from the figure's top left
    size : of the cell, in inches
    color : of the border
    link : where the name leads in a PDF, if it is a web address
    """
    ax = axes_at(fig, x + BORDER, y + BORDER, size - 2 * BORDER, size - 2 * BORDER)
    ax.imshow(image, interpolation="bicubic")
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set(visible=True, linewidth=BORDER * 72, color=color)
    words = {"size": 6, "color": "0.3", "ha": "center", "va": "top", "parse_math": False}
    room = round(20 * size / CELL)
    short = name if len(name) <= room else shorten(name.rpartition("/")[2] or name, room)
    below = ax.text(0.5, -0.03, short, transform=ax.transAxes, **words)
    if (link or "").startswith("http"):
        below.set_url(link)


def axes_at(fig: Figure, x: float, y: float, width: float, height: float) -> plt.Axes:
    """Axes at a place in inches from the figure's top left."""
    w, h = fig.get_size_inches()
    return fig.add_axes((x / w, 1 - (y + height) / h, width / w, height / h))
