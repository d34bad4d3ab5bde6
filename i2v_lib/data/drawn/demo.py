"""The demo set as a collection: drawn once, with all processors, resumable."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from tqdm import tqdm

from i2v_lib.config import Config
from i2v_lib.data.collection import SCHEMA, Collection, create_pixels, finish_collection, partial_folder
from i2v_lib.data.drawn.pictures import draw_picture
from i2v_lib.data.fingerprint import code_fingerprint
from i2v_lib.data.splits import assign_splits

CHUNK = 200  # pictures drawn and written together


def drawn_fingerprint(config: Config) -> str:
    """Names the demo set of a configuration: its settings and the code that draws it."""
    code = code_fingerprint(sorted(Path(__file__).parent.glob("*.py")))
    settings = [config.seed, config.pictures, config.characters, config.titles, config.drawers, config.general_noise]
    settings += [config.stored_size, config.validation_share, config.test_share]
    return hashlib.sha256(json.dumps([code, settings]).encode()).hexdigest()[:16]


def _draw_chunk(task: tuple[Config, int, int]) -> tuple[int, np.ndarray, list[dict[str, Any]], list[dict[str, Any]]]:
    """Pixels, posts and truths of one chunk; runs in a worker process."""
    config, start, stop = task
    pixels, posts, truths = [], [], []
    for index in range(start, stop):
        picture = draw_picture(config, index)
        array = np.asarray(picture.image)
        pixels.append(array)
        posts.append(
            {
                "id": f"drawn-{config.seed}-{index:06d}",
                "md5": hashlib.md5(array.tobytes()).hexdigest(),
                "source_url": "",
                "artist": picture.scene.drawer,
                "rating": picture.tags.rating,
                "width": config.stored_size,
                "height": config.stored_size,
                "general": picture.tags.general,
                "copyright": picture.tags.copyright,
                "character": picture.tags.character,
                "group": f"drawn-{config.seed}-{picture.group:06d}",
            }
        )
        truths.append(picture.truth())
    return start, np.stack(pixels), posts, truths


def draw_collection(config: Config, folder: Path, processes: int | None = None, progress: bool = True) -> Collection:
    """Draw the demo set of a configuration.

    Parameters
    ----------
    config : see :func:`drawn_fingerprint` for the fields that matter
    folder : where the collection goes; must not exist. Interrupted work goes on where it stopped
    processes : how many; the pictures do not depend on it. None: one a processor
    progress : whether to show a bar

    Raises
    ------
    ValueError
        If ``config.pictures`` is not positive.
    """
    if config.pictures < 1:
        raise ValueError(f"pictures={config.pictures}: use a positive number, or set `collection` to an imported one")
    fingerprint = drawn_fingerprint(config)
    partial = partial_folder(folder)
    journal = partial / "journal.jsonl"
    done = _finished_chunks(journal, fingerprint)
    if not done:
        shutil.rmtree(partial, ignore_errors=True)
    pixels = create_pixels(folder, config.pictures, config.stored_size)
    starts = [start for start in range(0, config.pictures, CHUNK) if start not in done]
    with journal.open("a", encoding="utf-8") as log:
        if not done:
            log.write(json.dumps({"fingerprint": fingerprint}) + "\n")
        bar = tqdm(total=config.pictures, initial=config.pictures - _count(starts, config), unit=" pictures",
                   desc="drawing", disable=not progress, mininterval=2)  # fmt: skip
        for start, chunk, posts, truths in _chunks(config, starts, processes or os.cpu_count() or 1):
            pixels[start : start + len(chunk)] = chunk
            pixels.flush()
            done[start] = {"start": start, "posts": posts, "truths": truths}
            log.write(json.dumps(done[start]) + "\n")
            log.flush()
            bar.update(len(chunk))
        bar.close()
    posts = [post for start in sorted(done) for post in done[start]["posts"]]
    truths = [truth for start in sorted(done) for truth in done[start]["truths"]]
    splits = assign_splits([p["group"] for p in posts], config.seed, config.validation_share, config.test_share)
    table = pa.Table.from_pylist([post | {"split": split} for post, split in zip(posts, splits, strict=True)], SCHEMA)
    journal.unlink()
    return finish_collection(folder, table, "drawn", fingerprint, truths)


def _count(starts: list[int], config: Config) -> int:
    return sum(min(CHUNK, config.pictures - start) for start in starts)


def _chunks(config: Config, starts: list[int], processes: int) -> Iterator[tuple]:
    """Drawn chunks in any order."""
    tasks = [(config, start, min(start + CHUNK, config.pictures)) for start in starts]
    if processes == 1 or len(tasks) < 2:
        yield from map(_draw_chunk, tasks)
        return
    with multiprocessing.get_context("spawn").Pool(min(processes, len(tasks))) as pool:
        yield from pool.imap_unordered(_draw_chunk, tasks)


def _finished_chunks(journal: Path, fingerprint: str) -> dict[int, dict[str, Any]]:
    """Chunks that an interrupted run of the same settings has already written, by their first picture."""
    if not journal.exists():
        return {}
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    records = [json.loads(line) for line in lines if line.endswith("}\n")]  # a torn last line is not taken
    if not records or records[0] != {"fingerprint": fingerprint}:
        return {}
    return {record["start"]: record for record in records[1:]}
