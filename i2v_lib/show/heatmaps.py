"""Heat maps in print: where a network saw an illustration's top tags, and whether it points at what they name.

It is long because each of its three exhibits stands beside the numbers, the drawing and the caption it is made of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from scipy.ndimage import binary_dilation

from i2v_lib.config import Config
from i2v_lib.data.collection import Collection
from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.drawn import left_out
from i2v_lib.evaluation.claims import Claim, lies, verdict_of
from i2v_lib.evaluation.measured import Measured
from i2v_lib.evaluation.pointing import (
    ALL,
    CENTER,
    FINEST,
    GRADIENT,
    OTHERS,
    RANDOM,
    RECOGNIZED,
    TOLERANCE,
    hit,
    near_objects,
)
from i2v_lib.models.networks import REDUCTION
from i2v_lib.models.serving.heatmaps import gradient_map, peaks, resize
from i2v_lib.models.tagger import Illustration2Vec
from i2v_lib.run import Run
from i2v_lib.show.exhibit import Exhibit
from i2v_lib.show.paper import SYSTEMS
from i2v_lib.show.style import ANSWER_COLORS, ANSWER_SIGNS, TWO_COLUMNS
from i2v_lib.show.tag_prediction import fig2_rows
from i2v_lib.show.thumbnails import choose_rows, pictures, thumbnail
from i2v_lib.show.typeset import typeset
from i2v_lib.show.wording import NONE, Rows, count, margin, over_interval, percent

NOTEBOOK = "03_tag_prediction.ipynb"
ILLUSTRATIONS, TAGS = 8, 3  # of the figure, and heat maps beside each
HEAT = 0.75  # share of the heat's color at the hottest place of an overlay

MODEL_A = "vgg_a gradient"
SHOWN = {FINEST: "NIN last map", GRADIENT: "NIN gradient", MODEL_A: "A gradient"}  # of the figure
NETWORKS = {"vgg_nin": SYSTEMS["vgg_nin"], "vgg_a": SYSTEMS["vgg_a"], "hash": "Hash network"}
UNTRAINED = {FINEST: f"untrained × {left_out.FACTOR}", GRADIENT: "untrained gradient"}
WORDS = {FINEST: "the last map", GRADIENT: "the gradient", MODEL_A: "the gradient of VGG model A"}

Block = list[tuple[np.ndarray, str, str, str]]  # pictures side by side: (picture, name, second line, border's color)


def choose_illustrations(collection: Collection, seed: int) -> np.ndarray:
    """Test illustrations to show, drawn at random without a look at them: at most eight rows of the collection.

    Of an imported or collected set only those rated safe are drawn.
    """
    test = collection.split("test")
    if not collection.drawn:
        test = test[np.asarray(collection.posts.column("rating"))[test] == "safe"]
    return choose_rows(test, ILLUSTRATIONS, [seed, ILLUSTRATIONS, TAGS])


def seen_pictures(config: Config, collection: Collection, rows: np.ndarray) -> np.ndarray:
    """What the networks see of illustrations, the center: those of the drawn set drawn larger, any others as stored.

    Parameters
    ----------
    config : of the run
    collection : of the run
    rows : int64 array, shape (n,), of the collection

    Returns
    -------
    uint8 array, shape (n, S, S, 3)
    """
    images, stored = (
        pictures(config, collection, rows, config.stored_size * left_out.FACTOR),
        collection.pixels.shape[1],
    )
    factor = images.shape[1] // stored
    corner = (stored - config.image_size) // 2
    cut = slice(corner * factor, (corner + config.image_size) * factor)
    return np.ascontiguousarray(images[:, cut, cut])


def heatmap_rows(ids: Sequence[str], logits: np.ndarray, targets: np.ndarray, vocabulary: Vocabulary) -> Rows:
    """General tags of highest confidence of n illustrations, from :func:`~i2v_lib.show.tag_prediction.fig2_rows`.

    At most three per illustration. Each has "id", "tag", "confidence" (percent), "right", and "column", its own in the
    vocabulary.
    """
    rows = fig2_rows(list(ids), logits, targets, vocabulary, TAGS)
    return [row | {"column": vocabulary.index(row["tag"], "general")} for row in rows]


def tag_columns(rows: Rows) -> np.ndarray:
    """Columns of the tags of :func:`heatmap_rows`, for :mod:`i2v_lib.models.serving.heatmaps`: int64, (n, k)."""
    return np.array([[row["column"] for row in own] for own in _by_illustration(rows)], np.int64)


def heat_of(tagger: Illustration2Vec, collection: Collection, chosen: np.ndarray, rows: Rows) -> np.ndarray:
    """Where a tagger saw the tags of :func:`heatmap_rows`, by gradient × activation.

    Parameters
    ----------
    tagger : of the vocabulary that the rows are from
    collection : of the run
    chosen : int64 array, shape (n,), from :func:`choose_illustrations`
    rows : of these illustrations

    Returns
    -------
    float32 array, shape (n, k, h, w), k tags each; of no tags (0, 0, 1, 1)
    """
    if not rows:
        return np.empty((0, 0, 1, 1), np.float32)
    images = torch.cat(list(tagger.prepare(collection.pixels[row] for row in chosen)))
    return gradient_map(tagger.network, images, tag_columns(rows))


def fig_heatmaps(run: Run, tagger: Illustration2Vec, logits: np.ndarray) -> Exhibit:
    """Test illustrations, drawn at random and not picked, each beside the heat of its three top tags.

    Parameters
    ----------
    run : of the test illustrations
    tagger : VGG + NIN
    logits : float array, shape (N, T), of VGG + NIN for the test illustrations
    """
    collection, shown = run.collection(), choose_illustrations(run.collection(), run.config.seed)
    ids, of_test = [collection.column("id")[i] for i in shown], np.searchsorted(collection.split("test"), shown)
    rows = heatmap_rows(ids, logits[of_test], run.targets()[shown], run.vocabulary())
    heat = heat_of(tagger, collection, shown, rows)
    fig = draw_heatmaps(rows, seen_pictures(run.config, collection, shown), heat)
    caption = caption_heatmaps(rows, "gradient × activation", heat.shape[-1])
    return Exhibit("fig_heatmaps", fig, rows, caption, notebook=NOTEBOOK)


def draw_heatmaps(rows: Rows, images: np.ndarray, maps: np.ndarray) -> Figure:
    """Each picture beside the heat maps of its top tags, colored where the network saw the tag.

    Parameters
    ----------
    rows : from :func:`heatmap_rows`
    images : uint8 array, shape (n, S, S, 3), such as from :func:`seen_pictures`
    maps : float32 array, shape (n, k, h, w), such as from :func:`heat_of`
    """
    blocks = []
    for image, own, heats in zip(images if rows else (), _by_illustration(rows), maps, strict=True):
        block = [(image, own[0]["id"], "", "0.75")]
        for row, heat in zip(own, heats, strict=True):
            sign, color = ANSWER_SIGNS[row["right"]], ANSWER_COLORS[row["right"]]
            block.append((overlay(image, heat), f"{sign} {row['tag']}", f"{row['confidence']:.0f} %", color))
        blocks.append(block)
    signs = f"{ANSWER_SIGNS[True]} the illustration carries the tag    {ANSWER_SIGNS[False]} it does not"
    return picture_blocks(blocks, f"{signs}    %: confidence    Yellow: the hottest place; gray: the colder half")


def caption_heatmaps(rows: Rows, how: str, side: int) -> str:
    """Of the figure.

    Parameters
    ----------
    rows : from :func:`heatmap_rows`
    how : where the heat comes from, such as "the last map of VGG + NIN at 256 px"
    side : cells of a map along its side
    """
    right = sum(row["right"] for row in rows)
    shown = len({row["id"] for row in rows})
    return (
        f"Where VGG + NIN saw the general tags of highest confidence of {shown} test illustrations, drawn at "
        f"random and not picked; {right} of {len(rows)} tags are right as far as tags were published. Heat: {how}, "
        f"{side} × {side} cells, "
        "interpolated; colors from the median of each map to its maximum, so that they compare places, not tags."
    )


def overlay(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A grey picture, colored by heat: grey over the colder half of the map, bright yellow at its hottest place.

    Parameters
    ----------
    image : uint8 array, shape (S, S, 3)
    heat : float array, shape (h, w)

    Returns
    -------
    uint8 array, shape (S, S, 3)
    """
    large = resize(heat.astype(np.float32), image.shape[0])
    low, high = np.median(large), large.max()
    scaled = np.clip((large - low) / max(float(high - low), 1e-12), 0, 1)
    grey = image @ np.array([0.299, 0.587, 0.114])
    share = HEAT * np.sqrt(scaled)[:, :, None]
    mixed = (1 - share) * grey[:, :, None] + share * 255 * plt.get_cmap("viridis")(scaled)[:, :, :3]
    return mixed.round().astype(np.uint8)


def _by_illustration(rows: Rows) -> list[Rows]:
    """Rows of each illustration, in their order."""
    return [list(own) for _, own in groupby(rows, key=lambda row: row["id"])]


def picture_blocks(blocks: Sequence[Block], legend: str) -> Figure:
    """Blocks of a picture and three more, two blocks in a row, over a legend."""
    size, gap, line = 0.79, 0.03, 0.093  # inches
    pitch, column = size + 2 * line + 0.12, TWO_COLUMNS - 4 * size - 6 * gap
    height = 0.02 + -(-len(blocks) // 2) * pitch + 0.14
    fig = plt.figure(figsize=(TWO_COLUMNS, height))
    for i, block in enumerate(blocks):
        y = 0.02 + (i // 2) * pitch
        for k, (image, name, more, color) in enumerate(block):
            x = (i % 2) * column + k * (size + gap) + 3 * gap * (k > 0)
            thumbnail(fig, image, name, x, y, size, color)
            where = {"x": (x + size / 2) / TWO_COLUMNS, "y": 1 - (y + size + 0.02 + line) / height}
            fig.text(s=more, size=6, color="0.3", ha="center", va="top", parse_math=False, **where)
    fig.text(0.5, 0.04 / height, legend if blocks else "no illustration to show", ha="center", size=7)
    return fig


def choose_examples(examples: left_out.ObjectMasks, seed: int) -> np.ndarray:
    """Examples to show, drawn at random without a look at them: int64 array, at most eight, ascending."""
    return choose_rows(np.arange(len(examples)), ILLUSTRATIONS, [seed, ILLUSTRATIONS, len(SHOWN)])


def fig_pointing(
    run: Run,
    examples: left_out.ObjectMasks,
    maps: Mapping[str, np.ndarray],
    measured: Mapping[tuple[str, str], Measured],
) -> Exhibit:
    """Examples of the pointing game, drawn at random and not picked.

    Parameters
    ----------
    run : of the examples
    examples, maps : see :func:`draw_pointing`
    measured : from :func:`~i2v_lib.evaluation.pointing.measure_pointing`, of all examples
    """
    fig = draw_pointing(examples, maps, choose_examples(examples, run.config.seed))
    rows, caption = pointing_rows(measured), caption_pointing(measured, run.config.image_size)
    return Exhibit("fig_pointing", fig, rows, caption, pointing_claims(measured), notebook=NOTEBOOK)


def table_pointing(run: Run, measured: Mapping[tuple[str, str], Measured]) -> Exhibit:
    """How often each system points at the object, and the claims about it; as :func:`fig_pointing`."""
    rows, side = pointing_rows(measured), run.config.image_size
    fig, caption = draw_pointing_table(rows, side), caption_pointing(measured, side)
    return Exhibit("table_pointing", fig, rows, caption, pointing_claims(measured), notebook=NOTEBOOK)


def draw_pointing(examples: left_out.ObjectMasks, maps: Mapping[str, np.ndarray], chosen: np.ndarray) -> Figure:
    """Examples of the pointing game: the object outlined, and where three systems point.

    Parameters
    ----------
    examples : from :func:`~i2v_lib.drawn.left_out.draw_object_masks`
    maps : from :func:`~i2v_lib.evaluation.pointing.heat_maps`, with the systems of :data:`SHOWN`
    chosen : int64 array, shape (m,), from :func:`choose_examples`
    """
    blocks = []
    for example in chosen:
        image, mask = examples.drawn[example], examples.masks[example]
        block = [(outlined(image, mask), examples.tags[example], examples.ids[example], "0.75")]
        near = near_objects(mask[None])
        for system, words in SHOWN.items():
            heat = maps[system][example]
            right = bool(hit(near, peaks(heat[None]))[0])
            shown = dotted(outlined(overlay(image, heat), mask), peaks(heat))
            block.append((shown, f"{ANSWER_SIGNS[right]} {words}", "", ANSWER_COLORS[right]))
        blocks.append(block)
    on, off = ANSWER_SIGNS[True], ANSWER_SIGNS[False]
    return picture_blocks(blocks, f"{on} the hottest cell (dot) is on the thing (outline) or close    {off} it is not")


def outlined(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The picture with a white line around an object, bool array, shape (S, S), and a black line around that."""
    width = max(1, image.shape[0] // 128)
    inner = binary_dilation(mask, iterations=width)
    painted = image.copy()
    painted[binary_dilation(inner, iterations=width) & ~inner] = 0
    painted[inner & ~mask] = 255
    return painted


def dotted(image: np.ndarray, point: np.ndarray) -> np.ndarray:
    """The picture with a dot at a point, float array, shape (2,): x and y as shares of its side."""
    side = image.shape[0]
    y, x = (np.mgrid[:side, :side] + 0.5) / side
    distance, painted = np.hypot(x - point[0], y - point[1]), image.copy()
    for radius, color in ((0.055, (0, 0, 0)), (0.042, (255, 255, 255)), (0.03, (213, 94, 0))):
        painted[distance < radius] = color
    return painted


def pointing_rows(measured: Mapping[tuple[str, str], Measured]) -> Rows:
    """Of each system among some examples: "system", "among", "hits" with "low" and "high" (percent), "examples"."""
    rows = []
    for (system, among), found in measured.items():
        shares = dict(zip(("hits", "low", "high"), map(percent, found.estimate), strict=True))
        rows.append({"system": system, "among": among, **shares, "examples": found.count})
    return rows


def system_names(image_size: int) -> dict[str, str]:
    """Names of the systems for print, in the order of the table; ``image_size`` is the trained one, in pixels."""

    def last(factor: int) -> str:
        side = image_size * factor
        return f"last map, {side} px ({side // REDUCTION} × {side // REDUCTION})"

    gradient = f"gradient, {image_size} px"
    return {
        **{f"vgg_nin × {factor}": f"{NETWORKS['vgg_nin']}, {last(factor)}" for factor in (1, 2, left_out.FACTOR)},
        **{f"{name} gradient": f"{words}, {gradient}" for name, words in NETWORKS.items()},
        UNTRAINED[FINEST]: f"Untrained, {last(left_out.FACTOR)}",
        UNTRAINED[GRADIENT]: f"Untrained, {gradient}",
        **{other: f"Another picture's {SHOWN[system]}" for other, system in OTHERS.items()},
        CENTER: "The picture's center",
        RANDOM: "Anywhere (chance)",
    }


def draw_pointing_table(rows: Rows, image_size: int) -> Figure:
    """How often each system points at the thing, from :func:`pointing_rows`: a line a system, a column a place."""
    by_key, names = {(row["system"], row["among"]): row for row in rows}, system_names(image_size)
    among, sizes = (ALL, RECOGNIZED, *left_out.PLACES), {row["among"]: row["examples"] for row in rows}
    shown = [system for system in names if not rows or (system, ALL) in by_key]
    cells = [["examples", *(count(sizes.get(column, 0)) for column in among)]]
    cells += [[names[system], *(_cell(by_key.get((system, column))) for column in among)] for system in shown]
    kinds = [_kind(system) for system in shown]
    rules = [1 + i for i, kind in enumerate(kinds) if i == 0 or kind != kinds[i - 1]]
    spans = [(3, 2 + len(left_out.PLACES), "where the thing is")]
    return typeset(["points at the thing (%)", *among], cells, spans=spans, rules=rules, breaks=(1, 3))


def pointing_claims(measured: Mapping[tuple[str, str], Measured]) -> list[Claim]:
    """That the last map, and the gradient, point at the object more often than what knows nothing of the picture.

    Three parts each: than the picture's center, than the map of another picture, than an untrained network's, by the
    paired 95 % intervals.
    """
    by_key = {system: found for (system, among), found in measured.items() if among == ALL}
    others = {system: other for other, system in OTHERS.items()}
    claims = []
    for system in (FINEST, GRADIENT):
        rivals = {
            CENTER: "the picture's center",
            others[system]: "another picture's map",
            UNTRAINED[system]: "an untrained network",
        }
        gaps = {rival: by_key[system].minus(by_key[rival]).estimate for rival in rivals if rival in by_key}
        beside = ", ".join(f"{rivals[rival]} {_points(gap)}" for rival, gap in gaps.items())
        claim = f"{WORDS[system][:1].upper()}{WORDS[system][1:]} of VGG + NIN points at what the tag names"
        verdict = verdict_of([lies((low, high), above=0) for _, low, high in gaps.values()])
        shares = f"{_share(by_key[system])}; against {beside}" if gaps else "nothing is known of the scenes"
        claims.append(Claim("§3.1", claim, verdict, shares))
    return claims


def caption_pointing(measured: Mapping[tuple[str, str], Measured], image_size: int) -> str:
    """Of the table and the figure."""
    if not measured:
        return "Not measured: nothing is known of where these illustrations show what."
    claims, names = pointing_claims(measured), system_names(image_size)
    against = [
        f"{WORDS[system]} {_points(measured[system, ALL].minus(measured[MODEL_A, ALL]).estimate)}"
        for system in (FINEST, GRADIENT)
        if (MODEL_A, ALL) in measured
    ]
    return (
        " ".join(claim.sentence for claim in claims)
        + (f" Against {names[MODEL_A]}: {', '.join(against)}." if against else "")
        + " A system points at the center of its map's hottest cell, and hits if that is on the thing or within "
        f"{100 * TOLERANCE:.1f} % of the picture's side. {measured[CENTER, ALL].count:,} examples: every general tag "
        "that names something worn on head, face, neck or back, held, or apart from people, with test illustrations "
        "that carry it by the truth, drawn at random whatever a network says of them; recognized: scored above 50 % by "
        "VGG + NIN. The thing's pixels: those that differ when the scene is drawn without it. Last map: before the "
        "average pooling, of pictures drawn at that size; gradient: × activation at an earlier convolution, at the "
        "trained size. Small: 95 % bootstrap intervals over the illustrations, near-duplicates drawn together."
    )


def _share(found: Measured) -> str:
    return f"{100 * found.value:.1f} % of examples"


def _points(gap: Sequence[float]) -> str:
    return f"{margin(*(100 * value for value in gap))} points"


def _kind(system: str) -> str:
    """Systems of one kind stand together in the table."""
    if system.partition(" ")[0] not in NETWORKS:
        return "control"
    return "gradient" if system.endswith("gradient") else "last map"


def _cell(row: Mapping[str, Any] | None) -> str:
    return NONE if row is None else over_interval(row["hits"], row["low"], row["high"], 0)
