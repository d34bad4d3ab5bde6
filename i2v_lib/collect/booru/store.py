"""One collecting on disk: ``state.sqlite`` knows every row that was seen, ``files/`` holds what was fetched."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from i2v_lib.collect.booru.policy import Policy
from i2v_lib.collect.booru.posts import Page, Post

VERSION = 1
FILE_NAME = re.compile(r"[0-9a-f]{32}\.(jpg|png|webp|avif)")
SCHEMA = """
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT NOT NULL);  -- JSON by name
CREATE TABLE IF NOT EXISTS posts (
    id INTEGER PRIMARY KEY,
    accepted INTEGER NOT NULL,  -- 1: the policy allowed it when it was listed
    row TEXT,                   -- the post as JSON, NULL once it is known that it will not be used
    reason TEXT,                -- why it has no file, NULL if it has one or waits for it
    file TEXT, sha256 TEXT, size INTEGER,  -- in bytes
    seen REAL,                  -- when it was listed or looked up, seconds since 1970
    removed TEXT                -- date of a takedown
);
CREATE TABLE IF NOT EXISTS odd_rows (reason TEXT NOT NULL, detail TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS builds (out TEXT PRIMARY KEY, recipe TEXT NOT NULL, stands INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS accepted_posts ON posts (id) WHERE accepted;
CREATE INDEX IF NOT EXISTS waiting_posts ON posts (id) WHERE accepted AND reason IS NULL AND file IS NULL;
CREATE INDEX IF NOT EXISTS posts_by_file ON posts (file) WHERE file IS NOT NULL
"""
WAITING = "accepted AND reason IS NULL AND file IS NULL"


@dataclass(frozen=True)
class Stored:
    """One post of a store, and its file once it is there."""

    post: Post
    seen: float  # seconds since 1970
    path: Path | None
    sha256: str | None


class Store:
    """The rows, decisions and files of one collecting.

    Every change is one transaction, so a kill at any moment leaves a state from which the work continues.
    A limit counts accepted posts from the newest down, whatever became of them later: what belongs to a
    collection of N posts depends on no interruption.

    The process that opens a store holds SQLite's own lock until it closes the store or dies; so no lock outlives its
    holder. Deleted content is overwritten with zeros.

    Parameters
    ----------
    folder : where it lies; made if there is none
    settings : what decides which rows are seen and accepted, JSON-able, among it ``policy``, the fields of a
        :class:`~i2v_lib.collect.booru.policy.Policy`; None opens an existing store

    Raises
    ------
    FileNotFoundError
        If there is no store, and no settings for a new one.
    ValueError
        If the store was made with other settings, or a link stands where its own folders should.
    BlockingIOError
        If another process uses it.
    """

    def __init__(self, folder: str | Path, settings: Mapping[str, Any] | None = None) -> None:
        self.folder = Path(folder).resolve()
        self.files, self.incoming = self.folder / "files", self.folder / "incoming"
        if settings is None and not (self.folder / "state.sqlite").exists():
            raise FileNotFoundError(f"{folder} is not a store (no state.sqlite); `collect` makes COLLECTION.store")
        for place in (self.files, self.incoming):
            place.mkdir(parents=True, exist_ok=True)
            if place.resolve() != place:
                raise ValueError(f"{place} is a link; a store keeps its files inside its own folder")
        self._lock = threading.RLock()  # readers may be threads
        self._connection = sqlite3.connect(
            self.folder / "state.sqlite", timeout=0, isolation_level=None, check_same_thread=False
        )
        try:
            self._open()
            self.settings = self._check_settings(settings)
            self._clean_up()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let others use the store."""
        self._connection.close()

    def policy(self) -> Policy:
        """What may be fetched; with the settings' denied tags go all that were ever found to imply one."""
        denied = {*self.settings["policy"]["also_denied"], *self._recall("denied", [])}
        return Policy(**self.settings["policy"] | {"also_denied": denied})

    def deny(self, tags: Iterable[str]) -> None:
        """Remember tags that imply a denied one; none is ever forgotten."""
        self._remember("denied", sorted({*tags, *self._recall("denied", [])}))

    def add_page(self, page: Page, reasons: Sequence[str | None]) -> None:
        """Note a page of posts, why each is left out (None: accepted), and where the walk goes on: all or nothing.

        Of a post that is left out nothing is kept but its id and the reason.
        """
        with self._transaction():
            for post, reason in zip(page.posts, reasons, strict=True):
                row = post.to_json() if reason is None else None
                insert = "INSERT OR IGNORE INTO posts (id, accepted, row, reason, seen) VALUES (?, ?, ?, ?, ?)"
                if not self._run(insert, post.id, reason is None, row, reason, time.time()):
                    self._run("INSERT INTO odd_rows VALUES ('duplicate_row', ?)", f"duplicate_row {post.id}")
            for text in page.bad_rows:
                self._run("INSERT INTO odd_rows VALUES (?, ?)", text.split()[0], text)
            self._remember("rows", self.rows_seen + len(page.posts) + len(page.bad_rows))
            self._remember("walk", {"before": page.next_before, "ended": page.next_before is None})

    @property
    def walk(self) -> tuple[int | None, bool]:
        """Id below which the walk goes on (None: at the newest), and whether it has ended."""
        walk = self._recall("walk", {"before": None, "ended": False})
        return walk["before"], walk["ended"]

    @property
    def rows_seen(self) -> int:
        """Number of rows that the site has sent on its pages."""
        return self._recall("rows", 0)

    def accepted(self) -> int:
        """Number of posts that the policy allowed when they were listed."""
        return self._value("SELECT COUNT(*) FROM posts WHERE accepted")

    def counts(self, limit: int | None = None) -> dict[str, int]:
        """Number of rows by outcome: ``fetched``, ``waiting``, ``beyond_limit``, or the reason; all rows seen."""
        outcomes = """SELECT CASE WHEN accepted AND id < ? THEN 'beyond_limit' WHEN reason IS NOT NULL THEN reason
            WHEN file IS NOT NULL THEN 'fetched' ELSE 'waiting' END AS outcome FROM posts
            UNION ALL SELECT reason FROM odd_rows"""
        query = f"SELECT outcome, COUNT(*) FROM ({outcomes}) GROUP BY outcome ORDER BY outcome"
        return dict(self._rows(query, self._lowest(limit)))

    def waiting(self, limit: int | None, most: int) -> list[Stored]:
        """The next posts that have neither file nor reason, newest first."""
        query = f"SELECT row, seen, file, sha256 FROM posts WHERE {WAITING} AND id >= ? ORDER BY id DESC LIMIT ?"
        return [self._stored(*row) for row in self._rows(query, self._lowest(limit), most)]

    def fetched(self, limit: int | None = None, seen_before: float = float("inf")) -> list[int]:
        """Ids of the posts that have a file, newest first; ``seen_before`` is in seconds since 1970."""
        query = "SELECT id FROM posts WHERE file IS NOT NULL AND id >= ? AND seen <= ? ORDER BY id DESC"
        return [number for (number,) in self._rows(query, self._lowest(limit), seen_before)]

    def get(self, number: int) -> Stored | None:
        """One post by its id, if it has a row."""
        query = "SELECT row, seen, file, sha256 FROM posts WHERE id = ? AND row IS NOT NULL"
        rows = self._rows(query, number)
        return self._stored(*rows[0]) if rows else None

    def renew(self, posts: Iterable[Post]) -> None:
        """Replace rows by what the site says now."""
        with self._transaction():
            for post in posts:
                change = "UPDATE posts SET row = ?, seen = ? WHERE id = ?"
                self._run(change, post.to_json(), time.time(), post.id)

    def looked_up(self, numbers: Iterable[int]) -> None:
        """Note that the site was asked for these posts just now."""
        with self._transaction():
            for number in numbers:
                self._run("UPDATE posts SET seen = ? WHERE id = ? AND row IS NOT NULL", time.time(), number)

    def note_file(self, post: Post, download: Path, name: str, sha256: str, size: int) -> None:
        """Move a finished download to its place, then note it. Posts with equal bytes share a file."""
        path = self.path_of(name)
        path.parent.mkdir(exist_ok=True)
        os.replace(download, path)
        change = "UPDATE posts SET row = ?, file = ?, sha256 = ?, size = ? WHERE id = ?"
        self._run(change, post.to_json(), name, sha256, size, post.id)

    def note_reason(self, number: int, reason: str, *, final: bool) -> None:
        """Note why a post has no file. A final reason strips its row; with another it may be tried again."""
        change = "UPDATE posts SET reason = ?, row = CASE WHEN ? THEN NULL ELSE row END WHERE id = ?"
        self._run(change, reason, final, number)

    def wait_again(self, numbers: Iterable[int]) -> None:
        """Forget that the downloads of these posts failed."""
        with self._transaction():
            for number in numbers:
                self._run("UPDATE posts SET reason = NULL WHERE id = ? AND row IS NOT NULL", number)

    def failed(self) -> list[int]:
        """Ids of the posts whose download failed, and may be tried again."""
        query = "SELECT id FROM posts WHERE reason IS NOT NULL AND row IS NOT NULL ORDER BY id DESC"
        return [number for (number,) in self._rows(query)]

    def path_of(self, name: str) -> Path:
        """Where a file lies, by its MD5 and extension.

        Raises
        ------
        ValueError
            If the name is none of ours, or a link leads elsewhere.
        """
        path = self.files / name[:2] / name
        if not FILE_NAME.fullmatch(name) or path.resolve() != path:
            raise ValueError(f"{path} is not a file of this store; names are MD5 and extension, and no links")
        return path

    def tombstone(self, reasons: Mapping[int, str]) -> None:
        """Take posts down: strip them to a tombstone (id, reason, date), then delete their files.

        A file that another post uses stays. A kill in between leaves files that the next opening deletes.
        """
        names = set()
        with self._transaction():
            for number, reason in reasons.items():
                names.add(self._value("SELECT file FROM posts WHERE id = ?", number))
                change = """UPDATE posts SET row = NULL, reason = ?, file = NULL, sha256 = NULL, size = NULL,
                    seen = NULL, removed = date('now') WHERE id = ?"""
                self._run(change, reason, number)
        for name in names - {None}:
            if not self._value("SELECT COUNT(*) FROM posts WHERE file = ?", name):
                self.path_of(name).unlink(missing_ok=True)

    def builds(self) -> dict[Path, tuple[dict[str, Any], bool]]:
        """Collections made of this store: path to recipe, and whether it may stand as it is."""
        rows = self._rows("SELECT out, recipe, stands FROM builds ORDER BY out")
        return {Path(out): (json.loads(recipe), bool(stands)) for out, recipe, stands in rows}

    def note_build(self, out: Path, recipe: Mapping[str, Any], stands: bool | None = None) -> None:
        """Note a collection that is made of this store. ``stands=None`` keeps what was known, at first True."""
        known = self.builds().get(out, ({}, True))[1]
        stands = known if stands is None else stands
        self._run("INSERT OR REPLACE INTO builds VALUES (?, ?, ?)", str(out), json.dumps(recipe), stands)

    def _lowest(self, limit: int | None) -> int:
        """Lowest id among the first ``limit`` accepted posts; 0 if there are fewer."""
        query = "SELECT id FROM posts WHERE accepted ORDER BY id DESC LIMIT 1 OFFSET ?"
        return 0 if limit is None else self._value(query, limit - 1) or 0

    def _stored(self, row: str, seen: float, file: str | None, sha256: str | None) -> Stored:
        return Stored(Post.from_json(row), seen, None if file is None else self.path_of(file), sha256)

    def _check_settings(self, settings: Mapping[str, Any] | None) -> dict[str, Any]:
        before = self._recall("settings")
        if settings is None:
            if before is None:
                raise FileNotFoundError(f"{self.folder} is empty; run `collect` again, which makes it")
            return before
        now = json.loads(json.dumps({**settings, "version": VERSION}))
        if before is None or not self.rows_seen:  # such as after a query that found nothing, or was refused
            self._remember("settings", now)
            self._remember("walk", {"before": None, "ended": False})
        elif before != now:
            there, here = _flat(before), _flat(now)
            names = sorted(name for name in there | here if there.get(name) != here.get(name))
            changes = "; ".join(f"{name}={there.get(name)!r} there, {here.get(name)!r} now" for name in names)
            raise ValueError(f"{self.folder} was made with {changes}; use the same, or give another out=")
        return now

    def _clean_up(self) -> None:
        """Delete what a killed run left behind; let posts wait again whose file is not there."""
        for path in self.incoming.iterdir():
            query = f"SELECT COUNT(*) FROM posts WHERE {WAITING} AND id = ?"
            if ".part" not in path.suffixes or not self._value(query, path.name.split(".")[0]):
                path.unlink()
        prefixes = {prefix for (prefix,) in self._rows("SELECT DISTINCT substr(file, 1, 2) FROM posts")}
        for prefix in sorted((prefixes - {None}) | {path.name for path in self.files.iterdir()}):
            folder, query = self.files / prefix, "SELECT DISTINCT file FROM posts WHERE file >= ? AND file < ?"
            missing = {name for (name,) in self._rows(query, prefix, prefix + "~")}
            for path in folder.iterdir() if folder.resolve() == folder and folder.is_dir() else ():
                if path.name in missing and path.resolve() == path:
                    missing.remove(path.name)
                else:
                    path.unlink()
            for name in missing:
                self._run("UPDATE posts SET file = NULL, sha256 = NULL, size = NULL WHERE file = ?", name)

    def _open(self) -> None:
        """Take the lock, and make the tables that are not there."""
        try:
            for pragma in ("locking_mode = EXCLUSIVE", "synchronous = FULL", "secure_delete = ON"):
                self._rows(f"PRAGMA {pragma}")
            with self._transaction():
                for statement in SCHEMA.split(";"):
                    self._run(statement)
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                text = f"{self.folder / 'state.sqlite'} is in use by another process; wait until it has ended"
                raise BlockingIOError(text) from error
            raise

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Do everything inside, or nothing."""
        with self._lock:
            self._run("BEGIN EXCLUSIVE")
            try:
                yield
            except BaseException:
                self._run("ROLLBACK")
                raise
            self._run("COMMIT")

    def _run(self, statement: str, *values: Any) -> int:
        """Execute one statement; return the number of rows it changed."""
        with self._lock:
            return self._connection.execute(statement, values).rowcount

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def _value(self, query: str, *values: Any) -> Any:
        """The first field of a query's first row, or None."""
        found = self._rows(query, *values)
        return found[0][0] if found else None

    def _remember(self, name: str, value: Any) -> None:
        """Keep a JSON-able value by name."""
        self._run("INSERT OR REPLACE INTO state VALUES (?, ?)", name, json.dumps(value, sort_keys=True))

    def _recall(self, name: str, default: Any = None) -> Any:
        """A value that was kept."""
        text = self._value("SELECT value FROM state WHERE name = ?", name)
        return default if text is None else json.loads(text)


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by name, those of a policy among them."""
    return {name: value for name, value in settings.items() if name != "policy"} | settings.get("policy", {})
