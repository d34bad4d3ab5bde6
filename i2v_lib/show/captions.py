"""Captions and verdicts: first what is claimed, then how it was measured, all computed from the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from i2v_lib.show import paper
from i2v_lib.show.numbers import best_of_each_setting, mean_map
from i2v_lib.show.wording import Rows, margin, signed


def caption_collection(shown: int, numbers: Mapping[str, Any], ending: str) -> str:
    """Of the contact sheet, from ``collection_numbers``."""
    return (
        f"{numbers['character tags, distinct']:,} characters by {numbers['artists']:,} artists. "
        f"{shown} training illustrations, drawn at random and not picked. {ending}"
    )


def caption_frequencies(positives: Mapping[str, Sequence[int]], ending: str) -> str:
    """Of the tag frequencies."""
    counts = sorted(positives["general"], reverse=True)
    claim = "No general tag is frequent enough."
    if counts:
        half = int(np.searchsorted(np.cumsum(counts), sum(counts) / 2)) + 1
        claim = f"Tags are long-tailed: {half} of {len(counts)} general tags make up half of all general tags."
    return f"{claim} Training illustrations of each tag of the vocabulary, by rank. {ending}"


def caption_vocabulary(rows: Rows, ending: str) -> str:
    """Of the vocabulary's table."""
    kept = ", ".join(f"{row['survived']:,} {row['category']}" for row in rows)
    return (
        f"The vocabulary has {sum(row['survived'] for row in rows):,} tags ({kept}), the paper's 1,539. "
        "Tags found in the training split, asked for and kept; rarest: training illustrations of the rarest "
        f"one kept. {ending}"
    )


def caption_table1(rows: Rows, ending: str) -> str:
    """Of Table 1."""
    sums = {(row["network"], row["name"]): row["parameters"] for row in rows}
    names = ("sum", "sum at the paper's size")
    here, full = (sums["vgg_a", name] / sums["vgg_nin", name] for name in names)
    return (
        f"VGG model A has {full:.1f} times the parameters of VGG + NIN at the paper's size (224 px, full "
        f"width, 1,539 tags), {here:.1f} times at this one. Layers read from the modules. {ending}"
    )


def caption_curves(histories: Mapping[str, Sequence[Mapping]], ending: str) -> str:
    """Of the learning curves."""
    finals = {network: mean_map(history[-1]) for network, history in histories.items()}
    best = max(finals, key=finals.get)
    epochs = ", ".join(f"{paper.SYSTEMS[network]} {len(history)}" for network, history in histories.items())
    return (
        f"{paper.SYSTEMS[best]} ends with the highest mean of the validation mAPs ({finals[best]:.1f} %). "
        "Loss over the training split and mAP over the validation split, a point for each epoch of one training: "
        f"{epochs}. {ending}"
    )


def caption_table2(differences: Rows, resamples: int, ending: str) -> str:
    """Of Table 2: the verdicts on the paper's claims."""
    claims = " ".join(claim_sentence(differences, *pair) for pair in paper.CLAIMS)
    return (
        f"{claims} Test mAP with 95 % bootstrap intervals over {resamples:,} resamples of the test "
        "illustrations; the best of the paper's three systems in bold. Untrained net: the pre-trained net's "
        f"logistic regression on a network of random weights. {ending}"
    )


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


def _order_by_dropout(best: Rows) -> str:
    """How far VGG + NIN is above VGG model A at each dropout, where both had the same pictures and epochs."""
    means = {(r["network"], r["dropout"], r["pictures"], r["epochs"]): mean_map(r) for r in best}
    pairs = [(key, means.get(("vgg_a", *key[1:]))) for key in means if key[0] == "vgg_nin"]
    gaps = [f"{signed(means[key] - other)} at dropout {key[1]:g}" for key, other in pairs if other is not None]
    return f"VGG + NIN against VGG model A: {', '.join(gaps)}. " if gaps else ""


def caption_table3(rows: Rows, ending: str) -> str:
    """Of Table 3."""
    best = ", ".join(f"{row['tag']} ({row['ap']:.1f})" for row in rows[:3])
    shared = sum(row["paper"] is not None for row in rows)
    return (
        f"{paper.SYSTEMS['vgg_nin']} knows best: {best}. Average precision of the {len(rows)} best general "
        f"tags, each with its n test illustrations; {shared} stand in the paper's Table 3 too. {ending}"
    )


def caption_fig2(rows: Rows, withheld: float, ending: str) -> str:
    """Of Fig. 2; ``withheld`` is the share of true general tags that the collection does not publish."""
    right = sum(row["right"] for row in rows)
    note = f" ({100 * withheld:.0f} % of the true ones are withheld, as on a booru)" if withheld else ""
    return (
        f"{right} of {len(rows)} tags are right. General tags of highest confidence by VGG + NIN, for test "
        f"illustrations drawn at random and not picked; right means published{note}. {ending}"
    )


def verdict(differences: Rows, better: str, worse: str) -> str:
    """Whether "better above worse in every category" held, by the paired 95 % intervals.

    "held" if the interval of every scored category lies above zero, "did not hold" if none does, and
    otherwise "partly held".
    """
    scored = [row for row in _pair(differences, better, worse) if row["difference"] is not None]
    above = sum(row["low"] > 0 for row in scored)
    if not above:
        return "did not hold"
    return "held" if above == len(scored) else "partly held"


def claim_sentence(differences: Rows, better: str, worse: str) -> str:
    """The claim, its verdict, and by how much in each category."""
    claim = _claim(differences, better, worse)
    return f"{claim['claim'].partition(',')[0]}: {claim['verdict']} ({claim['measured']})."


def table2_claims(differences: Rows) -> Rows:
    """What the paper claims of Table 2 and whether it held: "section", "claim", "verdict" and "measured"."""
    return [_claim(differences, *pair) for pair in paper.CLAIMS]


def _claim(differences: Rows, better: str, worse: str) -> dict[str, str]:
    parts = []
    for row in _pair(differences, better, worse):
        if row["difference"] is None:
            parts.append(f"{row['category']} not scored")
            continue
        kind = "" if row["low"] > 0 else (", reversed" if row["high"] < 0 else ", not separated")
        parts.append(f"{row['category']} {margin(row['difference'], row['low'], row['high'])}{kind}")
    return {
        "section": "§4.1",
        "claim": f"{paper.SYSTEMS[better]} above {paper.SYSTEMS[worse]}, in every category",
        "verdict": verdict(differences, better, worse),
        "measured": "; ".join(parts),
    }


def verdict_of(answers: Sequence[bool | None]) -> str:
    """One word for several answers, of which None was not measured."""
    if all(answer is None for answer in answers):
        return "not measured"
    if not any(answers):
        return "did not hold"
    return "held" if all(answers) else "partly held"


def _pair(differences: Rows, better: str, worse: str) -> Rows:
    return [row for row in differences if (row["better"], row["worse"]) == (better, worse)]
