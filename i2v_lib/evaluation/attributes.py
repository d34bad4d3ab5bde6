"""What is true of an illustration, one attribute at a time: what neighbors, paths and judges are measured against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from i2v_lib.data.collection import Collection

POSTED = {"character": "character", "title": "copyright", "artist": "artist", "general tags": "general"}
LOOKS = {  # attribute -> key of a figure's look
    "hair color": "hair",
    "hairstyle": "hair_style",
    "outfit": "outfit",
    "headwear": "headwear",
    "item": "item",
    "view": "view",
}


def attributes(collection: Collection, rows: np.ndarray) -> dict[str, list[frozenset[str]]]:
    """Attributes of illustrations, each as the set of values that an illustration has of it.

    Two illustrations have the same character, background and so on if their sets share a value; an empty set means
    that the illustration has none. Of a drawn collection the attributes are read from its exact scenes, not from its
    published tags, of which some are withheld. Of any other they are the posts' characters, copyrights, artist and
    general tags, and nothing else is known.

    Parameters
    ----------
    collection : drawn or imported
    rows : int64 array, shape (n,)

    Returns
    -------
    dict
        Attribute -> n sets of values, in the order of the rows. "character", "title" and "artist" are always there.
    """
    truth = collection.truth()
    if truth is not None:
        scenes = [scene_attributes(truth[row]) for row in rows]
        return {name: [scene[name] for scene in scenes] for name in (scenes[0] if scenes else ())}
    posted = {name: collection.column(column) for name, column in POSTED.items()}
    return {name: [_values(values[row]) for row in rows] for name, values in posted.items()}


def scene_attributes(scene: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Attributes of one drawn scene; of a comic page those of all its panels together."""
    looks = [figure["look"] for figure in _each(scene, "figures")]
    poses = [look["pose"] for look in looks]
    boys = sum(look["boy"] for look in looks)
    return {
        "character": _values(look["character"] for look in looks),
        "title": _values(look["title"] for look in looks),
        "artist": _values(scene["artist"]),
        "background": _values(part["background"] for part in _parts(scene)),
        "kind": _values(scene["kind"]),
        "people": _values(f"{len(looks) - boys} girls, {boys} boys"),
        **{name: _values(look[key] for look in looks) for name, key in LOOKS.items()},
        "outfit colors": _values(color for look in looks for color in look["colors"]),
        "expression": _values(look["expression"]["mouth"] for look in looks),
        "arms": _values("+".join(sorted(pose["arms"])) for pose in poses),
        "legs": _values(pose["legs"] for pose in poses),
        "things": _values(thing["kind"] for thing in _each(scene, "things")),
        "rendering": _values(name for name in ("monochrome", "sketch") if scene[name]),
    }


def _parts(scene: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The panels of a comic page, or the scene itself."""
    return scene["panels"] or [scene]


def _each(scene: Mapping[str, Any], key: str) -> Iterator[Any]:
    for part in _parts(scene):
        yield from part[key]


def _values(values: Any) -> frozenset[str]:
    """A set of strings from one value, several or none."""
    if isinstance(values, str) or values is None:
        values = [values]
    return frozenset(str(value) for value in values if value not in (None, ""))
