"""New tags for a trained network, from as few as 50 pictures each, at no cost to the old ones.

The authors advise to replace the last convolution and to fine-tune. Here the last layer grows by an output a tag and
nothing else changes: the old tags' weights stay the same bits. What the last layer reads is computed once; on it,
each new output is a logistic regression, whose one best solution is found without epochs or a learning rate.

Source: the advice is the authors', given to users of their library; the loss is that of Saito & Matsui 2015, §3.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from PIL import Image
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from torch.nn.functional import interpolate

from i2v_lib.data.duplicates import find_groups, perceptual_hash
from i2v_lib.data.images import BadImageError
from i2v_lib.data.tag_examples import HAS, HAS_NOT, UNKNOWN, TagExamples
from i2v_lib.models.hash_network import HashNetwork
from i2v_lib.models.networks import TagNetwork
from i2v_lib.models.serving.cpu_inference import compute
from i2v_lib.models.serving.thresholds import best_thresholds
from i2v_lib.models.tagger import Illustration2Vec
from i2v_lib.models.tagging.last_layer import check_growable, last_inputs, last_outputs, with_outputs
from i2v_lib.system.progress import progress_bar

FOLDS = 5  # of the cross-validation: each picture is scored by outputs that were learned without it
STRENGTH = 10.0  # inverse of the L2 penalty, for inputs of unit mean square; best of .3 to 300 on other tags
CHECKED = 256  # pictures, at most, on which old logits are compared
SMALL = 32  # pixels of the pictures that are kept to find near-duplicates


@dataclass(frozen=True)
class NewTags:
    """A tagger with a longer vocabulary, and what can be said of its new tags.

    Attributes
    ----------
    tagger : new; the one it was made from stays as it was
    examples : those that were used, N of them; a near-duplicate of a picture that has a tag is not taken as without it
    columns : T columns of the new vocabulary, where the old tags are
    before : float32 array, shape (N, T), logits of the old tags
    after : float32 array, shape (N, K), logits of the new tags, each by outputs that were learned without the picture
    old_change : largest change of an old tag's logit on some of the pictures; its weights are the same bits, so only
        the order of summation differs
    unreadable : an error for each picture that could not be used
    """

    tagger: Illustration2Vec
    examples: TagExamples
    columns: list[int]
    before: np.ndarray
    after: np.ndarray
    old_change: float
    unreadable: list[BadImageError]


def add_tags(tagger: Illustration2Vec, examples: TagExamples, *, seed: int = 0, progress: bool = True) -> NewTags:
    """Teach a tagger new tags.

    Of K tags each is learned from the pictures that are known to have it or not to have it, and from their mirror
    images; what is not known teaches nothing. Confidences suppose that a tag is as frequent as among these pictures.

    Parameters
    ----------
    tagger : of a VGG + NIN, a VGG model A or a hash network, the authors' or ours; it stays as it was
    examples : see :mod:`i2v_lib.data.tag_examples`
    seed : of the folds
    progress : show progress bars

    Returns
    -------
    NewTags
        Its ``tagger`` has the new tags at the ends of their categories' blocks; ``tagger.save(path)`` keeps it. If the
        old one has thresholds, the new one has them too, those of the new tags from the cross-validation.

    Raises
    ------
    ValueError
        If a tag is in the vocabulary already, or has too few pictures; or if the network cannot grow.
    """
    network, old = tagger.network, tagger.tag_names
    vocabulary = old.extended(examples.tags, examples.categories)
    columns = [vocabulary.index(*pair) for pair in zip(old.tags, old.categories, strict=True)]
    added = [vocabulary.index(*pair) for pair in zip(examples.tags, examples.categories, strict=True)]
    check_growable(network)
    _check_enough(examples, np.arange(len(examples.pictures)))
    inputs, examples, groups, unreadable = _read(tagger, examples, progress)
    _check_enough(examples, groups)
    targets, rows = examples.targets, []
    after = np.full(targets.shape, np.nan, np.float32)
    with progress_bar("learning" if progress else None, int((targets != UNKNOWN).sum()), unit="labels") as bar:
        for k, column in enumerate(targets.T):
            known = np.flatnonzero(column != UNKNOWN)
            has = column[known] == HAS
            for learned, held in _folds(has, groups[known], seed):
                weights, bias = fit_output(inputs[known[learned]], has[learned])
                after[known[held], k] = inputs[known[held], 0] @ weights + bias
            rows.append(fit_output(inputs[known], has))
            bar.update(len(known))
    learned_weights, learned_bias = (torch.from_numpy(np.array(each, np.float32)) for each in zip(*rows, strict=True))
    grown = with_outputs(network, learned_weights, learned_bias, columns, added)
    thresholds = tagger.thresholds
    if thresholds is not None:
        thresholds = np.empty((len(vocabulary), thresholds.shape[1]))
        thresholds[columns], thresholds[added] = tagger.thresholds, _thresholds(targets, after)
    new = tagger.with_network(grown, vocabulary, thresholds)
    checked = [examples.pictures[i] for i in range(0, len(targets), -(-len(targets) // CHECKED))]
    change = np.abs(new.logits(checked)[:, columns] - tagger.logits(checked)).max()
    return NewTags(new, examples, columns, last_outputs(network, inputs[:, 0]), after, float(change), unreadable)


def fit_output(inputs: np.ndarray, has: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights and bias of one new output: of least sigmoid cross-entropy, with a penalty of the weights' squares.

    Inputs are centered and divided by their root mean square, so that one strength of the penalty does for any network.

    Parameters
    ----------
    inputs : float32 array, shape (n, V, D), V views of each of n pictures, from :func:`read_inputs`
    has : bool array, shape (n,), some of each

    Returns
    -------
    weights : float32 array, shape (D,)
    bias : float
    """
    n, views, width = inputs.shape
    x = inputs.reshape(n * views, width)
    mean = x.mean(0)
    x = x - mean
    scale = np.sqrt(np.square(x).sum(1).mean()) + np.float32(1e-12)
    model = LogisticRegression(C=STRENGTH / views, max_iter=1000)
    model.fit(x / scale, np.repeat(has, views))
    weights = (model.coef_[0] / scale).astype(np.float32)
    return weights, float(model.intercept_[0] - weights @ mean)


def read_inputs(network: TagNetwork | HashNetwork, images: torch.Tensor, views: int = 2) -> np.ndarray:
    """What the last layer reads of pictures, (N, 3, S, S), and of their mirror images: float32 array, (N, views, D)."""
    seen = [compute(partial(last_inputs, network), view) for view in (images, images.flip(3))[:views]]
    return torch.stack(seen, 1).float().cpu().numpy()


def _read(
    tagger: Illustration2Vec, examples: TagExamples, progress: bool
) -> tuple[np.ndarray, TagExamples, np.ndarray, list[BadImageError]]:
    """Inputs of the usable pictures, these pictures, and a number each that near-duplicates share; and the errors."""
    inputs, small, errors = [], [], []
    with progress_bar("reading" if progress else None, len(examples.pictures)) as bar:
        for batch in tagger.batches(examples.pictures):
            errors += batch.errors
            if len(batch.images):
                inputs.append(read_inputs(tagger.network, batch.images.to(tagger.device)))
                reduced = interpolate(batch.images.float(), (SMALL, SMALL), mode="area")
                small.append(reduced.round().byte().permute(0, 2, 3, 1).numpy())
            bar.update(len(batch.errors))
    usable = [i for i, error in enumerate(errors) if error is None]
    if not usable:
        raise ValueError(
            f"none of the {len(errors)} pictures can be used; the first: {next(filter(None, errors), None)}"
        )
    pixels = np.concatenate(small)
    hashes = [perceptual_hash(Image.fromarray(picture)) for picture in pixels]
    groups = np.array(find_groups([picture.tobytes() for picture in pixels], hashes, pixels))
    targets = examples.targets[usable].copy()
    for column in targets.T:  # a general collection may hold the very pictures that were gathered for a tag
        column[np.isin(groups, groups[column == HAS]) & (column == HAS_NOT)] = UNKNOWN
    pictures = examples.pictures if len(usable) == len(errors) else [examples.pictures[i] for i in usable]
    kept = replace(examples, pictures=pictures, targets=targets)
    return np.concatenate(inputs), kept, groups, list(filter(None, errors))


def _check_enough(examples: TagExamples, groups: np.ndarray) -> None:
    """Refuse a tag that cannot be cross-validated."""
    for tag, column in zip(examples.tags, examples.targets.T, strict=True):
        for value, words in ((HAS, "with"), (HAS_NOT, "without")):
            count = len(np.unique(groups[column == value]))
            if count < FOLDS:
                raise ValueError(
                    f"tag {tag!r}: {count} usable pictures {words} it, near-duplicates counted once; give at least "
                    f"{FOLDS}, better 50"
                )


def _folds(has: np.ndarray, groups: np.ndarray, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows to learn from and rows held out, five times, near-duplicates together."""
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    return folds.split(has, has, groups)


def _thresholds(targets: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Best thresholds of each new tag on the pictures of which it is known: (K, 3)."""
    found = []
    for column, scores in zip(targets.T, expit(logits.astype(float)).T, strict=True):
        known = column != UNKNOWN
        found.append(best_thresholds(column[known, None], scores[known, None])[0])
    return np.array(found)
