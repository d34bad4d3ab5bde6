"""The numbers behind each table and figure: plain lists and dictionaries that also go to JSON and CSV.

Average precisions are in percent here, rounded to four decimals; None stands for a value that does not exist.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from i2v_lib.config import Config, load_config
from i2v_lib.data.collection import CATEGORIES, SPLITS, Collection
from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.evaluation.measured import Measured
from i2v_lib.models.layer_table import layer_table
from i2v_lib.models.networks import build_network
from i2v_lib.show import paper
from i2v_lib.show.wording import Rows, percent

RECIPE = Path(__file__).resolve().parents[2] / "benchmarks" / "recipe.json"


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


def vocabulary_rows(vocabulary: Vocabulary) -> Rows:
    """How many tags of each category were asked for and survived, beside the paper's number (§3.1)."""
    return [
        {"category": category, **report, "paper": paper.VOCABULARY[category]}
        for category, report in vocabulary.report.items()
    ]


def curve_rows(histories: Mapping[str, Sequence[Mapping]]) -> Rows:
    """Loss and validation mAP of every epoch; without the seconds, which differ from run to run."""
    return [
        {"network": network, "epoch": entry["epoch"], "loss": entry["loss"], **_percents(entry["map"])}
        for network, history in histories.items()
        for entry in history
    ]


def table1_rows(config: Config, tags: int) -> Rows:
    """Layers of VGG model A and VGG + NIN, read from the modules, and their sums of parameters.

    Two sums a network: of the network at the size of ``config`` with ``tags`` outputs, and at the paper's.
    """
    rows = []
    for network in ("vgg_a", "vgg_nin"):
        layers = _layers(network, tags, config)
        full = _layers(network, sum(paper.VOCABULARY.values()), load_config("paper"))
        rows += [{"network": network, **layer, "output": _shape(layer["output"])} for layer in layers]
        for name, counted in (("sum", layers), ("sum at the paper's size", full)):  # 224 px, 1,539 tags
            parameters = sum(layer["parameters"] for layer in counted)
            rows.append({"network": network, "name": name, "layer": "", "output": "", "parameters": parameters})
    return rows


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


def paired_differences(scores: Mapping[str, Mapping[str, Measured]]) -> Rows:
    """For each claim of order in the paper's Table 2: by how much, with the paired 95 % interval."""
    rows = []
    for better, worse in paper.CLAIMS:
        for category in scores[better]:
            values = scores[better][category].minus(scores[worse][category]).estimate
            named = dict(zip(("difference", "low", "high"), map(percent, values), strict=True))
            rows.append({"better": better, "worse": worse, "category": category, **named})
    return rows


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
            confidence = 1 / (1 + np.exp(-float(row[t])))
            rows.append(
                {
                    "id": name,
                    "tag": vocabulary.tags[t],
                    "confidence": percent(confidence),
                    "right": bool(truth[t]),
                }
            )
    return rows


def read_recipe(path: Path = RECIPE) -> Rows:
    """The recorded search for learning rate and dropout: a dictionary a training, see ``table2_ablation``."""
    return json.loads(path.read_text(encoding="utf-8"))


def mean_map(record: Mapping[str, Any]) -> float:
    """Mean over the scored categories of a record's validation mAPs, in percent; 0 if none is scored."""
    values = [value for value in record["map"].values() if value is not None and not np.isnan(value)]
    return 100 * float(np.mean(values)) if values else 0.0


def recipe_rows(records: Rows) -> Rows:
    """The recorded search as flat rows."""
    return [
        {key: value for key, value in record.items() if key != "map"} | _percents(record["map"]) for record in records
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


def _percents(shares: Mapping[str, float | None]) -> dict[str, float | None]:
    return {name: None if value is None else percent(value) for name, value in shares.items()}


def _layers(network: str, tags: int, config: Config) -> Rows:
    """Rows of one network, built without memory for its weights."""
    with torch.device("meta"):
        return layer_table(build_network(network, tags, config), config.image_size)


def _shape(sizes: tuple[int, ...]) -> str:
    return " × ".join(map(str, sizes))
