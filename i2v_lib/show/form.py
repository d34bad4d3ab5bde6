"""The user study for real people: a form in the notebook, whose votes go to a CSV as they are cast (§4.3)."""

from __future__ import annotations

import functools
import html
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np
from PIL import Image

from i2v_lib.evaluation.ballots import append_votes, read_votes
from i2v_lib.evaluation.study import QUESTIONS, UNANSWERED, Trials
from i2v_lib.show.thumbnails import Pictures

SIDE = 220  # pixels of a picture on the screen
OPTIONS = ("left", "right", "both", "neither")
WORDING = {
    "illustration style": "Which has a similar illustration style?",
    "color": "Which has similar colors?",
    "composition": "Which has a similar composition?",
    "title": "Which is from the same title?",
    "background": "Which has a similar background?",
    "character": "Which shows the same character?",
}
INTRODUCTION = "Compare the two pictures below with the one above. Say “neither” where you cannot tell."
NEEDS_KERNEL = "The form of the user study: run this notebook in JupyterLab to vote."


def picture_bytes(image: np.ndarray, side: int = SIDE) -> bytes:
    """A picture as PNG, enlarged or reduced to ``side`` pixels.

    Parameters
    ----------
    image : uint8 array, shape (S, S, 3)
    """
    file = io.BytesIO()
    Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC).save(file, "png")
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


def _reported(callback: Callable) -> Callable:
    """Show an exception on the status line: raised inside a widget's callback, nobody would see it."""

    @functools.wraps(callback)
    def safe(self: StudyForm, *arguments: Any) -> None:
        try:
            callback(self, *arguments)
        except Exception as error:
            self.status.value = f"<b>Error:</b> {html.escape(f'{type(error).__name__}: {error}')}"

    return safe


class StudyForm(widgets.VBox):
    """Shows A above B and C and asks the six questions, trial after trial.

    Votes are on the disk before the next trial is shown. Started again, also in another kernel, it goes on with the
    first trial that the participant has not answered.

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
    participant, questions, next, progress, status : the widgets; ``questions`` are six, in the paper's order

    Source: Saito & Matsui 2015, §4.3.
    """

    def __init__(self, trials: Trials, pictures: Pictures, rows: np.ndarray, ids: Sequence[str], path: Path):
        self._study = trials, ids, path
        self._pictures, self._rows = pictures, rows
        self.trial: int | None = None
        people = max(len(trials) // trials.each, 1)
        self.participant = widgets.BoundedIntText(value=1, min=1, max=people, description="Participant")
        self.progress = widgets.IntProgress(max=trials.each, description="Answered")
        self.status = widgets.HTML()
        self.questions = [self._buttons() for _ in QUESTIONS]
        self.next = widgets.Button(description="Next", button_style="primary", disabled=True)
        self._a, self._left, self._right = (widgets.Image(format="png", width=SIDE, height=SIDE) for _ in range(3))
        middle = widgets.Layout(align_items="center")
        pair = widgets.HBox([self._named("left", self._left), self._named("right", self._right)])
        asked = [
            widgets.HBox([widgets.HTML(f"<div style='width:19em'>{WORDING[question]}</div>"), buttons])
            for question, buttons in zip(QUESTIONS, self.questions, strict=True)
        ]
        self._body = widgets.VBox([widgets.VBox([self._a, pair], layout=middle), *asked, self.next])
        self.participant.observe(self._show, "value")
        self.next.on_click(self._cast)
        head = widgets.HBox([self.participant, self.progress])
        super().__init__([widgets.HTML(INTRODUCTION), head, self._body, self.status])
        self._show()

    def _buttons(self) -> widgets.ToggleButtons:
        buttons = widgets.ToggleButtons(options=OPTIONS, value=None)
        buttons.style.button_width = "5.5em"
        buttons.observe(self._enable, "value")
        return buttons

    def _named(self, name: str, image: widgets.Image) -> widgets.VBox:
        return widgets.VBox([image, widgets.HTML(name)], layout=widgets.Layout(align_items="center", margin="4px"))

    @_reported
    def _show(self, _change: Any = None) -> None:
        """Read what is answered, and show what comes next."""
        self.trial, self.next.disabled = None, True  # until all is known: nobody votes on another's trial
        trials, ids, path = self._study
        answers, dropped = read_votes(path, trials, ids)
        person = self.participant.value
        self.trial = next_trial(answers, person, trials.each)
        own = answers[(person - 1) * trials.each : person * trials.each, 0]
        self.progress.value = int(np.sum(own != UNANSWERED))
        for buttons in self.questions:
            buttons.value = None
        self._body.layout.display = "none" if self.trial is None else None
        notes = [f"{dropped} unreadable lines of {path.name} are left out."] if dropped else []
        if self.trial is None:
            notes.append("All trials of this participant are answered. Thank you!" if len(trials) else "No trials.")
        else:
            nodes = (trials.a[self.trial], trials.left[self.trial], trials.right[self.trial])
            shown = self._pictures(self._rows[list(nodes)])
            for image, pixels in zip((self._a, self._left, self._right), shown, strict=True):
                image.value = picture_bytes(pixels)
        self.status.value = html.escape(" ".join(notes))

    @_reported
    def _enable(self, _change: Any) -> None:
        self.next.disabled = self.trial is None or any(buttons.value is None for buttons in self.questions)

    @_reported
    def _cast(self, _button: Any) -> None:
        """Write the answers of this trial, then show the next one."""
        if self.next.disabled:  # the second half of a double click
            return
        trials, ids, path = self._study
        append_votes(path, trials, ids, self.trial, [buttons.value for buttons in self.questions])
        self._show()

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        """A sentence stands in for the form where there is no kernel; a figure of a trial comes before it."""
        return super()._repr_mimebundle_(**options) | {"text/plain": NEEDS_KERNEL}
