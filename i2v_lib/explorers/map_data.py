"""What a map explorer shows: illustrations with places, cells, tags, regions and pictures, packed for a browser."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from i2v_lib.evaluation.regions import SIDE, Region, choose_regions, tag_regions
from i2v_lib.explorers.sprites import SHEET, SIDES, Sized, draw_sheet, sheet_count, slots_along_curve
from i2v_lib.search.maps import grid_map, places_on_grid, tsne_map
from i2v_lib.show.thumbnails import pictures
from i2v_lib.show.tsne_map import ASPECT, LETTERS, choose_illustrations, published_tags

if TYPE_CHECKING:
    from i2v_lib.run import Run


@dataclass(frozen=True)
class MapData:
    """A map of n illustrations.

    Attributes
    ----------
    ids, links : of each illustration; a link may be empty
    tags : category -> tags of each of the n illustrations
    layout : float array, shape (n, 2): places, from :func:`~i2v_lib.search.maps.tsne_map`
    cells : int array, shape (n, 2), from :func:`~i2v_lib.search.maps.grid_map`; None shows the places alone
    shape : columns and rows of the grid; of places alone, how many pictures fit beside and below each other
    regions : at most four, found on the grid
    pictures : of some illustrations, at a side in pixels
    """

    ids: Sequence[str]
    links: Sequence[str]
    tags: Mapping[str, Sequence[Sequence[str]]]
    layout: np.ndarray
    cells: np.ndarray | None
    shape: tuple[int, int]
    regions: Sequence[Region]
    pictures: Sized

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def spots(self) -> np.ndarray:
        """Where each is drawn at first, its cell or else its place, in cells: float64 array, shape (n, 2)."""
        return places_on_grid(self.layout, self.shape) if self.cells is None else self.cells.astype(np.float64)

    @cached_property
    def order(self) -> np.ndarray:
        """The illustration in each slot of the sheets: int64 array, shape (n,)."""
        return np.argsort(slots_along_curve(self.spots))

    def sheet(self, level: int, sheet: int) -> bytes:
        """One sheet of pictures as WebP.

        Raises
        ------
        ValueError
            If there is no such sheet.
        """
        if level not in range(len(SIDES)) or sheet not in range(sheet_count(level, len(self))):
            raise ValueError(f"level={level}, sheet={sheet}: no such sheet of {len(self):,} pictures")
        return draw_sheet(self.pictures, self.order, level, sheet)

    @cached_property
    def packed(self) -> tuple[dict[str, Any], bytes]:
        """Everything but the pictures: a header for JSON, and the bytes of the arrays that its ``arrays`` lists."""
        names = [(category, tag) for category, lists in self.tags.items() for tag in sorted(set().union(*lists))]
        number = {name: i for i, name in enumerate(names)}
        carried = [
            [number[category, tag] for category, lists in self.tags.items() for tag in lists[i]]
            for i in range(len(self))
        ]
        slots = np.empty(len(self), np.uint32)
        slots[self.order] = np.arange(len(self))
        arrays = {
            "places": places_on_grid(self.layout, self.shape).astype(np.float32),
            "slots": slots,
            "tag_starts": np.cumsum([0, *map(len, carried)]).astype(np.uint32),
            "tag_numbers": np.array([tag for own in carried for tag in own], np.min_scalar_type(len(names))),
        }
        if self.cells is not None:
            arrays["cells"] = self.cells.astype(np.float32)
        links = list(self.links) if any(self.links) else []
        header = {
            "ids": list(self.ids),
            "links": links,
            "tags": [tag for _, tag in names],
            "categories": [category for category, _ in names],
            "shape": list(self.shape),
            "regions": [_bookmark(letter, region) for letter, region in zip(LETTERS, self.regions, strict=False)],
            "sides": SIDES,
            "sheet": SHEET,
        }
        return pack(header, arrays)


def pack(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], bytes]:
    """Put arrays behind each other; the header's ``arrays`` lists name, type, place in bytes and length of each."""
    listed, parts, place = [], [], 0
    for name, array in arrays.items():
        listed.append([name, array.dtype.name, place, array.size])
        data = array.astype(array.dtype.newbyteorder("<")).tobytes()
        parts.append(data + bytes(-len(data) % 8))  # a browser wants every array to begin at a multiple of its items
        place += len(parts[-1])
    return {**header, "arrays": listed}, b"".join(parts)


def one_blob(header: Mapping[str, Any], data: bytes) -> bytes:
    """Header and arrays as one piece: the header's length in four bytes, the header as JSON, the arrays."""
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    return struct.pack("<I", len(text)) + text + data


def map_data(
    run: Run,
    nodes: np.ndarray,
    layout: np.ndarray,
    cells: np.ndarray | None,
    shape: tuple[int, int],
    regions: Sequence[Region] = (),
) -> MapData:
    """What an explorer shows of a run.

    Parameters
    ----------
    run : whose safe dataset is mapped
    nodes : int array, shape (n,), of the safe dataset
    layout, cells, shape, regions : as :class:`MapData` has them

    Raises
    ------
    ValueError
        If a picture is not rated safe.
    """
    collection, rows = run.collection(), run.safe_dataset()[nodes]
    ratings = np.asarray(collection.posts.column("rating"))[rows]
    if unsafe := int((ratings != "safe").sum()):
        raise ValueError(f"nodes: {unsafe} of {len(rows)} are not rated safe; pass places in run.safe_dataset()")

    def sized(some: np.ndarray, side: int) -> np.ndarray:
        if side <= collection.info["size"]:
            return collection.pixels[rows[some]]
        return pictures(run.config, collection, rows[some], side)

    posts = collection.posts.select(["id", "source_url"]).take(rows).to_pydict()
    return MapData(
        ids=posts["id"],
        links=[link or "" for link in posts["source_url"]],
        tags=published_tags(collection, rows),
        layout=layout,
        cells=cells,
        shape=shape,
        regions=regions,
        pictures=sized,
    )


def map_of_run(run: Run, limit: int | None = None) -> tuple[np.ndarray, MapData]:
    """The map of notebook 07: nodes drawn at random from the safe dataset, laid out, with its regions.

    Parameters
    ----------
    run : the run
    limit : illustrations; None takes the run's ``map_illustrations``

    Returns
    -------
    nodes : int64 array, shape (n,), ascending
    MapData
    """
    config = run.config
    nodes = choose_illustrations(len(run.safe_dataset()), limit or config.map_illustrations, config.seed)
    layout = tsne_map(run.codes()[nodes], seed=config.seed)
    cells, shape = grid_map(layout, ASPECT)
    tags = published_tags(run.collection(), run.safe_dataset()[nodes])
    regions = choose_regions(tag_regions(cells, shape, tags), tags)
    return nodes, map_data(run, nodes, layout, cells, shape, regions)


def _bookmark(letter: str, region: Region) -> dict[str, Any]:
    return {
        "letter": letter,
        "tag": region.tag,
        "column": region.column,
        "row": region.row,
        "side": SIDE,
        "members": region.members.tolist(),
        "carriers": region.carriers,
        "lift": region.lift,
    }
