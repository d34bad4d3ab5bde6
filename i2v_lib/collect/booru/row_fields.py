"""Rows that a site sent, read defensively: what is wrong with one costs that row, never the page."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from i2v_lib.collect.booru.posts import BadRowError, Page, Post
from i2v_lib.collect.booru.web import WebError
from i2v_lib.data.sidecars import clean_text

LARGEST = 2**63 - 1  # what SQLite and Parquet hold
LONGEST_URL = 500  # characters
LONGEST_SOURCE = 2000  # characters


def read_page(rows: Sequence[Any], read: Callable[[Any], Post], before: int | None) -> Page:
    """Read rows in any order; those that are not posts, come twice or were not asked for become bad rows.

    The next page starts below the lowest id that was read, so a walk always goes down and ends.

    Parameters
    ----------
    rows : what the site sent, anything
    read : makes a post of a row, or raises :class:`~i2v_lib.collect.booru.posts.BadRowError`
    before : every id must be lower; None: any id will do

    Raises
    ------
    WebError
        If there are rows, but none with an id that was asked for: ``out_of_order`` or ``malformed_row``.
    """
    posts, bad, seen = [], [], set()
    for row in rows:
        try:
            post_id = row_id(row)
        except BadRowError as error:
            bad.append(error.reason)
            continue
        if before is not None and post_id >= before:
            bad.append(f"out_of_order {post_id}")
        elif post_id in seen:
            bad.append(f"duplicate_row {post_id}")
        else:
            seen.add(post_id)
            try:
                posts.append(read(row))
            except BadRowError as error:
                bad.append(f"{error.reason} {post_id}")
    if rows and not seen:
        raise WebError(bad[0].split()[0], f"none of {len(rows)} rows has an id below {before}, as was asked for")
    posts.sort(key=lambda post: -post.id)
    return Page(tuple(posts), tuple(bad), min(seen, default=None))


def known_posts(page: Page, ids: Collection[int]) -> list[Post]:
    """Those posts of a page that were asked for by id.

    Raises
    ------
    WebError
        If one of them may be among the bad rows (``malformed_row``): unreadable must not be taken for gone.
    """
    posts = [post for post in page.posts if post.id in ids]
    missing = set(ids) - {post.id for post in posts}
    for bad in page.bad_rows:
        reason, _, post_id = bad.partition(" ")
        if reason == "malformed_row" and missing and (not post_id or int(post_id) in missing):
            raise WebError("malformed_row", f"the row of post {post_id or '(unknown)'} cannot be read; try again later")
    return posts


def row_id(row: Any) -> int:
    """The id of a row, 1 or more."""
    if not isinstance(row, Mapping):
        raise BadRowError("malformed_row", f"expected an object, got {type(row).__name__}")
    post_id = number(row, "id", 0)
    if not post_id:
        raise BadRowError("malformed_row", "a row without an id")
    return post_id


def number(row: Mapping[str, Any], name: str, default: int | None) -> int | None:
    """A whole number of 0 or more, or its digits; the default where the row says nothing."""
    value = row.get(name)
    if value is None or value == "":
        return default
    if isinstance(value, str) and re.fullmatch("[0-9]{1,19}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST:
        raise BadRowError("malformed_row", f"{name}={value!r:.80} is not a whole number from 0 to {LARGEST}")
    return value


def text(row: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """A text; the default where the row says nothing, an error if there is no default."""
    value = row.get(name)
    value = default if value is None else value
    if not isinstance(value, str):
        raise BadRowError("malformed_row", f"{name}={value!r:.80} is not a text")
    return clean_text(value)


def truth(row: Mapping[str, Any], name: str) -> bool:
    """True or false; a row that says neither is refused, since the policy depends on it."""
    value = row.get(name)
    if not isinstance(value, bool):
        raise BadRowError("malformed_row", f"{name}={value!r:.80} is neither true nor false")
    return value


def words(value: str) -> tuple[str, ...]:
    """Tags of a text that separates them with spaces, each once, in its order."""
    return tuple(dict.fromkeys(value.split()))


def md5_of(row: Mapping[str, Any], name: str) -> str:
    """An MD5 in lower-case hexadecimal, or "" where the row has none."""
    value = text(row, name, "").lower()
    if not re.fullmatch("(?:[0-9a-f]{32})?", value):
        raise BadRowError("malformed_row", f"{name}={value!r:.80} is not an MD5")
    return value


def extension(value: str) -> str:
    """A file's extension in lower case, ``jpeg`` as ``jpg``."""
    value = value.lower()
    if not re.fullmatch("[0-9a-z]{1,5}", value):
        raise BadRowError("malformed_row", f"{value!r:.80} is not a file extension")
    return "jpg" if value == "jpeg" else value


def moment(value: Any) -> str:
    """A time as it was written, if that is ISO 8601, else ""."""
    try:
        return value if isinstance(value, str) and datetime.fromisoformat(value) else ""
    except ValueError:
        return ""


def fetchable(url: Any, schemes: Collection[str] = ("https",)) -> bool:
    """Whether a text is a plain absolute address: no steps upwards, no user, nothing that cannot be printed."""
    if not isinstance(url, str) or not url.isascii() or not 0 < len(url) <= LONGEST_URL:
        return False
    try:
        parts = urlsplit(url)
        path = unquote(parts.path)
    except ValueError:
        return False
    plain = all(written.isprintable() and not set(written) & set(" \\") for written in (url, path))
    straight = "//" not in path and not {".", ".."} & set(path.split("/"))
    return plain and straight and parts.scheme in schemes and bool(parts.hostname) and "@" not in parts.netloc


def credit(source: Any, page: str) -> str:
    """The source that a post names, if it is a link, else the post's own page."""
    source = clean_text(source).strip() if isinstance(source, str) else ""
    if source.lower().startswith(("https://", "http://")) and len(source) <= LONGEST_SOURCE and source.isprintable():
        return source
    return page


def key_differences(what: str, objects: Iterable[Any], expected: Collection[str]) -> list[str]:
    """Compare the keys of all objects together with those that the kit was written for."""
    found = {key for item in objects if isinstance(item, Mapping) for key in item}
    missing = [f"{what}: key {key} is missing" for key in sorted(set(expected) - found)]
    return missing + [f"{what}: key {key} is new" for key in sorted(found - set(expected))]
