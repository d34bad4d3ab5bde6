"""An exhibit: a figure or table with its numbers, its caption and its claims, shown and saved by one call."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from i2v_lib.evaluation.claims import Claim
from i2v_lib.run import Run
from i2v_lib.run.illustrations import Illustrations
from i2v_lib.show import saving
from i2v_lib.show.style import STYLE
from i2v_lib.show.wording import how

if TYPE_CHECKING:
    from IPython.display import Markdown


@dataclass(frozen=True, eq=False)
class Exhibit:
    """A figure or table, with all that belongs to it; the last line of a cell shows it, and its caption below.

    What it was made from is no part of it: :meth:`save` takes settings, data and folder from the run.

    Attributes
    ----------
    name : of the files, such as "fig2_tags"; a name that begins with "table" makes a table, which has a CSV too
    fig : the figure; pyplot forgets it, so that a notebook does not show it twice
    numbers : what the figure shows, made of lists, dictionaries, strings and numbers; of a table, a dictionary per row
    caption : the finding, then how to read it; the end, which names preset, data and notebook, is added when saved
    claims : of the paper, that the numbers decide
    notebook : file name of the notebook that makes it
    recorded : the numbers are those of a recorded benchmark, whatever the run; then the caption has no such end
    """

    name: str
    fig: Figure = field(repr=False)
    numbers: Any = field(repr=False)
    caption: str
    claims: Sequence[Claim] = ()
    notebook: str = field(kw_only=True)
    recorded: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        plt.close(self.fig)

    def save(self, run: Run | Illustrations) -> Exhibit:
        """Write PDF, PNG and JSON, of a table CSV too, into the run's folder of figures; return the exhibit.

        Parameters
        ----------
        run : that the numbers are from
        """
        sources = sources_of(run, self.notebook)
        caption = self.caption if self.recorded else f"{self.caption} {how(run.config, sources)}"
        save = saving.save_table if self.name.startswith("table") else saving.save_figure
        save(self.fig, self.name, run.figures, self.numbers, run.config, sources, caption)
        return self

    def _repr_png_(self) -> bytes:
        shown = io.BytesIO()
        with plt.style.context(STYLE):
            self.fig.savefig(shown, format="png", dpi="figure")  # of the screen, less than what is saved has
        return shown.getvalue()

    def _ipython_display_(self) -> None:
        """Show the picture, with the finding for those who cannot see it, and the caption."""
        from IPython.display import Image, Markdown, display

        display(Image(self._repr_png_(), alt=self.caption.partition(". ")[0]), Markdown(self.caption))


def sources_of(run: Run | Illustrations, notebook: str) -> dict[str, Any]:
    """What a notebook's figures are made from; of a folder of somebody's own, by which weights too."""
    described = saving.describe_sources(notebook, run.collection(), run.vocabulary())
    return described | ({"weights": run.weights().name} if isinstance(run, Illustrations) else {})


def save_metrics(run: Run | Illustrations, **sections: Any) -> Path:
    """Merge sections into the run's ``metrics.json``, such as ``table2=...``; the others stay.

    Claims among the numbers become dictionaries of "section", "claim", "verdict" and "measured".
    """
    return saving.save_metrics(run.figures, run.config, **sections)


def list_claims(claims: Sequence[Claim]) -> Markdown:
    """Claims with their verdicts and what was measured, as the list that ends a notebook."""
    from IPython.display import Markdown

    return Markdown(
        "\n".join(f"- {claim.section}: {claim.claim}: **{claim.verdict}**. {claim.measured}" for claim in claims)
    )
