"""Votes of real people in a CSV: appended when cast, whole or not at all; a further line takes one back (§4.3)."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from i2v_lib.evaluation.study import ANSWERS, QUESTIONS, UNANSWERED, Trials

HEADER = ("participant", "trial", "A", "left", "right", "left is", *QUESTIONS)
WITHDRAWN = "withdrawn"  # in place of all six answers: what was answered before does not count
SHOWN = len(HEADER) - len(QUESTIONS)  # columns that say what was shown


def ballot_file(folder: Path, trials: Trials, ids: Sequence[str]) -> Path:
    """The CSV of a study, named after all that its participants are shown: other trials have another file."""
    shown = "".join(_line(_shown(trials, ids, t)) for t in range(len(trials)))
    return folder / f"votes-{hashlib.sha256(shown.encode()).hexdigest()[:8]}.csv"


def append_votes(path: Path, trials: Trials, ids: Sequence[str], trial: int, answers: Sequence[str]) -> None:
    """Append the answers of one trial, and return when they are on the disk.

    Nothing in the file is ever changed: after a torn line a new one is begun.

    Parameters
    ----------
    path : of the CSV; made if missing
    trials : of the study
    ids : names of its nodes
    trial : which one, 0 to T − 1
    answers : six of :data:`~i2v_lib.evaluation.study.ANSWERS`, in the order of the questions

    Raises
    ------
    ValueError
        If there are not six answers, or one is not known.
    OSError
        If the file cannot be written.
    """
    if len(answers) != len(QUESTIONS) or set(answers) - set(ANSWERS):
        raise ValueError(f"answers={list(answers)}: give {len(QUESTIONS)}, each one of {', '.join(ANSWERS)}")
    _append(path, [*_shown(trials, ids, trial), *answers])


def withdraw_votes(path: Path, trials: Trials, ids: Sequence[str], trial: int) -> None:
    """Take back the answers of one trial by a line that says so; arguments as of :func:`append_votes`."""
    _append(path, [*_shown(trials, ids, trial), *[WITHDRAWN] * len(QUESTIONS)])


def read_votes(path: Path, trials: Trials, ids: Sequence[str]) -> tuple[np.ndarray, int]:
    """Answers cast so far.

    Parameters
    ----------
    path, trials, ids : as for :func:`append_votes`; the file may be missing

    Returns
    -------
    int8 array, shape (T, 6)
        Places in :data:`~i2v_lib.evaluation.study.ANSWERS`, or ``UNANSWERED``. Of two lines for a trial the first
        counts, unless it was taken back before the second was written.
    int
        Lines that were dropped: torn while they were written, or not about a trial of this study.
    """
    answers = np.full((len(trials), len(QUESTIONS)), UNANSWERED, np.int8)
    places = {tuple(_shown(trials, ids, t)): t for t in range(len(trials))}
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    dropped = 0
    for line in text.split("\n"):
        fields = next(csv.reader([line]), [])
        if not line or tuple(fields) == HEADER:
            continue
        trial, given = places.get(tuple(fields[:SHOWN])), fields[SHOWN:]
        if trial is not None and given == [WITHDRAWN] * len(QUESTIONS):
            answers[trial] = UNANSWERED
        elif trial is None or len(given) != len(QUESTIONS) or set(given) - set(ANSWERS):
            dropped += 1
        elif answers[trial, 0] == UNANSWERED:
            answers[trial] = [ANSWERS.index(word) for word in given]
    return answers, dropped


def _append(path: Path, fields: Sequence[str]) -> None:
    """Write one more line, and return when it is on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        beginning = "" if file.seek(0, os.SEEK_END) else _line(HEADER)
        if not beginning:
            file.seek(-1, os.SEEK_END)
            beginning = "" if file.read() == b"\n" else "\n"
        file.write((beginning + _line(fields)).encode())
        file.flush()
        os.fsync(file.fileno())


def _shown(trials: Trials, ids: Sequence[str], t: int) -> list[str]:
    """The first columns of a line: who sees what where."""
    names = [" ".join(ids[node].split()) for node in (trials.a[t], trials.left[t], trials.right[t])]  # in one line
    side = "ours" if trials.ours_left[t] else "pretrained"
    return [str(t // trials.each + 1), str(t % trials.each + 1), *names, side]


def _line(fields: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(fields)
    return text.getvalue()
