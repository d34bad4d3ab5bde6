"""Errors that the command line prints as one line of its own wording."""

from __future__ import annotations


class ArgumentError(ValueError):
    """An argument has a value that cannot be used.

    Its text names the argument as Python has it, ``size=3: give 8 or more``; the command line, which knows the option
    behind it, prints ``--size 3: give 8 or more``.

    Parameters
    ----------
    name : of the argument
    value : that was passed
    cure : what to pass instead
    """

    def __init__(self, name: str, value: object, cure: str) -> None:
        super().__init__(name, value, cure)
        self.name, self.value, self.cure = name, value, cure

    def __str__(self) -> str:
        return f"{self.name}={self.value!r}: {self.cure}"


class RankError(RuntimeError):
    """Another of the processes that work together stopped, so this one cannot go on."""
