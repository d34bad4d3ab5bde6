"""What can go wrong with one exchange. Each function is an action of the fault plan, its parameters the options."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

from PIL import Image, UnidentifiedImageError

from . import gate
from .exchange import Reply, Request, html_reply, json_reply
from .row_actions import ROW_ACTIONS

_PHRASES = {
    403: "Forbidden", 404: "Not Found", 410: "Gone", 429: "Too Many Requests", 451: "Unavailable For Legal Reasons",
    500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out",
}  # fmt: skip


def status(reply: Reply, request: Request, status: int, headers: dict[str, str] | None = None) -> Reply:
    """Another status: JSON from the API, a page from the file host; 429 and 502 to 504 are pages everywhere."""
    phrase = _PHRASES.get(status, "Error")
    if request.host == "cdn" or status == 429 or 502 <= status <= 504:
        return html_reply(f"{status} {phrase}", status, **(headers or {}))
    made = json_reply({"success": False, "error": "StandardError", "message": phrase, "backtrace": []}, status)
    return replace(made, headers=made.headers | (headers or {}))


def query_canceled(reply: Reply) -> Reply:
    """500 of a query that took too long."""
    message = "The database timed out running your query."
    content = {"success": False, "error": "ActiveRecord::QueryCanceled", "message": message, "backtrace": []}
    return json_reply(content, 500)


def challenge(reply: Reply) -> Reply:
    """403 with a page that asks for a proof of being a person."""
    return gate.challenge()


def delay(reply: Reply, seconds: float = 1.0) -> Reply:
    """Nothing at all for some time."""
    return replace(reply, delay=seconds)


def drip(reply: Reply, chunk: int = 64, pause: float = 0.01) -> Reply:
    """Few bytes at a time."""
    return replace(reply, send="drip", chunk=chunk, pause=pause)


def stall(reply: Reply, seconds: float = 60.0) -> Reply:
    """Half of the body, then silence, then the rest."""
    return replace(reply, send="stall", pause=seconds)


def truncate(reply: Reply) -> Reply:
    """Half of the body under the Content-Length of all of it, then the end of the connection."""
    return replace(reply, send="truncate")


def truncate_chunked(reply: Reply) -> Reply:
    """Half of the body in chunked coding, without the last chunk."""
    return replace(reply, send="truncate_chunked")


def close(reply: Reply) -> Reply:
    """The end of the connection before any byte."""
    return replace(reply, send="close")


def wrong_length(reply: Reply, extra: int = 100) -> Reply:
    """A Content-Length that promises more than comes."""
    return replace(reply, declared=len(reply.body) + extra)


def huge_length(reply: Reply, declared: int = 10**12) -> Reply:
    """A Content-Length that no disk holds."""
    return replace(reply, declared=declared)


def other_picture(reply: Reply) -> Reply:
    """A valid picture of the same kind, size and length, but not the one asked for."""
    try:
        image = Image.open(io.BytesIO(reply.body))
    except UnidentifiedImageError:
        return replace(reply, body=bytes(len(reply.body)))
    buffer = io.BytesIO()
    Image.new("RGB", image.size, (200, 40, 90)).save(buffer, image.format, quality=20)
    return replace(reply, body=buffer.getvalue().ljust(len(reply.body), b"\0")[: len(reply.body)])


def flip_byte(reply: Reply, at: float = 0.7) -> Reply:
    """One byte changed, at a share of the length."""
    if not reply.body:
        return reply
    body = bytearray(reply.body)
    body[min(len(body) - 1, int(at * len(body)))] ^= 0x55
    return replace(reply, body=bytes(body))


def html(reply: Reply, content_type: str = "text/html") -> Reply:
    """200 with a page instead of the file, under the true type or under a picture's."""
    page = b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body>Back soon</body></html>"
    return Reply(200, page, {"Content-Type": content_type})


def wrong_type(reply: Reply, content_type: str = "application/octet-stream") -> Reply:
    """Another Content-Type over the right bytes."""
    return replace(reply, headers=reply.headers | {"Content-Type": content_type})


def gzip_bomb(reply: Reply, megabytes: int = 64) -> Reply:
    """A small compressed body that becomes large."""
    return replace(reply, body=_zeros(megabytes), headers=reply.headers | {"Content-Encoding": "gzip"})


@lru_cache(maxsize=2)
def _zeros(megabytes: int) -> bytes:
    return gzip.compress(bytes(megabytes * 2**20), 6)


def wrong_range(reply: Reply) -> Reply:
    """206 for other bytes than were asked for, and it says so; replies that are no 206 stay as they are."""
    if reply.status != 206:
        return reply
    total = reply.headers["Content-Range"].partition("/")[2]
    headers = reply.headers | {"Content-Range": f"bytes 0-{len(reply.body) - 1}/{total}"}
    return replace(reply, headers=headers, body=reply.body[::-1])


def redirect(reply: Reply, to: str, status: int = 302) -> Reply:
    """A redirect to any address, a forbidden one perhaps."""
    return html_reply("302 Found", status, Location=to)


def redirect_loop(reply: Reply, request: Request, status: int = 302) -> Reply:
    """A redirect to the same address."""
    query = "&".join(f"{name}={value}" for name, value in request.query.items())
    return html_reply("302 Found", status, Location=request.path + ("?" + query if query else ""))


def bad_json(reply: Reply) -> Reply:
    """JSON that ends too early."""
    return replace(reply, body=reply.body[: len(reply.body) * 2 // 3] + b'{"')


def json_object(reply: Reply, content: Any = None) -> Reply:
    """JSON of another shape than a list."""
    return json_reply({"posts": json.loads(reply.body)} if content is None else content)


def ignore_range(request: Request) -> Request:
    """The whole file with 200, although a part was asked for."""
    kept = {name: value for name, value in request.headers.items() if name not in ("range", "if-range")}
    return replace(request, headers=kept)


def ignore_query(request: Request) -> Request:
    """Posts that were not asked for."""
    return replace(request, query=request.query | {"tags": ""})


def repeat_rows(request: Request, ids: int = 20) -> Request:
    """A page that begins above the cursor, so that it repeats rows of the page before."""
    query = dict(request.query)
    if query.get("page", "").startswith("b"):
        query["page"] = f"b{int(query['page'][1:]) + ids}"
    words = query.get("tags", "").split()
    moved = [f"id:<{int(word[4:]) + ids}" if word.startswith("id:<") else word for word in words]
    return replace(request, query=query | ({"tags": " ".join(moved)} if words else {}))


ON_REPLY: dict[str, Callable[..., Reply]] = {
    action.__name__: action
    for action in (
        status, query_canceled, challenge, delay, drip, stall, truncate, truncate_chunked, close, wrong_length,
        huge_length, other_picture, flip_byte, html, wrong_type, gzip_bomb, wrong_range, redirect, redirect_loop,
        bad_json, json_object,
    )
} | ROW_ACTIONS  # fmt: skip
ON_REQUEST: dict[str, Callable[..., Request]] = {
    action.__name__: action for action in (ignore_range, ignore_query, repeat_rows)
}
