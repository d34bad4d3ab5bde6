"""The pointing game in print: examples, the table, and what it says of heat maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.ndimage import binary_dilation

from i2v_lib.drawn import left_out
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
from i2v_lib.models.serving.heatmaps import peaks
from i2v_lib.show.captions import verdict_of
from i2v_lib.show.heatmaps import ILLUSTRATIONS, overlay, picture_blocks
from i2v_lib.show.paper import SYSTEMS
from i2v_lib.show.style import ANSWER_COLORS, ANSWER_SIGNS
from i2v_lib.show.thumbnails import choose_rows
from i2v_lib.show.typeset import typeset
from i2v_lib.show.wording import NONE, Rows, count, margin, over_interval, percent

MODEL_A = "vgg_a gradient"
SHOWN = {FINEST: "NIN last map", GRADIENT: "NIN gradient", MODEL_A: "A gradient"}  # of the figure
NETWORKS = {"vgg_nin": SYSTEMS["vgg_nin"], "vgg_a": SYSTEMS["vgg_a"], "hash": "Hash network"}
UNTRAINED = {FINEST: f"untrained × {left_out.FACTOR}", GRADIENT: "untrained gradient"}
WORDS = {FINEST: "the last map", GRADIENT: "the gradient", MODEL_A: "the gradient of VGG model A"}


def choose_examples(examples: left_out.ObjectMasks, seed: int) -> np.ndarray:
    """Examples to show, drawn at random without a look at them: int64 array, at most eight, ascending."""
    return choose_rows(np.arange(len(examples)), ILLUSTRATIONS, [seed, ILLUSTRATIONS, len(SHOWN)])


def fig_pointing(examples: left_out.ObjectMasks, maps: Mapping[str, np.ndarray], chosen: np.ndarray) -> Figure:
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


def table_pointing(rows: Rows, image_size: int) -> Figure:
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


def pointing_claims(measured: Mapping[tuple[str, str], Measured]) -> Rows:
    """Two claims and whether they held: "section", "claim", "verdict" and "measured".

    That the last map, and the gradient, point at the thing more often than the picture's center, than the map of
    another picture and than an untrained network's: held if the paired 95 % intervals of all three lie above zero,
    partly if one does.
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
        claims.append(
            {
                "section": "§3.1",
                "claim": f"{WORDS[system][:1].upper()}{WORDS[system][1:]} of VGG + NIN points at what the tag names",
                "verdict": verdict_of([low > 0 for _, low, _ in gaps.values()] or [None]),
                "measured": f"{_share(by_key[system])}; against {beside}" if gaps else "nothing is known of the scenes",
            }
        )
    return claims


def caption_pointing(measured: Mapping[tuple[str, str], Measured], image_size: int, ending: str) -> str:
    """Of the table and the figure."""
    if not measured:
        return f"Not measured: nothing is known of where these illustrations show what. {ending}"
    claims, names = pointing_claims(measured), system_names(image_size)
    against = [
        f"{WORDS[system]} {_points(measured[system, ALL].minus(measured[MODEL_A, ALL]).estimate)}"
        for system in (FINEST, GRADIENT)
        if (MODEL_A, ALL) in measured
    ]
    return (
        " ".join(f"{claim['claim']}: {claim['verdict']} ({claim['measured']})." for claim in claims)
        + (f" Against {names[MODEL_A]}: {', '.join(against)}." if against else "")
        + " A system points at the center of its map's hottest cell, and hits if that is on the thing or within "
        f"{100 * TOLERANCE:.1f} % of the picture's side. {measured[CENTER, ALL].count:,} examples: every general tag "
        "that names something worn on head, face, neck or back, held, or apart from people, with test illustrations "
        "that carry it by the truth, drawn at random whatever a network says of them; recognized: scored above 50 % by "
        "VGG + NIN. The thing's pixels: those that differ when the scene is drawn without it. Last map: before the "
        "average pooling, of pictures drawn at that size; gradient: × activation at an earlier convolution, at the "
        "trained size. Small: 95 % bootstrap intervals over the illustrations, near-duplicates drawn together. "
        f"{ending}"
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
