"""The user study for real people: a form in the notebook, whose votes go to a CSV as they are cast (§4.3)."""

from __future__ import annotations

import functools
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np
from PIL import Image

from i2v_lib.evaluation.ballots import append_votes, ballot_file, read_votes, withdraw_votes
from i2v_lib.evaluation.study import ANSWERS, QUESTIONS, UNANSWERED, Trials
from i2v_lib.explorers.ballot import Ballot
from i2v_lib.explorers.gallery import Gallery
from i2v_lib.explorers.static_png import StaticPNG
from i2v_lib.explorers.status import StatusLine, reported
from i2v_lib.run import Run
from i2v_lib.show.thumbnails import Pictures, pictures

WORDING = {
    "illustration style": "Which has a similar illustration style?",
    "color": "Which has similar colors?",
    "composition": "Which has a similar composition?",
    "title": "Which is from the same title?",
    "background": "Which has a similar background?",
    "character": "Which shows the same character?",
}
INTRODUCTION = "Compare the two pictures below with the one above. Say “neither” where you cannot tell."
THANKS = "All trials of this participant are answered. Thank you!"
NEEDS_KERNEL = "The form of the user study: run this notebook in JupyterLab to vote."


def picture_bytes(image: np.ndarray) -> bytes:
    """A picture, uint8 array of shape (S, S, 3), as PNG: who judges colors sees all of them."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "png")
    return file.getvalue()


def next_trial(answers: np.ndarray, participant: int, each: int) -> int | None:
    """First trial of a participant without answers, or None if all are answered.

    Parameters
    ----------
    answers : int8 array, shape (T, 6), from :func:`~i2v_lib.evaluation.ballots.read_votes`
    participant : number, from 1
    each : trials of one participant
    """
    own = answers[(participant - 1) * each : participant * each]
    waiting = np.flatnonzero(np.all(own == UNANSWERED, axis=1))
    return (participant - 1) * each + int(waiting[0]) if len(waiting) else None


def _answered(answers: np.ndarray, participant: int, each: int) -> np.ndarray:
    """Trials that a participant has answered, in order."""
    first = (participant - 1) * each
    return first + np.flatnonzero(answers[first : first + each, 0] != UNANSWERED)


def study_form(run: Run, trials: Trials) -> StudyForm:
    """The form for a study's trials on a run's safe dataset; its votes go into the run's folder ``votes``."""
    ids = run.collection().posts.column("id").take(run.safe_dataset()).to_pylist()
    draw = functools.partial(pictures, run.config, run.collection())
    return StudyForm(trials, draw, run.safe_dataset(), ids, ballot_file(run.folder / "votes", trials, ids))


class StudyForm(StaticPNG, widgets.VBox):
    """Shows A above B and C and asks the six questions, trial after trial.

    Votes are on the disk before the next trial is shown. Started again, also in another kernel, it goes on with the
    first trial that the participant has not answered. The last vote can be taken back, and the one before it.

    Parameters
    ----------
    trials : of the study
    pictures : rows of the collection, (n,), to their pictures, uint8 (n, S, S, 3)
    rows : int64 array, shape (n,): the safe dataset
    ids : names of its n nodes, for the CSV
    path : of the CSV, see :func:`~i2v_lib.evaluation.ballots.ballot_file`

    Attributes
    ----------
    trial : the one that is shown, 0 to T − 1, or None
    participant, progress, ballot, status : the widgets

    Source: Saito & Matsui 2015, §4.3.
    """

    sentence = NEEDS_KERNEL

    def __init__(self, trials: Trials, pictures: Pictures, rows: np.ndarray, ids: Sequence[str], path: Path):
        self._study = trials, ids, path
        self._pictures, self._rows = pictures, rows
        self.trial: int | None = None
        people = max(len(trials) // trials.each, 1)
        self.participant = widgets.BoundedIntText(value=1, min=1, max=people, description="Participant")
        self.participant.layout.width = "12em"
        self.progress = widgets.IntProgress(max=trials.each, description="Answered")
        self._count = widgets.Label()
        self.ballot = Ballot([WORDING[question] for question in QUESTIONS])
        self.status = StatusLine()
        self.participant.observe(self._change, "value")
        self.ballot.on("cast", self._cast)
        self.ballot.on("undo", self._undo)
        head = widgets.HBox([self.participant, self.progress, self._count], layout={"flex_flow": "row wrap"})
        super().__init__([widgets.HTML(INTRODUCTION), head, self.ballot, self.status])
        self._change()

    @reported
    def _change(self, _change: Any = None) -> None:
        self._show()

    def _show(self, given: Sequence[str] = ("",) * len(QUESTIONS), note: str = "") -> None:
        """Read what is answered, and show what comes next, with some answers already given."""
        self.trial = None  # until all is known: nobody votes on another's trial
        trials, ids, path = self._study
        answers, dropped = read_votes(path, trials, ids)
        person = self.participant.value
        trial, answered = next_trial(answers, person, trials.each), len(_answered(answers, person, trials.each))
        notes = [note] if note else []
        notes += [f"{dropped} unreadable lines of {path.name} are left out."] if dropped else []
        if trial is None:
            notes.append(THANKS if len(trials) else "No trials.")
            self.ballot.show(-1, [], given, answered > 0)
        else:
            nodes = (trials.a[trial], trials.left[trial], trials.right[trial])
            shown = [picture_bytes(image) for image in self._pictures(self._rows[list(nodes)])]
            self.ballot.show(trial, shown, given, answered > 0)
        self.trial = trial
        self.progress.value, self._count.value = answered, f"{answered} of {min(trials.each, len(trials))}"
        self.status.say(" ".join(notes))

    @reported
    def _cast(self) -> None:
        """Write the answers of this trial, then show the next one."""
        if self.trial is None:
            return
        trials, ids, path = self._study
        append_votes(path, trials, ids, self.trial, self.ballot.answers)
        self._show()

    @reported
    def _undo(self) -> None:
        """Take back the participant's last vote, and ask again, with its answers to be changed."""
        trials, ids, path = self._study
        answers, _ = read_votes(path, trials, ids)
        last = _answered(answers, self.participant.value, trials.each)[-1]
        withdraw_votes(path, trials, ids, last)
        given = [ANSWERS[answer] for answer in answers[last]]
        self._show(given, f"The vote on trial {last % trials.each + 1} is taken back: change it, then press Next.")

    def static_png(self) -> bytes:
        """The pictures of the trial that is shown: A, left, right."""
        trial = Gallery("one trial")
        trial.show(self.ballot.pictures, ["A", "left", "right"][: len(self.ballot.pictures)])
        return trial.static_png()
