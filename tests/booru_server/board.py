"""Everything the site holds: posts, tags, aliases, implications; and how it changes while a client walks it."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from .pictures import File, encode
from .posts import CATEGORIES, DENIED, Population, Post

CODES = {"general": 0, "artist": 1, "copyright": 3, "character": 4, "meta": 5}
DEPRECATED = ("lovely",)
RETIRED = {"sky": "heaven"}  # an alias that holds no longer: nobody may follow it
IMPLICATIONS = (("kin_of_loli", "loli"), ("kin_of_kin_of_loli", "kin_of_loli"), ("cat_ears", "animal_ears"))


class Board:
    """The site's records; hold :attr:`lock` while reading several of them.

    Parameters
    ----------
    population : makes the posts
    count : how many there are at first
    corrupt : whether the damaged files are among them
    """

    def __init__(self, population: Population, count: int, corrupt: bool = False) -> None:
        self.lock = threading.RLock()
        self.population = population
        self.posts: dict[int, Post] = {}
        self.files: dict[str, Post] = {}  # by MD5, those of replaced files and removed posts included
        self.images: dict[str, Post] = {}  # the same by safebooru.org's name of the file
        self.aliases = population.aliases
        self.tag_ids: dict[str, int] = {}
        self._enter(population.add(count, corrupt))

    def _enter(self, posts: list[Post]) -> None:
        for post in posts:
            self.posts[post.id] = post
            self._index(post)

    def _index(self, post: Post) -> None:
        self.files[post.file.md5] = self.images[post.file.image] = post
        for name in post.all_tags():
            self.tag_ids.setdefault(name, 1000 + 7 * len(self.tag_ids))

    def newest_first(self) -> list[Post]:
        """All posts that are there, by descending id."""
        return sorted(self.posts.values(), key=lambda post: -post.id)

    def canonical(self, tag: str) -> str:
        """The name that a tag is an alias of, or itself."""
        return self.aliases.get(tag, tag)

    def denied_names(self) -> frozenset[str]:
        """The denied tags and all that imply one of them, over any number of steps."""
        names = set(DENIED)
        while more := {old for old, new in IMPLICATIONS if new in names} - names:
            names |= more
        return frozenset(names)

    def denied(self, post: Post) -> bool:
        """Whether a post carries a denied tag, under any of its names."""
        names = self.denied_names()
        return any(tag in names or self.canonical(tag) in names for tag in post.all_tags())

    def tag_rows(self) -> list[dict[str, Any]]:
        """Every tag with its category and its number of posts, newest id first, as ``/tags.json`` gives them."""
        counts: Counter[tuple[str, str]] = Counter()
        for post in self.posts.values():
            counts.update((name, category) for category in CATEGORIES for name in post.tags[category])
        rows = {}
        for (name, category), count in counts.items():
            rows[name] = {
                "id": self.tag_ids[name], "name": name, "post_count": count, "category": CODES[category],
                "created_at": "2014-02-23T08:16:44.020-05:00", "updated_at": "2026-05-01T08:16:44.020-04:00",
                "is_deprecated": name in DEPRECATED, "words": name.split("_"),
            }  # fmt: skip
        return sorted(rows.values(), key=lambda row: -row["id"])

    def change(self, name: str, *arguments: Any) -> Any:
        """Change the site as its users do; see the methods below for names and arguments.

        Raises
        ------
        ValueError
            If there is no such change.
        """
        names = ("add_posts", "remove", "flag", "flip_rating", "replace_file", "alias", "tag")
        if name not in names:
            raise ValueError(f"change {name!r} is unknown; use one of {', '.join(names)}")
        with self.lock:
            return getattr(self, name)(*arguments)

    def add_posts(self, count: int) -> list[int]:
        """Upload new posts, above all ids so far."""
        fresh = self.population.add(count)
        self._enter(fresh)
        return [post.id for post in fresh]

    def remove(self, post_id: int) -> None:
        """Expunge a post: its row and its file are gone."""
        self.posts.pop(post_id).removed = True

    def flag(self, post_id: int, flag: str) -> None:
        """Mark a post as banned, deleted, pending, flagged or restricted."""
        self.posts[post_id].flags.add(flag)

    def flip_rating(self, post_id: int, rating: str = "e") -> None:
        """Rate a post anew."""
        self.posts[post_id].rating = rating

    def replace_file(self, post_id: int) -> None:
        """Give a post another picture; the former file is gone."""
        post = self.posts[post_id]
        drawn = self.population.draw_spare(post_id)
        post.file = File(encode(drawn, "png"), "png", *drawn.size)
        self._index(post)

    def alias(self, old: str, new: str) -> None:
        """Make one tag an alias of another: every post is rewritten, whatever category the old one had."""
        self.aliases[old] = new
        for post in self.posts.values():
            for names in post.tags.values():
                if old in names:
                    names[:] = list(dict.fromkeys(new if name == old else name for name in names))
            self._index(post)

    def tag(self, post_id: int, name: str, category: str = "general") -> None:
        """Add a tag to a post."""
        self.posts[post_id].tags[category].append(name)
        self._index(self.posts[post_id])
