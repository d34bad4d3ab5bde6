"""The static PNG that stands in for a widget where no kernel runs: in executed notebooks, on GitHub, in exports."""

from __future__ import annotations

import base64
import io
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

VIEW = "application/vnd.jupyter.widget-view+json"


class StaticPNG:
    """Beside a widget class: adds a PNG, and a sentence, to what the widget sends to be displayed.

    A class that takes part defines :meth:`static_png`, and ``sentence``, which says what is missing without a kernel.
    """

    sentence = "A widget: run this notebook to use it."

    def static_png(self) -> bytes:
        """A PNG of what the widget shows now."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle = super()._repr_mimebundle_(**options)  # of ipywidgets the data alone, of anywidget the metadata too
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        picture = base64.b64encode(self.static_png()).decode()
        return {**data, "image/png": picture, "text/plain": self.sentence}, metadata


def figure_bytes(fig: Figure) -> bytes:
    """A Matplotlib figure as PNG; it is closed."""
    file = io.BytesIO()
    fig.savefig(file, format="png", metadata={"Software": None})
    plt.close(fig)
    return file.getvalue()
