"""Pictures that show what a new tag means: some that have it, and some that have not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from i2v_lib.data.collection import CATEGORIES, Collection, open_collection
from i2v_lib.data.folder import list_pictures
from i2v_lib.data.sidecars import normalize_tag
from i2v_lib.data.vocabulary import Vocabulary, targets

HAS, HAS_NOT, UNKNOWN = 1, 0, -1
WITHOUT = 2000  # pictures that have none of the new tags, at most


class Pictures(Sequence):
    """Files, then rows of a collection: each is read when it is asked for."""

    def __init__(self, files: Sequence[Path], pixels: Any = (), rows: Sequence[int] = ()) -> None:
        self.files, self.pixels, self.rows = files, pixels, rows

    def __len__(self) -> int:
        return len(self.files) + len(self.rows)

    def __getitem__(self, index: int) -> Path | np.ndarray:
        if not 0 <= index < len(self):
            raise IndexError(f"picture {index} of {len(self)}")
        return self.files[index] if index < len(self.files) else self.pixels[self.rows[index - len(self.files)]]


@dataclass(frozen=True)
class TagExamples:
    """N pictures and what is known of K new tags.

    Attributes
    ----------
    tags, categories : K names each
    pictures : N pictures as a tagger takes them: paths, arrays, …
    targets : int8 array, shape (N, K): :data:`HAS`, :data:`HAS_NOT`, or :data:`UNKNOWN`, which teaches nothing
    """

    tags: tuple[str, ...]
    categories: tuple[str, ...]
    pictures: Sequence[Any]
    targets: np.ndarray

    def __post_init__(self) -> None:
        if len(self.tags) != len(self.categories) or not self.tags:
            raise ValueError(f"tags: {len(self.tags)}, and {len(self.categories)} categories; give a category a tag")
        shape = (len(self.pictures), len(self.tags))
        if self.targets.shape != shape or not np.isin(self.targets, (HAS, HAS_NOT, UNKNOWN)).all():
            raise ValueError(f"targets: shape {self.targets.shape}; pass {shape}, each 1 (has), 0 (has not) or -1")


def find_examples(
    source: Path | str,
    tags: Sequence[str] | None = None,
    others: Path | str | None = None,
    without: int = WITHOUT,
    seed: int = 0,
) -> TagExamples:
    """Examples from a collection, or from a folder that holds a folder of pictures for each new tag.

    Parameters
    ----------
    source : the collection or the folder
    tags : which; of a folder all that it holds, when left out
    others : of a folder: a collection or folder with pictures that have none of the tags
    without, seed : see :func:`examples_of_collection`

    Raises
    ------
    FileNotFoundError
        If there is no such place, or no folder of a tag's name in it.
    ValueError
        If tags or others are missing.
    """
    source = Path(source)
    if not source.is_dir():
        raise FileNotFoundError(f"source={str(source)!r} is no folder; give a collection, or a folder of folders")
    if _is_collection(source):
        if not tags:
            raise ValueError("tags=None: say which tags of the collection are to be learned")
        return examples_of_collection(open_collection(source), tags, without=without, seed=seed)
    if others is None:
        raise ValueError("others=None: pictures that have none of the tags are needed; give a collection or a folder")
    if tags is None:
        tags = sorted(path.name for path in source.iterdir() if path.is_dir() and not path.name.startswith("."))
    plain = {tag: tag.removeprefix(f"{split_category(tag)[1]}:") for tag in tags}
    folders = {tag: source / (tag if (source / tag).is_dir() else name) for tag, name in plain.items()}
    missing = [folder.name for folder in folders.values() if not folder.is_dir()]
    if missing or not folders:
        cure = "put the pictures of each tag into a folder of its name"
        raise FileNotFoundError(f"{source} lacks folder {', '.join(missing)}; {cure}")
    general = open_collection(others) if _is_collection(Path(others)) else others
    return examples_of_folders(folders, general, without, seed)


def examples_of_collection(
    collection: Collection,
    tags: Sequence[str],
    most: int | None = None,
    without: int = WITHOUT,
    seed: int = 0,
    rows: np.ndarray | None = None,
) -> TagExamples:
    """Illustrations of a collection that carry the tags, and some that carry none of them.

    Whoever does not carry a tag there is taken to be without it.

    Parameters
    ----------
    collection : its illustrations' tags
    tags : as they stand in the collection; of a name that stands in two categories write "character:name"
    most : illustrations of each tag, drawn at random; all when left out. What is known of others is then not used
    without : illustrations with none of the tags, drawn at random
    seed : of the draws
    rows : int64 array, rows of the collection to take; all when left out

    Raises
    ------
    ValueError
        If no illustration carries a tag, or it stands in several categories.
    """
    pairs = _in_collection(collection, tags)
    carriers, others = draw_rows(collection, pairs, np.arange(len(collection)) if rows is None else rows, without, seed)
    chosen = np.unique(np.concatenate([*(drawn[:most] for drawn in carriers), others]))
    known = np.full((len(chosen), len(pairs)), HAS_NOT, np.int8)
    for column, drawn in zip(known.T, carriers, strict=True):
        column[np.isin(chosen, drawn)] = UNKNOWN
        column[np.isin(chosen, drawn[:most])] = HAS
    pictures = Pictures([], collection.pixels, chosen)
    return TagExamples(*map(tuple, zip(*pairs, strict=True)), pictures, known)


def draw_rows(
    collection: Collection, pairs: Sequence[tuple[str, str]], rows: np.ndarray, without: int, seed: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """Illustrations with each tag, and without any, in random orders.

    Parameters
    ----------
    collection : of N illustrations
    pairs : name and category of K tags
    rows : int64 array, rows of the collection to take
    without : illustrations with none of the tags, at most
    seed : of the draws; another ``without`` changes nothing of the orders

    Returns
    -------
    carriers : K int64 arrays, all rows that carry the tag
    others : int64 array
    """
    rows, order = np.asarray(rows), sorted(pairs, key=lambda pair: CATEGORIES.index(pair[1]))
    known = targets(collection, Vocabulary(*map(tuple, zip(*order, strict=True)), {}))[rows] > 0  # (n, K)
    shuffled = [np.random.default_rng([seed, k]).permutation(len(rows)) for k in range(len(pairs) + 1)]
    carriers = [rows[s[known[s, order.index(pair)]]] for s, pair in zip(shuffled, pairs, strict=False)]
    return carriers, rows[shuffled[-1][~known.any(1)[shuffled[-1]]]][:without]


def examples_of_folders(
    folders: Mapping[str, Path | str], others: Collection | Path | str, without: int = WITHOUT, seed: int = 0
) -> TagExamples:
    """Folders, each with pictures of one new tag, and a general collection or folder without them.

    Of a picture in one tag's folder it is not known whether it has the other tags.

    Parameters
    ----------
    folders : tag -> folder with pictures anywhere below it; "character:name" says the category, which is else general
    others : a collection, or a folder of pictures; an illustration of a collection that carries one of the tags is
        left out
    without : of those, so many, drawn at random
    seed : of the draw

    Raises
    ------
    ValueError
        If a folder holds no pictures.
    """
    pairs = [split_category(tag) for tag in folders]
    own = [_files(folder) for folder in folders.values()]
    stored = isinstance(others, Collection)
    general = _without(others, {name for name, _ in pairs}) if stored else _files(others)
    drawn = np.random.default_rng(seed).choice(len(general), min(without, len(general)), replace=False)
    general = [general[i] for i in np.sort(drawn)]
    matrix = np.full((sum(map(len, own)) + len(general), len(own)), UNKNOWN, np.int8)
    start = 0
    for column, files in enumerate(own):
        matrix[start : start + len(files), column] = HAS
        start += len(files)
    matrix[start:] = HAS_NOT
    files = [file for each in own for file in each]
    pictures = Pictures(files, others.pixels, general) if stored else Pictures(files + general)
    return TagExamples(*map(tuple, zip(*pairs, strict=True)), pictures, matrix)


def split_category(tag: str) -> tuple[str, str]:
    """Name and category of "character:name"; general where none of the paper's categories stands before it."""
    category, colon, name = tag.partition(":")
    name, category = (name, category) if colon and category in CATEGORIES else (tag, CATEGORIES[0])
    return normalize_tag(name), category


def _in_collection(collection: Collection, tags: Sequence[str]) -> list[tuple[str, str]]:
    """Name and category of tags that illustrations carry."""
    carried = {category: {tag for own in collection.column(category) for tag in own} for category in CATEGORIES[:3]}
    pairs = []
    for tag in tags:
        name, category = split_category(tag)
        named = (category,) if tag.startswith(f"{category}:") else CATEGORIES[:3]
        found = [each for each in named if name in carried.get(each, ())]
        if len(found) != 1:
            where = "is carried by no illustration"
            if found:
                where = f"stands in {' and '.join(found)}; write {found[0]}:{name}"
            raise ValueError(f"tags: {tag!r} {where} ({collection.folder})")
        pairs.append((name, found[0]))
    return pairs


def _is_collection(folder: Path) -> bool:
    return (folder / "collection.json").exists()


def _files(folder: Path | str) -> list[Path]:
    files = list(list_pictures(Path(folder).resolve()).values())
    if not files:
        raise ValueError(f"{folder} holds no pictures; put some of the tag there")
    return files


def _without(collection: Collection, tags: set[str]) -> list[int]:
    """Rows that carry none of the tags, in any category."""
    carried = zip(*(collection.column(category) for category in CATEGORIES[:3]), strict=True)
    return [row for row, lists in enumerate(carried) if not any(tags & set(own) for own in lists)]
