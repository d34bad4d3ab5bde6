"""Regions of a map whose illustrations share a tag far above chance, found by a rule (§4.5)."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import hypergeom

SIDE = 5  # cells of a region, in both directions
FILLED = 0.9  # of its cells, at least: no square at the edge of the map
SHARE = 0.5  # of its illustrations carry the tag, at least
LEVEL = 0.01  # of significance, after Bonferroni's correction for all squares and tags
PATTERN = ("character", "general", "general", "general")  # what Fig. 5 shows: a character, comics, males, robots


@dataclass(frozen=True)
class Region:
    """A square of the map's grid, and the tag that gathers in it.

    Attributes
    ----------
    tag, category : of the tag
    column, row : of the square's top left cell
    members : int64 array: the illustrations inside
    carriers : how many of them carry the tag
    lift : how many times as often as in the whole map
    log_p : natural logarithm of the chance of so many carriers or more, were the tags shuffled
    of_character : whether more than half of the members share one character
    """

    tag: str
    category: str
    column: int
    row: int
    members: np.ndarray
    carriers: int
    lift: float
    log_p: float
    of_character: bool


def tag_regions(cells: np.ndarray, shape: tuple[int, int], tags: Mapping[str, Sequence[Sequence[str]]]) -> list[Region]:
    """All dense squares with a tag that at least half of their illustrations share, by far not by chance.

    Parameters
    ----------
    cells : int64 array, shape (n, 2)
        Column and row of each illustration, from :func:`~i2v_lib.search.maps.grid_map`.
    shape : columns and rows of the grid
    tags : category -> tags of each of the n illustrations; "character" among the categories

    Returns
    -------
    list of :class:`Region`
        Least likely by chance first; ties by lift, then from the top left.
    """
    names, carries = _carriers(tags, len(cells))
    characters = np.array([category == "character" for category, _ in names], bool)
    total, squares = carries.sum(axis=0), _dense_squares(cells, shape)
    limit = np.log(LEVEL) - np.log(max(len(squares) * len(names), 1))
    chance = functools.cache(lambda k, many, size: float(hypergeom.logsf(k - 1, len(cells), many, size)))
    regions = []
    for x, y, members in squares:
        inside, size = carries[members].sum(axis=0), len(members)
        of_character = bool((2 * inside[characters] > size).any())
        for t in np.flatnonzero(inside >= SHARE * size):
            k, many = int(inside[t]), int(total[t])
            if (log_p := chance(k, many, size)) < limit:
                lift = (k / size) / (many / len(cells))
                regions.append(Region(names[t][1], names[t][0], x, y, members, k, lift, log_p, of_character))
    return sorted(regions, key=lambda r: (r.log_p, -r.lift, r.row, r.column, r.tag))


def choose_regions(regions: Sequence[Region], tags: Mapping[str, Sequence[Sequence[str]]]) -> list[Region]:
    """At most four regions for the figure, as varied as the paper's: one of a character, the rest of general tags.

    In turn, the region least likely by chance is taken that shares no cell with one taken before, and whose tag is
    not about the same as one taken before: of either tag's illustrations no more than half carry the other. A
    general tag's region in which more than half share a character is that character's, and is passed over. Where
    no character gathers, its place goes to a general tag.

    Parameters
    ----------
    regions : from :func:`tag_regions`
    tags : as for :func:`tag_regions`
    """
    chosen = [region for region in regions if region.category == PATTERN[0]][:1]
    for region in regions:
        if len(chosen) == len(PATTERN):
            break
        if region.category != "general" or region.of_character:
            continue
        if not any(_overlap(region, other) or _alike(region, other, tags) for other in chosen):
            chosen.append(region)
    return chosen


def _carriers(tags, n):
    """Names of all tags, (category, tag), and which illustration carries which: bool array, shape (n, T)."""
    names = [(category, tag) for category in tags for tag in sorted({tag for held in tags[category] for tag in held})]
    column = {name: t for t, name in enumerate(names)}
    carries = np.zeros((n, len(names)), bool)
    for category, lists in tags.items():
        for i, held in enumerate(lists):
            carries[i, [column[category, tag] for tag in held]] = True
    return names, carries


def _dense_squares(cells, shape):
    """Squares of the grid that are nearly filled: (column, row, members) of each, from the top left."""
    grid = np.full(shape, -1)
    grid[tuple(cells.T)] = np.arange(len(cells))
    squares = []
    for y in range(shape[1] - SIDE + 1):
        for x in range(shape[0] - SIDE + 1):
            square = grid[x : x + SIDE, y : y + SIDE]
            if (square >= 0).mean() >= FILLED:
                squares.append((x, y, square[square >= 0]))
    return squares


def _overlap(a, b):
    return abs(a.column - b.column) < SIDE and abs(a.row - b.row) < SIDE


def _alike(a, b, tags):
    """Whether more than half of either tag's illustrations carry the other tag too."""
    first, second = ({i for i, held in enumerate(tags[r.category]) if r.tag in held} for r in (a, b))
    return 2 * len(first & second) > min(len(first), len(second))
