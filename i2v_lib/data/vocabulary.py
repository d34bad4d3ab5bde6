"""The vocabulary: the most frequent tags of each category, and the targets it turns a collection into."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from i2v_lib.config import Config
from i2v_lib.data.collection import CATEGORIES, RATINGS, Collection


@dataclass(frozen=True)
class Vocabulary:
    """T tags in blocks: general, copyright, character, rating.

    Attributes
    ----------
    tags : T tag names, with spaces; the most frequent first within a block, ratings always all three
    categories : T category names, one a tag, in the order of :data:`~i2v_lib.data.collection.CATEGORIES`
    report : for each category how many tags were ``asked`` for, ``found`` in the training split and
        ``survived`` the floor, and the positives of the ``rarest`` survivor (None without any)
    """

    tags: tuple[str, ...]
    categories: tuple[str, ...]
    report: dict[str, dict[str, int | None]] = field(compare=False)

    def __post_init__(self) -> None:
        order = [CATEGORIES.index(category) for category in self.categories]
        if len(order) != len(self.tags) or order != sorted(order):
            raise ValueError(f"categories: give one a tag, in the order {', '.join(CATEGORIES)}")
        if len(self._positions) != len(self.tags):
            raise ValueError("tags: a name appears twice in one category; keep one of the two")

    def __len__(self) -> int:
        return len(self.tags)

    @cached_property
    def blocks(self) -> dict[str, slice]:
        """Columns of each category; an empty slice where it has no tag."""
        ends = np.cumsum([0] + [self.categories.count(category) for category in CATEGORIES]).tolist()
        return {name: slice(ends[i], ends[i + 1]) for i, name in enumerate(CATEGORIES)}

    @cached_property
    def _positions(self) -> dict[tuple[str, str], int]:
        return {pair: i for i, pair in enumerate(zip(self.tags, self.categories, strict=True))}

    def index(self, tag: str, category: str | None = None) -> int:
        """Column of a tag; a name that stands in two categories needs its category.

        Raises
        ------
        KeyError
            If the vocabulary does not hold the tag.
        ValueError
            If the name stands in several categories and none was given.
        """
        choices = CATEGORIES if category is None else (category,)
        found = [self._positions[tag, name] for name in choices if (tag, name) in self._positions]
        if not found:
            raise KeyError(f"tag {tag!r} is not in the vocabulary ({category or 'any category'}); see .tags")
        if len(found) > 1:
            names = ", ".join(self.categories[i] for i in found)
            raise ValueError(f"tag {tag!r} stands in several categories ({names}); name one with category=")
        return found[0]

    def extended(self, tags: Sequence[str], categories: Sequence[str]) -> Vocabulary:
        """This vocabulary with more tags: each at the end of its category's block, the old ones in their order.

        Raises
        ------
        ValueError
            If a tag is there already, or is a rating, of which there are three.
        """
        for tag, category in zip(tags, categories, strict=True):
            if category not in CATEGORIES[:3]:
                raise ValueError(f"category={category!r} of tag {tag!r}: use one of {', '.join(CATEGORIES[:3])}")
            if (tag, category) in self._positions:
                raise ValueError(f"tag {tag!r} is in the vocabulary already ({category}); leave it out")
        pairs = [*zip(self.tags, self.categories, strict=True), *zip(tags, categories, strict=True)]
        pairs.sort(key=lambda pair: CATEGORIES.index(pair[1]))  # stable: each block keeps its order
        return Vocabulary(*map(tuple, zip(*pairs, strict=True)), self.report)

    @property
    def fingerprint(self) -> str:
        """Names the content: the same tags in the same order give the same string."""
        return hashlib.sha256(json.dumps([self.tags, self.categories]).encode()).hexdigest()[:16]

    def to_json(self) -> str:
        """The vocabulary as JSON text, for a file beside the weights."""
        content = {"tags": self.tags, "categories": self.categories, "report": self.report}
        return json.dumps(content, indent=1, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Vocabulary:
        """Read what :meth:`to_json` wrote."""
        content = json.loads(text)
        return cls(tuple(content["tags"]), tuple(content["categories"]), content["report"])


def build_vocabulary(collection: Collection, config: Config) -> Vocabulary:
    """Take the most frequent tags of each category on the training split, and the three ratings.

    Ties go by name. A tag with fewer than ``config.minimum_positives`` training illustrations is left out, so
    a category may hold fewer tags than asked for; the report says how many.

    Raises
    ------
    ValueError
        If the training split is empty.

    Source: Saito & Matsui 2015, §3.1.
    """
    posts = collection.posts.take(collection.split("train"))
    if not posts.num_rows:
        raise ValueError(f"{collection.folder}: the training split is empty; import more illustrations")
    asked = {
        "general": config.general_tags,
        "copyright": config.copyright_tags,
        "character": config.character_tags,
        "rating": len(RATINGS),
    }
    tags, categories, report = [], [], {}
    for category in CATEGORIES:
        counts = _positives(posts, category)
        if category == "rating":
            kept = list(RATINGS)
        else:
            frequent = [tag for tag in counts if counts[tag] >= config.minimum_positives]
            by_name = sorted(frequent)  # sorting is stable, so ties keep this order
            kept = sorted(by_name, key=counts.get, reverse=True)[: asked[category]]
        tags += kept
        categories += [category] * len(kept)
        report[category] = {
            "asked": asked[category],
            "found": len(counts),
            "survived": len(kept),
            "rarest": min((counts.get(tag, 0) for tag in kept), default=None),
        }
    return Vocabulary(tuple(tags), tuple(categories), report)


def targets(collection: Collection, vocabulary: Vocabulary) -> np.ndarray:
    """Which tags each illustration of a collection carries.

    Returns
    -------
    uint8 array, shape (N, T)
        1 where the illustration (row) has the tag (column), else 0. Tags outside the vocabulary are dropped.
    """
    matrix = np.zeros((len(collection), len(vocabulary)), dtype=np.uint8)
    for category, block in vocabulary.blocks.items():
        rows, names = _pairs(collection.posts, category)
        known = pa.array(vocabulary.tags[block], type=pa.string())
        columns = pc.index_in(names, value_set=known).fill_null(-1).to_numpy(zero_copy_only=False)
        matrix[rows[columns >= 0], block.start + columns[columns >= 0]] = 1
    return matrix


def _pairs(posts: pa.Table, category: str) -> tuple[np.ndarray, pa.Array]:
    """Every (illustration, tag) of a category: row numbers, int64, and the tag names beside them."""
    empty = pa.array([], posts.schema.field(category).type)  # a table without rows may have no chunk
    column = pa.concat_arrays([empty, *posts.column(category).chunks])
    if category == "rating":
        return np.arange(len(column)), column
    return pc.list_parent_indices(column).to_numpy(zero_copy_only=False), pc.list_flatten(column)


def _positives(posts: pa.Table, category: str) -> dict[str, int]:
    """Number of illustrations that carry each tag; one that lists a tag twice counts once."""
    rows, names = _pairs(posts, category)
    table = pa.table({"row": rows, "tag": names}).group_by("tag").aggregate([("row", "count_distinct")])
    return dict(zip(table["tag"].to_pylist(), table["row_count_distinct"].to_pylist(), strict=True))
