"""What notebook 8 leaves beside its figures: tables of tags, of duplicates and of unusable files, and numbers."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from i2v_lib.config import home
from i2v_lib.data.build import write_csv
from i2v_lib.data.collection import CATEGORIES, RATINGS
from i2v_lib.data.sidecars import COLUMNS
from i2v_lib.models.tagging.tag_files import names
from i2v_lib.run.illustrations import Illustrations
from i2v_lib.show.tsne_map import ASPECT, compose
from i2v_lib.show.yours_pictures import duplicate_groups

CELL = 64  # pixels of a picture on the large map


def summary(mine: Illustrations) -> str:
    """What was found in the folder, what is shown of it, and where the results lie; some lines."""
    found, safe = mine.extracted(), mine.safe_dataset()
    folder = repr(mine.source().name) if mine.config.illustrations else "a folder of drawn ones, since none was given"
    kept = len(found.names) - found.computed
    lines = [f"{len(found.names):,} pictures in {folder}: {found.computed:,} computed now, {kept:,} known or copies."]
    if found.skipped:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in mine.reasons().items())
        lines.append(f"Files that are no usable pictures: {len(found.skipped):,} ({reasons}); see unreadable.csv.")
    if hidden := len(found.names) - len(safe):
        lines.append(f"Pictures not shown, since the network rates them questionable or explicit: {hidden:,}.")
    lines.append(f"Tags of every picture: tags.csv. All of it lies in {_from_home(mine.folder)}.")
    return "\n".join(lines)


def write_tables(mine: Illustrations) -> Path:
    """Write tags, unusable files, near-duplicates and a large map into the illustrations' folder of the run.

    ``tags.csv`` holds all plausible tags, those that are never shown too, in the form that ``import-folder`` reads.

    Returns
    -------
    folder that holds ``tags.csv``, ``unreadable.csv``, ``near_duplicates.csv`` and ``map.png``
    """
    collection, found, folder = mine.collection(), mine.extracted(), mine.folder
    ids, groups = collection.column("id"), collection.column("group")
    tags = (
        {"path": name, "rating": own["rating"][0][0], "group": group}
        | {category: ",".join(names(own, category)) for category in CATEGORIES[:3]}
        for name, group, own in zip(ids, groups, mine.tags(), strict=True)
    )
    unusable = ({"path": name, "reason": reason} for name, reason in found.skipped)
    alike = ({"group": ids[members[0]], "path": ids[row]} for members in duplicate_groups(mine) for row in members)
    tables = {"tags": (COLUMNS, tags), "unreadable": (("path", "reason"), unusable)}
    for name, (columns, rows) in (tables | {"near_duplicates": (("group", "path"), alike)}).items():
        unfinished = folder / f"{name}.csv.partial"
        write_csv(unfinished, columns, rows)
        os.replace(unfinished, folder / f"{name}.csv")
    cells, shape = mine.grid(ASPECT)
    large = compose(collection.pixels[mine.safe_dataset()], cells, shape, CELL)
    Image.fromarray(large).save(folder / "map.png.partial", "PNG", compress_level=3)
    os.replace(folder / "map.png.partial", folder / "map.png")
    return folder


def numbers(mine: Illustrations) -> dict[str, Any]:
    """Section ``illustrations`` of ``metrics.json``."""
    collection, bits = mine.collection(), mine.codes()
    ratings = Counter(collection.column("rating"))
    plausible = [sum(len(own[category]) for category in CATEGORIES[:3]) for own in mine.tags()]
    return {
        "weights": mine.weights().name,
        "pictures": len(collection),
        "unusable": mine.reasons(),
        "ratings": {rating: ratings[rating] for rating in RATINGS},
        "plausible tags a picture": float(np.mean(plausible)),
        "near-duplicates": len(collection) - len(set(collection.column("group"))),
        "searched": len(bits),
        "bits": 8 * bits.shape[1],
        "components": len(mine.graph().component_sizes),
    }


def _from_home(path: Path) -> str:
    """A path as it may be printed: from the kit's home on, which tells nothing of the machine."""
    return path.relative_to(home()).as_posix()
