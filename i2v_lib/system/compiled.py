"""Functions that Numba compiles, kept on disk for later processes where there is a folder to keep them in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(**options: Any) -> Callable[[Callable], Callable]:
    """Decorator that compiles a function at its first call.

    The machine code is kept beside the source, or else in the user's cache. A read-only installation of a user who has
    no cache folder has neither; then each process compiles for itself.

    Parameters
    ----------
    options : of :func:`numba.njit`, but for ``cache``
    """

    def compile_it(function: Callable) -> Callable:
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError as error:
            if "no locator available" not in str(error):  # Numba has no error class of its own for this
                raise
            return numba.njit(**options)(function)

    return compile_it
