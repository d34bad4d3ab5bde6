"""Posts of a bulk set that may come in, each with its picture: what a collection is built from."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from typing import Any, Protocol

from i2v_lib.collect.booru.labels import LabelRules, tagging_of
from i2v_lib.collect.booru.policy import Policy, exclude
from i2v_lib.collect.booru.posts import BadRowError, Post
from i2v_lib.collect.booru.row_fields import row_id
from i2v_lib.collect.bulk.bulk_images import Images
from i2v_lib.collect.bulk.bulk_rows import read_row
from i2v_lib.data.images import BadImageError, picture_size
from i2v_lib.data.sidecars import Tagging
from i2v_lib.system.errors import ArgumentError
from i2v_lib.system.progress import progress_bar

NO_IMAGE = "jpg"  # taken for the type of a post whose row gives none; without an image it is missing anyway


class Rows(Protocol):
    """Metadata that may be read again and again."""

    def __iter__(self) -> Iterator[Any]:
        """Yield rows as dictionaries; anything else is a malformed row."""

    def digest(self) -> str:
        """Change when a file does."""


class BulkSource:
    """Posts of a bulk set that the policy lets through and that have a picture: a `Source` for `build_collection`.

    All metadata is judged before the first picture is read. Of two rows of one post the first counts, unless the
    second one is a reason to leave the post out. Memory holds a post and its place in less than a kilobyte.

    Parameters
    ----------
    rows : metadata
    images : of the same posts; emptied of what the rows name
    joined : more metadata of some of them: whatever it says counts, and it must pass the policy too
    site : name of the posts' site; together with their numbers, the illustrations' ids
    scheme : of the ratings, a key of :data:`i2v_lib.collect.booru.posts.RATING_SCHEMES`
    policy, rules : what may come in, and how tags become labels
    limit : number of posts, those with the lowest numbers; None for all
    progress : show a progress bar

    Raises
    ------
    ValueError
        If a setting is wrong, or no post is left; the message counts the reasons.
    """

    def __init__(
        self,
        rows: Rows,
        images: Images,
        joined: Rows | None = None,
        *,
        site: str = "danbooru",
        scheme: str = "2022",
        policy: Policy,
        rules: LabelRules,
        limit: int | None = None,
        progress: bool = False,
    ) -> None:
        if not re.fullmatch("[0-9a-z_]+", site):
            raise ValueError(f"site={site!r}: give a short name of small letters, such as danbooru")
        if limit is not None and limit < 1:
            raise ArgumentError("limit", limit, "give a number of posts, 1 or more, or None for all")
        self.rows, self.images, self.joined = rows, images, joined
        self.site, self.scheme, self.policy, self.rules, self.limit = site, scheme, policy, rules, limit
        self._posts: dict[int, tuple[Any, bytes]] = {}  # the picture's place, and the post packed
        self._skipped = Counter(images.refused)
        self._choose(progress_bar("metadata" if progress else None, unit="posts", over=rows))
        if joined is not None:
            self._join(progress_bar("joining" if progress else None, unit="posts", over=joined))
        self._skipped["no_metadata"] += len(images.places)
        for number in sorted(self._posts)[limit:] if limit else ():
            del self._posts[number]
            self._skipped["over_limit"] += 1
        if not self._posts:
            counts = ", ".join(f"{count} {reason}" for reason, count in sorted(self._skipped.items()) if count)
            raise ValueError(
                f"no post can be used ({counts or 'there is none'}); if the set is from before 2022-05-22, where s "
                f"means safe, give rating_scheme='2005', not {scheme!r}"
            )

    def identity(self) -> dict[str, Any]:
        """Digests of the files' names, sizes and times of change, and all settings."""
        policy = {
            name: sorted(value) if isinstance(value, frozenset) else value for name, value in vars(self.policy).items()
        }
        rules = [sorted(self.rules.aliases.items()), sorted(self.rules.deprecated)]
        return {
            "rows": self.rows.digest(),
            "pictures": self.images.digest(),
            "joined": self.joined.digest() if self.joined is not None else "",
            "site": self.site,
            "rating_scheme": self.scheme,
            "policy": policy,
            "aliases": hashlib.sha256(json.dumps(rules).encode()).hexdigest(),
            "general_includes_meta": self.rules.general_includes_meta,
            "group_by_pixiv": self.rules.group_by_pixiv,
            "limit": self.limit,
        }

    def names(self) -> list[str]:
        """Ids such as ``danbooru-123``, by number."""
        return [f"{self.site}-{number}" for number in sorted(self._posts)]

    def read(self, name: str) -> tuple[bytes, Tagging]:
        """Bytes of a post's picture, and its tagging. Where the row gives no size, the picture's own is judged.

        Raises
        ------
        BadImageError
            With the policy's reason, or what is wrong with the file.
        """
        place, packed = self._posts[int(name.rpartition("-")[2])]
        data, post = self.images.read(place), _unpack(packed)
        if not post.width or not post.height:
            width, height = picture_size(data)
            post = replace(post, width=width, height=height)
            reason = exclude(post, self.policy)
            if reason:
                raise BadImageError(reason, f"the policy leaves out {name}, {width} x {height} pixels")
        return data, tagging_of(post, self.rules)

    def skipped(self) -> dict[str, int]:
        """Posts, pictures and archives that were left out, by reason.

        Beside those of :func:`i2v_lib.collect.booru.policy.exclude`: ``malformed_row``, ``no_tags``, ``duplicate_row``,
        ``missing`` (the picture is), ``no_metadata`` (a picture without a row), ``over_limit``, and what
        :mod:`i2v_lib.collect.bulk.archives` refuses.
        """
        return dict(self._skipped)

    def _choose(self, rows: Iterable[Any]) -> None:
        """Keep the posts that may come in, and take their pictures."""
        judged = set()
        for number, row in self._numbered(rows):
            again = number in judged
            place = self._posts[number][0] if number in self._posts else self.images.places.pop(number, None)
            post, reason = self._judge(row, NO_IMAGE if place is None else self.images.extension(place))
            if again:
                self._skipped["duplicate_row"] += 1
                if reason is not None and self._posts.pop(number, None):
                    self._skipped[reason] += 1
            else:
                judged.add(number)
                self._keep_or_skip(number, place, post, reason or ("missing" if place is None else None))

    def _join(self, rows: Iterable[Any]) -> None:
        """Let more metadata add to the posts that were kept; it may also be a reason to leave them out."""
        for number, row in self._numbered(rows):
            if number in self._posts:
                place, packed = self._posts.pop(number)
                post = _unpack(packed)
                other, reason = self._judge({"source": post.source_url, "general": []} | row, post.ext, post)
                self._keep_or_skip(number, place, other, reason)

    def _numbered(self, rows: Iterable[Any]) -> Iterator[tuple[int, Any]]:
        for row in rows:
            try:
                yield row_id(row), row
            except BadRowError as error:
                self._skipped[error.reason] += 1

    def _judge(self, row: Any, ext: str, known: Post | None = None) -> tuple[Post | None, str | None]:
        """A row's post, with what was known where the row says nothing, and the reason to leave it out."""
        try:
            post = read_row(row, self.site, self.scheme, ext)
        except BadRowError as error:
            return None, error.reason
        if known is not None:
            told = {field.name: getattr(post, field.name) or getattr(known, field.name) for field in fields(Post)}
            post = Post(**told)
        return post, exclude(post, self.policy)

    def _keep_or_skip(self, number: int, place: Any, post: Post | None, reason: str | None) -> None:
        if reason is None:
            self._posts[number] = place, _pack(post)
        else:
            self._skipped[reason] += 1


def _pack(post: Post) -> bytes:
    """A post in half of its text's size. The fields' names are the same for all, so only their values are kept."""
    return zlib.compress(json.dumps(list(vars(post).values()), separators=(",", ":")).encode())


def _unpack(packed: bytes) -> Post:
    values = json.loads(zlib.decompress(packed))
    return Post(*(tuple(value) if isinstance(value, list) else value for value in values))
