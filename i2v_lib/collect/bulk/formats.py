"""The formats of bulk sets: which metadata and which pictures each of them is."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from i2v_lib.collect.booru.labels import LabelRules
from i2v_lib.collect.booru.policy import Policy
from i2v_lib.collect.booru.posts import RATING_SCHEMES, paper_rating
from i2v_lib.collect.bulk.bulk_images import FolderImages, Images, TarImages, TarRows
from i2v_lib.collect.bulk.bulk_rows import choose_scheme
from i2v_lib.collect.bulk.layout import (
    DUMP_FOLDERS,
    TABLE_FOLDERS,
    compressed_hint,
    detect_format,
    find_dumps,
    find_images,
    find_tables,
    find_tars,
)
from i2v_lib.collect.bulk.source import BulkSource, Rows
from i2v_lib.collect.bulk.tables import Table
from i2v_lib.data.build import BuildOptions, build_collection
from i2v_lib.data.collection import Collection
from i2v_lib.system.errors import ArgumentError

Opened = tuple[Rows, Images, Rows | None]  # metadata, images, more metadata to join by id


def import_bulk(
    path: str | Path,
    out: str | Path,
    *,
    format: str = "auto",
    images: str | Path | None = None,
    metadata: str | Path | None = None,
    site: str = "danbooru",
    policy: Policy | None = None,
    rules: LabelRules | None = None,
    rating_scheme: str = "auto",
    limit: int | None = None,
    build: BuildOptions | None = None,
) -> Collection:
    """Make a collection of a bulk archive of a booru's posts.

    Four formats are known:

    - ``tar_index``: tars, each with an index (``0001.tar``, ``0001.json``), and a ``metadata.parquet``;
    - ``webdataset``: tars that hold ``123.webp`` and ``123.json`` of each post;
    - ``danbooru2021``: JSON lines of posts, and pictures such as ``0123/1123.jpg``, perhaps in ``original`` or
      ``512px``;
    - ``table``: a Parquet, CSV or JSON-lines table of posts beside pictures such as ``123.jpg``.

    Every row passes :func:`i2v_lib.collect.booru.policy.exclude` before a picture's first byte is read. Illustrations
    are ordered by their posts' numbers. Animations are left out. An interrupted import continues when it is called
    again, as :func:`i2v_lib.data.build.build_collection` does, which also lists and counts what was left out. The
    archive is only read.

    Until 2022-05-22 Danbooru's *s* meant "safe"; since then *g* is general, and *s* sensitive. So that the same
    policy takes only the safe posts of either scheme, its *g* stands for *s* in a set of scheme "2005".

    Parameters
    ----------
    path : the set's folder, or its one tar or table
    out : folder of the new collection, outside of ``path``
    format : one of :data:`FORMATS`; "auto" finds it from the names of the files
    images : folder of the tars or pictures, if they are not where the format has them
    metadata : another table of posts; to a WebDataset it is joined by id, for what its JSON lacks
    site : where the posts are from: the ids are such as ``danbooru-123``
    policy : what may come in; by default :class:`Policy`'s own settings
    rules : how tags become labels
    rating_scheme : "2022", "2005" or "dapi", see :func:`i2v_lib.collect.booru.posts.paper_rating`; "auto" is "2005" for
        a ``danbooru2021`` without a row rated general or younger than 2022-05-22, else "2022"
    limit : number of posts, those with the lowest numbers; None for all
    build : size of the pictures, splits, store and so on

    Raises
    ------
    FileNotFoundError
        If ``path`` or a file that the format needs is missing.
    FileExistsError
        If ``out`` holds something else, and may not be overwritten.
    ValueError
        If a setting is wrong, the format is not clear, metadata or an archive cannot be read, or nothing is left.
    """
    build = build or BuildOptions()
    path, out = Path(path).resolve(), Path(os.path.abspath(out))
    images = Path(images).resolve() if images else None
    if format not in FORMATS:
        raise ValueError(f"format={format!r} is unknown; use one of {', '.join(FORMATS)}")
    if rating_scheme not in ("auto", *RATING_SCHEMES):
        raise ValueError(f"rating_scheme={rating_scheme!r} is unknown; use auto, {', '.join(RATING_SCHEMES)}")
    for name, place in (("path", path), ("images", images)):
        if place and not place.exists():
            raise FileNotFoundError(f"{name}={str(place)!r} does not exist; give a bulk set's folder or file")
        if place and out.resolve().is_relative_to(place):
            raise ArgumentError("out", str(out), f"lies inside of {name}, which is only read; choose another place")
    seen = "given"
    if format == "auto":
        format, seen = detect_format(path, images)
    rows, found, joined = OPENERS[format](path, images, Path(metadata).resolve() if metadata else None)
    if rating_scheme == "auto":
        rating_scheme = choose_scheme(rows) if format == "danbooru2021" else "2022"
    policy = policy or Policy()
    if rating_scheme == "2005":
        policy = replace(policy, ratings=tuple("s" if rating == "g" else rating for rating in policy.ratings))
    if build.progress:
        letters = " ".join(policy.ratings)
        print(f"{path}: {format} ({seen}); rating scheme {rating_scheme}, taking {letters}", file=sys.stderr)
    source = BulkSource(
        rows,
        found,
        joined,
        site=site,
        scheme=rating_scheme,
        policy=policy,
        rules=rules or LabelRules(),
        limit=limit,
        progress=build.progress,
    )
    ratings = sorted({paper_rating(rating, rating_scheme) for rating in policy.ratings})
    return build_collection(source, out, build, animations="skip", ratings=ratings)


def _open_tar_index(path: Path, images: Path | None, metadata: Path | None) -> Opened:
    tars = [tar for tar in _tars(path, images) if tar.with_suffix(".json").is_file()]
    if not tars:
        raise FileNotFoundError(f"{path} has no tar with an index beside it, such as 0001.json beside 0001.tar")
    if metadata is None:
        folder = path.parent if path.is_file() else path
        tables = find_tables(folder) or (find_tables(folder.parent) if folder.name == "images" else [])
        metadata = _only("metadata", tables, path)
    return Table([metadata]), TarImages(tars, indexed=True), None


def _open_webdataset(path: Path, images: Path | None, metadata: Path | None) -> Opened:
    found = TarImages(_tars(path, images), indexed=False)
    return TarRows(found.metadata), found, Table([metadata]) if metadata else None


def _open_danbooru2021(path: Path, images: Path | None, metadata: Path | None) -> Opened:
    dumps = [metadata] if metadata else find_dumps(path)
    if not dumps:
        raise FileNotFoundError(f"{path} has no metadata/*.json or posts*.json; give the file with metadata=")
    return Table(dumps), FolderImages(_only("images", find_images(path, images, DUMP_FOLDERS), path)), None


def _open_table(path: Path, images: Path | None, metadata: Path | None) -> Opened:
    table = metadata or _only("metadata", find_tables(path), path)
    return Table([table]), FolderImages(_only("images", find_images(path, images, TABLE_FOLDERS), path)), None


OPENERS: dict[str, Callable[[Path, Path | None, Path | None], Opened]] = {
    "tar_index": _open_tar_index,
    "webdataset": _open_webdataset,
    "danbooru2021": _open_danbooru2021,
    "table": _open_table,
}
FORMATS = ("auto", *OPENERS)


def _tars(path: Path, images: Path | None) -> list[Path]:
    tars = find_tars(path, images)
    if not tars:
        error = ValueError if (hint := compressed_hint(path, images)) else FileNotFoundError
        raise error(f"{path} has no tars{hint}")
    return tars


def _only(argument: str, found: list[Path], path: Path) -> Path:
    """The one place that was found; none, or several, must be chosen from."""
    if len(found) == 1:
        return found[0]
    if not found:
        raise FileNotFoundError(f"{path}: no {argument} found; say with {argument}= where")
    names = ", ".join(str(place) for place in found[:5])
    raise ValueError(f"{path}: {argument} may be {names}; choose with {argument}=")
