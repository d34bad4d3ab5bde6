"""Somebody's own illustrations (notebook 8): tags, heat maps, neighbors, transitions and a map of them.

Each function of a figure returns what :func:`~i2v_lib.show.saving.save_figure` takes: "fig", "numbers" and "caption".
Nobody knows what is true of these pictures, so nothing is marked as right or wrong. Only pictures that the network
rates safe are shown, and only harmless tags.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import groupby, islice
from typing import Any

import numpy as np

from i2v_lib.evaluation.path_quality import random_pairs
from i2v_lib.evaluation.regions import choose_regions, tag_regions
from i2v_lib.models.serving.heatmaps import gradient_map
from i2v_lib.models.serving.tag_lists import columns_by_name
from i2v_lib.run.illustrations import Illustrations
from i2v_lib.search.hashing import hamming_distance
from i2v_lib.show import captions, figures, morphing, neighbors, saving, tsne_map
from i2v_lib.show.heatmaps import overlay, picture_blocks
from i2v_lib.show.style import ANSWER_COLORS
from i2v_lib.show.yours_pictures import (
    Ids,
    choose,
    duplicate_groups,
    in_proportion,
    pictures,
    seen_picture,
    tag_rows,
)

NOTEBOOK = "08_your_illustrations.ipynb"
Sheet = dict[str, Any]  # "fig", "numbers" and "caption"

SHOWN = {"tags": 12, "heatmaps": 8, "neighbors": neighbors.QUERIES, "duplicates": 8}  # pictures, drawn at random
TOP_TAGS, TOP_HEATMAPS = 5, 3  # beside each
OF_GROUP = 4  # near-duplicates shown of a group
DRAWN_PAIRS = 60  # among which transitions are looked for
RANDOM_PAIRS = 1000  # whose distance is the control of the neighbors'
FINE = 400  # pictures on a map up to which their files are read again, to be drawn large


def sources(mine: Illustrations) -> dict[str, Any]:
    """What figures are made from: the notebook, the folder's name, and the weights."""
    described = saving.describe_sources(NOTEBOOK, mine.collection(), mine.vocabulary())
    return described | {"weights": mine.weights().name}


def tags(mine: Illustrations, ids: Ids = None) -> Sheet:
    """Pictures with their tags of highest confidence.

    Parameters
    ----------
    mine : the illustrations
    ids : paths of pictures in the folder; some drawn at random when left out
    """
    nodes = choose(mine, ids, SHOWN["tags"])
    rows = tag_rows(mine, nodes, TOP_TAGS)
    shown = dict.fromkeys(row["row"] for row in rows)
    text = (
        f"The {TOP_TAGS} tags of highest confidence of {_some(shown, ids)}: general, of a character or of a title; "
        f"those that are not harmless are passed over. All plausible tags stand in `tags.csv`. {_ending(mine)}"
    )
    return {"fig": figures.fig2_tags(rows, pictures(mine, shown)), "numbers": rows, "caption": text}


def heatmaps(mine: Illustrations, ids: Ids = None, names: str | Sequence[str] | None = None) -> Sheet:
    """Where the network saw tags of highest confidence, or the tags that are named; else as :func:`tags`."""
    nodes = choose(mine, ids, SHOWN["heatmaps"])
    columns = None if names is None else list(columns_by_name(mine.vocabulary(), names).values())
    rows = tag_rows(mine, nodes, TOP_HEATMAPS, columns)
    tagger, files, blocks = mine.weights().tagger, mine.files(), []
    for name, block in groupby(rows, key=lambda row: row["id"]):
        own = list(block)
        wanted = np.array([[row["column"] for row in own]])
        heats = gradient_map(tagger.network, next(tagger.prepare(files[name])), wanted)[0]
        image, proportions = seen_picture(mine, name)
        pairs = [(image, name, "", "0.75")]
        for row, heat in zip(own, heats, strict=True):
            words = (row["tag"], f"{row['confidence']:.0f} %", "0.75")  # nobody knows whether it is right
            pairs.append((overlay(image, heat), *words))
        blocks.append([(in_proportion(picture, proportions), *words) for picture, *words in pairs])
    text = (
        f"Where the network saw tags of {_some(blocks, ids)}. Heat: gradient × activation, interpolated; colors from "
        f"the median of each map to its maximum, so that they compare places, not tags. {_ending(mine)}"
    )
    legend = "%: confidence    Yellow: the hottest place; gray: the colder half"
    return {"fig": picture_blocks(blocks, legend), "numbers": rows, "caption": text}


def nearest(mine: Illustrations, ids: Ids = None) -> Sheet:
    """Pictures, each with the three nearest of the folder by binary codes; else as :func:`tags`."""
    nodes, collection, safe = choose(mine, ids, SHOWN["neighbors"]), mine.collection(), mine.safe_dataset()
    near = mine.neighbors("codes", max(neighbors.TOP, mine.config.neighbors))
    rows = neighbors.fig3_rows(collection, safe, *near, [frozenset()] * len(safe), nodes)
    found = [row["distance"] for row in rows if row["rank"] == 1]
    pairs = random_pairs(len(safe), RANDOM_PAIRS, mine.config.seed)
    apart = [int(hamming_distance(mine.codes()[[a]], mine.codes()[[b]])[0, 0]) for a, b in pairs]
    claim = "No picture has a neighbor."
    if found:
        claim = (
            f"The nearest lie {np.median(found):,.0f} bits away in the median; two pictures of the folder drawn at "
            f"random, {np.median(apart):,.0f}."
        )
    text = (
        f"{claim} {_some(nodes, ids)[:1].upper()}{_some(nodes, ids)[1:]}, each with its {neighbors.TOP} nearest by "
        f"Hamming distance over {8 * mine.codes().shape[1]:,}-bit codes; near-duplicates are kept. {_ending(mine)}"
    )
    images = pictures(mine, [row["row"] for row in rows])
    return {"fig": neighbors.fig3_neighbors(rows, images), "numbers": rows, "caption": text}


def duplicates(mine: Illustrations) -> Sheet:
    """Pictures that show the same: the largest groups of near-duplicates."""
    groups = duplicate_groups(mine)
    safe = set(mine.safe_dataset().tolist())
    fit = [shown for members in groups if len(shown := [row for row in members if row in safe]) > 1]
    fit = sorted(fit, key=len, reverse=True)[: SHOWN["duplicates"]]
    ids = mine.collection().column("id")
    rows = [{"group": g, "row": row, "id": ids[row]} for g, members in enumerate(fit) for row in members]
    blocks = []
    for members in fit:
        drawn = members[:OF_GROUP]
        more = [""] * (len(drawn) - 1) + [f"+ {len(members) - len(drawn)} more" if len(members) > len(drawn) else ""]
        block = zip(pictures(mine, drawn), drawn, more, strict=True)
        blocks.append([(image, ids[row], word, ANSWER_COLORS[None]) for image, row, word in block])
    extra = sum(len(members) - 1 for members in groups)
    text = (
        f"{extra:,} of {len(ids):,} pictures are near-duplicates of another, in {len(groups):,} groups; all stand in "
        f"`near_duplicates.csv`. Told by a hash of their looks and by their pixels, not by the network. {_ending(mine)}"
    )
    legend = f"{len(fit)} of {len(groups):,} groups" if fit else "no near-duplicates"
    return {"fig": picture_blocks(blocks, legend), "numbers": rows, "caption": text}


def transitions(mine: Illustrations, pairs: Iterable[tuple[str, str]] | None = None) -> Sheet:
    """From one picture to another over the graph of nearest neighbors, with four between where that can be.

    Parameters
    ----------
    mine : the illustrations
    pairs : of paths of pictures in the folder; when left out, the first eight of many drawn at random that have a path
        with four between, then those that have any
    """
    if pairs is None:
        ends = random_pairs(len(mine.safe_dataset()), DRAWN_PAIRS, mine.config.seed).tolist()
    else:
        ends = [choose(mine, pair, 2).tolist() for pair in pairs]
    exact = [mine.morph(*pair, morphing.INTERMEDIATES) for pair in ends]
    found = [result for result in exact if result.status == "found"][: morphing.COLUMNS]
    others = (mine.morph(*pair) for pair, result in zip(ends, exact, strict=True) if result.status != "found")
    found += islice((result for result in others if result.status == "found"), morphing.COLUMNS - len(found))
    rows = morphing.fig1_rows(mine.collection(), mine.safe_dataset(), found)
    short = sum(len(result.path) != morphing.INTERMEDIATES + 2 for result in found)
    text = (
        f"{len(found)} transitions, of {len(ends)} pairs {'drawn at random' if pairs is None else 'named by hand'}: "
        f"the first that have a path with exactly {morphing.INTERMEDIATES} pictures between"
        f"{f', and {short} shortest paths of pairs that have none' if short else ''}. From top to bottom, over the "
        f"graph of {mine.config.neighbors} nearest neighbors; numbers: bits. {_ending(mine)}"
    )
    nothing = "No path: too few pictures, or none that joins them."
    fig = morphing.fig1_morphing(rows, pictures(mine, [row["row"] for row in rows]), nothing)
    return {"fig": fig, "numbers": rows, "caption": text}


def map_of_all(mine: Illustrations) -> Sheet:
    """The t-SNE map of all pictures, and regions whose pictures share a tag of the network's."""
    collection, safe, layout = mine.collection(), mine.safe_dataset(), mine.layout()
    cells, shape = mine.grid(tsne_map.ASPECT)
    found = tsne_map.published_tags(collection, safe)
    regions = choose_regions(tag_regions(cells, shape, found), found)
    images = pictures(mine, safe) if len(safe) <= FINE else collection.pixels[safe]
    ids = np.asarray(collection.column("id"), object)[safe].tolist()
    places = tsne_map.fig5_rows(ids, layout, cells, regions)
    numbers = {"regions": tsne_map.region_rows(regions), "illustrations": places}
    together = ", ".join(f"({letter}) {region.tag}" for letter, region in zip("abcd", regions, strict=False))
    text = (
        f"{f'What gathers: {together}' if regions else 'No tag gathers in a region'}. t-SNE of {len(safe):,} pictures "
        "by Hamming distance, moved apart onto a grid; its axes have neither unit nor direction. The regions are named "
        f"by the network's own tags. {_ending(mine)}"
    )
    return {"fig": tsne_map.fig5_tsne_map(images, cells, shape, regions), "numbers": numbers, "caption": text}


def _some(shown: Collection, ids: Ids) -> str:
    """What is shown, as a sentence has it."""
    return f"{len(shown)} pictures {'drawn at random and not picked' if ids is None else 'named by hand'}"


def _ending(mine: Illustrations) -> str:
    """The end of every caption."""
    ending = captions.how(mine.config, sources(mine))
    return f"Weights: {mine.weights().name}. {ending}"
