"""The look of every figure: one style file, applied on import, and colors by meaning."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt

STYLE_FILE = Path(__file__).with_name("style.mplstyle")
plt.style.use(STYLE_FILE)

ONE_COLUMN, TWO_COLUMNS = 3.3, 6.9  # figure widths, inches

# Okabe–Ito; of these only the five below reach a contrast of 3:1 on white.
BLUE, VERMILLION, GREEN, PURPLE, BLACK = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000"

MODEL_COLORS = {
    "pretrained": PURPLE,
    "vgg_a": VERMILLION,
    "vgg_nin": BLUE,
    "vgg_nin_bn": GREEN,
    "random": BLACK,
    "untrained": BLACK,
}
MODEL_MARKERS = {"vgg_a": "s", "vgg_nin": "o", "vgg_nin_bn": "^"}
CATEGORY_COLORS = {"general": BLUE, "copyright": VERMILLION, "character": GREEN, "rating": PURPLE}
CATEGORY_MARKERS = {"general": "o", "copyright": "s", "character": "^", "rating": "D"}
ANSWER_COLORS = {True: BLUE, False: VERMILLION, None: "#666666"}  # what is predicted is true, is not, or nobody knows
ANSWER_SIGNS = {True: "✓", False: "✗"}


def shorten(text: str, length: int) -> str:
    """The text itself, or its beginning and an ellipsis, at most ``length`` characters."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
