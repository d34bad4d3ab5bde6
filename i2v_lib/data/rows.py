"""Rows of a collection from the journal of its intake: groups, splits, posts and their origins."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from i2v_lib.data.collection import SCHEMA, table_of
from i2v_lib.data.duplicates import find_groups
from i2v_lib.data.ingest import Intake
from i2v_lib.data.sidecars import clean_text
from i2v_lib.data.splits import assign_splits

TEXT, TEXTS = pa.string(), pa.list_(pa.string())


def choose_groups(intake: Intake) -> list[str]:
    """Choose the group of every usable illustration.

    Illustrations belong together that look alike, or that share their pixels, their file or a link.

    Returns
    -------
    list of names
        One that a member of the group was given, else the id of its first.
    """
    digests, looks, ids, given = [], [], [], []
    for entry in intake.entries(usable=True):
        digests.append(bytes.fromhex(entry["pixels"]))
        looks.append(None if entry["look"] is None else int(entry["look"], 16))
        ids.append(entry["tags"]["id"])
        given.append(entry["tags"]["group"])
    links = ([f"md5:{entry['md5']}", *entry["tags"]["links"]] for entry in intake.entries(usable=True))
    roots = find_groups(digests, looks, intake.pixels(), links=links)
    names: dict[int, str] = {}
    for root, group in zip(roots, given, strict=True):
        if group:
            names.setdefault(root, group)
    return [group or names.get(root, ids[root]) for root, group in zip(roots, given, strict=True)]


def choose_splits(
    intake: Intake, groups: Sequence[str], seed: int, validation_share: float, test_share: float
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
    own = [entry["tags"]["split"] for entry in intake.entries(usable=True)]
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


def posts_table(intake: Intake, groups: Sequence[str], splits: Sequence[str]) -> tuple[pa.Table, str]:
    """Make the collection's table, and name its content.

    Returns
    -------
    posts : table of :data:`i2v_lib.data.collection.SCHEMA`
    fingerprint : 16 hexadecimal digits; the same settings, posts and pixels give the same
    """
    digest = hashlib.sha256(f"{intake.size} {intake.resize}\n".encode())

    def posts() -> Iterator[dict[str, Any]]:
        for entry, group, split in zip(intake.entries(usable=True), groups, splits, strict=True):
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


def origin_table(intake: Intake) -> pa.Table | None:
    """Make a table of what the taggings tell of their illustrations' origin.

    Returns
    -------
    table with the ids, then a column a key, sorted; None if no tagging has an origin
        What an illustration does not tell is null. A column of values of several kinds is text.
    """
    kinds: dict[str, set[pa.DataType]] = {}
    for entry in intake.entries(usable=True):
        for key, value in entry["tags"]["origin"].items():
            kinds.setdefault(key, set()).update([] if value is None else [_kind(value)])
    if not kinds:
        return None
    types = {key: kinds[key].pop() if len(kinds[key]) == 1 else TEXT for key in sorted(kinds)}
    types = {"id": TEXT} | types | {"id": TEXT}  # first, and ours

    def rows() -> Iterator[dict[str, Any]]:
        for entry in intake.entries(usable=True):
            origin = entry["tags"]["origin"] | {"id": entry["tags"]["id"]}
            yield {key: _cell(kind, origin.get(key)) for key, kind in types.items()}

    return table_of(pa.schema(types), rows())


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
