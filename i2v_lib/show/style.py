"""The look of every figure: one style file, applied on import, and colors by meaning."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.font_manager import get_font_names

from i2v_lib.models.systems import SYSTEMS, TRAINED

# For what DejaVu Sans lacks, such as Japanese names of files; of these whichever are installed. All are TrueType, which
# a PDF can embed.
WIDER_FONTS = ("IPAexGothic", "IPAPGothic", "TakaoPGothic", "VL PGothic", "Droid Sans Fallback", "Yu Gothic", "Meiryo",
               "MS Gothic", "Arial Unicode MS", "Malgun Gothic", "Microsoft YaHei")  # fmt: skip
STYLE = [
    Path(__file__).with_name("style.mplstyle"),
    {"font.family": ["sans-serif", *(name for name in WIDER_FONTS if name in get_font_names())]},
]
plt.style.use(STYLE)

ONE_COLUMN, TWO_COLUMNS = 3.3, 6.9  # figure widths, inches

# Okabe–Ito; of these only the five below reach a contrast of 3:1 on white.
BLUE, VERMILLION, GREEN, PURPLE, BLACK = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000"

PALETTE = {"blue": BLUE, "vermillion": VERMILLION, "green": GREEN, "purple": PURPLE, "black": BLACK}

MODEL_COLORS = {system.name: PALETTE[system.color] for system in SYSTEMS}
MODEL_MARKERS = {name: system.marker for name, system in TRAINED.items()}
CATEGORY_COLORS = {"general": BLUE, "copyright": VERMILLION, "character": GREEN, "rating": PURPLE}
CATEGORY_MARKERS = {"general": "o", "copyright": "s", "character": "^", "rating": "D"}
ANSWER_COLORS = {True: BLUE, False: VERMILLION, None: "#666666"}  # what is predicted is true, is not, or nobody knows
ANSWER_SIGNS = {True: "✓", False: "✗"}


def shorten(text: str, length: int) -> str:
    """The text itself, or its beginning and an ellipsis, at most ``length`` characters."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
