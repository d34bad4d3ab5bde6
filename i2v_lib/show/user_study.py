"""The user study: its numbers, the verdicts on the paper's claims, Fig. 4 and its table (§4.3).

A long file, since verdicts, figure, table and captions all read the same rows of votes.
"""

from __future__ import annotations

import dataclasses
import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from i2v_lib.evaluation.ballots import ballot_file, read_votes
from i2v_lib.evaluation.claims import VERDICTS, Answer, Claim, lies, verdict_of
from i2v_lib.evaluation.judges import Judges, simulate_votes
from i2v_lib.evaluation.study import CHOICES, QUESTIONS, UNANSWERED, Trials, choices, count_duplicates, draw_trials
from i2v_lib.evaluation.votes import LEVEL, analyze, null_check
from i2v_lib.run import Run
from i2v_lib.show import paper
from i2v_lib.show.exhibit import Exhibit
from i2v_lib.show.style import MODEL_COLORS, TWO_COLUMNS
from i2v_lib.show.thumbnails import CELL, Pictures, pictures, thumbnail
from i2v_lib.show.typeset import typeset
from i2v_lib.show.wording import NONE, Rows, number, over_interval, percent

NOTEBOOK = "05_user_study.ipynb"
NOT_MORE = ("illustration style", "background")  # §4.3: the categories in which the paper's net has not more votes
CLEAREST = ("title", "character")  # §4.3: "particularly outperforms"
OURS = paper.SYSTEMS["vgg_nin"]
NO_VOTE = "No votes were cast for either net."
EXAMPLES = 3  # trials that are shown
FILLS = {  # choice -> a bar's look; ties are hatched, so that the nets stand out without color too
    "ours": {"facecolor": MODEL_COLORS["vgg_nin"]},
    "both": {"facecolor": "0.85", "hatch": "////"},
    "neither": {"facecolor": "0.95", "hatch": "...."},
    "pretrained": {"facecolor": MODEL_COLORS["pretrained"]},
}
INK = {"ours": "white", "both": "black", "neither": "black", "pretrained": "black"}
NO_VOTES = "No votes have been cast in the form; judges are simulated only where the truth is known."
LEAST = 4  # percent: a narrower bar has no room for its number


def votes_of_people(run: Run, trials: Trials) -> tuple[dict[str, Any], int]:
    """What people have voted in the form: :func:`study_numbers`, and how many unreadable lines were left out."""
    ids = _column(run, "id")
    answers, dropped = read_votes(ballot_file(run.folder / "votes", trials, ids), trials, ids)
    return _numbers(run, trials, choices(answers, trials.ours_left), "people"), dropped


def votes_of_judges(
    run: Run, trials: Trials, judges: Judges, levels: Sequence[float]
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """What simulated judges vote: :func:`study_numbers` at the first noise level, and :func:`noise_numbers` of both.

    None where the truth that they judge by is not known, which is that of any collection but the drawn one.
    """
    collection, rows = run.collection(), run.safe_dataset()
    if collection.info["resize"] != "drawn":
        return None
    votes = simulate_votes(collection, rows, trials, levels, run.config.seed, judges)
    studies = [_numbers(run, trials, each, "simulated judges") for each in votes]
    return studies[0], noise_numbers(judges, levels, studies)


def _numbers(run: Run, trials: Trials, votes: np.ndarray, judges: str) -> dict[str, Any]:
    return study_numbers(trials, votes, judges, _column(run, "group"), run.config.bootstrap, run.config.seed)


def _column(run: Run, name: str) -> list[str]:
    """Of the safe dataset."""
    return run.collection().posts.column(name).take(run.safe_dataset()).to_pylist()


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
        "claims": study_claims(questions),
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


def study_claims(questions: Rows) -> list[Claim]:
    """What the paper reads from its Fig. 4, with a verdict on each.

    Who collects more votes is open unless the Holm-corrected test separates the nets, and the 95 % interval of VGG +
    NIN's share without ties lies on one side of 50 %. So whoever leads by a vote has not won by it, and that a net does
    *not* collect more is held where the other does. That the lead is largest in some questions is held where their
    shares' intervals lie above those of all others.
    """
    found = []
    for row in questions:
        expected = row["question"] not in NOT_MORE
        side = {"above": 50} if expected else {"below": 50}
        answer = None if outcome(row) == "neither" else lies(_share(row), **side)
        claim = "collects more votes than" if expected else "does not collect more votes than"
        measured = (
            f"{row['ours']} votes against {row['pretrained']} ({number(row['preference'])} %; Holm-corrected "
            f"{p_phrase(row['p_holm'])})."
        )
        sentence = f"{OURS} {claim} the pre-trained net in {row['question']}"
        found.append(Claim("§4.3", sentence, verdict_of([answer]), measured if _cast(row) else NO_VOTE))
    leads = "; ".join(f"{row['question']}: {_signed(row['ours'] - row['pretrained'])}" for row in questions)
    answers = [_leads_most(question, questions) for question in CLEAREST]
    sentence = f"{OURS} leads most in {' and '.join(CLEAREST)}"
    measured = f"{leads} votes more." if any(map(_cast, questions)) else NO_VOTE
    return [*found, Claim("§4.3", sentence, verdict_of(answers), measured)]


def _leads_most(question: str, questions: Rows) -> Answer:
    """Whether a question's share of votes lies above that of every question outside :data:`CLEAREST`."""
    own = next(row for row in questions if row["question"] == question)
    others = [row for row in questions if row["question"] not in CLEAREST]
    if not _cast(own) or not all(map(_cast, others)):
        return None
    (low, high), ends = _share(own), [_share(row) for row in others]
    gaps = [(low - their_high, high - their_low) for their_low, their_high in ends]
    answers = [lies(gap, above=0) for gap in gaps]
    return False if False in answers else None if None in answers else True


def _share(row: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """The 95 % interval of VGG + NIN's share of the votes without ties, in percent."""
    return row["preference_low"], row["preference_high"]


def fig4_user_study(run: Run, study: Mapping[str, Any], noise: Mapping[str, Any] | None = None) -> Exhibit:
    """Fig. 4: who got the votes in each question.

    Parameters
    ----------
    run : that the trials are from
    study : from :func:`votes_of_judges` or :func:`votes_of_people`
    noise : the judges' second level, from :func:`votes_of_judges`; None for people
    """
    fig, caption = draw_votes(study, run.pretrained_source()), caption_fig4(study, noise)
    return Exhibit("fig4_user_study", fig, study, caption, study["claims"], notebook=NOTEBOOK)


def fig4_people(run: Run, study: Mapping[str, Any]) -> Exhibit:
    """People's votes on the drawn set, as :func:`fig4_user_study` shows those of the judges."""
    return dataclasses.replace(fig4_user_study(run, study), name="fig4_people")


def table_user_study(run: Run, study: Mapping[str, Any], noise: Mapping[str, Any] | None = None) -> Exhibit:
    """The votes as numbers, with their tests; as :func:`fig4_user_study`."""
    rows, fig = table_rows(study, noise), draw_table(study, noise, run.pretrained_source())
    return Exhibit("table_user_study", fig, rows, caption_table(study, noise), study["claims"], notebook=NOTEBOOK)


def fig4_trials(run: Run) -> Exhibit:
    """Examples of trials, drawn apart from the study's; the numbers are the ids of A, and of those below it."""
    ours, theirs = (run.neighbors(metric, 1)[0] for metric in ("codes", "pretrained"))
    trials, ids = draw_trials(ours, theirs, 1, EXAMPLES, run.config.seed + 1), _column(run, "id")
    draw = functools.partial(pictures, run.config, run.collection())
    fig = draw_examples(trials, draw, run.safe_dataset(), ids, run.pretrained_source())
    shown = {name: [ids[node] for node in getattr(trials, name)] for name in ("a", "left", "right")}
    caption = caption_trials(len(trials), run.pretrained_source())
    return Exhibit("fig4_trials", fig, shown, caption, notebook=NOTEBOOK)


def caption_fig4(study: Mapping[str, Any], noise: Mapping[str, Any] | None) -> str:
    """Of Fig. 4: who collects more votes where, how it was asked, and that it finds nothing where nothing is."""
    if not study["trials"]:
        return (
            "No votes have been cast. Without the truth of a drawn collection judges cannot be simulated; vote in the "
            "form of the notebook and run it again."
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
        f"p < .05. {_skipped(study)}"
    )


def caption_table(study: Mapping[str, Any], noise: Mapping[str, Any] | None) -> str:
    """Of the table of votes: the paper's claims."""
    counted = Counter(claim.verdict for claim in study["claims"])
    verdicts = ", ".join(f"{counted[verdict]} {verdict}" for verdict in VERDICTS if counted[verdict])
    people = f"{study['participants']} {study['judges']}"
    second = f" Last column: the share at noise {noise['second']:g} instead of {noise['level']:g}." if noise else ""
    return (
        f"Of {len(study['claims'])} claims of the paper's §4.3: {verdicts}. Votes of {people} in {study['trials']} "
        "trials, in percent with 95 % bootstrap intervals over participants; p: exact binomial test without ties."
        f"{second}"
    )


def caption_trials(shown: int, pretrained_source: str) -> str:
    """Of the example trials."""
    net = paper.system_name("pretrained", pretrained_source)
    return (
        f"{shown} trials as a participant sees them, but for the names of the nets. A above, drawn at random and not "
        f"picked; below, on sides drawn at random, the nearest to A by {OURS}'s codes and by the {net[0].lower()}"
        f"{net[1:]}."
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


def draw_votes(study: Mapping[str, Any], pretrained_source: str) -> Figure:
    """Fig. 4: votes for both nets and both kinds of tie, a stacked bar a question.

    Parameters
    ----------
    study : from :func:`study_numbers`
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


def draw_table(study: Mapping[str, Any], noise: Mapping[str, Any] | None, pretrained_source: str) -> Figure:
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


def draw_examples(
    trials: Trials, draw: Pictures, rows: np.ndarray, ids: Sequence[str], pretrained_source: str
) -> Figure:
    """Trials side by side: A above, B and C below, framed in the color of their net.

    Parameters
    ----------
    trials : at most three
    draw : rows of the collection, (n,), to their pictures, uint8 (n, S, S, 3)
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
            thumbnail(fig, draw(rows[[node]])[0], ids[node], x, y + 0.15, size, color)
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
