"""Packed JPEG: read like the array of its pixels, by an independent decoder's account, and never damaged unnoticed."""

import io
import json
import shutil

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image

from i2v_lib.data import pack, stores
from i2v_lib.data.batches import Batches, evaluation_batches
from i2v_lib.data.collection import SCHEMA, finish_collection, open_collection, partial_folder
from i2v_lib.data.crops import crop, crop_on_device
from i2v_lib.data.pack import pack_collection
from i2v_lib.data.stores import (
    INDEX,
    JPEGS,
    RECORD,
    DamagedPictureError,
    PackedPixels,
    choose_store,
    encode,
    standing_pictures,
    store_writer,
)

COUNT, SIZE = 37, 24


def drawn(count=COUNT, size=SIZE):
    """Smooth pictures, each other than the next."""
    rng = np.random.default_rng(0)
    small = [Image.fromarray(rng.integers(0, 256, (3, 3, 3), dtype=np.uint8)) for _ in range(count)]
    return np.stack([np.asarray(picture.resize((size, size), Image.Resampling.BICUBIC)) for picture in small])


PICTURES = drawn()


def write(folder, pictures=PICTURES, store="jpeg", size=SIZE):
    folder.mkdir(parents=True, exist_ok=True)
    writer = store_writer(store, folder, size)
    for picture in pictures:
        writer.append(encode(picture, store))
    writer.finish()
    writer.close()


def make(folder, store="pixels", pictures=PICTURES):
    write(partial_folder(folder), pictures, store)
    row = dict.fromkeys(SCHEMA.names, "") | {"width": 1, "height": 1, "rating": "safe"}
    row |= dict.fromkeys(("general", "copyright", "character"), [])
    posts = [row | {"id": f"id {i}", "split": ("train", "test")[i % 5 == 0]} for i in range(len(pictures))]
    table = pa.Table.from_pylist(posts, SCHEMA)
    return finish_collection(folder, table, "drawn", "abc", [{"n": i} for i in range(len(pictures))], store, SIZE)


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed")
    write(folder)
    return PackedPixels(folder, SIZE)


@pytest.fixture(scope="module")
def oracle(packed):
    """The same JPEGs, cut out of the file by hand and decoded by Pillow."""
    data, start, pictures = packed.filename.read_bytes(), 0, []
    for end, _ in np.fromfile(packed.filename.with_name(INDEX), "<u8").reshape(-1, 2).tolist():
        pictures.append(np.asarray(Image.open(io.BytesIO(data[start:end]))))
        start = end
    return np.stack(pictures)


def test_it_is_indexed_as_the_array(packed, oracle):
    assert (packed.shape, packed.dtype, packed.ndim, len(packed)) == (oracle.shape, oracle.dtype, 4, COUNT)
    rows = np.random.default_rng(1).permutation(COUNT)
    keys = [3, np.int64(-1), slice(None), slice(4, 20, 3), slice(9, 9), [5, 5, -2], rows, rows < 7, rows[:0], ...]
    keys += [(2, slice(1, 9), slice(3, 5)), (rows[:4], slice(2, 9), slice(2, 9)), (slice(0, 3), ..., 0), (4, ...)]
    for key in keys:
        assert np.array_equal(packed[key], oracle[key]), key
        assert packed[key].dtype == np.uint8
    assert np.array_equal(np.asarray(packed), oracle)
    assert np.array_equal([picture for picture in packed], oracle)
    for outside in (COUNT, -COUNT - 1, [0, COUNT]):
        with pytest.raises(IndexError, match="out of bounds"):
            packed[outside]


def test_packing_loses_little_and_saves_much(packed, oracle):
    error = np.abs(oracle.astype(int) - PICTURES).mean()
    other = np.abs(oracle.astype(int) - PICTURES[::-1]).mean()
    assert error < 3 < 30 < other
    assert packed.nbytes == packed.filename.stat().st_size < 0.6 * PICTURES.nbytes


def test_many_threads_decode_what_one_does(packed, oracle):
    rows = np.tile(np.arange(COUNT), 5)
    assert np.array_equal(packed.decode(rows).numpy(), oracle[rows])
    with torch.inference_mode():  # as a network that predicts does
        assert np.array_equal(packed.decode(rows).numpy(), oracle[rows])
    there = packed._decode_there([7, 3], torch.device("cpu"))  # a GPU's way, on the CPU
    assert np.array_equal(there.numpy(), oracle[[7, 3]])
    assert packed._decode_there([], torch.device("cpu")).shape == (0, SIZE, SIZE, 3)


def test_a_damaged_picture_is_named_and_the_others_are_read(tmp_path, packed, oracle):
    collection = make(tmp_path / "set", "jpeg")
    path, (start, stop) = collection.folder / JPEGS, collection.pixels.place(11)
    data = bytearray(path.read_bytes())
    data[stop - 12] ^= 1
    unnoticed = np.asarray(Image.open(io.BytesIO(data[start:stop])))  # control: a decoder alone does not see it
    assert not np.array_equal(unnoticed, oracle[11])
    path.write_bytes(data)
    pixels = open_collection(collection.folder).pixels
    for rows in (11, slice(None), [3, 11]):
        with pytest.raises(DamagedPictureError, match=r"pixels\.jpegs: .*id 11, row 11, .*damaged.*build"):
            pixels[rows]
    rest = np.delete(np.arange(COUNT), 11)
    assert np.array_equal(pixels[rest], oracle[rest])
    batches = Batches(pixels, np.zeros((COUNT, 1), np.uint8), np.arange(COUNT), 8, 20, 0, workers=2)
    with pytest.raises(DamagedPictureError, match="id 11"):
        list(batches.epoch(0))


def test_what_is_no_picture_of_this_size_is_damaged(tmp_path):
    write(tmp_path, [PICTURES[0], PICTURES[1][:, :-1]])
    with pytest.raises(DamagedPictureError, match="row 1, is damaged: it is 23 × 24 pixels, not 24 squared"):
        PackedPixels(tmp_path, SIZE)[1]
    writer = store_writer("jpeg", tmp_path, SIZE, 1)
    writer.append(b"no JPEG")
    writer.finish()
    writer.close()
    assert PackedPixels(tmp_path, SIZE)[0].shape == (SIZE, SIZE, 3)
    with pytest.raises(DamagedPictureError, match="row 1"):
        PackedPixels(tmp_path, SIZE)[:]


def test_a_cut_store_does_not_open(tmp_path):
    collection = make(tmp_path / "set", "jpeg")
    path = collection.folder / JPEGS
    whole = path.read_bytes()
    for part in (whole[:-1], whole + b"x", b""):
        path.write_bytes(part)
        with pytest.raises(ValueError, match=rf"pixels\.jpegs .*\b{len(part):,} bytes.*\b{len(whole):,}"):
            open_collection(collection.folder)
    path.write_bytes(whole)
    index = (collection.folder / INDEX).read_bytes()
    (collection.folder / INDEX).write_bytes(index[: -RECORD.itemsize])
    path.write_bytes(whole[: collection.pixels.place(COUNT - 2)[1]])
    with pytest.raises(ValueError, match="37 posts.* 36 pictures"):
        open_collection(collection.folder)


def test_a_collection_made_before_still_opens(tmp_path):
    collection = make(tmp_path / "set")
    assert (collection.info["version"], collection.store, collection.fingerprint) == (1, "pixels", "abc")
    assert "store" not in collection.info
    jpeg = make(tmp_path / "packed", "jpeg")
    assert (jpeg.info["version"], jpeg.store, jpeg.info["quality"]) == (2, "jpeg", 95)
    info = jpeg.info | {"store": "webp"}
    (jpeg.folder / "collection.json").write_text(json.dumps(info))
    with pytest.raises(ValueError, match="version 2, .* 1, 2"):
        open_collection(jpeg.folder)


@pytest.mark.parametrize("device", [None, "cpu"])
@pytest.mark.parametrize("workers", [0, 2])
def test_batches_of_packed_pictures_are_those_of_their_pixels(packed, oracle, device, workers):
    targets, rows = np.eye(COUNT, dtype=np.uint8), np.arange(2, COUNT)
    ours = Batches(packed, targets, rows, 8, 20, 3, workers, device=device)
    theirs = Batches(oracle, targets, rows, 8, 20, 3)
    assert torch.equal(ours.mean(), theirs.mean())
    pairs = list(zip(ours.epoch(1), theirs.epoch(1), strict=True))
    assert len(pairs) == 5
    for one, other in pairs:
        assert all(map(torch.equal, one[:3], other[:3]))
        assert one.images.is_contiguous(memory_format=torch.channels_last)
    evaluated = [list(evaluation_batches(pixels, rows, 8, 20, workers=workers)) for pixels in (packed, oracle)]
    assert all(map(torch.equal, *evaluated))


def test_the_device_decodes_where_it_is_told_to(packed, oracle, monkeypatch):
    asked = []
    monkeypatch.setattr(
        PackedPixels, "decode", lambda _, rows, device="cpu": (asked.append(str(device)), torch.tensor(oracle[rows]))[1]
    )
    for decode in ("cpu", "device"):
        batches = Batches(packed, np.zeros((COUNT, 1), np.uint8), np.arange(9), 9, 20, 0, device="cpu:0", decode=decode)
        next(batches.epoch(0))
    assert asked == ["cpu", "cpu:0"]
    with pytest.raises(ValueError, match="decode='gpu'"):
        Batches(packed, np.zeros((COUNT, 1), np.uint8), np.arange(9), 9, 20, 0, decode="gpu")


def test_a_device_cuts_the_same_squares():
    rng = np.random.default_rng(0)
    corners, flips = rng.integers(SIZE - 17, endpoint=True, size=(COUNT, 2)), rng.random(COUNT) < 0.5
    ours = crop_on_device(torch.tensor(PICTURES), torch.tensor(corners), torch.tensor(flips), 17)
    assert torch.equal(ours, crop(PICTURES, np.arange(COUNT), corners, 17, flips))
    assert not torch.equal(ours, crop(PICTURES, np.arange(COUNT), corners, 17, ~flips))
    assert ours.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("store", ["pixels", "jpeg"])
def test_writing_goes_on_after_a_cut_anywhere(tmp_path, store):
    write(tmp_path / "whole", store=store)
    names = {"pixels": ["pixels.npy"], "jpeg": [JPEGS, INDEX]}[store]
    rng = np.random.default_rng(0)
    for turn in range(12):
        folder = tmp_path / str(turn)
        shutil.copytree(tmp_path / "whole", folder)
        for name in names:
            with (folder / name).open("r+b") as file:
                file.truncate(int(rng.integers((folder / name).stat().st_size)))
        standing = standing_pictures(store, folder, SIZE)
        assert 0 <= standing < COUNT
        writer = store_writer(store, folder, SIZE, standing)
        for picture in PICTURES[standing:]:
            writer.append(encode(picture, store))
        writer.finish()
        writer.close()
        for name in names:
            assert (folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    with pytest.raises(ValueError, match="fewer .*99"):
        store_writer("jpeg", tmp_path / "whole", SIZE, 99)


def test_packing_goes_on_and_ends_in_the_same_bytes(tmp_path, monkeypatch):
    collection = make(tmp_path / "set")
    monkeypatch.setattr(pack, "BATCH", 4)
    whole = pack_collection(collection, tmp_path / "whole", progress=False)
    calls = []

    def interrupted(picture, store):
        calls.append(1)
        if len(calls) % 10 == 0:
            raise KeyboardInterrupt
        return encode(picture, store)

    monkeypatch.setattr(pack, "encode", interrupted)
    interrupts = 0
    while not (tmp_path / "copy").exists():
        try:
            pack_collection(collection, tmp_path / "copy", progress=False)
        except KeyboardInterrupt:
            interrupts += 1
            with pytest.raises(FileNotFoundError, match="interrupted"):
                open_collection(tmp_path / "copy")
    assert interrupts > 2
    ours, theirs = ({path.name: path.read_bytes() for path in (tmp_path / n).iterdir()} for n in ("copy", "whole"))
    assert ours == theirs
    assert whole.truth() == collection.truth()
    assert whole.posts.equals(collection.posts)
    before = len(calls)
    assert pack_collection(collection, tmp_path / "copy", progress=False).fingerprint == whole.fingerprint
    assert len(calls) == before  # what is finished is opened


def test_each_store_has_a_fingerprint_of_its_own(tmp_path, oracle):
    collection = make(tmp_path / "set")
    jpeg = pack_collection(collection, tmp_path / "jpeg", progress=False)
    back = pack_collection(jpeg, tmp_path / "back", "pixels", progress=False)
    assert np.array_equal(back.pixels, oracle)
    assert len({collection.fingerprint, jpeg.fingerprint, back.fingerprint}) == 3
    other = PICTURES.copy()
    other[5] = 255 - other[5]
    changed = pack_collection(make(tmp_path / "other", pictures=other), tmp_path / "changed", progress=False)
    assert changed.fingerprint != jpeg.fingerprint  # the same name before, other bytes
    assert pack_collection(collection, tmp_path / "again", progress=False).fingerprint == jpeg.fingerprint


def test_packing_refuses_what_is_there(tmp_path):
    collection = make(tmp_path / "set")
    with pytest.raises(ValueError, match="pixels already"):
        pack_collection(collection, tmp_path / "out", "pixels")
    with pytest.raises(ValueError, match="store='zip'"):
        pack_collection(collection, tmp_path / "out", "zip")
    (tmp_path / "out").mkdir()
    with pytest.raises(FileExistsError, match="no such copy"):
        pack_collection(collection, tmp_path / "out")
    with pytest.raises(FileExistsError, match="no such copy"):
        pack_collection(collection, collection.folder)


def test_pixels_are_chosen_while_they_fit(tmp_path, monkeypatch):
    free = 100 * 3 * 256**2
    monkeypatch.setattr(stores.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(2 * free, free, free))
    assert [choose_store(count, 256, tmp_path / "a" / "b") for count in (79, 81)] == ["pixels", "jpeg"]
