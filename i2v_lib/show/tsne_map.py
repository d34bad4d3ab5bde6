"""Fig. 5: the t-SNE map with four regions enlarged, and what the map keeps of the codes (§4.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from i2v_lib.data.collection import Collection
from i2v_lib.evaluation.claims import Claim, lies, verdict_of
from i2v_lib.evaluation.map_quality import CODES, NEIGHBORS, SHUFFLED
from i2v_lib.evaluation.measured import Measured
from i2v_lib.evaluation.regions import SIDE, Region
from i2v_lib.run import Run
from i2v_lib.show.exhibit import Exhibit
from i2v_lib.show.style import BLUE, GREEN, PURPLE, TWO_COLUMNS, VERMILLION, shorten
from i2v_lib.show.thumbnails import CELL, axes_at, choose_rows
from i2v_lib.show.typeset import typeset
from i2v_lib.show.wording import NONE, Rows, margin, over_interval, percent

NOTEBOOK = "07_tsne_map.ipynb"
ASPECT = 1.2  # width of the map over its height
DOTS = 200  # an inch, as the PNG is saved
LETTERS, COLORS = "abcd", (VERMILLION, BLUE, PURPLE, GREEN)
TAGS = ("general", "copyright", "character")  # categories that may name a region
MAPS = {
    CODES: "Binary codes, not mapped",
    "tsne": "t-SNE map of the codes",
    "pca": "PCA map of the codes",
    SHUFFLED: "t-SNE map, places shuffled (control)",
}
MEASURES = {"trustworthiness": "trustworthiness", "character": "same character", "title": "same title"}
KINDS = {  # what the paper sees in its Fig. 5, and the tags that mean it; the first is any character tag
    "one character": None,
    "four-frame comics": {"4koma"},
    "male characters": {"1boy", "2boys", "multiple boys", "male focus"},
    "robots": {"robot", "robots", "mecha"},
}


def fig5_tsne_map(
    run: Run,
    nodes: np.ndarray,
    layout: np.ndarray,
    grid: tuple[np.ndarray, tuple[int, int]],
    regions: Sequence[Region],
    shuffled: Sequence[Region],
) -> Exhibit:
    """Fig. 5: the map of all illustrations, with four regions enlarged; the numbers are all ids and places.

    Parameters
    ----------
    run : that the illustrations are from
    nodes : int64 array, shape (n,): those on the map, of the safe dataset
    layout : float array, shape (n, 2): their places by t-SNE
    grid : from :func:`~i2v_lib.search.maps.grid_map`: their cells, int64 array, shape (n, 2), and the grid's shape
    regions : the enlarged ones, from :func:`~i2v_lib.evaluation.regions.choose_regions`
    shuffled : all that are found with the illustrations shuffled
    """
    collection, rows, (cells, shape) = run.collection(), run.safe_dataset()[nodes], grid
    ids = np.asarray(collection.column("id"))[rows].tolist()
    numbers = {"regions": region_rows(regions), "illustrations": fig5_rows(ids, layout, cells, regions)}
    fig, caption = draw_map(collection.pixels[rows], cells, shape, regions), caption_fig5(regions, shuffled, len(rows))
    return Exhibit("fig5_tsne_map", fig, numbers, caption, notebook=NOTEBOOK)


def table_map(
    measured: Mapping[tuple[str, str], Measured], regions: Sequence[Region], tags: Mapping[str, Sequence]
) -> Exhibit:
    """What the map keeps, beside the codes themselves and two controls; arguments as for :func:`map_claims`."""
    rows, claims = map_rows(measured), map_claims(measured, regions, tags)
    return Exhibit("table_map", draw_kept(rows), rows, caption_map(claims), claims, notebook=NOTEBOOK)


def choose_illustrations(n: int, count: int, seed: int) -> np.ndarray:
    """Nodes to map, drawn at random: ascending int64 array, at most ``count`` of ``n``."""
    return choose_rows(np.arange(n), count, [seed, 5])  # 5: for Fig. 5


def published_tags(collection: Collection, rows: np.ndarray) -> dict[str, list[list[str]]]:
    """General, copyright and character tags of illustrations: category -> n lists."""
    columns = {category: collection.column(category) for category in TAGS}
    return {category: [column[row] for row in rows] for category, column in columns.items()}


def fig5_rows(ids: Sequence[str], layout: np.ndarray, cells: np.ndarray, regions: Sequence[Region]) -> Rows:
    """Each illustration's id, place in the t-SNE layout, cell in the drawn grid, and region, if any."""
    letters = {int(i): letter for letter, region in zip(LETTERS, regions, strict=False) for i in region.members}
    return [
        {"id": name, "x": x, "y": y, "column": column, "row": row, "region": letters.get(i)}
        for i, (name, (x, y), (column, row)) in enumerate(zip(ids, layout.tolist(), cells.tolist(), strict=True))
    ]


def region_rows(regions: Sequence[Region]) -> Rows:
    """The enlarged regions: tag, how many of their illustrations carry it, and its lift."""
    return [
        {
            "region": letter,
            "tag": region.tag,
            "category": region.category,
            "illustrations": len(region.members),
            "carriers": region.carriers,
            "share": percent(region.carriers / len(region.members)),
            "lift": region.lift,
        }
        for letter, region in zip(LETTERS, regions, strict=False)
    ]


def draw_map(images: np.ndarray, cells: np.ndarray, shape: tuple[int, int], regions: Sequence[Region]) -> Figure:
    """Fig. 5: all illustrations of the map as thumbnails, and below it the regions (a) to (d), enlarged.

    Parameters
    ----------
    images : uint8 array, shape (n, S, S, 3)
    cells : int64 array, shape (n, 2): column and row of each on the grid
    shape : columns and rows of the grid
    regions : at most four, from :func:`~i2v_lib.evaluation.regions.choose_regions`
    """
    cell = min(int(DOTS * TWO_COLUMNS) // shape[0], int(DOTS * CELL)) / DOTS  # inches: whole dots
    width, height = cell * shape[0], cell * shape[1]
    gap, heading = 0.1, 0.37
    side = (TWO_COLUMNS - 3 * gap) / len(LETTERS)
    below = heading + side + 0.04 if regions else 0.04
    fig = plt.figure(figsize=(TWO_COLUMNS, round(DOTS * (height + below)) / DOTS))
    left = round(DOTS * (TWO_COLUMNS - width) / 2) / DOTS
    ax = _picture(fig, compose(images, cells, shape, round(DOTS * cell)), left, 0.0, width, height)
    for i, region in enumerate(regions):
        letter, color = LETTERS[i], COLORS[i]
        _mark(ax, region, letter, color, round(DOTS * cell))
        x = i * (side + gap)
        dots = int(DOTS * side) // SIDE
        inside = cells[region.members] - (region.column, region.row)
        panel = compose(images[region.members], inside, (SIDE, SIDE), dots)
        size = dots * SIDE / DOTS
        shown = _picture(fig, panel, round(DOTS * x) / DOTS, height + heading, size, size)
        for spine in shown.spines.values():
            spine.set(visible=True, linewidth=1.4, color=color)
        words = {"parse_math": False, "transform": shown.transAxes, "va": "bottom"}
        shown.text(0, 1.105, f"({letter}) {shorten(region.tag, 20)}", weight="bold", size=8, **words)
        share = f"{region.carriers} of {len(region.members)}, {region.lift:.0f} × the map's share"
        shown.text(0, 1.02, share, size=6.5, color="0.3", **words)
    return fig


def compose(images: np.ndarray, cells: np.ndarray, shape: tuple[int, int], dots: int) -> np.ndarray:
    """One picture of many: uint8 array, shape (rows * dots, columns * dots, 3), white where no illustration is."""
    canvas = np.full((shape[1] * dots, shape[0] * dots, 3), 255, np.uint8)
    inner = max(dots - 2, 1)  # two white dots keep neighbors apart
    for image, (column, row) in zip(images, cells, strict=True):
        small = Image.fromarray(image).resize((inner, inner), Image.Resampling.LANCZOS)
        y, x = row * dots + 1, column * dots + 1
        canvas[y : y + inner, x : x + inner] = small
    return canvas


def _picture(fig: Figure, picture: np.ndarray, x: float, y: float, width: float, height: float) -> plt.Axes:
    """Axes in inches from the top left that show a picture dot for dot, without ticks."""
    ax = axes_at(fig, x, y, width, height)
    ax.imshow(picture, interpolation="none", aspect="auto")
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


def _mark(ax: plt.Axes, region: Region, letter: str, color: str, dots: int) -> None:
    """Outline a region in the map, with its letter on a tab above its corner, or below where there is no room."""
    x, y, side = region.column * dots - 0.5, region.row * dots - 0.5, SIDE * dots
    for line, edge in ((3.4, "white"), (1.8, color)):
        ax.add_patch(Rectangle((x, y), side, side, fill=False, linewidth=line, edgecolor=edge, clip_on=False))
    tab = 1.15 * dots
    top = y - tab if region.row else y + side
    ax.add_patch(Rectangle((x, top), tab, tab, facecolor=color, edgecolor="white", linewidth=0.8, clip_on=False))
    ax.text(x + tab / 2, top + tab / 2, letter, color="white", weight="bold", size=8, ha="center", va="center_baseline")


def map_rows(measured: Mapping[tuple[str, str], Measured]) -> Rows:
    """What each map keeps, in percent, trustworthiness 0 to 1, with its 95 % interval."""
    rows = []
    for (layout, measure), kept in measured.items():
        scaled = float if measure == "trustworthiness" else percent
        numbers = dict(zip(("value", "low", "high"), map(scaled, kept.estimate), strict=True))
        rows.append({"map": layout, "measure": measure, **numbers})
    return rows


def draw_kept(rows: Rows) -> Figure:
    """What each map keeps, from :func:`map_rows`: a line a map, a column a measure."""
    by_key = {(row["map"], row["measure"]): row for row in rows}
    cells = [[name, *(_cell(by_key.get((layout, measure))) for measure in MEASURES)] for layout, name in MAPS.items()]
    heads = [text if measure == "trustworthiness" else f"{text} (%)" for measure, text in MEASURES.items()]
    return typeset(["", *heads], cells, rules=(1, 3))


def map_claims(
    measured: Mapping[tuple[str, str], Measured], regions: Sequence[Region], tags: Mapping[str, Sequence]
) -> list[Claim]:
    """The two claims of §4.5 and whether they held.

    The first has four parts: map neighbors share characters, and titles, more often, by paired 95 % intervals, than
    with places shuffled and than in the PCA map. The second has a part for each kind of cluster that the paper shows
    and of which there are tags here: it is a region of the map.

    Parameters
    ----------
    measured : from :func:`~i2v_lib.evaluation.map_quality.measure_maps`
    regions : all from :func:`~i2v_lib.evaluation.regions.tag_regions`
    tags : as given to it
    """
    return [_claim_of_semantics(measured), _claim_of_clusters(regions, tags)]


def _claim_of_semantics(measured: Mapping[tuple[str, str], Measured]) -> Claim:
    by_key = {key: kept for key, kept in measured.items() if not np.isnan(kept.value)}
    answers, parts = [], []
    for measure in ("character", "title"):
        if ("tsne", measure) not in by_key:
            continue
        ours, theirs = by_key["tsne", measure], {other: by_key[other, measure] for other in (SHUFFLED, "pca")}
        gaps = {other: ours.minus(kept).estimate for other, kept in theirs.items()}
        answers += [lies(interval, above=0) for _, *interval in gaps.values()]
        of_codes = by_key[CODES, measure].value
        beside = ", ".join(
            f"{100 * theirs[other].value:.1f} % {place} (difference {_interval(gaps[other])})"
            for other, place in ((SHUFFLED, "with places shuffled"), ("pca", "in the PCA map"))
        )
        parts.append(
            f"of {NEIGHBORS} map neighbors {100 * ours.value:.1f} % share the {measure}, against {beside} and "
            f"{100 * of_codes:.1f} % among the codes"
        )
    return Claim(
        "§4.5",
        "The map keeps semantic relationships: illustrations that belong together lie together",
        verdict_of(answers),
        "; ".join(parts) or "no illustration here has a character or a title",
    )


def _claim_of_clusters(regions: Sequence[Region], tags: Mapping[str, Sequence]) -> Claim:
    seen, parts = [], []
    for kind, names in KINDS.items():
        held = tags["character"] if names is None else tags["general"]
        if not any(tag in names if names else True for carried in held for tag in carried):
            parts.append(f"{kind}: no such tag here")
            continue
        matching = (r for r in regions if (r.tag in names if names else r.category == "character"))
        region = next(matching, None)
        seen.append(region is not None)
        parts.append(f"{kind}: {'no region' if region is None else _found(region)}")
    return Claim("§4.5", f"Clusters are visible: {', '.join(KINDS)}", verdict_of(seen), "; ".join(parts))


def caption_fig5(regions: Sequence[Region], shuffled: Sequence[Region], count: int) -> str:
    """Of Fig. 5; ``shuffled`` are the regions found with tags shuffled over the ``count`` illustrations."""
    found = ", ".join(f"({letter}) {_found(region)}" for letter, region in zip(LETTERS, regions, strict=False))
    claim = f"Illustrations that share a tag gather: {found}" if regions else "No tag gathers in a region of the map"
    return (
        f"{claim}. t-SNE of {count:,} illustrations drawn at random from the safe dataset, by Hamming distance; "
        "its axes have neither unit nor direction. Each illustration is moved to a free cell of a grid, by the least "
        f"squared moves altogether. Regions: of all squares of {SIDE} × {SIDE} cells, nine tenths filled, in which at "
        "least half of the illustrations share a tag, those least likely by chance: first of a character if there is "
        "one, then of general tags that are not one character's and not alike. Tags shuffled over the "
        f"illustrations give {len(shuffled)} such squares. The ids and places stand in the JSON."
    )


def caption_map(claims: Sequence[Claim]) -> str:
    """Of the map's table, from :func:`map_claims`."""
    claim = claims[0]
    return (
        f"{claim.claim}: {claim.verdict}. Trustworthiness: 1 if the {NEIGHBORS} nearest in the map are among "
        f"the {NEIGHBORS} nearest codes, about 0.5 by chance. Shares: of {NEIGHBORS} map neighbors, those of the "
        "same character or title, where an illustration has one. Small: 95 % bootstrap intervals over the "
        "illustrations, near-duplicates drawn together."
    )


def map_numbers(table: Exhibit, regions: Sequence[Region], shuffled: Sequence[Region]) -> dict[str, Any]:
    """Section ``map`` of ``metrics.json``; ``table`` is :func:`table_map`."""
    found = {"regions": region_rows(regions), "regions of shuffled tags": len(shuffled)}
    return {"scores": table.numbers, **found, "claims": table.claims}


def _found(region: Region) -> str:
    share = f"{region.carriers} of {len(region.members)}"
    return f"{region.tag}, {share}, {region.lift:.0f} times as often as in the map"


def _interval(values: Sequence[float]) -> str:
    return margin(*(100 * v for v in values))


def _cell(row: Mapping[str, Any] | None) -> str:
    if row is None or row["value"] is None or np.isnan(row["value"]):
        return NONE
    digits = 3 if row["measure"] == "trustworthiness" else 1
    return over_interval(row["value"], row["low"], row["high"], digits)
