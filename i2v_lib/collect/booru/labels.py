"""From a post's tags to labels: aliases followed, and what is not a label left out."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from i2v_lib.collect.booru.posts import Post, paper_rating
from i2v_lib.data.sidecars import Tagging


@dataclass(frozen=True)
class LabelRules:
    """How tags become labels. Tags are written the site's way, with underscores.

    Raises
    ------
    ValueError
        If aliases lead in a circle.
    """

    aliases: Mapping[str, str] = field(default_factory=dict)  # antecedent -> consequent; chains are followed
    deprecated: frozenset[str] = frozenset()  # no labels, whether written so or reached by an alias
    general_includes_meta: bool = False  # True: as in 2014, before Danbooru had the category "meta"
    group_by_pixiv: bool = False  # True: the pages of one work on Pixiv share a group

    def __post_init__(self) -> None:
        object.__setattr__(self, "aliases", _follow(self.aliases))
        object.__setattr__(self, "deprecated", frozenset(self.deprecated))


def tagging_of(post: Post, rules: LabelRules) -> Tagging:
    """Turn a post into the tagging of an illustration.

    Artists, meta tags and tags without a category are not labels. The first artist is kept for credit.
    ``links`` name what puts illustrations into one group: the file, the post and its parent, the pixels and,
    if the rules ask for it, the work on Pixiv. ``origin`` records what the site said.

    Raises
    ------
    ValueError
        If the post's rating is unknown: it must not be taken for safe.
    """
    tagging = Tagging(id=f"{post.site}-{post.id}", source_url=post.source_url)
    labels = {
        "general": post.general + (post.meta if rules.general_includes_meta else ()),
        "copyright": post.copyright,
        "character": post.character,
        "artist": post.artist[:1],
    }
    for category, tags in labels.items():
        for tag in tags:
            name = rules.aliases.get(tag, tag)
            if category == "artist" or not rules.deprecated & {tag, name}:
                tagging.add(category, name)
    tagging.rating = paper_rating(post.rating, post.rating_scheme)
    tagging.links = tuple(_links(post, rules))
    tagging.origin = {
        "site": post.site,
        "post_id": post.id,
        "md5": post.md5,
        "rating": post.rating,
        "rating_scheme": post.rating_scheme,
        "created_at": post.created_at,
        "artists": list(post.artist),
        "meta": list(post.meta),
    }
    return tagging


def read_aliases(path: str | Path) -> dict[str, str]:
    """Read a table of tag aliases.

    Two shapes are known. CSV (``.csv``) has rows ``antecedent,consequent``. JSON, as one list or a line an
    object, has ``antecedent_name`` and ``consequent_name``, as Danbooru gives them; of objects with a
    ``status``, only active ones count.

    Returns
    -------
    dictionary from antecedent to consequent, with underscores

    Raises
    ------
    ValueError
        If the file is not such a table, or gives a tag two consequents; the message names the entry.
    """
    path = Path(path)
    text = path.read_text(encoding="utf-8-sig")
    aliases: dict[str, str] = {}
    for pair in _csv_pairs(text, path) if path.suffix.lower() == ".csv" else _json_pairs(text, path):
        if len(pair) != 2 or not all(isinstance(tag, str) and tag.strip() for tag in pair):
            raise ValueError(f"{path}: {pair!r} is not an alias; an entry has an antecedent and a consequent, two tags")
        antecedent, consequent = ("_".join(tag.split()) for tag in pair)
        if aliases.setdefault(antecedent, consequent) != consequent:
            both = f"{aliases[antecedent]!r} and {consequent!r}"
            raise ValueError(f"{path}: {antecedent!r} is an alias of {both}; keep one")
    return aliases


def _csv_pairs(text: str, path: Path) -> Iterator[list[str]]:
    header = ["antecedent", "consequent"]
    try:
        for row in csv.reader(text.splitlines()):
            if row and [name.removesuffix("_name") for name in row] != header:
                yield row
    except csv.Error as error:
        raise ValueError(f"{path}: {error}; give rows of two tags") from error


def _json_pairs(text: str, path: Path) -> Iterator[list[object]]:
    try:
        lines = [text] if text.lstrip().startswith("[") else [line for line in text.splitlines() if line.strip()]
        entries = [json.loads(line) for line in lines]
    except ValueError as error:
        raise ValueError(f"{path}: {error}; give JSON, JSON lines, or CSV in a file named .csv") from error
    for entry in entries[0] if entries and isinstance(entries[0], list) else entries:
        if not isinstance(entry, dict):
            raise ValueError(f"{path}: {entry!r} is not an object with antecedent_name and consequent_name")
        if entry.get("status", "active") == "active":
            yield [entry.get("antecedent_name"), entry.get("consequent_name")]


def _links(post: Post, rules: LabelRules) -> Iterator[str]:
    if post.md5:
        yield f"md5:{post.md5}"
    yield f"post:{post.site}/{post.id}"
    if post.parent_id is not None:
        yield f"post:{post.site}/{post.parent_id}"
    if post.pixel_hash:
        yield f"pixels:{post.pixel_hash}"
    if rules.group_by_pixiv and post.pixiv_id is not None:
        yield f"pixiv:{post.pixiv_id}"


def _follow(aliases: Mapping[str, str]) -> dict[str, str]:
    """Let every antecedent name the end of its chain."""
    ends: dict[str, str] = {}
    for first in aliases:
        chain, tag = [], first
        while tag in aliases and tag not in ends:
            if tag in chain:
                circle = " -> ".join([*chain[chain.index(tag) :], tag])
                raise ValueError(f"aliases lead in a circle, {circle}; remove one of them")
            chain.append(tag)
            tag = aliases[tag]
        ends |= dict.fromkeys(chain, ends.get(tag, tag))
    return ends
