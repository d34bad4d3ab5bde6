"""The paper's figures, and those of the kit: one function each, from numbers to a Matplotlib figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from i2v_lib.data.collection import CATEGORIES
from i2v_lib.show.paper import SYSTEMS
from i2v_lib.show.style import (
    ANSWER_COLORS,
    ANSWER_SIGNS,
    CATEGORY_COLORS,
    CATEGORY_MARKERS,
    MODEL_COLORS,
    MODEL_MARKERS,
    ONE_COLUMN,
    TWO_COLUMNS,
    shorten,
)
from i2v_lib.show.thumbnails import CELL, axes_at, thumbnail
from i2v_lib.show.wording import Rows


def fig2_tags(rows: Rows, images: np.ndarray) -> Figure:
    """Fig. 2: each picture with its tags of highest confidence as bars, right and wrong ones marked.

    Parameters
    ----------
    rows : from :func:`~i2v_lib.show.numbers.fig2_rows`; where "right" is None, nothing is known, and nothing marked
    images : uint8 array, shape (n, S, S, 3), in the order of the rows
    """
    per_row, row_height, top = 3, 1.38, 0.02
    blocks = [list(block) for _, block in groupby(rows, key=lambda row: row["id"])]
    lines = -(-len(blocks) // per_row)
    height = lines * row_height + top + 0.14
    fig = plt.figure(figsize=(TWO_COLUMNS, height))
    column = TWO_COLUMNS / per_row
    for i, (image, block) in enumerate(zip(images, blocks, strict=True)):
        x, y = (i % per_row) * column, top + (i // per_row) * row_height  # inches from the top left
        thumbnail(fig, image, block[0]["id"], x, y)
        bars = axes_at(fig, x + CELL + 0.05, y, column - CELL - 0.09, CELL)
        bars.set(xlim=(0, 120), ylim=(len(block), 0))
        bars.axis("off")
        for line, row in enumerate(block):
            color, sign = ANSWER_COLORS[row["right"]], ANSWER_SIGNS.get(row["right"], "")
            hatch = "//////" if row["right"] is False else None
            words = {"size": 6.5, "va": "center_baseline", "parse_math": False}
            bars.text(0, line + 0.34, f"{sign} {shorten(row['tag'], 17)}".lstrip(), **words)
            bars.text(120, line + 0.76, f"{row['confidence']:.0f}", ha="right", **words)
            track, bar = {"color": "0.9"}, {"facecolor": color, "edgecolor": "white", "hatch": hatch}
            bars.barh(line + 0.76, 100, 0.24, **track)
            bars.barh(line + 0.76, row["confidence"], 0.24, linewidth=0, **bar)
    signs = f"{ANSWER_SIGNS[True]} the illustration carries the tag    {ANSWER_SIGNS[False]} it does not    "
    known = any(row["right"] is not None for row in rows)
    legend = f"{signs if known else ''}Bars: confidence (%)" if rows else "no illustration to show"
    fig.text(0.5, 0.04 / height, legend, ha="center", size=7)
    return fig


def learning_curves(histories: Mapping[str, Sequence[Mapping]]) -> Figure:
    """Training loss and validation mAP of each category after every epoch.

    Parameters
    ----------
    histories : network -> a dictionary an epoch: "epoch", "loss" and "map" (category -> 0 to 1)
    """
    fig, axes = plt.subplots(1, 5, figsize=(TWO_COLUMNS, 1.9), layout="constrained")
    for network, history in histories.items():
        epochs = [entry["epoch"] for entry in history]
        look = {"color": MODEL_COLORS[network], "marker": MODEL_MARKERS[network], "label": SYSTEMS[network]}
        axes[0].plot(epochs, [entry["loss"] for entry in history], **look)
        for ax, category in zip(axes[1:], CATEGORIES, strict=True):
            values = [entry["map"].get(category) for entry in history]
            ax.plot(epochs, [np.nan if v is None else 100 * v for v in values], **look)
    axes[0].set(title="training", ylabel="loss (nats an image)")
    axes[1].set_ylabel("validation mAP (%)")
    for ax, category in zip(axes[1:], CATEGORIES, strict=True):
        ax.set_title(category)
        if not np.isfinite(ax.dataLim.y1):
            ax.text(0.5, 0.5, "no tags", ha="center", va="center", transform=ax.transAxes)
            ax.axis("off")
    for ax in axes:
        ax.set_ylim(0, 1.08 * max(ax.dataLim.y1, 0.1))
        ax.xaxis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=1))
        ax.set_xlabel("epoch")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(histories))
    return fig


def fig_collection(images: np.ndarray, ids: Sequence[str]) -> Figure:
    """Contact sheet: pictures in cells of 224 pixels, six in a row, the id under each.

    Parameters
    ----------
    images : uint8 array, shape (n, S, S, 3)
    ids : n names
    """
    per_row, step_y = 6, CELL + 0.17
    step_x = (TWO_COLUMNS - CELL) / (per_row - 1)
    fig = plt.figure(figsize=(TWO_COLUMNS, -(-len(images) // per_row) * step_y + 0.02))
    for i, (image, name) in enumerate(zip(images, ids, strict=True)):
        thumbnail(fig, image, name, (i % per_row) * step_x, 0.02 + (i // per_row) * step_y)
    return fig


def tag_frequencies(positives: Mapping[str, Sequence[int]]) -> Figure:
    """How often each tag of the vocabulary occurs, by rank, on logarithmic axes.

    Parameters
    ----------
    positives : category -> number of training illustrations of each of its tags
    """
    fig, ax = plt.subplots(figsize=(ONE_COLUMN, 2.5), layout="constrained")
    for category, counts in positives.items():
        ranked = np.sort(np.asarray(counts))[::-1]
        look = {"color": CATEGORY_COLORS[category], "marker": CATEGORY_MARKERS[category], "label": category}
        ax.plot(np.arange(1, len(ranked) + 1), ranked, markersize=2.5, linewidth=0.8, rasterized=True, **look)
    ax.set(xscale="log", yscale="log", xlabel="rank of the tag in its category", ylabel="training illustrations")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter("{x:,.0f}")
        axis.set_minor_formatter(NullFormatter())
    fig.legend(loc="outside upper center", ncols=4, handlelength=1, handletextpad=0.4, columnspacing=1)
    return fig
