"""Tars read where they lie: the same bytes as the standard library unpacks, and nothing of what is hostile."""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import tarfile
from collections import Counter

import numpy as np
import pytest

from i2v_lib.collect.bulk.archives import BLOCK, Member, read_index, read_member, scan
from i2v_lib.data.images import BadImageError

HEX = "0" * 64


def contents(number):
    return np.random.default_rng(number).bytes(300 + 97 * number)


FILES = {f"{number}.png": contents(number) for number in range(1, 9)}


def write_tar(path, files, **options):
    """Write a tar; a value is bytes of a regular file, or fields of another kind of member."""
    with tarfile.open(path, "w", **options) as tar:
        for name, value in files.items():
            info = tarfile.TarInfo(name)
            fields = value if isinstance(value, dict) else {"size": len(value)}
            for field, setting in fields.items():
                setattr(info, field, setting)
            tar.addfile(info, None if isinstance(value, dict) else io.BytesIO(value))
    return path


def write_index(path, **changes):
    """Write the true index of a tar beside it; a change replaces fields of one entry, by its number."""
    with tarfile.open(path) as tar:
        files = {
            info.name: {"offset": info.offset_data, "size": info.size, "sha256": hashlib.sha256(data).hexdigest()}
            for info in tar
            if info.isreg()
            for data in [tar.extractfile(info).read()]
        }
    for name, change in changes.items():
        entry = files[f"{name[1:]}.png"]
        files[f"{name[1:]}.png"] = entry | change if isinstance(change, dict) else change
    path.with_suffix(".json").write_text(json.dumps({"filesize": path.stat().st_size, "hash": "", "files": files}))
    return files


def outcome(member, **options):
    try:
        return read_member(member, **options)
    except BadImageError as error:
        return error.reason


def outcomes(members):
    return {member.id: outcome(member) for member in members}


@pytest.mark.parametrize("style", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("read", [scan, read_index])
def test_what_is_read_is_what_the_standard_library_unpacks(tmp_path, style, read):
    path = tmp_path / "0001.tar"
    with tarfile.open(path, "w", format=style) as tar:
        for name, data in FILES.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1.5 if style == tarfile.PAX_FORMAT else 1  # 1.5 makes extended headers
            tar.addfile(info, io.BytesIO(data))
    write_index(path)
    members, refused = read(path)
    assert not refused
    with tarfile.open(path) as tar:
        expected = {info.name: tar.extractfile(info).read() for info in tar}
    assert {member.name: read_member(member) for member in members} == expected == FILES
    assert [member.extension for member in members] == ["png"] * 8


def test_a_right_index_and_each_wrong_entry(tmp_path):
    path = write_tar(tmp_path / "0001.tar", FILES)
    true = write_index(path)
    assert {f"{number}.png": data for number, data in outcomes(read_index(path)[0]).items()} == FILES
    length = path.stat().st_size
    wrong = {
        "offset beyond the end": {"offset": length + 10 * BLOCK},
        "size beyond the end": {"size": length},
        "far beyond any file": {"offset": 10**40},
        "negative offset": {"offset": -BLOCK},
        "negative size": {"size": -1},
        "no header fits before it": {"offset": 0},
        "shifted by a byte": {"offset": true["4.png"]["offset"] + 1},
        "one byte too few": {"size": true["4.png"]["size"] - 1},
        "another member's place": {"offset": true["6.png"]["offset"], "size": true["6.png"]["size"]},
        "inside of another member": {"offset": true["6.png"]["offset"] + 10, "size": 100},
        "no number": {"offset": "512"},
        "true": {"size": True},
        "fraction": {"offset": 512.0},
        "no hash": {"sha256": ""},
        "null hash": {"sha256": None},
        "no object": 7,
        "null": None,
        "empty": {"offset": None, "size": None},
    }
    for name, change in wrong.items():
        write_index(path, n4=change)
        found = outcomes(read_index(path)[0])
        assert found.pop(4) == "wrong_index", name
        assert {f"{number}.png": data for number, data in found.items()} == {
            name: data for name, data in FILES.items() if name != "4.png"
        }, name
    write_index(path, n4=true["6.png"], n6=true["4.png"])
    assert [number for number, data in outcomes(read_index(path)[0]).items() if data == "wrong_index"] == [4, 6]
    write_index(path, n4={"sha256": HEX})
    with pytest.raises(BadImageError) as caught:
        read_member(read_index(path)[0][3])
    assert (caught.value.reason, caught.value.sha256) == ("wrong_sha256", hashlib.sha256(FILES["4.png"]).hexdigest())
    write_index(path, n4={"sha256": hashlib.sha256(FILES["4.png"]).hexdigest().upper()})
    assert outcome(read_index(path)[0][3]) == FILES["4.png"]


def test_a_tar_inside_a_picture_is_not_read_twice(tmp_path):
    """Members nested in one another would let a small archive be read for ever."""
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w") as tar:
        info = tarfile.TarInfo("2.png")
        info.size = 400
        tar.addfile(info, io.BytesIO(b"x" * 400))
    path = write_tar(tmp_path / "0001.tar", {"1.png": inner.getvalue(), "3.png": b"y" * 100})
    files = write_index(path)
    files["2.png"] = {"offset": files["1.png"]["offset"] + BLOCK, "size": 400}
    files["2.png"]["sha256"] = hashlib.sha256(b"x" * 400).hexdigest()
    path.with_suffix(".json").write_text(json.dumps({"files": files}))
    members = {member.id: member for member in read_index(path)[0]}
    assert outcomes(members.values()) == {1: "wrong_index", 2: b"x" * 400, 3: b"y" * 100}
    alone = Member(path, "1.png", files["1.png"]["offset"], len(inner.getvalue()))
    assert read_member(alone) == inner.getvalue()  # so it was the overlap that was refused


def test_an_index_does_not_make_a_file_of_a_link(tmp_path):
    path = write_tar(tmp_path / "0001.tar", FILES | {"9.png": {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}})
    files = write_index(path)
    nothing = {"offset": path.stat().st_size, "size": 0, "sha256": hashlib.sha256(b"").hexdigest()}
    with tarfile.open(path) as tar:
        nothing["offset"] = tar.getmember("9.png").offset_data
    path.with_suffix(".json").write_text(json.dumps({"files": files | {"9.png": nothing}}))
    assert outcomes(read_index(path)[0])[9] == "wrong_index"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", "{}", '{"files": []}', '{"files": null}', '{"files": 1}', "[" * 100_000, "\xff"]
)
def test_a_damaged_index_costs_its_archive_only(tmp_path, text):
    path = write_tar(tmp_path / "0001.tar", FILES)
    path.with_suffix(".json").write_text(text, encoding="latin-1")
    assert read_index(path) == ([], Counter(damaged_index=1))


def test_the_index_names_only_posts_pictures(tmp_path):
    path = write_tar(tmp_path / "0001.tar", FILES)
    files = write_index(path)
    bad = ["../1.png", "/1.png", "a/1.png", "1.png\n", "1.PNG", "1.svg", "١.png", "1", "", "1.png/", ".//1.png"]
    path.with_suffix(".json").write_text(json.dumps({"files": files | dict.fromkeys(bad, files["1.png"])}))
    members, refused = read_index(path)
    assert refused == Counter(refused_name=len(bad))
    assert sorted(member.name for member in members) == sorted(FILES)


SPARSE = {"type": tarfile.GNUTYPE_SPARSE, "size": 0}
HOSTILE = {  # name: (kind of member, reason)
    "11.png": ({"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}, "refused_type"),
    "12.png": ({"type": tarfile.LNKTYPE, "linkname": "1.png", "size": 700}, "refused_type"),
    "13.png": ({"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 5}, "refused_type"),
    "14.png": ({"type": tarfile.BLKTYPE}, "refused_type"),
    "15.png": ({"type": tarfile.FIFOTYPE}, "refused_type"),
    "16.png": (SPARSE, "refused_type"),
    "17.png": ({"type": b"Q"}, "refused_type"),
    "/18.png": (b"absolute", "refused_name"),
    "../19.png": (b"upwards", "refused_name"),
    "./../20.png": (b"upwards", "refused_name"),
    "folder/21.png": (b"below", "refused_name"),
    "C:\\22.png": (b"another system", "refused_name"),
    "23.png\n": (b"line", "refused_name"),
    "name.png": (b"no number", "refused_name"),
    "24.py": (b"print()", "refused_name"),
    "9" * 120 + ".png": (b"long", "refused_type"),  # a second header gives the name
    "25é.png": (b"letters", "refused_name"),
}


@pytest.mark.parametrize("style", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_hostile_members_are_counted_and_the_rest_is_read(tmp_path, style):
    hostile = {name: value for name, (value, _) in HOSTILE.items()}
    names = [*FILES, *hostile]
    np.random.default_rng(0).shuffle(names)
    everything = {"folder/": {"type": tarfile.DIRTYPE}} | {name: (FILES | hostile)[name] for name in names}
    path = write_tar(tmp_path / "0001.tar", everything, format=style)
    before = sorted(tmp_path.rglob("*"))
    members, refused = scan(path)
    assert {member.name: read_member(member) for member in members} == FILES
    expected = Counter(reason for _, reason in HOSTILE.values())
    if style == tarfile.PAX_FORMAT:  # an extended header gives these names too
        expected += Counter(refused_type=1)
        expected["refused_name"] -= 1
    assert refused == expected
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "extended",
    [
        {"path": "2.png"},
        {"path": "/etc/2.png"},
        {"size": "5"},
        {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"},
        {"GNU.sparse.map": "0,5", "GNU.sparse.size": "5"},
        {"comment": "x" * 70_000},
        {"mtime": "1.5", "comment": "harmless"},
    ],
)
def test_what_an_extended_header_changes_is_refused(tmp_path, extended):
    path = tmp_path / "0001.tar"
    blocks = []
    for name, headers in (("1.png", {}), ("2.png", extended), ("3.png", {})):
        info = tarfile.TarInfo(name)
        info.size, info.pax_headers = 600, headers
        blocks.append(info.tobuf(tarfile.PAX_FORMAT) + name[:1].encode() * 600 + bytes(424))
    path.write_bytes(b"".join(blocks) + bytes(1024))
    members, refused = scan(path)
    harmless = "mtime" in extended
    assert [member.id for member in members] == ([1, 2, 3] if harmless else [1, 3])
    assert refused == (Counter() if harmless else Counter(refused_type=1))
    assert outcome(members[-1]) == b"3" * 600


def test_a_sparse_member_with_further_headers_is_passed_over(tmp_path):
    info = tarfile.TarInfo("5.png")
    info.type, info.size = tarfile.GNUTYPE_SPARSE, 700
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[482] = 1  # another header follows
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    more = bytearray(BLOCK)
    more[504] = 1
    after = tarfile.TarInfo("6.png")
    after.size = 3
    path = tmp_path / "0001.tar"
    path.write_bytes(bytes(header) + more + bytes(BLOCK) + bytes(1024) + after.tobuf() + b"abc" + bytes(509 + 1024))
    members, refused = scan(path)
    assert [(member.id, read_member(member)) for member in members] == [(6, b"abc")]
    assert refused == Counter(refused_type=1)


def test_an_archive_that_breaks_off_gives_what_is_before(tmp_path):
    whole = write_tar(tmp_path / "0001.tar", FILES).read_bytes()
    path = tmp_path / "0002.tar"
    starts = [member.offset - BLOCK for member in scan(tmp_path / "0001.tar")[0]]
    for length, count, damaged in (
        (0, 0, False),
        (100, 0, True),
        (BLOCK + 10, 0, True),
        (starts[3], 3, False),  # nothing tells that more was there
        (starts[3] + 7, 3, True),
        (starts[3] + BLOCK + 7, 3, True),
        (len(whole), 8, False),
    ):
        path.write_bytes(whole[:length])
        members, refused = scan(path)
        assert (len(members), refused) == (count, Counter(damaged_archive=1) if damaged else Counter()), length
    for size in (b"\xff" * 12, b"-0000000001\0", b"\x80" + b"\xff" * 11):
        header = bytearray(whole[: starts[1]])
        header[124:136] = size
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header[:BLOCK])
        path.write_bytes(header + whole[starts[1] :])
        assert scan(path) == ([], Counter(damaged_archive=1))


def test_any_flipped_bytes_leave_a_reason_or_the_bytes_that_are_there(tmp_path):
    """What is read always lies inside the archive, and nothing but BadImageError comes of it."""
    whole = bytearray(write_tar(tmp_path / "0001.tar", FILES).read_bytes())
    write_index(tmp_path / "0001.tar")
    index = (tmp_path / "0001.json").read_text()
    path = tmp_path / "0002.tar"
    generator = np.random.default_rng(3)
    reasons = Counter()
    for _ in range(300):
        damaged = whole.copy()
        for place in generator.integers(0, len(whole), 60):
            damaged[place] = generator.integers(256)
        path.write_bytes(damaged)
        path.with_suffix(".json").write_text(index)
        for members, refused in (scan(path), read_index(path)):
            assert sum(refused.values()) <= len(FILES)
            for member in members:
                data = outcome(member)
                reasons[data if isinstance(data, str) else "read"] += 1
                if not isinstance(data, str):
                    assert data == damaged[member.offset : member.offset + member.size]
                    if member.sha256:
                        assert data == FILES[member.name.removeprefix("./")]
    assert set(reasons) == {"read", "wrong_index", "wrong_sha256"}
    assert min(reasons.values()) > 20


def test_sizes_are_capped_and_holes_are_not_read(tmp_path):
    path = tmp_path / "0001.tar"
    info = tarfile.TarInfo("1.png")
    info.size = 6 * 2**30
    with path.open("wb") as file:
        file.write(info.tobuf(tarfile.GNU_FORMAT))
        file.truncate(BLOCK + info.size)
        file.seek(BLOCK + info.size)
        last = tarfile.TarInfo("2.png")
        last.size = 3
        file.write(last.tobuf() + b"abc" + bytes(509 + 1024))
    members, refused = scan(path)
    assert not refused
    assert outcomes(members) == {1: "too_large", 2: b"abc"}
    assert outcome(members[1], limit=3) == b"abc"
    assert outcome(members[1], limit=2) == "too_large"


@pytest.mark.parametrize(
    "packed", [gzip.compress, bz2.compress, lzma.compress, lambda data: b"\x28\xb5\x2f\xfd" + data]
)
def test_compressed_archives_are_refused_with_the_cure(tmp_path, packed):
    path = write_tar(tmp_path / "0001.tar", FILES)
    write_index(path)
    path.write_bytes(packed(path.read_bytes()))
    for read in (scan, read_index):
        with pytest.raises(ValueError, match="decompress it first"):
            read(path)


def test_an_archive_that_goes_away_is_a_reason(tmp_path):
    path = write_tar(tmp_path / "0001.tar", FILES)
    member = scan(path)[0][0]
    path.unlink()
    assert outcome(member) == "unreadable"
