"""A writer of Caffe's file format in all its variants, for the tests of the reader."""

import struct

import numpy as np


def varint(number):
    """A number as protobuf writes it; negative ones as 64-bit two's complement."""
    number &= (1 << 64) - 1
    digits = bytearray()
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*digits, number])


def number(field, value):
    return varint(field << 3) + varint(value)


def message(field, content):
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def floats(field, values, packed=True, double=False):
    """A repeated float or double field."""
    raw = np.asarray(values, "<f8" if double else "<f4").tobytes()
    if packed:
        return message(field, raw)
    width, wire = (8, 1) if double else (4, 5)
    rows = np.frombuffer(raw, np.uint8).reshape(-1, width)
    return np.insert(rows, 0, field << 3 | wire, axis=1).tobytes()


def blob(array, *, packed=True, legacy=False, packed_shape=True, double=False, diff=False):
    """A BlobProto. ``legacy``: num, channels, height, width in place of a shape."""
    array = np.asarray(array)
    if legacy:
        shape = (1,) * (4 - array.ndim) + array.shape
        parts = [number(i, length) for i, length in enumerate(shape, start=1)]
    elif packed_shape:
        parts = [message(7, message(1, b"".join(map(varint, array.shape))))]
    else:
        parts = [message(7, b"".join(number(1, length) for length in array.shape))]
    parts.append(floats(8 if double else 5, array.ravel(), packed, double))
    if diff:
        parts.append(floats(9 if double else 6, np.full(array.size, 7.0), packed, double))
    return b"".join(parts)


def caffemodel(layers, *, old=False, clutter=False, **options):
    """A whole net. ``old``: layers of the V1 format; ``clutter``: fields and layers that hold no weights."""
    name_field, blobs_field, net_field = (4, 6, 2) if old else (1, 7, 100)
    content = message(1, "net")
    for name, arrays in layers.items():
        layer = message(name_field, name)
        if clutter:
            layer += message(3, "bottom") + number(5 if old else 10, 4) + floats(12, [1.0, 1.0], packed=False)
            layer += b"\xc3\x02" + number(1, 5) + b"\xcb\x02" + b"\xcc\x02" + b"\xc4\x02"  # group 40 holding group 41
        layer += b"".join(message(blobs_field, blob(array, **options)) for array in arrays)
        content += message(net_field, layer)
        if clutter:
            content += message(net_field, message(name_field, "relu")) + varint(50 << 3 | 1) + struct.pack("<Q", 3)
    return content
