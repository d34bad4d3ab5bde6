"""Where a drawn picture shows what a tag names: the scene is drawn twice, with the object and without it.

The pixels that differ are the object's. Scenes say what they show, not where its pixels are, and a scene can do without
some of its parts: what people wear on head, face, neck or back, what they hold, machines, animals, effects with one
place, and speech bubbles. Those are the objects. Clothes, hair, scenery and scattered effects are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from i2v_lib.config import Config
from i2v_lib.data.collection import Collection
from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.drawn.animals import ANIMALS
from i2v_lib.drawn.collection import drawn_with
from i2v_lib.drawn.compose import compose
from i2v_lib.drawn.hair import FLAT_TOP
from i2v_lib.drawn.headwear import HATS
from i2v_lib.drawn.items import ITEMS
from i2v_lib.drawn.machines import MACHINES
from i2v_lib.drawn.pictures import draw_picture, world_of
from i2v_lib.drawn.scenes import PLACED, VIOLENT_EFFECTS, WEAPONS, Scene
from i2v_lib.drawn.tags import tag_scene
from i2v_lib.drawn.world import BACKWEAR, FACEWEAR, HEADWEAR, NECKWEAR

if TYPE_CHECKING:
    import torch

FACTOR = 4  # pictures are drawn at this many times the size that the networks were trained at
BUBBLE = "speech bubble"
AWAY = 9.0  # pictures' widths: an object that is moved so far is not seen

PLACES = {  # place -> parts of a scene that are there
    "head": frozenset(HEADWEAR),
    "face": frozenset(FACEWEAR),
    "neck": frozenset(NECKWEAR),
    "back": frozenset(BACKWEAR),
    "hand": frozenset(ITEMS),
    "apart": frozenset((*MACHINES, *ANIMALS, *PLACED, *VIOLENT_EFFECTS, BUBBLE)),
}
KINDS = {  # tags that stand for several parts; any other stands for the part of its name
    "hat": HATS,
    "animal ears": frozenset({"cat ears", "fox ears", "rabbit ears"}),
    "wings": frozenset({"wings", "demon wings"}),
    "tail": frozenset({"cat tail", "fox tail"}),
    "weapon": frozenset(WEAPONS),
}
_WORN = ("headwear", "facewear", "neckwear", "backwear", "item")  # fields of a look
_UNDER_BUNS = frozenset({"hairband", "hair flower", "hair ribbon"})  # headwear that leaves room for buns of hair


@dataclass(frozen=True)
class ObjectMasks:
    """Illustrations, each with the pixels of one object that a tag of its names.

    Attributes
    ----------
    rows : int64 array, shape (n,), of the collection
    ids : n names
    columns : int64 array, shape (n,), the tags' columns in the vocabulary
    tags : n names
    places : n keys of :data:`PLACES`
    groups : n names; near-duplicates share one
    stored : uint8 array, shape (n, S, S, 3): what the networks see of the stored pictures
    drawn : uint8 array, shape (n, S · FACTOR, S · FACTOR, 3): the same, drawn larger
    masks : bool array, shape (n, S · FACTOR, S · FACTOR): the object's pixels
    """

    rows: np.ndarray
    ids: list[str]
    columns: np.ndarray
    tags: list[str]
    places: list[str]
    groups: list[str]
    stored: np.ndarray
    drawn: np.ndarray
    masks: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def inputs(self, factor: int) -> torch.Tensor:
        """The pictures as a network takes them.

        Parameters
        ----------
        factor : 1 for the stored pictures; 2 or :data:`FACTOR` for those drawn larger, which show more

        Returns
        -------
        uint8 tensor, shape (n, 3, S · factor, S · factor)
        """
        import torch  # here, or every process that draws would load it

        images, block = self.stored if factor == 1 else self.drawn, FACTOR // factor
        if 1 < factor < FACTOR:
            n, side = images.shape[:2]
            blocks = images.reshape(n, side // block, block, side // block, block, 3)
            images = blocks.mean((2, 4), dtype=np.float32).round().astype(np.uint8)
        return torch.from_numpy(images).permute(0, 3, 1, 2)


def objects_of(tag: str) -> tuple[str | None, frozenset[str]]:
    """Where the objects are that a tag names, and which parts of a scene they are; (None, …) if it names none."""
    parts = KINDS.get(tag, frozenset({tag}))
    return next((place for place, there in PLACES.items() if parts <= there), None), parts


def leave_out(scene: Scene, parts: frozenset[str]) -> Scene:
    """The scene without some parts, all else as it was, also what a drawing leaves to chance.

    Two things do change with a part: a hand that held something opens, and a helmet shows the hair behind it.
    """

    def bare(look: Any) -> Any:
        worn = {name: getattr(look, name) for name in _WORN}
        return replace(look, **{name: _stand_in(part) for name, part in worn.items() if part in parts})

    def away(things: tuple) -> tuple:  # not removed, or the next one would draw other random numbers
        return tuple(replace(thing, x=thing.x - AWAY) if thing.kind in parts else thing for thing in things)

    return replace(
        scene,
        figures=tuple(replace(placed, look=bare(placed.look)) for placed in scene.figures),
        things=away(scene.things),
        effects=away(scene.effects),
        bubbles=0 if BUBBLE in parts else scene.bubbles,
        panels=tuple(leave_out(panel, parts) for panel in scene.panels),
    )


def draw_with_and_without(config: Config, row: int, tag: str, size: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Draw an illustration of the demo set, and find the pixels of the objects that a tag of its names.

    Parameters
    ----------
    config : of the drawn collection
    row : of the collection
    tag : one that names objects
    size : side in pixels

    Returns
    -------
    uint8 array, shape (size, size, 3), and bool array, shape (size, size); or None if the illustration has the tag
    from something else too, which cannot be left out
    """
    picture, parts = draw_picture(config, row, size), objects_of(tag)[1]
    artist = next(each for each in world_of(config)[1] if each.name == picture.scene.artist)
    image, seen = compose(leave_out(picture.scene, parts), artist, size, picture.window)
    if tag in tag_scene(picture.scene, seen).general:
        return None
    whole = np.asarray(picture.image)
    return whole, (whole != np.asarray(image)).any(-1)


def draw_object_masks(config: Config, collection: Collection, vocabulary: Vocabulary, per_tag: int = 12) -> ObjectMasks:
    """Draw test illustrations of every general tag of the vocabulary that names an object.

    Of each tag, illustrations that carry it by the truth are drawn at random, whatever a network says of them, one of
    each group of near-duplicates. One is passed over if it has the tag from something else too, or if the networks
    see less of the object than one pixel.

    Parameters
    ----------
    config : of the run
    collection : drawn with this config; of any other nothing is known, and there is no example
    vocabulary : of the run
    per_tag : illustrations of a tag, at most
    """
    size, side = config.stored_size * FACTOR, config.image_size * FACTOR
    corner = (config.stored_size - config.image_size) // 2  # the networks see the center
    small, large = (slice(corner * f, (corner + config.image_size) * f) for f in (1, FACTOR))
    known = drawn_with(config, collection)
    ids, groups = collection.column("id"), collection.column("group")
    block, found = vocabulary.blocks["general"], []
    for column in range(block.start, block.stop) if known else ():
        tag, enough = vocabulary.tags[column], len(found) + per_tag
        place, _ = objects_of(tag)
        for row in _candidates(collection, tag, [config.seed, column]) if place else ():
            if len(found) == enough:
                break
            pair = draw_with_and_without(config, row, tag, size)
            if pair is not None and pair[1][large, large].sum() >= FACTOR**2:
                image, mask = (array[large, large] for array in pair)
                found.append((row, ids[row], column, tag, place, groups[row], image, mask))
    rows, names, columns, tags, places, near, images, masks = zip(*found, strict=True) if found else [()] * 8
    rows = np.array(rows, np.int64)
    return ObjectMasks(
        rows,
        list(names),
        np.array(columns, np.int64),
        list(tags),
        list(places),
        list(near),
        collection.pixels[rows][:, small, small],
        np.array(images, np.uint8).reshape(-1, side, side, 3),
        np.array(masks, bool).reshape(-1, side, side),
    )


def _candidates(collection: Collection, tag: str, seed: Sequence[int]) -> Iterator[int]:
    """Test illustrations that show an object of a tag and carry it, in a random order, one of each group."""
    truth, groups, parts, seen = collection.truth(), collection.column("group"), objects_of(tag)[1], set()
    for row in np.random.default_rng(seed).permutation(collection.split("test")).tolist():
        if tag in truth[row]["tags"]["general"] and groups[row] not in seen and parts & _parts_of(truth[row]):
            seen.add(groups[row])
            yield row


def _parts_of(scene: Mapping[str, Any]) -> set[str]:
    """All parts of a scene, as its truth has it, that could be left out."""
    parts = {BUBBLE} if scene["bubbles"] else set()
    parts |= {figure["look"][name] for figure in scene["figures"] for name in _WORN}
    parts |= {thing["kind"] for thing in (*scene["things"], *scene["effects"])}
    return parts.union(*map(_parts_of, scene["panels"]))


def _stand_in(part: str) -> str | None:
    """What to wear instead of a part: nothing that is drawn, but hair lies as it did under the part."""
    if part in FLAT_TOP:
        return "hood"  # flattens the hair, and nothing draws it
    return "" if part in PLACES["head"] - _UNDER_BUNS else None
