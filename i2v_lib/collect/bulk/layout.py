"""What lies where in a bulk set: its tars, its metadata, its folder of pictures, and so its format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from i2v_lib.collect.bulk.bulk_images import holds_images
from i2v_lib.collect.bulk.tables import SUFFIXES, table_suffix

DUMPS = ("metadata/posts*.json", "posts*.json", "metadata/*.json", "metadata/*/*.json")  # the first with files counts
DUMP_FOLDERS = (".", "original", "512px")  # where Danbooru2021 has its pictures
TABLE_FOLDERS = (".", "images")


def detect_format(path: Path, images: Path | None = None) -> tuple[str, str]:
    """Tell a bulk set's format from the names of its files.

    Returns
    -------
    format : "tar_index", "webdataset", "danbooru2021" or "table"
    seen : what speaks for it, in words

    Raises
    ------
    ValueError
        If no format is recognized, or more than one.
    """
    seen = {}
    tars = find_tars(path, images)
    indexed = [tar for tar in tars if tar.with_suffix(".json").is_file()]
    if indexed:
        seen["tar_index"] = f"{len(indexed)} tars with an index"
    if len(tars) > len(indexed):
        seen["webdataset"] = f"{len(tars) - len(indexed)} tars without an index"
    dumps, tables = find_dumps(path), find_tables(path)
    if dumps and find_images(path, images, DUMP_FOLDERS):
        seen["danbooru2021"] = f"pictures and {dumps[0].name}"
    if tables and find_images(path, images, TABLE_FOLDERS):
        seen["table"] = f"pictures and {', '.join(table.name for table in tables[:3])}"
    if len(seen) == 1:
        return next(iter(seen.items()))
    found = "; ".join(f"{name} for its {what}" for name, what in seen.items())
    raise ValueError(
        f"path={str(path)!r} may be {found}; choose with format=" if seen else
        f"path={str(path)!r} is not a bulk set: there are neither tars, nor images beside a table or a dump of posts; "
        "give the folder that holds all of it, and with images= where the images lie" + compressed_hint(path, images)
    )  # fmt: skip


def find_tars(path: Path, images: Path | None = None) -> list[Path]:
    """The tar itself, or those in the folder, else in its ``images``; sorted."""
    if path.is_file():
        return [path] if path.suffix == ".tar" else []
    found = (sorted(folder.glob("*.tar")) for folder in ([images] if images else [path, path / "images"]))
    return next((tars for tars in found if tars), [])


def compressed_hint(path: Path, images: Path | None = None) -> str:
    """The cure, for a message, if compressed tars lie where tars should; else nothing."""
    folder = path.parent if path.is_file() else images or path
    found = [file for file in sorted(folder.glob("*")) if ".tar" in file.suffixes[:-1] or file.suffix == ".tgz"]
    found = [file for file in found if not path.is_file() or file == path]
    return f"; {found[0].name} is compressed, so nothing in it has an offset: decompress it first" if found else ""


def find_dumps(path: Path) -> list[Path]:
    """Files of Danbooru2021's metadata: JSON lines about posts, gzipped or not."""
    found = (sorted([*path.glob(pattern), *path.glob(pattern + ".gz")]) for pattern in DUMPS)
    return next((files for files in found if files), [])


def find_tables(path: Path) -> list[Path]:
    """The table itself, or those in a folder: ``metadata.parquet`` alone if it is there."""
    if path.is_file():
        return [path] if table_suffix(path) in SUFFIXES else []
    if (path / "metadata.parquet").is_file():
        return [path / "metadata.parquet"]
    # A plain .json in a folder may be anything: an index, a dump, settings.
    return sorted(file for file in path.glob("*") if table_suffix(file) in SUFFIXES and ".json" not in file.suffixes)


def find_images(path: Path, images: Path | None, names: Sequence[str]) -> list[Path]:
    """Folders with pictures that are named by numbers: the given one, else those of some names."""
    root = path.parent if path.is_file() else path
    return [folder for folder in ([images] if images else [root / name for name in names]) if holds_images(folder)]
