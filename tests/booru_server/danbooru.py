"""The protocol of danbooru.donmai.us and its safe host."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from . import query as language
from .board import IMPLICATIONS, RETIRED, Board
from .exchange import Reply, Request, SiteError, json_reply, not_found
from .gate import ACCOUNTS, GOLD, TAG_LIMITS, Account, account_of, check_permission
from .pages import page_size, paginate
from .posts import Post
from .rows import cut, is_hidden, parse_only, post_row

MOST_POSTS, MOST_OTHERS = 200, 1000  # rows of one page
LONG_AGO = "2014-03-01T00:00:00.000-05:00"


@dataclass
class Danbooru:
    """Answers the requests of one protocol.

    Parameters
    ----------
    board : the site's records
    cdn : base address of the file host
    safe_mode : behave as the safe host whatever the Host header says
    careless : a faulty site, which ignores ``rating:`` and ``status:`` and so lists what was not asked for
    counts : "exact", or "null" for counts that timed out
    """

    board: Board
    cdn: str
    safe_mode: bool = False
    careless: bool = False
    counts: str = "exact"

    def answer(self, request: Request) -> Reply:
        """Reply to one request, refusals included."""
        try:
            return self._route(request)
        except SiteError as error:
            return error.reply()

    def _route(self, request: Request) -> Reply:
        if request.path == "/robots.txt":
            return Reply(200, b"User-agent: *\nDisallow: /*.json\n", {"Content-Type": "text/plain"})
        if request.body_bytes and request.method == "GET":
            raise SiteError(400, "ApplicationController::RequestBodyNotAllowedError", "Request body not allowed")
        cause = request.query.get("cause_error", "")
        if re.fullmatch(r"[45]\d\d", cause):
            raise SiteError(int(cause), "StandardError", f"Caused error {cause}")
        account = account_of(request)
        routes: dict[str, tuple[str, Callable[[Request, Account], Any]]] = {
            "/posts.json": ("posts:index", self._posts),
            "/counts/posts.json": ("counts:posts", self._counts),
            "/tags.json": ("tags:index", lambda r, _: self._table(r, self.board.tag_rows())),
            "/tag_aliases.json": ("tag_aliases:index", lambda r, _: self._table(r, self._aliases())),
            "/tag_implications.json": ("tag_implications:index", lambda r, _: self._table(r, _implications())),
            "/artists.json": ("artists:index", lambda r, _: self._table(r, self._artists())),
            "/profile.json": ("profile:show", _profile),
        }
        single = re.fullmatch(r"/posts/(\d+)\.json", request.path)
        if single:
            endpoint, route = "posts:show", lambda r, a: self._row(self._existing(int(single[1])), r, a)
        elif request.path in routes:
            endpoint, route = routes[request.path]
        else:
            raise not_found()
        check_permission(account, endpoint)
        return json_reply(cut(route(request, account), parse_only(request.query.get("only", ""))))

    def _existing(self, post_id: int) -> Post:
        if post_id not in self.board.posts:
            raise not_found()
        return self.board.posts[post_id]

    def _safe(self, request: Request) -> bool:
        host = request.headers.get("host", "")
        asked = request.query.get("safe_mode", "").lower() in ("true", "1", "yes")
        return self.safe_mode or asked or host.startswith("safebooru.")

    def _row(self, post: Post, request: Request, account: Account) -> dict[str, Any]:
        return self._rows([post], request, account)[0]

    def _rows(self, posts: list[Post], request: Request, account: Account) -> list[dict[str, Any]]:
        children: dict[int, list[Post]] = {}
        for post in self.board.posts.values():
            if post.parent_id is not None:
                children.setdefault(post.parent_id, []).append(post)
        safe, gold = self._safe(request), account.level >= GOLD
        return [post_row(post, self.cdn, children, is_hidden(post, safe, gold)) for post in posts]

    def _found(self, request: Request, account: Account) -> tuple[list[Post], list[language.Term]]:
        """Posts of a search in its order, and its terms."""
        terms = language.parse(request.query.get("tags", ""))
        language.check(terms, TAG_LIMITS[account.level])
        asked = [term for term in terms if not (self.careless and term.name in ("rating", "status", "is"))]
        if self._safe(request) and not self.careless:
            asked.append(language.Term("rating", "g", False))
        children = frozenset(post.parent_id for post in self.board.posts.values() if post.parent_id)
        posts = [
            post
            for post in self.board.newest_first()
            if all(language.matches(post, term, self.board.canonical, children) for term in asked)
        ]
        order = next((term.value for term in terms if term.name == "order"), "id_desc")
        if order in ("id", "id_asc"):
            posts.reverse()
        elif order == "score":
            posts.sort(key=lambda post: -(post.id % 17))
        return posts, terms

    def _posts(self, request: Request, account: Account) -> Any:
        if "md5" in request.query:  # one object, not a list
            post = self.board.files.get(request.query["md5"])
            if post is None or post.removed or post.file.md5 != request.query["md5"]:
                raise not_found()
            return self._row(post, request, account)
        posts, terms = self._found(request, account)
        query = dict(request.query)
        for term in terms:
            if term.name == "limit":
                query.setdefault("limit", term.value)
        page = paginate(posts, query.get("page", ""), page_size(query, MOST_POSTS), lambda post: post.id)
        return self._rows(page, request, account)

    def _counts(self, request: Request, account: Account) -> dict[str, Any]:
        posts, terms = self._found(request, account)
        if any(term.name == "order" for term in terms):
            raise SiteError(500, "ActiveRecord::QueryCanceled", "The database timed out running your query.")
        return {"counts": {"posts": None if self.counts == "null" else len(posts)}}

    def _aliases(self) -> list[dict[str, Any]]:
        pairs = [(old, new, "active") for old, new in self.board.aliases.items()]
        pairs += [(old, new, "deleted") for old, new in RETIRED.items()]
        return [_relation(number, *pair) for number, pair in enumerate(pairs, 50)][::-1]

    def _artists(self) -> list[dict[str, Any]]:
        names = sorted({name for post in self.board.posts.values() for name in post.tags["artist"]})
        rows = [
            {"id": number, "name": name, "is_banned": name == "withdrawn_artist", "is_deleted": False}
            for number, name in enumerate(names, 300)
        ]
        return rows[::-1]

    @staticmethod
    def _table(request: Request, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """A page of tags, aliases, implications or artists: ``search[…]`` filters and ``search[order]``."""
        order = ""
        for name, value in request.query.items():
            match = re.fullmatch(r"search\[(.+)\]", name)
            if match and match[1] == "order":
                order = value
            elif match:
                rows = [row for row in rows if _fits(row, match[1], value)]
        if order == "count":  # any other order is newest id first
            rows = sorted(rows, key=lambda row: -row.get("post_count", 0))
        elif order == "name":
            rows = sorted(rows, key=lambda row: row.get("name", ""))
        limit = page_size(request.query, MOST_OTHERS)
        return paginate(rows, request.query.get("page", ""), limit, lambda row: row["id"])


def _profile(request: Request, account: Account) -> dict[str, Any]:
    row = replace(account, key="")
    return {"id": row.id, "name": row.name, "level": row.level if account.name in ACCOUNTS else 0}


def _implications() -> list[dict[str, Any]]:
    return [_relation(number, old, new, "active") for number, (old, new) in enumerate(IMPLICATIONS, 70)][::-1]


def _relation(number: int, old: str, new: str, status: str) -> dict[str, Any]:
    return {
        "id": number, "antecedent_name": old, "consequent_name": new, "status": status, "creator_id": 1,
        "forum_topic_id": None, "created_at": LONG_AGO, "updated_at": LONG_AGO, "approver_id": 1, "reason": "",
    }  # fmt: skip


def _fits(row: dict[str, Any], name: str, value: str) -> bool:
    """Whether a row passes one ``search[name]=value``.

    Raises
    ------
    SiteError
        422 for a filter that the test server does not know; silence would hide a misspelt one.
    """
    if name == "hide_empty":
        return value not in ("yes", "true", "1") or row.get("post_count", 0) > 0
    column, _, how = name.rpartition("_")
    if name in row:
        if isinstance(row[name], bool):
            return row[name] == (value.lower() in ("yes", "true", "1"))
        return str(row[name]).lower() == value.lower()
    if column in row and how in ("comma", "space"):
        return str(row[column]) in value.split("," if how == "comma" else None)
    if column in row and how in ("matches", "like", "ilike"):
        return fnmatchcase(str(row[column]), value.replace("[", "[[]"))
    raise SiteError(422, "ArgumentError", f"search[{name}]: the test server does not know this filter.")
