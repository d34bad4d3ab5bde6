"""Which pictures and tags of somebody's illustrations are shown, and the pictures themselves, read from their files."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageOps

from i2v_lib.data.images import BadImageError, decode_image, resize_image
from i2v_lib.data.safe_tags import is_harmless
from i2v_lib.run.illustrations import Illustrations
from i2v_lib.show.numbers import Rows, choose_rows, percent
from i2v_lib.show.thumbnails import HIDDEN, PIXELS

Ids = str | Sequence[str] | None  # of pictures: their paths in the folder; None draws some at random


def choose(mine: Illustrations, ids: Ids, count: int) -> np.ndarray:
    """Places in the safe dataset: of the pictures named, in their order; or of some drawn at random, ascending.

    Raises
    ------
    ValueError
        If a picture is not in the folder, or may not be shown.
    """
    safe = mine.safe_dataset()
    if ids is None:
        return choose_rows(np.arange(len(safe)), count, [mine.config.seed, count])
    names = mine.collection().column("id")
    for name in (wanted := [ids] if isinstance(ids, str) else list(ids)):
        if name not in names:
            like = difflib.get_close_matches(name, names, 3, 0.4) or names[:3]
            raise ValueError(f"{name!r} is no picture of the folder that could be read; there is {', '.join(like)}")
        if names.index(name) not in safe:
            raise ValueError(f"{name!r} is not rated safe by the network, so it is not shown; take another")
    return np.searchsorted(safe, [names.index(name) for name in wanted]).astype(np.int64)


def tag_rows(mine: Illustrations, nodes: np.ndarray, count: int, columns: Sequence[int] | None = None) -> Rows:
    """Tags of pictures, the most likely first, picture by picture.

    Parameters
    ----------
    nodes : int64 array, places in the safe dataset
    count : tags of each; fewer if the vocabulary has not so many
    columns : the tags to take; the harmless ones of highest confidence when left out

    Returns
    -------
    list of dict
        "id", "row" (of the collection), "tag", "category", "column", "confidence" (percent), and "right", which is None
    """
    vocabulary, ids = mine.vocabulary(), mine.collection().column("id")
    ratings = vocabulary.blocks["rating"]
    allowed = [t for t in range(ratings.start) if is_harmless(vocabulary.tags[t])]  # ratings are the last block
    rows = []
    for row in mine.safe_dataset()[nodes].tolist():
        logits = mine.logits()[row]
        best = [allowed[i] for i in np.argsort(-logits[allowed], kind="stable")[:count]]
        for t in best if columns is None else columns:
            confidence = percent(1 / (1 + np.exp(-float(logits[t]))))
            tag = {"tag": vocabulary.tags[t], "category": vocabulary.categories[t], "column": int(t)}
            rows.append({"id": ids[row], "row": row, **tag, "confidence": confidence, "right": None})
    return rows


def duplicate_groups(mine: Illustrations) -> list[list[int]]:
    """Rows of the collection that are near-duplicates of each other, group by group, in the folder's order."""
    groups: dict[str, list[int]] = {}
    for row, group in enumerate(mine.collection().column("group")):
        groups.setdefault(group, []).append(row)
    return [members for members in groups.values() if len(members) > 1]


def pictures(mine: Illustrations, rows: Iterable[int], size: int = PIXELS) -> np.ndarray:
    """Pictures to print, whole and in their proportions, on white; a grey square for what is not rated safe.

    Parameters
    ----------
    rows : of the collection
    size : side in pixels

    Returns
    -------
    uint8 array, shape (n, size, size, 3)
    """
    ids, safe, found = mine.collection().column("id"), set(mine.safe_dataset().tolist()), []
    for row in rows:
        if row not in safe:
            found.append(np.full((size, size, 3), HIDDEN))
            continue
        try:
            found.append(resize_image(decode_image(mine.files()[ids[row]]), size, "pad"))
        except BadImageError:  # it has gone meanwhile
            found.append(resize_image(Image.fromarray(mine.collection().pixels[row]), size))
    return np.stack(found) if found else np.zeros((0, size, size, 3), np.uint8)


def seen_picture(mine: Illustrations, name: str) -> tuple[np.ndarray, tuple[int, int]]:
    """What the networks see of a picture: its center, warped to a square, drawn larger; and its proportions.

    Returns
    -------
    uint8 array, shape (S, S, 3), and (width, height) of the picture
    """
    tagger, image = mine.weights().tagger, decode_image(mine.files()[name])
    factor = max(1, round(PIXELS / tagger.image_size))
    corner = (tagger.stored_size - tagger.image_size) // 2 * factor
    cut = slice(corner, corner + tagger.image_size * factor)
    return np.ascontiguousarray(resize_image(image, tagger.stored_size * factor)[cut, cut]), image.size


def in_proportion(square: np.ndarray, proportions: tuple[int, int]) -> np.ndarray:
    """A warped square brought back to a picture's proportions, on white: uint8 array, shape (S, S, 3)."""
    side, longer = len(square), max(proportions)
    size = [max(round(side * length / longer), 1) for length in proportions]
    whole = Image.fromarray(square).resize(size, Image.Resampling.BICUBIC)
    return np.asarray(ImageOps.pad(whole, (side, side), color="white"))
