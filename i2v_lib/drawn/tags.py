"""From what can be seen to tags, as on a booru: a tag is given for what is visible, and for nothing else."""

from __future__ import annotations

import random
from dataclasses import dataclass

from i2v_lib.drawn.items import COLORED
from i2v_lib.drawn.scenes import VIOLENT_EFFECTS, WEAPONS, Scene

_IMPLIED = {f"{animal} ears": "animal ears" for animal in ("cat", "fox", "rabbit")}
_IMPLIED |= {"cat tail": "tail", "fox tail": "tail"}
_LONG = 0.6  # a picture narrower than this share of its height is a long image


@dataclass(frozen=True)
class Tags:
    """Tags of one picture, sorted, in the four categories."""

    general: tuple[str, ...]
    copyright: tuple[str, ...]
    character: tuple[str, ...]
    rating: str


def tag_scene(scene: Scene, seen: list[set[str]]) -> Tags:
    """The exact tags of a picture.

    Parameters
    ----------
    scene : what was drawn
    seen : what :func:`i2v_lib.drawn.compose.compose` says can be seen of it
    """
    looks = [placed.look for part in (scene.panels or (scene,)) for placed in part.figures]
    people = [(look, marks) for look, marks in zip(looks, seen[1:], strict=True) if "_person" in marks]
    general = {mark for marks in seen for mark in marks if not mark.startswith("_")}
    for look, marks in zip(looks, seen[1:], strict=True):
        if look.item in marks & COLORED:
            general.add(f"{look.item_color} {look.item}")
    general |= {_IMPLIED[tag] for tag in general & set(_IMPLIED)}
    general |= {"weapon"} if general & set(WEAPONS) else set()
    # through the panels of a page the same person is one person
    identities = {(look.character, look.hair, look.boy) for look, _ in people}
    boys = sum(boy for _, _, boy in identities)
    general |= _count("girl", len(identities) - boys) | _count("boy", boys)
    if len(identities) == 1:
        general.add("solo")
        if not scene.panels:
            general |= _framing(people[0][1])
    elif not identities:
        general.add("no humans")
    general |= {scene.kind} if scene.panels else set()
    if scene.kind == "4koma":
        general.add("comic")
    if scene.monochrome:
        general.add("monochrome")
    if scene.sketch:
        general.add("sketch")
    if scene.aspect < _LONG:
        general.add("long image")
    return Tags(
        general=tuple(sorted(general)),
        copyright=tuple(sorted({look.title for look, _ in people if look.title})),
        character=tuple(sorted({look.character for look, _ in people if look.character})),
        rating=_rating(general),
    )


def _count(noun: str, number: int) -> set[str]:
    if number == 0:
        return set()
    if number == 1:
        return {f"1{noun}"}
    return {f"{number}{noun}s", f"multiple {noun}s"}


def _framing(marks: set[str]) -> set[str]:
    if "_feet" in marks:
        return {"full body"}
    if "_knees" in marks:
        return {"cowboy shot"}
    return {"upper body"} if "_chest" in marks else {"portrait"}


def _rating(general: set[str]) -> str:
    """Harmless cues only: no weapon, a weapon, a weapon where something bursts."""
    if "weapon" not in general:
        return "safe"
    return "explicit" if general & set(VIOLENT_EFFECTS) else "questionable"


def published(tags: Tags, noise: float, rng: random.Random) -> Tags:
    """Tags as uploaders leave them: each general one is forgotten with probability ``noise``."""
    kept = tuple(tag for tag in tags.general if rng.random() >= noise)
    return Tags(kept, tags.copyright, tags.character, tags.rating)
