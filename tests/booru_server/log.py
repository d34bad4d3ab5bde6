"""What was asked of the server, by whom and when: the tests of clients assert on this and on nothing else."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass
class Record:
    """One request; written when it arrives, completed when it ends."""

    number: int  # from 1, in order of arrival
    time: float  # seconds since 1970
    host: str  # "api" or "cdn"
    method: str
    path: str
    query: dict[str, str]
    agent: str  # User-Agent
    authorized: bool  # whether there was an Authorization header
    range: str  # Range header
    ended: float | None = None  # seconds since 1970; None while it runs
    status: int = 0  # 0 if the connection was closed before any
    bytes: int = 0  # of the body, handed to the network
    fault: str = ""  # action of the plan that struck
    post_id: int | None = None  # whose file was asked for; the flags are those at that moment
    kind: str = ""  # of variant
    rating: str = ""
    denied: bool = False
    hidden: bool = False  # banned or restricted: no address was given
    deleted: bool = False
    doubtful: bool = False  # pending or flagged
    removed: bool = False
    moving: bool = False  # a video, a gif, or a bundle of frames


class Log:
    """Records in order of arrival; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: list[Record] = []

    def open(self, host: str, method: str, path: str, query: dict[str, str], headers: dict[str, str]) -> Record:
        """Note a request that has just arrived."""
        with self._lock:
            record = Record(
                len(self._records) + 1, time.time(), host, method, path, query, headers.get("user-agent", ""),
                "authorization" in headers, headers.get("range", ""),
            )  # fmt: skip
            self._records.append(record)
        return record

    def records(self) -> list[Record]:
        """A copy of the list."""
        with self._lock:
            return list(self._records)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._records.clear()


def as_rows(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Records as plain data."""
    return [dataclasses.asdict(record) for record in records]


def busiest(records: Iterable[Record], window: float = 1.0) -> int:
    """The largest number of requests that arrived within any ``window`` seconds."""
    times = sorted(record.time for record in records)
    most = start = 0
    for end, now in enumerate(times):
        while now - times[start] >= window:
            start += 1
        most = max(most, end - start + 1)
    return most


def concurrency(records: Iterable[Record]) -> int:
    """The largest number of requests under way at one moment; those that never ended count to the last."""
    edges = []
    for record in records:
        edges.append((record.time, 1))
        edges.append((float("inf") if record.ended is None else record.ended, -1))
    most = now = 0
    for _, step in sorted(edges):  # at equal times an end comes before a start
        now += step
        most = max(most, now)
    return most
