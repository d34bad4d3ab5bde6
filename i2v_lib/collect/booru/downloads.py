"""A file on its way to us: hashed as it grows, checked, and resumed where a cut left it."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx2

from i2v_lib.collect.booru.replies import RetryableError, WebError

HEAD = 32  # bytes that show the format
PIECE = 2**20  # bytes
WRONG = ("bad_range", "wrong_md5", "not_an_image", "too_large")  # reasons after which what is there is of no use


@dataclass(frozen=True)
class Download:
    """A file that has arrived whole; ``ext`` is read from its first bytes, whatever its address says."""

    md5: str
    sha256: str
    size: int  # bytes
    ext: str


def sniff(head: bytes) -> str | None:
    """Tell a picture's format from its first bytes.

    Parameters
    ----------
    head : the first 32 bytes, or all of them

    Returns
    -------
    "jpg", "png", "gif", "webp" or "avif", the extension; None for anything else
    """
    if head.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    brands = [head[i : i + 4] for i in (8, *range(16, HEAD, 4))]  # between them, a version
    return "avif" if head[4:8] == b"ftyp" and {b"avif", b"avis"} & set(brands) else None


class Part:
    """The growing file, and beside it a note ``<name>.etag`` that says which version of which address it is.

    A server's strong ETag stands for exact bytes. Without one the file cannot be resumed.
    """

    def __init__(self, path: Path, url: str) -> None:
        self.path, self.note, self.url = path, path.with_name(path.name + ".etag"), url

    def etag(self) -> str:
        """The ETag of what is there; empty if it cannot be resumed."""
        try:
            url, etag = self.note.read_text(encoding="ascii").splitlines()
            there = self.path.is_file() and not self.path.is_symlink() and self.path.stat().st_size > 0
        except (OSError, ValueError):
            return ""
        return etag if url == self.url and there else ""

    def headers(self) -> dict[str, str]:
        """Headers that ask for what is missing, provided that it is still the same file."""
        etag = self.etag()
        return {"Range": f"bytes={self.path.stat().st_size}-", "If-Range": etag} if etag else {}

    def discard(self) -> None:
        """Remove what is there."""
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def receive(self, reply: httpx2.Response, pieces: Iterable[bytes], limit: int, md5: str) -> Download:
        """Write a reply's body, after what is there if it is the rest of that, and check the whole.

        Parameters
        ----------
        reply : of status 200 (the whole file) or 206 (its rest)
        pieces : its body, as sent
        limit : bytes of the whole file at most
        md5 : that the whole file must have; "" if it is not known

        Raises
        ------
        RetryableError
            ``bad_range``, ``not_an_image``, ``truncated`` or ``wrong_md5``.
        WebError
            ``too_large``.
        """
        start, total = self._span(reply)
        kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not kind.startswith("image/") and kind != "application/octet-stream":
            raise RetryableError("not_an_image", f"{self.url} is sent as {kind or 'nothing known'}")
        if max(start, total or 0) > limit:
            raise WebError("too_large", f"{self.url} has {total or start:,} bytes, more than {limit:,}")
        if not start:
            self._restart(reply.headers.get("etag", ""))
        with self.path.open("r+b" if start else "wb") as file:
            running = _Running(self.url, limit)
            for piece in iter(lambda: file.read(PIECE), b"") if start else ():
                running.add(piece)
            for piece in pieces:
                running.add(piece)
                file.write(piece)
            if total is not None and running.size != total:
                raise RetryableError("truncated", f"{self.url}: {running.size:,} of {total:,} bytes")
            download = running.finish(md5)
            sync(file)
        self.note.unlink(missing_ok=True)
        return download

    def _span(self, reply: httpx2.Response) -> tuple[int, int | None]:
        """Where the body begins in the file, and how long the file is (None: the reply does not say)."""
        length = reply.headers.get("content-length")
        if reply.status_code != 206:
            return 0, None if length is None else int(length)
        etag, size = self.etag(), self.path.stat().st_size if self.path.exists() else 0
        found = re.fullmatch(r"bytes ([0-9]+)-[0-9]+/([0-9]+)", reply.headers.get("content-range", ""))
        start, total = map(int, found.groups()) if found else (-1, -1)
        same = reply.headers.get("etag", etag) == etag and length in (None, str(total - start))
        if not etag or start != size or not same:
            raise RetryableError("bad_range", f"{self.url}: asked for bytes from {size:,}, got another part or file")
        return start, total

    def _restart(self, etag: str) -> None:
        self.discard()  # a symbolic link too, so that nothing is written where it leads
        self.path.touch()
        if re.fullmatch(r'"[\x21\x23-\x7e]*"', etag) and self.url.isascii() and self.url.isprintable():
            self.note.write_text(f"{self.url}\n{etag}\n", encoding="ascii")


class _Running:
    """What is known of a file so far."""

    def __init__(self, url: str, limit: int) -> None:
        self.url, self.limit, self.size, self.head = url, limit, 0, b""
        self._md5, self._sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size > self.limit:
            raise WebError("too_large", f"{self.url} has more than {self.limit:,} bytes")
        if len(self.head) < HEAD:
            self.head += piece[: HEAD - len(self.head)]
            if len(self.head) == HEAD:
                self.format()
        self._md5.update(piece)
        self._sha256.update(piece)

    def format(self) -> str:
        ext = sniff(self.head)
        if ext is None:
            raise RetryableError("not_an_image", f"{self.url} begins with {self.head[:16]!r}")
        return ext

    def finish(self, md5: str) -> Download:
        """Check what can only be told at the end."""
        found, ext = self._md5.hexdigest(), self.format()
        if md5 and found != md5:
            raise RetryableError("wrong_md5", f"{self.url} has MD5 {found}, not {md5}")
        return Download(found, self._sha256.hexdigest(), self.size, ext)


def sync(file: BinaryIO) -> None:
    """Return once the file's bytes are on the disk."""
    file.flush()
    os.fsync(file.fileno())
