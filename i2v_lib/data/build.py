"""From a source of illustrations to a finished collection: read them, group and split them, account for each."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from i2v_lib.config import PIXEL_STORES
from i2v_lib.data.collection import RATINGS, Collection, finish_collection, open_collection, partial_folder
from i2v_lib.data.images import ANIMATIONS, POLICIES
from i2v_lib.data.ingest import Ingest, Source, choose_groups, choose_splits, origin_table, posts_table
from i2v_lib.data.splits import check_shares
from i2v_lib.data.stores import choose_store
from i2v_lib.system.errors import ArgumentError
from i2v_lib.system.files import is_unfinished, whole, write_text
from i2v_lib.system.progress import progress_bar

IMPORTER = 2  # raise it when the same pictures would give another collection


@dataclass(frozen=True)
class BuildOptions:
    """How a collection is built, whatever its source: what :func:`build_collection` and all that call it are passed.

    Attributes
    ----------
    size : side S of the stored pictures, in pixels
    resize : how they become square, "warp", "pad" or "crop"; see :func:`i2v_lib.data.images.resize_image`
    seed : salt of the splits
    validation_share, test_share : share of the groups, 0 to 1
    pixel_store : how pixels are kept: "pixels", "jpeg", or "auto": the first while it fits the disk; see
        :func:`i2v_lib.data.stores.choose_store`. What was begun or made in one way stays so
    overwrite : replace a collection made from another source or with other settings
    progress : show a progress bar

    Raises
    ------
    ValueError
        If a value is not one of the possible ones.
    """

    size: int = 256
    resize: str = "warp"
    seed: int = 0
    validation_share: float = 0.05
    test_share: float = 0.05
    pixel_store: str = "auto"
    overwrite: bool = False
    progress: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.size, int) or self.size < 1:
            raise ArgumentError("size", self.size, "give the side of the stored pictures in pixels, 1 or more")
        _check_choice("resize", self.resize, POLICIES)
        _check_choice("pixel_store", self.pixel_store, ("auto", *PIXEL_STORES))
        check_shares(self.validation_share, self.test_share)

    def content(self) -> dict[str, Any]:
        """The options that decide what is in the collection, by name: all but the last three."""
        return {name: getattr(self, name) for name in ("size", "resize", "seed", "validation_share", "test_share")}


def build_collection(
    source: Source,
    out: str | Path,
    build: BuildOptions,
    *,
    animations: str = "first",
    default_rating: str = "safe",
    ratings: Sequence[str] = RATINGS,
) -> Collection:
    """Make a collection of what a source gives.

    Illustrations keep the source's order. Those that share pixels, a file or a link of their tagging, or that look
    alike, share a ``group``, and the group decides the split, unless the tagging gives them. What cannot be used is
    listed in ``bad_images.csv`` of the collection: path, reason, SHA-256. ``accounting.json`` counts what was seen,
    used and left out; ``origin.parquet`` holds the taggings' origins, if there are any.

    An interrupted build goes on when it is called again, and ends in the same collection; a finished one is opened,
    if the source's identity and the settings are the same.

    Parameters
    ----------
    source : what to read
    out : folder of the new collection
    build : size of the pictures, splits, store and so on
    animations : "first" keeps their first frame, "skip" lists them as ``animated``
    default_rating : rating of illustrations that have none, or an unknown one
    ratings : those that may come in; the others are listed as ``rating``

    Raises
    ------
    FileExistsError
        If ``out`` holds something else, and may not be overwritten.
    ValueError
        If a setting is wrong, or nothing of the source can be used.
    """
    out = Path(os.path.abspath(out))
    _check_choice("animations", animations, ANIMATIONS)
    for name, rating in (("default_rating", default_rating), *(("ratings", rating) for rating in ratings)):
        _check_choice(name, rating, RATINGS)

    settings = {
        "importer": IMPORTER,
        **build.content(),
        "animations": animations,
        "default_rating": default_rating,
        "ratings": [rating for rating in RATINGS if rating in ratings],
        "source": source.identity(),
    }
    store = build.pixel_store
    if store == "auto":
        store = _store_of(out) or choose_store(len(source.names()), build.size, out)
    if store != "pixels":
        settings["store"] = store  # not told of pixels, so that collections made before there was a choice stand
    if _stands(out, json.loads(json.dumps(settings)), build.overwrite):
        return open_collection(out)

    names, partial = source.names(), partial_folder(out)
    ingest = Ingest(
        partial,
        source,
        size=build.size,
        resize=build.resize,
        animation=animations,
        default_rating=default_rating,
        ratings=settings["ratings"],
        store=store,
    )
    with progress_bar("importing" if build.progress else None, len(names)) as bar:
        for done in ingest.run(names):
            bar.update(done - bar.n)
    skipped = Counter(source.skipped())
    seen = len(names) + skipped.total()
    skipped.update(entry["reason"] for entry in ingest.entries(usable=False))
    if not ingest.usable:
        discard(partial)
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(skipped.items()) if count)
        raise ValueError(f"{out}: no illustration can be used ({reasons or 'the source is empty'}); mend the source")
    groups = choose_groups(ingest)
    splits = choose_splits(ingest, groups, build.seed, build.validation_share, build.test_share)
    _warn_of_empty_splits(splits, build)
    posts, fingerprint = posts_table(ingest, groups, splits)
    origins = origin_table(ingest)
    if origins is not None:
        pq.write_table(origins, partial / "origin.parquet")
    write_csv(partial / "bad_images.csv", ("path", "reason", "sha256"), ingest.entries(usable=False))
    _write_accounting(partial / "accounting.json", seen, skipped, groups)
    discard(out)
    finish_collection(out, posts, build.resize, fingerprint, store=store, size=build.size)
    ingest.journal(out).unlink()
    return open_collection(out)


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a table of the named columns, whole or not at all; whatever else a row holds is left out."""
    with whole(path) as file:
        lines = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="")
        writer = csv.DictWriter(lines, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        lines.detach()  # flushed, and not closed


def discard(place: Path) -> None:
    """Delete a folder under another name, so that a kill leaves no half of it under its own.

    What an earlier kill has left under the other name is deleted too; ``place`` need not exist.
    """
    doomed = place.with_name(place.name + ".discarded")
    for folder in (doomed, place):
        if folder.exists():
            os.replace(folder, doomed)
            shutil.rmtree(doomed)


def _stands(out: Path, settings: dict[str, Any], overwrite: bool) -> bool:
    """Whether ``out`` is this very collection, finished; if not, leave a partial folder of this very one."""
    partial = partial_folder(out)
    made_with = {place: _made_with(place) for place in (out, partial)}
    if made_with[out] == settings:
        return True
    for place, before in made_with.items():
        if before == settings or not place.exists() or all(map(is_unfinished, os.listdir(place))):
            continue
        if not before and not (place / "collection.json").exists():
            raise FileExistsError(f"{place} exists and is not a collection; give another out")
        if not overwrite:
            changed = ", ".join(_changed(before, settings))
            raise FileExistsError(f"{place} was made with other {changed}; pass overwrite, or another out")
    if made_with[partial] != settings:
        discard(partial)
        partial.mkdir(parents=True)
        write_text(partial / "import.json", json.dumps(settings, indent=1) + "\n")
    return False


def _made_with(place: Path) -> dict[str, Any]:
    """Settings a collection, finished or not, was made with; empty if there is none."""
    record = place / "import.json"
    return json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}


def _store_of(out: Path) -> str | None:
    """How the pixels of what stands at ``out``, or of what grows there, are kept; None if there is nothing."""
    before = next(filter(None, map(_made_with, (partial_folder(out), out))), None)
    return before and before.get("store", "pixels")


def _changed(before: dict[str, Any], settings: dict[str, Any]) -> list[str]:
    """Names of the settings that differ; of a source the parts of its identity, where those have names."""
    was, now = before.get("source"), settings["source"]
    names = [name for name in before | settings if name != "source" and before.get(name) != settings.get(name)]
    if isinstance(was, dict) and isinstance(now, dict):
        return names + [name for name in was | now if was.get(name) != now.get(name)]
    return names if was == now else [*names, "source"]


def _check_choice(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise ValueError(f"{name}={value!r} is unknown; use one of {', '.join(known)}")


def _warn_of_empty_splits(splits: Sequence[str], build: BuildOptions) -> None:
    """Say which splits nothing fell into: of few groups a small share may be none."""
    for split, name in (("val", "validation_share"), ("test", "test_share")):
        share = getattr(build, name)
        if share > 0 and split not in splits:
            warnings.warn(
                f"none of the {len(splits)} illustrations is in the {split} split; raise {name}={share}, "
                "take another seed, or add illustrations",
                stacklevel=3,
            )


def _write_accounting(path: Path, seen: int, skipped: Counter, groups: list[str]) -> None:
    """Write how many were seen, used, left out by reason, and grouped; everything seen is one or the other."""
    assert seen == len(groups) + skipped.total(), (seen, len(groups), skipped)
    sizes = Counter(groups)
    accounting = {
        "seen": seen,
        "used": len(groups),
        "skipped": {reason: count for reason, count in sorted(skipped.items()) if count},
        "groups": len(sizes),
        "largest_group": max(sizes.values()),
        "near_duplicates": len(groups) - len(sizes),
    }
    path.write_text(json.dumps(accounting, indent=2) + "\n", encoding="utf-8")
