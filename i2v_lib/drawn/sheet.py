"""A contact sheet of the demo set."""

from __future__ import annotations

from PIL import Image

from i2v_lib.config import Config
from i2v_lib.drawn.pictures import draw_picture
from i2v_lib.system.errors import ArgumentError


def contact_sheet(config: Config, count: int, size: int = 192, columns: int = 6, gap: int = 2) -> Image.Image:
    """The first pictures of a seed, drawn large and laid out in rows.

    Parameters
    ----------
    config : gives the seed and the world
    count : how many pictures, from index 0 on
    size : side of each in pixels
    columns : pictures a row
    gap : white pixels between pictures

    Raises
    ------
    ValueError
        If a number is not positive.
    """
    for name, value in (("count", count), ("size", size), ("columns", columns)):
        if value < 1:
            raise ArgumentError(name, value, "use a positive number")
    columns = min(columns, count)
    rows = -(-count // columns)
    sheet = Image.new("RGB", (columns * (size + gap) - gap, rows * (size + gap) - gap), (255, 255, 255))
    for index in range(count):
        row, column = divmod(index, columns)
        sheet.paste(draw_picture(config, index, size).image, (column * (size + gap), row * (size + gap)))
    return sheet
