"""What a row of Danbooru holds: the keys that are asked for, and how a post is made of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from i2v_lib.collect.booru.posts import BadRowError, Post, Variant
from i2v_lib.collect.booru.row_fields import (
    credit,
    extension,
    fetchable,
    key_differences,
    md5_of,
    moment,
    number,
    row_id,
    text,
    truth,
    words,
)

SITE = "danbooru"
POST_PAGE = "https://danbooru.donmai.us/posts/{id}"
SCHEME = "2022"  # what letters of ratings mean today
STATES = ("banned", "deleted", "flagged", "pending")
KINDS = ("180x180", "360x360", "720x720", "sample", "original", "full")
ASKED = (
    "id", "created_at", "source", "md5", "rating", "image_width", "image_height", "file_ext", "file_size",
    "parent_id", "pixiv_id", "is_banned", "is_deleted", "is_flagged", "is_pending", "tag_string_general",
    "tag_string_copyright", "tag_string_character", "tag_string_artist", "tag_string_meta", "file_url",
)  # fmt: skip
ONLY = ",".join(ASKED) + ",media_asset[pixel_hash,variants]"  # cuts the reply to less than half
POST_KEYS = frozenset(ASKED) | frozenset(
    {
        "uploader_id", "score", "last_comment_bumped_at", "tag_string", "fav_count", "last_noted_at", "has_children",
        "approver_id", "tag_count_general", "tag_count_artist", "tag_count_character", "tag_count_copyright",
        "up_score", "down_score", "tag_count", "updated_at", "last_commented_at", "has_active_children", "bit_flags",
        "tag_count_meta", "has_large", "has_visible_children", "media_asset", "large_file_url", "preview_file_url",
    }
)  # fmt: skip
ASSET_KEYS = frozenset(
    {
        "id", "created_at", "updated_at", "md5", "file_ext", "file_size", "image_width", "image_height", "duration",
        "status", "file_key", "is_public", "pixel_hash", "variants",
    }
)  # fmt: skip
VARIANT_KEYS = frozenset({"type", "url", "width", "height", "file_ext"})


def read_post(row: Any, schemes: Collection[str] = ("https",)) -> Post:
    """Make a post of a row.

    A hidden row lacks its MD5 and addresses: the post is flagged ``hidden``. An address that is not plain
    loses its variant, and one of the five lists of tags that is missing costs the row, since the policy must
    see all of them.

    Parameters
    ----------
    row : what the site sent, anything
    schemes : that addresses may have

    Raises
    ------
    BadRowError
        If the row is not a post, or a field has another type than it should.
    """
    post_id = row_id(row)
    asset = row.get("media_asset") or {}
    if not isinstance(asset, Mapping):
        raise BadRowError("malformed_row", f"media_asset is {type(asset).__name__}, no object")
    rating, md5 = text(row, "rating", ""), md5_of(row, "md5")
    pixel_hash = re.fullmatch("[0-9a-f]{16,128}", str(asset.get("pixel_hash")).lower())
    flags = [state for state in STATES if truth(row, f"is_{state}")]
    if not md5 or not (row.get("file_url") or asset.get("variants")):
        flags.append("hidden")
    lists = ("general", "copyright", "character", "artist", "meta")
    return Post(
        site=SITE,
        id=post_id,
        rating=rating if rating in ("g", "s", "q", "e") else "",
        rating_scheme=SCHEME,
        md5=md5,
        ext=extension(text(row, "file_ext")),
        width=number(row, "image_width", 0),
        height=number(row, "image_height", 0),
        file_size=number(row, "file_size", 0),
        **{name: words(text(row, f"tag_string_{name}")) for name in lists},
        parent_id=number(row, "parent_id", None),
        pixel_hash=pixel_hash[0] if pixel_hash else "",
        pixiv_id=number(row, "pixiv_id", None),
        source_url=credit(row.get("source"), POST_PAGE.format(id=post_id)),
        created_at=moment(row.get("created_at")),
        flags=tuple(flags),
        variants=tuple(_variants(row, asset, schemes)),
    )


def differences(rows: list[Any]) -> list[str]:
    """Compare the keys of a whole page, asked for without ``only``, with those recorded in May 2026."""
    assets = [row.get("media_asset") for row in rows if isinstance(row, Mapping)]
    lists = [asset.get("variants") for asset in assets if isinstance(asset, Mapping)]
    variants = [variant for variants in lists if isinstance(variants, list) for variant in variants]
    return [
        *key_differences("post", rows, POST_KEYS),
        *key_differences("media_asset", assets, ASSET_KEYS),
        *key_differences("variant", variants, VARIANT_KEYS),
    ]


def _variants(row: Mapping[str, Any], asset: Mapping[str, Any], schemes: Collection[str]) -> Iterator[Variant]:
    listed = asset.get("variants") or [
        {"type": "original", "url": row.get("file_url"), "file_ext": row.get("file_ext"),
         "width": row.get("image_width"), "height": row.get("image_height")}
    ]  # fmt: skip
    for item in listed if isinstance(listed, list) else []:
        try:
            kind, url, ext = text(item, "type"), item.get("url"), extension(text(item, "file_ext"))
            width, height = number(item, "width", 0), number(item, "height", 0)
        except (BadRowError, AttributeError):
            continue  # the post may have others
        if kind in KINDS and fetchable(url, schemes):
            yield Variant(kind, url, width, height, ext)
