"""Picture *i* of seed *s*: its pixels, its published tags and its truth, the same bytes in every process."""

from __future__ import annotations

import dataclasses
import hashlib
import random
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from PIL import Image

from i2v_lib.config import Config
from i2v_lib.drawn.artists import Artist, make_artists
from i2v_lib.drawn.backgrounds import GROUPS
from i2v_lib.drawn.compose import Window, compose
from i2v_lib.drawn.scenes import HARMLESS, WEAPONS, Scene, make_scene
from i2v_lib.drawn.tags import Tags, published, tag_scene
from i2v_lib.drawn.world import World, make_world

DUPLICATES = 0.03  # share of pictures that show the scene of the picture before


@dataclass(frozen=True)
class Picture:
    """One drawn illustration."""

    index: int
    group: int  # index of the first picture of this scene
    image: Image.Image
    tags: Tags  # as published, some general ones forgotten
    exact: Tags
    scene: Scene
    window: Window | None

    def post(self, seed: int) -> dict[str, Any]:
        """Its row of the collection of a seed, without a split; see :data:`i2v_lib.data.collection.SCHEMA`."""
        return {
            "id": f"drawn-{seed}-{self.index:06d}",
            "md5": hashlib.md5(self.image.tobytes()).hexdigest(),
            "source_url": "",
            "artist": self.scene.artist,
            "rating": self.tags.rating,
            "width": self.image.width,
            "height": self.image.height,
            "general": self.tags.general,
            "copyright": self.tags.copyright,
            "character": self.tags.character,
            "group": f"drawn-{seed}-{self.group:06d}",
        }

    def truth(self) -> dict[str, Any]:
        """The exact scene as plain data, for evaluation only."""
        scene = dataclasses.asdict(self.scene)
        return scene | {
            "window": self.window,
            "place": GROUPS[self.scene.background],
            "tags": dataclasses.asdict(self.exact),
        }


def world_of(config: Config) -> tuple[World, tuple[Artist, ...]]:
    """The world and the artists of a configuration."""
    world = make_world(config.characters, config.titles, config.seed, WEAPONS, HARMLESS)
    return world, make_artists(config.artists, config.seed)


@lru_cache(maxsize=4096)
def _origin(seed: int, index: int) -> int:
    """The picture whose scene picture ``index`` shows."""
    while index > 0 and random.Random(f"repeat/{seed}/{index}").random() < DUPLICATES:
        index -= 1
    return index


def draw_picture(config: Config, index: int, size: int | None = None) -> Picture:
    """Draw one illustration of the demo set.

    Parameters
    ----------
    config : ``seed``, ``characters``, ``titles``, ``artists``, ``general_noise`` and ``stored_size`` are read
    index : which picture, from 0
    size : side in pixels, if not ``config.stored_size``
    """
    world, artists = world_of(config)
    origin = _origin(config.seed, index)
    scene = make_scene(random.Random(f"scene/{config.seed}/{origin}"), world, artists)
    artist = next(each for each in artists if each.name == scene.artist)
    rng = random.Random(f"print/{config.seed}/{index}")
    window = None
    if index != origin and scene.aspect == 1 and not scene.panels:
        side = rng.uniform(0.78, 0.94)
        left, top = rng.uniform(0, 1 - side), rng.uniform(0, 1 - side)
        window = (left, top, left + side, top + side)
    image, seen = compose(scene, artist, size or config.stored_size, window)
    exact = tag_scene(scene, seen)
    return Picture(index, origin, image, published(exact, config.general_noise, rng), exact, scene, window)
