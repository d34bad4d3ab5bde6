"""Files that hold tags, in the forms that ``import-folder`` reads: a sidecar per picture, or one table."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from i2v_lib.data import collection
from i2v_lib.data.build import write_csv
from i2v_lib.data.sidecars import CATEGORY_NAMES, COLUMNS, normalize_tag
from i2v_lib.models.serving.tag_lists import Tags
from i2v_lib.system.files import write_text

TABLE = "tags.csv"
JOURNAL = ".tags.csv.journal"  # hidden, so that nobody takes it for a picture
DIGITS = 4  # of a probability: the batch a picture was in moves the seventh
CATEGORIES = collection.CATEGORIES[:3]  # all but the rating, of which there is one


class Sidecars:
    """A file beside each picture: ``name.txt`` beside ``name.png``; ``name.png.txt`` where there is a ``name.jpg`` too.

    Parameters
    ----------
    pictures : relative path as text -> path
    format : "txt" or "json"
    force : whether files that are there are written over
    """

    def __init__(self, pictures: Mapping[str, Path], format: str, force: bool) -> None:
        self.text, self.force = {"txt": as_text, "json": as_json}[format], force
        stems = Counter(os.path.splitext(name)[0] for name in pictures)
        self.places = {}
        for name, path in pictures.items():
            stem = os.path.splitext(path.name)[0] if stems[os.path.splitext(name)[0]] == 1 else path.name
            self.places[name] = path.with_name(f"{stem}.{format}")

    def has(self, name: str) -> bool:
        """Whether a picture needs nothing."""
        return not self.force and os.path.lexists(self.places[name])

    def write(self, name: str, tags: Tags) -> None:
        """Write one picture's tags; the file is there when it is whole."""
        write_text(self.places[name], self.text(tags), durable=False)  # a wait for the disk takes longer than a picture

    def finish(self) -> None:
        """Do what comes after the last picture: nothing."""


class Table:
    """One ``tags.csv`` for a folder, written when all is done; until then a hidden journal, a line per tagged picture.

    Parameters
    ----------
    folder : where the table goes
    pictures : relative paths as text; lines about others are dropped
    settings : of the tagging, JSON values; a journal that was begun under others is refused
    force : whether a table that is there is written over

    Raises
    ------
    FileExistsError
        If the table exists and ``force`` is not set.
    ValueError
        If an interrupted run's settings were others.
    """

    def __init__(self, folder: Path, pictures: Mapping[str, Path], settings: dict[str, Any], force: bool) -> None:
        self.path, self.journal, self.pictures = folder / TABLE, folder / JOURNAL, pictures
        if os.path.lexists(self.path) and not force:
            raise FileExistsError(f"{self.path} exists and is kept; use force to replace it")
        if not self.journal.exists() or not self._cut_off_half_a_line():
            self.journal.write_text(json.dumps(settings) + "\n", encoding="utf-8")
        with self.journal.open(encoding="utf-8") as lines:
            before = json.loads(next(lines))
            self.done = {json.loads(line)["path"] for line in lines}
        if before != json.loads(json.dumps(settings)):
            raise ValueError(f"{self.journal} was begun with {before}, not {settings}; delete it, or go on as it began")

    def has(self, name: str) -> bool:
        """Whether the journal has a picture's line."""
        return name in self.done

    def write(self, name: str, tags: Tags) -> None:
        """Note one picture's tags."""
        lists = {category: ",".join(names(tags, category)) for category in CATEGORIES}
        row = {"path": name, **lists, "rating": tags["rating"][0][0]}
        with self.journal.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(row) + "\n")

    def finish(self) -> None:
        """Write the table, and remove the journal."""
        write_csv(self.path, COLUMNS, self._rows())
        self.journal.unlink()

    def _rows(self) -> Iterator[dict[str, str]]:
        with self.journal.open(encoding="utf-8") as lines:
            next(lines)
            for line in lines:
                row = json.loads(line)
                if row["path"] in self.pictures:
                    yield row

    def _cut_off_half_a_line(self) -> int:
        """Bring the journal back to its whole lines, and return their bytes."""
        with self.journal.open("r+b") as lines:
            whole = sum(len(line) for line in lines if line.endswith(b"\n"))
            lines.truncate(whole)
        return whole


def as_text(tags: Tags) -> str:
    """Tags separated by commas; those that are not general name their category."""
    items = [_with_category(tag) for tag in names(tags, "general")]
    items += [f"{category}:{tag}" for category in CATEGORIES[1:] for tag in names(tags, category)]
    return ", ".join([*items, f"rating:{tags['rating'][0][0]}"]) + "\n"


def as_json(tags: Tags) -> str:
    """Lists of tags by category, the rating, and the probabilities of all of them."""
    probabilities = {category: {tag: round(p, DIGITS) for tag, p in pairs} for category, pairs in tags.items()}
    content = {
        "tags": {category: names(tags, category) for category in CATEGORIES},
        "rating": tags["rating"][0][0],
        "probabilities": probabilities,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def names(tags: Tags, category: str) -> list[str]:
    """Tags of a category as sidecars have them: without commas."""
    return [normalize_tag(tag) for tag, _ in tags[category]]


def _with_category(tag: str) -> str:
    """A general tag, marked as such where its beginning would be read as a category's name."""
    prefix, colon, _ = tag.partition(":")
    return f"general:{tag}" if colon and prefix.lower() in CATEGORY_NAMES else tag
