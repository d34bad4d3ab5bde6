"""The status line: what an explorer has to say, exceptions included, which widgets' callbacks would swallow."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anywidget
import traitlets

STYLES = Path(__file__).with_name("explorers.css")
KINDS = ("plain", "busy", "warning", "error")


class StatusLine(anywidget.AnyWidget):
    """One line of plain text below an explorer; whatever it holds, markup included, is shown as text.

    Attributes
    ----------
    text : what is shown
    kind : one of :data:`KINDS`: decides color and sign
    error : the last exception that :meth:`reporting` caught, with its traceback (``raise explorer.status.error`` shows
        it); None once something else was said
    """

    _esm = Path(__file__).with_name("status.js")
    _css = STYLES
    text = traitlets.Unicode().tag(sync=True)
    kind = traitlets.Enum(KINDS, "plain").tag(sync=True)

    def __init__(self, text: str = ""):
        super().__init__(text=text)
        self.error: Exception | None = None

    def say(self, text: str, kind: str = "plain") -> None:
        """Replace what is shown."""
        self.error = None
        with self.hold_sync():
            self.text, self.kind = text, kind

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """Show an exception that is raised inside, instead of passing it on to a widget that would drop it."""
        try:
            yield
        except Exception as error:
            self.say(f"{type(error).__name__}: {error}", "error")
            self.error = error


def reported(method: Callable) -> Callable:
    """Decorate every callback of an explorer: observers, click and message handlers, of an object with a ``status``."""

    @functools.wraps(method)
    def safe(self: Any, *arguments: Any, **options: Any) -> Any:
        with self.status.reporting():
            return method(self, *arguments, **options)

    return safe
