"""A row of a bulk set's metadata, read defensively: the spellings differ, a post comes out."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from i2v_lib.collect.booru.danbooru_rows import STATES
from i2v_lib.collect.booru.policy import DENIED
from i2v_lib.collect.booru.posts import BadRowError, Post
from i2v_lib.collect.booru.row_fields import credit, extension, md5_of, moment, number, row_id, text
from i2v_lib.collect.booru.sites import site_class
from i2v_lib.config import SOURCES
from i2v_lib.data.sidecars import CATEGORY_NAMES, clean_text

RENAMED = "2022-05-22"  # from this day on "s" means sensitive, and "g" is there
LETTERS = {"general": "g", "sensitive": "s", "safe": "s", "questionable": "q", "explicit": "e"}
CATEGORIES = ("general", "copyright", "character", "artist", "meta")
SPELLINGS = {name: (f"tag_string_{name}", f"tags_{name}", f"{name}_tags", name) for name in CATEGORIES}
COLUMNS = frozenset(  # all that is read of a row
    {
        "id", "rating", "md5", "file_ext", "file_size", "image_width", "width", "image_height", "height", "parent_id",
        "pixiv_id", "pixel_hash", "media_asset", "source", "created_at", "updated_at", "tag_string", "tags",
        *(f"is_{state}" for state in STATES), *(name for names in SPELLINGS.values() for name in names),
    }
)  # fmt: skip
TRUTHS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False, "": False, "none": False}
DENIED_WORD = re.compile(rf"(?<![0-9a-z_-])({'|'.join(sorted(DENIED))})(?![0-9a-z_-])")


def read_row(row: Any, site: str, scheme: str, ext: str) -> Post:
    """Make a post of a row with Danbooru's names of columns, or with lists of tags.

    Tags of a category stand in ``tag_string_general``, ``tags_general``, ``general_tags`` or ``general``, as a list
    or as one text; or in ``tags`` as objects with ``name`` and ``category``. Tags that only stand in ``tag_string``
    or a plain ``tags`` have no category: they are not labels, but the policy sees them. A row whose ``md5`` is there
    but empty is hidden on the site.

    Parameters
    ----------
    row : what the metadata holds, anything
    site, scheme : of the post
    ext : extension of the post's file if the row gives none

    Raises
    ------
    BadRowError
        ``malformed_row``, or ``no_tags`` if it has no general tags: nothing then says what the picture shows.
    """
    post_id = row_id(row)
    row = {name: _whole(value) for name, value in row.items()}
    tags = _tags(row)
    md5, asset = md5_of(row, "md5"), row.get("media_asset")
    pixel_hash = str(row.get("pixel_hash") or (asset.get("pixel_hash") if isinstance(asset, Mapping) else "")).lower()
    flags = [state for state in STATES if _truth(row, f"is_{state}")]
    if "md5" in row and not md5:
        flags.append("hidden")
    return Post(
        site=site,
        id=post_id,
        rating=_letter(row),
        rating_scheme=scheme,
        md5=md5,
        ext=extension(text(row, "file_ext", "").lstrip(".") or ext),
        width=number(row, "image_width", 0) or number(row, "width", 0),
        height=number(row, "image_height", 0) or number(row, "height", 0),
        file_size=number(row, "file_size", 0),
        **tags,
        parent_id=number(row, "parent_id", None) or None,
        pixel_hash=pixel_hash if re.fullmatch("[0-9a-f]{16,128}", pixel_hash) else "",
        pixiv_id=number(row, "pixiv_id", None) or None,
        source_url=credit(row.get("source"), _page(site, post_id)),
        created_at=moment(_time(row.get("created_at"))),
        flags=tuple(flags),
        variants=(),
    )


def choose_scheme(rows: Iterable[Any]) -> str:
    """Tell the rating scheme of a set that may be older than 2022-05-22.

    Returns
    -------
    "2022" if a row is rated general or sensitive, or was made or changed since; else "2005"
    """
    for row in rows:
        if isinstance(row, Mapping):
            times = (_time(row.get(name)) for name in ("created_at", "updated_at"))
            if str(row.get("rating")).strip().lower() in ("g", "general", "sensitive"):
                return "2022"
            if any(re.match("[0-9]{4}-", time) and time[:10] >= RENAMED for time in times):
                return "2022"
    return "2005"


def _tags(row: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Tags by category; without one those that stand only in the list of all, and denied words inside of others."""
    found: dict[str, dict[str, None]] = {name: {} for name in (*CATEGORIES, "untyped")}
    told = False
    for category, names in SPELLINGS.items():
        for name in names:
            found[category] |= dict.fromkeys(_items(row.get(name), name))
            told |= category == "general" and row.get(name) is not None
    for name in ("tags", "tag_string"):
        value = row.get(name)
        objects = [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
        for item in objects:
            category = CATEGORY_NAMES.get(str(item.get("category")), "untyped")
            category = {"ignored": "meta", "rating": "untyped"}.get(category, category)
            found[category] |= dict.fromkeys(_items([item.get("name")], name))
        told |= bool(objects)
        if not objects:
            found["untyped"] |= dict.fromkeys(_items(value, name))
    if not told:
        raise BadRowError("no_tags", "a row without general tags; give metadata that has them")
    # Nobody knows how others separated their tags: a denied word between any signs counts as a tag.
    everything = " ".join(tag for tags in found.values() for tag in tags)
    denied = DENIED_WORD.findall(unicodedata.normalize("NFKC", everything).casefold())
    known = {tag for category in CATEGORIES for tag in found[category]}
    found["untyped"] = {tag: None for tag in found["untyped"] if tag not in known} | dict.fromkeys(denied)
    return {name: tuple(dict.fromkeys(map(_underscored, tags))) for name, tags in found.items()}


def _items(value: Any, name: str) -> list[str]:
    """Tags of a list, or of a text that separates them with commas or, if it has none, with spaces."""
    if isinstance(value, str) and value.startswith("[") and value.endswith("]"):
        try:
            value = json.loads(value)  # a list in a table of texts
        except (ValueError, RecursionError):
            raise BadRowError("malformed_row", f"{name}={value:.80} is not a JSON list") from None
    if isinstance(value, str):
        value = value.split("," if "," in value else None)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadRowError("malformed_row", f"{name}={value!r:.80} is neither a text nor a list of texts")
    return [item for item in value if item.strip()]


@lru_cache(maxsize=2**17)  # few tags make up most of all lists
def _underscored(tag: str) -> str:
    return "_".join(clean_text(tag).split())


def _letter(row: Mapping[str, Any]) -> str:
    written = str(row.get("rating") or "").strip().lower()
    written = LETTERS.get(written, written)
    return written if written in LETTERS.values() else ""


def _truth(row: Mapping[str, Any], name: str) -> bool:
    """A state of the post; a row that does not say is not in it, one that says it unreadably is refused."""
    try:
        return TRUTHS[str(row.get(name)).lower()]
    except KeyError:
        raise BadRowError("malformed_row", f"{name}={row[name]!r:.80} is neither true nor false") from None


def _whole(value: Any) -> Any:
    """A number as tables keep it that have gaps: 7.0 is 7, and what is not a number is nothing."""
    if isinstance(value, float):
        return None if math.isnan(value) else int(value) if value.is_integer() else value
    return value[:-2] if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}\.0", value) else value


def _time(value: Any) -> str:
    """A time as ISO 8601 writes it, as far as it is one; older dumps end it with UTC."""
    return value.isoformat() if isinstance(value, date | datetime) else str(value or "").replace(" UTC", "+00:00")


def _page(site: str, post_id: int) -> str:
    return site_class(site).post_page.format(id=post_id) if site in SOURCES else ""
