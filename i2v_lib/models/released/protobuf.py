"""A walk over protobuf messages in a file, without generated code, that no file can make hang or swell.

A message is a row of fields, each a tag (number and wire type) and a value; a value may be a message again.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

VARINT, BYTES, GROUP, GROUP_END = 0, 2, 3, 4  # wire types
FIXED = {1: 8, 5: 4}  # wire types of fixed width -> bytes

MAX_FIELDS = 1 << 16  # in all: bounds the time. A run of equal fixed fields, as unpacked floats are, counts once
MAX_GROUPS = 64  # inside each other
WINDOW = 1 << 16  # bytes read ahead
RUN = 1 << 14  # rows of a run looked at together


class Field(NamedTuple):
    """One field, or a run of fields of the same number and fixed width.

    Attributes
    ----------
    number, wire : its number and wire type
    at : byte of its tag
    start, stop : byte of its (first) value, and byte after its (last) one
    value : of a varint, as written: unsigned, 64 bits
    """

    number: int
    wire: int
    at: int
    start: int
    stop: int
    value: int


class MessageFile:
    """A file that holds a message, read where it is looked at.

    It is not mapped into memory: pages of a map would count beside what is made of them.

    Parameters
    ----------
    path : for the error messages
    file : unbuffered and seekable
    """

    def __init__(self, path: Path, file: io.FileIO):
        self.path, self.file = path, file
        self.size = os.fstat(file.fileno()).st_size
        self._window, self._window_start, self._fields = b"", 0, 0

    def error(self, at: int, what: str) -> ValueError:
        """What to raise when something is wrong at a byte."""
        return ValueError(f"{self.path}, byte {at}: {what}")

    def fill(self, at: int, array: np.ndarray) -> None:
        """Fill a contiguous array, not empty, with the bytes from ``at`` on."""
        self.file.seek(at)
        rest = array.data.cast("B")
        while rest:
            taken = self.file.readinto(rest)
            if not taken:
                raise self.error(at, "the file became shorter while it was read")
            rest = rest[taken:]

    def peek(self, at: int, count: int) -> bytes:
        """``count`` bytes from ``at`` on, all of them inside the file."""
        begin = at - self._window_start
        if begin < 0 or begin + count > len(self._window):
            ahead = np.empty(min(max(count, WINDOW), self.size - at), np.uint8)
            self.fill(at, ahead)
            self._window, self._window_start, begin = ahead.tobytes(), at, 0
        return self._window[begin : begin + count]

    def varint(self, at: int, end: int) -> tuple[int, int]:
        """The unsigned number at ``at``, and the byte after it."""
        value, most = 0, min(10, end - at)
        for i, byte in enumerate(self.peek(at, most) if most else b""):
            value |= (byte & 0x7F) << (7 * i)
            if byte < 0x80:
                if value >> 64:
                    raise self.error(at, "a number does not fit 64 bits")
                return value, at + i + 1
        raise self.error(at, "a number is longer than 10 bytes" if most == 10 else "truncated inside a number")

    def fields(self, start: int, end: int) -> Iterator[Field]:
        """Fields of the message between two bytes; groups, an obsolete kind of message, are stepped over."""
        at, groups = start, []
        while at < end:
            self._fields += 1
            if self._fields > MAX_FIELDS:
                raise self.error(at, f"more than {MAX_FIELDS} fields")
            tag, begin = self.varint(at, end)
            number, wire, value = tag >> 3, tag & 7, 0
            stop = begin
            if not 0 < number < 1 << 29:
                raise self.error(at, f"field number {number} is impossible")
            if wire == VARINT:
                value, stop = self.varint(begin, end)
            elif wire == BYTES:
                length, begin = self.varint(begin, end)
                stop = begin + length
            elif wire in FIXED:
                row = begin - at + FIXED[wire]
                stop = at + row * (self._run(at, end, row) if begin - at == 1 else 1)
            elif wire == GROUP:
                groups.append(number)
            elif wire != GROUP_END:
                raise self.error(at, f"wire type {wire} does not exist")
            elif not groups or groups.pop() != number:
                raise self.error(at, f"group {number} ends where none began")
            if len(groups) > MAX_GROUPS:
                raise self.error(at, f"nested too deep: more than {MAX_GROUPS} groups inside each other")
            if stop > end:
                raise self.error(at, f"truncated: field {number} ends {stop - end} bytes beyond what holds it")
            if not groups and wire != GROUP_END:
                yield Field(number, wire, at, begin, stop, value)
            at = stop
        if groups:
            raise self.error(end, f"group {groups[-1]} has no end")

    def _run(self, at: int, end: int, row: int) -> int:
        """How many times the tag at ``at`` comes, each time followed by the rest of a row; at least 1."""
        most, step, tag = (end - at) // row, 16, self.peek(at, 1)[0]
        count = 1
        while count < most:
            rows = min(step, most - count)
            same = np.frombuffer(self.peek(at + count * row, rows * row), np.uint8)[::row] == tag
            if not same.all():
                return count + int(same.argmin())
            count, step = count + rows, min(2 * step, RUN)
        return count
