"""A collection on disk: what is written is read back, and nothing half written is taken for a whole."""

import json

import numpy as np
import pyarrow as pa
import pytest

from i2v_lib.data.collection import SCHEMA, finish_collection, open_collection, partial_folder
from tests.growing_collection import create_pixels


def posts(splits, ids=None):
    rows = [
        dict(dict.fromkeys(SCHEMA.names, ""), id=ids[i] if ids else f"id {i}", width=5, height=6)
        | {
            "general": ["smile", "<b>"],
            "copyright": [],
            "character": ["rin"],
            "rating": "safe",
            "split": split,
        }
        for i, split in enumerate(splits)
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def make(folder, splits=("train", "test", "train"), **options):
    pixels = create_pixels(folder, len(splits), 4)
    pixels[:] = np.arange(pixels.size, dtype=np.uint8).reshape(pixels.shape)
    pixels.flush()
    return finish_collection(folder, posts(splits, **options), "warp", "abc")


def test_round_trip(tmp_path):
    collection = make(tmp_path / "set é")
    assert len(collection) == 3
    assert collection.pixels.shape == (3, 4, 4, 3)
    assert (collection.pixels.ravel() == np.arange(144, dtype=np.uint8)).all()
    assert collection.split("train").tolist() == [0, 2]
    assert collection.split("val").tolist() == []
    assert collection.column("general") == [["smile", "<b>"]] * 3
    assert collection.info["counts"] == {"train": 2, "val": 0, "test": 1}
    assert (collection.fingerprint, collection.truth()) == ("abc", None)
    with pytest.raises(ValueError, match="read-only"):
        collection.pixels[0] = 0
    with pytest.raises(ValueError, match="'training'"):
        collection.split("training")


def test_truth_goes_beside(tmp_path):
    create_pixels(tmp_path / "set", 1, 4)
    scenes = [{"hair": "青", "eyes": 2}]
    collection = finish_collection(tmp_path / "set", posts(["train"]), "drawn", "abc", truth=scenes)
    assert collection.truth() == scenes


def test_half_written_is_refused(tmp_path):
    folder = tmp_path / "set"
    with pytest.raises(FileNotFoundError, match="make one"):
        open_collection(folder)
    create_pixels(folder, 2, 4)
    with pytest.raises(FileNotFoundError, match="interrupted"):
        open_collection(folder)
    with pytest.raises(ValueError, match=r"3 rows.*pixels\.npy 2"):
        finish_collection(folder, posts(["train"] * 3), "warp", "abc")
    assert not folder.exists()
    finish_collection(folder, posts(["train"] * 2), "warp", "abc")
    assert not partial_folder(folder).exists()
    assert len(open_collection(str(folder))) == 2


def test_equal_ids_are_refused(tmp_path):
    with pytest.raises(ValueError, match="unique"):
        make(tmp_path / "set", ids=["a", "b", "a"])


def test_parts_that_disagree_are_refused(tmp_path):
    folder = make(tmp_path / "set").folder
    np.save(folder / "pixels.npy", np.zeros((2, 4, 4, 3), np.uint8))
    with pytest.raises(ValueError, match="3 posts.* 2 pictures"):
        open_collection(folder)
    info = json.loads((folder / "collection.json").read_text())
    (folder / "collection.json").write_text(json.dumps(info | {"version": 99}))
    with pytest.raises(ValueError, match="99"):
        open_collection(folder)
