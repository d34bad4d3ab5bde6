"""Tags that lie beside illustrations: ``name.txt``, ``name.json`` and ``tags.csv``."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from i2v_lib.data.collection import SPLITS

COLUMNS = (
    "path", "general", "copyright", "character", "rating", "group", "split", "id", "source_url", "artist"
)  # fmt: skip
CATEGORY_NAMES = {
    "general": "general",
    "0": "general",
    "artist": "artist",
    "1": "artist",
    "copyright": "copyright",
    "series": "copyright",
    "3": "copyright",
    "character": "character",
    "4": "character",
    "rating": "rating",
    "meta": "ignored",
    "metadata": "ignored",
    "5": "ignored",
}  # fmt: skip  the numbers are Danbooru's
RATING_NAMES = {
    "g": "safe", "general": "safe", "s": "safe", "safe": "safe", "sensitive": "safe",
    "q": "questionable", "questionable": "questionable",
    "e": "explicit", "explicit": "explicit",
}  # fmt: skip
_EYE = r"(?=[^\s_])[^\w\s]*[^\W_]?[^\w\s]*"  # one letter or digit at most, among signs
_FACE = re.compile(f"{_EYE}_+{_EYE}")


@dataclass
class Tagging:
    """What is known about one illustration beside its pixels; an empty string where nothing is.

    Attributes
    ----------
    general, copyright, character : ordered sets of tags
    links : keys such as ``md5:…`` or ``post:danbooru/123``; illustrations that share one belong to one group
    origin : where it came from, for the record: values are strings, numbers, true or false, None, or lists of strings
    """

    general: dict[str, None] = field(default_factory=dict)
    copyright: dict[str, None] = field(default_factory=dict)
    character: dict[str, None] = field(default_factory=dict)
    rating: str = ""
    group: str = ""
    split: str = ""
    id: str = ""
    source_url: str = ""
    artist: str = ""
    links: tuple[str, ...] = ()
    origin: dict[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.general or self.copyright or self.character or self.rating)

    def add(self, category: str, text: Any) -> None:
        """Note one tag of a category: one of general, copyright, character, rating, artist."""
        tag = normalize_tag(text)
        if category == "rating":
            self.rating = self.rating or RATING_NAMES.get(tag.lower(), "")
        elif category == "artist":
            self.artist = self.artist or tag
        elif category != "ignored" and tag:
            getattr(self, category)[tag] = None


def clean_text(value: Any) -> str:
    """Text that every file of a collection can hold: halves of broken characters become question marks."""
    return str(value).encode("utf-8", "replace").decode()


def normalize_tag(text: Any) -> str:
    """Write a tag with spaces: ``long_hair`` becomes ``long hair``, while faces such as ``^_^`` keep theirs.

    A comma inside a tag becomes a space too, since commas separate tags in every list that is written.
    """
    text = clean_text(text).replace("\\(", "(").replace("\\)", ")").strip()  # tagging tools escape brackets
    if _FACE.fullmatch(text) and "," not in text:
        return text
    return " ".join(re.sub(r"[_,]", " ", text).split())


def read_txt(text: str, types: Mapping[str, str]) -> Tagging:
    """Read tags separated by commas or lines; ``rating:safe`` and the like name their own category."""
    tagging = Tagging()
    for item in re.split(r"[,\n]", text):
        _add_untyped(tagging, item, types)
    return tagging


def read_json(text: str, types: Mapping[str, str]) -> Tagging:
    """Read the post of a booru downloader and keep its categories.

    Known shapes: ``tag_string_general`` and its kin (Danbooru), ``tags_general`` (gallery-dl), each a list or
    one string; ``tags`` as an object of lists, as a list of objects with a category, or, only where nothing
    else is given, as plain tags without one.

    Raises
    ------
    ValueError
        If the text is no JSON object.
    """
    post = json.loads(text)
    if isinstance(post, list) and len(post) == 1:
        post = post[0]
    if isinstance(post, dict) and isinstance(post.get("post"), dict):
        post = post["post"]
    if not isinstance(post, dict):
        raise ValueError("expected one JSON object, a post")
    tagging = Tagging()
    tags = post.get("tags", post.get("tag_string"))
    for name, category in CATEGORY_NAMES.items():
        lists = [post.get(f"tag_string_{name}"), post.get(f"tags_{name}")]
        lists.append(tags.get(name) if isinstance(tags, dict) else None)
        for tag in (tag for items in lists for tag in _items(items)):
            tagging.add(category, tag)
    typed = bool(tagging)
    for tag in _items(None if isinstance(tags, dict) else tags):
        if isinstance(tag, dict):
            name = tag.get("name") or next(_items(tag.get("names")), "")
            tagging.add(CATEGORY_NAMES.get(str(tag.get("category")), "general"), name)
        elif not typed:
            _add_untyped(tagging, tag, types)
    tagging.add("rating", post.get("rating") or "")
    tagging.source_url = clean_text(post.get("source_url") or post.get("source") or post.get("file_url") or "")
    return tagging


def read_csv(path: Path) -> dict[str, Tagging]:
    """Read ``tags.csv``: a row an illustration, tags of a field separated by commas.

    Returns
    -------
    dictionary from the path written in the row to its tagging

    Raises
    ------
    ValueError
        If the file is no such table; the message names the line.
    """
    taggings: dict[str, Tagging] = {}
    ids: set[str] = set()
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines, strict=True)
        try:
            unknown = set(reader.fieldnames or ()) - set(COLUMNS)
            if unknown or "path" not in (reader.fieldnames or ()):
                raise ValueError(f"columns {', '.join(sorted(unknown)) or 'without path'}; use {', '.join(COLUMNS)}")
            for row in reader:
                if None in row or None in row.values():
                    raise ValueError("another number of fields than the header; quote fields with commas")
                tagging = _read_row(row)
                if row["path"] in taggings:
                    raise ValueError(f"path {row['path']!r} appears twice; keep one row")
                if tagging.id and tagging.id in ids:
                    raise ValueError(f"id {tagging.id!r} appears twice; give every illustration its own")
                taggings[row["path"]] = tagging
                ids.add(tagging.id)
        except (ValueError, csv.Error) as error:
            raise ValueError(f"{path}, line {reader.line_num}: {error}") from error
    return taggings


def read_tag_types(path: str | Path) -> dict[str, str]:
    """Read a file that tells the category of tags: a JSON object, or CSV rows ``tag,category``.

    Raises
    ------
    ValueError
        If a category is unknown or the file is neither.
    """
    path = Path(path)
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix == ".json":
        content = json.loads(text)
        pairs = list(content.items()) if isinstance(content, dict) else [content]
    else:
        pairs = [row for row in csv.reader(text.splitlines()) if row and row != ["tag", "category"]]
    types = {}
    for pair in pairs:
        if len(pair) != 2 or str(pair[1]).strip() not in CATEGORY_NAMES:
            names = ", ".join(sorted(CATEGORY_NAMES))
            raise ValueError(f"{path}: {pair!r} is no tag and category; the categories are {names}")
        types[normalize_tag(pair[0])] = CATEGORY_NAMES[str(pair[1]).strip()]
    return types


def _read_row(row: Mapping[str, str]) -> Tagging:
    tagging = Tagging()
    for category in ("general", "copyright", "character"):
        for tag in row.get(category, "").split(","):
            tagging.add(category, tag)
    tagging.add("rating", row.get("rating", ""))
    for name in ("group", "split", "id", "source_url", "artist"):
        setattr(tagging, name, row.get(name, ""))
    if tagging.split not in ("", *SPLITS):
        raise ValueError(f"split {tagging.split!r} is unknown; use one of {', '.join(SPLITS)}")
    return tagging


def _add_untyped(tagging: Tagging, text: Any, types: Mapping[str, str]) -> None:
    """Add a tag by the category it names itself, else the one in ``types``, else as general."""
    prefix, colon, rest = clean_text(text).strip().partition(":")
    if colon and not prefix.isdigit() and prefix.lower() in CATEGORY_NAMES:
        tagging.add(CATEGORY_NAMES[prefix.lower()], rest)
    else:
        tagging.add(types.get(normalize_tag(text), "general"), text)


def _items(value: Any) -> Iterable[Any]:
    """The tags of a list, or of a string that separates them with commas or, without any, with spaces."""
    if isinstance(value, str):
        value = value.split("," if "," in value else None)
    return iter(value if isinstance(value, list) else ())
