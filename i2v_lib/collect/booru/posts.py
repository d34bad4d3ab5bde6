"""A post as every site gives it: identity, rating, tags, and the files of its picture."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

STILL_IMAGES = ("jpg", "png", "webp", "avif")  # extensions that hold one still picture
RATING_SCHEMES = {
    "2022": {"g": "safe", "s": "safe", "q": "questionable", "e": "explicit"},  # general, sensitive, …
    "2005": {"s": "safe", "q": "questionable", "e": "explicit"},  # Danbooru until 2022-05-22
    "dapi": {"g": "safe", "s": "safe", "q": "questionable", "e": "explicit"},  # general, safe, …
}
FILES = {  # what is taken for each wish, best first; previews are never taken
    "720x720": ("720x720", "sample", "original"),
    "sample": ("sample", "original"),  # Danbooru makes none of pictures at most 850 pixels wide
    "original": ("original",),
}


class BadRowError(ValueError):
    """A row that is not a post.

    Attributes
    ----------
    reason : one word for a table, such as ``malformed_row``
    """

    def __init__(self, reason: str, detail: object) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


@dataclass(frozen=True)
class Variant:
    """One file of a post's picture."""

    kind: str  # "180x180", "360x360", "720x720", "sample", "original", "full"; Safebooru: also "preview"
    url: str  # absolute
    width: int  # pixels, 0 where unknown
    height: int
    ext: str  # lower case, no dot


@dataclass(frozen=True)
class Post:
    """One post, whatever the site. Tags keep the site's spelling, with underscores."""

    site: str  # a key of SOURCES, or the name of a bulk set
    id: int
    rating: str  # "g", "s", "q" or "e" as the scheme writes it; "" if unknown
    rating_scheme: str  # a key of RATING_SCHEMES
    md5: str  # of the original file, lower-case hexadecimal; "" if hidden
    ext: str  # of the original file
    width: int  # pixels of the original, 0 where unknown
    height: int
    file_size: int  # bytes of the original, 0 where unknown
    general: tuple[str, ...]
    copyright: tuple[str, ...]
    character: tuple[str, ...]
    artist: tuple[str, ...]
    meta: tuple[str, ...]
    parent_id: int | None
    pixel_hash: str  # the site's hash of the decoded pixels, "" if none
    pixiv_id: int | None
    source_url: str  # where the artist published it, else the post's page on the site
    created_at: str  # ISO 8601 or ""
    flags: tuple[str, ...]  # of "banned", "deleted", "flagged", "pending", "hidden" (no md5 or no URLs)
    variants: tuple[Variant, ...]
    untyped: tuple[str, ...] = ()  # tags whose category is not known

    @property
    def tags(self) -> tuple[str, ...]:
        """Every tag, of all categories and of none."""
        return (*self.general, *self.copyright, *self.character, *self.artist, *self.meta, *self.untyped)

    def to_json(self) -> str:
        """Write the post as one line of ASCII JSON; equal posts give equal text."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Post:
        """Read what :meth:`to_json` wrote.

        Raises
        ------
        ValueError
            If the text is something else, such as a post of another version of the kit.
        """
        try:
            fields: dict[str, Any] = json.loads(text)
            fields["variants"] = [Variant(**variant) for variant in fields["variants"]]
            return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()})
        except (TypeError, KeyError, ValueError) as error:
            raise ValueError(
                f"{text[:80]!r} … is not a post as this version writes it ({error}); collect again"
            ) from error


@dataclass(frozen=True)
class Page:
    """Some neighboring posts of a site."""

    posts: tuple[Post, ...]  # newest first
    bad_rows: tuple[str, ...]  # of each row that is not a post the reason, then its id where known: "malformed_row 7"
    next_before: int | None  # what to ask for next; None: the walk has ended


def paper_rating(rating: str, scheme: str) -> str:
    """Map a site's rating to one of the paper's three.

    The letter *s* meant "safe" on Danbooru until 2022-05-22 and means "sensitive" since; both are safe here.
    To let only general posts through, look at the letter, as :func:`i2v_lib.collect.booru.policy.exclude` does.

    Returns
    -------
    "safe", "questionable" or "explicit"

    Raises
    ------
    ValueError
        If the scheme is unknown, or has no such rating.

    Source: Saito & Matsui 2015, §3.1.
    """
    try:
        return RATING_SCHEMES[scheme][rating]
    except KeyError as error:
        known = "; ".join(f"{name}: {' '.join(letters)}" for name, letters in RATING_SCHEMES.items())
        raise ValueError(f"rating={rating!r} of scheme={scheme!r} is unknown; known are {known}") from error


def choose_variant(post: Post, wanted: str = "720x720") -> Variant | None:
    """Choose the file to fetch: the wanted one, else the next larger one that the post has.

    Parameters
    ----------
    wanted : "720x720", "sample" or "original"

    Returns
    -------
    a variant that holds a still picture, or None if there is none

    Raises
    ------
    ValueError
        If ``wanted`` is none of the three.
    """
    if wanted not in FILES:
        raise ValueError(f"wanted={wanted!r} is unknown; use one of {', '.join(FILES)}")
    pictures = {variant.kind: variant for variant in post.variants if variant.ext in STILL_IMAGES}
    return next((pictures[kind] for kind in FILES[wanted] if kind in pictures), None)
