"""A folder of tagged illustrations, made into a collection and back."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import unicodedata
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image
from tqdm import tqdm

from i2v_lib.data.collection import (
    RATINGS,
    SCHEMA,
    Collection,
    finish_collection,
    open_collection,
    partial_folder,
)
from i2v_lib.data.duplicates import find_groups
from i2v_lib.data.images import POLICIES
from i2v_lib.data.intake import Intake, list_files, listing_digest
from i2v_lib.data.sidecars import COLUMNS, read_csv, read_tag_types
from i2v_lib.data.splits import assign_splits

IMPORTER = 1  # raise it when the same files would give another collection
SIDECARS = (".txt", ".json", ".csv")  # every other visible file is taken for a picture


def import_folder(
    folder: str | Path,
    out: str | Path,
    *,
    size: int,
    resize: str = "warp",
    tag_types: str | Path | None = None,
    default_rating: str = "safe",
    seed: int = 0,
    validation_share: float = 0.05,
    test_share: float = 0.05,
    overwrite: bool = False,
    progress: bool = True,
) -> Collection:
    """Make a collection of the illustrations anywhere below a folder and of the tags beside them.

    Tags come from ``tags.csv`` in the folder, else from ``name.json`` or ``name.txt`` beside ``name.png``
    (also ``name.png.json``, ``name.png.txt``); see :mod:`i2v_lib.data.sidecars`. Illustrations are ordered by
    their path, which is their id unless ``tags.csv`` gives one. Equal and near-equal pictures share a
    ``group``, and the group decides the split, unless ``tags.csv`` gives them. What cannot be used is listed
    in ``bad_images.csv`` of the collection: path, reason, SHA-256.

    The folder is only read. An interrupted import goes on when it is called again, and ends in the same
    collection; a finished one is opened, if files (by size and time of change) and settings are the same.

    Parameters
    ----------
    folder : where the illustrations lie; hidden files and links that lead out of it are left alone
    out : folder of the new collection, outside of ``folder``
    size : side S of the stored pictures, in pixels
    resize : how they become square, "warp", "pad" or "crop"; see :func:`i2v_lib.data.images.resize_image`
    tag_types : JSON or CSV file with the category of tags that come without one; the rest are general
    default_rating : rating of illustrations that have none, or an unknown one
    seed : salt of the splits
    validation_share, test_share : share of the groups, 0 to 1
    overwrite : replace a collection made from other files or settings
    progress : show a progress bar

    Raises
    ------
    FileNotFoundError
        If ``folder`` does not exist.
    FileExistsError
        If ``out`` holds something else, and may not be overwritten.
    ValueError
        If a setting, ``tags.csv`` or ``tag_types`` is wrong, or nothing in the folder can be used.
    """
    folder, out = Path(folder).resolve(), Path(os.path.abspath(out))
    if not folder.is_dir():
        raise FileNotFoundError(f"folder={str(folder)!r} is no folder; give one that holds illustrations")
    if out.resolve().is_relative_to(folder):
        raise ValueError(f"out={str(out)!r} lies inside the folder, which is only read; choose another place")
    for name, value, known in (("resize", resize, POLICIES), ("default_rating", default_rating, RATINGS)):
        if value not in known:
            raise ValueError(f"{name}={value!r} is unknown; use one of {', '.join(known)}")
    if size < 1:
        raise ValueError(f"size={size}: give the side of the stored pictures in pixels, 1 or more")
    assign_splits([], seed, validation_share, test_share)  # refuses impossible shares before the work

    files = list_files(folder)
    types = read_tag_types(tag_types) if tag_types else {}
    rows = read_csv(files["tags.csv"]) if "tags.csv" in files else {}
    table = {unicodedata.normalize("NFC", path): tagging for path, tagging in rows.items()}
    settings = {
        "importer": IMPORTER,
        "size": size,
        "resize": resize,
        "tag_types": types,
        "default_rating": default_rating,
        "seed": seed,
        "validation_share": validation_share,
        "test_share": test_share,
        "files": listing_digest(files),
    }
    if _stands(out, settings, overwrite):
        return open_collection(out)

    names = [name for name in files if os.path.splitext(name)[1].lower() not in SIDECARS]
    names += sorted(set(table) - {unicodedata.normalize("NFC", name) for name in names})  # told of, not there
    intake = Intake(partial_folder(out), files, table, types, size, resize)
    with tqdm(total=len(names), desc="import", unit="image", disable=not progress, mininterval=1) as bar:
        for done in intake.run(names):
            bar.update(done - bar.n)
    good, bad = intake.finish()
    if not good:
        _discard(partial_folder(out))
        reasons = ", ".join(f"{count} {reason}" for reason, count in Counter(r["reason"] for r in bad).items())
        raise ValueError(f"{folder}: no illustration can be used ({reasons or 'no file'}); put tags beside them")
    pixels = np.load(partial_folder(out) / "pixels.npy", mmap_mode="r")
    posts = _posts(good, pixels, seed, validation_share, test_share, default_rating)
    _write_csv(partial_folder(out) / "bad_images.csv", ("path", "reason", "sha256"), bad)
    fingerprint = _fingerprint(posts, good, size, resize)
    _discard(out)
    finish_collection(out, pa.Table.from_pylist(posts, schema=SCHEMA), resize, fingerprint)
    intake.journal(out).unlink()
    return open_collection(out)


def export_folder(collection: Collection, out: str | Path, limit: int | None = None) -> None:
    """Write a collection as a folder that :func:`import_folder` reads back to the same tags, ids and splits.

    Each picture becomes a PNG of its stored pixels with a sidecar; ``tags.csv`` beside them also holds what a
    sidecar cannot: id, group, split, source and artist.

    Parameters
    ----------
    collection : what to write
    out : new or empty folder
    limit : number of illustrations to write, the first ones; None for all

    Raises
    ------
    FileExistsError
        If ``out`` is not empty.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise FileExistsError(f"out={str(out)!r} is not empty; give a new folder")
    posts = collection.posts.slice(0, limit).to_pylist()
    rows = []
    for i, post in enumerate(posts):
        name = f"{i:07d}"  # ids may hold anything, a file name may not; zeros keep the order
        Image.fromarray(collection.pixels[i]).save(out / f"{name}.png", compress_level=1)
        tags = [*post["general"]]
        tags += [f"{category}:{tag}" for category in ("copyright", "character") for tag in post[category]]
        sidecar = ", ".join([*tags, f"rating:{post['rating']}"])
        (out / f"{name}.txt").write_text(sidecar + "\n", encoding="utf-8")
        lists = {category: ",".join(post[category]) for category in ("general", "copyright", "character")}
        rows.append({**post, **lists, "path": f"{name}.png"})
    _write_csv(out / "tags.csv", COLUMNS, rows)


def _stands(out: Path, settings: dict[str, Any], overwrite: bool) -> bool:
    """Whether ``out`` is this very import, finished; if not, leave a partial folder of this very import."""
    partial = partial_folder(out)
    made_with = {}
    for place in (out, partial):
        record = place / "import.json"
        made_with[place] = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
    if made_with[out] == settings:
        return True
    for place, before in made_with.items():
        if before == settings or not place.exists() or set(os.listdir(place)) <= {"import.json.tmp"}:
            continue
        if not before and not (place / "collection.json").exists():
            raise FileExistsError(f"{place} exists and is no collection; choose another out")
        if not overwrite:
            changed = ", ".join(name for name in settings if before.get(name) != settings[name])
            raise FileExistsError(f"{place} was made with other {changed}; overwrite it, or choose another out")
    if made_with[partial] != settings:
        _discard(partial)
        partial.mkdir(parents=True)
        temporary = partial / "import.json.tmp"
        temporary.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
        os.replace(temporary, partial / "import.json")
    return False


def _discard(place: Path) -> None:
    """Delete a folder under another name, so that a kill leaves no half of it under its own."""
    doomed = place.with_name(place.name + ".discarded")
    for folder in (doomed, place):
        if folder.exists():
            os.replace(folder, doomed)
            shutil.rmtree(doomed)


def _posts(
    good: list[dict[str, Any]],
    pixels: np.ndarray,
    seed: int,
    validation_share: float,
    test_share: float,
    default_rating: str,
) -> list[dict[str, Any]]:
    """Rows of the collection's table, with the groups and splits that ``tags.csv`` did not give."""
    posts = []
    for entry in good:
        tags = entry["tags"]
        posts.append(
            {
                **tags,
                "id": tags["id"] or entry["path"],
                "rating": tags["rating"] or default_rating,
                **{name: entry[name] for name in ("md5", "width", "height")},
                **{name: list(tags[name]) for name in ("general", "copyright", "character")},
            }
        )
    looks = [None if entry["look"] is None else int(entry["look"], 16) for entry in good]
    roots = find_groups([entry["pixels"] for entry in good], looks, pixels)
    names: dict[int, str] = {}
    for root, post in zip(roots, posts, strict=True):
        if post["group"]:
            names.setdefault(root, post["group"])
    for root, post in zip(roots, posts, strict=True):
        post["group"] = post["group"] or names.get(root, posts[root]["id"])
    given: dict[str, set[str]] = {}
    for post in posts:
        if post["split"]:
            given.setdefault(post["group"], set()).add(post["split"])
    straddling = sum(len(splits) > 1 for splits in given.values())
    if straddling:
        warnings.warn(
            f"tags.csv puts near-duplicates of {straddling} groups into more than one split; "
            "scores on the test split will be too good",
            stacklevel=3,
        )
    chosen = assign_splits([post["group"] for post in posts], seed, validation_share, test_share)
    for post, split in zip(posts, chosen, strict=True):
        post["split"] = post["split"] or min(given.get(post["group"], {split}))
    return posts


def _fingerprint(posts: list[dict[str, Any]], good: list[dict[str, Any]], size: int, resize: str) -> str:
    digest = hashlib.sha256(f"{size} {resize}\n".encode())
    for post, entry in zip(posts, good, strict=True):
        digest.update(json.dumps([post, entry["pixels"]], sort_keys=True).encode())
    return digest.hexdigest()[:16]


def _write_csv(path: Path, columns: Sequence[str], rows: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
