"""Fig. 3, how often neighbors share an attribute, and what of the paper's claims that bears out (§3.2, §4.2, §4.3).

A long file, since the claims read the rows of the table, and both read Fig. 3's neighbors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from i2v_lib.data.collection import Collection
from i2v_lib.evaluation.attributes import attributes
from i2v_lib.evaluation.claims import Answer, Claim, lies, verdict_of
from i2v_lib.evaluation.retrieval import AS_FOUND, ATTRIBUTES, KS, NO_DUPLICATES, OTHERS, Retrieved
from i2v_lib.run import Run
from i2v_lib.show import paper
from i2v_lib.show.exhibit import Exhibit
from i2v_lib.show.style import ANSWER_COLORS, ANSWER_SIGNS, TWO_COLUMNS, shorten
from i2v_lib.show.thumbnails import choose_rows, pictures, thumbnail
from i2v_lib.show.typeset import typeset
from i2v_lib.show.wording import NONE, Rows, count, over_interval, percent, signed

NOTEBOOK = "04_nearest_neighbors.ipynb"
QUERIES, TOP = 8, 3  # of Fig. 3
HEADINGS = ("query", "nearest", "2nd nearest", "3rd nearest")
SEMANTIC, STYLE, POSE = ("character", "title"), ("artist",), ("arms", "view")
TIMES, POINTS = 5, 3  # targets at k = 3: times the pre-trained net, points below the real features
BLOCKS = (  # of the table; where a metric's own errors are judged, metrics cannot be compared
    (AS_FOUND, "As found", tuple(paper.METRICS)),
    (NO_DUPLICATES, "Near-duplicates skipped", tuple(paper.METRICS)),
    (OTHERS, "Neighbors of other characters", ("codes",)),
)


def fig3_neighbors(run: Run, indices: np.ndarray, distances: np.ndarray) -> Exhibit:
    """Fig. 3: queries drawn at random and not picked, each with its nearest neighbors by binary codes.

    Parameters
    ----------
    run : that is searched
    indices, distances : arrays, shape (n, K): from ``run.neighbors("codes", K)``
    """
    collection, safe = run.collection(), run.safe_dataset()
    queries = choose_queries(len(safe), run.config.seed)
    rows = fig3_rows(collection, safe, indices, distances, attributes(collection, safe)["character"], queries)
    fig = draw_neighbors(rows, pictures(run.config, collection, np.array([row["row"] for row in rows], int)))
    return Exhibit("fig3_neighbors", fig, rows, caption_fig3(rows, run.config.code_bits), notebook=NOTEBOOK)


def table_retrieval(run: Run, measured: Sequence[Retrieved]) -> Exhibit:
    """How often neighbors share an attribute, and what of the paper's claims that bears out.

    Parameters
    ----------
    run : that was searched
    measured : from :func:`~i2v_lib.evaluation.retrieval.measure`, of all metrics
    """
    rows = retrieval_rows(measured)
    claims = retrieval_claims(rows, comparison_rows(measured))
    caption = caption_retrieval(rows, claims, len(run.safe_dataset()), run.config.bootstrap)
    fig = draw_retrieval(rows, run.pretrained_source())
    return Exhibit("table_retrieval", fig, rows, caption, claims, notebook=NOTEBOOK)


def retrieval_numbers(run: Run, measured: Sequence[Retrieved]) -> dict[str, Any]:
    """Section ``retrieval`` of ``metrics.json``; arguments as for :func:`table_retrieval`."""
    rows, comparisons = retrieval_rows(measured), comparison_rows(measured)
    found = {"illustrations": len(run.safe_dataset()), "precision": rows, "comparisons": comparisons}
    return found | {"claims": retrieval_claims(rows, comparisons)}


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


def draw_neighbors(rows: Rows, images: np.ndarray) -> Figure:
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


def caption_fig3(rows: Rows, bits: int) -> str:
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
        "title, then general tags, the rarest first. Ids link to the source where one is known."
    )


def retrieval_rows(measured: Sequence[Retrieved]) -> Rows:
    """Precision of every search, metric, attribute and k, in percent, with its interval and its chance value."""
    return [
        {
            "search": p.search,
            "metric": p.metric,
            "attribute": p.attribute,
            "k": p.k,
            "precision": percent(p.precision.value),
            "low": percent(p.precision.interval[0]),
            "high": percent(p.precision.interval[1]),
            "chance": percent(p.chance),
            "found": percent(p.found),
            "queries": p.precision.count,
        }
        for p in measured
    ]


def comparison_rows(measured: Sequence[Retrieved]) -> Rows:
    """Binary codes against the pre-trained net and the real features: points apart, and how many times as precise."""
    by_key = {(p.search, p.metric, p.attribute, p.k): p.precision for p in measured}
    rows = []
    for against in ("pretrained", "features"):
        for (search, metric, attribute, k), ours in by_key.items():
            if metric != "codes" or search == OTHERS:
                continue
            theirs = by_key[search, against, attribute, k]
            points = dict(zip(("difference", "low", "high"), map(percent, ours.minus(theirs).estimate), strict=True))
            times = dict(zip(("ratio", "ratio_low", "ratio_high"), ours.over(theirs).estimate, strict=True))
            rows.append({"against": against, "search": search, "attribute": attribute, "k": k, **points, **times})
    return rows


def draw_retrieval(rows: Rows, pretrained_source: str) -> Figure:
    """Precision at 3 and 10 of every metric and attribute, with 95 % intervals, the best of each column in bold.

    Of the pose at 3 only; what is not known of a collection has no column.

    Parameters
    ----------
    rows : from :func:`retrieval_rows`
    pretrained_source : "ImageNet" or "surrogate"
    """
    by_key = {(row["search"], row["metric"], row["attribute"], row["k"]): row for row in rows}
    names = list(dict.fromkeys(row["attribute"] for row in rows))
    keys = [(name, k) for name in names for k in KS if k == TOP or name not in POSE]
    cells, rules, bold = [], [], []
    for search, heading, metrics in BLOCKS:
        if cells:
            rules.append(len(cells))
        cells.append([heading] + [""] * len(keys))
        bold.append((len(cells) - 1, 0))
        for column, key in enumerate(keys, start=1):
            found = [by_key.get((search, metric, *key), {}).get("precision") for metric in metrics]
            best = max((value for value in found if value is not None), default=None)
            winners = [i for i, value in enumerate(found) if value is not None and value == best and len(found) > 1]
            bold += [(len(cells) + i, column) for i in winners]
        for metric in metrics:
            values = [by_key.get((search, metric, *key), {}) for key in keys]
            cells.append([paper.metric_name(metric, pretrained_source), *map(_interval, values)])
        codes = [by_key.get((search, "codes", *key), {}) for key in keys]
        cells.append(["Chance, exact", *(_number(row.get("chance")) for row in codes)])
        cells.append(["Queries that have it", *(count(row.get("queries")) for row in codes)])
    places = [[c for c, key in enumerate(keys, start=1) if key[0] == name] for name in names]
    spans = [(place[0], place[-1], name) for place, name in zip(places, names, strict=True)]
    columns = ["Precision (%) at k =", *(str(k) for _, k in keys)]
    return typeset(columns, cells, spans=spans, rules=rules, bold=bold)


def retrieval_claims(rows: Rows, comparisons: Rows) -> list[Claim]:
    """What the paper says of neighbors, and this kit's targets; each part is decided by its 95 % interval."""
    return [
        _same_character(rows),
        _same_attributes(rows),
        _approximation(comparisons),
        _multiple(rows, comparisons),
    ]


def caption_retrieval(rows: Rows, found: Sequence[Claim], illustrations: int, resamples: int) -> str:
    """Of the table; ``found`` are its :func:`retrieval_claims`, ``illustrations`` is the size of the safe dataset."""
    verdicts = " ".join(f"{claim.claim}: {claim.verdict}." for claim in found)
    known = {row["attribute"] for row in rows}
    pose = "Arms and view (of the head) are the pose, the artist is the style. " if set(POSE) <= known else ""
    unknown = [name for name in ATTRIBUTES if name not in known]
    missing = f"Not known of this collection: {', '.join(unknown)}. " if unknown else ""
    return (
        f"{verdicts} Share of the first k neighbors that have an attribute in common with their query, every one of "
        f"{illustrations:,} illustrations of the safe dataset once the query; those without the attribute are left out "
        f"of its column. {pose}{missing}95 % bootstrap intervals over {resamples:,} resamples of the queries, "
        "near-duplicates drawn together; best in bold. Chance is the exact expectation of a random order. Last block: "
        "among the first k, only neighbors that show other characters than the query; chance among all such."
    )


def _same_character(rows: Rows) -> Claim:
    """§4.2: for some queries, the same character."""
    searched = [_pick(rows, search, "codes", "character") for search in (AS_FOUND, NO_DUPLICATES)]
    measured = "No illustration has a character."
    if searched[0].get("precision") is not None:
        row, apart = searched
        measured = (
            f"{row['found']:.1f} % of {row['queries']:,} queries find it in the top {TOP}; precision "
            f"{_with_chance(row)}; near-duplicates skipped {_with_chance(apart)}."
        )
    verdict = verdict_of([_above_chance(row) for row in searched])
    return Claim("§4.2", "Neighbors of some queries show the same character", verdict, measured)


def _same_attributes(rows: Rows) -> Claim:
    """§4.2: where not the same character, the same pose and style."""
    searched = {name: _pick(rows, OTHERS, "codes", name) for name in (*STYLE, *POSE)}
    parts = [
        f"{name} {_with_chance(row)}" if row.get("precision") is not None else f"{name} not measured"
        for name, row in searched.items()
    ]
    return Claim(
        "§4.2",
        "Neighbors of other characters share the pose and the style more often than chance",
        verdict_of([_above_chance(row) for row in searched.values()]),
        f"Of the top {TOP}, neighbors of other characters: {'; '.join(parts)}.{_by_others(rows)}",
    )


def _by_others(rows: Rows) -> str:
    """The same attributes by the pre-trained net: whether the codes are better at them."""
    nets = {"codes": "the codes", "pretrained": "the pre-trained net"}
    found = {net: [_pick(rows, NO_DUPLICATES, net, name) for name in (*STYLE, *POSE)] for net in nets}
    if any(row.get("precision") is None for each in found.values() for row in each):
        return ""
    shares = [
        f"{name} {' / '.join(format(found[net][i]['precision'], '.1f') for net in nets)}"
        for i, name in enumerate((*STYLE, *POSE))
    ]
    return f" Of all neighbors but near-duplicates, {' / '.join(nets.values())}: {', '.join(shares)} %."


def _approximation(comparisons: Rows) -> Claim:
    """§3.2: Hamming distance approximates the Euclidean one."""
    found = {name: _compared(comparisons, "features", name) for name in SEMANTIC}
    parts = [
        f"{name} {signed(row['difference'])} points [{signed(row['low'])}, {signed(row['high'])}]"
        for name, row in found.items()
        if row
    ]
    return Claim(
        "§3.2",
        f"Binary codes fall at most {POINTS} points short of the real features (our margin)",
        verdict_of([lies((row["low"], row["high"]), above=-POINTS) if row else None for row in found.values()]),
        f"Precision at {TOP}, codes less real features: {'; '.join(parts)}." if parts else "No attribute.",
    )


def _multiple(rows: Rows, comparisons: Rows) -> Claim:
    """§4.3, as a number: how far the codes are ahead of the pre-trained net."""
    found = {name: _compared(comparisons, "pretrained", name) for name in SEMANTIC}
    parts = []
    for name, row in found.items():
        if not row:
            continue
        net = _pick(rows, AS_FOUND, "pretrained", name)
        times = "not found by the pre-trained net" if row["difference"] > 0 else "found by neither"
        if row["ratio"] == row["ratio"]:
            room = 100 / net["precision"]
            times = f"{row['ratio']:.1f} times [{row['ratio_low']:.1f}, {row['ratio_high']:.1f}] the pre-trained net's "
            times += f"{_with_chance(net)}, of which {room:.1f} times is all there is"
        parts.append(f"{name} {times}")
    return Claim(
        "§4.3",
        f"Same character and title at least {TIMES} times as often as by the pre-trained net (our target)",
        verdict_of([_ahead(row) for row in found.values()]),
        f"Precision at {TOP}: {'; '.join(parts)}." if parts else "No attribute.",
    )


def _ahead(row: dict[str, Any]) -> Answer:
    """Whether the codes are that far ahead; open if neither found any."""
    if not row:
        return None
    if row["ratio"] != row["ratio"]:  # the pre-trained net found nothing: any find is that many times as often
        return lies((row["low"], row["high"]), above=0)
    return lies((row["ratio_low"], row["ratio_high"]), above=TIMES)


def _pick(rows: Rows, search: str, metric: str, attribute: str) -> dict[str, Any]:
    """The row at k = 3, or an empty one."""
    wanted = search, metric, attribute, TOP
    return next((r for r in rows if (r["search"], r["metric"], r["attribute"], r["k"]) == wanted), {})


def _compared(comparisons: Rows, against: str, attribute: str) -> dict[str, Any]:
    """The comparison at k = 3, as found; an empty one where nothing was measured."""
    wanted = against, AS_FOUND, attribute, TOP
    rows = [r for r in comparisons if (r["against"], r["search"], r["attribute"], r["k"]) == wanted]
    return rows[0] if rows and rows[0]["difference"] is not None else {}


def _above_chance(row: dict[str, Any]) -> Answer:
    return None if row.get("precision") is None else lies((row["low"], row["high"]), above=row["chance"])


def _with_chance(row: dict[str, Any]) -> str:
    return f"{row['precision']:.1f} % [{row['low']:.1f}, {row['high']:.1f}] (chance {row['chance']:.1f})"


def _interval(row: dict[str, Any]) -> str:
    if row.get("precision") is None:
        return NONE
    return over_interval(row["precision"], row["low"], row["high"])


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.1f}"
