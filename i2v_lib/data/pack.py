"""Copy a collection into the other store: its pixels packed as JPEG, or packed JPEG as pixels."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from i2v_lib.config import PIXEL_STORES
from i2v_lib.data.build import discard
from i2v_lib.data.collection import Collection, finish_collection, open_collection, partial_folder
from i2v_lib.data.stores import encode, own_processors, standing_pictures, store_writer
from i2v_lib.system.progress import progress_bar

BATCH = 256  # pictures in memory at a time
BESIDE = ("truth.jsonl", "accounting.json", "origin.parquet", "bad_images.csv")  # goes along as it is


def pack_collection(collection: Collection, out: str | Path, store: str = "jpeg", progress: bool = True) -> Collection:
    """Write a copy of a collection whose pixels are kept in the other way.

    Packing as JPEG loses a little, and unpacking does not bring it back: each copy has a fingerprint of its own, made
    of what was written. An interrupted copy goes on when it is asked for again; a finished one is opened.

    Parameters
    ----------
    collection : to copy; it is only read
    out : folder of the copy
    store : "jpeg" or "pixels"
    progress : whether to show a bar

    Raises
    ------
    ValueError
        If the store is unknown, or the collection is kept in it already.
    FileExistsError
        If ``out`` holds something else.
    DamagedPictureError
        If a packed picture cannot be read.
    """
    out = Path(os.path.abspath(out))
    if store not in PIXEL_STORES:
        raise ValueError(f"store={store!r} is unknown; use one of {', '.join(PIXEL_STORES)}")
    if store == collection.store:
        raise ValueError(f"{collection.folder} is kept as {store} already; copy the folder, or choose another store")
    recipe, partial = {"of": collection.fingerprint, "store": store}, partial_folder(out)
    for place in (out, partial):
        if place.exists() and _recipe(place) != recipe:
            raise FileExistsError(f"{place} exists and is no such copy of {collection.folder}; choose another out")
    if out.exists():
        return open_collection(out)
    if not partial.exists():
        beginning = partial.with_name(partial.name + ".new")  # named when it says what it is
        discard(beginning)
        beginning.mkdir(parents=True)
        (beginning / "pack.json").write_text(json.dumps(recipe) + "\n", encoding="utf-8")
        os.replace(beginning, partial)
    size, count = collection.pixels.shape[1], len(collection)
    writer = store_writer(store, partial, size, min(count, standing_pictures(store, partial, size)))
    with (
        progress_bar("packing" if progress else None, count, writer.count) as bar,
        ThreadPoolExecutor(own_processors()) as pool,
    ):
        while writer.count < count:
            pictures = collection.pixels[writer.count : writer.count + BATCH]
            for data in pool.map(encode, pictures, [store] * len(pictures)):
                writer.append(data)
            writer.flush()
            bar.update(len(pictures))
        writer.finish()
        writer.close()
    fingerprint = collection.fingerprint if store == "jpeg" else _digest(collection.fingerprint, writer.path)
    for name in BESIDE:
        if (collection.folder / name).exists():
            shutil.copyfile(collection.folder / name, partial / name)
    resize = collection.info["resize"]
    return finish_collection(out, collection.posts, resize, fingerprint, store=store, size=size)


def _recipe(place: Path) -> dict[str, str] | None:
    record = place / "pack.json"
    return json.loads(record.read_text(encoding="utf-8")) if record.exists() else None


def _digest(fingerprint: str, path: Path) -> str:
    """Name decoded pixels by themselves, since decoders differ."""
    with path.open("rb") as file:
        return hashlib.sha256(fingerprint.encode() + hashlib.file_digest(file, "sha256").digest()).hexdigest()[:16]
