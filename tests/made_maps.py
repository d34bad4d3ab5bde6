"""Maps of made pictures, for the tests of the explorers."""

import numpy as np

from i2v_lib.evaluation.regions import Region
from i2v_lib.explorers.map_data import MapData
from i2v_lib.search.maps import grid_map

NASTY = '<img src=x onerror="window.hacked=1">'


def made_map(count=300, tags=None):
    """A map of colored squares at random places, with one region.

    Returns
    -------
    MapData, and the colors: uint8 array, shape (count, 3)
    """
    rng = np.random.default_rng(count)
    layout, colors = rng.normal(size=(count, 2)), rng.integers(0, 256, (count, 3), np.uint8)
    cells, shape = grid_map(layout, 1.2)
    general = tags or [["hat"] * (i % 2) + ["long hair"] * (i % 3 == 0) for i in range(count)]
    names = {"general": general, "copyright": [[]] * count, "character": [[f"c{i % 5}"] for i in range(count)]}
    corner = cells.max(0) // 2
    members = np.flatnonzero(((cells >= corner) & (cells < corner + 5)).all(1))
    region = Region("hat", "general", *corner.tolist(), members, len(members) // 2, 2.0, -30.0, False)

    def squares(some, side):
        return np.repeat(colors[some], side * side, axis=0).reshape(-1, side, side, 3)

    ids = [f"made-{i}" for i in range(count)]
    return MapData(ids, [""] * count, names, layout, cells, shape, [region], squares), colors
