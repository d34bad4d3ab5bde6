"""The hands: invented artists, each with one consistent style that no tag names.

The paper's first difficulty (§1): "the size of eyes, the shape of the face, and the boldness of a pen will vary from
drawer to drawer even if these drawers drew the same character". (A drawer here is who draws: the kit says artist.)
"""

from __future__ import annotations

import colorsys
import random
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np

from i2v_lib.drawn.canvas import Color, mix

SHADINGS = ("cel", "soft", "flat")
EYES = ("round", "tall", "sharp", "droopy", "dot")
FACES = ("round", "oval", "pointed", "square")
PAPERS = ("smooth", "smooth", "grain", "canvas", "wash")


@dataclass(frozen=True)
class Artist:
    """One hand: proportions, face, line and color. Lengths are in head radii unless said otherwise."""

    name: str
    heads: float  # height of a grown figure in heads: 2.2 super-deformed, 6.2 realistic
    face: str  # one of FACES
    eyes: str  # one of EYES
    eye_size: float  # half width
    eye_height: float  # half height over half width
    lash: float  # thickness of the upper lid
    line_weight: float  # share of the picture's side
    line_color: Color | None  # None: a darker shade of what it surrounds
    shading: str  # one of SHADINGS
    locks: int  # strands in a fringe
    lift: float  # how far hair stands off the skull
    limb: float  # thickness of arms and legs, relative
    blush: bool
    nose: bool
    saturation: float  # multiplies
    brightness: float  # multiplies
    cast: Color  # the color everything leans to
    cast_share: float
    paper: str  # one of PAPERS
    _tints: dict[Color, Color] = field(default_factory=dict, compare=False, repr=False)

    def tint(self, color: Color) -> Color:
        """A color as this hand mixes it."""
        known = self._tints.get(color)
        if known is None:
            h, s, v = colorsys.rgb_to_hsv(*(c / 255 for c in color))
            s, v = min(1.0, s * self.saturation), min(1.0, v * self.brightness)
            known = mix(tuple(round(255 * c) for c in colorsys.hsv_to_rgb(h, s, v)), self.cast, self.cast_share)
            if len(self._tints) > 4096:
                self._tints.clear()
            self._tints[color] = known
        return known

    @cached_property
    def texture(self) -> np.ndarray | None:
        """A tile of this hand's paper, float32, shape (256, 256), zero mean, in grey levels; None for smooth paper."""
        if self.paper == "smooth":
            return None
        noise = np.random.default_rng(abs(hash_name(self.name))).standard_normal((256, 256)).astype(np.float32)
        if self.paper == "grain":
            return 3.5 * noise
        if self.paper == "canvas":
            weave = np.sin(np.arange(256) * np.pi / 2).astype(np.float32)
            return 2.0 * (weave[:, None] + weave[None, :]) + 1.5 * noise
        for _ in range(3):  # a wash: broad, soft blotches
            for axis in (0, 1):
                noise = sum(np.roll(noise, shift, axis) for shift in range(-3, 4)) / 7
        return 3.0 * noise / noise.std()


def hash_name(name: str) -> int:
    """A number from a name that is the same in every process (Python's own hash is not)."""
    return random.Random(name).getrandbits(63)


INK = ((38, 30, 44), (52, 36, 34), (28, 34, 58), (20, 20, 22))
CASTS = ((255, 214, 170), (190, 210, 255), (255, 200, 220), (214, 236, 200), (240, 236, 226))

_FIRST = (
    "amber", "brisk", "coral", "dusky", "ember", "fable", "ginger", "hazel", "indigo",
    "jolly", "kindly", "lunar", "mellow", "nimble", "opal", "pepper",
)  # fmt: skip
_LAST = (
    "badger", "crane", "dormouse", "egret", "finch", "gecko", "heron", "ibis", "jackdaw",
    "kestrel", "lemur", "marten", "newt", "otter", "plover", "quail",
)  # fmt: skip


@lru_cache(maxsize=8)
def make_artists(count: int, seed: int) -> tuple[Artist, ...]:
    """Invent a number of artists, spread evenly over every trait.

    Parameters
    ----------
    count : 1 to 256
    seed : of the world
    """
    if not 1 <= count <= len(_FIRST) * len(_LAST):
        raise ValueError(f"artists={count}: use 1 to {len(_FIRST) * len(_LAST)}")
    rng = random.Random(f"drawers/{seed}")  # the word artists once had; another would make other artists of a seed
    names = rng.sample([f"{a} {b}" for a in _FIRST for b in _LAST], count)

    def spread(low: float, high: float) -> list[float]:
        """One value per artist: a Latin-hypercube column, so that even twelve artists cover the range."""
        steps = [low + (high - low) * (i + rng.random()) / count for i in range(count)]
        rng.shuffle(steps)
        return steps

    def deal(options: tuple) -> list:
        cards = [options[i % len(options)] for i in range(count)]
        rng.shuffle(cards)
        return cards

    columns = {
        "heads": [2.3 + 3.9 * h**1.15 for h in spread(0.0, 1.0)],
        "face": deal(FACES),
        "eyes": deal(EYES[:4] + EYES[:4] + EYES),
        "eye_size": spread(0.20, 0.29),
        "eye_height": spread(0.95, 1.5),
        "lash": spread(0.05, 0.11),
        "line_weight": spread(0.0035, 0.0085),
        "line_color": deal((None, *INK)),
        "shading": deal(("cel", "soft", "cel", "flat")),
        "locks": [round(n) for n in spread(4, 8)],
        "lift": spread(0.08, 0.18),
        "limb": spread(0.88, 1.15),
        "blush": deal((True, False, False)),
        "nose": deal((True, False)),
        "saturation": spread(0.72, 1.18),
        "brightness": spread(0.92, 1.06),
        "cast": deal(CASTS),
        "cast_share": spread(0.0, 0.16),
        "paper": deal(PAPERS),
    }
    return tuple(Artist(name=names[i], **{trait: values[i] for trait, values in columns.items()}) for i in range(count))
