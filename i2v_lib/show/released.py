"""Table 2's layout for given weights on a collection that they were not trained with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from i2v_lib.config import Config
from i2v_lib.data.collection import CATEGORIES, Collection
from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.evaluation.released import Evaluation
from i2v_lib.models.released.files import SOURCES
from i2v_lib.show import paper
from i2v_lib.show.readme import markdown_table, replace_block
from i2v_lib.show.saving import describe_sources, save_table
from i2v_lib.show.tag_prediction import table2_numbers
from i2v_lib.show.typeset import typeset
from i2v_lib.show.wording import NONE, Rows, count, map_cell, map_text, number, percent

TABLE = "table2_weights"
PLACES = ("the authors' release", "their older site")  # of a file's addresses
CLOSEST = "vgg_nin"  # the row of the paper's Table 2 that the released network is closest to


def evaluation_rows(evaluation: Evaluation) -> Rows:
    """A category a row: mean AP in percent with its 95 % interval, chance, the paper's, and what tags were matched."""
    numbers = table2_numbers(evaluation.scores)
    rows = []
    for category in CATEGORIES:
        ours, chance = numbers["tagger"][category], numbers["random"][category]
        matched = evaluation.matched[category]
        rows.append(
            {
                "category": category,
                **ours,
                **{f"random_{key}": chance[key] for key in ("map", "low", "high")},
                "paper": paper.TABLE2[CLOSEST][category],
                "matched": matched["matched"],
                "vocabulary": matched["vocabulary"],
                "collection_tags": matched["distinct"],
                "share_known": percent(matched["share"]),
            }
        )
    return rows


def table2_weights(rows: Rows, name: str, data: str) -> Figure:
    """Table 2 for one tagger and chance, and below, how many tags the numbers are about.

    Parameters
    ----------
    rows : from :func:`evaluation_rows`
    name : of the weights
    data : what they were scored on, for the heading
    """
    columns, cells = _cells(rows, name, map_cell)
    spans = [(1, 4, data), (5, 8, "the paper's VGG + NIN")]
    return typeset(columns, cells, spans=spans, rules=(1, 2), breaks=(5,))


def evaluation_text(rows: Rows, name: str) -> str:
    """The same table as lines of text, for a terminal; the paper's numbers are a line of it."""
    columns, cells = _cells(rows, name, map_text)
    theirs = ["Paper: VGG + NIN, other pictures", *cells[0][5:]]
    columns, cells = columns[:5], [line[:5] for line in (*cells[:2], theirs, *cells[2:])]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    lines = [[*columns], ["-" * width for width in widths], *cells]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip() for line in lines
    )


def save_evaluation(
    evaluation: Evaluation,
    collection: Collection,
    folder: Path,
    *,
    name: str,
    meaning: str,
    split: str | None,
    config: Config,
    vocabulary: Vocabulary,
) -> Rows:
    """Write the table as PDF, PNG, JSON and CSV; return its rows.

    Parameters
    ----------
    folder : made if missing
    name, meaning : of the weights, see :class:`~i2v_lib.models.tagging.choose_weights.TaggerSource`
    split : that was scored; None for all
    config : the preset of the weights, with the seed and the number of resamples
    vocabulary : theirs
    """
    rows = evaluation_rows(evaluation)
    part = "all splits" if split is None else f"{split} split"
    data = f"{evaluation.illustrations:,} illustrations, {part}"
    caption = (
        f"Mean average precision of the {name} on {evaluation.illustrations:,} illustrations of "
        f"{collection.folder.name} ({part}), tags matched by name; small: 95 % bootstrap intervals over the "
        f"illustrations. The paper's columns are those of its VGG + NIN. {meaning}"
    )
    sources = describe_sources("evaluate-released", collection, vocabulary) | {"weights": name, "split": split or "all"}
    figure = table2_weights(rows, name.capitalize(), data)
    save_table(figure, TABLE, folder, rows, config, sources, caption)
    return rows


def render_sources() -> str:
    """The authors' files, how large they are, and where they can be had, for the README."""
    rows = []
    for file in SOURCES.values():
        weights = f"{file.parameters:,}" if file.parameters else NONE
        size = f"{4 * file.parameters:,} and some kilobytes" if file.parameters else NONE
        places = [f"[{word}]({address})" for word, address in zip(PLACES, file.addresses, strict=True)]
        places += [f"[a copy kept by {address.split('/')[3]}]({address})" for address in file.copies]
        rows.append([f"`{file.name}`", weights, size, ", ".join(places)])
    return markdown_table(["file", "weights", "bytes", "where"], rows, left=(0, 3))


def replace_sources(readme: str) -> str:
    """A README with that table between its markers, ``sources:begin`` and ``sources:end``."""
    return replace_block(readme, "sources", render_sources())


def _cells(rows: Rows, name: str, cell: Callable[[dict[str, Any]], str]) -> tuple[list[str], list[list[str]]]:
    """Headings and lines of the table; ``cell`` writes a mean AP with its interval."""

    def line(title: str, text: Callable, last: Callable = lambda row: "") -> list[str]:
        return [title, *map(text, rows), *map(last, rows)]

    chance = [{key: row[f"random_{key}"] for key in ("map", "low", "high")} for row in rows]
    cells = [
        line(name, cell, lambda row: number(row["paper"])),
        [paper.SYSTEMS["random"], *map(cell, chance), *[""] * len(rows)],
        line("Tags scored", lambda row: count(row["tags"]), lambda row: count(paper.VOCABULARY[row["category"]])),
        line("Of their tags found here", lambda row: f"{count(row['matched'])} of {count(row['vocabulary'])}"),
        line("Share of tags they know (%)", lambda row: number(row["share_known"])),
    ]
    return ["mAP (%)", *CATEGORIES, *CATEGORIES], cells
