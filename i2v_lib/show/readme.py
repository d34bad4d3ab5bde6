"""Blocks of the README that are rendered, each between two markers, and never typed."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def replace_block(text: str, name: str, content: str) -> str:
    """A text whose block ``<!-- name:begin -->`` … ``<!-- name:end -->`` holds other content.

    Raises
    ------
    ValueError
        If the text does not hold both markers once, in order.
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, first, rest = text.partition(begin)
    _, last, after = rest.partition(end)
    if not first or not last or begin in rest or end in after:
        raise ValueError(f"README.md: its {name} need the lines {begin} and {end}, once each; put them back")
    return f"{before}{begin}\n{content}\n{end}{after}"


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]], left: Collection[int] = (0,)) -> str:
    """A table of Markdown; columns in ``left`` flush left, the others, numbers, flush right."""
    rule = ["---" if column in left else "---:" for column in range(len(heads))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, rule, *rows))
