"""The world: invented titles and the characters in them, each a fixed combination of attributes."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache

from i2v_lib.drawn.canvas import Color

HAIR: dict[str, Color] = {
    "black": (52, 48, 60), "brown": (132, 86, 58), "blonde": (240, 208, 112), "pink": (246, 158, 184),
    "blue": (84, 124, 206), "purple": (142, 98, 182), "green": (98, 172, 112), "red": (202, 66, 62),
    "silver": (206, 210, 222), "orange": (238, 144, 70), "aqua": (116, 206, 210), "white": (244, 240, 240),
}  # fmt: skip
EYE: dict[str, Color] = {
    "blue": (58, 122, 214), "red": (206, 48, 58), "green": (56, 158, 88), "purple": (142, 78, 192),
        "brown": (136, 84, 48),
    "yellow": (226, 178, 46), "pink": (232, 104, 152), "aqua": (62, 190, 196), "orange": (232, 126, 44),
        "black": (58, 54, 66),
}  # fmt: skip
CLOTH: dict[str, Color] = {
    "white": (244, 244, 248), "black": (58, 56, 68), "red": (206, 62, 64), "blue": (66, 104, 190),
        "green": (84, 152, 98),
    "yellow": (242, 204, 88), "pink": (246, 168, 192), "purple": (132, 92, 172), "brown": (138, 98, 70),
    "grey": (150, 152, 164), "orange": (238, 146, 72), "aqua": (126, 208, 212),
}  # fmt: skip
SKIN: tuple[Color, ...] = ((254, 228, 210), (250, 218, 194), (242, 204, 176), (214, 162, 126), (166, 116, 86))

GIRL_HAIR = (
    "long", "twintails", "bob", "ponytail", "very long", "twin braids", "wavy", "double bun", "hime cut",
        "side ponytail",
    "drills", "short", "braid", "low twintails",
)  # fmt: skip
BOY_HAIR = ("spiky", "short", "messy", "spiky", "messy", "ponytail", "bob")
FRINGES = ("blunt", "swept", "parted", "spiky", "over one eye", "messy")
GIRL_OUTFITS = (
    "serafuku", "dress", "school uniform", "kimono", "maid", "hoodie", "armor", "coat", "shirt and skirt",
        "military uniform",
    "overalls", "robe", "sweater", "swimsuit",
)  # fmt: skip
BOY_OUTFITS = (
    "school uniform",
    "suit",
    "hoodie",
    "armor",
    "coat",
    "military uniform",
    "kimono",
    "robe",
    "t-shirt",
    "overalls",
)
HEADWEAR = (
    "hair ribbon", "witch hat", "cat ears", "hair flower", "beret", "rabbit ears", "hairband", "baseball cap", "crown",
    "fox ears", "headphones", "horns", "top hat", "straw hat", "halo", "tokin hat", "hair bow", "maid headdress",
        "helmet",
    "goggles on head", "sailor hat",
)  # fmt: skip
FACEWEAR = ("glasses", "eyepatch", "sunglasses", "face mark")
NECKWEAR = ("scarf", "bowtie", "necktie", "choker", "bell")
BACKWEAR = ("wings", "cape", "cat tail", "fox tail", "backpack", "demon wings", "third eye")

EMBLEMS = ("star", "heart", "moon", "diamond", "cross", "drop", "ring", "leaf")

_ADJECTIVES = (
    "amaranth", "brass", "cinder", "dawnlit", "echoing", "feathered", "glasswork", "hollow", "ivory", "juniper",
        "kaleido",
    "lantern", "marigold", "nocturne", "orbiting", "paper", "quartz", "rainmaker", "saffron", "tidal", "umbral",
        "velvet",
    "wandering", "zephyr",
)  # fmt: skip
_NOUNS = (
    "academy", "ballad", "carnival", "diaries", "express", "frontier", "garden", "harbor", "islands", "journey",
        "kingdom",
    "labyrinth", "melody", "navigators", "orchard", "parade", "quartet", "republic", "sanctuary", "theater", "voyage",
    "workshop",
)  # fmt: skip
_SYLLABLES = [
    "ka",
    "ki",
    "ko",
    "sa",
    "shi",
    "su",
    "ta",
    "chi",
    "to",
    "na",
    "ni",
    "no",
    "ha",
    "hi",
    "fu",
    "ma",
    "mi",
    "mu",
    "mo",
    "ya",
    "yu",
    "yo",
    "ra",
    "ri",
    "ru",
    "re",
    "ro",
    "e",
    "o",
    "a",
    "i",
]
_ENDINGS = ["na", "ka", "ko", "mi", "ne", "ri", "ru", "ki", "ya", "to", "ho", "sa", "no"]


@dataclass(frozen=True)
class Title:
    """An invented work: its members share a motif outfit, an emblem and two colors."""

    name: str
    outfit_girl: str
    outfit_boy: str
    emblem: str
    colors: tuple[str, str]  # keys of CLOTH
    weight: float  # how often it is drawn, relative


@dataclass(frozen=True)
class Character:
    """An invented person. Every field but ``name`` shows in a picture."""

    name: str
    title: Title | None
    boy: bool
    hair: str  # key of HAIR
    hair_style: str
    fringe: str
    ahoge: bool
    eyes: tuple[str, str]  # keys of EYE, right and left; different: heterochromia
    skin: int  # index into SKIN
    outfit: str
    colors: tuple[str, str]  # keys of CLOTH: main and second
    headwear: str | None
    headwear_color: str  # key of CLOTH
    facewear: str | None
    neckwear: str | None
    backwear: str | None
    legwear: str  # thighhighs, socks, pants, pantyhose, bare
    legwear_color: str
    item: str | None  # signature item, a key of items.ITEMS
    item_color: str
    weight: float = 0.0


@dataclass(frozen=True)
class World:
    """All titles and characters, most frequent first."""

    titles: tuple[Title, ...]
    characters: tuple[Character, ...]


@lru_cache(maxsize=4)
def make_world(characters: int, titles: int, seed: int, weapons: tuple[str, ...], harmless: tuple[str, ...]) -> World:
    """Invent a world.

    Parameters
    ----------
    characters, titles : 1 to 512 each; every title has at least one character, so titles <= characters
    seed : the same seed gives the same world
    weapons, harmless : what characters may own, names of :data:`i2v_lib.drawn.items.ITEMS`

    Frequencies fall like 1 / (rank + 12) ** 0.8: Zipf's law, flattened at the top as on a booru, where the few most
    drawn characters do not dwarf the next.
    """
    if not 1 <= titles <= characters <= 512:
        raise ValueError(f"characters={characters}, titles={titles}: use 1 <= titles <= characters <= 512")
    rng = random.Random(f"world/{seed}")
    names = rng.sample([f"{a} {n}" for a in _ADJECTIVES for n in _NOUNS], titles)
    made_titles = []
    for name in names:
        colors = tuple(rng.sample(list(CLOTH), 2))
        made_titles.append(
            Title(name, rng.choice(GIRL_OUTFITS[:12]), rng.choice(BOY_OUTFITS), rng.choice(EMBLEMS), colors, 0.0)
        )
    people: list[Character] = []
    taken: set = set()
    while len(people) < characters:
        title = made_titles[len(people)] if len(people) < titles else rng.choice(made_titles)
        person = _invent(rng, title, weapons, harmless)
        look = (person.hair, person.hair_style, person.headwear)
        if look in taken or any(person.name == other.name for other in people):
            continue
        taken.add(look)
        people.append(person)
    rng.shuffle(people)
    people = [_weighted(person, 1 / (rank + 12) ** 0.8) for rank, person in enumerate(people)]
    return World(tuple(made_titles), tuple(people))


def _weighted(person: Character, weight: float) -> Character:
    return Character(**{**person.__dict__, "weight": weight})


def _name(rng: random.Random) -> str:
    family = "".join(rng.choice(_SYLLABLES) for _ in range(rng.choice((2, 3)))) + rng.choice(
        ("se", "wa", "da", "mi", "gi")
    )
    return f"{family} {''.join(rng.choice(_SYLLABLES) for _ in range(rng.choice((1, 2))))}{rng.choice(_ENDINGS)}"


def _invent(rng: random.Random, title: Title, weapons: tuple[str, ...], harmless: tuple[str, ...]) -> Character:
    boy = rng.random() < 0.27
    eye = rng.choice(list(EYE)[:9])
    other = rng.choice(list(EYE)[:9]) if rng.random() < 0.06 else eye
    # most members wear the title's costume; some have one of their own
    outfit = title.outfit_boy if boy else title.outfit_girl
    if rng.random() < 0.25:
        outfit = rng.choice(BOY_OUTFITS if boy else GIRL_OUTFITS)
    colors = title.colors if rng.random() < 0.7 else (rng.choice(list(CLOTH)), title.colors[1])
    legs = (
        rng.choice(("pants", "pants", "shorts"))
        if boy
        else rng.choice(("thighhighs", "socks", "bare", "pantyhose", "socks"))
    )

    def maybe(share: float, options: tuple[str, ...]) -> str | None:
        return rng.choice(options) if rng.random() < share else None

    return Character(
        name=_name(rng),
        title=title,
        boy=boy,
        hair=rng.choices(list(HAIR), (11, 11, 12, 9, 9, 9, 8, 8, 8, 5, 5, 5))[0],
        hair_style=rng.choice(BOY_HAIR if boy else GIRL_HAIR),
        fringe=rng.choice(FRINGES),
        ahoge=rng.random() < 0.15,
        eyes=(eye, other),
        skin=rng.choices(range(5), (6, 6, 4, 2, 1))[0],
        outfit=outfit,
        colors=colors,
        headwear=maybe(0.35 if boy else 0.75, HEADWEAR[7:13] if boy else HEADWEAR),
        headwear_color=rng.choice((title.colors[0], title.colors[1], "red", "black", "white")),
        facewear=maybe(0.22, FACEWEAR),
        neckwear=maybe(0.35, NECKWEAR),
        backwear=maybe(0.28, BACKWEAR),
        legwear=legs,
        legwear_color=rng.choice(("black", "white", title.colors[1])),
        item=maybe(0.9, weapons if rng.random() < 0.7 else harmless),
        item_color=rng.choice(list(CLOTH)),
    )
