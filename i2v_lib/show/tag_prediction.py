"""Tag prediction in print (§4.1): Tables 2 and 3, Fig. 2, the recorded search for a recipe, and the paper's claims.

It is long because each of its four exhibits stands beside the numbers, the drawing and the caption it is made of.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from scipy.special import expit

from i2v_lib.data.collection import CATEGORIES
from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.evaluation.claims import Claim, lies, verdict_of
from i2v_lib.evaluation.measured import Measured
from i2v_lib.evaluation.metrics import average_precision
from i2v_lib.models.systems import SYSTEMS
from i2v_lib.run import Run
from i2v_lib.show import paper
from i2v_lib.show.exhibit import Exhibit, sources_of
from i2v_lib.show.networks import mean_map
from i2v_lib.show.style import ANSWER_COLORS, ANSWER_SIGNS, TWO_COLUMNS, shorten
from i2v_lib.show.thumbnails import CELL, axes_at, choose_rows, pictures, thumbnail
from i2v_lib.show.typeset import typeset
from i2v_lib.show.wording import Rows, count, data_phrase, map_cell, margin, number, percent, percents, signed

NOTEBOOK = "03_tag_prediction.ipynb"
IN_FIG2 = 6  # illustrations
EVERYWHERE = ", in every category"  # the end of a claim, which a caption that lists them need not repeat
RECIPE = Path(__file__).resolve().parents[2] / "benchmarks" / "recipe.json"


def table2_numbers(scores: Mapping[str, Mapping[str, Measured]]) -> dict[str, dict[str, dict[str, Any]]]:
    """Mean AP with its 95 % interval and the number of tags scored: system -> category -> numbers."""
    return {
        system: {
            category: {
                "map": percent(score.value),
                "low": percent(score.interval[0]),
                "high": percent(score.interval[1]),
                "tags": score.count,
            }
            for category, score in categories.items()
        }
        for system, categories in scores.items()
    }


def table2_rows(table2: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Rows:
    """Table 2 as flat rows, the paper's value beside ours."""
    return [
        {
            "system": system,
            "category": category,
            **numbers,
            "paper": paper.TABLE2.get(system, {}).get(category),
        }
        for system, categories in table2.items()
        for category, numbers in categories.items()
    ]


def table2_map(run: Run, scores: Mapping[str, Mapping[str, Measured]]) -> Exhibit:
    """Table 2: mean AP of every system, the paper's beside ours, and the paper's claims of their order.

    Parameters
    ----------
    run : of the systems
    scores : of all systems, from one :func:`~i2v_lib.evaluation.bootstrap.score_systems` call
    """
    table2, claims = table2_numbers(scores), table2_claims(paired_differences(scores))
    ours = f"{run.config.preset}: {data_phrase(sources_of(run, NOTEBOOK))}"
    fig = draw_table2(table2, run.pretrained_source(), ours)
    caption = caption_table2(claims, run.config.bootstrap)
    return Exhibit("table2_map", fig, table2_rows(table2), caption, claims, notebook=NOTEBOOK)


def draw_table2(table2: Mapping[str, Mapping[str, Mapping[str, Any]]], pretrained_source: str, data: str) -> Figure:
    """Table 2: mean AP of four categories with 95 % intervals, the paper's values in columns of their own.

    Parameters
    ----------
    table2 : from :func:`table2_numbers`
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


def paired_differences(scores: Mapping[str, Mapping[str, Measured]]) -> Rows:
    """For each claim of order in the paper's Table 2: by how much, with the paired 95 % interval."""
    rows = []
    for better, worse in paper.CLAIMS:
        for category in scores[better]:
            values = scores[better][category].minus(scores[worse][category]).estimate
            named = dict(zip(("difference", "low", "high"), map(percent, values), strict=True))
            rows.append({"better": better, "worse": worse, "category": category, **named})
    return rows


def table2_claims(differences: Rows) -> list[Claim]:
    """What the paper claims of Table 2: one system above another in every category, by the paired 95 % intervals.

    Parameters
    ----------
    differences : from :func:`paired_differences`; a category without tags is no part of a claim
    """
    claims = []
    for better, worse in paper.CLAIMS:
        rows = [row for row in differences if (row["better"], row["worse"]) == (better, worse)]
        answers, parts = [], []
        for row in rows:
            if row["difference"] is None:
                parts.append(f"{row['category']} not scored")
                continue
            answers.append(lies((row["low"], row["high"]), above=0))
            kind = {True: "", False: ", reversed", None: ", not separated"}[answers[-1]]
            parts.append(f"{row['category']} {margin(row['difference'], row['low'], row['high'])}{kind}")
        claim = f"{paper.SYSTEMS[better]} above {paper.SYSTEMS[worse]}{EVERYWHERE}"
        claims.append(Claim("§4.1", claim, verdict_of(answers), "; ".join(parts)))
    return claims


def caption_table2(claims: Sequence[Claim], resamples: int) -> str:
    """Of Table 2: the verdicts on the paper's claims."""
    verdicts = " ".join(claim.sentence.replace(EVERYWHERE, "") for claim in claims)
    return (
        f"{verdicts} Test mAP with 95 % bootstrap intervals over {resamples:,} resamples of the test "
        "illustrations; the best of the paper's three systems in bold. Untrained net: the pre-trained net's "
        f"logistic regression on a network of random weights."
    )


def read_recipe(path: Path = RECIPE) -> Rows:
    """The recorded search for learning rate and dropout: a dictionary a training, see ``table2_ablation``."""
    return json.loads(path.read_text(encoding="utf-8"))


def recipe_rows(records: Rows) -> Rows:
    """The recorded search as flat rows."""
    return [
        {key: value for key, value in record.items() if key != "map"} | percents(record["map"]) for record in records
    ]


def best_of_each_setting(records: Rows) -> Rows:
    """Of a search over recipes, the best learning rate for each dropout, by mean validation mAP.

    Networks, and trainings on other numbers of pictures and epochs, are kept apart.
    """
    best: dict[tuple, dict[str, Any]] = {}
    for record in records:
        order = list(paper.SYSTEMS).index(record["network"])
        key = order, record["pictures"], record["epochs"], record["dropout"]
        if key not in best or mean_map(record) > mean_map(best[key]):
            best[key] = record
    return [best[key] for key in sorted(best)]


def table2_ablation() -> Exhibit:
    """Dropout × network: the recorded search for a recipe, the same whatever the run."""
    records = read_recipe()
    fig, rows, caption = draw_ablation(records), recipe_rows(records), caption_ablation(records)
    return Exhibit("table2_ablation", fig, rows, caption, notebook=NOTEBOOK, recorded=True)


def draw_ablation(records: Rows) -> Figure:
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


def caption_ablation(records: Rows) -> str:
    """Of the dropout × network table."""
    effects = []
    best = best_of_each_setting(records)
    budgets = [(record["network"], record["pictures"], record["epochs"]) for record in best]
    for budget in dict.fromkeys(budgets):
        means = {r["dropout"]: mean_map(r) for r, of in zip(best, budgets, strict=True) if of == budget}
        least, most = min(means), max(means)
        if least < most:
            change = signed(means[most] - means[least])
            effects.append(f"dropout {most:g} moves {paper.SYSTEMS[budget[0]]} by {change} points")
    claim = "; ".join(effects) or "no dropout was compared"
    return (
        f"{claim[:1].upper()}{claim[1:]} (mean of the validation mAPs, against the least dropout). "
        f"{_order_by_dropout(best)}Of "
        f"{len(records)} recorded trainings the best learning rate and batch size for each network and dropout; "
        "`benchmarks/recipe.json`, not trained again here."
    )


def table3_rows(ap: np.ndarray, targets: np.ndarray, vocabulary: Vocabulary, count: int = 30) -> Rows:
    """General tags of highest average precision, with their frequency.

    Parameters
    ----------
    ap : float array, shape (T,), 0 to 1, NaN where a tag has no positive
    targets : 0/1 array, shape (N, T), of the same illustrations
    """
    block = vocabulary.blocks["general"]
    scored = [t for t in range(block.start, block.stop) if not np.isnan(ap[t])]
    best = sorted(scored, key=lambda t: -ap[t])[:count]
    return [
        {
            "tag": vocabulary.tags[t],
            "ap": percent(ap[t]),
            "positives": int(targets[:, t].sum()),
            "paper": paper.TABLE3.get(vocabulary.tags[t]),
        }
        for t in best
    ]


def table3_ap(run: Run, logits: np.ndarray) -> Exhibit:
    """Table 3: the general tags that a network predicts best.

    Parameters
    ----------
    run : of the test illustrations
    logits : float array, shape (N, T), of VGG + NIN for them
    """
    targets, vocabulary = run.targets()[run.collection().split("test")], run.vocabulary()
    rows = table3_rows(average_precision(targets, logits, vocabulary.tags), targets, vocabulary)
    return Exhibit("table3_ap", draw_table3(rows), rows, caption_table3(rows), notebook=NOTEBOOK)


def draw_table3(rows: Rows) -> Figure:
    """Table 3: the general tags of highest AP, best first down each column, from ``table3_rows``."""
    blocks = 3
    height = max(-(-len(rows) // blocks), 1)
    columns = [rows[i * height : (i + 1) * height] for i in range(blocks)]
    cells = [[text for row in line for text in _tag_cells(row)] for line in zip_longest(*columns)]
    names = ["tag", "AP (%)", "n", "paper"] * blocks
    return typeset(names, cells, left=(0, 4, 8), breaks=(4, 8))


def caption_table3(rows: Rows) -> str:
    """Of Table 3."""
    best = ", ".join(f"{row['tag']} ({row['ap']:.1f})" for row in rows[:3])
    shared = sum(row["paper"] is not None for row in rows)
    return (
        f"{paper.SYSTEMS['vgg_nin']} knows best: {best}. Average precision of the {len(rows)} best general "
        f"tags, each with its n test illustrations; {shared} stand in the paper's Table 3 too."
    )


def fig2_rows(ids: list[str], logits: np.ndarray, targets: np.ndarray, vocabulary: Vocabulary, count: int = 5) -> Rows:
    """General tags of highest confidence of some illustrations, and whether these carry them.

    Parameters
    ----------
    ids : names of n illustrations
    logits, targets : arrays, shape (n, T)
    """
    block = vocabulary.blocks["general"]
    rows = []
    for name, row, truth in zip(ids, logits, targets, strict=True):
        for t in block.start + np.argsort(-row[block], kind="stable")[:count]:
            confidence = expit(float(row[t]))
            rows.append(
                {
                    "id": name,
                    "tag": vocabulary.tags[t],
                    "confidence": percent(confidence),
                    "right": bool(truth[t]),
                }
            )
    return rows


def fig2_tags(run: Run, logits: np.ndarray) -> Exhibit:
    """Fig. 2: test illustrations, drawn at random and not picked, with their tags of highest confidence.

    Parameters
    ----------
    run : of the test illustrations
    logits : float array, shape (N, T), of VGG + NIN for them
    """
    collection, test = run.collection(), run.collection().split("test")
    chosen = choose_rows(np.arange(len(test)), IN_FIG2, run.config.seed)
    ids = [collection.column("id")[i] for i in test[chosen]]
    rows = fig2_rows(ids, logits[chosen], run.targets()[test][chosen], run.vocabulary())
    fig = draw_tags(rows, pictures(run.config, collection, test[chosen]))
    withheld = run.config.general_noise if collection.drawn else 0.0
    return Exhibit("fig2_tags", fig, rows, caption_fig2(rows, withheld), notebook=NOTEBOOK)


def draw_tags(rows: Rows, images: np.ndarray) -> Figure:
    """Fig. 2: each picture with its tags of highest confidence as bars, right and wrong ones marked.

    Parameters
    ----------
    rows : from :func:`fig2_rows`; where "right" is None, nothing is known, and nothing marked
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


def caption_fig2(rows: Rows, withheld: float) -> str:
    """Of Fig. 2; ``withheld`` is the share of true general tags that the collection does not publish."""
    right = sum(row["right"] for row in rows)
    note = f" ({100 * withheld:.0f} % of the true ones are withheld, as on a booru)" if withheld else ""
    return (
        f"{right} of {len(rows)} tags are right. General tags of highest confidence by VGG + NIN, for test "
        f"illustrations drawn at random and not picked; right means published{note}."
    )


def _order_by_dropout(best: Rows) -> str:
    """How far VGG + NIN is above VGG model A at each dropout, where both had the same pictures and epochs."""
    means = {(r["network"], r["dropout"], r["pictures"], r["epochs"]): mean_map(r) for r in best}
    pairs = [(key, means.get(("vgg_a", *key[1:]))) for key in means if key[0] == "vgg_nin"]
    gaps = [f"{signed(means[key] - other)} at dropout {key[1]:g}" for key, other in pairs if other is not None]
    return f"VGG + NIN against VGG model A: {', '.join(gaps)}. " if gaps else ""


def _tag_cells(row: Mapping[str, Any] | None) -> list[str]:
    if row is None:
        return [""] * 4
    return [shorten(row["tag"], 18), number(row["ap"]), count(row["positives"]), number(row["paper"])]


def metrics(run: Run, scores: Mapping[str, Mapping[str, Measured]]) -> dict[str, Any]:
    """The sections of ``metrics.json`` that Table 2 is: what it was made from, its numbers and their differences."""
    return {
        "sources": sources_of(run, NOTEBOOK),
        "pretrained": run.pretrained_source(),
        "table2": table2_numbers(scores),
        "differences": paired_differences(scores),
    }
