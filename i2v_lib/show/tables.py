"""The paper's tables, and those of the kit: one function each, from numbers to a typeset figure."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

from matplotlib.figure import Figure

from i2v_lib.data.collection import CATEGORIES
from i2v_lib.models.systems import SYSTEMS
from i2v_lib.show import paper
from i2v_lib.show.numbers import best_of_each_setting
from i2v_lib.show.style import ONE_COLUMN, shorten
from i2v_lib.show.typeset import typeset
from i2v_lib.show.wording import Rows, count, map_cell, number


def table_vocabulary(rows: Rows) -> Figure:
    """How many tags of each category the vocabulary holds, from ``vocabulary_rows``."""
    keys = ["found", "asked", "survived", "rarest", "paper"]
    cells = [[row["category"], *(count(row[key]) for key in keys)] for row in rows]
    return typeset(["category", "found", "asked", "kept", "rarest", "paper"], cells, width=ONE_COLUMN)


def table1_networks(rows: Rows) -> Figure:
    """Table 1: layers, output shapes and parameters of both networks, from ``table1_rows``."""
    pair = [[row for row in rows if row["network"] == network] for network in ("vgg_a", "vgg_nin")]
    layers = [[row for row in network if row["layer"]] for network in pair]
    sums = [[row for row in network if not row["layer"]] for network in pair]
    cells = []
    for both in zip_longest(*layers):
        cells.append([text for row in both for text in _layer_cells(row)])
    body = sum(left["name"] == right["name"] for left, right in zip(*layers, strict=False)) - 1  # but "tags"
    for both in zip(*sums, strict=True):
        cells.append([text for row in both for text in (row["name"], "", count(row["parameters"]))])
    columns = ["layer", "output", "parameters"] * 2
    spans = [(0, 2, paper.SYSTEMS["vgg_a"]), (3, 5, paper.SYSTEMS["vgg_nin"])]
    rules = (body, len(cells) - len(sums[0]))
    return typeset(columns, cells, left=(0, 3), spans=spans, rules=rules, breaks=(3,))


def table2_map(table2: Mapping[str, Mapping[str, Mapping[str, Any]]], pretrained_source: str, data: str) -> Figure:
    """Table 2: mean AP of four categories with 95 % intervals, the paper's values in columns of their own.

    Parameters
    ----------
    table2 : from :func:`~i2v_lib.show.numbers.table2_numbers`
    pretrained_source : "ImageNet" or "surrogate"
    data : what our numbers were measured on, for the heading
    """
    cells, rules, bold = [], [], []
    kinds = {system.name: system.kind for system in SYSTEMS}
    for before, (system, categories) in zip([None, *table2], table2.items(), strict=False):
        if before and kinds[system] != kinds[before]:  # what is not the paper's is set apart
            rules.append(len(cells))
        theirs = paper.TABLE2.get(system, {})
        ours = [map_cell(categories[category]) for category in CATEGORIES]
        name = paper.system_name(system, pretrained_source)
        cells.append([name, *ours, *(number(theirs.get(category)) for category in CATEGORIES)])
    for column, category in enumerate(CATEGORIES, start=1):
        values = [(table2[s][category]["map"], r) for r, s in enumerate(table2) if s in paper.TABLE2]
        values = [pair for pair in values if pair[0] is not None]
        bold += [(max(values)[1], column)] if values else []
    tags = next(iter(table2.values()))
    rules.append(len(cells))
    scored = [count(tags[category]["tags"]) for category in CATEGORIES]
    cells.append(["Tags scored", *scored, *(count(paper.VOCABULARY[category]) for category in CATEGORIES)])
    spans = [(1, 4, data), (5, 8, "1.29 million real illustrations")]
    return typeset(["mAP (%)", *CATEGORIES, *CATEGORIES], cells, spans=spans, rules=rules, breaks=(5,), bold=bold)


def table2_ablation(records: Rows) -> Figure:
    """Dropout × network: the best learning rate and batch size of each pair, by mean validation mAP.

    Parameters
    ----------
    records : "network", "dropout", "learning_rate", "batch_size", "epochs", "pictures", "seconds" and "map"
        (category -> 0 to 1) of each training
    """
    best = best_of_each_setting(records)
    cells, rules = [], []
    for i, record in enumerate(best):
        repeated = i > 0 and record["network"] == best[i - 1]["network"]
        if i > 0 and not repeated:
            rules.append(i)
        values = [record["map"].get(category) for category in CATEGORIES]
        cells.append(
            [
                "" if repeated else paper.SYSTEMS[record["network"]],
                f"{record['dropout']:g}",
                f"{record['learning_rate']:g}",
                count(record["batch_size"]),
                count(record["epochs"]),
                count(record["pictures"]),
                *(number(None if value is None else 100 * value) for value in values),
                f"{record['seconds'] / 60:.1f}",
            ]
        )
    columns = ["network", "dropout", "learning rate", "batch", "epochs", "pictures", *CATEGORIES, "minutes"]
    spans = [(6, 9, "validation mAP (%)")]
    return typeset(columns, cells, spans=spans, rules=rules)


def table3_ap(rows: Rows) -> Figure:
    """Table 3: the general tags of highest AP, best first down each column, from ``table3_rows``."""
    blocks = 3
    height = max(-(-len(rows) // blocks), 1)
    columns = [rows[i * height : (i + 1) * height] for i in range(blocks)]
    cells = [[text for row in line for text in _tag_cells(row)] for line in zip_longest(*columns)]
    names = ["tag", "AP (%)", "n", "paper"] * blocks
    return typeset(names, cells, left=(0, 4, 8), breaks=(4, 8))


def _layer_cells(row: Mapping[str, Any] | None) -> list[str]:
    if row is None:
        return [""] * 3
    return [row["layer"], row["output"], count(row["parameters"]) if row["parameters"] else ""]


def _tag_cells(row: Mapping[str, Any] | None) -> list[str]:
    if row is None:
        return [""] * 4
    return [shorten(row["tag"], 18), number(row["ap"]), count(row["positives"]), number(row["paper"])]
