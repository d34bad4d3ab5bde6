"""One request as the server sees it, and one reply before it is sent."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    """What a client asked for."""

    host: str  # "api" or "cdn"
    method: str
    path: str
    query: dict[str, str]  # the last value of each name
    headers: dict[str, str]  # names in lower case
    body_bytes: int = 0

    @property
    def target(self) -> str:
        """Host, path and query as one text: what fault rules count the hits of."""
        query = "&".join(f"{name}={value}" for name, value in sorted(self.query.items()))
        return f"{self.host} {self.path}?{query}" if query else f"{self.host} {self.path}"


@dataclass(frozen=True)
class Reply:
    """What the server is about to send.

    ``send`` is one of ``whole``, ``drip``, ``stall``, ``truncate``, ``truncate_chunked`` and ``close``.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    declared: int | None = None  # Content-Length, where it is not the body's
    delay: float = 0.0  # seconds before the first byte
    send: str = "whole"
    chunk: int = 16384  # bytes written at once
    pause: float = 0.0  # seconds between chunks of a drip, or in the middle of a stall


def json_reply(content: Any, status: int = 200) -> Reply:
    """Answer with JSON, in UTF-8 and unescaped, as the site writes it."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return Reply(status, text.encode(), {"Content-Type": "application/json; charset=utf-8"})


def html_reply(title: str, status: int, **headers: str) -> Reply:
    """Answer with a page as nginx writes it."""
    page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>"
    return Reply(status, f"{page}\r\n</html>\r\n".encode(), {"Content-Type": "text/html"} | headers)


class SiteError(Exception):
    """A refusal that the site words as JSON.

    Parameters
    ----------
    status : HTTP status
    name : class of the error in the site's own program
    message : for a person
    """

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(message)
        self.status, self.name = status, name

    def reply(self) -> Reply:
        """The refusal in the shape in which the site words all of them."""
        trace = ["app/controllers/application_controller.rb:1:in `rescue_exception'"]
        content = {"success": False, "error": self.name, "message": str(self), "backtrace": trace}
        return json_reply(content, self.status)


def not_found() -> SiteError:
    """No such record, or no such page."""
    return SiteError(404, "ActiveRecord::RecordNotFound", "That record was not found.")
