"""Tar archives read where they lie: by an index beside them, or by their headers. Nothing is ever unpacked."""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

from i2v_lib.data.images import MAX_BYTES, BadImageError, read_bytes

BLOCK = 512  # bytes; a header is one, contents are padded to whole ones
NOWHERE = -1  # offset of a member whose index entry cannot be right
MAX_EXTENDED = 2**16  # bytes of an extended header; a few hundred are usual
NAME = re.compile(r"(?:\./)?([0-9]{1,18})\.(jpg|png|webp|gif|avif|json)")
REGULAR = (tarfile.REGTYPE, tarfile.AREGTYPE)
BARE = (  # kinds of members that have no contents, whatever size their header gives
    tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE
)  # fmt: skip
PAX = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
GNU_LONG = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
OVERRIDE = re.compile(rb"[0-9]+ (path|size|linkpath|hdrcharset|GNU\.sparse)")  # others only give times and owners
COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


@dataclass(frozen=True, slots=True)
class Member:
    """One file inside a tar, named by a post's id."""

    archive: Path
    name: str  # as the tar has it: "123.jpg" or "./123.jpg"
    offset: int  # of its first byte in the tar, or NOWHERE
    size: int  # bytes
    sha256: str = ""  # hexadecimal; empty where no index has it

    @property
    def id(self) -> int:
        """The number that its name is."""
        return int(NAME.fullmatch(self.name)[1])

    @property
    def extension(self) -> str:
        """Of its name, without the dot."""
        return NAME.fullmatch(self.name)[2]


def read_index(archive: Path) -> tuple[list[Member], Counter[str]]:
    """Members that the index beside a tar promises: ``0001.json`` beside ``0001.tar``.

    The index is an object with ``files``, an object from names to ``offset``, ``size`` and ``sha256``. An entry
    that cannot be right has its offset set to :data:`NOWHERE`, so :func:`read_member` refuses it: a number that
    is none, a place beyond the archive's end, no SHA-256, contents that reach into another member.

    Returns
    -------
    members : in the order of their names
    refused : entries left out, by reason: ``refused_name``; ``damaged_index`` for a whole index

    Raises
    ------
    ValueError
        If the archive is compressed.
    """
    refuse_compressed(archive)
    try:
        entries = json.loads(read_bytes(archive.with_suffix(".json")))["files"].items()
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return [], Counter(damaged_index=1)
    length, members, refused = archive.stat().st_size, [], Counter()
    for name, entry in sorted(entries):
        if NAME.fullmatch(name):
            members.append(_promised(archive, name, entry, length))
        else:
            refused["refused_name"] += 1
    overlapping = _overlapping(members)
    return [replace(member, offset=NOWHERE) if member in overlapping else member for member in members], refused


def scan(archive: Path) -> tuple[list[Member], Counter[str]]:
    """Members of a tar by their headers; contents are passed over unread.

    Only regular files named by a number come in. Links, devices and sparse files are refused, and so is what an
    extended header renames or resizes. Folders are passed over.

    Returns
    -------
    members : in the tar's order
    refused : the others by reason: ``refused_name``, ``refused_type``; ``damaged_archive`` where the rest of a
        tar cannot be read

    Raises
    ------
    ValueError
        If the archive is compressed.
    """
    refuse_compressed(archive)
    members: list[Member] = []
    refused: Counter[str] = Counter()
    position, changed = 0, False  # changed: an extended header gives the next member another name, size or kind
    with archive.open("rb") as file:
        length = archive.stat().st_size
        while (block := _read_at(file, position, BLOCK)).strip(b"\0"):
            header = _header(block)
            start = position + BLOCK + (_sparse_bytes(file, position) if block[156:157] == b"S" else 0)
            stored = 0 if header is None or header.type in BARE else header.size
            if header is None or stored < 0 or start + stored > length:
                refused["damaged_archive"] += 1
                break
            position = start + -(-stored // BLOCK) * BLOCK
            if header.type in PAX:
                text = _read_at(file, start, min(stored, MAX_EXTENDED))
                changed |= stored > MAX_EXTENDED or OVERRIDE.search(text) is not None
            elif header.type in GNU_LONG:
                changed = True
            else:
                if changed or header.type not in (*REGULAR, tarfile.DIRTYPE):
                    refused["refused_type"] += 1
                elif header.type in REGULAR and not NAME.fullmatch(header.name):
                    refused["refused_name"] += 1
                elif header.type in REGULAR:
                    members.append(Member(archive, header.name, start, stored))
                changed = False
    return members, refused


def read_member(member: Member, limit: int = MAX_BYTES) -> bytes:
    """Read one member by its offset and size, once the tar's own header agrees with them.

    Raises
    ------
    BadImageError
        ``too_large`` (over ``limit`` bytes), ``wrong_index`` (the place holds another file, or none),
        ``wrong_sha256``, ``unreadable`` (the archive is).
    """
    if member.size > limit:
        raise BadImageError("too_large", f"{member.name} in {member.archive} has more than {limit:,} bytes")
    try:
        with member.archive.open("rb") as file:
            data = _read_at(file, member.offset, member.size) if _header_agrees(file, member) else None
    except OSError as error:
        raise BadImageError("unreadable", error) from error
    if data is None or len(data) != member.size:
        raise BadImageError("wrong_index", f"{member.name} is not at byte {member.offset} of {member.archive}")
    if member.sha256:
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 != member.sha256:
            raise BadImageError("wrong_sha256", f"{member.name} in {member.archive} is another file", sha256)
    return data


def refuse_compressed(archive: Path) -> None:
    """Raise a ValueError that names the cure if a tar is compressed: it cannot be read by offset."""
    with archive.open("rb") as file:
        start = file.read(6)
    for magic, kind in COMPRESSED.items():
        if start.startswith(magic):
            raise ValueError(f"{archive} is compressed ({kind}), so nothing in it has an offset; decompress it first")


def _promised(archive: Path, name: str, entry: Any, length: int) -> Member:
    """What one entry of an index says of a member of an archive of ``length`` bytes."""
    entry = entry if isinstance(entry, dict) else {}
    offset, size, sha256 = (entry.get(field) for field in ("offset", "size", "sha256"))
    sound = type(offset) is int and type(size) is int and min(offset - BLOCK, size) >= 0 and offset + size <= length
    if not sound or not isinstance(sha256, str) or not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        return Member(archive, name, NOWHERE, 0)
    return Member(archive, name, offset, size, sha256.lower())


def _overlapping(members: Sequence[Member]) -> set[Member]:
    """Those that reach into others: of two in conflict the one whose header disagrees, else the outer one."""
    members = sorted((member for member in members if member.offset != NOWHERE), key=lambda member: member.offset)
    conflicts = {member for pair in _conflicts(members) for member in pair}
    if not conflicts:
        return conflicts
    with members[0].archive.open("rb") as file:
        wrong = {member for member in conflicts if not _header_agrees(file, member)}
    return wrong | {outer for outer, _ in _conflicts([member for member in members if member not in wrong])}


def _conflicts(members: Sequence[Member]) -> list[tuple[Member, Member]]:
    return [(one, two) for one, two in pairwise(members) if one.offset + one.size > two.offset - BLOCK]


def _header_agrees(file: BinaryIO, member: Member) -> bool:
    """Whether the block before a member is the header of a regular file of its name and size."""
    if member.offset < BLOCK:
        return False
    header = _header(_read_at(file, member.offset - BLOCK, BLOCK))
    if header is None or header.type not in REGULAR or header.size != member.size:
        return False
    return header.name.removeprefix("./") == member.name.removeprefix("./")


def _header(block: bytes) -> tarfile.TarInfo | None:
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.TarError:
        return None


def _sparse_bytes(file: BinaryIO, position: int) -> int:
    """Bytes of further headers between a sparse file's first one and its contents."""
    size, more = 0, _read_at(file, position + 482, 1)
    while more.strip(b"\0"):
        size += BLOCK
        more = _read_at(file, position + size + 504, 1)
    return size


def _read_at(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)
