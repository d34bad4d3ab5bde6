"""Building a collection from any source: groups, origins and accounts, and the same bytes after any interruption."""

import io
import json
import os
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from i2v_lib.data import build as build_module
from i2v_lib.data import collection as collection_module
from i2v_lib.data import ingest
from i2v_lib.data.build import BuildOptions, build_collection
from i2v_lib.data.collection import SCHEMA, open_collection, partial_folder
from i2v_lib.data.images import BadImageError
from i2v_lib.data.sidecars import Tagging

SIZE = 16


def picture(seed, kind="PNG", **options):
    small = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(small).resize((40, 30), Image.Resampling.BICUBIC).save(buffer, kind, **options)
    return buffer.getvalue()


def animation(kind="GIF"):
    frames = [Image.new("RGB", (40, 30), color) for color in ("red", "lime", "blue")]
    return picture(0, kind, save_all=True, append_images=frames, duration=50)


class Listed:
    """A source of what is listed: name to bytes and tagging, or to the reason why there is none."""

    def __init__(self, posts, skipped=None, identity="first"):
        self.posts, self.left_out, self.name = posts, skipped or {}, identity

    def identity(self):
        return self.name

    def names(self):
        return list(self.posts)

    def read(self, name):
        found = self.posts[name]
        if isinstance(found, str):
            raise BadImageError(found, name)
        return found

    def skipped(self):
        return self.left_out


def tagged(*general, **fields):
    return Tagging(general=dict.fromkeys(general), **fields)


def many(count=30):
    """Pictures with links and origins, some bad, some siblings."""
    posts = {}
    for i in range(count):
        links = (f"post:danbooru/{i}", f"post:danbooru/{1000 + i // 4}") if i % 3 == 0 else ()
        origin = {"post_id": i, "artists": [f"artist {i % 5}"]} if i % 2 else {"post_id": i}
        posts[f"danbooru-{i}"] = (picture(i), tagged(f"tag {i % 3}", rating="safe", links=links, origin=origin))
    posts["danbooru-7"] = "wrong_md5"
    posts["danbooru-8"] = (b"", tagged("tag"))
    return posts


def build(source, out, **options):
    """Build; options are those of the source's and those of any build."""
    own = {name: options.pop(name) for name in ("animations", "default_rating", "ratings") if name in options}
    return build_collection(source, out, BuildOptions(**({"size": SIZE, "progress": False} | options)), **own)


def contents(collection):
    return {path.name: path.read_bytes() for path in sorted(collection.folder.iterdir())}


def test_rows_are_the_source_s_in_its_order(tmp_path):
    posts = {
        "b": (picture(1), tagged("hat", rating="explicit", source_url="https://example.org/1", artist="rin")),
        "a": (picture(2), tagged("smile", id="another id")),
        "c": "gone",
    }
    collection = build(Listed(posts), tmp_path / "out", default_rating="questionable")
    assert collection.posts.schema == SCHEMA
    assert collection.column("id") == ["b", "another id"]
    assert collection.column("group") == ["b", "another id"]
    assert collection.column("general") == [["hat"], ["smile"]]
    assert collection.column("rating") == ["explicit", "questionable"]
    assert (collection.column("source_url")[0], collection.column("artist")[0]) == ("https://example.org/1", "rin")
    assert (collection.folder / "bad_images.csv").read_text() == "path,reason,sha256\nc,gone,\n"
    assert sorted(os.listdir(tmp_path)) == ["out"]


def test_links_make_groups_and_groups_keep_to_one_split(tmp_path):
    posts = {str(i): (picture(i), tagged("tag")) for i in range(60)}
    for i in range(0, 60, 3):  # two children of a parent that is not there, and a picture of its own
        for child in (i, i + 1):
            posts[str(child)] = (picture(child), tagged("tag", links=(f"post:{child}", f"post:{1000 + i}")))
    collection = build(Listed(posts), tmp_path / "out", validation_share=0.3, test_share=0.3)
    groups = collection.column("group")
    assert groups == [str(i - 1) if i % 3 == 1 else str(i) for i in range(60)]
    assert len(set(zip(groups, collection.column("split"), strict=True))) == 40
    assert set(collection.column("split")) == {"train", "val", "test"}
    accounting = collection.accounting()
    assert (accounting["groups"], accounting["largest_group"], accounting["near_duplicates"]) == (40, 2, 20)
    unlinked = {name: (data, tagged("tag")) for name, (data, _) in posts.items()}
    assert build(Listed(unlinked), tmp_path / "control").accounting()["near_duplicates"] == 0


def test_a_file_meets_a_link_that_names_its_md5(tmp_path):
    posts = {name: (picture(seed), tagged("tag")) for name, seed in (("original", 1), ("other", 2))}
    md5 = build(Listed(posts), tmp_path / "first").column("md5")[0]
    posts["sample"] = (picture(3), tagged("tag", links=(f"md5:{md5}",)))
    assert build(Listed(posts), tmp_path / "out").column("group") == ["original", "other", "original"]


def test_everything_seen_is_used_or_has_a_reason(tmp_path):
    source = Listed(many() | {"x": "gone", "y": (b"<html>", tagged("tag"))}, skipped={"rating": 12, "gone": 3})
    collection = build(source, tmp_path / "out")
    accounting = collection.accounting()
    expected = {"rating": 12, "gone": 4, "wrong_md5": 1, "empty": 1, "not_an_image": 1}
    assert accounting["skipped"] == expected
    assert list(accounting["skipped"]) == sorted(expected)
    assert (accounting["seen"], accounting["used"]) == (47, 28)
    assert accounting["used"] == len(collection) == accounting["seen"] - sum(expected.values())
    groups = Counter(collection.column("group"))
    assert accounting["largest_group"] == max(groups.values()) == 2
    assert accounting["groups"] + accounting["near_duplicates"] == 28
    (collection.folder / "accounting.json").unlink()  # as in a collection made before
    assert open_collection(collection.folder).accounting() is None


def test_origins_keep_their_rows_and_kinds(tmp_path):
    full = {
        "site": "danbooru", "post_id": 2**40, "banned": False, "score": 0.5, "artists": ["rin", "ren"], "meta": [],
        "mixed": 1, "half": "\ud800", "large": 2**70, "none": None, "id": "not ours",
    }  # fmt: skip
    posts = {
        "a": (picture(1), tagged("tag")),
        "bad": "gone",
        "b": (picture(2), tagged("tag", origin=full)),
        "c": (picture(3), tagged("tag", id="d", origin={"post_id": 5, "mixed": "two", "extra": "x"})),
    }
    origin = build(Listed(posts), tmp_path / "out").origin()
    texts = pa.list_(pa.string())
    assert origin.schema == pa.schema(
        {
            "id": pa.string(), "artists": texts, "banned": pa.bool_(), "extra": pa.string(), "half": pa.string(),
            "large": pa.string(), "meta": texts, "mixed": pa.string(), "none": pa.string(), "post_id": pa.int64(),
            "score": pa.float64(), "site": pa.string(),
        }
    )  # fmt: skip
    assert origin.column("id").to_pylist() == ["a", "b", "d"]
    empty = dict.fromkeys(origin.column_names)
    written = full | {"id": "b", "mixed": "1", "half": "?", "large": str(2**70)}
    assert origin.to_pylist() == [
        empty | {"id": "a"},
        empty | written,
        empty | {"id": "d", "post_id": 5, "mixed": "two", "extra": "x"},
    ]
    assert build(Listed({"a": posts["a"]}), tmp_path / "plain").origin() is None


def test_other_ratings_are_left_out_before_they_are_decoded(tmp_path, monkeypatch):
    ratings = ["safe", "questionable", "explicit", ""]
    posts = {f"{i}": (picture(i), tagged("tag", rating=rating)) for i, rating in enumerate(ratings)}
    decode, decoded = ingest.decode_reduced, []
    monkeypatch.setattr(ingest, "decode_reduced", lambda data, *rest: (decoded.append(data), decode(data, *rest))[1])
    collection = build(Listed(posts), tmp_path / "out", ratings=("safe",), default_rating="explicit")
    assert collection.column("id") == ["0"]
    assert collection.accounting()["skipped"] == {"rating": 3}
    assert decoded == [picture(0)]
    assert collection.pixels.shape == (1, SIZE, SIZE, 3)
    everything = build(Listed(posts), tmp_path / "all")
    assert everything.column("rating") == ["safe", "questionable", "explicit", "safe"]


def test_animations_are_skipped_on_request(tmp_path):
    posts = {"still": (picture(1), tagged("tag"))}
    posts |= {kind: (animation(kind), tagged("tag")) for kind in ("GIF", "PNG", "WEBP", "AVIF")}
    first = build(Listed(posts), tmp_path / "first")
    assert first.column("id") == list(posts)
    assert first.accounting()["skipped"] == {}
    skip = build(Listed(posts), tmp_path / "skip", animations="skip")
    assert skip.column("id") == ["still"]
    assert skip.accounting()["skipped"] == {"animated": 4}


def test_the_same_source_is_not_read_again(tmp_path, monkeypatch):
    first = build(Listed(many()), tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr(Listed, "read", lambda *_: pytest.fail("read again"))
        assert build(Listed(many()), tmp_path / "out").fingerprint == first.fingerprint
    other = Listed(many(5), identity=("second", 2))  # a tuple, which JSON gives back as a list
    with pytest.raises(FileExistsError, match="other source;"):
        build(other, tmp_path / "out")
    with pytest.raises(FileExistsError, match="other animations, ratings;"):
        build(Listed(many()), tmp_path / "out", ratings=["safe"], animations="skip")
    again = build(other, tmp_path / "out", overwrite=True)
    assert len(again) == 5
    assert build(other, tmp_path / "out").fingerprint == again.fingerprint
    named = Listed(many(5), identity={"query": "hat", "posts": 5})
    build(named, tmp_path / "named")
    named.name = {"query": "hat", "posts": 6}
    with pytest.raises(FileExistsError, match="other posts;"):
        build(named, tmp_path / "named")


def test_wrong_settings_are_refused_before_anything_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(Listed, "read", lambda *_: pytest.fail("read"))
    for wrong in ({"ratings": ["g"]}, {"animations": "last"}, {"resize": "squash"}, {"default_rating": "lewd"}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))}='(g|last|squash|lewd)'"):
            build(Listed(many()), tmp_path / "out", **wrong)
    for wrong in ({"size": 0}, {"test_share": 0.99}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            build(Listed(many()), tmp_path / "out", **wrong)
    assert not os.listdir(tmp_path)


def test_nothing_usable_says_why(tmp_path):
    with pytest.raises(ValueError, match="1 gone, 7 rating"):
        build(Listed({"a": "gone"}, skipped={"rating": 7}), tmp_path / "out")
    with pytest.raises(ValueError, match="empty"):
        build(Listed({}), tmp_path / "out")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("store", ["pixels", "jpeg"])
def test_interrupted_anywhere_it_ends_in_the_same_bytes(tmp_path, monkeypatch, store):
    whole = build(Listed(many()), tmp_path / "whole", pixel_store=store)
    read, reads = Listed.read, []

    def interrupted(self, name):
        reads.append(name)
        if len(reads) % 7 == 0:
            raise KeyboardInterrupt
        return read(self, name)

    monkeypatch.setattr(ingest, "BATCH", 3)
    monkeypatch.setattr(Listed, "read", interrupted)
    interrupts = 0
    while not (tmp_path / "out").exists():
        try:
            build(Listed(many()), tmp_path / "out", pixel_store=store)
        except KeyboardInterrupt:
            interrupts += 1
            assert partial_folder(tmp_path / "out").exists()
    assert interrupts >= 3
    assert contents(open_collection(tmp_path / "out")) == contents(whole)
    assert {"origin.parquet", "accounting.json"} < set(contents(whole))


def test_a_store_changes_pixels_a_little_and_nothing_else(tmp_path):
    pixels, jpeg = (build(Listed(many()), tmp_path / store, pixel_store=store) for store in ("pixels", "jpeg"))
    assert pixels.posts.equals(jpeg.posts)
    assert jpeg.accounting() == pixels.accounting()
    there, back = (np.abs(jpeg.pixels[::way].astype(int) - pixels.pixels).mean() for way in (1, -1))
    assert there < 20 < 40 < back
    assert (pixels.store, jpeg.store) == ("pixels", "jpeg")
    assert pixels.fingerprint != jpeg.fingerprint
    assert build(Listed(many()), tmp_path / "again", pixel_store="jpeg").fingerprint == jpeg.fingerprint


def test_the_disk_chooses_the_store_once(tmp_path, monkeypatch):
    monkeypatch.setattr(build_module, "choose_store", lambda *_: "jpeg")
    assert build(Listed(many()), tmp_path / "out").store == "jpeg"
    monkeypatch.setattr(build_module, "choose_store", lambda *_: "pixels")  # more room now
    monkeypatch.setattr(Listed, "read", lambda *_: pytest.fail("read again"))
    assert build(Listed(many()), tmp_path / "out").store == "jpeg"
    with pytest.raises(FileExistsError, match="other store;"):
        build(Listed(many()), tmp_path / "out", pixel_store="pixels")
    with pytest.raises(ValueError, match="pixel_store='zip'"):
        build(Listed(many()), tmp_path / "new", pixel_store="zip")


def test_a_source_that_fails_stops_it_and_loses_nothing(tmp_path, monkeypatch):
    """An error that says nothing about a picture, such as a full disk, is no reason to leave that one out."""
    monkeypatch.setattr(ingest, "BATCH", 5)
    broken = Listed(many() | {"danbooru-20": None})
    with pytest.raises(TypeError):
        build(broken, tmp_path / "out")
    journal = ingest.Ingest.journal(partial_folder(tmp_path / "out")).read_text()
    assert len(journal.splitlines()) >= 15
    assert contents(build(Listed(many()), tmp_path / "out")) == contents(build(Listed(many()), tmp_path / "whole"))


def test_batches_of_rows_change_no_byte(tmp_path, monkeypatch):
    whole = build(Listed(many()), tmp_path / "whole")
    monkeypatch.setattr(collection_module, "BATCH", 4)
    assert contents(build(Listed(many()), tmp_path / "out")) == contents(whole)


def test_the_settings_are_on_record(tmp_path):
    collection = build(Listed(many(), identity={"query": "hat"}), tmp_path / "out", ratings=["explicit", "safe"])
    record = json.loads((collection.folder / "import.json").read_text())
    assert (record["source"], record["ratings"], record["seed"]) == ({"query": "hat"}, ["safe", "explicit"], 0)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"size": 0}, "size=0"),
        ({"size": 2.5}, "size=2.5"),
        ({"resize": "squash"}, "resize='squash'"),
        ({"pixel_store": "zip"}, "pixel_store='zip'"),
        ({"validation_share": -0.1}, "validation_share=-0.1"),
        ({"test_share": 1.0}, "test_share=1.0"),
        ({"validation_share": 0.5, "test_share": 0.5}, "validation_share=0.5, test_share=0.5"),
        ({"test_share": float("nan")}, "test_share=nan"),
    ],
)
def test_impossible_options_are_refused_when_they_are_made(options, named):
    with pytest.raises(ValueError, match=named):
        BuildOptions(**options)


def test_options_at_the_edge_are_possible():
    made = BuildOptions(size=1, validation_share=0.0, test_share=0.999)
    assert made.content() == {"size": 1, "resize": "warp", "seed": 0, "validation_share": 0.0, "test_share": 0.999}
