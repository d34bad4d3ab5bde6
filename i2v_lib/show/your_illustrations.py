"""Somebody's own illustrations (notebook 8): tags, heat maps, neighbors, transitions and a map of them.

Nobody knows what is true of these pictures, so nothing is marked as right or wrong. Only pictures that the network
rates safe are shown, and only harmless tags.
"""

from __future__ import annotations

import difflib
import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageOps
from scipy.special import expit

from i2v_lib.config import home
from i2v_lib.data.build import write_csv
from i2v_lib.data.collection import CATEGORIES, RATINGS
from i2v_lib.data.images import BadImageError, decode_image, resize_image
from i2v_lib.data.safe_tags import is_safe_tag
from i2v_lib.data.sidecars import COLUMNS
from i2v_lib.evaluation.path_quality import random_pairs
from i2v_lib.evaluation.regions import choose_regions, tag_regions
from i2v_lib.models.serving.heatmaps import gradient_map
from i2v_lib.models.serving.tag_lists import columns_by_name
from i2v_lib.models.tagging.tag_files import names
from i2v_lib.run.illustrations import Illustrations
from i2v_lib.search.hashing import hamming_distance
from i2v_lib.show import morphing, neighbors, tag_prediction, tsne_map
from i2v_lib.show.exhibit import Exhibit
from i2v_lib.show.heatmaps import overlay, picture_blocks
from i2v_lib.show.style import ANSWER_COLORS
from i2v_lib.show.thumbnails import HIDDEN, PIXELS, choose_rows
from i2v_lib.show.tsne_map import ASPECT, compose
from i2v_lib.show.wording import Rows, percent
from i2v_lib.system.files import whole

NOTEBOOK = "08_your_illustrations.ipynb"

SHOWN = {"tags": 12, "heatmaps": 8, "neighbors": neighbors.QUERIES, "duplicates": 8}  # pictures, drawn at random
TOP_TAGS, TOP_HEATMAPS = 5, 3  # beside each
OF_GROUP = 4  # near-duplicates shown of a group
DRAWN_PAIRS = 60  # among which transitions are looked for
RANDOM_PAIRS = 1000  # whose distance is the control of the neighbors'
FINE = 400  # pictures on a map up to which their files are read again, to be drawn large


def fig_your_tags(own: Illustrations, ids: Ids = None) -> Exhibit:
    """Pictures with their tags of highest confidence.

    Parameters
    ----------
    own : the illustrations
    ids : paths of pictures in the folder; some drawn at random when left out
    """
    nodes = choose(own, ids, SHOWN["tags"])
    rows = tag_rows(own, nodes, TOP_TAGS)
    shown = dict.fromkeys(row["row"] for row in rows)
    text = (
        f"The {TOP_TAGS} tags of highest confidence of {_some(shown, ids)}: general, of a character or of a title; "
        "those that are not harmless are passed over. All plausible tags stand in `tags.csv`."
    )
    return _exhibit("fig_your_tags", tag_prediction.draw_tags(rows, pictures(own, shown)), rows, text)


def fig_your_heatmaps(own: Illustrations, ids: Ids = None, names: str | Sequence[str] | None = None) -> Exhibit:
    """Where the network saw tags of highest confidence, or the tags that are named; else as :func:`fig_your_tags`."""
    nodes = choose(own, ids, SHOWN["heatmaps"])
    columns = None if names is None else list(columns_by_name(own.vocabulary(), names).values())
    rows = tag_rows(own, nodes, TOP_HEATMAPS, columns)
    tagger, files, blocks = own.weights().tagger, own.files(), []
    for name, block in groupby(rows, key=lambda row: row["id"]):
        tags_seen = list(block)
        wanted = np.array([[row["column"] for row in tags_seen]])
        heats = gradient_map(tagger.network, next(tagger.prepare(files[name])), wanted)[0]
        image, proportions = seen_picture(own, name)
        pairs = [(image, name, "", "0.75")]
        for row, heat in zip(tags_seen, heats, strict=True):
            words = (row["tag"], f"{row['confidence']:.0f} %", "0.75")  # nobody knows whether it is right
            pairs.append((overlay(image, heat), *words))
        blocks.append([(in_proportion(picture, proportions), *words) for picture, *words in pairs])
    text = (
        f"Where the network saw tags of {_some(blocks, ids)}. Heat: gradient × activation, interpolated; colors from "
        "the median of each map to its maximum, so that they compare places, not tags."
    )
    legend = "%: confidence    Yellow: the hottest place; gray: the colder half"
    return _exhibit("fig_your_heatmaps", picture_blocks(blocks, legend), rows, text)


def fig_your_neighbors(own: Illustrations, ids: Ids = None) -> Exhibit:
    """Pictures, each with the three nearest of the folder by binary codes; else as :func:`fig_your_tags`."""
    nodes, collection, safe = choose(own, ids, SHOWN["neighbors"]), own.collection(), own.safe_dataset()
    near = own.neighbors("codes", max(neighbors.TOP, own.config.neighbors))
    rows = neighbors.fig3_rows(collection, safe, *near, [frozenset()] * len(safe), nodes)
    found = [row["distance"] for row in rows if row["rank"] == 1]
    pairs = random_pairs(len(safe), RANDOM_PAIRS, own.config.seed)
    apart = [int(hamming_distance(own.codes()[[a]], own.codes()[[b]])[0, 0]) for a, b in pairs]
    claim = "No picture has a neighbor."
    if found:
        claim = (
            f"The nearest lie {np.median(found):,.0f} bits away in the median; two pictures of the folder drawn at "
            f"random, {np.median(apart):,.0f}."
        )
    text = (
        f"{claim} {_some(nodes, ids)[:1].upper()}{_some(nodes, ids)[1:]}, each with its {neighbors.TOP} nearest by "
        f"Hamming distance over {8 * own.codes().shape[1]:,}-bit codes; near-duplicates are kept."
    )
    images = pictures(own, [row["row"] for row in rows])
    return _exhibit("fig_your_neighbors", neighbors.draw_neighbors(rows, images), rows, text)


def fig_your_duplicates(own: Illustrations) -> Exhibit:
    """Pictures that show the same: the largest groups of near-duplicates."""
    groups = duplicate_groups(own)
    safe = set(own.safe_dataset().tolist())
    fit = [shown for members in groups if len(shown := [row for row in members if row in safe]) > 1]
    fit = sorted(fit, key=len, reverse=True)[: SHOWN["duplicates"]]
    ids = own.collection().column("id")
    rows = [{"group": g, "row": row, "id": ids[row]} for g, members in enumerate(fit) for row in members]
    blocks = []
    for members in fit:
        drawn = members[:OF_GROUP]
        more = [""] * (len(drawn) - 1) + [f"+ {len(members) - len(drawn)} more" if len(members) > len(drawn) else ""]
        block = zip(pictures(own, drawn), drawn, more, strict=True)
        blocks.append([(image, ids[row], word, ANSWER_COLORS[None]) for image, row, word in block])
    extra = sum(len(members) - 1 for members in groups)
    text = (
        f"{extra:,} of {len(ids):,} pictures are near-duplicates of another, in {len(groups):,} groups; all stand in "
        "`near_duplicates.csv`. Told by a hash of their looks and by their pixels, not by the network."
    )
    legend = f"{len(fit)} of {len(groups):,} groups" if fit else "no near-duplicates"
    return _exhibit("fig_your_duplicates", picture_blocks(blocks, legend), rows, text)


def fig_your_transitions(own: Illustrations, pairs: Iterable[tuple[str, str]] | None = None) -> Exhibit:
    """From one picture to another over the graph of nearest neighbors, with four between where that can be.

    Parameters
    ----------
    own : the illustrations
    pairs : of paths of pictures in the folder; when left out, the first eight of many drawn at random that have a path
        with four between, then those that have any
    """
    if pairs is None:
        ends = random_pairs(len(own.safe_dataset()), DRAWN_PAIRS, own.config.seed).tolist()
    else:
        ends = [choose(own, pair, 2).tolist() for pair in pairs]
    exact = [own.morph(*pair, morphing.INTERMEDIATES) for pair in ends]
    found = [result for result in exact if result.status == "found"][: morphing.COLUMNS]
    others = (own.morph(*pair) for pair, result in zip(ends, exact, strict=True) if result.status != "found")
    found += islice((result for result in others if result.status == "found"), morphing.COLUMNS - len(found))
    rows = morphing.fig1_rows(own.collection(), own.safe_dataset(), found)
    short = sum(len(result.path) != morphing.INTERMEDIATES + 2 for result in found)
    text = (
        f"{len(found)} transitions, of {len(ends)} pairs {'drawn at random' if pairs is None else 'named by hand'}: "
        f"the first that have a path with exactly {morphing.INTERMEDIATES} pictures between"
        f"{f', and {short} shortest paths of pairs that have none' if short else ''}. From top to bottom, over the "
        f"graph of {own.config.neighbors} nearest neighbors; numbers: bits."
    )
    nothing = "No path: too few pictures, or none that joins them."
    fig = morphing.draw_fig1(rows, pictures(own, [row["row"] for row in rows]), nothing)
    return _exhibit("fig_your_transitions", fig, rows, text)


def fig_your_map(own: Illustrations) -> Exhibit:
    """The t-SNE map of all pictures, and regions whose pictures share a tag of the network's."""
    collection, layout = own.collection(), own.layout()
    every, safe = own.safe_dataset(), own.safe_dataset()[own.mapped()]
    cells, shape = own.grid(tsne_map.ASPECT)
    found = tsne_map.published_tags(collection, safe)
    regions = choose_regions(tag_regions(cells, shape, found), found)
    images = pictures(own, safe) if len(safe) <= FINE else collection.pixels[safe]
    ids = np.asarray(collection.column("id"), object)[safe].tolist()
    places = tsne_map.fig5_rows(ids, layout, cells, regions)
    numbers = {"regions": tsne_map.region_rows(regions), "illustrations": places}
    many = f"{len(safe):,} pictures"
    if len(safe) < len(every):
        many = f"{len(safe):,} of {len(every):,} pictures, drawn at random,"
    together = ", ".join(f"({letter}) {region.tag}" for letter, region in zip("abcd", regions, strict=False))
    text = (
        f"{f'What gathers: {together}' if regions else 'No tag gathers in a region'}. t-SNE of {many} by "
        "Hamming distance, moved apart onto a grid; its axes have neither unit nor direction. The regions are named "
        "by the network's own tags."
    )
    return _exhibit("fig_your_map", tsne_map.draw_map(images, cells, shape, regions), numbers, text)


def _exhibit(name: str, fig: Figure, numbers: Any, caption: str) -> Exhibit:
    return Exhibit(name, fig, numbers, caption, notebook=NOTEBOOK)


def _some(shown: Collection, ids: Ids) -> str:
    """What is shown, as a sentence has it."""
    return f"{len(shown)} pictures {'drawn at random and not picked' if ids is None else 'named by hand'}"


Ids = str | Sequence[str] | None  # of pictures: their paths in the folder; None draws some at random


def choose(own: Illustrations, ids: Ids, count: int) -> np.ndarray:
    """Places in the safe dataset: of the pictures named, in their order; or of some drawn at random, ascending.

    Raises
    ------
    ValueError
        If a picture is not in the folder, or may not be shown.
    """
    safe = own.safe_dataset()
    if ids is None:
        return choose_rows(np.arange(len(safe)), count, [own.config.seed, count])
    names = own.collection().column("id")
    for name in (wanted := [ids] if isinstance(ids, str) else list(ids)):
        if name not in names:
            like = difflib.get_close_matches(name, names, 3, 0.4) or names[:3]
            raise ValueError(f"{name!r} is no picture of the folder that could be read; there is {', '.join(like)}")
        if names.index(name) not in safe:
            raise ValueError(f"{name!r} is not rated safe by the network, so it is not shown; take another")
    return np.searchsorted(safe, [names.index(name) for name in wanted]).astype(np.int64)


def tag_rows(own: Illustrations, nodes: np.ndarray, count: int, columns: Sequence[int] | None = None) -> Rows:
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
    vocabulary, ids = own.vocabulary(), own.collection().column("id")
    ratings = vocabulary.blocks["rating"]
    allowed = [t for t in range(ratings.start) if is_safe_tag(vocabulary.tags[t])]  # ratings are the last block
    rows = []
    for row in own.safe_dataset()[nodes].tolist():
        logits = own.logits()[row]
        best = [allowed[i] for i in np.argsort(-logits[allowed], kind="stable")[:count]]
        for t in best if columns is None else columns:
            confidence = percent(expit(float(logits[t])))
            tag = {"tag": vocabulary.tags[t], "category": vocabulary.categories[t], "column": int(t)}
            rows.append({"id": ids[row], "row": row, **tag, "confidence": confidence, "right": None})
    return rows


def duplicate_groups(own: Illustrations) -> list[list[int]]:
    """Rows of the collection that are near-duplicates of each other, group by group, in the folder's order."""
    groups: dict[str, list[int]] = {}
    for row, group in enumerate(own.collection().column("group")):
        groups.setdefault(group, []).append(row)
    return [members for members in groups.values() if len(members) > 1]


def pictures(own: Illustrations, rows: Iterable[int], size: int = PIXELS) -> np.ndarray:
    """Pictures to print, whole and in their proportions, on white; a grey square for what is not rated safe.

    Parameters
    ----------
    rows : of the collection
    size : side in pixels

    Returns
    -------
    uint8 array, shape (n, size, size, 3)
    """
    ids, safe, found = own.collection().column("id"), set(own.safe_dataset().tolist()), []
    for row in rows:
        if row not in safe:
            found.append(np.full((size, size, 3), HIDDEN))
            continue
        try:
            found.append(resize_image(decode_image(own.files()[ids[row]]), size, "pad"))
        except BadImageError:  # it has gone meanwhile
            found.append(resize_image(Image.fromarray(own.collection().pixels[row]), size))
    return np.stack(found) if found else np.zeros((0, size, size, 3), np.uint8)


def seen_picture(own: Illustrations, name: str) -> tuple[np.ndarray, tuple[int, int]]:
    """What the networks see of a picture: its center, warped to a square, drawn larger; and its proportions.

    Returns
    -------
    uint8 array, shape (S, S, 3), and (width, height) of the picture
    """
    tagger, image = own.weights().tagger, decode_image(own.files()[name])
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


CELL = 64  # pixels of a picture on the large map, where there is room
MOST_PIXELS = 100_000_000  # that the large map stays below, so that a browser still opens it


def summary(own: Illustrations) -> str:
    """What was found in the folder, what is shown of it, and where the results lie; some lines."""
    found, safe = own.extracted(), own.safe_dataset()
    folder = repr(own.source().name) if own.config.illustrations else "a folder of drawn ones, since none was given"
    kept = len(found.names) - found.computed
    lines = [f"{len(found.names):,} pictures in {folder}: {found.computed:,} computed now, {kept:,} known or copies."]
    if found.skipped:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in own.reasons().items())
        lines.append(f"Files that are no usable pictures: {len(found.skipped):,} ({reasons}); see unreadable.csv.")
    if hidden := len(found.names) - len(safe):
        lines.append(f"Pictures not shown, since the network rates them questionable or explicit: {hidden:,}.")
    lines.append(f"Tags of every picture: tags.csv. All of it lies in {_from_home(own.folder)}.")
    return "\n".join(lines)


def write_tables(own: Illustrations) -> Path:
    """Write tags, unusable files, near-duplicates and a large map into the illustrations' folder of the run.

    ``tags.csv`` holds all plausible tags, those that are never shown too, in the form that ``import-folder`` reads.

    Returns
    -------
    folder that holds ``tags.csv``, ``unreadable.csv``, ``near_duplicates.csv`` and ``map.png``
    """
    collection, found, folder = own.collection(), own.extracted(), own.folder
    ids, groups = collection.column("id"), collection.column("group")
    tags = (
        {"path": name, "rating": its["rating"][0][0], "group": group}
        | {category: ",".join(names(its, category)) for category in CATEGORIES[:3]}
        for name, group, its in zip(ids, groups, own.tags(), strict=True)
    )
    unusable = ({"path": name, "reason": reason} for name, reason in found.skipped)
    alike = ({"group": ids[members[0]], "path": ids[row]} for members in duplicate_groups(own) for row in members)
    tables = {"tags": (COLUMNS, tags), "unreadable": (("path", "reason"), unusable)}
    for name, (columns, rows) in (tables | {"near_duplicates": (("group", "path"), alike)}).items():
        write_csv(folder / f"{name}.csv", columns, rows)
    cells, shape = own.grid(ASPECT)
    large = compose(collection.pixels[own.safe_dataset()[own.mapped()]], cells, shape, large_cell(shape))
    with whole(folder / "map.png") as file:
        Image.fromarray(large).save(file, "PNG", compress_level=3)
    return folder


def large_cell(shape: tuple[int, int]) -> int:
    """Pixels of a picture on the large map of a grid, columns × rows, which stays below :data:`MOST_PIXELS`."""
    return min(CELL, math.isqrt((MOST_PIXELS - 1) // (shape[0] * shape[1])))


def numbers(own: Illustrations) -> dict[str, Any]:
    """Section ``illustrations`` of ``metrics.json``."""
    collection, bits = own.collection(), own.codes()
    ratings = Counter(collection.column("rating"))
    plausible = [sum(len(its[category]) for category in CATEGORIES[:3]) for its in own.tags()]
    return {
        "weights": own.weights().name,
        "pictures": len(collection),
        "unusable": own.reasons(),
        "ratings": {rating: ratings[rating] for rating in RATINGS},
        "plausible tags a picture": float(np.mean(plausible)),
        "near-duplicates": len(collection) - len(set(collection.column("group"))),
        "searched": len(bits),
        "bits": 8 * bits.shape[1],
        "components": len(own.graph().component_sizes),
    }


def _from_home(path: Path) -> str:
    """A path as it may be printed: from the kit's home on, which tells nothing of the machine."""
    return path.relative_to(home()).as_posix()
