"""Bulk sets: four formats of the same posts give the same collection, and none lets through what the policy forbids."""

import csv
import dataclasses
import gzip
import hashlib
import io
import json
import os
import random
import tarfile
import tracemalloc
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from i2v_lib.collect.booru.labels import LabelRules
from i2v_lib.collect.booru.policy import Policy, exclude
from i2v_lib.collect.booru.posts import BadRowError, Post
from i2v_lib.collect.bulk import FORMATS, bulk_images, import_bulk, tables
from i2v_lib.collect.bulk import source as source_module
from i2v_lib.collect.bulk.bulk_rows import choose_scheme, read_row
from i2v_lib.collect.bulk.layout import detect_format
from i2v_lib.collect.bulk.source import BulkSource
from i2v_lib.collect.bulk.tables import Table
from i2v_lib.data.build import BuildOptions

LISTS = ("general", "copyright", "character", "artist", "meta")


def drawing(seed):
    small = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(small).resize((40, 30), Image.Resampling.BICUBIC).save(buffer, "PNG")
    return buffer.getvalue()


def row(number, rating="g", general="1girl long_hair ^_^", **changes):
    """A row as Danbooru's own."""
    return {
        "id": number, "created_at": "2021-03-04T05:06:07.000-04:00", "md5": hashlib.md5(b"%d" % number).hexdigest(),
        "source": f"https://art.example/{number}", "rating": rating, "image_width": 400, "image_height": 300,
        "file_ext": "png", "file_size": 9000, "parent_id": None, "pixiv_id": None, "is_banned": False,
        "is_deleted": False, "is_flagged": False, "is_pending": False, "tag_string_general": general,
        "tag_string_copyright": f"saga_{number % 3}", "tag_string_character": "rin_(saga)",
        "tag_string_artist": "anna_b other", "tag_string_meta": "highres",
    } | changes  # fmt: skip


ROWS = [
    *(row(number) for number in (5, 40, 1003, 2003, 6, 7)),
    row(8, parent_id=5),
    row(9, general="old_name smile"),
    row(10, "s"),
    row(11, "q"),
    row(12, "e"),
    row(13, ""),
    row(14, general="1girl loli"),
    row(15, "e", general="1girl Shota"),
    row(16, general="guro 1girl"),
    row(17, is_banned=True),
    row(18, is_deleted=True),
    row(19, file_ext="gif"),
    row(20, file_ext="mp4"),
    row(21, image_width=100),
    row(22, image_width=4000),
    row(23, md5=None),
]
TAKEN = [5, 6, 7, 8, 9, 40, 1003, 2003]
REASONS = {
    "rating": 4, "denied_tag": 2, "dropped_tag": 1, "banned": 1, "deleted": 1, "file_type": 2, "too_small": 1,
    "aspect": 1, "hidden": 1,
}  # fmt: skip
RULES = LabelRules(aliases={"old_name": "new_name"})
PICTURES = {item["id"]: drawing(item["id"]) for item in ROWS}


def flat(item):
    return {name: value for name, value in item.items() if value is not None or name == "md5"}


def add(tar, name, data):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def write_tar(path, files):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            add(tar, name, data)


def write_index(path):
    with tarfile.open(path) as tar:
        files = {
            info.name: {
                "offset": info.offset_data,
                "size": info.size,
                "sha256": hashlib.sha256(tar.extractfile(info).read()).hexdigest(),
            }
            for info in tar
        }
    path.with_suffix(".json").write_text(json.dumps({"filesize": path.stat().st_size, "files": files}))


def write_lines(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(item) + "\n" for item in rows).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)


def write_tar_index(folder, rows=ROWS, files=PICTURES):
    for bucket in (0, 1):
        path = folder / "images" / f"{bucket:04d}.tar"
        write_tar(path, {f"{number}.png": data for number, data in files.items() if number % 2 == bucket})
        write_index(path)
    table = pa.Table.from_pylist([{name: v for name, v in item.items() if name != "id"} for item in rows])
    table = table.append_column("__index_level_0__", pa.array([item["id"] for item in rows]))
    pq.write_table(table, folder / "metadata.parquet", row_group_size=5)
    return folder


def write_webdataset(folder, rows=ROWS, files=PICTURES):
    for shard in (0, 1):
        members = {}
        for item in rows[shard::2]:
            text = {name: value for name, value in flat(item).items() if not name.startswith("tag_string")}
            text |= {f"{name}_tags": item[f"tag_string_{name}"].split() for name in LISTS}
            members[f"./{item['id']}.json"] = json.dumps(text).encode()
            if item["id"] in files:
                members[f"{item['id']}.png"] = files[item["id"]]
        write_tar(folder / f"shard{shard}.tar", members)
    return folder


def write_danbooru2021(folder, rows=ROWS, files=PICTURES):
    write_lines(folder / "metadata/posts000.json", map(flat, rows[:9]))
    write_lines(folder / "metadata/posts001.json.gz", map(flat, rows[9:]))
    write_lines(folder / "metadata/tags000.json", [{"id": 5, "name": "1girl", "category": 0}])
    for number, data in files.items():
        path = folder / "original" / f"{number % 1000:04d}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def write_pictures(folder, files=PICTURES):
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in files.items():
        (folder / f"{number}.png").write_bytes(data)


def write_table(folder, rows=ROWS, files=PICTURES, name="posts.parquet"):
    write_pictures(folder / "images", files)
    path = folder / name
    if name.endswith(".parquet"):
        gaps = [item | {"parent_id": item["parent_id"] and float(item["parent_id"])} for item in rows]  # as pandas does
        lists = [item | {"tag_string_general": item["tag_string_general"].split()} for item in gaps]
        pq.write_table(pa.Table.from_pylist(lists), path)
    elif name.endswith(".csv"):
        with path.open("w", encoding="utf-8", newline="") as lines:
            writer = csv.DictWriter(lines, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    else:
        write_lines(path, rows)
    return folder


WRITERS = {
    "tar_index": write_tar_index,
    "webdataset": write_webdataset,
    "danbooru2021": write_danbooru2021,
    "table": write_table,
}


def run(folder, out, resize="warp", overwrite=False, **options):
    build = BuildOptions(16, resize, validation_share=0.2, test_share=0.2, overwrite=overwrite, progress=False)
    return import_bulk(folder, out, build=build, **{"rules": RULES} | options)


def accounting(collection):
    return json.loads((collection.folder / "accounting.json").read_text())


def bad_images(collection):
    with (collection.folder / "bad_images.csv").open(encoding="utf-8", newline="") as lines:
        return {item["path"]: item["reason"] for item in csv.DictReader(lines)}


def numbers(collection):
    return [int(name.removeprefix("danbooru-")) for name in collection.column("id")]


def test_four_formats_give_one_collection(tmp_path):
    made = {}
    for name, write in WRITERS.items():
        made[name] = run(write(tmp_path / name), tmp_path / f"{name} out")
    for name in ("posts.csv", "posts.jsonl.gz"):
        made[name] = run(write_table(tmp_path / f"as {name}", name=name), tmp_path / f"{name} out")
    for name, collection in made.items():
        assert numbers(collection) == TAKEN, name
        assert collection.posts.equals(made["table"].posts), name
        assert (collection.pixels == made["table"].pixels).all(), name
        assert collection.info == made["table"].info, name
        origins = [pq.read_table(made[one].folder / "origin.parquet") for one in (name, "table")]
        assert origins[0].equals(origins[1]), name
        assert accounting(collection)["skipped"] == REASONS, name
        assert accounting(collection)["seen"] == len(ROWS)
        assert bad_images(collection) == {}
    posts = made["table"]
    for i, number in enumerate(TAKEN):
        picture = Image.open(io.BytesIO(PICTURES[number])).resize((16, 16), Image.Resampling.BILINEAR)
        assert (posts.pixels[i] == np.asarray(picture)).all()
    assert posts.column("general")[:2] == [["1girl", "long hair", "^_^"]] * 2
    assert posts.column("general")[TAKEN.index(9)] == ["new name", "smile"]
    assert posts.column("copyright") == [[f"saga {number % 3}"] for number in TAKEN]
    assert posts.column("character")[0] == ["rin (saga)"]
    assert set(posts.column("artist")) == {"anna b"}
    assert posts.column("source_url")[0] == "https://art.example/5"
    groups = dict(zip(TAKEN, posts.column("group"), strict=True))
    assert groups[8] == groups[5]  # a parent and its child
    assert len(set(groups.values())) == len(TAKEN) - 1


def test_other_posts_give_another_collection(tmp_path):
    """The control of the test above: what should differ does."""
    base = run(write_table(tmp_path / "a"), tmp_path / "a out")
    retagged = [item | {"tag_string_copyright": "other"} if item["id"] == 6 else item for item in ROWS]
    redrawn = PICTURES | {6: drawing(999)}
    assert not run(write_webdataset(tmp_path / "b", retagged), tmp_path / "b out").posts.equals(base.posts)
    other = run(write_tar_index(tmp_path / "c", files=redrawn), tmp_path / "c out")
    assert [(one == two).all() for one, two in zip(other.pixels, base.pixels, strict=True)].count(False) == 1


@pytest.mark.parametrize("name", WRITERS)
def test_no_byte_is_read_of_a_picture_that_the_policy_forbids(tmp_path, name, monkeypatch):
    seen = []
    member, file = bulk_images.read_member, bulk_images.read_bytes

    def note_member(place, *limit):
        seen.append(place.name)
        return member(place, *limit)

    def note_file(path, *limit):
        seen.append(path.name)
        return file(path, *limit)

    monkeypatch.setattr(bulk_images, "read_member", note_member)
    monkeypatch.setattr(bulk_images, "read_bytes", note_file)
    run(WRITERS[name](tmp_path / "set"), tmp_path / "out")
    assert sorted(name for name in seen if name.endswith(".png")) == sorted(f"{number}.png" for number in TAKEN)


def test_denied_tags_stay_out_of_the_most_lenient_import(tmp_path):
    lenient = Policy(ratings=("g", "s", "q", "e"), minimum_side=1, maximum_aspect=1e9, dropped_tags=frozenset())
    for name, write in WRITERS.items():
        collection = run(write(tmp_path / name), tmp_path / f"{name} out", policy=lenient)
        assert not {14, 15} & set(numbers(collection))
        assert {10, 11, 12, 16, 21, 22} < set(numbers(collection))  # the control
        assert collection.column("rating")[numbers(collection).index(11)] == "questionable"


def test_pictures_and_rows_without_each_other_are_counted(tmp_path):
    some = {number: data for number, data in PICTURES.items() if number not in (6, 7, 14)} | {900: b"", 901: b""}
    expected = REASONS | {"missing": 2, "no_metadata": 2}
    for name, write in WRITERS.items():
        if name == "webdataset":
            continue
        collection = run(write(tmp_path / name, files=some), tmp_path / f"{name} out")
        assert numbers(collection) == [number for number in TAKEN if number not in (6, 7)]
        assert accounting(collection)["skipped"] == expected, name
        assert accounting(collection)["seen"] == len(ROWS) + 2
    folder = write_webdataset(tmp_path / "webdataset", files=some)
    write_tar(folder / "more.tar", {"900.png": b"", "901.png": b"", "902.json": b"{", "903.json": b'{"id": 904}'})
    assert accounting(run(folder, tmp_path / "w out"))["skipped"] == expected | {"malformed_row": 2}


def test_wrong_indexes_and_damaged_pictures_are_listed(tmp_path):
    damaged = PICTURES | {6: PICTURES[6][:200], 7: b"<html>no picture</html>"}
    folder = write_tar_index(tmp_path / "set", files=damaged)
    index = folder / "images/0001.json"
    content = json.loads(index.read_text())
    content["files"]["5.png"]["offset"] += 512
    content["files"]["9.png"]["sha256"] = "0" * 64
    content["files"]["../1.png"] = content["files"]["11.png"]
    index.write_text(json.dumps(content))
    collection = run(folder, tmp_path / "out")
    assert numbers(collection) == [8, 40, 1003, 2003]
    assert bad_images(collection) == {
        "danbooru-5": "wrong_index", "danbooru-6": "truncated", "danbooru-7": "not_an_image",
        "danbooru-9": "wrong_sha256",
    }  # fmt: skip
    assert accounting(collection)["skipped"] == REASONS | Counter(bad_images(collection).values()) | {"refused_name": 1}
    index.write_text("{")
    again = run(folder, tmp_path / "out", overwrite=True)
    assert numbers(again) == [8, 40]  # the other archive's
    assert accounting(again)["skipped"]["damaged_index"] == 1


def test_a_hostile_webdataset_writes_nothing_elsewhere(tmp_path):
    folder = write_webdataset(tmp_path / "set")
    with tarfile.open(folder / "hostile.tar", "w") as tar:
        for name, kind in (("50.png", tarfile.SYMTYPE), ("51.json", tarfile.LNKTYPE), ("52.png", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "../../secret"
            tar.addfile(info)
        for name in ("../../53.png", "/tmp/54.png", "x/55.json"):
            add(tar, name, b"{}")
        add(tar, "56.json", b"[" * 100_000)
        add(tar, "57.json", b" " * 2**20 + b"{}")
        add(tar, "58.json", json.dumps(row(58)).encode())
        add(tar, "58.png", drawing(58))
    before = {path for path in tmp_path.rglob("*") if "out" not in path.parts}
    collection = run(folder, tmp_path / "out")
    assert numbers(collection) == sorted([*TAKEN, 58])
    assert accounting(collection)["skipped"] == REASONS | {"refused_type": 3, "refused_name": 3, "malformed_row": 2}
    assert {path for path in tmp_path.rglob("*") if not path.is_relative_to(tmp_path / "out")} == before
    (folder / "bad.tar").write_bytes(b"no tar at all" * 100)
    assert accounting(run(folder, tmp_path / "out2"))["skipped"]["damaged_archive"] == 1


OLD = [row(1, "s"), row(2, "s"), row(3, "q"), row(4, "e")]
OLD_PICTURES = {number: drawing(number) for number in (1, 2, 3, 4)}


def test_old_and_new_ratings_are_kept_apart(tmp_path):
    """The default takes the safe posts of either scheme, and only them."""
    old = run(write_danbooru2021(tmp_path / "old", OLD, OLD_PICTURES), tmp_path / "old out")
    assert (numbers(old), set(old.column("rating"))) == ([1, 2], {"safe"})
    origin = pq.read_table(old.folder / "origin.parquet").to_pylist()
    assert [(item["rating"], item["rating_scheme"]) for item in origin] == [("s", "2005")] * 2
    for name, change in (
        ("rated", {"rating": "g"}),
        ("made", {"rating": "q", "created_at": "2022-05-22T00:00:00.000-04:00"}),
        ("changed", {"rating": "q", "updated_at": "2023-01-01 00:00:00 UTC"}),
        ("before", {"rating": "q", "created_at": "2022-05-21T23:59:59.000-04:00"}),
    ):
        rows, files = [*OLD, row(9, **change)], OLD_PICTURES | {9: drawing(9)}
        folder = write_danbooru2021(tmp_path / name, rows, files)
        assert choose_scheme(rows) == ("2005" if name == "before" else "2022")
        if name in ("rated", "before"):
            new = run(folder, tmp_path / f"{name} out")
            assert numbers(new) == ([9] if name == "rated" else [1, 2])
        else:
            with pytest.raises(ValueError, match="5 rating.*rating_scheme='2005'"):
                run(folder, tmp_path / f"{name} out")
    wider = run(tmp_path / "old", tmp_path / "wider", policy=Policy(ratings=("g", "q")))
    assert wider.column("rating") == ["safe", "safe", "questionable"]
    table = write_table(tmp_path / "table", OLD, OLD_PICTURES)
    with pytest.raises(ValueError, match="rating_scheme='2005'"):
        run(table, tmp_path / "table out")
    assert run(table, tmp_path / "table out", rating_scheme="2005").posts.equals(old.posts)
    sensitive = run(table, tmp_path / "table s", policy=Policy(ratings=("g", "s")))
    assert numbers(sensitive) == [1, 2]
    assert pq.read_table(sensitive.folder / "origin.parquet")["rating_scheme"].to_pylist() == ["2022"] * 2


def test_of_two_rows_of_a_post_either_can_leave_it_out(tmp_path):
    rows = [
        row(1, general="first"), row(1, general="second"),
        row(2), row(2, "e"),
        row(3, "e"), row(3),
        row(4), row(4, general="loli"),
    ]  # fmt: skip
    folder = write_table(tmp_path / "set", rows, OLD_PICTURES)
    collection = run(folder, tmp_path / "out")
    assert collection.column("general") == [["first"]]
    assert accounting(collection)["skipped"] == {"duplicate_row": 4, "rating": 2, "denied_tag": 1}


def test_a_table_joined_by_id_tells_what_the_tars_do_not(tmp_path):
    rows = [row(number) for number in (1, 2, 3, 4)]
    files = {}
    for item in rows:
        text = {"rating": "general", "general_tags": ["1girl", "from json"], "character_tags": ["rin"]}
        files |= {f"{item['id']}.json": json.dumps(text).encode(), f"{item['id']}.png": OLD_PICTURES[item["id"]]}
    write_tar(tmp_path / "set/a.tar", files)
    table = tmp_path / "more.jsonl"
    write_lines(
        table,
        [
            {"id": 1, "tag_string_copyright": "saga", "tag_string_artist": "anna"},
            {"id": 2, "rating": "e"},
            {"id": 3, "tag_string_meta": "x loli"},
            {"id": 77, "rating": "e"},
            [],
        ],
    )
    small = Policy(minimum_side=30)  # the JSON tells no sizes, so the pictures' own count
    alone = run(tmp_path / "set", tmp_path / "alone", policy=small)
    assert (numbers(alone), alone.column("copyright")) == ([1, 2, 3, 4], [[]] * 4)
    joined = run(tmp_path / "set", tmp_path / "joined", metadata=table, policy=small)
    assert numbers(joined) == [1, 4]
    assert joined.column("copyright") == [["saga"], []]
    assert joined.column("artist") == ["anna", ""]
    assert joined.column("general") == [["1girl", "from json"]] * 2
    assert joined.column("character") == [["rin"]] * 2
    assert accounting(joined)["skipped"] == {"rating": 1, "denied_tag": 1, "malformed_row": 1}
    write_lines(table, [{"id": 1, "tag_string_general": "from_table"}])
    again = run(tmp_path / "set", tmp_path / "again", metadata=table, policy=small)
    assert again.column("general")[0] == ["from table"]


def test_where_the_row_tells_no_size_the_picture_s_own_is_judged(tmp_path):
    """The pictures are 40 x 30 pixels, whatever the rows say."""
    (tmp_path / "set").mkdir()
    rows = [row(5), {name: value for name, value in row(6).items() if not name.startswith("image_")}]
    (tmp_path / "set" / "posts.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for item in rows:
        (tmp_path / "set" / f"{item['id']}.png").write_bytes(PICTURES[item["id"]])
    options = {"format": "table", "build": BuildOptions(size=8, progress=False)}
    made = import_bulk(tmp_path / "set", tmp_path / "out", **options)
    assert made.accounting()["skipped"] == {"too_small": 1}
    made = import_bulk(tmp_path / "set", tmp_path / "all", policy=Policy(minimum_side=30), **options)
    assert len(made) == 2


def test_a_limit_takes_the_lowest_numbers(tmp_path):
    folder = write_webdataset(tmp_path / "set")
    collection = run(folder, tmp_path / "out", limit=3)
    assert numbers(collection) == TAKEN[:3]
    assert accounting(collection)["skipped"] == REASONS | {"over_limit": len(TAKEN) - 3}
    with pytest.raises(ValueError, match="limit=0"):
        run(folder, tmp_path / "out", limit=0)


def test_the_loader_asks_for_the_rating_once_more(tmp_path, monkeypatch):
    monkeypatch.setattr(source_module, "exclude", lambda post, policy: None)
    rows = [row(1), row(2, "q"), row(3, "e"), row(4, "s")]
    collection = run(write_table(tmp_path / "set", rows, OLD_PICTURES), tmp_path / "out")
    assert numbers(collection) == [1, 4]
    assert bad_images(collection) == {"danbooru-2": "rating", "danbooru-3": "rating"}


def test_animations_are_left_out(tmp_path):
    frames = [Image.open(io.BytesIO(drawing(seed))) for seed in (1, 2)]
    for name, form in (("moving", "WEBP"), ("still", "WEBP")):
        buffer = io.BytesIO()
        frames[0].save(buffer, form, save_all=True, append_images=frames[1:] if name == "moving" else [])
        folder = write_table(tmp_path / name, [row(5), row(6)], {5: drawing(5), 6: buffer.getvalue()})
        collection = run(folder, tmp_path / f"{name} out")
        assert bad_images(collection) == ({"danbooru-6": "animated"} if name == "moving" else {})


@pytest.mark.parametrize("name", WRITERS)
def test_an_import_that_stands_is_opened_and_a_changed_set_is_seen(tmp_path, name):
    folder, out = WRITERS[name](tmp_path / "set"), tmp_path / "out"
    first = run(folder, out)
    assert run(folder, out).info == first.info
    file = sorted(path for path in folder.rglob("*") if path.suffix in (".tar", ".png"))[0]
    os.utime(file, (1, 1))
    with pytest.raises(FileExistsError, match="pictures"):
        run(folder, out)
    assert run(folder, out, overwrite=True).info == first.info
    for file in (path for path in folder.rglob("*") if path.name.startswith(("metadata.parquet", "posts"))):
        os.utime(file, (1, 1))
        with pytest.raises(FileExistsError, match="rows"):
            run(folder, out)
        assert run(folder, out, overwrite=True).info == first.info
    for change in (
        {"limit": 2}, {"policy": Policy(minimum_general=1)}, {"site": "other"}, {"rules": LabelRules()},
        {"rules": LabelRules(RULES.aliases, general_includes_meta=True)}, {"rating_scheme": "dapi"},
    ):  # fmt: skip
        with pytest.raises(FileExistsError):
            run(folder, out, **change)


def test_formats_are_told_from_the_files(tmp_path):
    for name, write in WRITERS.items():
        assert detect_format(write(tmp_path / name))[0] == name
    assert set(WRITERS) == set(FORMATS) - {"auto"}
    assert detect_format(tmp_path / "webdataset/shard0.tar")[0] == "webdataset"
    assert detect_format(tmp_path / "tar_index/images/0000.tar")[0] == "tar_index"
    assert detect_format(tmp_path / "tar_index/images")[0] == "tar_index"
    assert detect_format(tmp_path / "table/posts.parquet")[0] == "table"
    assert len(run(tmp_path / "tar_index/images/0000.tar", tmp_path / "one")) == 3  # those of even numbers
    table, elsewhere = tmp_path / "table/posts.parquet", tmp_path / "danbooru2021/original"
    assert numbers(run(table, tmp_path / "two")) == TAKEN
    assert numbers(run(table, tmp_path / "three", images=elsewhere)) == TAKEN


def test_what_is_not_clear_must_be_chosen(tmp_path):
    both = write_table(write_tar_index(tmp_path / "both"))
    with pytest.raises(ValueError, match="tar_index.* 2 tars.*table.*format="):
        run(both, tmp_path / "out")
    (both / "metadata.parquet").unlink()
    mixed = write_tar_index(tmp_path / "mixed")
    (mixed / "images/0001.json").unlink()
    with pytest.raises(ValueError, match="tar_index.* 1 tars with .*webdataset.* 1 tars without"):
        run(mixed, tmp_path / "out")
    assert len(run(mixed, tmp_path / "out", format="tar_index")) == 3
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty.*bulk set"):
        run(tmp_path / "empty", tmp_path / "out")
    for name in WRITERS:
        with pytest.raises(FileNotFoundError):
            run(tmp_path / "empty", tmp_path / "out", format=name)
    sizes = write_danbooru2021(tmp_path / "sizes")
    write_pictures(sizes / "512px/0005", {5: PICTURES[5]})
    with pytest.raises(ValueError, match="choose with images="):
        run(sizes, tmp_path / "out")
    assert numbers(run(sizes, tmp_path / "out", images=sizes / "512px", overwrite=True)) == [5]
    for wrong in ({"format": "zip"}, {"rating_scheme": "1999"}, {"site": "../x"}, {"resize": "bend"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            run(sizes, tmp_path / "other", images=sizes / "512px", **wrong)
    with pytest.raises(FileNotFoundError, match="path="):
        run(tmp_path / "nothing", tmp_path / "out")
    with pytest.raises(ValueError, match="out="):
        run(sizes, sizes / "out")


def test_compressed_tars_are_refused_with_the_cure(tmp_path):
    folder = tmp_path / "set"
    write_webdataset(folder)
    for path in list(folder.glob("*.tar")):
        (folder / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    for place in (folder, folder / "shard0.tar.gz"):
        for name in ("auto", "webdataset"):
            with pytest.raises(ValueError, match="compressed.*decompress it first"):
                run(place, tmp_path / "out", format=name)
    (folder / "shard0.tar.gz").rename(folder / "shard0.tar")  # its name does not tell
    with pytest.raises(ValueError, match=r"shard0\.tar.*gzip.*decompress"):
        run(folder, tmp_path / "out")


def test_links_among_pictures_are_not_followed(tmp_path):
    folder = write_table(tmp_path / "set")
    (tmp_path / "secret.png").write_bytes(drawing(1))
    (folder / "images/5.png").unlink()
    (folder / "images/5.png").symlink_to(tmp_path / "secret.png")
    (folder / "images/cover.png").write_bytes(b"")
    (folder / "images/notes.txt").write_bytes(b"")
    (folder / "images/6.jpg").write_bytes(PICTURES[6])
    collection = run(folder, tmp_path / "out")
    assert numbers(collection) == TAKEN[1:]
    expected = {"refused_type": 1, "refused_name": 1, "duplicate_image": 1, "missing": 1}
    assert accounting(collection)["skipped"] == REASONS | expected


POST = read_row(row(7), "danbooru", "2022", "png")


@pytest.mark.parametrize(
    "written",
    [
        {"rating": "General "},
        {"id": "7", "image_width": 400.0, "image_height": "300.0", "parent_id": float("nan"), "pixiv_id": 0},
        {"file_ext": ".PNG", "is_banned": "False", "is_deleted": 0, "is_pending": None},
        {"tag_string_general": None, "general_tags": ["1girl", "long hair", "^_^"]},
        {"tag_string_general": None, "general": '["1girl", "long_hair", "^_^"]'},
        {"tag_string_general": "1girl, long hair, ^_^"},
        {"tag_string_general": " 1girl  long_hair\n^_^ 1girl"},
        {"tag_string": "1girl long_hair ^_^ saga_1 rin_(saga) anna_b other highres"},
        {"md5": row(7)["md5"].upper(), "is_note_locked": False, "favs": []},
        {f"tag_string_{name}": None for name in LISTS}
        | {
            "tags": [
                *({"id": "1", "name": tag, "category": "0"} for tag in ("1girl", "long_hair", "^_^")),
                {"name": "saga_1", "category": 3}, {"name": "rin_(saga)", "category": "4"},
                {"name": "anna_b", "category": "1"}, {"name": "other", "category": "artist"},
                {"name": "highres", "category": "5"},
            ]
        },
    ],
)  # fmt: skip
def test_spellings_of_one_post(written):
    assert read_row(row(7) | written, "danbooru", "2022", "png") == POST


def test_what_a_row_says_is_in_the_post():
    post = read_row(row(7, parent_id=3, pixiv_id=5, pixel_hash="AB" * 16, is_flagged="t"), "set", "2005", "png")
    assert (post.site, post.id, post.rating, post.rating_scheme) == ("set", 7, "g", "2005")
    assert (post.width, post.height, post.file_size, post.ext) == (400, 300, 9000, "png")
    assert (post.parent_id, post.pixiv_id, post.pixel_hash, post.flags) == (3, 5, "ab" * 16, ("flagged",))
    assert (post.general, post.artist) == (("1girl", "long_hair", "^_^"), ("anna_b", "other"))
    assert read_row(row(7, source=""), "danbooru", "2022", "png").source_url == "https://danbooru.donmai.us/posts/7"
    assert read_row(row(7, created_at="2005-05-23 21:35:31 UTC"), "d", "2005", "png").created_at[:10] == "2005-05-23"
    less = {"id": 7, "rating": "sensitive", "general_tags": []}
    assert (read_row(less, "d", "2022", "webp").ext, read_row(less, "d", "2022", "webp").flags) == ("webp", ())
    assert read_row(row(7, rating=["g"]), "d", "2022", "png").rating == ""
    flat_tags = read_row(row(7, tag_string="extra 1girl"), "d", "2022", "png")
    assert flat_tags.untyped == ("extra",)
    assert flat_tags.general == POST.general


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ({"id": None}, "malformed_row"), ({"id": 0}, "malformed_row"), ({"id": -4}, "malformed_row"),
        ({"id": 1.5}, "malformed_row"), ({"md5": "x"}, "malformed_row"), ({"is_banned": "perhaps"}, "malformed_row"),
        ({"tag_string_general": 7}, "malformed_row"), ({"general_tags": [1]}, "malformed_row"),
        ({"tag_string_meta": "['loli', 'x']"}, "malformed_row"), ({"general": {"1girl": 0.9}}, "malformed_row"),
        ({"file_ext": "../png"}, "malformed_row"), ({"image_width": -1}, "malformed_row"),
        ({"image_width": float("inf")}, "malformed_row"), ({"parent_id": 2**70}, "malformed_row"),
        ({"tag_string_general": None}, "no_tags"),
    ],
)  # fmt: skip
def test_rows_that_are_no_posts(written, reason):
    with pytest.raises(BadRowError) as caught:
        read_row(row(7) | written, "danbooru", "2022", "png")
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "written",
    ["1girl loli", "1girl,loli", "1girl, loli ,hat", "1girl|loli|hat", "1girl;loli", "hat/'loli'", "a LOLI,b",
     ["1girl loli"], ["1girl,loli"], "1girl\u3000ｌｏｌｉ", "hat|ｌｏｌｉ", "hat\tloli", "(loli)"],
)  # fmt: skip
def test_denied_tags_are_seen_however_they_are_separated(written):
    lenient = Policy(dropped_tags=frozenset())
    harmless = json.loads(json.dumps(written).lower().replace("loli", "lolita_fashion"))
    for name in ("tag_string_general", "tags_meta", "character_tags", "artist", "tag_string", "tags"):
        post = read_row(row(7) | {name: written}, "danbooru", "2022", "png")
        assert exclude(post, lenient) == "denied_tag", name
        if "\uff4c" not in written:
            assert exclude(read_row(row(7) | {name: harmless}, "danbooru", "2022", "png"), lenient) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(row(7)) + ["tags", "media_asset", "general_tags", "width"]), json_values))
@settings(max_examples=300, deadline=None)
def test_any_row_is_a_post_or_a_reason(changes):
    try:
        post, reason = read_row(row(7) | changes, "danbooru", "2022", "png"), ""
    except BadRowError as error:
        post, reason = None, error.reason
    if reason:
        assert reason in ("malformed_row", "no_tags")
    else:
        assert Post.from_json(post.to_json()) == post


def test_tables_say_what_is_wrong_with_them(tmp_path):
    lines = tmp_path / "a.jsonl"
    lines.write_bytes(b'{"id": 1}\n\nno json\n[]\n"' + b"x" * 3 * tables.MAX_LINE + b'"\n{"id": 2}')
    assert list(Table([lines])) == [{"id": 1}, None, [], None, {"id": 2}]
    zipped = tmp_path / "a.jsonl.gz"
    zipped.write_bytes(gzip.compress(random.Random(0).randbytes(5000).hex().encode())[:-300])
    table = tmp_path / "a.csv"
    table.write_text('id,rating\n1,g\n2\n3,g,x\n4,"s"\n', encoding="utf-8-sig")
    assert [item and item["id"] for item in Table([table])] == ["1", None, None, "4"]
    for name, content, match in (
        ("a.json", b'[{"id": 1}]', "one JSON list"),
        ("a.jsonl.gz", zipped.read_bytes(), "damaged"),
        ("b.csv", b"post,rating\n1,g\n", "no column id"),
        ("c.csv", b'id,rating\n1,"g\n' + b"2,g\n" * 60_000, "damaged"),
        ("b.parquet", b"PAR1 no", "damaged"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=match):
            list(Table([tmp_path / name]))
    pq.write_table(pa.table({"post": [1]}), tmp_path / "c.parquet")
    with pytest.raises(ValueError, match="no column id"):
        list(Table([tmp_path / "c.parquet"]))
    for name in ("a.txt", "a.pkl", "b.parquet.gz"):
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(ValueError, match="ends in"):
            Table([tmp_path / name])
    with pytest.raises(FileNotFoundError):
        Table([tmp_path / "none.csv"])


class Fake:
    """Rows and pictures of many posts, none of them on disk."""

    def __init__(self, count):
        generator = np.random.default_rng(0)
        self.words = [f"{a}_{b}" for a in ("long", "red", "open", "small", "looking_at") for b in range(4000)]
        self.picks = [generator.integers(0, len(self.words), 40) for _ in range(count)]
        self.places = {number: f"{number % 1000:04d}/{number}.jpg" for number in range(1, count + 1)}
        self.refused = Counter()

    def __iter__(self):
        for number, picks in enumerate(self.picks, 1):
            yield row(number, general=" ".join(self.words[i] for i in picks))

    def extension(self, place):
        return "jpg"


def memory(make):
    """Bytes of what a function returns, caches left aside."""
    tracemalloc.start()
    try:
        kept = make()
        return tracemalloc.get_traced_memory()[0], kept
    finally:
        tracemalloc.stop()


def test_a_post_takes_less_than_a_kilobyte():
    BulkSource(Fake(400), Fake(400), policy=Policy(), rules=LabelRules())  # fills the caches
    rows, places = Fake(400), Fake(400)
    packed, source = memory(lambda: BulkSource(rows, places, policy=Policy(), rules=LabelRules()))
    assert len(source.names()) == 400
    assert packed < 400 * 700
    loose, _ = memory(lambda: list(rows))
    assert loose > 400 * 1000  # the control: rows as they come


def test_a_packed_post_comes_back_whole():
    post = dataclasses.replace(POST, flags=("flagged",), untyped=("x", "😀"), parent_id=3)
    assert source_module._unpack(source_module._pack(post)) == post
