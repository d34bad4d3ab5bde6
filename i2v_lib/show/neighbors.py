"""Fig. 3: illustrations with their nearest neighbors by binary codes (§4.2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from i2v_lib.data.collection import Collection
from i2v_lib.show.numbers import Rows, choose_rows
from i2v_lib.show.style import ANSWER_COLORS, ANSWER_SIGNS, TWO_COLUMNS, shorten
from i2v_lib.show.tables import NONE
from i2v_lib.show.thumbnails import thumbnail

QUERIES, TOP = 8, 3  # of Fig. 3
HEADINGS = ("query", "nearest", "2nd nearest", "3rd nearest")


def choose_queries(illustrations: int, seed: int) -> np.ndarray:
    """Nodes to show in Fig. 3, drawn at random without a look at them: ascending, at most eight."""
    return choose_rows(np.arange(illustrations), QUERIES, [seed, QUERIES])


def fig3_rows(
    collection: Collection,
    rows: np.ndarray,
    indices: np.ndarray,
    distances: np.ndarray,
    characters: Sequence[frozenset[str]],
    queries: np.ndarray,
) -> Rows:
    """Each query, then its nearest neighbors with their distance and the published tags in common.

    Parameters
    ----------
    collection : the illustrations
    rows : int64 array, shape (n,): those that are searched
    indices, distances : arrays, shape (n, K): neighbors of each, nearest first
    characters : n sets: who is shown
    queries : int64 array, shape (Q,), 0 to n - 1

    Returns
    -------
    list of dict
        "query", "rank" (0 is the query itself), "row" (of the collection), "id", "source_url", "distance" (bits),
        "same_character" (None for the query, and where it shows none) and "tags": characters first, then titles, then
        general tags, the rarest first.
    """
    columns = {name: collection.column(name) for name in ("id", "source_url", "character", "copyright", "general")}
    frequency = Counter(tag for tags in columns["general"] for tag in tags)
    found = []
    for query in queries:
        cast = characters[query]
        for rank, node in enumerate([query, *indices[query, :TOP]]):
            mine, its = rows[query], rows[node]
            both = {name: set(columns[name][mine]) & set(columns[name][its]) for name in ("character", "copyright")}
            general = set(columns["general"][mine]) & set(columns["general"][its])
            tags = [*sorted(both["character"]), *sorted(both["copyright"])]
            found.append(
                {
                    "query": columns["id"][mine],
                    "rank": rank,
                    "row": int(its),
                    "id": columns["id"][its],
                    "source_url": columns["source_url"][its] or None,
                    "distance": int(distances[query, rank - 1]) if rank else 0,
                    "same_character": bool(cast & characters[node]) if rank and cast else None,
                    "tags": [*tags, *sorted(general, key=lambda tag: (frequency[tag], tag))],
                }
            )
    return found


def fig3_neighbors(rows: Rows, images: np.ndarray) -> Figure:
    """Fig. 3: each query and its three nearest, with distances and the tags in common; ids link to their sources.

    Parameters
    ----------
    rows : from :func:`fig3_rows`
    images : uint8 array, shape (len(rows), S, S, 3), in the order of the rows
    """
    known = any(row["same_character"] is not None for row in rows)
    size, gap, line, lines, top = 0.79, 0.03, 0.093, 5, 0.17  # inches, and lines of text under a picture
    pitch, column = size + lines * line + 0.15, TWO_COLUMNS - 4 * size - 6 * gap
    blocks = [list(block) for _, block in groupby(zip(rows, images, strict=True), key=lambda pair: pair[0]["query"])]
    height = top + -(-len(blocks) // 2) * pitch + 0.14
    fig = plt.figure(figsize=(TWO_COLUMNS, height))

    def write(text, x, y, **style):
        fig.text(x / TWO_COLUMNS, 1 - y / height, text, ha="center", va="top", parse_math=False, **style)

    for i, block in enumerate(blocks):
        y = top + (i // 2) * pitch
        for row, image in block:
            rank = row["rank"]
            x = (i % 2) * column + rank * (size + gap) + 3 * gap * (rank > 0)
            if i < 2:
                write(HEADINGS[rank], x + size / 2, 0.04, size=7)
            color = ANSWER_COLORS[row["same_character"]]
            thumbnail(fig, image, row["id"], x, y, size, color, row["source_url"])
            for n, (text, weight) in enumerate(_words(row, lines - 1, known), start=1):
                write(text, x + size / 2, y + size + 0.02 + n * line, size=6, weight=weight)
    signs = f"{ANSWER_SIGNS[True]} a character in common    {ANSWER_SIGNS[False]} none    {NONE} the query shows none"
    bits = "Bits: Hamming distance; below: tags shared with the query"
    legend = f"{signs}    {bits}" if known else bits
    write(legend if rows else "no illustration to show", TWO_COLUMNS / 2, height - 0.13, size=7)
    return fig


def _words(row, lines, known):
    """What stands under a picture's id, at most so many lines: (text, weight of the type)."""
    sign = f"{ANSWER_SIGNS.get(row['same_character'], NONE)} " if known else ""
    words = [(f"{sign}{row['distance']:,} bits", "bold")] if row["rank"] else []
    room = lines - len(words)
    tags = row["tags"] if len(row["tags"]) <= room else row["tags"][: room - 1]
    words += [(shorten(tag, 15), "normal") for tag in tags]
    hidden = len(row["tags"]) - len(tags)
    return words + ([(f"+ {hidden} more", "normal")] if hidden else [])


def caption_fig3(rows: Rows, bits: int, ending: str) -> str:
    """Of Fig. 3; ``bits`` is the length of a code."""
    named = [row for row in rows if row["same_character"] is not None]
    right = sum(row["same_character"] for row in named)
    queries = len({row["query"] for row in rows})
    claim = f"{right} of {len(named)} neighbors show the query's character" if named else "No query shows a character"
    nobody = queries - len({row["query"] for row in named})
    return (
        f"{claim}. {queries} queries drawn at random from the safe dataset and not picked ({nobody} without a "
        f"character or neighbor), each with its top {TOP} by Hamming distance over {bits:,}-bit codes; the set against "
        "itself, near-duplicates kept. Signs: the truth where it is known; words: published tags in common, character, "
        f"title, then general tags, the rarest first. Ids link to the source where one is known. {ending}"
    )
