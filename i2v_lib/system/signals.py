"""Ctrl-C and SIGTERM, held back until training can stop without losing a step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def collect_signals(insisting: bool = True) -> Iterator[list[int]]:
    """Collect Ctrl-C and SIGTERM, so that a step is never cut in two.

    Parameters
    ----------
    insisting : a second signal acts at once. ``torchrun`` hands on to each process what the terminal has sent it
        already, so there a second one means nothing

    Yields
    ------
    list of int
        The signals received so far; pass it to :func:`act_on` when it is safe to stop.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():  # only there can signals be handled
        yield received
        return
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)

    def note(number: int, frame: Any) -> None:
        received.append(number)
        if insisting:
            restore()

    for number in previous:
        signal.signal(number, note)
    try:
        yield received
    finally:
        restore()


def act_on(received: list[int]) -> None:
    """Raise KeyboardInterrupt after Ctrl-C, SystemExit after SIGTERM, and nothing when none was received."""
    if signal.SIGINT in received:
        raise KeyboardInterrupt
    if received:
        raise SystemExit(128 + received[0])
