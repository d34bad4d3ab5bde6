"""How safebooru.org is asked for posts: the older "dapi" protocol, and its quirks."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

from i2v_lib.collect.booru.posts import BadRowError, Page, Post, Variant
from i2v_lib.collect.booru.row_fields import (
    credit,
    extension,
    fetchable,
    key_differences,
    known_posts,
    md5_of,
    number,
    read_page,
    row_id,
    text,
    words,
)
from i2v_lib.collect.booru.sites import Site
from i2v_lib.collect.booru.web import Web, WebError
from i2v_lib.data.sidecars import normalize_tag
from i2v_lib.system.errors import ArgumentError

LIMIT = 200  # posts a page; the site would give 1,000, whose files take longer than their rows stay true
NAMES = 50  # tags a request for their types: keeps the address short
ATTEMPTS = 3  # for a reply of an unexpected shape
LARGEST_XML = 4 * 2**20  # characters
RATING_WORDS = {"general": "g", "safe": "s", "sensitive": "s", "questionable": "q", "explicit": "e"}
CATEGORIES = ("general", "artist", "copyright", "character", "meta")
TYPE_CODES = {"0": "general", "1": "artist", "3": "copyright", "4": "character", "5": "meta"}
STATUS_FLAGS = {"": (), "active": (), "deleted": ("deleted",), "flagged": ("flagged",), "pending": ("pending",)}
NOT_FREE = ("id", "order", "sort", "random", "limit")  # terms of a query that would break the walk
POST_KEYS = frozenset(
    {
        "preview_url", "sample_url", "file_url", "directory", "hash", "width", "height", "id", "image", "change",
        "owner", "parent_id", "rating", "sample", "sample_height", "sample_width", "score", "tags", "source", "status",
        "has_notes", "comment_count",
    }
)  # fmt: skip


class Safebooru(Site):
    """Safebooru.org, which is also asked for the categories of tags, since its rows do not give them.

    The query carries no rating: how the site would take several is not documented. The policy looks at each
    row.

    Parameters
    ----------
    query : tags separated by spaces
    categories : category of tags, as :func:`i2v_lib.data.sidecars.read_tag_types` gives it; the site is asked
        only for the rest
    web, base, ratings, ask_types : see :class:`~i2v_lib.collect.booru.sites.Site`

    Raises
    ------
    ValueError
        If the query sets what the walk decides, or a category is unknown.
    """

    name = "safebooru"
    home = "https://safebooru.org"
    hosts = ("safebooru.org",)
    post_page = "https://safebooru.org/index.php?page=post&s=view&id={id}"
    rating_scheme = "dapi"
    needs_types = True

    def __init__(
        self,
        web: Web,
        base: str | None = None,
        query: str = "",
        ratings: Sequence[str] = ("g",),
        categories: Mapping[str, str] | None = None,
        *,
        ask_types: bool = True,
    ) -> None:
        for term in query.lower().split():
            if term.lstrip("-~").partition(":")[0] in NOT_FREE and ":" in term:
                raise ArgumentError("query", query, f"{term!r} cannot be part of it; posts come by descending id")
        self.web, self.base, self.query = web, (base or self.home).rstrip("/"), " ".join(query.split())
        self._ask_types = ask_types
        self._types: dict[str, str] = {}  # by name with spaces; "" where the site knows none
        for tag, category in (categories or {}).items():
            category = "meta" if category in ("ignored", "rating") else category
            if category not in CATEGORIES:
                raise ValueError(f"categories: {tag!r} is {category!r}; use one of {', '.join(CATEGORIES)}")
            self._types[normalize_tag(tag)] = category

    def page(self, before: int | None) -> Page:
        """Fetch the next posts with an id below ``before``; None: the newest.

        The walk ends at an empty page, or at an XML document where JSON was asked for: the site's way to say
        that there are no more.

        Raises
        ------
        WebError
            If the reply stays unusable, or holds no id below ``before``: the site ignores conditions that it
            does not know.
        """
        page = self._page(self.query, before)
        return replace(page, posts=tuple(self._with_types(page.posts)))

    def count(self) -> int | None:
        """How many posts the query finds; None where the site does not say."""
        try:
            total = self._xml({"s": "post", "limit": 1, "tags": self.query}).get("count", "")
        except WebError:
            return None
        return int(total) if re.fullmatch("[0-9]{1,12}", total) else None

    def lookup(self, ids: Sequence[int]) -> list[Post]:
        """Fetch the current state of posts, at most 200; those that are gone are missing.

        The site takes no lists of ids. So the posts up to the highest one are asked for, then those up to
        the highest that was not reached: one request for neighbors, at worst one an id.

        Raises
        ------
        ValueError
            If more than 200 ids are given.
        WebError
            If a row cannot be read: it must not be taken for gone.
        """
        if len(ids) > LIMIT:
            raise ValueError(f"ids: {len(ids)} given; ask for at most {LIMIT} at once")
        posts, left = [], set(ids)
        while left:
            page = self._page("", max(left) + 1)
            reached = {post_id for post_id in left if page.next_before is None or post_id >= page.next_before}
            posts += known_posts(page, reached)
            left -= reached
        return list(self._with_types(posts))

    def types_of(self, tags: Iterable[str]) -> dict[str, str]:
        """Category of tags: from the table, else from the site, which is asked once for each.

        Returns
        -------
        dictionary from tag to "general", "artist", "copyright", "character" or "meta"; a tag that neither
        knows is missing
        """
        tags = sorted(set(tags))
        unknown = [tag for tag in tags if normalize_tag(tag) not in self._types] if self._ask_types else []
        for first in range(0, len(unknown), NAMES):
            asked = unknown[first : first + NAMES]
            root = self._xml({"s": "tag", "limit": NAMES, "names": " ".join(asked)})
            told = {html.unescape(tag.get("name", "")).strip(): tag.get("type", "") for tag in root.iter("tag")}
            for tag in asked:
                self._types[normalize_tag(tag)] = TYPE_CODES.get(told.get(tag, ""), "")
        types = {tag: self._types.get(normalize_tag(tag), "") for tag in tags}
        return {tag: category for tag, category in types.items() if category}

    def check(self) -> list[str]:
        """Compare the keys of one live page with those this module was written for.

        Returns
        -------
        one sentence a difference, empty if there are none
        """
        return key_differences("post", self._rows(self.query), POST_KEYS)

    def _page(self, query: str, before: int | None) -> Page:
        tags = query if before is None else f"{query} id:<{before}".strip()
        return read_page(self._rows(tags), lambda row: read_post(row, self.base), before)

    def _with_types(self, posts: Sequence[Post]) -> Iterator[Post]:
        types = self.types_of(tag for post in posts for tag in post.untyped)
        for post in posts:
            lists = {name: tuple(tag for tag in post.untyped if types.get(tag) == name) for name in CATEGORIES}
            yield replace(post, **lists, untyped=tuple(tag for tag in post.untyped if tag not in types))

    def _rows(self, tags: str) -> list[Any]:
        for _ in range(ATTEMPTS):
            rows = _rows_of(self._ask({"s": "post", "limit": LIMIT, "json": 1, "tags": tags}))
            if rows is not None:
                return rows
        raise WebError("bad_json", f"{self.base}: expected a list of posts; the reply has another shape")

    def _xml(self, parameters: dict[str, Any]) -> ElementTree.Element:
        for _ in range(ATTEMPTS):
            root = read_xml(self._ask(parameters))
            if root is not None:
                return root
        raise WebError("bad_xml", f"{self.base}: the reply about {parameters['s']} is not XML")

    def _ask(self, parameters: dict[str, Any]) -> str:
        return self.web.text(f"{self.base}/index.php", {"page": "dapi", "q": "index", **parameters})


def read_post(row: Any, base: str = Safebooru.home) -> Post:
    """Make a post of a row; all its tags are ``untyped``.

    Raises
    ------
    BadRowError
        If the row is not a post, or a field has another type than it should.
    """
    post_id = row_id(row)
    md5, status, image = md5_of(row, "hash"), text(row, "status", ""), text(row, "image", "")
    if status not in STATUS_FLAGS:
        raise BadRowError("malformed_row", f"status={status!r:.80} is unknown")
    variants = tuple(_variants(row, image, base))
    hidden = () if md5 and (image or row.get("file_url")) else ("hidden",)
    return Post(
        site=Safebooru.name,
        id=post_id,
        rating=RATING_WORDS.get(text(row, "rating", "").strip().lower(), ""),
        rating_scheme=Safebooru.rating_scheme,
        md5=md5,
        ext=_extension_of(image or text(row, "file_url", "")),
        width=number(row, "width", 0),
        height=number(row, "height", 0),
        file_size=0,
        general=(), copyright=(), character=(), artist=(), meta=(),
        parent_id=number(row, "parent_id", 0) or None,
        pixel_hash="",
        pixiv_id=None,
        source_url=credit(row.get("source"), Safebooru.post_page.format(id=post_id)),
        created_at="",  # rows only say when they were last changed
        flags=(*STATUS_FLAGS[status], *hidden),
        variants=variants,
        untyped=words(html.unescape(text(row, "tags"))),
    )  # fmt: skip


def read_xml(document: str) -> ElementTree.Element | None:
    """Parse a small XML document; None for what is none, too long, or declares entities of its own."""
    if len(document) > LARGEST_XML or re.search("<!(doctype|entity)", document, re.IGNORECASE):
        return None
    try:
        return ElementTree.fromstring(document.strip())
    except (ElementTree.ParseError, ValueError):
        return None


def _rows_of(reply: str) -> list[Any] | None:
    """The posts of a reply, none at the end of the walk; None for a reply that is neither."""
    try:
        content = json.loads(reply)
    except (ValueError, RecursionError):
        root = read_xml(reply)
        ended = root is not None and root.tag.lower() != "html" and root.find("post") is None
        return [] if ended else None
    if isinstance(content, dict) and "post" in content:
        content = [content["post"]] if isinstance(content["post"], dict) else content["post"]
    return content if isinstance(content, list) else None


def _variants(row: Mapping[str, Any], image: str, base: str) -> Iterator[Variant]:
    schemes = {"https", urlsplit(base).scheme}
    original, folder = row.get("file_url"), number(row, "directory", None)
    plain = folder is not None and re.fullmatch(r"[0-9A-Za-z_-]{1,100}\.[0-9A-Za-z]{1,5}", image)
    if not fetchable(original, schemes) and plain:  # older replies have no addresses
        original = f"{base}/images/{folder}/{image}"
    files = [("preview", row.get("preview_url"), "", ""), ("original", original, "width", "height")]
    if row.get("sample") in (True, "true"):  # also 1; else the address of a sample leads nowhere
        files.append(("sample", row.get("sample_url"), "sample_width", "sample_height"))
    for kind, url, width, height in files:
        if fetchable(url, schemes):
            yield Variant(kind, url, number(row, width, 0), number(row, height, 0), _extension_of(url))


def _extension_of(name: str) -> str:
    """The extension of a file's name or address."""
    stem, dot, ending = re.split("[?#]", name)[0].rpartition(".")
    return extension(ending) if dot else ""
