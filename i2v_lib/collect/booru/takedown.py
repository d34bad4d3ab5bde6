"""Removing from what was collected what the site has removed."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from i2v_lib.collect.booru.collect import build_from_stores, site_name, store_folder
from i2v_lib.collect.booru.fetch import LOOKUP, look_up
from i2v_lib.collect.booru.labels import LabelRules
from i2v_lib.collect.booru.policy import exclude
from i2v_lib.collect.booru.sites import Access, connect
from i2v_lib.collect.booru.store import Store
from i2v_lib.collect.booru.web import StopCollecting
from i2v_lib.data.build import BuildOptions, discard
from i2v_lib.data.collection import partial_folder
from i2v_lib.system.progress import progress_bar

TOO_MANY = 20  # posts that cannot all have vanished; the site must be in trouble


@dataclass(frozen=True)
class Takedown:
    """What a look at the site has led to.

    Attributes
    ----------
    asked : posts that were looked up
    removed : number of those taken down, by reason
    rebuilt : collections that were built again without them
    left : collections that could not be, since nothing is left; their pixels are gone
    """

    asked: int
    removed: dict[str, int]
    rebuilt: tuple[Path, ...]
    left: tuple[Path, ...]

    def __str__(self) -> str:
        reasons = ", ".join(f"{count} {reason}" for reason, count in self.removed.items())
        lines = [f"{self.asked:,} posts looked up, {sum(self.removed.values()):,} removed: {reasons or 'none'}"]
        lines += [f"rebuilt {path}" for path in self.rebuilt]
        return "\n".join([*lines, *(f"deleted {path}, which could not be rebuilt" for path in self.left)])


def takedown_sync(
    collection: str | Path,
    *,
    access: Access | None = None,
    fresh_for: float = 0.0,
    progress: bool = True,
) -> Takedown:
    """Look up every post that was fetched; remove those that would not be fetched today.

    Gone, banned, deleted, hidden, rated or tagged otherwise: such a post loses its file and its row, and leaves a
    tombstone of site, id, reason and date. It is never fetched again. Every collection that was made of the store
    is deleted first, so that no interruption leaves removed pixels, and then built again. What other programs have
    made of the collection, such as networks and figures, is not looked for.

    A request asks for 200 posts. Safebooru.org takes no lists of ids: there it is up to a request a post.

    Parameters
    ----------
    collection : what :func:`~i2v_lib.collect.booru.collect.collect` made, or its store
    access : as in ``collect``
    fresh_for : leave alone what was looked up less than so many seconds ago, to continue after an interruption
    progress : show a progress bar

    Raises
    ------
    FileNotFoundError
        If there is no store.
    ValueError
        If it was collected from another place than ``access`` names: a test server's posts are unknown elsewhere.
    StopCollecting, WebError
        If the site cannot be asked, or knows none of many posts. What was found until then is removed.
    """
    access, folder = access or Access(), Path(collection)
    folder = folder if (folder / "state.sqlite").exists() else store_folder(folder)
    removed: Counter[str] = Counter()
    with Store(folder) as store:
        source, ratings = store.settings["source"], store.policy().ratings
        if store.settings["site"] != site_name(access.base_url):
            place = f"base_url={access.base_url!r}" if access.base_url else "the site itself"
            raise ValueError(f"{folder} was collected from {store.settings['site']}, not from {place}; give --base-url")
        numbers = store.fetched(seen_before=time.time() - fresh_for)
        with (
            connect(source, replace(access, ask_types=False), ratings=ratings) as site,
            progress_bar("takedown" if progress else None, len(numbers), unit="posts") as bar,
        ):
            if numbers:
                store.deny(site.denied_implications())
            policy = replace(store.policy(), minimum_general=0)  # fewer tags are no reason to remove
            for first in range(0, len(numbers), LOOKUP):
                asked = numbers[first : first + LOOKUP]
                now = look_up(site, asked)
                if len(asked) >= TOO_MANY and set(now.values()) == {"gone"}:
                    raise StopCollecting(
                        f"{source} knows none of {len(asked)} posts, so it must be in trouble; try again later"
                    )
                reasons = {n: post if isinstance(post, str) else exclude(post, policy) for n, post in now.items()}
                unread = [number for number, reason in reasons.items() if reason == "malformed_row"]
                reasons = {n: reason for n, reason in reasons.items() if reason and n not in unread}
                if reasons:
                    _withdraw(store)
                    store.tombstone(reasons)
                    removed.update(reasons.values())
                store.looked_up([number for number in asked if number not in unread])
                bar.update(len(asked))
        fallen = [(out, recipe) for out, (recipe, stands) in store.builds().items() if not stands]
    possible = {out: recipe for out, recipe in fallen if any(map(_has_files, recipe["stores"]))}
    for out, recipe in possible.items():
        build = BuildOptions(**recipe.pop("build"), overwrite=True, progress=progress)
        rules = LabelRules(**recipe.pop("rules"))
        build_from_stores(out=out, rules=rules, build=build, **recipe)
    left = tuple(out for out, _ in fallen if out not in possible)
    return Takedown(len(numbers), dict(sorted(removed.items())), tuple(possible), left)


def _has_files(folder: str) -> bool:
    with Store(folder) as store:
        return bool(store.fetched())


def _withdraw(store: Store) -> None:
    """Delete the collections that show what is to be removed; that they must be built again is noted before."""
    for out, (recipe, _) in store.builds().items():
        store.note_build(out, recipe, stands=False)
        for place in (partial_folder(out), out):
            if (place / "import.json").exists() or not place.exists():
                discard(place)
