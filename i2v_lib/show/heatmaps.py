"""Heat maps laid over pictures: where a network saw an illustration's top tags."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure

from i2v_lib.config import Config
from i2v_lib.data.collection import Collection
from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.drawn import left_out
from i2v_lib.models.serving.heatmaps import gradient_map, resize
from i2v_lib.models.tagger import Illustration2Vec
from i2v_lib.show.numbers import fig2_rows
from i2v_lib.show.style import ANSWER_COLORS, ANSWER_SIGNS, TWO_COLUMNS
from i2v_lib.show.thumbnails import choose_rows, pictures, thumbnail
from i2v_lib.show.wording import Rows

ILLUSTRATIONS, TAGS = 8, 3  # of the figure, and heat maps beside each
HEAT = 0.75  # share of the heat's color at the hottest place of an overlay

Block = list[tuple[np.ndarray, str, str, str]]  # pictures side by side: (picture, name, second line, border's color)


def choose_illustrations(collection: Collection, seed: int) -> np.ndarray:
    """Test illustrations to show, drawn at random without a look at them: at most eight rows of the collection.

    Of an imported or collected set only those rated safe are drawn.
    """
    test = collection.split("test")
    if not collection.drawn:
        test = test[np.asarray(collection.posts.column("rating"))[test] == "safe"]
    return choose_rows(test, ILLUSTRATIONS, [seed, ILLUSTRATIONS, TAGS])


def seen_pictures(config: Config, collection: Collection, rows: np.ndarray) -> np.ndarray:
    """What the networks see of illustrations, the center: those of the drawn set drawn larger, any others as stored.

    Parameters
    ----------
    config : of the run
    collection : of the run
    rows : int64 array, shape (n,), of the collection

    Returns
    -------
    uint8 array, shape (n, S, S, 3)
    """
    images, stored = (
        pictures(config, collection, rows, config.stored_size * left_out.FACTOR),
        collection.pixels.shape[1],
    )
    factor = images.shape[1] // stored
    corner = (stored - config.image_size) // 2
    cut = slice(corner * factor, (corner + config.image_size) * factor)
    return np.ascontiguousarray(images[:, cut, cut])


def heatmap_rows(ids: Sequence[str], logits: np.ndarray, targets: np.ndarray, vocabulary: Vocabulary) -> Rows:
    """General tags of highest confidence of n illustrations, as :func:`~i2v_lib.show.numbers.fig2_rows` gives them.

    At most three an illustration. Each has "id", "tag", "confidence" (percent), "right", and "column", the tag's in the
    vocabulary.
    """
    rows = fig2_rows(list(ids), logits, targets, vocabulary, TAGS)
    return [row | {"column": vocabulary.index(row["tag"], "general")} for row in rows]


def tag_columns(rows: Rows) -> np.ndarray:
    """Columns of the tags of :func:`heatmap_rows`, for :mod:`i2v_lib.models.serving.heatmaps`: int64, (n, k)."""
    return np.array([[row["column"] for row in own] for own in _by_illustration(rows)], np.int64)


def heat_of(tagger: Illustration2Vec, collection: Collection, chosen: np.ndarray, rows: Rows) -> np.ndarray:
    """Where a tagger saw the tags of :func:`heatmap_rows`, by gradient × activation.

    Parameters
    ----------
    tagger : of the vocabulary that the rows are from
    collection : of the run
    chosen : int64 array, shape (n,), from :func:`choose_illustrations`
    rows : of these illustrations

    Returns
    -------
    float32 array, shape (n, k, h, w), k tags each; of no tags (0, 0, 1, 1)
    """
    if not rows:
        return np.empty((0, 0, 1, 1), np.float32)
    images = torch.cat(list(tagger.prepare(collection.pixels[row] for row in chosen)))
    return gradient_map(tagger.network, images, tag_columns(rows))


def fig_heatmaps(rows: Rows, images: np.ndarray, maps: np.ndarray) -> Figure:
    """Each picture beside the heat maps of its top tags, colored where the network saw the tag.

    Parameters
    ----------
    rows : from :func:`heatmap_rows`
    images : uint8 array, shape (n, S, S, 3), such as from :func:`seen_pictures`
    maps : float32 array, shape (n, k, h, w), such as from :func:`heat_of`
    """
    blocks = []
    for image, own, heats in zip(images if rows else (), _by_illustration(rows), maps, strict=True):
        block = [(image, own[0]["id"], "", "0.75")]
        for row, heat in zip(own, heats, strict=True):
            sign, color = ANSWER_SIGNS[row["right"]], ANSWER_COLORS[row["right"]]
            block.append((overlay(image, heat), f"{sign} {row['tag']}", f"{row['confidence']:.0f} %", color))
        blocks.append(block)
    signs = f"{ANSWER_SIGNS[True]} the illustration carries the tag    {ANSWER_SIGNS[False]} it does not"
    return picture_blocks(blocks, f"{signs}    %: confidence    Yellow: the hottest place; gray: the colder half")


def caption_heatmaps(rows: Rows, how: str, side: int, ending: str) -> str:
    """Of the figure.

    Parameters
    ----------
    rows : from :func:`heatmap_rows`
    how : where the heat comes from, such as "the last map of VGG + NIN at 256 px"
    side : cells of a map along its side
    ending : from :func:`~i2v_lib.show.wording.how`
    """
    right = sum(row["right"] for row in rows)
    shown = len({row["id"] for row in rows})
    return (
        f"Where VGG + NIN saw the general tags of highest confidence of {shown} test illustrations, drawn at "
        f"random and not picked; {right} of {len(rows)} tags are right as far as tags were published. Heat: {how}, "
        f"{side} × {side} cells, "
        "interpolated; colors from the median of each map to its maximum, so that they compare places, not tags. "
        f"{ending}"
    )


def overlay(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A grey picture, colored by heat: grey over the colder half of the map, bright yellow at its hottest place.

    Parameters
    ----------
    image : uint8 array, shape (S, S, 3)
    heat : float array, shape (h, w)

    Returns
    -------
    uint8 array, shape (S, S, 3)
    """
    large = resize(heat.astype(np.float32), image.shape[0])
    low, high = np.median(large), large.max()
    scaled = np.clip((large - low) / max(float(high - low), 1e-12), 0, 1)
    grey = image @ np.array([0.299, 0.587, 0.114])
    share = HEAT * np.sqrt(scaled)[:, :, None]
    mixed = (1 - share) * grey[:, :, None] + share * 255 * plt.get_cmap("viridis")(scaled)[:, :, :3]
    return mixed.round().astype(np.uint8)


def _by_illustration(rows: Rows) -> list[Rows]:
    """Rows of each illustration, in their order."""
    return [list(own) for _, own in groupby(rows, key=lambda row: row["id"])]


def picture_blocks(blocks: Sequence[Block], legend: str) -> Figure:
    """Blocks of a picture and three more, two blocks in a row, over a legend."""
    size, gap, line = 0.79, 0.03, 0.093  # inches
    pitch, column = size + 2 * line + 0.12, TWO_COLUMNS - 4 * size - 6 * gap
    height = 0.02 + -(-len(blocks) // 2) * pitch + 0.14
    fig = plt.figure(figsize=(TWO_COLUMNS, height))
    for i, block in enumerate(blocks):
        y = 0.02 + (i // 2) * pitch
        for k, (image, name, more, color) in enumerate(block):
            x = (i % 2) * column + k * (size + gap) + 3 * gap * (k > 0)
            thumbnail(fig, image, name, x, y, size, color)
            where = {"x": (x + size / 2) / TWO_COLUMNS, "y": 1 - (y + size + 0.02 + line) / height}
            fig.text(s=more, size=6, color="0.3", ha="center", va="top", parse_math=False, **where)
    fig.text(0.5, 0.04 / height, legend if blocks else "no illustration to show", ha="center", size=7)
    return fig
