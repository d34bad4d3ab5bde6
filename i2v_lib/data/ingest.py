"""An import's illustrations, read once into a store and a journal, and the journal turned into the tables of posts.

Reading is the long part: each result is noted, so that a killed run can go on.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
import pyarrow as pa

from i2v_lib.data.collection import SCHEMA, table_of
from i2v_lib.data.duplicates import find_groups, perceptual_hash
from i2v_lib.data.images import BadImageError, decode_reduced, resize_image
from i2v_lib.data.sidecars import Tagging, clean_text
from i2v_lib.data.splits import assign_splits
from i2v_lib.data.stores import JpegWriter, PackedPixels, PixelWriter, encode, open_store, store_writer

THREADS = min(4, os.cpu_count() or 1)  # Pillow decodes outside the interpreter's lock; memory grows with each
BATCH = 64  # files in flight; an interrupt waits for at most these
TEXT, TEXTS = pa.string(), pa.list_(pa.string())


class Source(Protocol):
    """Where illustrations come from: a folder, what was collected, a bulk archive."""

    def identity(self) -> Any:
        """Anything that JSON can hold, and that changes when what would be imported changes."""

    def names(self) -> list[str]:
        """What there is, in the order of the rows; a name is the illustration's id unless its tagging gives one."""

    def read(self, name: str) -> tuple[bytes, Tagging]:
        """Bytes of one picture, and what is known about it; called from several threads at once.

        Raises
        ------
        BadImageError
            For what cannot be used; it is listed with its reason.
        """

    def skipped(self) -> dict[str, int]:
        """How many were left out before, by reason."""


class Ingest:
    """Reads illustrations into a growing store and a journal, one line per picture.

    A picture's pixels are written before its line, and its row is the number of usable pictures before it.
    So the journal never promises pixels that are not there, and a run that goes on ends in the same bytes.
    What was read stays on disk: memory grows with neither pixels nor tags.

    Parameters
    ----------
    folder : the growing collection
    source : what to read
    size, resize : see :func:`i2v_lib.data.images.resize_image`
    animation : see :func:`i2v_lib.data.images.decode_image`
    default_rating : rating of illustrations that have none
    store : how pictures are kept, see :mod:`i2v_lib.data.stores`
    ratings : those that may come in; another is a reason to leave the illustration out, before it is decoded

    Attributes
    ----------
    done : lines of the journal
    usable : those of them that have a row of pixels
    """

    def __init__(
        self,
        folder: Path,
        source: Source,
        *,
        size: int,
        resize: str,
        animation: str,
        default_rating: str,
        ratings: Collection[str],
        store: str = "pixels",
    ) -> None:
        self.folder, self.source = folder, source
        self.size, self.resize, self.animation, self.store = size, resize, animation, store
        self.default_rating, self.ratings = default_rating, ratings
        self.done = self.usable = 0

    @staticmethod
    def journal(folder: Path) -> Path:
        """Where the journal of a collection's ingest lies."""
        return folder / "import.jsonl"

    def run(self, names: Sequence[str]) -> Iterator[int]:
        """Read all pictures that the journal does not hold yet; yield how many are done, after each.

        When the last is done, the store is whole.
        """
        with (
            _open_or_create(self.journal(self.folder)) as journal,
            ThreadPoolExecutor(THREADS) as pool,
            closing(self._writer(*_resume(journal))) as pixels,
        ):
            yield self.done
            for first in range(self.done, len(names), BATCH):
                for entry, picture in pool.map(self.read, names[first : first + BATCH]):
                    if picture is not None:
                        pixels.append(picture)
                        pixels.flush()
                        self.usable += 1
                    journal.write(json.dumps(entry).encode() + b"\n")
                    journal.flush()
                    self.done += 1
                    yield self.done
            pixels.finish()

    def _writer(self, done: int, usable: int) -> PixelWriter | JpegWriter:
        self.done, self.usable = done, usable
        return store_writer(self.store, self.folder, self.size, usable)

    def pixels(self) -> np.ndarray | PackedPixels:
        """Pictures of the usable entries: uint8 array, shape (usable, S, S, 3), or what is indexed like one."""
        return open_store(self.folder, self.store, self.size)

    def entries(self, usable: bool) -> Iterator[dict[str, Any]]:
        """Lines of the journal in order: those that have pixels, or the others."""
        with self.journal(self.folder).open("rb") as lines:
            for line in lines:
                entry = json.loads(line)
                if ("md5" in entry) == usable:
                    yield entry

    def read(self, name: str) -> tuple[dict[str, Any], bytes | None]:
        """Read one illustration and its tags.

        Returns
        -------
        entry : its line of the journal, with tags and hashes, or with the reason why it cannot be used
        picture : its bytes in the store, or None
        """
        data = None
        try:
            data, tagging = self.source.read(name)
            rating = tagging.rating or self.default_rating
            if rating not in self.ratings:
                raise BadImageError("rating", f"{rating} is none of {', '.join(self.ratings)}")
            image, width, height = decode_reduced(data, self.size, self.animation)
            pixels = np.asarray(resize_image(image, self.size, self.resize))
            look = perceptual_hash(image)
        except BadImageError as error:
            sha256 = error.sha256 if data is None else hashlib.sha256(data).hexdigest()
            return {"path": name, "reason": error.reason, "sha256": sha256}, None
        entry = {
            "path": name,
            "tags": asdict(tagging) | {"id": tagging.id or name, "rating": rating},
            "md5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
            "width": width,
            "height": height,
            "pixels": hashlib.sha256(pixels).hexdigest(),
            "look": None if look is None else f"{look:016x}",
        }
        return entry, encode(pixels, self.store)


def choose_groups(ingest: Ingest) -> list[str]:
    """Choose the group of every usable illustration.

    Illustrations belong together that look alike, or that share their pixels, their file or a link.

    Returns
    -------
    list of names
        One that a member of the group was given, else the id of its first.
    """
    digests, looks, ids, given = [], [], [], []
    for entry in ingest.entries(usable=True):
        digests.append(bytes.fromhex(entry["pixels"]))
        looks.append(None if entry["look"] is None else int(entry["look"], 16))
        ids.append(entry["tags"]["id"])
        given.append(entry["tags"]["group"])
    links = ([f"md5:{entry['md5']}", *entry["tags"]["links"]] for entry in ingest.entries(usable=True))
    roots = find_groups(digests, looks, ingest.pixels(), links=links)
    names: dict[int, str] = {}
    for root, group in zip(roots, given, strict=True):
        if group:
            names.setdefault(root, group)
    return [group or names.get(root, ids[root]) for root, group in zip(roots, given, strict=True)]


def choose_splits(
    ingest: Ingest, groups: Sequence[str], seed: int, validation_share: float, test_share: float
) -> list[str]:
    """Choose the split of every usable illustration: its own if it was given one, else its group's.

    Parameters
    ----------
    groups : names from :func:`choose_groups`
    seed, validation_share, test_share : see :func:`i2v_lib.data.splits.assign_splits`

    Returns
    -------
    list of "train", "val" or "test"
    """
    own = [entry["tags"]["split"] for entry in ingest.entries(usable=True)]
    given: dict[str, set[str]] = {}
    for group, split in zip(groups, own, strict=True):
        if split:
            given.setdefault(group, set()).add(split)
    straddling = sum(len(splits) > 1 for splits in given.values())
    if straddling:
        warnings.warn(
            f"the given splits put near-duplicates of {straddling} groups into more than one split; "
            "scores on the test split will be too good",
            stacklevel=3,
        )
    drawn = assign_splits(groups, seed, validation_share, test_share)
    rows = zip(own, groups, drawn, strict=True)
    return [split or min(given.get(group, {chosen})) for split, group, chosen in rows]


def posts_table(ingest: Ingest, groups: Sequence[str], splits: Sequence[str]) -> tuple[pa.Table, str]:
    """Make the collection's table, and name its content.

    Returns
    -------
    posts : table of :data:`i2v_lib.data.collection.SCHEMA`
    fingerprint : 16 hexadecimal digits; the same settings, posts and pixels give the same
    """
    digest = hashlib.sha256(f"{ingest.size} {ingest.resize}\n".encode())

    def posts() -> Iterator[dict[str, Any]]:
        for entry, group, split in zip(ingest.entries(usable=True), groups, splits, strict=True):
            tags = entry["tags"]
            post = {
                **{name: entry[name] for name in ("md5", "width", "height")},
                **{name: list(tags[name]) for name in ("general", "copyright", "character")},
                **{name: clean_text(tags[name]) for name in ("id", "source_url", "artist", "rating")},
                "group": clean_text(group),
                "split": split,
            }
            digest.update(json.dumps([post, entry["pixels"]], sort_keys=True).encode())
            yield post

    table = table_of(SCHEMA, posts())
    return table, digest.hexdigest()[:16]


def origin_table(ingest: Ingest) -> pa.Table | None:
    """Make a table of what the taggings say about their illustrations' origin.

    Returns
    -------
    table with the ids, then one column per key, sorted; None if no tagging has an origin
        What an illustration's tagging does not say is null. A column of values of several kinds is text.
    """
    kinds: dict[str, set[pa.DataType]] = {}
    for entry in ingest.entries(usable=True):
        for key, value in entry["tags"]["origin"].items():
            kinds.setdefault(key, set()).update([] if value is None else [_kind(value)])
    if not kinds:
        return None
    types = {key: kinds[key].pop() if len(kinds[key]) == 1 else TEXT for key in sorted(kinds)}
    types = {"id": TEXT} | types | {"id": TEXT}  # first, and ours

    def rows() -> Iterator[dict[str, Any]]:
        for entry in ingest.entries(usable=True):
            origin = entry["tags"]["origin"] | {"id": entry["tags"]["id"]}
            yield {key: _cell(kind, origin.get(key)) for key, kind in types.items()}

    return table_of(pa.schema(types), rows())


def _open_or_create(path: Path) -> BinaryIO:
    return path.open("r+b" if path.exists() else "w+b")


def _resume(journal: BinaryIO) -> tuple[int, int]:
    """Count a journal's whole lines, and the usable ones; cut off a last one that a kill left unfinished."""
    done = usable = end = 0
    for line in journal:
        if line.endswith(b"\n"):
            done, usable, end = done + 1, usable + ("md5" in json.loads(line)), end + len(line)
    journal.seek(end)
    journal.truncate()
    return done, usable


def _kind(value: Any) -> pa.DataType:
    if isinstance(value, list):
        return TEXTS
    if isinstance(value, bool):
        return pa.bool_()
    if isinstance(value, int) and value.bit_length() < 64:
        return pa.int64()
    return pa.float64() if isinstance(value, float) else TEXT


def _cell(kind: pa.DataType, value: Any) -> Any:
    """A value as its column can hold it."""
    if value is None or kind not in (TEXT, TEXTS):
        return value
    return clean_text(value) if kind == TEXT else [clean_text(item) for item in value]
