"""Importing a folder: nothing stops it, nothing it says is lost, and a killed run ends like any other."""

import csv
import filecmp
import hashlib
import io
import json
import os
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from i2v_lib.data import ingest, tag_examples
from i2v_lib.data.build import BuildOptions
from i2v_lib.data.collection import open_collection, partial_folder
from i2v_lib.data.folder import FolderSource, export_folder, import_folder, list_pictures

SIZE = 16


def drawing(seed, width=40, height=30):
    small = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def write(path, seed, tags=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    drawing(seed).save(path, **options)
    if tags is not None:
        path.with_suffix(".txt").write_text(tags, encoding="utf-8")


def simple_folder(folder, count=30):
    for seed in range(count):
        write(folder / f"{seed:03d}.png", seed, f"tag {seed % 3}, character:person {seed % 5}, rating:s")
    return folder


def run(folder, out, **options):
    return import_folder(folder, out, **({"size": SIZE, "progress": False} | options))


def bad_images(collection):
    with (collection.folder / "bad_images.csv").open(encoding="utf-8", newline="") as lines:
        return {row["path"]: row["reason"] for row in csv.DictReader(lines)}


def contents(collection):
    return {path.name: path.read_bytes() for path in sorted(collection.folder.iterdir())}


def test_tags_from_every_kind_of_sidecar(tmp_path):
    folder = tmp_path / "in put é"
    write(folder / "a.png", 1, "long_hair, rating:explicit")
    write(folder / "deep" / "er" / "b.jpg", 2)
    (folder / "deep/er/b.jpg.txt").write_text("smile", encoding="utf-8")
    write(folder / "c.webp", 3, "ignored, since the JSON keeps categories")
    (folder / "c.json").write_text('{"tag_string_general": "hat", "tag_string_character": "rin"}', encoding="utf-8")
    write(folder / "d.gif", 4, "ignored, since the table has a row")
    write(folder / "no ending", 5, "sky", format="PNG")
    (folder / "tags.csv").write_text(
        'path,general,character,rating,artist\nd.gif,"bow, tie","ren",q,An Artist\n', encoding="utf-8"
    )
    types = tmp_path / "types.json"
    types.write_text('{"sky": "copyright"}', encoding="utf-8")
    collection = run(folder, tmp_path / "out", tag_types=types, default_rating="questionable")
    assert collection.column("id") == ["a.png", "c.webp", "d.gif", "deep/er/b.jpg", "no ending"]
    assert collection.column("general") == [["long hair"], ["hat"], ["bow", "tie"], ["smile"], []]
    assert collection.column("character") == [[], ["rin"], ["ren"], [], []]
    assert collection.column("copyright") == [[], [], [], [], ["sky"]]
    assert collection.column("rating") == ["explicit", *["questionable"] * 4]
    assert collection.column("artist")[2] == "An Artist"
    assert (collection.column("width")[0], collection.column("height")[0]) == (40, 30)
    expected = np.asarray(drawing(1).resize((SIZE, SIZE), Image.Resampling.BILINEAR))
    assert (collection.pixels[0] == expected).all()
    assert bad_images(collection) == {}


def encode(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(side, depth, content):
    """A PNG of ``side`` squared pixels whose packed content may be less."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, depth, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", content) + chunk(b"IEND", b"")


def truncated(data, generator):
    return data[: generator.integers(len(data))]


def flipped(data, generator):
    data = bytearray(data)
    for place in generator.integers(0, len(data), generator.integers(1, 9)):
        data[place] ^= 1 << generator.integers(8)
    return bytes(data)


def zeroed(data, generator):
    start, stop = sorted(generator.integers(len(data) // 8, len(data), 2))
    return data[:start] + bytes(stop - start) + data[stop:]


def unusual_files():
    """Files of every kind that are no plain picture: name, what may become of it, and its bytes."""
    picture, clear = drawing(0), drawing(1).convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    frames = {"save_all": True, "append_images": [drawing(2), drawing(3)], "duration": 50}
    flat = zlib.compress(bytes(20_000 * 2_500 + 20_000), 1)  # 400 million pixels in a few hundred kB
    deep = Image.fromarray(np.arange(1200, dtype=np.uint16).reshape(30, 40) * 50)
    return [
        ("sixteen bits.png", "used", encode(deep)),
        ("inks.jpg", "used", encode(picture.convert("CMYK"), "JPEG")),
        ("palette.png", "used", encode(clear.quantize(16), transparency=3)),
        ("grey and clear.png", "used", encode(clear.convert("LA"))),
        ("clear.webp", "used", encode(clear, "WEBP")),
        ("frames.png", "used", encode(picture, "PNG", **frames)),
        ("frames.webp", "used", encode(picture, "WEBP", **frames)),
        ("frames.gif", "used", encode(picture, "GIF", **frames)),
        ("a png.jpg", "used", encode(picture)),
        ("bad profile.jpg", "used", encode(picture, "JPEG", icc_profile=b"\xff" * 300)),
        ("bad exif.jpg", "used", encode(picture, "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")),
        ("bomb.png", "too_large", png(20_000, 1, flat)),
        ("promise.png", "too_large", png(20_000, 8, zlib.compress(b""))),
        ("promise.gif", "too_large", b"GIF89a" + b"\xff" * 4 + bytes(3) + b"," + bytes(4) + b"\xff" * 4 + bytes(99)),
        ("strip.png", "extreme_shape", encode(Image.new("RGB", (1, 5000)))),
        ("thread.jpg", "extreme_shape", encode(Image.new("RGB", (5000, 1)), "JPEG")),
        ("float.tiff", "unsupported", encode(Image.new("F", (9, 9)), "TIFF")),
        ("nothing.png", "empty", b""),
        ("page.jpg", "not_an_image", b"<!DOCTYPE html><html><body>404</body></html>"),
        ("words.png", "not_an_image", b"not a picture\n"),
        ("drawing.svg", "not_an_image", b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
        ("print.jpg", "not_an_image", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n"),
        ("archive.png", "not_an_image", b"PK\x03\x04" + bytes(200)),
        ("film.gif", "not_an_image", bytes(3) + b"\x20ftypisom" + bytes(200)),
    ]  # fmt: skip


def damaged_folder(folder, count):
    """Write so many files, sound and damaged and strange; return what may become of each."""
    folder.mkdir()
    generator, expected = np.random.default_rng(0), {}
    broken = {"truncated", "damaged", "not_an_image", "empty", "too_large", "extreme_shape", "unsupported"}
    for number, (name, outcome, data) in enumerate(unusual_files() * 10):
        name = f"{number:04d} {name}"
        expected[name] = {outcome}
        (folder / name).write_bytes(data)
    kinds = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
    ways = {"cut": truncated, "flip": flipped, "zero": zeroed, "sound": lambda data, _: data}
    for number in range(len(expected), count):
        kind, way = kinds[number % len(kinds)], list(ways)[number // len(kinds) % len(ways)]
        name = f"{number:04d} {way}.{kind.lower()}"
        expected[name] = {"used"} if way == "sound" else broken | {"used"}  # damage may spare the pixels
        (folder / name).write_bytes(ways[way](encode(drawing(number), kind), generator))
    lines = [f"{name},tag,s" for name in expected]
    (folder / "tags.csv").write_text("\n".join(["path,general,rating", *lines]), encoding="utf-8")
    return expected


def test_a_thousand_damaged_files_never_stop_it(tmp_path):
    expected = damaged_folder(tmp_path / "in", 1000)
    assert len(expected) == 1000
    script = (
        "import resource, sys; from i2v_lib.data.folder import import_folder\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"before = peak(); import_folder(sys.argv[1], sys.argv[2], size={SIZE}, progress=False)\n"
        "print(peak() - before)"
    )
    command = [sys.executable, "-W", "ignore", "-c", script, tmp_path / "in", tmp_path / "out"]
    grown = int(subprocess.run(command, check=True, capture_output=True).stdout)
    assert grown * (1 if sys.platform == "darwin" else 1024) < 150 * 2**20  # one bomb is 400 MB
    collection = open_collection(tmp_path / "out")
    bad = bad_images(collection)
    found = dict.fromkeys(collection.column("id"), "used") | bad
    assert found.keys() == expected.keys()
    assert {name: outcome for name, outcome in found.items() if outcome not in expected[name]} == {}
    accounting = collection.accounting()
    assert (accounting["seen"], accounting["used"]) == (1000, len(collection))
    assert accounting["skipped"] == Counter(bad.values())
    hurt = Counter(found[name] for name, outcomes in expected.items() if len(outcomes) > 1)
    assert hurt["used"] < hurt.total() / 2  # control: the damage is real
    assert hurt["truncated"] > 100
    assert hurt["damaged"] > 20
    strange = accounting["skipped"]
    assert {"too_large", "extreme_shape", "unsupported", "empty", "not_an_image"} < set(strange)


def test_every_unusable_file_is_listed_with_its_reason(tmp_path):
    folder = simple_folder(tmp_path / "in", 3)
    write(folder / "untagged.png", 10)
    write(folder / "empty tags.png", 11, " , ")
    write(folder / "broken.png", 12)
    (folder / "broken.json").write_text("{", encoding="utf-8")
    write(folder / "deep.png", 13)
    (folder / "deep.json").write_text("[" * 100_000, encoding="utf-8")
    write(folder / "latin.png", 14)
    (folder / "latin.txt").write_bytes("é".encode("latin-1"))
    (folder / "zero.png").write_bytes(b"")
    (folder / "zero.txt").write_text("a", encoding="utf-8")
    (folder / "text.png").write_text("hello", encoding="utf-8")
    (folder / "text.txt").write_text("a", encoding="utf-8")
    os.mkfifo(folder / "pipe.png")
    (folder / "pipe.txt").write_text("a", encoding="utf-8")
    (folder / "tags.csv").write_text("path,general\n../../etc/passwd,a\ngone.png,a\n", encoding="utf-8")
    write(folder / ".hidden.png", 15, "a")
    collection = run(folder, tmp_path / "out")
    assert bad_images(collection) == {
        "untagged.png": "no_tags",
        "empty tags.png": "no_tags",
        "broken.png": "bad_tags",
        "deep.png": "bad_tags",
        "latin.png": "bad_tags",
        "zero.png": "empty",
        "text.png": "not_an_image",
        "pipe.png": "unreadable",
        "../../etc/passwd": "missing",
        "gone.png": "missing",
    }
    rows = (tmp_path / "out/bad_images.csv").read_text(encoding="utf-8")
    assert "text.png,not_an_image,2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" in rows
    untagged = hashlib.sha256((folder / "untagged.png").read_bytes()).hexdigest()
    assert f"untagged.png,no_tags,{untagged}" in rows
    assert "gone.png,missing,\n" in rows


def test_nothing_usable_is_an_error_that_says_why(tmp_path):
    write(tmp_path / "in" / "a.png", 1)
    with pytest.raises(ValueError, match="1 no_tags"):
        run(tmp_path / "in", tmp_path / "out")
    assert os.listdir(tmp_path) == ["in"]
    (tmp_path / "in/tags.csv").write_text("path,genral\na.png,b\n", encoding="utf-8")
    with pytest.raises(ValueError, match="genral"):
        run(tmp_path / "in", tmp_path / "out")
    assert os.listdir(tmp_path) == ["in"]  # so that the same call works once the table is mended
    with pytest.raises(FileNotFoundError, match="no folder"):
        run(tmp_path / "absent", tmp_path / "out")


def test_links_that_leave_the_folder_are_not_followed(tmp_path):
    folder = simple_folder(tmp_path / "in", 3)
    write(tmp_path / "secret" / "s.png", 50, "secret")
    (folder / "link.png").symlink_to(tmp_path / "secret/s.png")
    (folder / "002.json").symlink_to(tmp_path / "secret/s.txt")
    (folder / "linked").symlink_to(tmp_path / "secret")
    (folder / "loop.png").symlink_to(folder / "loop.png")
    (folder / "inside.png").symlink_to(folder / "001.png")
    (folder / "inside.txt").write_text("twin", encoding="utf-8")
    collection = run(folder, tmp_path / "out")
    assert collection.column("id") == ["000.png", "001.png", "002.png", "inside.png"]
    assert "secret" not in str(collection.posts.to_pylist())
    assert collection.column("group")[3] == "001.png"


def test_names_are_plain_data(tmp_path):
    folder = tmp_path / "in"
    names = ["<img src=x onerror=alert(1)>.png", "'; drop table--.png", "été 名.png", "-rf.png", "a\nb.png"]
    for seed, name in enumerate(names):
        write(folder / name, seed, "<script>alert(1)</script>")
    undecodable = os.path.join(os.fsencode(folder), b"\xff.png")
    with open(undecodable, "wb") as file:
        drawing(9).save(file, "PNG")
    with open(undecodable[:-4] + b".txt", "w", encoding="utf-8") as file:
        file.write("smile")
    collection = run(folder, tmp_path / "out")
    assert set(collection.column("id")) == {*names, "\\xff.png"}
    assert collection.column("general")[0] == ["<script>alert(1)</script>"]
    export_folder(collection, tmp_path / "back")
    assert run(tmp_path / "back", tmp_path / "again").column("id") == collection.column("id")


def test_the_input_is_never_written(tmp_path):
    folder = simple_folder(tmp_path / "in", 3)
    before = {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}
    folder.chmod(0o555)
    try:
        run(folder, tmp_path / "out")
    finally:
        folder.chmod(0o755)
    assert before == {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}
    with pytest.raises(ValueError, match="inside the folder"):
        run(folder, folder / "out")


def test_duplicates_share_a_group_and_a_split(tmp_path):
    folder = simple_folder(tmp_path / "in", 40)
    for seed in range(0, 40, 2):
        write(folder / f"copy {seed}.jpg", seed, "copy", quality=92)
        drawing(seed, 90, 70).save(folder / f"large {seed}.png")
        (folder / f"large {seed}.txt").write_text("copy", encoding="utf-8")
    Image.new("RGB", (30, 30), "white").save(folder / "flat 1.png")
    Image.new("RGB", (60, 50), "white").save(folder / "flat 2.png")
    for i in (1, 2):
        (folder / f"flat {i}.txt").write_text("flat", encoding="utf-8")
    collection = run(folder, tmp_path / "out", validation_share=0.3, test_share=0.3)
    groups = dict(zip(collection.column("id"), collection.column("group"), strict=True))
    for seed in range(40):
        names = [f"{seed:03d}.png"] + ([f"copy {seed}.jpg", f"large {seed}.png"] if seed % 2 == 0 else [])
        assert [name for name in groups if groups[name] == groups[f"{seed:03d}.png"]] == sorted(names)
    assert groups["flat 1.png"] == groups["flat 2.png"]
    pairs = set(zip(collection.column("group"), collection.column("split"), strict=True))
    assert len(pairs) == 41
    assert {split for _, split in pairs} == {"train", "val", "test"}


def test_the_table_s_groups_and_splits_are_kept(tmp_path):
    folder = tmp_path / "in"
    rows = [
        ("a", 1, "g", "val"),
        ("b", 1, "h", "test"),
        ("c", 1, "", ""),
        ("d", 2, "", "train"),
        ("e", 2, "", ""),
    ]
    lines = ["path,group,split,rating"]
    for name, seed, group, split in rows:
        write(folder / f"{name}.png", seed)
        lines.append(f"{name}.png,{group},{split},s")
    (folder / "tags.csv").write_text("\n".join(lines), encoding="utf-8")
    collection = run(folder, tmp_path / "out", test_share=0.0, validation_share=0.0)
    assert collection.column("group") == ["g", "h", "g", "d.png", "d.png"]
    assert collection.column("split") == ["val", "test", "val", "train", "train"]
    (folder / "tags.csv").write_text("path,split,rating\na.png,val,s\nb.png,test,s\n", encoding="utf-8")
    with pytest.warns(UserWarning, match="1 groups into more than one split"):
        again = run(folder, tmp_path / "out 2")
    assert again.column("split") == ["val", "test"]


def test_export_and_import_are_a_round_trip(tmp_path):
    first = run(simple_folder(tmp_path / "in"), tmp_path / "first", validation_share=0.2, test_share=0.2)
    export_folder(first, tmp_path / "back")
    second = run(tmp_path / "back", tmp_path / "second", seed=99)
    kept = [name for name in first.posts.column_names if name not in ("md5", "width", "height")]
    assert second.posts.select(kept) == first.posts.select(kept)
    assert (second.pixels == first.pixels).all()
    (tmp_path / "back/tags.csv").unlink()  # the sidecars alone keep tags, categories and ratings
    bare = run(tmp_path / "back", tmp_path / "third")
    for name in ("general", "copyright", "character", "rating"):
        assert bare.column(name) == first.column(name)
    export_folder(first, tmp_path / "few", limit=4)
    assert len(list((tmp_path / "few").glob("*.png"))) == 4
    with pytest.raises(FileExistsError, match="not empty"):
        export_folder(first, tmp_path / "few")


def test_interrupted_anywhere_it_ends_the_same(tmp_path, monkeypatch):
    folder = simple_folder(tmp_path / "in", 24)
    (folder / "005.png").write_bytes(b"bad")
    whole = run(folder, tmp_path / "whole")
    read, reads = ingest.Ingest.read, []

    def interrupted(self, name):
        reads.append(name)
        if len(reads) % 7 == 0:
            raise KeyboardInterrupt
        return read(self, name)

    monkeypatch.setattr(ingest, "BATCH", 3)
    monkeypatch.setattr(ingest.Ingest, "read", interrupted)
    interrupts = 0
    while not (tmp_path / "out").exists():
        try:
            run(folder, tmp_path / "out")
        except KeyboardInterrupt:
            interrupts += 1
            with pytest.raises(FileNotFoundError, match="interrupted"):
                open_collection(tmp_path / "out")
            with (partial_folder(tmp_path / "out") / "import.jsonl").open("ab") as journal:
                journal.write(b'{"path": "torn li')
    assert interrupts >= 3
    assert len(reads) < 24 + 6 * interrupts  # finished work was not done again
    assert contents(open_collection(tmp_path / "out")) == contents(whole)


def test_killed_it_goes_on(tmp_path):
    folder = simple_folder(tmp_path / "in", 60)
    script = (
        "import sys, time; from i2v_lib.data import folder, ingest; read = ingest.Ingest.read\n"
        "ingest.Ingest.read = lambda self, name: (time.sleep(0.05), read(self, name))[1]\n"
        f"folder.import_folder(sys.argv[1], sys.argv[2], size={SIZE}, progress=False)"
    )
    process = subprocess.Popen([sys.executable, "-c", script, folder, tmp_path / "out"])
    journal = partial_folder(tmp_path / "out") / "import.jsonl"
    deadline = time.monotonic() + 30
    while not (journal.exists() and journal.read_bytes().count(b"\n") > 3) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 3 < journal.read_bytes().count(b"\n") < 60
    assert contents(run(folder, tmp_path / "out")) == contents(run(folder, tmp_path / "whole"))


@pytest.mark.parametrize("step", ["ingest.find_groups", "build.write_csv", "build.finish_collection"])
def test_stopped_at_the_end_it_goes_on(tmp_path, monkeypatch, step):
    folder = simple_folder(tmp_path / "in", 6)
    (folder / "003.png").write_bytes(b"bad")  # so that pixels.npy is cut to fewer rows than files
    whole = run(folder, tmp_path / "whole")
    run(folder, tmp_path / "out", seed=5)
    with monkeypatch.context() as patch:

        def stop(*_, **__):
            raise KeyboardInterrupt

        patch.setattr(f"i2v_lib.data.{step}", stop)
        with pytest.raises(KeyboardInterrupt):
            run(folder, tmp_path / "out", overwrite=True)
        patch.undo()
        patch.setattr(ingest.Ingest, "read", lambda *_: pytest.fail("read again"))
        again = run(folder, tmp_path / "out", overwrite=True)
    assert contents(again) == contents(whole)
    assert sorted(os.listdir(tmp_path)) == ["in", "out", "whole"]


def test_the_same_call_opens_and_another_is_refused(tmp_path, monkeypatch):
    folder = simple_folder(tmp_path / "in", 6)
    first = run(folder, tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr(ingest.Ingest, "read", lambda *_: pytest.fail("read again"))
        assert run(folder, tmp_path / "out").fingerprint == first.fingerprint
    with pytest.raises(FileExistsError, match="other seed, test_share;"):
        run(folder, tmp_path / "out", seed=1, test_share=0.4)
    (folder / "000.txt").write_text("another tag", encoding="utf-8")
    with pytest.raises(FileExistsError, match="other files;"):
        run(folder, tmp_path / "out")
    second = run(folder, tmp_path / "out", overwrite=True)
    assert second.column("general")[0] == ["another tag"]
    assert second.fingerprint != first.fingerprint
    assert sorted(os.listdir(tmp_path)) == ["in", "out"]


def test_other_folders_are_never_overwritten(tmp_path):
    folder = simple_folder(tmp_path / "in", 3)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError, match="not a collection"):
        run(folder, tmp_path / "precious", overwrite=True)
    assert os.listdir(tmp_path / "precious") == ["thesis.txt"]
    with pytest.raises(ValueError, match="'squash'"):
        run(folder, tmp_path / "out", resize="squash")
    with pytest.raises(ValueError, match="'lewd'"):
        run(folder, tmp_path / "out", default_rating="lewd")


def test_the_same_folder_elsewhere_gives_the_same_collection(tmp_path):
    first = run(simple_folder(tmp_path / "in"), tmp_path / "out")
    os.rename(tmp_path / "in", tmp_path / "moved")
    second = run(tmp_path / "moved", tmp_path / "out 2")
    assert second.fingerprint == first.fingerprint
    assert filecmp.cmpfiles(first.folder, second.folder, os.listdir(first.folder), shallow=False)[1:] == (
        [],
        [],
    )
    assert json.loads((first.folder / "collection.json").read_text())["resize"] == "warp"
    assert run(tmp_path / "moved", tmp_path / "out 3", resize="crop").fingerprint != first.fingerprint


def test_options_come_by_name_or_in_one_bundle(tmp_path):
    folder = simple_folder(tmp_path / "in", 4)
    by_name = import_folder(folder, tmp_path / "a", size=8, seed=3, progress=False)
    bundled = import_folder(folder, tmp_path / "b", build=BuildOptions(size=8, seed=3, progress=False))
    changed = import_folder(folder, tmp_path / "c", build=BuildOptions(size=16, seed=3, progress=False), size=8)
    assert by_name.fingerprint == bundled.fingerprint == changed.fingerprint
    assert import_folder(folder, tmp_path / "d", size=9, progress=False).fingerprint != by_name.fingerprint
    with pytest.raises(TypeError, match="sise"):
        import_folder(folder, tmp_path / "e", sise=8)
    assert not (tmp_path / "e").exists()


def test_sidecars_are_no_pictures_whatever_the_case_of_their_endings(tmp_path):
    for name in ("a.png", "b.JPG", "c", "NOTES.TXT", "d.JSON", "tags.Csv", ".hidden.png", "sub/e.webp", "sub/e.Txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    pictures = ["a.png", "b.JPG", "c", "sub/e.webp"]
    assert list(list_pictures(tmp_path)) == FolderSource(tmp_path).names() == pictures
    assert [path.relative_to(tmp_path).as_posix() for path in tag_examples._files(tmp_path)] == pictures
