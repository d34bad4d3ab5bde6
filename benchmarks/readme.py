"""Write what the benchmarks recorded into ``benchmarks/README.md``, and the most telling of it into the README.

The README also gets where the authors' files are found.

    python benchmarks/readme.py [--check]

With ``--check`` nothing is written; the exit code is 1 if a file would change.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from report import render_speed, summary_table  # this script's folder is where Python looks first

from i2v_lib.show.readme import replace_block
from i2v_lib.show.released import replace_sources

FOLDER = Path(__file__).resolve().parent


def rendered() -> dict[Path, str]:
    """Each file as it should be, from the records alone."""
    front, every = FOLDER.parent / "README.md", FOLDER / "README.md"
    text = {path: path.read_text(encoding="utf-8") for path in (front, every)}
    text[front] = replace_sources(replace_block(text[front], "speed", summary_table()))
    text[every] = replace_block(text[every], "speed", render_speed())
    return text


def main(check: bool) -> int:
    """Write both files, or say which would change."""
    stale = {path: text for path, text in rendered().items() if text != path.read_text(encoding="utf-8")}
    for path, text in stale.items():
        if check:
            print(f"{path} does not show the records; run: python benchmarks/readme.py")
        else:
            path.write_text(text, encoding="utf-8")
    return int(check and bool(stale))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file would change")
    sys.exit(main(parser.parse_args().check))
