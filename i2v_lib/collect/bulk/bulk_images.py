"""Where the pictures of a bulk set lie: members of tars, or files in a folder. Each is named by its post's number."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from i2v_lib.collect.booru.posts import BadRowError
from i2v_lib.collect.booru.row_fields import row_id
from i2v_lib.collect.bulk.archives import Member, read_index, read_member, scan
from i2v_lib.data.folder import listing_digest
from i2v_lib.data.images import read_bytes

MAX_JSON = 2**20  # bytes of one post's metadata
BUCKET = re.compile("[0-9]{4}")  # a post's id modulo 1000, as Danbooru2021 names its folders
IMAGE = re.compile(r"([0-9]{1,18})\.(jpg|png|webp|gif|avif)")
ANY_IMAGE = re.compile(r".*\.(jpg|png|webp|gif|avif)", re.DOTALL)


class Images(Protocol):
    """Pictures by their posts' numbers."""

    places: dict[int, Any]  # from a post's id to where its picture is
    refused: Counter[str]  # files that were left out, by reason

    def extension(self, place: Any) -> str:
        """Of the file at a place, without the dot."""

    def read(self, place: Any) -> bytes:
        """Bytes of the picture at a place; raises BadImageError for what cannot be used."""

    def digest(self) -> str:
        """Change when a file comes, goes or changes."""


class TarImages:
    """Pictures inside tars.

    Parameters
    ----------
    archives : tars
    indexed : True trusts the index beside each, once the tar agrees; False reads the headers of all members

    Attributes
    ----------
    metadata : members that are JSON
    """

    def __init__(self, archives: Sequence[Path], indexed: bool) -> None:
        self.files = {path.name: path for path in archives}
        self.places: dict[int, Member] = {}
        self.refused: Counter[str] = Counter()
        self.metadata: list[Member] = []
        for path in archives:
            members, refused = read_index(path) if indexed else scan(path)
            self.refused += refused
            for member in members:
                if member.extension == "json":
                    self.metadata.append(member)
                elif self.places.setdefault(member.id, member) != member:
                    self.refused["duplicate_image"] += 1
        if indexed:
            self.files |= {f"{path.name} index": path.with_suffix(".json") for path in archives}

    def extension(self, place: Member) -> str:
        """See :class:`Images`."""
        return place.extension

    def read(self, place: Member) -> bytes:
        """See :class:`Images`."""
        return read_member(place)

    def digest(self) -> str:
        """See :class:`Images`."""
        return listing_digest(self.files)


class TarRows:
    """Metadata inside tars: beside each picture a JSON object, which may be read again and again.

    Parameters
    ----------
    members : JSON members
    """

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = members

    def __iter__(self) -> Iterator[dict[str, Any] | None]:
        """Yield rows with their ids; None for a member that is not an object, or names another post."""
        for member in self.members:
            try:
                row = {"id": member.id} | json.loads(read_member(member, MAX_JSON))
                yield row if row_id(row) == member.id else None
            except (ValueError, TypeError, RecursionError, BadRowError):
                yield None

    def digest(self) -> str:
        """Nothing to add: the tars' digest covers all members."""
        return ""


class FolderImages:
    """Pictures in a folder, or in subfolders of four digits.

    Parameters
    ----------
    folder : where they lie; links are not followed
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.places: dict[int, str] = {}
        self.refused: Counter[str] = Counter()
        digest = hashlib.sha256()
        for name, entry in _entries(folder):
            match = IMAGE.fullmatch(entry.name)
            if not entry.is_file(follow_symlinks=False):
                self.refused["refused_type"] += 1
            elif match is None:
                self.refused["refused_name"] += 1
            elif self.places.setdefault(int(match[1]), name) != name:
                self.refused["duplicate_image"] += 1
            else:
                status = entry.stat(follow_symlinks=False)
                digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
        self._digest = digest.hexdigest()

    def extension(self, place: str) -> str:
        """See :class:`Images`."""
        return place.rpartition(".")[2]

    def read(self, place: str) -> bytes:
        """See :class:`Images`."""
        return read_bytes(self.folder / place)

    def digest(self) -> str:
        """See :class:`Images`."""
        return self._digest


def holds_images(folder: Path) -> bool:
    """Whether a folder, or a subfolder of four digits, has a picture named by a number."""
    return folder.is_dir() and any(IMAGE.fullmatch(entry.name) for _, entry in _entries(folder))


def _entries(folder: Path) -> Iterator[tuple[str, os.DirEntry]]:
    """Files named as pictures, with their paths below the folder, in one order everywhere."""
    for entry in _listed(folder):
        if ANY_IMAGE.fullmatch(entry.name):
            yield entry.name, entry
        elif BUCKET.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
            files = (file for file in _listed(entry.path) if ANY_IMAGE.fullmatch(file.name))
            yield from ((f"{entry.name}/{file.name}", file) for file in files)


def _listed(folder: str | Path) -> list[os.DirEntry]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)
