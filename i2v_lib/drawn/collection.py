"""The drawn world as a collection: drawn once, with all processors, resumable, of any size."""

from __future__ import annotations

import functools
import hashlib
import json
import multiprocessing
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from i2v_lib.config import Config
from i2v_lib.data.build import discard
from i2v_lib.data.collection import SCHEMA, Collection, finish_collection, open_collection, partial_folder, table_of
from i2v_lib.data.fingerprint import code_fingerprint, import_closure
from i2v_lib.data.splits import assign_splits
from i2v_lib.data.stores import choose_store, encode, own_processors, store_writer
from i2v_lib.drawn.pictures import draw_picture
from i2v_lib.system.progress import progress_bar

CHUNK = 200  # pictures drawn and written together
PATIENCE = 600  # seconds for a chunk; one that takes longer was lost with its process


def drawn_fingerprint(config: Config) -> str:
    """Names the demo set of a configuration: its settings, and the code that draws it and splits it."""
    code = _code_that_draws()
    settings = [config.seed, config.pictures, config.characters, config.titles, config.artists, config.general_noise]
    settings += [config.stored_size, config.validation_share, config.test_share]
    return hashlib.sha256(json.dumps([code, settings]).encode()).hexdigest()[:16]


@functools.cache
def _code_that_draws() -> str:
    """Of what makes a picture and its post; not of the contact sheet, or a change of that would draw all again."""
    decide = (draw_picture.__module__, assign_splits.__module__)
    return code_fingerprint(import_closure(*decide, apart_from=["i2v_lib.config"]))  # settings count by their values


def collection_folder(config: Config, parent: Path) -> tuple[Path, str]:
    """Where the demo set of a configuration lies among others, and how it keeps its pixels.

    Parameters
    ----------
    config : its ``pixel_store`` may be "auto": then the store that stands or was begun is kept, else the disk decides
    parent : folder of drawn collections, each named by the settings and the code it is drawn with

    Returns
    -------
    the folder, and "pixels" or "jpeg": both for :func:`draw_collection`
    """
    name = f"collection-{drawn_fingerprint(config)[:8]}"
    places = {"pixels": parent / name, "jpeg": parent / f"{name}-jpeg"}
    store = config.pixel_store
    if store == "auto":
        standing = [name for name, place in places.items() if place.exists() or partial_folder(place).exists()]
        store = standing[0] if standing else choose_store(config.pictures, config.stored_size, places["pixels"])
    if store not in places:
        raise ValueError(f"pixel_store={store!r} is unknown; use auto, {', '.join(places)}")
    return places[store], store


def drawn_with(config: Config, collection: Collection) -> bool:
    """Whether the pictures of a run's collection can be drawn again: the run has drawn it, and did not open it."""
    return collection.drawn and not config.collection


def draw_collection(
    config: Config, folder: Path, processes: int | None = None, progress: bool = True, store: str = "pixels"
) -> Collection:
    """Draw the demo set of a configuration.

    Parameters
    ----------
    config : see :func:`drawn_fingerprint` for the fields that matter
    folder : where the collection goes; must not exist. Interrupted work continues where it stopped
    processes : how many; the pictures do not depend on it. None: one a processor
    progress : whether to show a bar
    store : how pixels are kept, "pixels" or "jpeg"

    Raises
    ------
    FileExistsError
        If the folder exists.
    ValueError
        If ``config.pictures`` is not positive.
    OSError
        If a process that draws was killed, such as by a lack of memory. What was written stays.
    """
    if config.pictures < 1:
        raise ValueError(f"pictures={config.pictures}: use a positive number, or set `collection` to an imported one")
    if folder.exists():
        raise FileExistsError(f"out={str(folder)!r} exists; choose another, or delete it")
    fingerprint, partial = drawn_fingerprint(config), partial_folder(folder)
    journal, begun = partial / "journal.jsonl", {"fingerprint": fingerprint, "store": store}
    if _begun(journal) != begun:
        discard(partial)
        partial.mkdir(parents=True)
        journal.write_text(json.dumps(begun) + "\n", encoding="utf-8")
    drawn = _cut_to_whole_lines(journal)
    writer = store_writer(store, partial, config.stored_size, drawn)
    bar = progress_bar("drawing" if progress else None, config.pictures, drawn)
    with closing(writer), journal.open("a", encoding="utf-8") as log, bar:
        for pictures, posts, truths in _chunks(config, store, drawn, processes or own_processors()):
            for data in pictures:
                writer.append(data)
            writer.flush()
            log.write(json.dumps({"posts": posts, "truths": truths}) + "\n")
            log.flush()
            bar.update(len(pictures))
        writer.finish()
    groups = [post["group"] for record in _records(journal) for post in record["posts"]]
    splits = iter(assign_splits(groups, config.seed, config.validation_share, config.test_share))
    posts = (post | {"split": next(splits)} for record in _records(journal) for post in record["posts"])
    truths = (truth for record in _records(journal) for truth in record["truths"])
    table = table_of(SCHEMA, posts)
    finish_collection(folder, table, "drawn", fingerprint, truths, store, config.stored_size)
    (folder / journal.name).unlink()
    return open_collection(folder)


def _draw_chunk(task: tuple[Config, str, int, int]) -> tuple[list[bytes], list[dict[str, Any]], list[dict[str, Any]]]:
    """Bytes, posts and truths of one chunk; runs in a worker process."""
    config, store, start, stop = task
    pictures, posts, truths = [], [], []
    for index in range(start, stop):
        picture = draw_picture(config, index)
        pictures.append(encode(np.asarray(picture.image), store))
        posts.append(picture.post(config.seed))
        truths.append(picture.truth())
    return pictures, posts, truths


def _chunks(config: Config, store: str, drawn: int, processes: int) -> Iterator[tuple]:
    """Drawn chunks in order, from picture ``drawn`` on: so the store is written from its beginning to its end."""
    starts = range(drawn, config.pictures, CHUNK)
    tasks = [(config, store, start, min(start + CHUNK, config.pictures)) for start in starts]
    if processes == 1 or len(tasks) < 2:
        yield from map(_draw_chunk, tasks)
        return
    with multiprocessing.get_context("spawn").Pool(min(processes, len(tasks))) as pool:
        results = pool.imap(_draw_chunk, tasks)
        for _ in tasks:
            try:
                yield results.next(timeout=PATIENCE)
            except multiprocessing.TimeoutError:
                text = f"no chunk came in {PATIENCE} s: a process was killed, perhaps for want of memory"
                raise OSError(f"{text}; run it again and it continues, with fewer processes") from None


def _begun(journal: Path) -> dict[str, Any] | None:
    """What an interrupted run was drawing, from its journal's first line."""
    if not journal.exists():
        return None
    with journal.open(encoding="utf-8") as lines:
        first = lines.readline()
    return json.loads(first) if first.endswith("}\n") else None


def _cut_to_whole_lines(journal: Path) -> int:
    """Cut off a last line that a kill left unfinished; return how many pictures the others hold."""
    drawn = end = 0
    with journal.open("r+b") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                drawn, end = drawn + len(json.loads(line).get("posts", [])), end + len(line)
        lines.truncate(end)
    return drawn


def _records(journal: Path) -> Iterator[dict[str, Any]]:
    """Chunks of the journal, one at a time: a large set's would not fit memory."""
    with journal.open(encoding="utf-8") as lines:
        next(lines)
        yield from map(json.loads, lines)
