"""A post as ``/posts.json`` writes it, and the ``only=`` that cuts it down."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from .posts import Post

HIDDEN_KEYS = ("md5", "file_url", "large_file_url", "preview_file_url")  # absent, not null
HIDDEN_ASSET_KEYS = ("md5", "file_key", "variants")


def timestamp(seconds: float) -> str:
    """ISO 8601 with the offset of the site's clock, an hour less in summer."""
    month = datetime.fromtimestamp(seconds, UTC).month
    zone = timezone(timedelta(hours=-4 if 4 <= month <= 10 else -5))
    return datetime.fromtimestamp(seconds, zone).isoformat(timespec="milliseconds")


def is_hidden(post: Post, safe: bool, gold: bool = False) -> bool:
    """Whether a post shows neither MD5 nor addresses to this visitor."""
    restricted = "restricted" in post.flags and not gold
    return "banned" in post.flags or restricted or (safe and post.rating != "g")


def file_address(cdn: str, post: Post, kind: str, ext: str) -> str:
    """Where a variant of a post's file lies."""
    md5 = post.file.md5
    prefix = "sample-" if kind == "sample" else ""
    return f"{cdn}/{kind}/{md5[:2]}/{md5[2:4]}/{prefix}{md5}.{ext}"


def post_row(post: Post, cdn: str, children: dict[int, list[Post]], hidden: bool) -> dict[str, Any]:
    """One post, with the site's keys in its order.

    Parameters
    ----------
    cdn : base address of the file host
    children : posts by the id of their parent
    hidden : whether to leave out MD5 and addresses
    """
    file, tags = post.file, post.tags
    kinds = file.kinds()
    addresses = {kind: file_address(cdn, post, kind, ext) for kind, _, _, ext in kinds}
    large = "sample" in addresses or file.ext == "zip"
    mine = children.get(post.id, [])
    counts = {category: len(names) for category, names in tags.items()}
    score = post.id % 17
    when = timestamp(post.created)
    row: dict[str, Any] = {
        "id": post.id, "created_at": when, "uploader_id": 1000 + post.id % 7, "score": score, "source": post.source,
        "md5": file.md5, "last_comment_bumped_at": None, "rating": post.rating,
        "image_width": file.width, "image_height": file.height, "tag_string": " ".join(post.all_tags()),
        "fav_count": score, "file_ext": file.ext, "last_noted_at": None, "parent_id": post.parent_id,
        "has_children": bool(mine), "approver_id": None, "tag_count_general": counts["general"],
        "tag_count_artist": counts["artist"], "tag_count_character": counts["character"],
        "tag_count_copyright": counts["copyright"], "file_size": len(file.data), "up_score": score, "down_score": 0,
        "is_pending": "pending" in post.flags, "is_flagged": "flagged" in post.flags,
        "is_deleted": "deleted" in post.flags, "tag_count": len(post.all_tags()), "updated_at": when,
        "is_banned": "banned" in post.flags, "pixiv_id": post.pixiv_id, "last_commented_at": None,
        "has_active_children": any("deleted" not in child.flags for child in mine), "bit_flags": 0,
        "tag_count_meta": counts["meta"], "has_large": large,
        "has_visible_children": any("deleted" not in child.flags for child in mine),
        "media_asset": {
            "id": post.id - 500_000, "created_at": when, "updated_at": when, "md5": file.md5, "file_ext": file.ext,
            "file_size": len(file.data), "image_width": file.width, "image_height": file.height,
            "duration": 4.2 if file.ext in ("mp4", "zip", "gif") else None, "status": "active",
            "file_key": hashlib.sha256(file.md5.encode()).hexdigest()[:9], "is_public": True,
            "pixel_hash": file.pixel_hash,
            "variants": [
                {"type": kind, "url": addresses[kind], "width": width, "height": height, "file_ext": ext}
                for kind, width, height, ext in kinds
            ],
        },
    }  # fmt: skip
    for category in ("general", "character", "copyright", "artist", "meta"):
        row[f"tag_string_{category}"] = " ".join(tags[category])
    row["file_url"] = addresses["original"]
    row["large_file_url"] = addresses["sample"] if "sample" in addresses else addresses["original"]
    row["preview_file_url"] = addresses.get("180x180", addresses["original"])
    if hidden:
        row = {key: value for key, value in row.items() if key not in HIDDEN_KEYS}
        asset = row["media_asset"]
        row["media_asset"] = {key: value for key, value in asset.items() if key not in HIDDEN_ASSET_KEYS}
    return row


def parse_only(text: str) -> dict[str, dict]:
    """Read ``id,media_asset[variants[url],pixel_hash]`` as names within names; an empty inside means everything."""
    top: dict[str, dict] = {}
    stack, name = [top], ""
    for letter in text + ",":
        if letter not in "[],":
            name += letter
            continue
        if name.strip():
            inside = stack[-1].setdefault(name.strip(), {})
        if letter == "[":
            stack.append(inside)
        elif letter == "]" and len(stack) > 1:
            stack.pop()
        name = ""
    return top


def cut(value: Any, only: dict[str, dict]) -> Any:
    """Keep the named keys of an object, or of every object in a list; keys that are absent stay so."""
    if not only:
        return value
    if isinstance(value, list):
        return [cut(item, only) for item in value]
    if isinstance(value, dict):
        return {key: cut(value[key], inside) for key, inside in only.items() if key in value}
    return value
