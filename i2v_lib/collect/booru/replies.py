"""What a reply means: continue, wait, leave this record out, or end the run."""

from __future__ import annotations

import json
from typing import Any

from i2v_lib.collect.booru.identity import KEY, LOGIN, redact

GONE = (404, 410, 451)
PASSING = (408, 425, 429)  # and all from 500 on: worth another try
MESSAGE = 300  # characters of a site's message that are passed on


class StopCollecting(RuntimeError):
    """The run must end; the message says why, and what to do."""

    def __init__(self, message: object) -> None:
        super().__init__(redact(message))


class NotThereError(LookupError):
    """The record or the file is not there, or no longer."""

    def __init__(self, message: object) -> None:
        super().__init__(redact(message))


class WebError(OSError):
    """One request failed for good; the next one may be made.

    Attributes
    ----------
    reason : one word for a table
        ``timeout``, ``connection``, ``truncated``, ``encoding``, ``http_503`` and the like, ``query_canceled``
        (the site gave up a search as too heavy), ``bad_json``, ``too_large``, ``not_an_image``, ``wrong_md5``,
        ``bad_range``, ``address`` (it may not be asked) or ``redirect`` (it leads where none may go).
    """

    def __init__(self, reason: str, detail: object) -> None:
        super().__init__(f"{reason}: {redact(detail)}")
        self.reason, self.detail = reason, redact(detail)


class RetryableError(WebError):
    """What may be better at the next try."""


def explain(status: int, headers: Any, body: bytes, place: str) -> Exception:
    """Tell what an unsuccessful reply means.

    Parameters
    ----------
    status : HTTP status, not 200
    headers : the reply's
    body : its beginning
    place : the host, for the message

    Returns
    -------
    :class:`StopCollecting`, :class:`NotThereError`, :class:`RetryableError` or :class:`WebError`, not raised

    Source: booru-protocol.md, §1.8.
    """
    kind = headers.get("content-type", "").lower()
    is_json, is_page = "json" in kind, "html" in kind or body.lstrip()[:1] == b"<" and b"<html" in body[:1000].lower()
    said = f"{place} answers {status}{message_of(body) if is_json else ''}"
    if "cf-mitigated" in headers or status == 403 and is_page:
        return StopCollecting(
            f"{said}, a challenge page, which is never solved here; collect nothing from it for a day"
        )
    if status == 401:
        return StopCollecting(f"{said}; check {LOGIN} and {KEY}")
    if status == 403 and is_json:
        return StopCollecting(f"{said}; the account or its API key may not ask this, see the key's permissions")
    if status == 422 or status == 400 and is_json:
        return StopCollecting(f"{said}; the site does not take this query, ask for fewer or other tags")
    if status in GONE:
        return NotThereError(said)
    if status == 500 and b"QueryCanceled" in body:
        return RetryableError("query_canceled", f"{said}; ask for fewer posts at once")
    if status >= 500 or status in PASSING:
        return RetryableError(f"http_{status}", said)
    return WebError(f"http_{status}", said)


def message_of(body: bytes) -> str:
    """The site's own words from the JSON of an error, after a colon; nothing where it has none."""
    try:
        content = json.loads(body)
        words = str(content["message"] or content["error"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return ": " + " ".join("".join(c if c.isprintable() else " " for c in words[:MESSAGE]).split())
