"""Write the records of the benchmarks, and where the authors' files can be had, into the README's tables.

    python benchmarks/readme.py
"""

from __future__ import annotations

from pathlib import Path

from i2v_lib.show.released import replace_sources
from i2v_lib.show.speed import replace_speed

README = Path(__file__).resolve().parents[1] / "README.md"

if __name__ == "__main__":
    README.write_text(replace_sources(replace_speed(README.read_text(encoding="utf-8"))), encoding="utf-8")
