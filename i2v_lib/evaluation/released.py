"""Table 2's numbers for given weights on a collection that they were not trained with, tags matched by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from i2v_lib.data.collection import CATEGORIES, Collection
from i2v_lib.data.sidecars import normalize_tag
from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.evaluation.bootstrap import score_systems
from i2v_lib.evaluation.measured import Measured
from i2v_lib.models.tagger import Illustration2Vec
from i2v_lib.system.progress import progress_bar


@dataclass(frozen=True)
class Evaluation:
    """How well a tagger ranks the illustrations of a collection.

    Attributes
    ----------
    scores : system -> category -> mean average precision; the systems are "tagger" and the
        control, "random"
    matched : category -> number of "vocabulary" tags, of those that are "matched" by one in the collection, of the
        collection's "distinct" tags, and the "share" of all its tags as they stand there that is matched, 0 to 1
    illustrations : number of illustrations scored
    """

    scores: dict[str, dict[str, Measured]]
    matched: dict[str, dict[str, float]]
    illustrations: int


def evaluate_weights(
    tagger: Illustration2Vec,
    collection: Collection,
    *,
    split: str | None = "test",
    resamples: int = 1000,
    seed: int = 0,
    progress: bool = True,
) -> Evaluation:
    """Mean average precision of a tagger on a collection, a category each, beside that of random scores.

    A tag of the vocabulary that no illustration has is neither right nor wrong, and is left out of the mean.

    Parameters
    ----------
    tagger : with a tag network
    collection : its stored pictures are warped to what the network sees
    split : "train", "val" or "test"; None for all
    resamples, seed : of the bootstrap over illustrations; see :func:`~i2v_lib.evaluation.bootstrap.score_systems`
    progress : show a progress bar

    Raises
    ------
    ValueError
        If there are no illustrations, or none of their tags is in the vocabulary.

    Source: Saito & Matsui 2015, §4.1 and Table 2.
    """
    rows, targets, matched = _truth(tagger, collection, split)
    logits = np.empty(targets.shape, np.float32)
    with progress_bar("scoring" if progress else None, len(rows)) as bar:
        for i, row in enumerate(tagger.iterate((collection.pixels[row] for row in rows), "logits")):
            logits[i] = row
            bar.update()
    systems = {
        "tagger": logits,
        "random": np.random.default_rng([seed, len(rows)]).standard_normal(targets.shape, np.float32),
    }
    return Evaluation(score_systems(targets, systems, tagger.tag_names.blocks, resamples, seed), matched, len(rows))


def fit_thresholds(
    tagger: Illustration2Vec, collection: Collection, *, split: str | None = "val", progress: bool = True
) -> dict[str, dict[str, int]]:
    """Give a tagger the thresholds of best F0.5, F1 and F2 on a collection's pictures, tags matched by name.

    Parameters
    ----------
    tagger : with a tag network; its ``thresholds`` are set
    collection : that the network was not trained on, or at least not on this split
    split : "train", "val" or "test"; None for all

    Returns
    -------
    category -> "vocabulary", its number of tags, and "fitted", of those with a picture that has them; the others keep
    :data:`i2v_lib.models.serving.thresholds.UNKNOWN`

    Raises
    ------
    ValueError
        If there are no pictures, or none of their tags is in the vocabulary.
    """
    rows, targets, _ = _truth(tagger, collection, split)
    with progress_bar("scoring" if progress else None, len(rows)) as bar:

        def pictures() -> Iterator[np.ndarray]:
            for row in rows:
                yield collection.pixels[row]
                bar.update()

        tagger.fit_thresholds(pictures(), targets)
    blocks = tagger.tag_names.blocks
    return {
        category: {"vocabulary": blocks[category].stop - blocks[category].start, "fitted": int(fitted.sum())}
        for category in CATEGORIES
        for fitted in [targets[:, blocks[category]].any(axis=0)]
    }


def _truth(
    tagger: Illustration2Vec, collection: Collection, split: str | None
) -> tuple[np.ndarray, np.ndarray, dict[str, dict[str, float]]]:
    """Rows of a split, which has which tag of the vocabulary, and how many tags are matched; before any work."""
    rows = np.arange(len(collection)) if split is None else collection.split(split)
    tagger.iterate([], "logits")  # refuses a tagger without tags
    if not len(rows):
        raise ValueError(f"{collection.folder}: its {split} split is empty; give another split")
    targets, matched = match_tags(collection, tagger.tag_names, rows)
    if not sum(numbers["matched"] for numbers in matched.values()):
        raise ValueError(
            f"{collection.folder}: of the {len(rows)} illustrations of {split or 'all splits'} none has a tag "
            "of the vocabulary; give another collection or split, or other weights"
        )
    return rows, targets, matched


def match_tags(
    collection: Collection, vocabulary: Vocabulary, rows: np.ndarray
) -> tuple[np.ndarray, dict[str, dict[str, float]]]:
    """Which tags of a vocabulary illustrations carry, whatever the spelling.

    Tags are the same if their categories are, and their names are but for case and underscores.

    Parameters
    ----------
    rows : int64 array, shape (n,), of the collection

    Returns
    -------
    targets : uint8 array, shape (n, T)
    matched : see :class:`Evaluation`
    """
    targets = np.zeros((len(rows), len(vocabulary)), np.uint8)
    posts, matched = collection.posts.take(rows), {}
    for category in CATEGORIES:
        block = vocabulary.blocks[category]
        columns = _columns(vocabulary, block)
        carried = posts.column(category).to_pylist()
        seen: dict[str, int] = {}
        for i, tags in enumerate(carried):
            for tag in {_plain(tag) for tag in ([tags] if category == "rating" else tags)}:
                seen[tag] = seen.get(tag, 0) + 1
                targets[i, columns.get(tag, [])] = 1
        known = sum(count for tag, count in seen.items() if tag in columns)
        matched[category] = {
            "vocabulary": block.stop - block.start,
            "matched": int(targets[:, block].any(axis=0).sum()),
            "distinct": len(seen),
            "share": known / max(sum(seen.values()), 1),
        }
    return targets, matched


def _columns(vocabulary: Vocabulary, block: slice) -> Mapping[str, list[int]]:
    """Columns of a category's tags by their plain name; two spellings of one name are both meant."""
    columns: dict[str, list[int]] = {}
    for column in range(block.start, block.stop):
        columns.setdefault(_plain(vocabulary.tags[column]), []).append(column)
    return columns


def _plain(tag: str) -> str:
    return normalize_tag(tag).casefold()
