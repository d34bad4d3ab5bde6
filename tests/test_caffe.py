"""The reader of caffemodels: every variant of the format, and whatever else a file may hold."""

import contextlib
import itertools
import time
import tracemalloc

import numpy as np
import pytest
from caffe_writer import blob, caffemodel, floats, message, number, varint

from i2v_lib.models.released.caffe import MAX_BLOBS, CaffeFormatError, read_caffemodel
from i2v_lib.models.released.protobuf import MAX_FIELDS

SPARE = 1 << 20  # bytes a reader may take beside 1.2 times the file


def layers_of(seed=0):
    rng = np.random.default_rng(seed)
    shapes = {"conv": [(4, 3, 3, 3), (4,)], "fc": [(5, 7), (5,)]}
    return {name: [rng.normal(size=s).astype(np.float32) for s in sizes] for name, sizes in shapes.items()}


@pytest.fixture
def read(tmp_path):
    def read(content):
        path = tmp_path / "net.caffemodel"
        path.write_bytes(content)
        return read_caffemodel(path)

    return read


def with_blob(content):
    """A net of one layer with one blob, given as bytes."""
    return message(100, message(1, "a") + message(7, content))


def test_bytes_written_by_hand(read):
    """One V1 layer "ab" with a blob of two values, 1.0 and -2.0, byte by byte as the format's description has it."""
    content = bytes.fromhex("12 1a 22 02 6162 32 14 08 01 10 01 18 01 20 02 2a 08 0000803f 000000c0 3a 00")
    with pytest.raises(CaffeFormatError, match="holds 2 values, not 1"):
        read(content)  # an empty shape is that of a single number, and goes before the old four
    content = bytes.fromhex("12 18 22 02 6162 32 12 08 01 10 01 18 01 20 02 2a 08 0000803f 000000c0")
    assert list(read(content)) == ["ab"]
    np.testing.assert_array_equal(read(content)["ab"], [[[[[1.0, -2.0]]]]])


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("legacy", [False, True])
def test_every_variant_gives_the_same(read, old, legacy):
    layers = layers_of()
    for packed, packed_shape, double, diff, clutter in itertools.product([True, False], repeat=5):
        options = {"packed": packed, "packed_shape": packed_shape, "double": double, "diff": diff}
        found = read(caffemodel(layers, old=old, clutter=clutter, legacy=legacy, **options))
        assert list(found) == ["conv", "fc"]
        for name, arrays in layers.items():
            for array, expected in zip(found[name], arrays, strict=True):
                assert array.dtype == np.float32
                assert array.flags.aligned
                assert array.flags.writeable
                four = (1,) * (4 - expected.ndim) + expected.shape
                np.testing.assert_array_equal(array, expected.reshape(four if legacy else expected.shape))


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("count", [16, 17, 32_768, 32_769, 300_000])
def test_long_runs_of_unpacked_values(read, count, double):
    values = np.arange(count, dtype=np.float32)
    layers = {"a": [values], "b": [values[::-1]]}
    found = read(caffemodel(layers, packed=False, double=double, diff=True))
    np.testing.assert_array_equal(found["a"][0], values)
    np.testing.assert_array_equal(found["b"][0], values[::-1])


def test_values_in_pieces_come_in_the_files_order(read):
    shape = message(7, number(1, 7))
    content = floats(5, [1, 2]) + floats(5, [3, 4], packed=False) + shape + floats(5, []) + floats(5, [5, 6, 7])
    np.testing.assert_array_equal(read(with_blob(content))["a"][0], [1, 2, 3, 4, 5, 6, 7])
    long_tag = b"\xad\x00" + np.float32(9).tobytes()  # the tag of an unpacked value, in two bytes instead of one
    np.testing.assert_array_equal(read(with_blob(message(7, number(1, 2)) + 2 * long_tag))["a"][0], [9, 9])


def test_every_bit_of_a_float_is_kept(read):
    bits = np.array([0x7FC00001, 0x7F800000, 0x80000000, 1, 0x7F7FFFFF, 0xFF800000], np.uint32)
    for packed in (True, False):
        array = read(caffemodel({"a": [bits.view(np.float32)]}, packed=packed))["a"][0]
        np.testing.assert_array_equal(array.view(np.uint32), bits)
    assert read(caffemodel({"a": [[1e300]]}, double=True))["a"][0] == np.inf


GOOD = blob(np.zeros((2, 3), np.float32))
VALUES = floats(5, np.zeros(6))
BAD = {
    "": "byte 0: no layers with weights",
    "<!DOCTYPE html>": "byte 0: group 7 ends where none began",
    "version https://git-lfs": "byte 0: wire type 6 does not exist",
    caffemodel({"a": []}): "no layers with weights",
    caffemodel(layers_of())[:-1]: "byte [0-9]{3}: truncated: field 100 ends 1 bytes beyond what holds it",
    caffemodel(layers_of())[:6]: "byte 5: truncated inside a number",
    b"\xff" * 11: "byte 0: a number is longer than 10 bytes",
    b"\xff" * 9 + b"\x7f": "byte 0: a number does not fit 64 bits",
    b"\x00\x00": "byte 0: field number 0 is impossible",
    varint(1 << 32) + b"\x00": "field number 536870912 is impossible",
    number(100, 5): "a layer has wire type 0, not 2",
    message(100, number(7, 5)): "a blob has wire type 0, not 2",
    message(100, number(1, 5)): "a layer's name must be text",
    message(100, message(1, "a" * 256)): "at most 255 bytes",
    message(100, message(1, b"\xff\xfe")): "not UTF-8",
    2 * with_blob(GOOD): "byte [1-9][0-9]: layer 'a' comes twice",
    with_blob(VALUES): "a blob has no shape",
    with_blob(number(7, 5) + VALUES): "a shape has wire type 0, not 2",
    with_blob(message(1, "ab") + VALUES): "a dimension has wire type 2, not 0",
    with_blob(message(7, message(1, b"\x80")) + VALUES): "truncated inside a number",
    with_blob(message(7, floats(1, [1.0], packed=False)) + VALUES): "a dimension has wire type 5",
    with_blob(message(7, number(1, 5)) + VALUES): "a blob of shape 5 holds 6 values, not 5",
    with_blob(message(7, number(1, 2) + number(1, 3))): "a blob of shape 2 × 3 holds 0 values, not 6",
    with_blob(number(4, 6) + VALUES): "dimension is 0; it must be 1 to 2147483647",
    with_blob(message(7, number(1, -2) + number(1, -3)) + VALUES): "dimension is -2;",
    with_blob(message(7, number(1, 1 << 31)) + VALUES): "dimension is 2147483648;",
    with_blob(message(7, 33 * number(1, 1)) + VALUES): "more than 32 axes",
    with_blob(message(7, 32 * number(1, (1 << 31) - 1)) + VALUES): "holds 6 values, not [0-9]{299}",
    with_blob(message(7, number(1, 6)) + message(5, b"12345")): "5 bytes of wire type 2 are no values of 4 bytes",
    with_blob(message(7, number(1, 6)) + number(5, 1)): "wire type 0 are no values of 4 bytes",
    with_blob(GOOD + floats(8, np.zeros(6), double=True)): "both single and double precision",
    65 * b"\xa3\x06": "byte 128: nested too deep: more than 64 groups",
    20 * b"\xa3\x06": "group 100 has no end",
    b"\xa3\x06\xac\x06": "byte 2: group 101 ends where none began",
}


@pytest.mark.parametrize(("content", "text"), BAD.items(), ids=BAD.values())
def test_what_is_wrong_is_told_in_one_line(read, content, text):
    content = content.encode() if isinstance(content, str) else content
    with pytest.raises(CaffeFormatError, match=text) as caught:
        read(content)
    line = str(caught.value)
    assert "net.caffemodel, byte " in line
    assert "fetch" in line
    assert "\n" not in line


def test_a_good_file_beside_the_bad_ones(read):
    assert read(with_blob(GOOD))["a"][0].shape == (2, 3)


def test_a_file_that_is_not_there_is_not_called_damaged(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_caffemodel(tmp_path / "none.caffemodel")


def hostile():
    """Files of some megabytes that would take a careless reader long, or more memory than they are large."""
    scalar = message(7, b"") + floats(5, [1.0])
    yield 100_000 * number(3, 1), "more than 65536 fields"
    yield 100_000 * (2 * b"\x1d\0\0\0\0" + 2 * b"\x25\0\0\0\0"), "more than 65536 fields"
    yield 1_000_000 * b"\xa3\x06\xa4\x06", "more than 65536 fields"
    yield 1_000_000 * b"\xa3\x06", "nested too deep"
    yield message(100, message(1, "a") + 200_000 * message(7, scalar)), "more than 4096 blobs"
    yield with_blob(message(7, number(1, 300_000)) + 300_000 * floats(5, [1.0])), "more than 4096 blobs"
    yield with_blob(message(7, 1_000_000 * number(1, 1)) + floats(5, [1.0])), "more than 32 axes"
    yield with_blob(message(7, message(1, 3_000_000 * b"\1")) + floats(5, [1.0])), "more than 32 axes"
    yield with_blob(1_000_000 * message(7, b"") + floats(5, [1.0])), "more than 65536 fields"
    yield b"".join(message(100, message(1, str(i)) + message(7, scalar)) for i in range(9000)), "more than 4096"
    yield with_blob(message(7, number(1, (1 << 31) - 1)) + floats(5, [1.0])), "holds 1 values"
    yield with_blob(floats(5, np.zeros(600_000), packed=False) + b"\x2d\0"), "truncated"
    yield message(100, message(1, "a" * 3_000_000)), "at most 255 bytes"
    assert MAX_FIELDS == 65_536
    assert MAX_BLOBS == 4096


def test_hostile_files_take_neither_long_nor_much(tmp_path):
    path = tmp_path / "net.caffemodel"
    for content, text in hostile():
        path.write_bytes(content)
        started = time.process_time()
        with pytest.raises(CaffeFormatError, match=text):
            read_caffemodel(path)
        assert time.process_time() - started < 3  # ten times what is usual
        peak = peak_of(path)
        assert peak < 1.2 * len(content) + SPARE, text


def peak_of(path):
    """Most bytes allocated while a file is read, whether or not it is a good one."""
    tracemalloc.start()
    with contextlib.suppress(CaffeFormatError):
        read_caffemodel(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("double", [True, False])
def test_memory_is_that_of_the_weights(tmp_path, packed, double):
    path = tmp_path / "net.caffemodel"
    path.write_bytes(caffemodel({"a": [np.zeros((1000, 2000))]}, packed=packed, double=double))
    peak, size = peak_of(path), path.stat().st_size
    assert 8_000_000 <= peak < 8_000_000 + SPARE  # the control: what is measured are the arrays
    assert peak < 1.2 * size


def mutants(count):
    """Damaged files made from small whole ones: one to three changes each, of nine kinds."""
    rng = np.random.default_rng(0)
    layers = {"c": [np.ones((2, 1, 1, 1)), np.ones(2)], "f": [np.ones((2, 2))]}
    options = [
        {"old": old, "legacy": legacy, "packed": packed, "packed_shape": packed, "double": double, "clutter": clutter}
        for old, legacy, packed, double, clutter in itertools.product([True, False], repeat=5)
    ]
    bases = [caffemodel(layers, diff=bool(i % 3), **option) for i, option in enumerate(options)]
    edges = [0, 1, 4, 5, 127, 128, 255, 1 << 14, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, (1 << 63) - 1, 1 << 63, -1]
    for _ in range(count):
        content = bytearray(bases[rng.integers(len(bases))])
        for _ in range(rng.integers(1, 4)):
            at, other = (int(i) for i in rng.integers(len(content) + 1, size=2))
            low, high = min(at, other), max(at, other)
            match rng.integers(9):
                case 0 if at < len(content):
                    content[at] ^= 1 << rng.integers(8)
                case 1:
                    del content[at:]
                case 2:
                    content[at:at] = rng.bytes(rng.integers(1, 12))
                case 3:
                    del content[at : at + rng.integers(1, 12)]
                case 4:  # a number, often a length, becomes another one
                    content[at : at + 1] = varint(edges[rng.integers(len(edges))])
                case 5 if at < len(content):
                    content[at] = rng.integers(256)
                case 6:
                    content[at:at] = content[low:high]
                case 7:
                    content[at : at + 4] = b"\xff" * 4
                case _:
                    content[at:at] = varint((int(rng.integers(1, 120)) << 3) | int(rng.integers(8)))
        yield bytes(content)


def overwrite(path, content):
    """Write a file in place, which is several times faster than making it anew."""
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(content)
        file.truncate()


def test_twenty_thousand_damaged_files(tmp_path, monkeypatch):
    path, whole, told, longest, largest = tmp_path / "net.caffemodel", 0, set(), 0.0, 0
    empty = np.empty

    def watched(*arguments):
        nonlocal largest
        array = empty(*arguments)
        largest = max(largest, array.nbytes)
        return array

    monkeypatch.setattr(np, "empty", watched)
    for i, content in enumerate(mutants(20_000)):
        overwrite(path, content)
        started, largest = time.process_time(), 0
        try:
            if i % 20 == 0:  # all that is allocated; too slow to be watched for every file
                tracemalloc.start()
            found = read_caffemodel(path)
            whole += 1
            assert found
            assert sum(array.nbytes for arrays in found.values() for array in arrays) <= len(content)
        except CaffeFormatError as error:
            told.add("".join(c for c in str(error).partition(": ")[2] if not c.isdigit()))
        longest = max(longest, time.process_time() - started)
        assert tracemalloc.get_traced_memory()[1] < 1.2 * len(content) + SPARE
        tracemalloc.stop()
        assert largest <= len(content)
    assert longest < 1  # seconds; a thousand times what is usual
    assert 500 < whole < 10_000  # some damage hits only values
    assert len(told) > 20  # kinds of messages
