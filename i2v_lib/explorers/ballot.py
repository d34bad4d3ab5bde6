"""One trial of the user study on the screen: three pictures and six questions, answered by mouse or by keyboard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from i2v_lib.explorers.bundle import join_modules

OPTIONS = ("left", "right", "both", "neither")


class Ballot(anywidget.AnyWidget):
    """Asks which of two pictures is like a third one. Digits choose an option, Enter casts, Backspace undoes.

    Attributes
    ----------
    pictures : A, left and right as encoded images; none where there is nothing to ask
    questions : as they are worded
    answers : one of :data:`OPTIONS` a question, "" where it is not answered
    can_undo : whether there is a vote to take back
    shown : number of what is shown; a message about something else is dropped
    version : changes whenever everything must be drawn again
    received : changes whenever a message was dealt with, well or badly: until then a second one is not sent
    """

    _esm = join_modules("ballot.js")
    _css = Path(__file__).with_name("ballot.css")
    pictures = traitlets.List(traitlets.Bytes()).tag(sync=True)
    questions = traitlets.List(traitlets.Unicode()).tag(sync=True)
    options = traitlets.List(traitlets.Unicode(), list(OPTIONS)).tag(sync=True)
    answers = traitlets.List(traitlets.Enum(("", *OPTIONS))).tag(sync=True)
    can_undo = traitlets.Bool(False).tag(sync=True)
    shown = traitlets.Int(-1).tag(sync=True)
    version = traitlets.Int(0).tag(sync=True)
    received = traitlets.Int(0).tag(sync=True)

    def __init__(self, questions: Sequence[str]):
        super().__init__(questions=list(questions), answers=[""] * len(questions))
        self._callbacks: dict[str, list[Callable[[], Any]]] = {"cast": [], "undo": []}
        self.on_msg(self._receive)

    def show(self, shown: int, pictures: Sequence[bytes], answers: Sequence[str], can_undo: bool) -> None:
        """Replace all of it."""
        with self.hold_sync():
            self.shown, self.pictures, self.answers = shown, list(pictures), list(answers)
            self.can_undo, self.version = can_undo, self.version + 1

    @property
    def complete(self) -> bool:
        """Whether there is something to ask, and all of it is answered."""
        return bool(self.pictures) and all(self.answers)

    def on(self, event: str, callback: Callable[[], Any]) -> None:
        """Call ``callback()`` when a vote is "cast" or the last one is to be undone ("undo")."""
        self._callbacks[event].append(callback)

    def cast(self) -> None:
        """Do what the button does: nothing, as long as a question is open."""
        if self.complete:
            self._call("cast")

    def undo(self) -> None:
        """Do what the button does."""
        if self.can_undo:
            self._call("undo")

    def _call(self, event: str) -> None:
        for callback in self._callbacks[event]:
            callback()

    def _receive(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """A message from the browser, with the answers as they were there; of another trial it is dropped.

        All that changes goes back in one message: a key that is pressed as soon as the next trial is seen counts.
        """
        with self.hold_sync():
            try:
                if content.get("shown") == self.shown and content.get("event") in self._callbacks:
                    if content["event"] == "cast":
                        self.answers = content["answers"]
                        self.cast()
                    else:
                        self.undo()
            finally:
                self.received += 1
