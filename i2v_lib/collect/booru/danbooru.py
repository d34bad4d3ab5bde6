"""How danbooru.donmai.us, and its host that shows general posts only, are asked for posts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from i2v_lib.collect.booru.danbooru_rows import ONLY, POST_PAGE, SCHEME, SITE, differences, read_post
from i2v_lib.collect.booru.policy import DENIED, RATINGS
from i2v_lib.collect.booru.posts import BadRowError, Page, Post
from i2v_lib.collect.booru.row_fields import LARGEST, known_posts, number, read_page, row_id, text
from i2v_lib.collect.booru.sites import Site
from i2v_lib.collect.booru.web import Web, WebError
from i2v_lib.system.errors import ArgumentError

SAFE_HOST = "safebooru.donmai.us"  # serves rating g only
LIMIT = 200  # posts a page; the site cuts higher limits silently
WINDOW = 100_000  # ids asked for at once where the whole walk is too heavy
NARROWEST = 100  # ids
ATTEMPTS = 3  # for a reply that is JSON, but no list
NOT_FREE = {  # terms of a query that would break the walk
    "order": "posts come by descending id",
    "random": "posts come by descending id",
    "limit": f"a page has {LIMIT} posts; limit the collecting instead",
    "rating": "give ratings instead",
    "or": "collect one after the other instead",
}


class Danbooru(Site):
    """Danbooru, or its host that shows general posts only.

    Parameters
    ----------
    query : such as "touhou". Ratings and status are added; they are free, while an account without a subscription
        may ask for two other terms (more end the run with the site's words).
    ratings : letters that may come back; the host that shows general posts only has just g
    web, base, categories, ask_types : see :class:`~i2v_lib.collect.booru.sites.Site`; rows give categories

    Raises
    ------
    ValueError
        If the query sets what the walk or the policy decides, or the host does not serve the ratings.
    """

    name = SITE
    home = "https://danbooru.donmai.us"
    hosts = (SAFE_HOST, "danbooru.donmai.us", "cdn.donmai.us", "*.donmai.us")
    file_hosts = ("cdn.donmai.us",)
    post_page = POST_PAGE
    rating_scheme = SCHEME
    takes_account = True

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
        base = base or self.home_for(ratings)
        if urlsplit(base).hostname == SAFE_HOST and set(ratings) != {"g"}:
            raise ArgumentError("ratings", tuple(ratings), f"{SAFE_HOST} serves g only; use https://danbooru.donmai.us")
        self.web, self.base, self.query = web, base.rstrip("/"), full_query(query, ratings)
        self._window: int | None = None  # ids, once the whole walk has proved too heavy for the site

    @classmethod
    def home_for(cls, ratings: Sequence[str]) -> str:
        """The host that shows general posts only, where no others are asked for."""
        return f"https://{SAFE_HOST}" if set(ratings) == {"g"} else cls.home

    def page(self, before: int | None) -> Page:
        """Fetch the next posts with an id below ``before``; None: the newest.

        The walk ends at an empty page, not at a short one. Where the site gives up a search as too heavy,
        this and all later pages are asked for in windows of ids, each a tenth as wide until one succeeds;
        such a page may be empty without ending the walk.

        Raises
        ------
        WebError
            If the reply stays unusable, or holds no id below ``before``.
        """
        if self._window is None:
            try:
                return read_page(self._posts(self.query, before), self._read, before)
            except WebError as error:
                if error.reason != "query_canceled":
                    raise
                self._window = WINDOW
        return self._page_of_window(before)

    def count(self) -> int | None:
        """How many posts the query finds, roughly; None where the site cannot say.

        Raises
        ------
        WebError
            If the site cannot be reached.
        """
        try:
            reply = self.web.json(f"{self.base}/counts/posts.json", {"tags": self.query})
            return number(reply["counts"], "posts", None)
        except WebError as error:
            if error.reason in ("unreachable", "connection", "timeout"):
                raise
            return None
        except (BadRowError, TypeError, KeyError, AttributeError):
            return None

    def lookup(self, ids: Sequence[int]) -> list[Post]:
        """Fetch the current state of posts, at most 200; those that are gone are missing.

        Raises
        ------
        ValueError
            If more than 200 ids are given.
        WebError
            If a row cannot be read: it must not be taken for gone.
        """
        if len(ids) > LIMIT:
            raise ValueError(f"ids: {len(ids)} given; ask for at most {LIMIT} at once")
        if not ids:
            return []
        rows = self._posts("id:" + ",".join(map(str, ids)), None)
        return known_posts(read_page(rows, self._read, None), ids)

    def denied_implications(self) -> frozenset[str]:
        """Tags that imply a denied one, directly or through others.

        All active implications are read for it, 1,000 a request: a filter that the site ignored would hide
        some without a sign.

        Raises
        ------
        WebError
            If one cannot be read.
        """
        implying: dict[str, set[str]] = {}
        for antecedent, consequent in self._implications():
            implying.setdefault(consequent, set()).add(antecedent)
        found: set[str] = set()
        waiting = set(DENIED)
        while waiting:
            fresh = implying.get(waiting.pop(), set()) - found
            found |= fresh
            waiting |= fresh
        return frozenset(found) - DENIED

    def check(self) -> list[str]:
        """Compare the keys of one live page with those this module was written for.

        Returns
        -------
        one sentence a difference, empty if there are none
        """
        return differences(self._list("/posts.json", {"tags": self.query, "limit": 20}))

    def _page_of_window(self, before: int | None) -> Page:
        if before is None:
            newest = read_page(self._list("/posts.json", {"tags": "", "limit": 1, "only": ONLY}), self._read, None)
            before = (newest.next_before or 0) + 1
        while before > 1:
            low = max(before - self._window, 1)
            try:
                rows = self._posts(f"{self.query} id:{low}..{before - 1}", before)
            except WebError as error:
                if error.reason != "query_canceled" or self._window <= NARROWEST:
                    raise
                self._window //= 10
            else:
                return read_page(rows, self._read, before) if rows else Page((), (), low)
        return Page((), (), None)

    def _posts(self, tags: str, before: int | None) -> list[Any]:
        place = {} if before is None else {"page": f"b{before}"}
        return self._list("/posts.json", {"tags": tags, "limit": LIMIT, **place, "only": ONLY})

    def _implications(self) -> Iterator[tuple[str, str]]:
        question = {"search[status]": "active", "limit": 1000, "only": "id,antecedent_name,consequent_name,status"}
        lowest, place = LARGEST, dict[str, str]()
        while rows := self._list("/tag_implications.json", {**question, **place}):
            try:
                below = min(map(row_id, rows))
                for row in rows:
                    if text(row, "status") == "active":
                        yield text(row, "antecedent_name"), text(row, "consequent_name")
            except BadRowError as error:  # the lost one might be about a denied tag
                raise WebError("malformed_row", f"/tag_implications.json: {error}; try again later") from error
            if below >= lowest:
                raise WebError("out_of_order", f"/tag_implications.json: no id below {lowest}")
            lowest, place = below, {"page": f"b{below}"}

    def _list(self, path: str, parameters: dict[str, Any]) -> list[Any]:
        for _ in range(ATTEMPTS):
            reply = self.web.json(self.base + path, parameters)
            if isinstance(reply, list):
                return reply
        raise WebError("bad_json", f"{path}: expected a list, got {type(reply).__name__}")

    def _read(self, row: Any) -> Post:
        return read_post(row, {"https", urlsplit(self.base).scheme})


def full_query(query: str, ratings: Sequence[str]) -> str:
    """Add the ratings and the status to what the user looks for.

    Raises
    ------
    ValueError
        If a rating is unknown, or a term of the query would break the walk or belongs to the policy.
    """
    if not ratings or not set(ratings) <= set(RATINGS):
        raise ArgumentError("ratings", tuple(ratings), f"use one or more of {', '.join(RATINGS)}")
    letters = ",".join(rating for rating in RATINGS if rating in ratings)
    own = (f"rating:{letters}", "status:active", "-status:banned")
    terms = query.split()
    for term in terms:
        name, colon, _ = term.lower().lstrip("-~(").partition(":")
        if term not in own and name in NOT_FREE and (colon or name == "or"):
            raise ArgumentError("query", query, f"{term!r} cannot be part of it; {NOT_FREE[name]}")
    return " ".join([*(term for term in terms if term not in own), *own])
