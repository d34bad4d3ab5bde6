"""Tables of posts, read as a stream: Parquet, CSV or JSON lines, the last two also gzipped."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from i2v_lib.collect.bulk.bulk_rows import COLUMNS
from i2v_lib.data.folder import listing_digest

SUFFIXES = (".parquet", ".csv", ".jsonl", ".ndjson", ".json")
BATCH = 2000  # rows of a Parquet file that are Python objects at a time
MAX_LINE = 2**20  # bytes; the longest rows of Danbooru have some 20,000
TOO_LONG = b"\0\n"  # stands for a longer line: no row of any table


class Table:
    """Rows of one or more files, which may be read again and again; memory holds a batch of them.

    Parameters
    ----------
    files : Parquet, CSV with a header, or JSON lines

    Raises
    ------
    FileNotFoundError
        If one is missing.
    ValueError
        If its name has another ending; while reading, if it is damaged or has no column ``id``.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = list(files)
        for path in self.files:
            if not path.is_file():
                raise FileNotFoundError(f"{path} is not a file; give a table of posts")
            if table_suffix(path) not in SUFFIXES:
                raise ValueError(f"{path}: a table's name ends in {', '.join(SUFFIXES)}, the last four also with .gz")

    def __iter__(self) -> Iterator[Any]:
        """Yield rows as dictionaries by column; None for a line that is none."""
        for path in self.files:
            read = {".parquet": _parquet_rows, ".csv": _csv_rows}.get(table_suffix(path), _json_rows)
            try:
                yield from read(path)
            except (OSError, EOFError, zlib.error, pa.ArrowException, csv.Error) as error:
                raise ValueError(f"{path} is damaged ({error}); fetch it again") from error

    def digest(self) -> str:
        """Change when a file does."""
        return listing_digest({str(path): path for path in self.files})


def table_suffix(path: Path) -> str:
    """Ending of a table's name, whether gzipped or not; "" for a gzipped Parquet, which nobody writes."""
    if path.suffix == ".gz":
        suffix = Path(path.stem).suffix
        return "" if suffix == ".parquet" else suffix
    return path.suffix


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    file = pq.ParquetFile(path)
    names = file.schema_arrow.names
    index = "id" if "id" in names else "__index_level_0__"  # where pandas puts an index without a name
    if index not in names:
        raise ValueError(f"{path} has no column id; it has {', '.join(names[:20])}")
    columns = [index, *(name for name in names if name in COLUMNS and name != index)]
    for batch in file.iter_batches(BATCH, columns=columns):
        yield from batch.rename_columns({index: "id"}).to_pylist()


def _csv_rows(path: Path) -> Iterator[dict[str, Any] | None]:
    lines = (line.decode("utf-8-sig", "replace") for line in _lines(path))
    reader = csv.DictReader(lines, strict=True)
    if "id" not in (reader.fieldnames or ()):
        raise ValueError(f"{path} has no column id; its first line must name the columns")
    for row in reader:
        yield None if None in row or None in row.values() else row


def _json_rows(path: Path) -> Iterator[Any]:
    for number, line in enumerate(_lines(path)):
        if number == 0 and line.lstrip().startswith(b"["):
            raise ValueError(f"{path} is one JSON list, which must be read as a whole; write an object a line")
        if line.strip():
            try:
                yield json.loads(line)
            except (ValueError, RecursionError):
                yield None


def _lines(path: Path) -> Iterator[bytes]:
    """Lines of a file; a longer one than any row costs itself, not the memory."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        while line := file.readline(MAX_LINE):
            piece = line
            while not piece.endswith(b"\n") and (piece := file.readline(MAX_LINE)):
                line = TOO_LONG
            yield line
