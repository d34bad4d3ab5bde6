"""The bundle: the explorers' ES modules joined into one script, as a widget and an exported page each need it."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parent
IMPORT = re.compile(r'^import \{[^}]*\} from "\./([a-z_]+\.js)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?!default\b)", re.MULTILINE)


def join_modules(entry: str) -> str:
    """A module and everything it imports, each once, before what needs it.

    Our modules import each other by name only, and no two have a name at their top level in common; a browser refuses
    a name that is declared twice.

    Parameters
    ----------
    entry : file beside this one, such as "map_widget.js"

    Returns
    -------
    str
        One module without imports; only the entry's default export is left.
    """
    texts: dict[str, str] = {}

    def take(name: str) -> None:
        text = (FOLDER / name).read_text(encoding="utf-8")
        for needed in IMPORT.findall(text):
            if needed not in texts:
                take(needed)
        texts.setdefault(name, EXPORT.sub("", IMPORT.sub("", text)))

    take(entry)
    return "\n".join(texts.values())


def read_styles(*names: str) -> str:
    """Style sheets beside this file, joined."""
    return "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in names)
