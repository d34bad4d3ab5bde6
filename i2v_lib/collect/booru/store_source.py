"""Stores as the source of a collection."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

from i2v_lib.collect.booru.labels import LabelRules, tagging_of
from i2v_lib.collect.booru.policy import exclude
from i2v_lib.collect.booru.store import Store, Stored
from i2v_lib.data.images import MAX_BYTES, BadImageError, read_bytes
from i2v_lib.data.sidecars import Tagging


class StoreSource:
    """What :func:`i2v_lib.data.build.build_collection` reads of one or more stores.

    The order is that of the stores, in each from the newest post down. A post that two stores hold is read
    from the first. Every row is judged once more by its store's policy, every file compared with what was fetched.

    Parameters
    ----------
    stores : open stores
    rules : how tags become labels
    limits : number of accepted posts that count, for each store; None for all
    """

    def __init__(self, stores: Sequence[Store], rules: LabelRules, limits: Sequence[int | None]) -> None:
        self.stores, self.rules = stores, rules
        self._policies = [store.policy() for store in stores]
        self._place: dict[str, int] = {}  # of the store that holds a name
        self._skipped: Counter[str] = Counter()
        for place, (store, limit) in enumerate(zip(stores, limits, strict=True)):
            counts = store.counts(limit)
            counts.pop("fetched", None)
            counts["not_fetched"] = counts.pop("waiting", 0)
            self._skipped.update(counts)
            for number in store.fetched(limit):
                if self._place.setdefault(f"{store.settings['source']}-{number}", place) != place:
                    self._skipped["duplicate_row"] += 1

    def identity(self) -> dict[str, Any]:
        """Digests of the rows and files that would be read, in order, of the rules, and what was left out."""
        posts, rules = hashlib.sha256(), vars(self.rules) | {"aliases": sorted(self.rules.aliases.items())}
        for name in self._place:
            stored = self._get(name)
            posts.update(f"{stored.post.to_json()} {stored.sha256}\n".encode())
        rules["deprecated"] = sorted(self.rules.deprecated)
        policies = repr([sorted(policy.also_denied) for policy in self._policies])
        return {
            "posts": posts.hexdigest(),
            "rules": hashlib.sha256(repr(sorted(rules.items())).encode()).hexdigest(),
            "denied": hashlib.sha256(policies.encode()).hexdigest(),
            "left_out": self.skipped(),
        }

    def names(self) -> list[str]:
        """Site and number of every post that has a file, such as ``danbooru-123``."""
        return list(self._place)

    def read(self, name: str) -> tuple[bytes, Tagging]:
        """Bytes of one file and the tagging of its post; any thread may call it.

        Raises
        ------
        BadImageError
            With the policy's reason, or ``damaged`` if the file is no longer what was fetched.
        """
        stored = self._get(name)
        reason = exclude(stored.post, self._policies[self._place[name]])
        if reason:
            raise BadImageError(reason, f"the policy leaves out {name}", sha256=stored.sha256)
        data = read_bytes(stored.path, MAX_BYTES)
        if not is_unchanged(data, stored):
            raise BadImageError("damaged", f"{stored.path} has changed since it was fetched; delete it, collect again")
        tagging = tagging_of(stored.post, self.rules)
        tagging.origin["sha256"] = stored.sha256
        return data, tagging

    def skipped(self) -> dict[str, int]:
        """How many rows have no file or do not count, by reason."""
        return dict(sorted(self._skipped.items()))

    def _get(self, name: str) -> Stored:
        return self.stores[self._place[name]].get(int(name.rpartition("-")[2]))


def is_unchanged(data: bytes, stored: Stored) -> bool:
    """Whether bytes are those that were fetched."""
    return hashlib.sha256(data).hexdigest() == stored.sha256
