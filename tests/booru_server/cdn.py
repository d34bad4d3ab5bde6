"""The file host: variants by MD5, ranges, ETags, and redirects from old addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .board import Board
from .dapi import FOLDERS, directory
from .exchange import Reply, Request, html_reply
from .pictures import TYPES
from .posts import Post

_NEW = re.compile(
    r"/(original|sample|720x720|360x360|180x180)/([0-9a-f]{2})/([0-9a-f]{2})/(sample-)?(\2\3[0-9a-f]{28})\.(\w+)"
)
_OLD = (
    (r"/data/(?:[0-9a-f]{2}/[0-9a-f]{2}/)?([0-9a-f]{32}\.\w+)", "original", ""),
    (r"/data/original/[0-9a-f]{2}/[0-9a-f]{2}/([0-9a-f]{32}\.\w+)", "original", ""),
    (r"/data/sample/(?:[0-9a-f]{2}/[0-9a-f]{2}/)?sample-([0-9a-f]{32}\.\w+)", "sample", "sample-"),
    (r"/data/preview/(?:[0-9a-f]{2}/[0-9a-f]{2}/)?([0-9a-f]{32}\.\w+)", "180x180", ""),
    (r"/[0-9a-f]{2}/[0-9a-f]{2}/([0-9a-f]{32}\.\w+)", "original", ""),
)
_DAPI = re.compile(r"/(images|samples|thumbnails)/(\d+)/(?:sample_|thumbnail_)?([0-9a-f]{40})\.(\w+)")


@dataclass
class Cdn:
    """Answers requests for files."""

    board: Board

    def locate(self, path: str) -> tuple[Post, str, str] | None:
        """Whose file a path names, if anybody's: the post, the kind of variant, its ext.

        Files that are gone are found too, so that the log can say whose they were.
        """
        for pattern, kind, _ in _OLD:
            match = re.fullmatch(pattern, path)
            if match:
                md5, _, ext = match[1].partition(".")
                return (self.board.files[md5], kind, ext) if md5 in self.board.files else None
        match = _NEW.fullmatch(path)
        if match:
            post = self.board.files.get(match[5])
            return (post, match[1], match[6]) if post else None
        match = _DAPI.fullmatch(path)
        if match:
            post = self.board.images.get(match[3])
            return (post, FOLDERS[match[1]], match[4]) if post and match[2] == str(directory(post)) else None
        return None

    def answer(self, request: Request) -> Reply:
        """Reply to one request."""
        for pattern, kind, prefix in _OLD:
            match = re.fullmatch(pattern, request.path)
            if match:
                name = match[1]
                return html_reply("308", 308, Location=f"/{kind}/{name[:2]}/{name[2:4]}/{prefix}{name}")
        located = self.locate(request.path)
        if located is None:
            return html_reply("404 Not Found", 404)
        post, kind, ext = located
        current = post.file.md5 in request.path or post.file.image in request.path  # a replaced file is gone
        declared = {name: declared for name, _, _, declared in post.file.kinds()}
        if post.removed or not current or declared.get(kind) != ext or post.file.moving:
            return html_reply("404 Not Found", 404)
        body = post.file.variant(kind)
        headers = {
            "Content-Type": TYPES[ext],
            "ETag": f'"{post.file.md5[:12]}-{kind}-{len(body):x}"',
            "Last-Modified": "Sat, 03 Jan 2026 00:00:00 GMT",
            "Cache-Control": "public, max-age=31536000",
            "Accept-Ranges": "bytes",
        }
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Reply(304, b"", headers)
        if request.headers.get("if-range", headers["ETag"]) != headers["ETag"]:
            return Reply(200, body, headers)
        return part_of(body, request.headers.get("range", ""), headers)


def part_of(body: bytes, asked: str, headers: dict[str, str]) -> Reply:
    """The bytes that one ``Range`` asks for: 206, 416 if there are none, or 200 if it is no range.

    Parameters
    ----------
    body : of the whole file
    asked : the Range header; ``bytes=5-``, ``bytes=5-9`` or ``bytes=-4``
    headers : of the whole reply
    """
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", asked)
    if not match or not (match[1] or match[2]):
        return Reply(200, body, headers)
    total = len(body)
    first = int(match[1]) if match[1] else max(0, total - int(match[2]))
    last = min(int(match[2]), total - 1) if match[1] and match[2] else total - 1
    if first > last or first >= total:
        return Reply(416, b"", {"Content-Range": f"bytes */{total}"})
    return Reply(206, body[first : last + 1], headers | {"Content-Range": f"bytes {first}-{last}/{total}"})
