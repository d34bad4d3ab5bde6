"""What can go wrong with the rows of a listing; replies that are no list of rows stay as they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .exchange import Reply

Rows = list[Any]
ADDRESSES = {
    "parent": "/original/../../../../../../tmp/escaped.png",
    "other_host": "//files.invalid/original/ab/cd/abcdabcdabcdabcdabcdabcdabcdabcd.png",
    "local_file": "file:///etc/hostname",
    "nul": "/original/ab/cd/abcdabcdabcd\0abcdabcdabcdabcdabcd.png",
    "long": "/original/" + "a" * 5000 + ".png",
    "not_text": 17,
}


def duplicate_rows(rows: Rows) -> Rows:
    """Every row twice."""
    return [row for row in rows for _ in range(2)]


def short_page(rows: Rows, keep: int = 3) -> Rows:
    """Only the first rows, in the middle of the walk; the next page goes on below them."""
    return rows[:keep]


def bad_address(rows: Rows, kind: str = "parent", row: int = 0) -> Rows:
    """One row whose files lie outside of where they may: see :data:`ADDRESSES` for the kinds."""
    address = ADDRESSES[kind]

    def spoil(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: address if key.endswith("url") else spoil(inside) for key, inside in value.items()}
        return [spoil(inside) for inside in value] if isinstance(value, list) else value

    return [spoil(content) if number == row else content for number, content in enumerate(rows)]


def bad_md5(rows: Rows, value: Any = "../../../tmp/escaped", row: int = 0) -> Rows:
    """One row whose MD5 is none; dapi's name for it too."""
    return edit_row(rows, {name: value for name in ("md5", "hash") if row < len(rows) and name in rows[row]}, row)


def edit_row(rows: Rows, values: dict[str, Any], row: int = 0) -> Rows:
    """One row with other values; to leave keys out, use ``drop_keys``."""
    return [content | values if number == row else content for number, content in enumerate(rows)]


def drop_keys(rows: Rows, keys: list[str], row: int | None = None) -> Rows:
    """Rows without some keys: one, or all. A row without ``id`` occurs in old dumps."""
    return [
        {key: value for key, value in content.items() if key not in keys} if row in (None, number) else content
        for number, content in enumerate(rows)
    ]


def no_row(rows: Rows, content: Any = None, row: int = 0) -> Rows:
    """Something else in place of one row."""
    return [content if number == row else true for number, true in enumerate(rows)]


def _on_reply(action: Callable[..., Rows]) -> Callable[..., Reply]:
    """Make an action on rows one on replies, with the same options."""

    def apply(reply: Reply, **options: Any) -> Reply:
        try:
            content = json.loads(reply.body)
        except ValueError:
            return reply
        wrapped = isinstance(content, dict) and isinstance(content.get("post"), list)
        rows = content["post"] if wrapped else content
        if reply.status != 200 or not isinstance(rows, list):
            return reply
        made = action(rows, **options)
        text = json.dumps({"post": made} if wrapped else made, ensure_ascii=False)
        return replace(reply, body=text.encode())

    apply.__wrapped__ = action  # inspect.signature then sees the options
    apply.__doc__ = action.__doc__
    return apply


ROW_ACTIONS = {
    action.__name__: _on_reply(action)
    for action in (duplicate_rows, short_page, bad_address, bad_md5, edit_row, drop_keys, no_row)
}
