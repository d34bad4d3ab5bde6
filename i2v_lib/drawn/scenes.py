"""Scenes: what a picture shows, decided before a line is drawn."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from i2v_lib.drawn.animals import ANIMALS
from i2v_lib.drawn.artists import Artist
from i2v_lib.drawn.backgrounds import BACKGROUNDS, GROUPS
from i2v_lib.drawn.bodies import Pose
from i2v_lib.drawn.figures import Look, figure_build
from i2v_lib.drawn.heads import FRONT, PROFILE, THREE_QUARTER, Expression
from i2v_lib.drawn.items import ITEMS
from i2v_lib.drawn.machines import MACHINES
from i2v_lib.drawn.world import (
    BOY_OUTFITS,
    CLOTH,
    EYE,
    FACEWEAR,
    GIRL_OUTFITS,
    HEADWEAR,
    Character,
    World,
)

WEAPONS = tuple(sorted(name for name, item in ITEMS.items() if item.weapon))
HARMLESS = tuple(sorted(name for name, item in ITEMS.items() if not item.weapon))
VIOLENT_EFFECTS = ("explosion", "impact stars")
SCATTERED = ("petals", "snowflakes", "bubbles", "leaves", "confetti", "rain streaks")
PLACED = ("heart", "sparkle", "musical note", "smoke", "fire", "lightning", "magic circle", "butterfly")
SIMPLE = tuple(name for name in BACKGROUNDS if GROUPS[name] == "simple")
PLACES = tuple(name for name in BACKGROUNDS if GROUPS[name] != "simple")

KINDS = {"people": 0.82, "comic": 0.05, "4koma": 0.03, "machine": 0.055, "landscape": 0.025, "animal": 0.02}


@dataclass(frozen=True)
class Placed:
    """A figure and where it stands; lengths are shares of the picture's side."""

    look: Look
    x: float  # base of the neck
    y: float
    unit: float  # head radius


@dataclass(frozen=True)
class Thing:
    """A machine or an animal."""

    kind: str
    x: float
    y: float
    unit: float
    color: str
    accent: str
    flip: bool


@dataclass(frozen=True)
class Effect:
    """An effect and where it happens."""

    kind: str
    x: float
    y: float
    size: float
    front: bool  # drawn over the figures


@dataclass(frozen=True)
class Scene:
    """Everything a picture shows. Pages hold their panels as scenes."""

    kind: str  # a key of KINDS
    artist: str
    background: str
    figures: tuple[Placed, ...] = ()
    things: tuple[Thing, ...] = ()
    effects: tuple[Effect, ...] = ()
    panels: tuple[Scene, ...] = ()
    bubbles: int = 0
    monochrome: bool = False
    sketch: bool = False
    aspect: float = 1.0  # width over height
    palette: int = 0  # seed of what the background decides by itself


def wear(rng: random.Random, person: Character) -> Look:
    """A character as they are today: mostly in their own costume, sometimes in another."""
    own = rng.random() < 0.85
    outfit = person.outfit if own else rng.choice(BOY_OUTFITS if person.boy else GIRL_OUTFITS)
    colors = person.colors if own else tuple(rng.sample(list(CLOTH), 2))
    fields = {name: value for name, value in person.__dict__.items() if name not in ("name", "title", "weight")}
    fields |= {"outfit": outfit, "colors": colors}
    if rng.random() < 0.08:
        fields["headwear"] = None if person.headwear else rng.choice(HEADWEAR)
    if rng.random() < 0.06:
        fields["facewear"] = None if person.facewear else rng.choice(FACEWEAR[:1] * 3 + FACEWEAR)
    if rng.random() < 0.12:
        fields["backwear"] = None
    if rng.random() < 0.12:
        fields["neckwear"] = None
    signature = person.item is not None and rng.random() < 0.7
    fields["item"] = person.item if signature else None
    fields["item_color"] = person.item_color
    if not signature and rng.random() < 0.4:
        fields["item"] = rng.choice(WEAPONS if rng.random() < 0.6 else HARMLESS)
        fields["item_color"] = rng.choice(list(CLOTH))
    title = person.title
    return Look(
        character=person.name, title=title.name, emblem=title.emblem, shoes=rng.randrange(4), **fields
    )  # fmt: skip


def stranger(rng: random.Random, world: World) -> Look:
    """Somebody nobody knows (an "original" character): a mixture without a name or a title."""
    base = wear(rng, rng.choice(world.characters))
    other = rng.choice(world.characters)
    eye = rng.choice(list(EYE)[:9])
    return replace(
        base, character=None, title=None, emblem=None, hair=other.hair, eyes=(eye, eye),
            colors=tuple(rng.sample(list(CLOTH), 2)),
        headwear=rng.choice((None, *HEADWEAR)), headwear_color=rng.choice(list(CLOTH)),
            facewear=rng.choice((None, None, None, *FACEWEAR)),
    )  # fmt: skip


def act(rng: random.Random, look: Look) -> Look:
    """Give a person an expression, a pose and a direction."""
    mouth = rng.choices(("smile", "open", "grin", "frown", "line", "small"), (30, 24, 8, 13, 13, 12))[0]
    closed = rng.choices(((False, False), (False, True), (True, True)), (76, 13, 11))[0]
    expression = Expression(
        mouth=mouth,
        closed=closed,
        brows=rng.choices(("calm", "angry", "sad"), (70, 17, 13))[0] if mouth in ("frown", "line", "open") else "calm",
        blush=rng.random() < 0.16,
        tears=rng.random() < (0.15 if mouth == "frown" else 0.02),
    )
    gestures = ("down", "down", "hip", "wave", "out", "chest", "up", "behind", "cheek")
    if look.item:
        arms = (rng.choice(("hold", "hold", "low hold", "up", "out")), rng.choice(gestures))
    else:
        both = rng.random()
        same = rng.choice(("up", "out", "down", "behind", "hip"))
        arms = (same, same) if both < 0.35 else (rng.choice(gestures), rng.choice(gestures))
    legs = rng.choices(
        ("standing", "apart", "contrapposto", "walking", "running", "jumping"), (30, 14, 20, 12, 12, 12)
    )[0]
    return replace(
        look,
        expression=expression,
        pose=Pose(arms, legs, rng.uniform(-0.05, 0.05) + (0.1 if legs == "running" else 0.0), rng.uniform(-0.13, 0.13)),
        view=rng.choices((FRONT, THREE_QUARTER, PROFILE), (42, 42, 16))[0],
        flip=rng.random() < 0.5,
        sway=rng.randint(-4, 4) / 20,
    )


def _cast(rng: random.Random, world: World, count: int) -> list[Look]:
    """People of one picture: once somebody is there, others tend to come from the same title."""
    weights = [person.weight for person in world.characters]
    chosen: list[Character] = []
    looks: list[Look] = []
    for _ in range(count):
        if rng.random() < 0.10:
            looks.append(stranger(rng, world))
            continue
        friends = [p for p in world.characters if chosen and p.title == chosen[0].title and p not in chosen]
        person = rng.choice(friends) if friends and rng.random() < 0.6 else rng.choices(world.characters, weights)[0]
        if person in chosen:
            continue
        chosen.append(person)
        looks.append(wear(rng, person))
    return [act(rng, look) for look in looks]


def place(rng: random.Random, artist: Artist, looks: list[Look], aspect: float) -> tuple[Placed, ...]:
    """Put people into the frame: near or far, in the middle or at the edge, one behind the other."""
    count = len(looks)
    framing = rng.choices(("portrait", "upper", "full"), {1: (30, 40, 30), 2: (8, 47, 45)}.get(count, (0, 45, 55)))[0]
    slots = [(i + 0.5) / count for i in range(count)]
    rng.shuffle(looks)
    placed = []
    for look, slot in zip(looks, slots, strict=True):
        height = figure_build(artist, look).height
        if framing == "portrait":
            unit = rng.uniform(0.20, 0.31) / count**0.5
            y = rng.uniform(0.66, 0.84)
        elif framing == "upper":
            unit = rng.uniform(0.115, 0.18) / count**0.22
            y = rng.uniform(0.38, 0.60)
        else:
            tall = rng.uniform(0.62, 0.96)
            unit = tall / (height + 3.0)
            unit = min(unit, 0.15)
            y = rng.uniform(0.93, 0.98) - height * unit
        spread = 0.10 if count == 1 else 0.04
        x = slot + rng.uniform(-spread, spread) if count > 1 else rng.uniform(0.34, 0.66)
        unit *= min(1.0, aspect * 1.6)
        placed.append(Placed(look, x * aspect, y, unit))
    placed.sort(key=lambda p: p.unit)  # nearer ones in front
    return tuple(placed)


def make_scene(rng: random.Random, world: World, artists: tuple[Artist, ...]) -> Scene:
    """Decide one picture.

    Parameters
    ----------
    rng : the picture's own generator
    world : who there is
    artists : who may draw it
    """
    artist = rng.choices(artists, [1 / (i + 6) for i in range(len(artists))])[0]
    kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
    if kind in ("comic", "4koma"):
        return _page(rng, world, artist, kind)
    background = rng.choice(PLACES) if rng.random() < 0.62 or kind == "landscape" else rng.choice(SIMPLE)
    aspect = rng.choice((0.42, 0.48)) if kind == "people" and rng.random() < 0.035 else 1.0
    scene = Scene(
        kind=kind,
        artist=artist.name,
        background=background,
        monochrome=rng.random() < 0.07,
        sketch=rng.random() < 0.04,
        aspect=aspect,
        palette=rng.getrandbits(32),
    )
    if kind == "people":
        count = 1 if aspect < 1 else rng.choices((1, 2, 3, 4, 5), (70, 18, 6, 4, 2))[0]
        looks = _cast(rng, world, count)
        scene = replace(scene, figures=place(rng, artist, looks, aspect), bubbles=int(rng.random() < 0.06))
        if rng.random() < 0.03:
            scene = replace(scene, things=(_thing(rng, ANIMALS, 0.10, 0.16),))
    elif kind == "machine":
        scene = replace(scene, things=tuple(_thing(rng, MACHINES, 0.065, 0.105) for _ in range(rng.choice((1, 1, 2)))))
    elif kind == "animal":
        scene = replace(scene, things=tuple(_thing(rng, ANIMALS, 0.13, 0.22) for _ in range(rng.choice((1, 1, 1, 2)))))
    return replace(scene, effects=_effects(rng, scene))


def _thing(rng: random.Random, choices: dict, low: float, high: float) -> Thing:
    names = list(choices)
    weights = [4 if name == "robot" else 2 if name == "airplane" else 1 for name in names]
    return Thing(
        rng.choices(names, weights)[0], rng.uniform(0.25, 0.75), rng.uniform(0.38, 0.66), rng.uniform(low, high),
        rng.choice(list(CLOTH)), rng.choice(list(CLOTH)), rng.random() < 0.5,
    )  # fmt: skip


def _effects(rng: random.Random, scene: Scene) -> tuple[Effect, ...]:
    effects = []
    armed = any(p.look.item in WEAPONS for p in scene.figures)
    if rng.random() < (0.45 if armed else 0.025 if scene.figures else 0.12):
        effects.append(Effect(rng.choice(VIOLENT_EFFECTS), rng.choice((rng.uniform(0.1, 0.3),
            rng.uniform(0.7, 0.9))) * scene.aspect,
                              rng.uniform(0.14, 0.6), rng.uniform(0.14, 0.24), rng.random() < 0.5))  # fmt: skip
    if rng.random() < 0.10:
        effects.append(
            Effect(rng.choice(SCATTERED), 0.5 * scene.aspect, 0.5, rng.uniform(0.4, 0.6), rng.random() < 0.7)
        )
    if rng.random() < 0.12:
        effects.append(
            Effect(
                rng.choice(PLACED),
                rng.uniform(0.12, 0.88) * scene.aspect,
                rng.uniform(0.1, 0.5),
                rng.uniform(0.09, 0.16),
                rng.random() < 0.4,
            )
        )
    return tuple(effects)


def _page(rng: random.Random, world: World, artist: Artist, kind: str) -> Scene:
    """A comic page: a small cast through several panels, faces large enough to read."""
    cast = _cast(rng, world, rng.choice((1, 2, 2))) or [act(rng, stranger(rng, world))]
    panels = []
    for _ in range(4 if kind == "4koma" else rng.choice((3, 4, 4, 5))):
        look = act(rng, replace(rng.choice(cast), item=None))
        near = Placed(look, rng.uniform(0.35, 0.65), rng.uniform(0.78, 0.95), rng.uniform(0.26, 0.36))
        background = rng.choice(SIMPLE) if rng.random() < 0.75 else rng.choice(PLACES)
        panels.append(
            Scene(
                "panel", artist.name, background, (near,), bubbles=int(rng.random() < 0.7), palette=rng.getrandbits(32)
            )
        )
    return Scene(kind, artist.name, "white background", panels=tuple(panels), monochrome=rng.random() < 0.62,
        palette=rng.getrandbits(32),
                 aspect=0.46 if kind == "4koma" else 1.0)  # fmt: skip
