"""What a tagger makes of a folder's pictures, computed once each and kept in chunks, so that a kill loses little."""

from __future__ import annotations

import hashlib
import json
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from i2v_lib.data.duplicates import perceptual_hash
from i2v_lib.data.images import BadImageError, read_bytes
from i2v_lib.models.checkpoints import weights_digest
from i2v_lib.models.serving.picture_batches import THREADS, read_picture
from i2v_lib.models.tagger import Illustration2Vec
from i2v_lib.system.files import discard_unfinished, whole
from i2v_lib.system.progress import progress_bar

VERSION = 1  # raise it when the same pictures and weights would give other numbers
SMALL = 64  # pixels a side of the pictures that are kept

FileKey = tuple[str, int, int]  # relative name, bytes, time of change in nanoseconds


@dataclass(frozen=True)
class Extracted:
    """N usable pictures of a folder, in the order of its files.

    Attributes
    ----------
    names : N relative paths as text
    digests : N SHA-256 of the files
    looks : N perceptual hashes, None for a flat picture
    places : of each picture, the chunk that holds it, and its row there
    skipped : (relative path, reason) of each file that is no usable picture
    computed : how many pictures were computed now, not found
    """

    names: list[str]
    digests: list[str]
    looks: list[int | None]
    places: list[tuple[Path, int]]
    skipped: list[tuple[str, str]]
    computed: int

    def array(self, name: str) -> np.ndarray:
        """Numbers of all pictures, N rows.

        Parameters
        ----------
        name : "logits", float32 (N, T); "features", the hash layer before its sigmoid, float32 (N, B); or "pixels",
            uint8 (N, 64, 64, 3), RGB
        """
        rows_of: dict[Path, list[tuple[int, int]]] = {}
        for i, (chunk, row) in enumerate(self.places):
            rows_of.setdefault(chunk, []).append((i, row))
        found = None
        for chunk, pairs in rows_of.items():
            with np.load(chunk) as file:
                values = file[name]
            if found is None:
                found = np.empty((len(self.places), *values.shape[1:]), values.dtype)
            to, rows = np.transpose(pairs)
            found[to] = values[rows]
        return np.empty((0, 0)) if found is None else found


def extract(tagger: Illustration2Vec, files: Mapping[str, Path], folder: Path, progress: bool = True) -> Extracted:
    """Compute what is not there yet, a chunk of pictures at a time.

    A file that has its name, size and time of change is not read again; one whose content was seen under another name
    is not computed again. After a kill the same call goes on behind the last whole chunk.

    Parameters
    ----------
    tagger : with both networks
    files : relative path as text -> path
    folder : of the chunks; each weights need their own, named by :func:`tagger_digest`
    progress : show a progress bar

    Raises
    ------
    OSError
        If the chunks cannot be written.
    """
    store = _Store(folder)
    keys = {name: _key(name, path) for name, path in files.items()}
    todo = [name for name, key in keys.items() if key not in store.files]
    computed = 0
    with progress_bar("pictures" if progress else None, len(keys), done=len(keys) - len(todo)) as bar:
        for chunk in _read_ahead(tagger, store, {name: files[name] for name in todo}):
            computed += store.add(tagger, [(keys[name], *found) for name, found in chunk])
            bar.update(len(chunk))
    return store.collect(keys, computed)


def tagger_digest(tagger: Illustration2Vec) -> str:
    """Name what decides a tagger's numbers: weights, tags, and how pictures are made ready."""
    if tagger.vocabulary is None:
        raise ValueError("tagger has no tags; make one with both networks")
    settings = [VERSION, tagger.vocabulary.fingerprint, tagger.image_size, tagger.stored_size, tagger.alpha]
    settings.append(weights_digest(tagger.network, tagger.feature_network))
    return hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:16]


class _Store:
    """Chunks on disk, and an index of them in memory: by file, and by content."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[FileKey, dict[str, Any]] = {}
        self.places: dict[str, tuple[Path, int]] = {}
        discard_unfinished(folder)
        for path in sorted(folder.glob("*.npz")):
            try:
                with np.load(path) as file:
                    entries = json.loads(file["entries"].tobytes())
            except OSError:
                continue  # which says nothing of its content
            except (ValueError, KeyError, EOFError, zipfile.BadZipFile):
                path.unlink(missing_ok=True)  # a failing disk's: chunks are written whole. It is computed again
                continue
            self._note(path, entries)
        # A copy knows no more than where the same content was computed; where that is gone, it is read again.
        self.files = {k: e for k, e in self.files.items() if e["reason"] or e["sha256"] in self.places}

    def _note(self, path: Path, entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            self.files[tuple(entry["file"])] = entry
            if entry["row"] is not None:
                self.places.setdefault(entry["sha256"], (path, entry["row"]))

    def add(self, tagger: Illustration2Vec, read: list[tuple[FileKey, str, np.ndarray | BadImageError | None]]) -> int:
        """Compute what is new among files that were read, write a chunk, and return how many pictures were new."""
        entries: list[dict[str, Any]] = []
        pictures: list[np.ndarray] = []
        seen = set(self.places)
        for key, sha256, found in read:
            entry: dict[str, Any] = {"file": key, "sha256": sha256, "row": None, "look": None, "reason": None}
            if isinstance(found, BadImageError):
                entry["reason"] = found.reason
            elif found is not None and sha256 not in seen:
                seen.add(sha256)
                look = perceptual_hash(Image.fromarray(found))
                entry |= {"row": len(pictures), "look": None if look is None else f"{look:016x}"}
                pictures.append(found)
            entries.append(entry)
        arrays: dict[str, Any] = {}
        if pictures:
            small = (Image.fromarray(p).resize((SMALL, SMALL), Image.Resampling.LANCZOS) for p in pictures)
            arrays["pixels"] = np.stack([np.asarray(image) for image in small])
            arrays |= {"logits": tagger.logits(pictures), "features": tagger.extract_feature(pictures)}
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{uuid.uuid4().hex}.npz"  # two who work on one folder never meet
        # what could not be opened may be opened next time, so it is not remembered
        kept = [entry for entry in entries if entry["reason"] != "unreadable"]
        if kept:
            with whole(path) as file:
                np.savez(file, entries=np.frombuffer(json.dumps(kept).encode(), np.uint8), **arrays)
        self._note(path, entries)
        return len(pictures)

    def collect(self, keys: Mapping[str, FileKey], computed: int) -> Extracted:
        """What is known of a folder's files."""
        looks = {entry["sha256"]: entry["look"] for entry in self.files.values() if entry["row"] is not None}
        usable, skipped = [], []
        for name, key in keys.items():
            entry = self.files[key]
            if entry["reason"]:
                skipped.append((name, entry["reason"]))
            else:
                usable.append((name, entry["sha256"]))
        return Extracted(
            names=[name for name, _ in usable],
            digests=[sha256 for _, sha256 in usable],
            looks=[None if looks[sha256] is None else int(looks[sha256], 16) for _, sha256 in usable],
            places=[self.places[sha256] for _, sha256 in usable],
            skipped=skipped,
            computed=computed,
        )


def _key(name: str, path: Path) -> FileKey:
    """What tells whether a file has changed."""
    try:
        status = path.stat()
    except OSError:  # a link that leads nowhere
        return (name, -1, -1)
    return (name, status.st_size, status.st_mtime_ns)


def _read_ahead(
    tagger: Illustration2Vec, store: _Store, files: Mapping[str, Path]
) -> Iterator[list[tuple[str, tuple[str, np.ndarray | BadImageError | None]]]]:
    """Chunks of files, read by threads while the one before is computed: (name, (SHA-256, picture or error))."""

    def read(path: Path) -> tuple[str, np.ndarray | BadImageError | None]:
        sha256 = ""
        try:
            data = read_bytes(path)
            sha256 = hashlib.sha256(data).hexdigest()
            known = sha256 in store.places
            return sha256, None if known else read_picture(data, tagger.stored_size, tagger.alpha)
        except BadImageError as error:
            return sha256, error

    names = iter(files)
    with ThreadPoolExecutor(THREADS) as pool:

        def submit() -> list[tuple[str, Future]]:
            return [(name, pool.submit(read, files[name])) for name in islice(names, tagger.batch_size)]

        try:
            waiting = submit()
            while waiting:
                following = submit()
                yield [(name, future.result()) for name, future in waiting]
                waiting = following
        finally:
            pool.shutdown(cancel_futures=True)
