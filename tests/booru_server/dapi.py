"""The protocol of safebooru.org, with what it gets wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape, unescape
from typing import Any
from xml.sax.saxutils import quoteattr

from .board import IMPLICATIONS, Board
from .exchange import Reply, Request, json_reply
from .posts import Post

RATINGS = {"g": "general", "s": "safe", "q": "questionable"}  # nothing explicit is listed
MOST, DEEPEST = 1000, 1000  # rows of a page; pid
FOLDERS = {"images": "original", "samples": "sample", "thumbnails": "180x180"}  # and what lies there
PREFIXES = {"images": "", "samples": "sample_", "thumbnails": "thumbnail_"}


def directory(post: Post) -> int:
    """The folder of a post's file."""
    return 4000 + post.id % 3


@dataclass
class Dapi:
    """Answers ``/index.php?page=dapi``.

    Parameters
    ----------
    board : the site's records
    files : base address of the file host
    wrapped : give posts as ``{"post": […]}`` instead of a list
    careless : a faulty site, which ignores ``rating:``
    """

    board: Board
    files: str
    wrapped: bool = False
    careless: bool = False

    def answer(self, request: Request) -> Reply:
        """Reply to one request."""
        query = request.query
        if query.get("page") != "dapi" or query.get("q") != "index" or query.get("s") not in ("post", "tag"):
            return _xml('<response success="false" reason="unknown request"/>')
        if query["s"] == "tag":
            return self._tags(query)
        if query.get("deleted") == "show":
            return self._deleted(query)
        limit = min(_number(query, "limit", 100), MOST)
        if _number(query, "pid", 0) > DEEPEST:
            return _xml('<response success="false" reason="Search error: API limited due to abuse."/>')
        posts = self._found(query)
        start = _number(query, "pid", 0) * limit
        rows = [self._row(post) for post in posts[start : start + limit]]
        if query.get("json") != "1":
            inside = "".join(f"<post {_attributes(self._xml_row(row))}/>" for row in rows)
            return _xml(f'<posts count="{len(posts)}" offset="{start}">{inside}</posts>')
        if not rows:  # even though JSON was asked for
            return _xml('<response success="false" reason="No posts found."/>')
        return json_reply({"post": rows} if self.wrapped else rows)

    def _listed(self) -> list[Post]:
        """Posts of this site, newest first."""
        return [
            post
            for post in self.board.newest_first()
            if post.rating in RATINGS and not post.flags and not post.file.moving
        ]

    def _found(self, query: dict[str, str]) -> list[Post]:
        posts = self._listed()
        if query.get("id", "").isdigit():
            posts = [post for post in posts if post.id == int(query["id"])]
        for word in query.get("tags", "").lower().split():
            test = self._test(word.removeprefix("-"))
            posts = [post for post in posts if test is None or test(post) != word.startswith("-")]
        return posts

    def _test(self, word: str) -> Callable[[Post], bool] | None:
        """What a word asks of a post; None for what the site silently ignores."""
        below, exact = re.fullmatch(r"id:<(\d+)", word), re.fullmatch(r"id:(\d+)", word)
        if below:
            return lambda post: post.id < int(below[1])
        if exact:
            return lambda post: post.id == int(exact[1])
        if word.startswith("rating:") and not self.careless:
            return lambda post: RATINGS[post.rating] == word.removeprefix("rating:")
        if re.match(r"(id|rating|sort|score|width|height):", word):
            return None
        return lambda post: word in self._names(post)

    def _names(self, post: Post) -> list[str]:
        """A post's tags with those that they imply."""
        names = set(post.all_tags())
        while more := {new for old, new in IMPLICATIONS if old in names} - names:
            names |= more
        return sorted(names)

    def _row(self, post: Post) -> dict[str, Any]:
        file, folder = post.file, directory(post)
        image = f"{file.image}.{file.ext}"
        kinds = {kind: (width, height) for kind, width, height, _ in file.kinds()}
        sample = "sample" in kinds
        width, height = kinds.get("sample", (file.width, file.height))
        tags = escape(" ".join(self._names(post))).replace("&#x27;", "&#039;")  # as PHP writes it
        row = {
            "preview_url": self._address("thumbnails", post),
            "sample_url": self._address("samples" if sample else "images", post),
            "file_url": self._address("images", post),
            "directory": str(folder) if post.id % 2 else folder, "hash": file.md5, "width": file.width,
            "height": file.height, "id": post.id, "image": image, "change": int(post.created), "owner": "danbooru",
            "parent_id": post.parent_id or 0, "rating": RATINGS[post.rating], "sample": sample,
            "sample_height": height, "sample_width": width, "score": post.id % 17 or None,
            "tags": f" {tags} ", "source": escape(post.source), "status": "active", "has_notes": False,
            "comment_count": 0,
        }  # fmt: skip
        if file.original_only:
            row["preview_url"] = row["file_url"]
        return row

    def _address(self, folder: str, post: Post) -> str:
        ext = post.file.ext if folder == "images" else "jpg"
        return f"{self.files}/{folder}/{directory(post)}/{PREFIXES[folder]}{post.file.image}.{ext}"

    @staticmethod
    def _xml_row(row: dict[str, Any]) -> dict[str, Any]:
        created = datetime.fromtimestamp(row["change"], UTC).strftime("%a %b %d %H:%M:%S +0000 %Y")
        same = {key: value for key, value in row.items() if key not in ("hash", "image", "directory", "owner")}
        return same | {"tags": unescape(row["tags"]), "md5": row["hash"], "creator_id": 2, "created_at": created}

    def _tags(self, query: dict[str, str]) -> Reply:
        """The tag list: XML whatever was asked for."""
        rows = sorted(self.board.tag_rows(), key=lambda row: row["id"])
        if "names" in query or "name" in query:
            wanted = query.get("names", query.get("name", "")).split()
            rows = [row for row in rows if row["name"] in wanted]
        rows = [row for row in rows if row["id"] > _number(query, "after_id", 0)]
        rows = rows[: min(_number(query, "limit", 100), MOST)]
        inside = "".join(
            f"<tag {_attributes({'type': row['category'], 'count': row['post_count'], 'name': row['name']})} "
            f'ambiguous="false" id="{row["id"]}"/>'
            for row in rows
        )
        return _xml(f'<tags type="array">{inside}</tags>')

    def _deleted(self, query: dict[str, str]) -> Reply:
        last = _number(query, "last_id", 0)
        gone = [post for post in self.board.newest_first() if "deleted" in post.flags and post.id > last]
        inside = "".join(f'<post deleted="{post.id}" md5="{post.file.md5}"/>' for post in gone)
        return _xml(f"<posts>{inside}</posts>")


def _number(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    return int(text) if text.isdigit() else default


def _attributes(values: dict[str, Any]) -> str:
    def write(value: Any) -> str:
        return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)

    return " ".join(f"{name}={quoteattr(write(value))}" for name, value in values.items())


def _xml(inside: str) -> Reply:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{inside}\n'
    return Reply(200, text.encode(), {"Content-Type": "text/xml; charset=utf-8"})
