"""Pages of a listing: by number, before an id, after an id."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from .exchange import SiteError

DEEPEST = 1000  # page by number


def page_size(query: dict[str, str], largest: int, default: int = 20) -> int:
    """``limit`` of a request, silently cut to what the site gives at most."""
    text = query.get("limit", "")
    return min(int(text), largest) if text.isdigit() else default


def paginate(rows: Sequence[Any], page: str, limit: int, number: Callable[[Any], int]) -> list[Any]:
    """One page of rows.

    Parameters
    ----------
    rows : in the order of the search, which only a numbered page keeps
    page : ``3``; ``b500``, the rows of highest id below 500; ``a500``, those of lowest id above 500. Both come by
        descending id, so the cursor that goes on after ``a`` is the first row's id
    number : id of a row

    Raises
    ------
    SiteError
        410 for a page that is too deep, or none.
    """
    cursor = re.fullmatch(r"([ab])(\d+)", page)
    if cursor:
        edge = int(cursor[2])
        newest_first = sorted(rows, key=number, reverse=True)
        if cursor[1] == "b":
            return [row for row in newest_first if number(row) < edge][:limit]
        above = [row for row in newest_first if number(row) > edge]
        return above[max(0, len(above) - limit) :]
    if page and not page.isdigit():
        raise SiteError(410, "PaginationExtension::PaginationError", f"Invalid page: {page}")
    if int(page or 1) > DEEPEST:
        raise SiteError(410, "PaginationExtension::PaginationError", f"You cannot go beyond page {DEEPEST}.")
    start = (max(1, int(page or 1)) - 1) * limit
    return list(rows[start : start + limit])
