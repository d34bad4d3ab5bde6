"""An SQLite file that one process holds: transactions that a kill cannot halve, and small values by name."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

VALUES = "CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT NOT NULL);"


class Database:
    """One SQLite file with a table of named values beside the given ones.

    The process that opens it holds SQLite's own lock until it closes the file or dies; so no lock outlives
    its holder. Deleted content is overwritten with zeros.

    Parameters
    ----------
    path : the file; made if there is none
    schema : statements that make the tables, separated by semicolons

    Raises
    ------
    BlockingIOError
        If another process holds the file.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self._lock = threading.RLock()  # readers may be threads
        self._connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            for pragma in ("locking_mode = EXCLUSIVE", "synchronous = FULL", "secure_delete = ON"):
                self.rows(f"PRAGMA {pragma}")
            with self.transaction():
                for statement in (VALUES + schema).split(";"):
                    self.run(statement)
        except BaseException as error:
            self._connection.close()
            if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
                raise BlockingIOError(f"{path} is in use by another process; wait until it has ended") from error
            raise

    def close(self) -> None:
        """Give the file free."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do everything inside, or nothing."""
        with self._lock:
            self.run("BEGIN EXCLUSIVE")
            try:
                yield
            except BaseException:
                self.run("ROLLBACK")
                raise
            self.run("COMMIT")

    def run(self, statement: str, *values: Any) -> int:
        """Execute one statement; return the number of rows it changed."""
        with self._lock:
            return self._connection.execute(statement, values).rowcount

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def value(self, query: str, *values: Any) -> Any:
        """The first field of a query's first row, or None."""
        found = self.rows(query, *values)
        return found[0][0] if found else None

    def remember(self, name: str, value: Any) -> None:
        """Keep a JSON-able value by name."""
        self.run("INSERT OR REPLACE INTO state VALUES (?, ?)", name, json.dumps(value, sort_keys=True))

    def recall(self, name: str, default: Any = None) -> Any:
        """A value that was kept."""
        text = self.value("SELECT value FROM state WHERE name = ?", name)
        return default if text is None else json.loads(text)
