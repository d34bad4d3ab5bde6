"""How well new tags are learned, against how many pictures of each are given; and what becomes of the old ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from i2v_lib.data.batches import evaluation_batches
from i2v_lib.data.collection import Collection
from i2v_lib.data.stores import PackedPixels
from i2v_lib.data.tag_examples import HAS, UNKNOWN, WITHOUT, Pictures, draw_rows
from i2v_lib.data.vocabulary import Vocabulary, targets
from i2v_lib.evaluation.bootstrap import draw_counts, resampled_average_precision, score_systems
from i2v_lib.evaluation.measured import SHARE, Measured
from i2v_lib.evaluation.metrics import average_precision
from i2v_lib.models.networks import TagNetwork
from i2v_lib.models.tagger import Illustration2Vec
from i2v_lib.models.tagging.last_layer import last_outputs
from i2v_lib.models.tagging.new_tags import NewTags, fit_output, read_inputs
from i2v_lib.system.progress import progress_bar

SIZES = (10, 25, 50, 100, 200)  # pictures of each new tag
TRAINED, UNTRAINED, STAND_IN = "trained", "untrained", "stand-in"
NEW = "new"  # the only block of the new tags' scores
BATCH = 64


class NewTagScore(NamedTuple):
    """Average precision of one new tag by cross-validation on the pictures it was learned from, 0 to 1.

    Attributes
    ----------
    tag, category : its names
    pictures, without : how many of the pictures have it, and have it not
    stand_in : of the old tags the one that ranks these pictures best: chosen in its own favor
    before, after : average precision of the stand-in and of the new tag, resampled over the pictures
    """

    tag: str
    category: str
    pictures: int
    without: int
    stand_in: str
    before: Measured
    after: Measured

    @property
    def chance(self) -> float:
        """Average precision of a random order, nearly: the share of the pictures that have the tag."""
        return self.pictures / (self.pictures + self.without)


@dataclass(frozen=True)
class Curve:
    """Mean average precision of new tags on test illustrations, against the number of pictures given.

    Attributes
    ----------
    tags : K names
    positives : K numbers of test illustrations
    chance : float64 array, shape (K,), shares of the test illustrations
    scores : (system, pictures) -> mean average precision; the systems are "trained",
        "untrained" (the control) and "stand-in", the old tag that ranks the most given pictures best
    ap : (system, pictures) -> float64 array, shape (K,)
    stand_ins : K old tags
    """

    tags: list[str]
    positives: list[int]
    chance: np.ndarray
    scores: dict[tuple[str, int], Measured]
    ap: dict[tuple[str, int], np.ndarray]
    stand_ins: list[str]


def score_new_tags(learned: NewTags | None, old: Vocabulary, resamples: int = 1000, seed: int = 0) -> list[NewTagScore]:
    """What each new tag is worth on pictures that it was not learned from, before and after.

    Before, there is no such tag; what one can do is to look at an old one, so the best of them stands in.

    Parameters
    ----------
    learned : from :func:`~i2v_lib.models.tagging.new_tags.add_tags`; nothing gives no scores
    old : vocabulary of the tagger before
    resamples, seed : of the bootstrap over pictures
    """
    scores: list[NewTagScore] = []
    if learned is None:
        return scores
    for k, (tag, category) in enumerate(zip(learned.examples.tags, learned.examples.categories, strict=True)):
        known = learned.examples.targets[:, k] != UNKNOWN
        has = learned.examples.targets[known, k, None] == HAS
        best = best_column(learned.before[known], has[:, 0])
        counts = draw_counts(len(has), resamples, seed)
        found = []
        for logits in (learned.before[known, best, None], learned.after[known, k, None]):
            value = float(average_precision(has, logits)[0])
            found.append(Measured(value, resampled_average_precision(has, logits, counts)[0], SHARE, 1))
        scores.append(NewTagScore(tag, category, int(has.sum()), int((~has).sum()), old.tags[best], *found))
    return scores


def old_logits(tagger: Illustration2Vec, learned: NewTags | None, collection: Collection) -> dict[str, np.ndarray]:
    """Logits of the old tags on the test split, "before" and "after" new ones were added: float32 arrays, (n, T)."""
    test = Pictures([], collection.pixels, collection.split("test").tolist())
    before = tagger.logits(test)
    return {"before": before, "after": before if learned is None else learned.tagger.logits(test)[:, learned.columns]}


def held_out_tags(collection: Collection, vocabulary: Vocabulary, count: int = 10) -> list[str]:
    """General tags that the vocabulary lacks, and that enough training illustrations carry to learn them.

    Nobody picks: they are evenly spaced from the most to the least frequent one. Enough is the largest of
    :data:`SIZES` of which there are ``count`` such tags, or else the least of them; near-duplicates count once.

    Returns
    -------
    list of str
        "general:name", as :mod:`i2v_lib.data.tag_examples` takes them; at most ``count``, none if none is frequent.
    """
    known = set(vocabulary.tags[vocabulary.blocks["general"]])
    carriers: dict[str, dict[str, set[str]]] = {"train": {}, "test": {}}
    for split, group, tags in zip(*map(collection.column, ("split", "group", "general")), strict=True):
        for tag in set(tags) - known if split in carriers else ():
            carriers[split].setdefault(tag, set()).add(group)
    pictures = {tag: len(groups) for tag, groups in carriers["train"].items() if tag in carriers["test"]}
    ranked = sorted(pictures, key=lambda tag: (-pictures[tag], tag))
    for size in reversed(SIZES):
        frequent = [tag for tag in ranked if pictures[tag] >= size]
        if len(frequent) >= count:
            break
    places = np.linspace(0, len(frequent) - 1, min(count, len(frequent))).round().astype(int)
    return [f"general:{frequent[place]}" for place in places]


def learning_curve(
    networks: Mapping[str, TagNetwork],
    collection: Collection,
    vocabulary: Vocabulary,
    tags: Sequence[str],
    image_size: int,
    resamples: int = 1000,
    seed: int = 0,
) -> Curve | None:
    """Learn tags from more and more training illustrations, and score them on the test split.

    The illustrations of a tag are those that :func:`~i2v_lib.data.tag_examples.examples_of_collection` draws with the
    same seed, so that fewer are among more; those without stay the same.

    Parameters
    ----------
    networks : "trained" and "untrained" -> network in eval mode, with the vocabulary's outputs
    collection, vocabulary : of the run
    tags : from :func:`held_out_tags`; without any there is no curve
    image_size : side of the pictures that the networks see, in pixels
    resamples, seed : of the bootstrap over test illustrations; the seed draws the given ones too
    """
    if not tags:
        return None
    pairs = [(tag.partition(":")[2], "general") for tag in tags]
    carriers, others = draw_rows(collection, pairs, collection.split("train"), WITHOUT, seed)
    sizes = [size for size in SIZES if size <= min(map(len, carriers))]
    pool = np.unique(np.concatenate([*(drawn[: sizes[-1]] for drawn in carriers), others]))
    test = collection.split("test")
    names, categories = zip(*pairs, strict=True)
    truth = targets(collection, Vocabulary(names, categories, {}))[test]
    given = [[np.searchsorted(pool, np.concatenate([drawn[:n], others])) for n in sizes] for drawn in carriers]
    has = [np.arange(n + len(others)) < n for n in sizes]
    logits: dict[tuple[str, int], np.ndarray] = {}
    best: list[int] = []
    for system, network in networks.items():
        inputs = _inputs(network, collection.pixels, pool, image_size, f"reading, {system}")
        seen = _inputs(network, collection.pixels, test, image_size, f"testing, {system}", views=1)[:, 0]
        for i, n in enumerate(sizes):
            rows = [fit_output(inputs[each[i]], has[i]) for each in given]
            logits[system, n] = np.stack([seen @ weights + bias for weights, bias in rows], 1)
        if system == TRAINED:
            old = last_outputs(network, inputs[:, 0])
            best = [best_column(old[each[-1]], has[-1]) for each in given]
            logits[STAND_IN, sizes[-1]] = last_outputs(network, seen)[:, best]
    scored = score_systems(truth, logits, {NEW: slice(0, len(tags))}, resamples, seed)
    return Curve(
        list(names),
        truth.sum(0).tolist(),
        truth.mean(0),
        {key: scored[key][NEW] for key in logits},
        {key: average_precision(truth, each) for key, each in logits.items()},
        [vocabulary.tags[column] for column in best],
    )


def best_column(logits: np.ndarray, has: np.ndarray) -> int:
    """Column of the tag whose logits, (N, T), rank those pictures first that have another tag, bool array (N,)."""
    return int(average_precision(np.repeat(has[:, None], logits.shape[1], 1), logits).argmax())


def _inputs(
    network: TagNetwork,
    pixels: np.ndarray | PackedPixels,
    rows: np.ndarray,
    image_size: int,
    progress: str,
    views: int = 2,
) -> np.ndarray:
    """What the last layer reads of the centers of pictures, and of their mirror images: float32, (n, views, D)."""
    found = []
    with progress_bar(progress, len(rows)) as bar:
        for images in evaluation_batches(pixels, rows, BATCH, image_size):
            found.append(read_inputs(network, images.to(network.mean.device), views))
            bar.update(len(images))
    return np.concatenate(found)
