"""The demo world: an endless set of invented illustrations whose exact content is known. You need not read this room.

Other rooms know the names below and nothing else of it. ``left_out`` is a module: where a picture shows what a tag
names, found by drawing it without.
"""

from i2v_lib.drawn import left_out
from i2v_lib.drawn.as_folder import draw_folder
from i2v_lib.drawn.collection import collection_folder, draw_collection, drawn_with
from i2v_lib.drawn.pictures import draw_picture, world_of
from i2v_lib.drawn.sheet import contact_sheet

__all__ = [
    "collection_folder",
    "contact_sheet",
    "draw_collection",
    "draw_folder",
    "draw_picture",
    "drawn_with",
    "left_out",
    "world_of",
]
