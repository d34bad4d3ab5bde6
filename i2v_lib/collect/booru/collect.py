"""Collecting illustrations from a booru: pages, decisions, files, and in the end a collection."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tqdm import tqdm

from i2v_lib.collect.booru.estimate import dry_run
from i2v_lib.collect.booru.fetch import Fetcher
from i2v_lib.collect.booru.labels import LabelRules
from i2v_lib.collect.booru.policy import Policy, exclude
from i2v_lib.collect.booru.posts import FILES, RATING_SCHEMES
from i2v_lib.collect.booru.sites import LOOPBACK, Access, confirm_ratings, connect
from i2v_lib.collect.booru.store import Store
from i2v_lib.collect.booru.store_source import StoreSource
from i2v_lib.data import collection as collections
from i2v_lib.data.build import BuildOptions, build_collection
from i2v_lib.system.errors import ArgumentError
from i2v_lib.system.progress import progress_bar

__all__ = ["build_from_stores", "collect", "dry_run", "store_folder"]


def collect(
    source: str,
    out: str | Path,
    *,
    query: str = "",
    limit: int,
    policy: Policy | None = None,
    rules: LabelRules | None = None,
    access: Access | None = None,
    build: BuildOptions | None = None,
    variant: str = "720x720",
    workers: int = 2,
    fresh_for: float = 3600.0,
    retry_failed: bool = False,
    confirm: Callable[[str], str] | None = None,
) -> collections.Collection:
    """Collect illustrations and their tags into ``out``, politely.

    Rows and files go into the store ``<out>.store``, one page after the other: its rows are judged by the policy,
    then the files of those that pass are fetched. In the end the collection is built from the store. An interrupted
    run continues when it is called again, and ends in the same collection; a finished one asks for nothing. A larger
    limit continues where a smaller one ended.

    Parameters
    ----------
    source : a key of :data:`i2v_lib.config.SOURCES`, such as "danbooru"
    out : folder of the collection
    query : tags to look for; ratings and status are added
    limit : number of posts that the policy accepts, from the newest down. Those that vanish, or cannot be fetched,
        count too, so that the result depends on no interruption.
    policy : which posts may be fetched; its ratings are letters of g (general), s (sensitive), q (questionable),
        e (explicit)
    rules : how tags become labels
    access : how the site is asked
    build : size of the pictures, splits, store and so on; ``overwrite`` replaces a collection at ``out`` that was not
        made from this store
    variant : "720x720", "sample" or "original"
    workers : downloads at a time; they share one pace
    fresh_for : seconds after which a row is looked up again before its file is fetched
    retry_failed : fetch once more what could not be fetched
    confirm : asks a question and returns the answer, such as ``input``; needed for ratings q and e

    Raises
    ------
    StopCollecting
        If the site wants us to end; the message says why.
    WebError
        If a page cannot be fetched. What was done is kept: run again.
    FileExistsError
        If ``out`` holds something else.
    ValueError
        If an argument is wrong, differs from those the store was made with, or q or e are not confirmed.
    """
    policy, access, build = policy or Policy(), access or Access(), build or BuildOptions()
    for name, value in (("limit", limit), ("workers", workers)):
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name}={value!r}: give a whole number from 1")
    if variant not in FILES:
        raise ValueError(f"variant={variant!r} is unknown; use one of {', '.join(FILES)}")
    confirm_ratings(policy.ratings, confirm)
    out = Path(os.path.abspath(out))
    folder = store_folder(out)
    if out.exists() and not folder.exists() and not build.overwrite:
        raise FileExistsError(f"{out} exists and was not collected; pass overwrite, or another out")
    with ExitStack() as stack:
        site = stack.enter_context(connect(source, access, query=query, ratings=policy.ratings))
        settings = {
            "source": source,
            "site": site_name(access.base_url),
            "query": site.query,
            "variant": variant,
            "policy": _plain_fields(policy),
        }
        store = stack.enter_context(Store(folder, settings))
        if retry_failed:
            store.wait_again(store.failed())
        fetcher = Fetcher(site, store, policy, variant, workers, fresh_for)
        bar = stack.enter_context(progress_bar("collecting" if build.progress else None, limit, unit="files"))
        _fill(store, fetcher, limit, bar)
        if not store.rows_seen:
            raise ArgumentError("query", query, f"{source} knows no such post; check the spelling of the tags")
    return build_from_stores([folder], out, limits=[limit], rules=rules, build=build)


def build_from_stores(
    stores: Sequence[str | Path],
    out: str | Path,
    *,
    limits: Sequence[int | None] | None = None,
    rules: LabelRules | None = None,
    build: BuildOptions | None = None,
) -> collections.Collection:
    """Make one collection of what was collected. Posts of several sites that share a file share a group.

    Parameters
    ----------
    stores : folders, each ``<collection>.store`` or the collection that was made of it
    out : folder of the collection; one that was made of these stores is replaced when they have changed
    limits : number of accepted posts that count, for each store; None for all
    rules, build : as in :func:`collect`

    Raises
    ------
    FileExistsError
        If ``out`` holds something else, and may not be overwritten.
    ValueError
        If a setting is wrong, or nothing in the stores can be used.
    """
    rules, build = rules or LabelRules(), build or BuildOptions()
    out = Path(os.path.abspath(out))
    folders = [Path(os.path.abspath(folder)) for folder in stores]
    folders = [folder if (folder / "state.sqlite").exists() else store_folder(folder) for folder in folders]
    limits = list(limits or [None] * len(folders))
    recipe = {
        "stores": list(map(str, folders)),
        "limits": limits,
        "rules": _plain_fields(rules),
        "build": build.content() | {"pixel_store": build.pixel_store},
    }
    with ExitStack() as stack:
        opened = [stack.enter_context(Store(folder)) for folder in folders]
        ours = all(out in store.builds() for store in opened)
        for store in opened:
            store.note_build(out, recipe)
        source = StoreSource(opened, rules, limits)
        letters = [letter for store in opened for letter in store.policy().ratings]
        ratings = tuple({RATING_SCHEMES["2022"][letter]: None for letter in letters})
        build = dataclasses.replace(build, overwrite=build.overwrite or ours)
        made = build_collection(source, out, build, animations="skip", ratings=ratings)
        for store in opened:
            store.note_build(out, recipe, stands=True)
    return made


def store_folder(out: str | Path) -> Path:
    """Where the store of a collection lies: beside it."""
    out = Path(os.path.abspath(out))
    return out.with_name(out.name + ".store")


def _fill(store: Store, fetcher: Fetcher, limit: int, bar: tqdm) -> None:
    """Fetch what waits; then list the next page, until enough posts are accepted or the walk has ended."""
    asked = False
    while True:
        before, ended = store.walk
        enough = ended or store.accepted() >= limit
        if not asked and not (enough and not store.waiting(limit, 1)):
            store.deny(fetcher.site.denied_implications())
            fetcher.policy, asked = store.policy(), True
        bar.n = store.counts(limit).get("fetched", 0)
        for outcome in fetcher.run(limit):
            bar.update(outcome == "fetched")
        counts = {name: count for name, count in store.counts(limit).items() if name not in ("fetched", "waiting")}
        bar.set_postfix(counts, refresh=False)
        if enough:
            return
        page = fetcher.site.page(before)
        store.add_page(page, [exclude(post, fetcher.policy) for post in page.posts])


def site_name(base_url: str | None) -> str:
    """The host that is asked; the port of a server on this machine changes from day to day."""
    host = urlsplit(base_url or "").hostname or "its own"
    return "this machine" if host in LOOPBACK else host


def _plain_fields(options: Policy | LabelRules) -> dict[str, Any]:
    """Fields by name, as JSON can hold them."""
    fields = dataclasses.asdict(options)
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in fields.items()}
