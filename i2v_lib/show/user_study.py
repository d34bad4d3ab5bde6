"""The user study: its numbers, the verdicts on the paper's claims, Fig. 4 and its table (§4.3)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from i2v_lib.evaluation.judges import Judges
from i2v_lib.evaluation.study import CHOICES, QUESTIONS, UNANSWERED, Trials, count_duplicates
from i2v_lib.evaluation.votes import LEVEL, analyze, null_check
from i2v_lib.show import paper
from i2v_lib.show.style import MODEL_COLORS, TWO_COLUMNS
from i2v_lib.show.thumbnails import CELL, Pictures, thumbnail
from i2v_lib.show.typeset import typeset
from i2v_lib.show.wording import NONE, Rows, number, over_interval, percent

NOT_MORE = ("illustration style", "background")  # §4.3: the categories in which the paper's net has not more votes
CLEAREST = ("title", "character")  # §4.3: "particularly outperforms"
OURS = paper.SYSTEMS["vgg_nin"]


def study_numbers(
    trials: Trials, votes: np.ndarray, judges: str, groups: Sequence[str], resamples: int, seed: int
) -> dict[str, Any]:
    """What the votes of a study say: the section "study" of ``metrics.json``.

    Parameters
    ----------
    trials : T trials
    votes : int8 array, shape (T, 6), from :func:`~i2v_lib.evaluation.study.choices`
    judges : who voted: "simulated judges" or "people"
    groups : near-duplicates' group of every node
    resamples : of the participants, and random swaps of the null check
    seed : of both

    Returns
    -------
    "judges", "participants" and "trials" (those with votes), "planned" trials, "candidates", "skipped", "duplicates",
    "questions" (rows; shares in percent), "null" (percent) and "claims".
    """
    cast = np.any(votes != UNANSWERED, axis=1)
    questions = [_flat(row) for row in analyze(votes, trials.participant, resamples, seed)]
    return {
        "judges": judges,
        "participants": len(set(trials.participant[cast])),
        "trials": int(cast.sum()),
        "planned": len(trials),
        "candidates": trials.candidates,
        "skipped": trials.skipped,
        "duplicates": count_duplicates(trials, groups),
        "questions": questions,
        "null": {name: percent(value) for name, value in null_check(votes, resamples, seed).items()},
        "claims": claims(questions),
    }


def noise_numbers(judges: Judges, levels: Sequence[float], studies: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Simulated judges' settings, and whether they come to the same outcomes at a second noise level.

    Parameters
    ----------
    judges : how they answer
    levels : two noise levels
    studies : the numbers of the study at each

    Returns
    -------
    "settings" and "level" of the first; "second" (level), "questions" (its rows) and "same" (questions of equal
    outcome) of the second.
    """
    first, second = (study["questions"] for study in studies)
    same = [one["question"] for one, other in zip(first, second, strict=True) if outcome(one) == outcome(other)]
    settings = dataclasses.asdict(judges) | {"noise": levels[0]}
    return {"settings": settings, "level": levels[0], "second": levels[1], "questions": second, "same": same}


def outcome(row: Mapping[str, Any]) -> str:
    """Who collects more votes in a question: "ours", "pretrained", or "neither" if the test does not separate them."""
    if row["p_holm"] >= LEVEL:
        return "neither"
    return "ours" if row["ours"] > row["pretrained"] else "pretrained"


def claims(questions: Rows) -> Rows:
    """What the paper reads from its Fig. 4, with a verdict on each.

    "VGG + NIN collects more votes" held if the test separates the nets in that direction; where it has more votes
    without being separated, that is the verdict. Where the paper has it not collect more, that held if it has not.
    """
    rows = []
    for row in questions:
        more, separated = row["ours"] > row["pretrained"], outcome(row) != "neither"
        expected = row["question"] not in NOT_MORE
        if more and not separated:
            verdict = "not separated"
        else:
            verdict = "held" if more == expected else "did not hold"
        claim = "collects more votes than" if expected else "does not collect more votes than"
        measured = (
            f"{row['ours']} votes against {row['pretrained']} ({number(row['preference'])} %; Holm-corrected "
            f"{p_phrase(row['p_holm'])})."
        )
        rows.append(_claim(f"{OURS} {claim} the pre-trained net in {row['question']}", verdict, measured, _cast(row)))
    leads = {row["question"]: row["ours"] - row["pretrained"] for row in questions}
    top = sorted(QUESTIONS, key=lambda question: -leads[question])[: len(CLEAREST)]
    right = sum(leads[question] > 0 for question in set(top) & set(CLEAREST))
    verdict = ("did not hold", "partly held", "held")[right]
    measured = "; ".join(f"{question}: {_signed(lead)}" for question, lead in leads.items()) + " votes more."
    named = " and ".join(CLEAREST)
    rows.append(_claim(f"{OURS} leads most in {named}", verdict, measured, any(map(_cast, questions))))
    return rows


def caption_fig4(study: Mapping[str, Any], noise: Mapping[str, Any] | None, ending: str) -> str:
    """Of Fig. 4: who collects more votes where, how it was asked, and that it finds nothing where nothing is."""
    if not study["trials"]:
        return (
            "No votes have been cast. Without the truth of a drawn collection judges cannot be simulated; vote in the "
            f"form of the notebook and run it again. {ending}"
        )
    names = {"ours": f"{OURS} collects more votes", "pretrained": "the pre-trained net", "neither": "not separated"}
    won = {who: [row["question"] for row in study["questions"] if outcome(row) == who] for who in names}
    claim = "; ".join(f"{names[who]}: {', '.join(won[who]) or 'nowhere'}" for who in names)
    who = f"{study['participants']} {study['judges']}"
    null = study["null"]
    return (
        f"{who[:1].upper()}{who[1:]}: {claim}. {study['trials']} trials: which of B, nearest to A by {OURS}'s codes, "
        "and C, nearest by the pre-trained net, is similar to A. Right: share of votes for VGG + NIN without ties, "
        "with the 95 % bootstrap interval over participants; stars: exact binomial test, Holm-corrected over six "
        f"questions (* p < .05, ** p < .01, *** p < .001). {_noise_sentences(noise)}With B and C swapped at random, "
        f"{OURS} gets {number(null['preference'])} % and {number(null['false_positives'])} % of the tests have "
        f"p < .05. {_skipped(study)} {ending}"
    )


def caption_table(study: Mapping[str, Any], noise: Mapping[str, Any] | None, ending: str) -> str:
    """Of the table of votes: the paper's claims."""
    counted = [row["verdict"] for row in study["claims"]]
    kinds = ("held", "partly held", "did not hold", "not measured")
    verdicts = ", ".join(f"{counted.count(kind)} {kind}" for kind in kinds if kind in counted)
    people = f"{study['participants']} {study['judges']}"
    second = f" Last column: the share at noise {noise['second']:g} instead of {noise['level']:g}." if noise else ""
    return (
        f"Of {len(counted)} claims of the paper's §4.3: {verdicts}. Votes of {people} in {study['trials']} trials, in "
        "percent with 95 % bootstrap intervals over participants; p: exact binomial test without ties."
        f"{second} {ending}"
    )


def caption_trials(shown: int, pretrained_source: str, ending: str) -> str:
    """Of the example trials."""
    net = paper.system_name("pretrained", pretrained_source)
    return (
        f"{shown} trials as a participant sees them, but for the names of the nets. A above, drawn at random and not "
        f"picked; below, on sides drawn at random, the nearest to A by {OURS}'s codes and by the {net[0].lower()}"
        f"{net[1:]}. {ending}"
    )


def p_phrase(p: float) -> str:
    """A p value as it is printed: "p = .032", "p < .001"."""
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".")


def stars(p: float) -> str:
    """Marks of significance."""
    return "*" * sum(p < level for level in (LEVEL, 0.01, 0.001))


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of :func:`~i2v_lib.evaluation.votes.analyze` for CSV: intervals as columns, shares in percent."""
    flat = {"question": row["question"]} | {choice: row[choice] for choice in CHOICES}
    for name, values in {**row["shares"], "preference": row["preference"]}.items():
        key = name if name == "preference" else f"{name}_share"
        flat |= dict(zip((key, f"{key}_low", f"{key}_high"), map(percent, values), strict=True))
    return flat | {"p": row["p"], "p_holm": row["p_holm"]}


def _claim(claim: str, verdict: str, measured: str, votes: bool) -> dict[str, str]:
    if not votes:
        verdict, measured = "not measured", "No votes were cast for either net."
    return {"section": "§4.3", "claim": claim, "verdict": verdict, "measured": measured}


def _cast(row: Mapping[str, Any]) -> bool:
    return row["ours"] + row["pretrained"] > 0


def _signed(votes: int) -> str:
    return f"{votes:+d}".replace("-", "−")


def _skipped(study: Mapping[str, Any]) -> str:
    near = study["duplicates"]
    return (
        f"{study['skipped']:,} of {study['candidates']:,} illustrations are never A, because B and C are the same; in "
        f"{near['b']} trials B is a near-duplicate of A, in {near['c']} C is."
    )


def _noise_sentences(noise: Mapping[str, Any] | None) -> str:
    if noise is None:
        return ""
    return (
        f"The judges are simulated: they see the demo set's truth with noise of {noise['level']:g} on a scale from 0, "
        f"two illustrations at random, to 1, identical; at noise {noise['second']:g} the outcome is the same in "
        f"{len(noise['same'])} of {len(QUESTIONS)} questions. "
    )


FILLS = {  # choice -> a bar's look; ties are hatched, so that the nets stand out without color too
    "ours": {"facecolor": MODEL_COLORS["vgg_nin"]},
    "both": {"facecolor": "0.85", "hatch": "////"},
    "neither": {"facecolor": "0.95", "hatch": "...."},
    "pretrained": {"facecolor": MODEL_COLORS["pretrained"]},
}
INK = {"ours": "white", "both": "black", "neither": "black", "pretrained": "black"}
NO_VOTES = "No votes have been cast in the form; judges are simulated only where the truth is known."
LEAST = 4  # percent: a narrower bar has no room for its number


def fig4_user_study(study: Mapping[str, Any], pretrained_source: str) -> Figure:
    """Fig. 4: votes for both nets and both kinds of tie, a stacked bar a question.

    Parameters
    ----------
    study : from :func:`~i2v_lib.show.user_study.study_numbers`
    pretrained_source : "ImageNet" or "surrogate"
    """
    fig, ax = plt.subplots(figsize=(TWO_COLUMNS, 2.5), layout="constrained")
    if not study["trials"]:
        ax.text(0.5, 0.5, NO_VOTES, ha="center", va="center")
        ax.axis("off")
        return fig
    names = choice_names(pretrained_source)
    for line, row in enumerate(study["questions"]):
        start = 0.0
        for choice in CHOICES:
            share = row[f"{choice}_share"] or 0.0
            label = names[choice] if not line else None
            ax.barh(line, share, 0.7, start, edgecolor="white", linewidth=0.6, label=label, **FILLS[choice])
            if share >= LEAST:
                patch = {"facecolor": FILLS[choice]["facecolor"], "edgecolor": "none", "pad": 0.8}
                style = {"color": INK[choice], "size": 7, "bbox": patch, "ha": "center", "va": "center"}
                ax.text(start + share / 2, line, f"{share:.0f}", **style)
            start += share
        ax.text(102, line, _preference(row), size=7, va="center")
    ax.text(102, -0.75, "without ties", size=7, va="center")
    ax.set(xlim=(0, 100), ylim=(len(QUESTIONS) - 0.5, -0.5), xlabel=f"votes of {_voters(study)} (%)")
    ax.set_yticks(range(len(QUESTIONS)), QUESTIONS)
    ax.tick_params(axis="y", length=0)
    fig.legend(loc="outside upper center", ncols=4, handlelength=1.2, handletextpad=0.5, columnspacing=1.5)
    return fig


def table_user_study(study: Mapping[str, Any], noise: Mapping[str, Any] | None, pretrained_source: str) -> Figure:
    """Votes in percent with intervals, and the tests, a row a question; at a second noise level the share again."""
    others = noise["questions"] if noise else [None] * len(QUESTIONS)
    cells = []
    for row, other in zip(study["questions"], others, strict=True):
        shares = [_interval(row, f"{choice}_share") for choice in CHOICES]
        tests = [_p(row, "p"), _p(row, "p_holm")]
        cells.append([row["question"], *shares, _interval(row, "preference"), *tests])
        cells[-1] += [_interval(other, "preference")] if other else []
    columns = ["question", *choice_names(pretrained_source, short=True).values(), "VGG + NIN", "p", "p, Holm"]
    columns += [f"noise {noise['second']:g}"] if noise else []
    spans = [(1, 4, f"votes of {_voters(study)} (%)"), (5, len(columns) - 1, "without ties (%)")]
    return typeset(columns, cells, spans=spans, breaks=(5,))


def table_rows(study: Mapping[str, Any], noise: Mapping[str, Any] | None) -> Rows:
    """The table as flat rows for CSV, the second noise level's below the first's."""
    rows = [{"noise": noise["level"] if noise else None, **row} for row in study["questions"]]
    return rows + [{"noise": noise["second"], **row} for row in (noise["questions"] if noise else ())]


def fig4_trials(
    trials: Trials, pictures: Pictures, rows: np.ndarray, ids: Sequence[str], pretrained_source: str
) -> Figure:
    """Trials side by side: A above, B and C below, framed in the color of their net.

    Parameters
    ----------
    trials : at most three
    pictures : rows of the collection, (n,), to their pictures, uint8 (n, S, S, 3)
    rows : int64 array, shape (n,): the safe dataset
    ids : names of its n nodes
    pretrained_source : "ImageNet" or "surrogate"
    """
    names = {
        ours: (paper.system_name(system, pretrained_source), MODEL_COLORS[system])
        for ours, system in ((True, "vgg_nin"), (False, "pretrained"))
    }
    size = 0.88 * CELL
    step, line = TWO_COLUMNS / 3, size + 0.32
    fig = plt.figure(figsize=(TWO_COLUMNS, 2 * line))
    if not len(trials):
        fig.text(0.5, 0.5, "No illustration has different neighbors by the two nets.", ha="center")
    for i in range(len(trials)):
        middle = (i + 0.5) * step
        shown = [
            (trials.a[i], middle - size / 2, 0, "A", "black"),
            (trials.left[i], middle - size - 0.03, line, *names[bool(trials.ours_left[i])]),
            (trials.right[i], middle + 0.03, line, *names[not trials.ours_left[i]]),
        ]
        for node, x, y, name, color in shown:
            thumbnail(fig, pictures(rows[[node]])[0], ids[node], x, y + 0.15, size, color)
            at = ((x + size / 2) / TWO_COLUMNS, 1 - (y + 0.13) / (2 * line))
            fig.text(*at, name.replace(" (", "\n("), ha="center", va="bottom", size=7, color=color, linespacing=1)
    return fig


def choice_names(pretrained_source: str, short: bool = False) -> dict[str, str]:
    """What a vote can be for, for print."""
    if short:
        return dict(zip(CHOICES, ("VGG + NIN", "both", "neither", "pre-trained"), strict=True))
    nets = paper.SYSTEMS["vgg_nin"], paper.system_name("pretrained", pretrained_source)
    return dict(zip(CHOICES, (nets[0], "tie: both", "tie: neither", nets[1]), strict=True))


def _voters(study: Mapping[str, Any]) -> str:
    return f"{study['participants']} {study['judges']}, {study['trials']} trials"


def _preference(row: Mapping[str, Any]) -> str:
    """The share without ties, with its interval and stars."""
    if row["preference"] is None:
        return NONE
    low, high = (f"{row[f'preference_{end}']:.0f}" for end in ("low", "high"))
    return f"{row['preference']:.0f} % [{low}, {high}] {stars(row['p_holm'])}"


def _interval(row: Mapping[str, Any], key: str) -> str:
    if row[key] is None:
        return NONE
    return over_interval(row[key], row[f"{key}_low"], row[f"{key}_high"])


def _p(row: Mapping[str, Any], key: str) -> str:
    return p_phrase(row[key]).removeprefix("p = ").removeprefix("p ") if row["preference"] is not None else NONE
