"""A collection on disk: ``posts.parquet``, its pixels in one of two stores and, last, ``collection.json``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from i2v_lib.data.stores import INDEX, JPEGS, PIXELS, QUALITY, PackedPixels, open_store
from i2v_lib.system.files import rename_folder

VERSIONS = {"pixels": 1, "jpeg": 2}  # by store, so that a kit that knows no packed JPEG says so
SPLITS = ("train", "val", "test")
CATEGORIES = ("general", "copyright", "character", "rating")  # the paper's order
BATCH = 10_000  # rows that are Python objects at a time, where they are many times larger than in a table
RATINGS = ("safe", "questionable", "explicit")

_tags = pa.list_(pa.string())
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("md5", pa.string()),
        ("source_url", pa.string()),
        ("artist", pa.string()),
        ("rating", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("general", _tags),
        ("copyright", _tags),
        ("character", _tags),
        ("group", pa.string()),
        ("split", pa.string()),
    ]
)


@dataclass(frozen=True)
class Collection:
    """N illustrations: a table of posts and their pixels.

    Attributes
    ----------
    folder : where it lies
    posts : pyarrow table of :data:`SCHEMA`, a row an illustration
    pixels : uint8 array, shape (N, S, S, 3), RGB, a read-only memory map; or what is indexed like one, see
        :class:`i2v_lib.data.stores.PackedPixels`
    info : contents of ``collection.json``: version, size S, resize policy, counts, fingerprint; "store" and "quality"
        where the pictures are packed JPEG
    """

    folder: Path
    posts: pa.Table
    pixels: np.ndarray | PackedPixels
    info: dict[str, Any]

    def __len__(self) -> int:
        return self.posts.num_rows

    def column(self, name: str) -> list:
        """One column of the posts as a Python list (of strings, or of lists of tags)."""
        return self.posts.column(name).to_pylist()

    def split(self, name: str) -> np.ndarray:
        """Row numbers of one split, ascending: int64 array."""
        if name not in SPLITS:
            raise ValueError(f"split {name!r} is unknown; use one of {', '.join(SPLITS)}")
        return np.flatnonzero(np.asarray(self.posts.column("split")) == name)

    def truth(self) -> list[dict[str, Any]] | None:
        """Exact scenes of a drawn collection, a dictionary a row, or None for any other. For evaluation only."""
        return self._truth

    @cached_property
    def _truth(self) -> list[dict[str, Any]] | None:
        path = self.folder / "truth.jsonl"
        if not path.exists():
            return None
        with path.open(encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    def accounting(self) -> dict[str, Any] | None:
        """What became of everything that was seen, or None for a drawn collection and those made before.

        Returns
        -------
        dictionary of "seen" = "used" + the sum of "skipped" (count by reason), "groups", "largest_group" (rows), and
        "near_duplicates": rows beyond the first of their group
        """
        path = self.folder / "accounting.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def origin(self) -> pa.Table | None:
        """Where the illustrations come from: a row each in their order, "id" first; None if nothing is known."""
        path = self.folder / "origin.parquet"
        return pq.read_table(path) if path.exists() else None

    @property
    def fingerprint(self) -> str:
        """Names the content: the same posts and pixels give the same string."""
        return self.info["fingerprint"]

    @property
    def drawn(self) -> bool:
        """Whether this is a drawn demo set, so that all of it is harmless, and its exact scenes are known."""
        return self.info["resize"] == "drawn"

    @property
    def store(self) -> str:
        """How the pixels are kept: "pixels" or "jpeg"."""
        return self.info.get("store", "pixels")


def table_of(schema: pa.Schema, rows: Iterator[dict[str, Any]]) -> pa.Table:
    """Make a table of many rows without holding them all as Python objects."""
    batches = iter(lambda: list(islice(rows, BATCH)), [])
    return pa.Table.from_batches((pa.RecordBatch.from_pylist(b, schema) for b in batches), schema).combine_chunks()


def partial_folder(folder: Path) -> Path:
    """Where a collection grows until :func:`finish_collection` gives it its name."""
    return folder.with_name(folder.name + ".partial")


def finish_collection(
    folder: Path,
    posts: pa.Table,
    resize: str,
    fingerprint: str,
    truth: Iterable[dict[str, Any]] | None = None,
    store: str = "pixels",
    size: int = 0,
) -> Collection:
    """Write the posts beside the pixels and move the whole to its final name.

    Parameters
    ----------
    folder : final folder; must not exist
    posts : table of :data:`SCHEMA`
    resize : policy that made the pixels square: "warp", "pad", "crop" or "drawn"
    fingerprint : names what was stored; that of packed JPEG is made of it and of what the packing made
    truth : exact scenes of drawn pictures, a dictionary a row
    store : how the pixels were written, "pixels" or "jpeg"
    size : side S of the pictures in pixels; not needed for "pixels"
    """
    partial = partial_folder(folder)
    pixels = open_store(partial, store, size)
    if posts.num_rows != len(pixels):
        what = PIXELS if store == "pixels" else JPEGS
        raise ValueError(f"posts has {posts.num_rows} rows and {what} {len(pixels)}; they must match")
    posts = posts.select(SCHEMA.names).cast(SCHEMA)
    ids = posts.column("id").to_pylist()
    if len(set(ids)) != len(ids):
        raise ValueError("posts: the ids are not unique; give every illustration its own")
    pq.write_table(posts, partial / "posts.parquet")
    if truth is not None:
        with (partial / "truth.jsonl").open("w", encoding="utf-8") as lines:
            lines.writelines(json.dumps(scene, ensure_ascii=False) + "\n" for scene in truth)
    splits = posts.column("split").to_pylist()
    info = {
        "version": VERSIONS[store],
        "size": int(pixels.shape[1]),
        "resize": resize,
        "counts": {name: splits.count(name) for name in SPLITS},
        "fingerprint": fingerprint,
    }
    if store == "jpeg":
        made = hashlib.sha256(fingerprint.encode() + (partial / INDEX).read_bytes()).hexdigest()[:16]
        info |= {"fingerprint": made, "store": store, "quality": QUALITY}
    (partial / "collection.json").write_text(json.dumps(info, indent=2) + "\n", encoding="utf-8")
    rename_folder(partial, folder)
    return open_collection(folder)


def open_collection(folder: str | Path) -> Collection:
    """Open a finished collection.

    Raises
    ------
    FileNotFoundError
        If the folder holds no finished collection.
    ValueError
        If its version is not ours, or its parts disagree.
    """
    folder = Path(folder)
    try:
        info = json.loads((folder / "collection.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        cure = "make one with `python -m i2v_lib import-folder FOLDER --out COLLECTION`"
        if partial_folder(folder).exists():
            cure = "the import was interrupted: run the same command again and it goes on"
        raise FileNotFoundError(f"{folder} is no finished collection (no collection.json); {cure}") from None
    store, version = info.get("store", "pixels"), info["version"]
    if version != VERSIONS.get(store):
        known = ", ".join(map(str, VERSIONS.values()))
        raise ValueError(f"{folder}: collection version {version}, this kit reads {known}; import it again")
    posts = pq.read_table(folder / "posts.parquet")
    pixels = open_store(folder, store, info["size"], lambda row: posts.column("id")[row].as_py())
    if len(pixels) != posts.num_rows:
        raise ValueError(f"{folder}: {posts.num_rows} posts but {len(pixels)} pictures; import it again")
    return Collection(folder, posts, pixels, info)
