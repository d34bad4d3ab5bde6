"""A folder of tagged illustrations, made into a collection and back."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import unicodedata
from pathlib import Path
from typing import Any

from PIL import Image

from i2v_lib.data.build import BuildOptions, build_collection, write_csv
from i2v_lib.data.collection import Collection
from i2v_lib.data.images import BadImageError, read_bytes
from i2v_lib.data.sidecars import COLUMNS, Tagging, read_csv, read_json, read_tag_types, read_txt
from i2v_lib.system.errors import ArgumentError

SIDECARS = (".txt", ".json", ".csv")  # every other visible file is taken for a picture
MAX_SIDECAR = 2**20  # bytes


def import_folder(
    folder: str | Path,
    out: str | Path,
    *,
    tag_types: str | Path | None = None,
    default_rating: str = "safe",
    build: BuildOptions | None = None,
    **options: Any,
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
    tag_types : JSON or CSV file with the category of tags that come without one; the rest are general
    default_rating : rating of illustrations that have none, or an unknown one
    build : size of the pictures, splits, store and so on
    **options : fields of :class:`i2v_lib.data.build.BuildOptions` that differ from those, such as ``size=128``,
        ``overwrite=True``

    Raises
    ------
    FileNotFoundError
        If ``folder`` does not exist.
    FileExistsError
        If ``out`` holds something else, and may not be overwritten.
    TypeError
        If an option is misspelt.
    ValueError
        If a setting, ``tags.csv`` or ``tag_types`` is wrong, or nothing in the folder can be used.
    """
    build = dataclasses.replace(build or BuildOptions(), **options)
    source, out = FolderSource(folder, tag_types), Path(os.path.abspath(out))
    if out.resolve().is_relative_to(source.folder):
        raise ArgumentError("out", str(out), "lies inside the folder, which is only read; choose another place")
    return build_collection(source, out, build, default_rating=default_rating)


class FolderSource:
    """Illustrations below a folder, with the tags beside them: a :class:`i2v_lib.data.build.Source`.

    Parameters
    ----------
    folder, tag_types : see :func:`import_folder`
    """

    def __init__(self, folder: str | Path, tag_types: str | Path | None = None) -> None:
        self.folder = Path(folder).resolve()
        if not self.folder.is_dir():
            raise FileNotFoundError(f"folder={str(folder)!r} is no folder; give one that holds illustrations")
        self.files = list_files(self.folder)
        self.types = read_tag_types(tag_types) if tag_types else {}
        rows = read_csv(self.files["tags.csv"]) if "tags.csv" in self.files else {}
        self.table = {unicodedata.normalize("NFC", path): tagging for path, tagging in rows.items()}

    def identity(self) -> dict[str, Any]:
        """Tag types given, and a digest of all files' names, sizes and times of change."""
        return {"tag_types": self.types, "files": listing_digest(self.files)}

    def names(self) -> list[str]:
        """Relative paths, sorted; after them those that only ``tags.csv`` tells of."""
        names = list(filter(_may_be_picture, self.files))
        return names + sorted(set(self.table) - {unicodedata.normalize("NFC", name) for name in names})

    def read(self, name: str) -> tuple[bytes, Tagging]:
        """Bytes of one file and its tagging; see :class:`i2v_lib.data.build.Source`."""
        path = self.files.get(name)
        try:
            if path is None:
                raise BadImageError("missing", "tags.csv names a file that is not there")
            tagging = self.tagging(name)
            return read_bytes(path), tagging
        except BadImageError as error:
            error.sha256 = _sha256(path)
            raise

    def skipped(self) -> dict[str, int]:
        """Nothing: every visible file is a sidecar or is read."""
        return {}

    def tagging(self, name: str) -> Tagging:
        """Tags of one illustration: from ``tags.csv``, else from a JSON, else from a text file beside it.

        Raises
        ------
        BadImageError
            If there are none (``no_tags``), or the file that holds them cannot be read (``bad_tags``).
        """
        row = self.table.get(unicodedata.normalize("NFC", name))
        if row is not None:
            return row
        stem = os.path.splitext(name)[0]
        for suffix, read in ((".json", read_json), (".txt", read_txt)):
            path = self.files.get(stem + suffix) or self.files.get(name + suffix)
            if path is None:
                continue
            try:
                tagging = read(read_bytes(path, MAX_SIDECAR).decode("utf-8-sig"), self.types)
            except (ValueError, RecursionError) as error:  # broken JSON or UTF-8, and BadImageError, are ValueErrors
                raise BadImageError("bad_tags", error) from error
            if tagging:
                return tagging
        raise BadImageError("no_tags", f"nothing in tags.csv, and no sidecar with tags beside {name}")


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
    write_csv(out / "tags.csv", COLUMNS, rows)


def list_files(folder: Path) -> dict[str, Path]:
    """Every visible file below a folder by its relative path as text, in the order of that text.

    Hidden files, and links that lead out of the folder, are left out; linked folders are not entered. Bytes
    of a name that are no UTF-8 are written as ``\\xff``. A subfolder that cannot be listed stands for itself,
    to be reported as unreadable.
    """
    files = {}

    def add(path: Path) -> None:
        if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(folder):
            return  # it may show any file of this machine
        name = os.fsencode(path.relative_to(folder).as_posix()).decode("utf-8", "backslashreplace")
        files[name] = path

    for parent, subfolders, names in os.walk(folder, onerror=lambda error: add(Path(error.filename))):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        for name in names:
            if not name.startswith("."):
                add(Path(parent, name))
    return dict(sorted(files.items()))


def list_pictures(folder: Path) -> dict[str, Path]:
    """Those files of :func:`list_files` that may be pictures: all but sidecars, whatever the case of their endings."""
    return {name: path for name, path in list_files(folder).items() if _may_be_picture(name)}


def _may_be_picture(name: str) -> bool:
    return not name.lower().endswith(SIDECARS)


def listing_digest(files: dict[str, Path]) -> str:
    """Change when a file comes, goes, or changes; contents are not read, so a million files take seconds."""
    digest = hashlib.sha256()
    for name, path in files.items():
        status = path.lstat()
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _sha256(path: Path | None) -> str:
    """Digest of a whole file, in pieces; empty where there is none to read."""
    try:
        if path is None or not path.is_file():
            return ""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
