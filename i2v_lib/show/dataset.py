"""The dataset in print (§3.1): its illustrations and tags, what was left out, and which tags occur together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from i2v_lib.data.collection import CATEGORIES, SPLITS, Collection
from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.run import Run
from i2v_lib.show import paper
from i2v_lib.show.exhibit import Exhibit
from i2v_lib.show.style import CATEGORY_COLORS, CATEGORY_MARKERS, ONE_COLUMN, TWO_COLUMNS, shorten
from i2v_lib.show.thumbnails import CELL, choose_rows, pictures, thumbnail
from i2v_lib.show.typeset import typeset
from i2v_lib.show.wording import Rows, count, percent

NOTEBOOK = "01_data_collection.ipynb"
ON_SHEET = 24  # illustrations of the contact sheet
SHOWN = 30  # tags of the co-occurrence figure


def collection_numbers(collection: Collection) -> dict[str, int | float]:
    """What a collection holds: illustrations, near-duplicates, artists and tags."""
    numbers: dict[str, int | float] = {"illustrations": len(collection)}
    numbers |= {f"{name} illustrations": len(collection.split(name)) for name in SPLITS}
    numbers["near-duplicates"] = len(collection) - len(set(collection.column("group")))
    numbers["artists"] = len(set(collection.column("artist")) - {"", None})
    for category in CATEGORIES[:3]:
        lists = collection.column(category)
        numbers[f"{category} tags, distinct"] = len({tag for tags in lists for tag in tags})
        numbers[f"{category} tags an illustration"] = round(sum(map(len, lists)) / max(len(lists), 1), 2)
    return numbers


def fig_collection(run: Run) -> Exhibit:
    """Contact sheet of training illustrations, drawn at random and not picked; the numbers are their ids."""
    collection = run.collection()
    shown = choose_rows(collection.split("train"), ON_SHEET, run.config.seed)
    ids = [collection.column("id")[i] for i in shown]
    found = collection_numbers(collection)
    caption = (
        f"{found['character tags, distinct']:,} characters by {found['artists']:,} artists. "
        f"{len(ids)} training illustrations, drawn at random and not picked."
    )
    fig = draw_sheet(pictures(run.config, collection, shown), ids)
    return Exhibit("fig_collection", fig, ids, caption, notebook=NOTEBOOK)


def draw_sheet(images: np.ndarray, ids: Sequence[str]) -> Figure:
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


def vocabulary_rows(vocabulary: Vocabulary) -> Rows:
    """How many tags of each category were asked for and survived, beside the paper's number (§3.1)."""
    return [
        {"category": category, **report, "paper": paper.VOCABULARY[category]}
        for category, report in vocabulary.report.items()
    ]


def table_vocabulary(run: Run) -> Exhibit:
    """How many tags of each category were found, asked for and kept."""
    rows = vocabulary_rows(run.vocabulary())
    return Exhibit("table_vocabulary", draw_vocabulary(rows), rows, caption_vocabulary(rows), notebook=NOTEBOOK)


def draw_vocabulary(rows: Rows) -> Figure:
    """How many tags of each category the vocabulary holds, from ``vocabulary_rows``."""
    keys = ["found", "asked", "survived", "rarest", "paper"]
    cells = [[row["category"], *(count(row[key]) for key in keys)] for row in rows]
    return typeset(["category", "found", "asked", "kept", "rarest", "paper"], cells, width=ONE_COLUMN)


def caption_vocabulary(rows: Rows) -> str:
    """Of the vocabulary's table."""
    kept = ", ".join(f"{row['survived']:,} {row['category']}" for row in rows)
    return (
        f"The vocabulary has {sum(row['survived'] for row in rows):,} tags ({kept}), the paper's 1,539. "
        "Tags found in the training split, asked for and kept; rarest: training illustrations of the rarest "
        f"one kept."
    )


def fig_tag_frequencies(run: Run) -> Exhibit:
    """How often each tag of the vocabulary occurs; the numbers are the training illustrations of each, by category."""
    targets = run.targets()[run.collection().split("train")]
    positives = {name: targets[:, block].sum(axis=0).tolist() for name, block in run.vocabulary().blocks.items()}
    fig = draw_frequencies(positives)
    return Exhibit("fig_tag_frequencies", fig, positives, caption_frequencies(positives), notebook=NOTEBOOK)


def draw_frequencies(positives: Mapping[str, Sequence[int]]) -> Figure:
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


def caption_frequencies(positives: Mapping[str, Sequence[int]]) -> str:
    """Of the tag frequencies."""
    counts = sorted(positives["general"], reverse=True)
    claim = "No general tag is frequent enough."
    if counts:
        half = int(np.searchsorted(np.cumsum(counts), sum(counts) / 2)) + 1
        claim = f"Tags are long-tailed: {half} of {len(counts)} general tags make up half of all general tags."
    return f"{claim} Training illustrations of each tag of the vocabulary, by rank."


def dataset_rows(collection: Collection, vocabulary: Vocabulary) -> Rows:
    """What became of every post that was seen, and what the collection holds, beside the paper's numbers.

    Returns
    -------
    dictionaries with "section", "what", "here" and "paper" (None where the paper tells nothing)
        A drawn collection, and one made before accounts were kept, has seen what it holds.
    """
    kept = collection.accounting() or {"seen": len(collection), "skipped": {}}
    rows = [_row("source", "posts or files seen", kept["seen"])]
    skipped = sorted(kept["skipped"].items(), key=lambda item: (-item[1], item[0]))
    rows += [_row("source", f"left out: {reason.replace('_', ' ')}", count) for reason, count in skipped]
    rows.append(_row("source", "illustrations", len(collection), paper.ILLUSTRATIONS))
    rows += [_row("splits", f"{name} illustrations", len(collection.split(name))) for name in SPLITS]
    safe = np.asarray(collection.posts.column("rating"))[collection.split("test")] == "safe"
    rows.append(_row("splits", "safe dataset (§4.2)", int(safe.sum()), paper.SAFE_DATASET))
    groups = np.unique(np.asarray(collection.posts.column("group")), return_counts=True)[1]
    rows.append(_row("splits", "near-duplicates of another", int((groups - 1).sum())))
    rows.append(_row("splits", "largest group of near-duplicates", int(groups.max(initial=0))))
    for category in CATEGORIES[:3]:
        asked = paper.VOCABULARY[category]
        rows.append(_row("tags", f"{category} tags in the vocabulary", vocabulary.report[category]["survived"], asked))
    known = len(paper.TABLE3) - len(missing_table3(vocabulary))
    rows.append(_row("tags", "of Table 3's tags in the vocabulary", known, len(paper.TABLE3)))
    return rows


def missing_table3(vocabulary: Vocabulary) -> list[str]:
    """General tags of the paper's Table 3 that the vocabulary does not hold."""
    return sorted(set(paper.TABLE3) - set(vocabulary.tags[vocabulary.blocks["general"]]))


def table_dataset(run: Run) -> Exhibit:
    """The dataset report: every post that was seen is an illustration, or counted with the reason why it is not."""
    rows, missing = dataset_rows(run.collection(), run.vocabulary()), missing_table3(run.vocabulary())
    return Exhibit("table_dataset", draw_dataset(rows), rows, caption_dataset(rows, missing), notebook=NOTEBOOK)


def draw_dataset(rows: Rows) -> Figure:
    """The dataset report, from :func:`dataset_rows`."""
    sections = [row["section"] for row in rows]
    rules = [i for i in range(1, len(rows)) if sections[i] != sections[i - 1]]
    cells = [[row["what"], count(row["here"]), count(row["paper"])] for row in rows]
    return typeset(["", "here", "paper"], cells, rules=rules, width=ONE_COLUMN)


def caption_dataset(rows: Rows, missing: list[str]) -> str:
    """Of the dataset report."""
    number = {row["what"]: row["here"] for row in rows}
    seen, used = number["posts or files seen"], number["illustrations"]
    absent = f"; not in the vocabulary: {', '.join(missing)}" if missing else ""
    known = len(paper.TABLE3) - len(missing)
    return (
        f"{used:,} of {seen:,} became illustrations; {known} of Table 3's {len(paper.TABLE3)} tags can be "
        f"learned{absent}."
    )


def cooccurrence_rows(targets: np.ndarray, vocabulary: Vocabulary, shown: int = SHOWN) -> Rows:
    """How often the most frequent general tags occur together.

    Parameters
    ----------
    targets : uint8 array, shape (N, T), of the training illustrations
    shown : tags, the most frequent ones

    Returns
    -------
    a dictionary a pair of different tags: "tag", "other", "share", the percentage of the tag's illustrations that carry
    the other too, and "chance", that of all illustrations
        Tags that occur together stand together, by average linkage of their correlations.
    """
    block = vocabulary.blocks["general"]
    positives = targets[:, block].astype(np.float64)
    some = np.flatnonzero(positives.sum(axis=0))[:shown]  # the vocabulary is sorted by frequency
    positives, names = positives[:, some], [vocabulary.tags[block.start + t] for t in some]
    order = _cluster(positives)
    together, alone = positives.T @ positives, positives.sum(axis=0)
    return [
        {
            "tag": names[i],
            "other": names[j],
            "share": percent(together[i, j] / alone[i]),
            "chance": percent(alone[j] / len(positives)),
        }
        for i in order
        for j in order
        if i != j
    ]


def fig_cooccurrence(run: Run) -> Exhibit:
    """Which of the most frequent general tags occur together in the training illustrations."""
    rows = cooccurrence_rows(run.targets()[run.collection().split("train")], run.vocabulary())
    fig = draw_cooccurrence(rows)
    return Exhibit("fig_cooccurrence", fig, rows, caption_cooccurrence(rows), notebook=NOTEBOOK)


def draw_cooccurrence(rows: Rows) -> Figure:
    """Which tags occur together, from :func:`cooccurrence_rows`: each line a tag, each column another."""
    names = list(dict.fromkeys(row["tag"] for row in rows))
    place = {name: i for i, name in enumerate(names)}
    shares = np.full((len(names), len(names)), np.nan)
    for row in rows:
        shares[place[row["tag"]], place[row["other"]]] = row["share"]
    fig, ax = plt.subplots(figsize=(TWO_COLUMNS, 5.9 if names else 1), layout="constrained")
    if not names:
        ax.text(0.5, 0.5, "too few general tags to occur together", ha="center", va="center")
        ax.axis("off")
        return fig
    ax.set_facecolor("0.85")  # the diagonal
    image = ax.imshow(shares, vmin=0, vmax=100)
    labels = [shorten(name, 22) for name in names]
    words = {"parse_math": False}
    ax.set_xticks(range(len(names)), labels, rotation=90, **words)
    ax.set_yticks(range(len(names)), labels, **words)
    ax.set(xlabel="also carries", ylabel="an illustration that carries")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    fig.colorbar(image, ax=ax, label="illustrations (%)", shrink=0.6, aspect=30)
    return fig


def caption_cooccurrence(rows: Rows) -> str:
    """Of the co-occurrences: the pair furthest above chance leads."""
    claim = "Too few tags to occur together."
    if rows:
        top = max(rows, key=lambda row: (row["share"] - row["chance"], row["tag"]))
        claim = (
            f"{top['share']:.0f} % of the illustrations with *{top['tag']}* also carry *{top['other']}*; "
            f"of all illustrations {top['chance']:.0f} % do."
        )
    return f"{claim} The most frequent general tags of the training split; like tags stand together."


def _cluster(positives: np.ndarray) -> list[int]:
    """Order of tags, shape (N, n), such that those that occur together are neighbors."""
    if positives.shape[1] < 3:
        return list(range(positives.shape[1]))
    spread = np.where(positives.std(axis=0) > 0, positives.std(axis=0), 1)
    scaled = (positives - positives.mean(axis=0)) / spread
    distances = np.clip(1 - scaled.T @ scaled / len(positives), 0, 2)
    np.fill_diagonal(distances, 0)
    tree = linkage(squareform(distances, checks=False), "average", optimal_ordering=True)
    return leaves_list(tree).tolist()


def _row(section: str, what: str, here: int, theirs: int | None = None) -> dict[str, Any]:
    return {"section": section, "what": what, "here": here, "paper": theirs}
