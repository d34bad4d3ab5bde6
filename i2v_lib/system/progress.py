"""Progress of long loops: a bar in a terminal, elsewhere a line at most every :data:`INTERVAL` seconds."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

FORMAT = "{desc}: {n_fmt}/{total_fmt}{unit}, {rate_fmt}, {remaining} left{postfix}"
INTERVAL = 20  # seconds between lines, at least, where there is no terminal


class _Lines:
    """A stream for tqdm that makes a line of each state of the bar, since a log, such as papermill's, cannot redraw."""

    def write(self, text: str) -> None:
        if text.strip():
            print(text.strip(), file=sys.stderr)

    def flush(self) -> None:
        sys.stderr.flush()


def progress_bar(
    description: str | None,
    total: int | None = None,
    done: int = 0,
    unit: str = "images",
    over: Iterable[Any] | None = None,
) -> tqdm:
    """Open a progress bar on standard error.

    In a terminal it is redrawn in place; elsewhere it writes a line at most every :data:`INTERVAL` seconds.

    Parameters
    ----------
    description : of the work, such as "tagging"; for None nothing is shown
    total, done : number of units in all, if known, and of those done before the start
    unit : what is counted, in the plural
    over : an iterable; the bar is then iterated in its place, and counts by itself

    Returns
    -------
    tqdm
        Call ``update(n)`` and ``close()``, or use it in a ``with`` statement.
    """
    options = {"iterable": over, "desc": description, "total": total, "initial": done, "unit": f" {unit}"}
    if description is None or sys.stderr.isatty():
        return tqdm(**options, disable=description is None, dynamic_ncols=True)
    return tqdm(**options, file=_Lines(), bar_format=FORMAT, mininterval=INTERVAL, maxinterval=INTERVAL, miniters=1)
