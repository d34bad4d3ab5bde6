"""Tables set as in a book: thin rules above and below, none between cells."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from i2v_lib.show.style import TWO_COLUMNS

LINE, SMALL_LINE, PADDING, MARGIN, INSET, LEAST_GAP = 0.17, 0.11, 0.05, 0.06, 0.04, 0.08  # inches
WIDE = 3  # gaps: what a break between groups of columns counts
SIZE, SMALL_SIZE = 8, 6.5  # points
SCALES = (1, 0.93, 0.86, 0.8)  # of both sizes: the first that fits


def typeset(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    left: Collection[int] = (0,),
    spans: Sequence[tuple[int, int, str]] = (),
    rules: Collection[int] = (),
    breaks: Collection[int] = (),
    bold: Collection[tuple[int, int]] = (),
    width: float = TWO_COLUMNS,
) -> Figure:
    """Draw a table.

    Parameters
    ----------
    columns : C headings
    rows : C cells each; a cell may hold a second line, after a line break, which is set small
    left : columns set flush left; the others, numbers, are set flush right
    spans : (first column, last column, text): headings over several columns
    rules : rows that have a thin rule above them
    breaks : columns that stand further from the one before them, because a new group begins
    bold : (row, column) of cells to stress
    width : of the figure, inches; the space that is left goes between the columns

    Raises
    ------
    ValueError
        If the cells do not fit the width even in smaller type.
    """
    fig = plt.figure(figsize=(width, 1))
    cells = [[str(cell).split("\n") for cell in row] for row in [columns, *rows]]
    scale, lefts, rights = _fit_columns(fig, cells, bold, breaks, width)

    y = MARGIN  # inches from the top
    strokes, words = [(y, 0, width, 0.9)], []  # (y, x0, x1, points), (x, y, text, style)
    if spans:
        for first, last, text in spans:
            words.append(((lefts[first] + rights[last]) / 2, y + PADDING + LINE / 2, text, {"ha": "center"}))
            strokes.append((y + PADDING + LINE + 0.02, lefts[first], rights[last], 0.4))
        y += PADDING + LINE + 0.02
    for r, row in enumerate(cells):
        if r == 1 or r - 1 in rules:
            y += PADDING
            strokes.append((y, 0, width, 0.5))
        if r < 2 or r - 1 in rules:
            y += PADDING
        for c, lines in enumerate(row):
            flush = {"x": lefts[c], "ha": "left"} if c in left else {"x": rights[c], "ha": "right"}
            weight = "bold" if (r - 1, c) in bold else "normal"
            words.append((flush["x"], y + LINE / 2, lines[0], {"ha": flush["ha"], "weight": weight}))
            for line in lines[1:]:
                style = {"ha": flush["ha"], "size": SMALL_SIZE * scale, "color": "0.3"}
                words.append((flush["x"], y + LINE + SMALL_LINE / 2 - 0.01, line, style))
        y += LINE + (SMALL_LINE + 0.02 if any(len(lines) > 1 for lines in row) else 0)
    strokes.append((y + PADDING, 0, width, 0.9))
    height = y + PADDING + MARGIN

    fig.set_size_inches(width, height)
    ax = fig.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    ax.axis("off")
    for at, x0, x1, points in strokes:
        ax.plot([x0, x1], [at, at], color="black", linewidth=points, solid_capstyle="butt")
    for x, at, text, style in words:
        ax.text(x, at, text, **{"size": SIZE * scale, "va": "center_baseline", "parse_math": False} | style)
    return fig


def _fit_columns(fig, cells, bold, breaks, width):
    """Scale of the type and edges of the columns, inches, such that the table fills the width."""
    gaps = [0] + [WIDE if c in breaks else 1 for c in range(1, len(cells[0]))]  # before each column, in shares
    for scale in SCALES:
        widths = _column_widths(fig, cells, bold, scale)
        share = (width - 2 * INSET - sum(widths)) / max(sum(gaps), 1)
        if share >= LEAST_GAP:
            lefts = [INSET + sum(widths[:c]) + share * sum(gaps[: c + 1]) for c in range(len(widths))]
            return scale, lefts, [x + w for x, w in zip(lefts, widths, strict=True)]
    needed = 2 * INSET + sum(widths) + LEAST_GAP * sum(gaps)
    raise ValueError(f"the cells need {needed:.2f} in, width is {width} in; shorten the longest cells")


def _column_widths(fig, cells, bold, scale):
    """Width of the longest text in every column, in inches."""
    renderer = fig.canvas.get_renderer()

    def measure(text, size, weight="normal"):
        font = FontProperties(size=size * scale, weight=weight)
        return renderer.get_text_width_height_descent(text, font, ismath=False)[0] / fig.dpi

    widths = [0.0] * len(cells[0])
    for r, row in enumerate(cells):
        for c, (first, *more) in enumerate(row):
            weight = "bold" if (r - 1, c) in bold else "normal"
            widths[c] = max(widths[c], measure(first, SIZE, weight), *(measure(m, SMALL_SIZE) for m in more))
    return widths
