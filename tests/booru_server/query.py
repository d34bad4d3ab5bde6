"""The query language of post searches: the part of it that a collector may use."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from .exchange import SiteError
from .posts import Post

FREE = frozenset((
    "status", "rating", "limit", "id", "date", "age", "filesize", "filetype", "parent", "child", "md5", "width",
    "height", "duration", "mpixels", "ratio", "score", "upvote", "downvotes", "favcount", "embedded", "tagcount",
    "pixiv_id", "pixiv",
))  # fmt: skip
# Those above do not count as terms; any other word with a colon is a tag.
METATAGS = FREE | {"order", "random", "is", "source", "user", "pool", "has"}
HEAVY = frozenset(("duration", "embedded", "random"))  # these time out
STATUSES = ("deleted", "banned", "pending", "flagged")
_BOUNDS = {
    r"(\d+)": lambda value, a: value == a,
    r"(\d+)\.\.(\d+)": lambda value, a, b: a <= value <= b,
    r"(\d+)\.\.\.(\d+)": lambda value, a, b: a <= value < b,
    r"(?:>=(\d+)|(\d+)\.\.)": lambda value, a: value >= a,
    r"(?:<=(\d+)|\.\.(\d+))": lambda value, a: value <= a,
    r">(\d+)": lambda value, a: value > a,
    r"<(\d+)": lambda value, a: value < a,
}
_NUMBERS: dict[str, Callable[[Post], int]] = {
    "id": lambda post: post.id,
    "width": lambda post: post.file.width,
    "height": lambda post: post.file.height,
    "filesize": lambda post: len(post.file.data),
    "tagcount": lambda post: len(post.all_tags()),
    "pixiv": lambda post: post.pixiv_id or 0,
    "pixiv_id": lambda post: post.pixiv_id or 0,
}


@dataclass(frozen=True)
class Term:
    """One word of a query: a tag, or a metatag with its value."""

    name: str  # of the metatag; "" for a tag
    value: str
    negated: bool


def parse(text: str) -> list[Term]:
    """Split a query into its terms.

    Raises
    ------
    SiteError
        For what the site understands and this server does not: wildcards and alternatives.
    """
    terms = []
    for word in text.lower().split():
        negated = word.startswith("-") and len(word) > 1
        word = word[1:] if negated else word
        name, colon, value = word.partition(":")
        if colon and name in METATAGS:
            terms.append(Term(name, value, negated))
        elif "*" in word or (word.startswith("~") and len(word) > 1):
            raise _not_served(word)
        else:
            terms.append(Term("", word, negated))
    return terms


def check(terms: list[Term], allowed: int) -> None:
    """Refuse too many terms, and those that take the real database too long.

    Raises
    ------
    SiteError
        422 for more than ``allowed`` terms that are not free; 500 for a heavy one.
    """
    if sum(term.name not in FREE for term in terms) > allowed:
        message = f"You cannot search for more than {allowed} tags at a time."
        raise SiteError(422, "PostQuery::TagLimitError", message)
    if any(term.name in HEAVY or (term.name, term.value) == ("order", "random") for term in terms):
        raise SiteError(500, "ActiveRecord::QueryCanceled", "The database timed out running your query.")


def matches(post: Post, term: Term, canonical: Callable[[str], str], children: frozenset[int]) -> bool:
    """Whether a post is found by one term.

    Parameters
    ----------
    canonical : follows aliases
    children : ids of posts that are the parent of another
    """
    return _found(post, term, canonical, children) != term.negated


def _found(post: Post, term: Term, canonical: Callable[[str], str], children: frozenset[int]) -> bool:
    name, value = term.name, term.value
    if not name:
        return canonical(value) in post.all_tags()
    if name in ("order", "limit"):
        return not term.negated
    if name == "rating":  # only the first letter counts, so rating:safe means sensitive
        return post.rating in {item[:1] for item in value.split(",")}
    if name == "status":
        return _has_status(post, value)
    if name == "is":
        groups = {"sfw": "gs", "nsfw": "qe"}
        return post.rating in groups[value] if value in groups else _has_status(post, value)
    if name == "md5":
        return post.file.md5 in value.split(",")
    if name == "filetype":
        return post.file.ext in value.split(",")
    if name == "parent" and value in ("any", "none"):
        return (post.parent_id is not None) == (value == "any")
    if name == "parent":
        return value in (str(post.parent_id), str(post.id))
    if name == "child" and value in ("any", "none"):
        return (post.id in children) == (value == "any")
    if name in _NUMBERS:
        return in_range(_NUMBERS[name](post), value)
    raise _not_served(f"{name}:{value}")


def in_range(value: int, expression: str) -> bool:
    """Whether a number fits ``5``, ``5,7``, ``5..9``, ``5...9``, ``5..``, ``..9``, ``>5``, ``>=5``, ``<5``, ``<=5``."""
    for item in expression.split(","):
        for pattern, holds in _BOUNDS.items():
            match = re.fullmatch(pattern, item)
            if match and holds(value, *(int(group) for group in match.groups() if group)):
                return True
    return False


def _has_status(post: Post, value: str) -> bool:
    if value in ("any", "all"):
        return True
    if value == "active":  # a banned post is active
        return not post.flags & {"pending", "flagged", "deleted"}
    if value == "modqueue":
        return bool(post.flags & {"pending", "flagged"})
    return value in STATUSES and value in post.flags


def _not_served(word: str) -> SiteError:
    return SiteError(422, "PostQuery::Error", f"{word}: the test server does not know this part of the language.")
