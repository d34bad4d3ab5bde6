"""Which posts may be fetched. Some never are, whatever the settings."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from i2v_lib.collect.booru.posts import STILL_IMAGES, Post, paper_rating
from i2v_lib.data.images import MAX_PIXELS
from i2v_lib.system.errors import ArgumentError

# Never fetched, at any rating; no argument shortens this list. The last two are old names, which archives may hold.
DENIED = frozenset({"loli", "shota", "toddlercon", "lolicon", "shotacon"})
RATINGS = ("g", "s", "q", "e")
DEFAULT_DROPPED = frozenset(
    {
        "guro", "scat",  # hidden from visitors by the site itself
        "banned_artist", "third-party_edit", "ai-generated", "ai-assisted",  # not the artist's own, or not to be shown
        "cosplay_photo", "photo_(medium)", "text-only_page",  # no illustrations
        "animated", "animated_gif", "animated_png",
    }
)  # fmt: skip
STATES = ("banned", "deleted", "pending", "flagged", "hidden")


@dataclass(frozen=True)
class Policy:
    """What may be fetched. The list :data:`DENIED` holds beside all of this; a policy can only add to it.

    Ratings are compared as the site wrote them. So *s* is let through only if it is named here, also where
    it may mean "safe": on Danbooru before 2022-05-22 (scheme "2005") and on safebooru.org ("dapi"), whose
    safe posts have not all been looked at again since "general" was set apart from "sensitive".

    Raises
    ------
    ValueError
        If a setting is impossible; the message names it.
    """

    ratings: tuple[str, ...] = ("g",)  # of RATINGS; letters, no words
    minimum_side: int = 128  # pixels of the original's shorter side
    maximum_aspect: float = 4.0  # longer side over shorter side
    minimum_general: int = 0  # general tags; 10 drops posts that are hardly tagged
    extensions: tuple[str, ...] = STILL_IMAGES  # of the original; animations and videos are never fetched
    maximum_pixels: int = MAX_PIXELS  # of the original, width times height
    also_denied: frozenset[str] = frozenset()  # tags treated as DENIED: those that imply one, and the user's
    dropped_tags: frozenset[str] = DEFAULT_DROPPED  # posts with one of these are left out; may be emptied

    def __post_init__(self) -> None:
        letters = _several("ratings", self.ratings)
        for name, values, known in (("ratings", letters, RATINGS), ("extensions", self.extensions, STILL_IMAGES)):
            unknown = [value for value in _several(name, values) if value not in known]
            if unknown or not values:
                raise ArgumentError(name, values, f"use one or more of {', '.join(known)}")
        for name, least, most in (
            ("minimum_side", 1, float("inf")),
            ("maximum_aspect", 1, float("inf")),
            ("minimum_general", 0, float("inf")),
            ("maximum_pixels", 1, MAX_PIXELS),
        ):
            value = getattr(self, name)
            if not isinstance(value, int | float) or not least <= value <= most:
                raise ArgumentError(name, value, f"give a number from {least} to {most}")
        object.__setattr__(self, "ratings", tuple(rating for rating in RATINGS if rating in letters))
        object.__setattr__(self, "extensions", tuple(ext for ext in STILL_IMAGES if ext in self.extensions))
        for name in ("also_denied", "dropped_tags"):
            object.__setattr__(self, name, frozenset(map(_plain, _several(name, getattr(self, name)))))


def exclude(post: Post, policy: Policy) -> str | None:
    """Say why a post may not be fetched.

    Tags are compared whatever their case, and with spaces or underscores; in every category, and in none.
    A size that is not known is not judged here: the picture's own is, when it is decoded.

    Returns
    -------
    the first reason that applies, or None if the post may be fetched
        ``denied_tag``, ``rating`` (also one that is unknown), ``dropped_tag``, ``banned``, ``deleted``,
        ``pending``, ``flagged``, ``hidden``, ``file_type``, ``too_small``, ``aspect``, ``too_large``,
        ``few_tags``.
    """
    tags = set(map(_plain, post.tags))
    if tags & DENIED or tags & policy.also_denied:
        return "denied_tag"
    if post.rating not in policy.ratings or not _has_paper_rating(post):
        return "rating"
    if tags & policy.dropped_tags:
        return "dropped_tag"
    for state in STATES:
        if state in post.flags:
            return state
    if post.ext not in policy.extensions:
        return "file_type"
    return _judge_size(post, policy) or ("few_tags" if len(post.general) < policy.minimum_general else None)


def _judge_size(post: Post, policy: Policy) -> str | None:
    short, long = sorted((post.width, post.height))
    if short == 0:
        return None
    if short < policy.minimum_side:
        return "too_small"
    if long > policy.maximum_aspect * short:
        return "aspect"
    return "too_large" if short * long > policy.maximum_pixels else None


def _has_paper_rating(post: Post) -> bool:
    try:
        return bool(paper_rating(post.rating, post.rating_scheme))
    except ValueError:
        return False


def _several(name: str, values: Collection[str]) -> Collection[str]:
    """Refuse one text where several are meant: its letters would be taken one by one."""
    if isinstance(values, str):
        raise ArgumentError(name, values, f"give a tuple or set of texts, such as ({values!r},)")
    return values


@lru_cache(maxsize=2**17)
def _plain(tag: str) -> str:
    """One spelling of all that read the same: case, width of letters, spaces or underscores."""
    return "_".join(unicodedata.normalize("NFKC", tag).casefold().replace("_", " ").split())
