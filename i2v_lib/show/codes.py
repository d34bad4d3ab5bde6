"""The hash layer in numbers (§3.2): what retraining does to tags, how codes use their bits, where the layer goes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from i2v_lib.data.collection import CATEGORIES
from i2v_lib.evaluation.bootstrap import score_systems
from i2v_lib.evaluation.code_quality import code_statistics, distance_agreement
from i2v_lib.evaluation.measured import Measured
from i2v_lib.run import Run
from i2v_lib.show.exhibit import Exhibit
from i2v_lib.show.style import ONE_COLUMN
from i2v_lib.show.tag_prediction import table2_numbers
from i2v_lib.show.typeset import typeset
from i2v_lib.show.wording import NONE, Rows, count, margin, number, percent, signed

PLACEMENTS = {  # hash_layer -> in words
    "flattened": "flattened map (as released)",
    "pooled": "averaged map",
    "tags": "after the tag convolution",
    "convolution": "3 × 3 convolution",
}
NOTEBOOK = "04_nearest_neighbors.ipynb"
RECORDS = Path(__file__).resolve().parents[2] / "benchmarks" / "hash_layer.json"


def table_retraining(run: Run) -> Exhibit:
    """What retraining with the hash layer does to the tags of the test illustrations."""
    logits = {system: run.logits(system) for system in ("vgg_nin", "hash")}
    targets, blocks = run.targets()[run.collection().split("test")], run.vocabulary().blocks
    rows = retraining_rows(score_systems(targets, logits, blocks, run.config.bootstrap, run.config.seed))
    caption = caption_retraining(rows, run.config.epochs_hash)
    return Exhibit("table_retraining", draw_retraining(rows), rows, caption, notebook=NOTEBOOK)


def code_numbers(run: Run) -> dict[str, dict[str, Any]]:
    """How the run's codes use their bits, beside random ones: see :func:`draw_codes`."""
    bits, seed, real = run.config.code_bits, run.config.seed, run.features("features")
    return {
        metric: code_statistics(run.codes(metric), bits, seed)
        | {"agreement": distance_agreement(run.codes(metric), real, seed)}
        for metric in ("codes", "random")
    }


def table_codes(run: Run, statistics: Mapping[str, Mapping[str, Any]]) -> Exhibit:
    """How the codes use their bits; ``statistics`` are from :func:`code_numbers`."""
    rows = [{"codes": metric, **values} for metric, values in statistics.items()]
    caption = caption_codes(statistics, len(run.safe_dataset()))
    return Exhibit("table_codes", draw_codes(statistics), rows, caption, notebook=NOTEBOOK)


def table_hash_layer() -> Exhibit:
    """The recorded comparison of places for the hash layer; see ``benchmarks/hash_layer.py``."""
    rows = record_rows(read_records())
    fig, caption = draw_hash_layer(rows), caption_records(rows)
    return Exhibit("table_hash_layer", fig, rows, caption, notebook=NOTEBOOK, recorded=True)


def retraining_rows(scores: Mapping[str, Mapping[str, Measured]]) -> Rows:
    """Test mAP of each category before and after the hash layer, percent.

    Parameters
    ----------
    scores : of "vgg_nin" and "hash", from one :func:`~i2v_lib.evaluation.bootstrap.score_systems` call
    """
    table, rows = table2_numbers(scores), []
    for category in CATEGORIES:
        delta = scores["hash"][category].minus(scores["vgg_nin"][category]).estimate
        named = dict(zip(("difference", "low", "high"), map(percent, delta), strict=True))
        before, after = (table[system][category]["map"] for system in ("vgg_nin", "hash"))
        rows.append({"category": category, "before": before, "after": after, **named})
    return rows


def draw_retraining(rows: Rows) -> Figure:
    """Tag prediction before and after the hash layer, from :func:`retraining_rows`."""
    cells = [[row["category"], number(row["before"]), number(row["after"]), _change(row)] for row in rows]
    return typeset(["test mAP (%)", "tag network", "with hash layer", "difference"], cells, width=ONE_COLUMN)


def draw_codes(statistics: Mapping[str, Mapping[str, Any]]) -> Figure:
    """How the codes use their bits, beside random codes.

    Parameters
    ----------
    statistics : "codes" and "random" -> what :func:`~i2v_lib.evaluation.code_quality.code_statistics` returns, and
        "agreement" from :func:`~i2v_lib.evaluation.code_quality.distance_agreement`
    """
    lines = {
        "bits": lambda s: count(s["bits"]),
        "illustrations that set a bit (%)\nof nine bits in ten": lambda s: (
            f"{100 * s['activation']:.1f}\n{100 * s['activation_low']:.1f}–{100 * s['activation_high']:.1f}"
        ),
        "dead bits": lambda s: count(s["dead"]),
        "entropy of a bit (bits)": lambda s: f"{s['entropy']:.3f}",
        "distinct codes": lambda s: count(s["distinct"]),
        "distance of a pair (bits)\nstandard deviation": lambda s: (
            f"{s['distance']:,.0f}\n{s['distance_deviation']:,.0f}"
        ),
        "independent bits": lambda s: f"{s['independent']:,.0f}",
        "agreement with real features": lambda s: (
            NONE if math.isnan(s["agreement"]) else f"{round(s['agreement'], 2) + 0.0:.2f}"  # + 0.0: no minus zero
        ),
    }
    cells = [[name, *(line(statistics[of]) for of in ("codes", "random"))] for name, line in lines.items()]
    return typeset(["", "codes", "random codes"], cells, width=ONE_COLUMN)


def read_records(path: Path = RECORDS) -> Rows:
    """The recorded comparison of places for the hash layer; see ``benchmarks/hash_layer.py``."""
    return json.loads(path.read_text(encoding="utf-8"))


def record_rows(records: Rows) -> Rows:
    """The recorded comparison as flat rows, shares in percent."""
    return [
        {
            "hash_layer": record["hash_layer"],
            "seed": record["seed"],
            **{category: percent(record["map"][category]) for category in CATEGORIES},
            **{key: record["statistics"][key] for key in ("activation", "dead", "entropy", "independent")},
            **{
                f"{attribute}, {metric}": percent(record["precision"][metric][attribute])
                for attribute in ("character", "title")
                for metric in ("codes", "features")
            },
        }
        for record in records
    ]


def draw_hash_layer(rows: Rows) -> Figure:
    """Places for the hash layer, over seeds: tags, bits and neighbors, from :func:`record_rows`."""
    found = [f"{attribute}, {metric}" for attribute in ("character", "title") for metric in ("codes", "features")]
    cells, rules = [], []
    for i, row in enumerate(rows):
        repeated = i > 0 and row["hash_layer"] == rows[i - 1]["hash_layer"]
        if i > 0 and not repeated:
            rules.append(i)
        cells.append(
            [
                "" if repeated else PLACEMENTS[row["hash_layer"]],
                str(row["seed"]),
                *(number(row[category]) for category in CATEGORIES),
                f"{100 * row['activation']:.1f}",
                count(row["dead"]),
                f"{row['entropy']:.3f}",
                f"{row['independent']:.0f}",
                *(number(row[key]) for key in found),
            ]
        )
    columns = ["hash layer", "seed", *CATEGORIES, "set (%)", "dead", "entropy", "indep.", *["binary", "real"] * 2]
    spans = [
        (2, 5, "test mAP (%)"),
        (6, 9, "bits"),
        (10, 11, "character (%)"),
        (12, 13, "title (%)"),
    ]
    return typeset(columns, cells, spans=spans, rules=rules, breaks=(2, 6, 10, 12))


def caption_retraining(rows: Rows, epochs: int) -> str:
    """Of the tags before and after."""
    changes = "; ".join(f"{row['category']} {_change(row)}" for row in rows if row["difference"] is not None)
    return (
        f"Retraining with the hash layer changes the tags' mAP by: {changes} points. VGG + NIN, and the same after the "
        f"layer was inserted and all of it trained for {epochs} more epochs; paired 95 % bootstrap intervals over the "
        "test illustrations. Some of the gain may come from the epochs alone."
    )


def caption_codes(statistics: Mapping[str, Mapping[str, Any]], illustrations: int) -> str:
    """Of the codes' bits."""
    ours = statistics["codes"]
    return (
        f"{ours['dead']:,} of {ours['bits']:,} bits are dead, a bit carries {ours['entropy']:.2f} bits of entropy, and "
        f"distances spread as those of {ours['independent']:,.0f} independent bits. Agreement: rank correlation of the "
        "Hamming distance with the Euclidean distance of the real features, over pairs. Codes of the "
        f"{illustrations:,} illustrations of the safe dataset, beside as many random ones."
    )


def caption_records(rows: Rows) -> str:
    """Of the comparison of places."""
    means = {
        place: sum(row["character, codes"] for row in rows if row["hash_layer"] == place)
        / sum(row["hash_layer"] == place for row in rows)
        for place in dict.fromkeys(row["hash_layer"] for row in rows)
    }
    best = max(means, key=means.get)
    spread = max(means.values()) - min(means.values())
    released = signed(means[best] - means["flattened"])
    lead = "the released one leads"
    if best != "flattened":
        lead = f"{PLACEMENTS[best]} leads, {released} points above the released one"
    seeds = len({row["seed"] for row in rows})
    return (
        f"The four readings of where the hash layer goes lie on average within {spread:.1f} points of same-character "
        f"neighbors; {lead}. Tags, bits and neighbors after the same retraining from the same tag network, {seeds} "
        "seeds (other worlds, other pictures). Set: illustrations that set a bit; indep.: independent bits; character, "
        "title: precision at 3 of the same one among the safe dataset. `benchmarks/hash_layer.json`, not trained again "
        "here."
    )


def _change(row: Mapping[str, Any]) -> str:
    if row["difference"] is None:
        return NONE
    return margin(row["difference"], row["low"], row["high"])
