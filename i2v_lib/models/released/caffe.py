"""Weights out of Caffe's file format, without Caffe.

A caffemodel is a protobuf message. Only the fields that lead to weights are looked at; all others, gradients
included, are stepped over. The structure is read and checked first; then each array is allocated once and filled.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from i2v_lib.models.released.protobuf import BYTES, FIXED, VARINT, Field, MessageFile

# fields of Caffe's messages, by number
LAYERS = {2: (4, 6), 100: (1, 7)}  # of the net, old (V1) and new format -> of a layer: its name, its blobs
LEGACY = (1, 2, 3, 4)  # of a blob: num, channels, height, width, before there was a shape
DATA, SHAPE, DOUBLE_DATA = 5, 7, 8  # of a blob
DIMENSION = 1  # of a shape

# far above what a network needs, and low enough that no file takes much memory beside its weights
MAX_BLOBS = 1 << 12  # and pieces of their values
MAX_AXES = 32
MAX_DIMENSION = (1 << 31) - 1
MAX_NAME = 255  # bytes

CHUNK = 1 << 15  # values converted at a time


class CaffeFormatError(ValueError):
    """A file that is no whole caffemodel; the message names the file, the byte and what is wrong there."""


def read_caffemodel(path: Path | str) -> dict[str, list[np.ndarray]]:
    """Read the weights of every layer, in the old (V1) or the new layer format.

    Parameters
    ----------
    path : a ``.caffemodel`` file

    Returns
    -------
    layer name -> its float32 arrays, weights before biases
        In the file's order; layers without weights are left out. Shapes are the file's: an old bias of n values has
        shape (1, 1, 1, n). The arrays own their memory, and less than a megabyte is taken beside them.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    CaffeFormatError
        If the file is truncated or damaged in any way, or holds no layer with weights.
    """
    path = Path(path)
    with path.open("rb", buffering=0) as file:
        model = _CaffeModel(path, file)
        layers = _read_layers(model)
        return {name: [_read_values(model, blob) for blob in blobs] for name, blobs in layers.items()}


class _CaffeModel(MessageFile):
    """The file, its errors, and a count that bounds what its structure takes in memory."""

    def __init__(self, path: Path, file: io.FileIO):
        super().__init__(path, file)
        self.blobs = 0

    def error(self, at: int, what: str) -> CaffeFormatError:
        return CaffeFormatError(f"{super().error(at, what)}; it is no whole caffemodel, fetch or copy it again")

    def message(self, entry: Field, what: str) -> Iterator[Field]:
        """Fields of the message that a field holds."""
        if entry.wire != BYTES:
            raise self.error(entry.at, f"{what} has wire type {entry.wire}, not {BYTES}")
        return self.fields(entry.start, entry.stop)

    def count_blob(self, at: int) -> None:
        """Count a blob, or a piece of one."""
        self.blobs += 1
        if self.blobs > MAX_BLOBS:
            raise self.error(at, f"more than {MAX_BLOBS} blobs or pieces of them")


class _Piece(NamedTuple):
    """Values of a blob that lie together: ``rows``, each of ``stride`` bytes, whose last ``width`` are the value."""

    start: int
    rows: int
    stride: int
    width: int


class _Blob(NamedTuple):
    """Shape and, still in the file, values."""

    shape: list[int]
    pieces: list[_Piece]


def _read_layers(model: _CaffeModel) -> dict[str, list[_Blob]]:
    """Layer name -> its blobs, their values still in the file."""
    layers: dict[str, list[_Blob]] = {}
    for entry in model.fields(0, model.size):
        if entry.number not in LAYERS:
            continue
        name_field, blobs_field = LAYERS[entry.number]
        name, blobs = "", []
        for part in model.message(entry, "a layer"):
            if part.number == name_field:
                name = _read_name(model, part)
            elif part.number == blobs_field:
                blobs.append(_read_blob(model, part))
        if blobs and name in layers:
            raise model.error(entry.at, f"layer {name!r} comes twice")
        if blobs:
            layers[name] = blobs
    if not layers:
        raise model.error(model.size, "no layers with weights")
    return layers


def _read_name(model: _CaffeModel, entry: Field) -> str:
    length = entry.stop - entry.start
    if entry.wire != BYTES or length > MAX_NAME:
        raise model.error(entry.at, f"a layer's name must be text of at most {MAX_NAME} bytes")
    try:
        return model.peek(entry.start, length).decode()
    except UnicodeDecodeError:
        raise model.error(entry.at, "a layer's name is not UTF-8") from None


def _read_blob(model: _CaffeModel, entry: Field) -> _Blob:
    """Shape and pieces of a blob, checked against each other."""
    model.count_blob(entry.at)
    shape: list[int] | None = None
    pieces: list[_Piece] = []
    legacy: dict[int, int] = {}  # number of the field -> dimension
    for part in model.message(entry, "a blob"):
        if part.number in LEGACY:
            if part.wire != VARINT:
                raise model.error(part.at, f"a dimension has wire type {part.wire}, not {VARINT}")
            legacy[part.number] = part.value
        elif part.number == SHAPE:
            shape = _read_shape(model, part, shape or [])
        elif part.number in (DATA, DOUBLE_DATA):
            width = 4 if part.number == DATA else 8
            if pieces and pieces[0].width != width:
                raise model.error(part.at, "a blob has both single and double precision values")
            pieces += _read_piece(model, part, width)
    if shape is None:
        if not legacy:
            raise model.error(entry.at, "a blob has no shape")
        shape = [legacy.get(number, 0) for number in LEGACY]
    blob = _Blob(shape, pieces)
    _check(model, entry.at, blob)
    return blob


def _check(model: _CaffeModel, at: int, blob: _Blob) -> None:
    """Refuse impossible dimensions, and a shape that its values do not fill."""
    for dimension in blob.shape:
        if not 0 < dimension <= MAX_DIMENSION:
            signed = dimension - (1 << 64) if dimension >> 63 else dimension
            raise model.error(at, f"a blob's dimension is {signed}; it must be 1 to {MAX_DIMENSION}")
    held, needed = sum(piece.rows for piece in blob.pieces), math.prod(blob.shape)
    if held != needed:
        shape = " × ".join(map(str, blob.shape)) or "()"
        raise model.error(at, f"a blob of shape {shape} holds {held} values, not {needed}")


def _read_shape(model: _CaffeModel, entry: Field, known: list[int]) -> list[int]:
    """Dimensions, as written, after those already known; packed and unpacked look alike from their start on."""
    shape = list(known)
    for part in model.message(entry, "a shape"):
        if part.number != DIMENSION:
            continue
        if part.wire not in (VARINT, BYTES):
            raise model.error(part.at, f"a dimension has wire type {part.wire}, not {VARINT} or {BYTES}")
        at = part.start
        while at < part.stop:
            dimension, at = model.varint(at, part.stop)
            shape.append(dimension)
            if len(shape) > MAX_AXES:
                raise model.error(part.at, f"a shape has more than {MAX_AXES} axes")
    return shape


def _read_piece(model: _CaffeModel, entry: Field, width: int) -> list[_Piece]:
    """Where the values of one packed field, or of one run of unpacked ones, lie; nothing for an empty field."""
    length = entry.stop - entry.start
    if FIXED.get(entry.wire) == width:  # each value has a tag before it
        row = entry.start - entry.at + width
        piece = _Piece(entry.at, (entry.stop - entry.at) // row, row, width)
    elif entry.wire == BYTES and length % width == 0:
        piece = _Piece(entry.start, length // width, width, width)
    else:
        raise model.error(entry.at, f"{length} bytes of wire type {entry.wire} are no values of {width} bytes each")
    if not piece.rows:
        return []
    model.count_blob(entry.at)
    return [piece]


def _read_values(model: _CaffeModel, blob: _Blob) -> np.ndarray:
    """Values of a blob, float32 in its shape."""
    values = np.empty(math.prod(blob.shape), "<f4")
    done = 0
    for piece in blob.pieces:
        part = values[done : done + piece.rows]
        if piece.stride == part.itemsize:
            model.fill(piece.start, part)
        else:
            _convert(model, piece, part)
        done += piece.rows
    return values.reshape(blob.shape)


def _convert(model: _CaffeModel, piece: _Piece, values: np.ndarray) -> None:
    """Fill ``values`` from rows that hold tags or doubles, some at a time."""
    for begin in range(0, piece.rows, CHUNK):
        rows = np.empty((min(CHUNK, piece.rows - begin), piece.stride), np.uint8)
        model.fill(piece.start + begin * piece.stride, rows)
        numbers = np.ascontiguousarray(rows[:, -piece.width :]).view(f"<f{piece.width}")
        with np.errstate(over="ignore", invalid="ignore"):  # a double too large becomes infinite
            values[begin : begin + len(rows)] = numbers[:, 0]
