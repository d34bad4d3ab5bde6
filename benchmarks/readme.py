"""Write what the benchmarks recorded into ``benchmarks/README.md``, and the most telling of it into the README.

The README also gets where the authors' files can be had.

    python benchmarks/readme.py
"""

from __future__ import annotations

from pathlib import Path

from i2v_lib.show.readme import replace_block
from i2v_lib.show.released import replace_sources
from i2v_lib.show.speed import render_speed
from i2v_lib.show.speed_summary import summary_table

README = Path(__file__).resolve().parents[1] / "README.md"


def written() -> dict[Path, str]:
    """Each file as it should be, from the records alone."""
    all_of_it = README.parent / "benchmarks" / README.name
    text = {path: path.read_text(encoding="utf-8") for path in (README, all_of_it)}
    text[README] = replace_sources(replace_block(text[README], "speed", summary_table()))
    text[all_of_it] = replace_block(text[all_of_it], "speed", render_speed())
    return text


if __name__ == "__main__":
    for path, text in written().items():
        path.write_text(text, encoding="utf-8")
