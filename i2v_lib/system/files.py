"""Write a file whole or not at all: beside its place under another name, onto the disk, and only then renamed.

A reader, and a process that a kill or a power cut interrupts, sees the old file or the new one, never half of either.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

ENDING = ".unfinished"  # of files that are being written; hidden, too, so that nobody takes them for pictures
IDLE = 3600.0  # seconds without a write after which nobody is still at it
NOT_FOR_FOLDERS = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)  # what file systems answer that cannot sync a folder


@contextmanager
def whole(path: Path | str, durable: bool = True) -> Iterator[BinaryIO]:
    """Open a file that appears under its name when the block ends, and not at all if an error ends it.

    A new file gets the permissions that any new file gets; one that replaces a file keeps that file's. A symbolic
    link is itself replaced: the file that it shows stays as it is. The temporary name is short and random, so the
    target's name may be as long as the system allows, and two processes that write the same file never meet.

    Parameters
    ----------
    path : of the file; its folder exists
    durable : wait until the file, and its name, are on the disk. Without it a power cut may leave an empty file

    Yields
    ------
    binary file, open for writing

    Raises
    ------
    OSError
        If it cannot be written, such as on a full disk; it names ``path``.
    """
    with whole_path(path, durable) as temporary, open(temporary, "rb+", opener=_open_no_link) as file:
        yield file


@contextmanager
def whole_path(path: Path | str, durable: bool = True) -> Iterator[Path]:
    """As :func:`whole`, for writers that want a name: yields the path of an empty file, which they may replace."""
    path = Path(path)
    temporary = path.with_name(f".{secrets.token_hex(6)}{ENDING}")
    try:
        with open(temporary, "xb", opener=_open_no_link) as file:
            new = os.fstat(file.fileno())
        try:
            mode = _mode(path, new)
            yield temporary
            if durable:
                _sync_file(temporary)
            os.chmod(temporary, mode)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        if durable:
            sync_folder(path.parent)
    except OSError as error:
        if error.errno is None or error.filename not in (None, temporary, str(temporary)):
            raise  # of something else that the block did
        raise OSError(error.errno, error.strerror, str(path)) from error


def write_bytes(path: Path | str, data: bytes, durable: bool = True) -> None:
    """Write a file of these bytes; see :func:`whole`."""
    with whole(path, durable) as file:
        file.write(data)


def write_text(path: Path | str, text: str, durable: bool = True) -> None:
    """Write a file of this text, in UTF-8 and with its line ends as they are; see :func:`whole`."""
    write_bytes(path, text.encode(), durable)


def rename_folder(folder: Path, to: Path) -> None:
    """Give a folder that was built under another name its own, once the files right in it are on the disk.

    Raises
    ------
    OSError
        If ``to`` is there and is not an empty folder.
    """
    for path in folder.iterdir():
        if path.is_file() and not path.is_symlink():
            _sync_file(path)
    sync_folder(folder)
    os.replace(folder, to)
    sync_folder(to.parent)


def sync_folder(folder: Path) -> None:
    """Return once the names in a folder are on the disk, where the system can do that: Windows opens no folders."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NOT_FOR_FOLDERS:
            raise
    finally:
        os.close(descriptor)


def is_unfinished(name: str) -> bool:
    """Whether this is the name of a file that is being written, or that a kill left half written."""
    return name.startswith(".") and name.endswith(ENDING)


def discard_unfinished(folder: Path, idle: float = IDLE) -> None:
    """Delete what kills left half written in a folder.

    Parameters
    ----------
    folder : need not exist
    idle : seconds since the last write; 0 where no other process writes into the folder
    """
    for path in folder.glob(f".*{ENDING}"):
        try:
            if not idle or time.time() - path.lstat().st_mtime >= idle:
                path.unlink()
        except FileNotFoundError:  # another process has finished it
            continue


def _open_no_link(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)  # less what the umask takes


def _mode(path: Path, new: os.stat_result) -> int:
    """Permissions of the file that is to be replaced, or those of a new one where there is none."""
    try:
        before = path.lstat()
    except FileNotFoundError:
        before = new
    return stat.S_IMODE((before if stat.S_ISREG(before.st_mode) else new).st_mode)


def _sync_file(path: Path) -> None:
    with open(path, "rb+", opener=_open_no_link) as file:
        os.fsync(file.fileno())
