"""What a right client does with every post, worked out from the server's own records."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from .board import DEPRECATED, Board
from .damaged import USABLE
from .posts import Post

DROPPED = frozenset(("third-party_edit", "banned_artist", "animated"))  # of the tags the policy drops, those in use
STILL = ("jpg", "png", "webp", "avif")


@dataclass(frozen=True)
class Truth:
    """One post and what is right to do with it."""

    id: int
    md5: str
    rating: str
    fetch: bool  # whether its file may be asked for
    reasons: tuple[str, ...]  # why not: all that apply, () if it may
    usable: bool  # whether the file is a still picture that can be decoded
    role: str
    pixel_hash: str
    parent_id: int | None
    pixiv_id: int | None
    general: tuple[str, ...]  # sorted; aliases followed, deprecated tags left out, site spelling
    copyright: tuple[str, ...]
    character: tuple[str, ...]


def truth_of(
    board: Board, post: Post, ratings: Collection[str], minimum_side: int, maximum_aspect: float, dapi: bool
) -> Truth:
    """Judge one post.

    Parameters
    ----------
    ratings : letters that may be fetched
    minimum_side, maximum_aspect : of the original, in pixels and as a ratio
    dapi : judge what safebooru.org shows, which lists no post with a flag at all
    """
    tags, file = set(post.all_tags()), post.file
    short, long = sorted((file.width, file.height))
    checks = {
        "rating": post.rating not in ratings,
        "denied_tag": board.denied(post),
        "dropped_tag": bool(tags & DROPPED),
        "banned": "banned" in post.flags,
        "deleted": "deleted" in post.flags,
        "pending": "pending" in post.flags,
        "flagged": "flagged" in post.flags,
        "hidden": bool(post.flags & {"banned", "restricted"}),
        "file_type": file.ext not in STILL,
        "too_small": short < minimum_side,
        "aspect": long > maximum_aspect * short,
        "unlisted": dapi and (bool(post.flags) or post.rating == "e" or file.moving),
    }
    reasons = tuple(name for name, applies in checks.items() if applies)
    damage = post.role.removeprefix("damaged_") if post.role.startswith("damaged_") else ""

    def labels(category: str) -> tuple[str, ...]:
        return tuple(sorted({board.canonical(name) for name in post.tags[category]} - set(DEPRECATED)))

    return Truth(
        post.id, file.md5, post.rating, not reasons, reasons, not file.moving and damage in ("", *USABLE), post.role,
        file.pixel_hash, post.parent_id, post.pixiv_id, labels("general"), labels("copyright"), labels("character"),
    )  # fmt: skip
