"""What a figure can hold, or what can stand beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from i2v_lib.drawn import belongings, treats, weapons
from i2v_lib.drawn.canvas import Canvas, Color, Frame


@dataclass(frozen=True)
class Item:
    """A thing to hold: its grip at a frame's origin, pointing up, one head radius as the unit.

    Attributes
    ----------
    tag : its name
    draw : paints it into a frame in a main color, and marks the tag
    weapon : whether it raises the picture's rating
    length : extent above the grip, in head radii
    two_handed : whether the second hand belongs on it
    """

    tag: str
    draw: Callable[[Canvas, Frame, Color], None]
    weapon: bool
    length: float
    two_handed: bool = False


# tag: (stencil, length above the grip)
_WEAPONS = {
    "sword": (weapons.SWORD, 4.3),
    "katana": (weapons.KATANA, 4.7),
    "gun": (weapons.GUN, 1.5),
    "rifle": (weapons.RIFLE, 3.9),
    "bow (weapon)": (weapons.BOW, 2.6),
    "spear": (weapons.SPEAR, 4.9),
    "axe": (weapons.AXE, 3.7),
    "scythe": (weapons.SCYTHE, 4.4),
    "hammer": (weapons.HAMMER, 3.6),
}
_HARMLESS = {
    "staff": (belongings.STAFF, 4.5),
    "umbrella": (belongings.UMBRELLA, 4.6),
    "book": (belongings.BOOK, 2.1),
    "bouquet": (belongings.BOUQUET, 3.0),
    "flower": (belongings.FLOWER, 3.3),
    "microphone": (belongings.MICROPHONE, 2.6),
    "guitar": (belongings.GUITAR, 4.4),
    "broom": (belongings.BROOM, 4.5),
    "hand fan": (belongings.HAND_FAN, 2.3),
    "lantern": (belongings.LANTERN, 0.3),
    "flag": (belongings.FLAG, 4.7),
    "camera": (belongings.CAMERA, 1.5),
    "phone": (belongings.PHONE, 2.3),
    "shield": (belongings.SHIELD, 1.8),
    "letter": (belongings.LETTER, 1.6),
    "key": (belongings.KEY, 2.9),
    "pencil": (belongings.PENCIL, 3.3),
    "balloon": (treats.BALLOON, 5.5),
    "cup": (treats.CUP, 1.9),
    "ice cream": (treats.ICE_CREAM, 3.4),
    "lollipop": (treats.LOLLIPOP, 3.2),
    "dango": (treats.DANGO, 3.3),
    "onigiri": (treats.ONIGIRI, 2.2),
    "stuffed toy": (treats.STUFFED_TOY, 2.1),
    "basket": (treats.BASKET, 0.7),
    "fish": (treats.FISH, 2.6),
    "pumpkin": (treats.PUMPKIN, 1.7),
}
_TWO_HANDED = {"rifle", "scythe", "guitar", "camera"}
# things whose main color is plain to see: "red umbrella"
COLORED = frozenset(
    {
        "umbrella", "book", "guitar", "flag", "balloon", "cup", "shield", "camera", "flower", "hand fan", "stuffed toy",
    }
)  # fmt: skip

ITEMS: dict[str, Item] = {
    tag: Item(tag, partial(stencil.draw, tag=tag), tag in _WEAPONS, length, tag in _TWO_HANDED)
    for tag, (stencil, length) in (_WEAPONS | _HARMLESS).items()
}
