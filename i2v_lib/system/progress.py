"""Progress of long loops: a bar in a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys

from tqdm import tqdm

FORMAT = "{desc}: {n_fmt}/{total_fmt} images, {rate_fmt}, {remaining} left{postfix}"
INTERVAL = 20  # seconds between lines where there is no terminal


class _Lines:
    """A stream for tqdm that turns each redrawing of the bar into a line, as papermill's logs need."""

    def write(self, text: str) -> None:
        if text.strip():
            print(text.strip(), file=sys.stderr)

    def flush(self) -> None:
        sys.stderr.flush()


def progress_bar(description: str | None, total: int, done: int = 0) -> tqdm:
    """Open a progress bar on standard error.

    Parameters
    ----------
    description : what is going on; nothing is shown without one
    total, done : number of images in all, and before the start

    Returns
    -------
    tqdm
        Call ``update(n)`` and ``close()``, or use it in a ``with`` statement.
    """
    options = {"desc": description, "total": total, "initial": done, "unit": " images"}
    if description is None or sys.stderr.isatty():
        return tqdm(**options, disable=description is None, dynamic_ncols=True)
    return tqdm(**options, file=_Lines(), bar_format=FORMAT, mininterval=INTERVAL, maxinterval=INTERVAL, miniters=1)
