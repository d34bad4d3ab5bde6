"""The files of a store's posts: each post judged once more, its file fetched, checked and put in place."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from i2v_lib.collect.booru.policy import Policy, exclude
from i2v_lib.collect.booru.posts import STILL_IMAGES, Post, Variant, choose_variant
from i2v_lib.collect.booru.sites import Site
from i2v_lib.collect.booru.store import Store, Stored
from i2v_lib.collect.booru.web import Download, NotThereError, StopCollecting, WebError
from i2v_lib.data.images import MAX_BYTES

LARGEST_VARIANT = 30 * 2**20  # bytes; of originals, what the importer reads
LOOKUP = 200  # posts a question
UNREACHED = re.compile("connection|timeout|http_5")
MOST_UNREACHED = 8  # files in a row
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF")
SUSPECT = ("gone", "wrong_md5", "wrong_size")  # what a file that was replaced on the site looks like


@dataclass(frozen=True)
class Outcome:
    """What became of one post: a download with the name it is to have, or a reason."""

    post: Post
    reason: str = ""
    final: bool = False  # the post is not to be used; else the download may be tried again
    download: Download | None = None
    name: str = ""  # MD5 and extension


class Fetcher:
    """Fetches the files of posts that wait in a store.

    Rows that were seen longer ago than ``fresh_for`` are looked up again, in lists. Then every row is judged
    again right before its file is asked for: what was re-rated, deleted or tagged otherwise in the meantime
    costs no byte.

    Parameters
    ----------
    site : where they are from
    store : whose posts wait
    policy : what may be fetched
    variant : which file of a post, see :func:`~i2v_lib.collect.booru.posts.choose_variant`
    workers : downloads at a time; all keep the one pace of their host
    fresh_for : seconds
    """

    def __init__(
        self, site: Site, store: Store, policy: Policy, variant: str, workers: int = 2, fresh_for: float = 3600.0
    ) -> None:
        self.site, self.store, self.policy, self.variant = site, store, policy, variant
        self.workers, self.fresh_for = workers, fresh_for

    def run(self, limit: int | None) -> Iterator[str]:
        """Fetch what waits among the first ``limit`` accepted posts; yield "fetched" or the reason, for each.

        Raises
        ------
        StopCollecting
            If the site wants us to end. What was on the wire has come to its end then, and is noted.
        """
        batch = 8 * self.workers  # small, so that few rows age while they wait for their turn
        pool = ThreadPoolExecutor(self.workers)
        try:
            while posts := self.store.waiting(limit, LOOKUP):
                if any(map(self.is_old, posts[:batch])):
                    yield from self.renew([stored.post for stored in posts if self.is_old(stored)])
                    posts = self.store.waiting(limit, batch)
                yield from self._fetch_all(pool, [stored.post for stored in posts[:batch]])
        except BaseException:
            self.site.web.close()  # nothing more is asked for, also by those that wait for their turn
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def is_old(self, stored: Stored) -> bool:
        """Whether the site must be asked again before the post's file is."""
        return not 0 <= time.time() - stored.seen <= self.fresh_for

    def renew(self, posts: Sequence[Post]) -> Iterator[str]:
        """Replace rows by the site's current ones; note and yield the reasons of those now left out."""
        current, fresh = look_up(self.site, [post.id for post in posts]), []
        for post in posts:
            now = current[post.id]
            reason = now if isinstance(now, str) else exclude(now, self.policy)
            if reason is None:
                fresh.append(now)
            else:
                yield self.note(Outcome(post, reason, final=reason != "malformed_row"))
        self.store.renew(fresh)

    def fetch(self, post: Post) -> Outcome:
        """Fetch the file of one post. A file that looks replaced is asked for again as the site knows it now."""
        outcome = self._fetch_once(post)
        if outcome.reason in SUSPECT:
            try:
                now = look_up(self.site, [post.id])[post.id]
            except WebError:
                now = post
            reason = now if isinstance(now, str) else exclude(now, self.policy)
            if reason is not None and reason != "malformed_row":
                return Outcome(post, reason, final=True)
            if reason is None and (now.md5, now.variants) != (post.md5, post.variants):
                self._clear(post)
                outcome = self._fetch_once(now)
        return replace(outcome, reason="bad_file") if outcome.reason == "wrong_md5" else outcome

    def note(self, outcome: Outcome) -> str:
        """Write down what became of a post; return it in a word."""
        if outcome.download:
            download = outcome.download
            self.store.note_file(
                outcome.post, self._incoming(outcome.post), outcome.name, download.sha256, download.size
            )
        else:
            self.store.note_reason(outcome.post.id, outcome.reason, final=outcome.final)
            self._clear(outcome.post)
        return outcome.reason or "fetched"

    def _fetch_all(self, pool: ThreadPoolExecutor, posts: Sequence[Post]) -> Iterator[str]:
        futures, unreached, ending = [pool.submit(self.fetch, post) for post in posts], [], None
        for future in as_completed(futures):
            try:
                outcome = future.result()
                unreached = [*unreached, outcome] if UNREACHED.match(outcome.reason) else []
                if len(unreached) == MOST_UNREACHED:
                    raise StopCollecting(
                        f"{MOST_UNREACHED} files in a row could not be fetched ({outcome.reason}); run again later"
                    )
            except CancelledError:
                continue
            except (StopCollecting, OSError) as error:  # also a full disk
                ending = ending or error
                for other in futures:
                    other.cancel()
            else:
                yield self.note(outcome)
        if ending:
            self.store.wait_again(outcome.post.id for outcome in unreached)  # the files are not to blame
            raise ending

    def _fetch_once(self, post: Post) -> Outcome:
        reason = exclude(post, self.policy)
        if reason:
            return Outcome(post, reason, final=True)
        variant = choose_variant(post, self.variant)
        if variant is None:
            return Outcome(post, "no_file")
        path = self._incoming(post)
        original = variant.kind == "original"
        try:
            limit = MAX_BYTES if original else LARGEST_VARIANT
            download = self.site.web.download(variant.url, path, limit=limit, md5=post.md5 if original else "")
        except NotThereError:
            return Outcome(post, "gone")
        except WebError as error:
            return Outcome(post, error.reason)
        if download.ext not in STILL_IMAGES:
            return Outcome(post, "file_type")
        if not original and not fits(path, variant):
            return Outcome(post, "wrong_size")
        return Outcome(post, download=download, name=f"{download.md5}.{download.ext}")

    def _incoming(self, post: Post) -> Path:
        return self.store.incoming / f"{post.id}.part"

    def _clear(self, post: Post) -> None:
        for left in self.store.incoming.glob(f"{post.id}.*"):
            left.unlink()


def look_up(site: Site, ids: Sequence[int]) -> dict[int, Post | str]:
    """What the site says now of posts: each as it is, or "gone", or "malformed_row" where it cannot be read."""
    try:
        found = {post.id: post for post in site.lookup(ids)}
    except WebError as error:
        if error.reason != "malformed_row":
            raise
        if len(ids) == 1:
            return {ids[0]: "malformed_row"}
        return {number: look_up(site, [number])[number] for number in ids}
    return {number: found.get(number, "gone") for number in ids}


def fits(path: Path, variant: Variant) -> bool:
    """Whether a picture has the declared size, up to a pixel, upright or lying.

    A header that cannot be read fits: whether the picture can be used is judged where it is decoded.
    """
    try:
        with Image.open(path, formats=FORMATS) as picture:
            sizes = zip(sorted(picture.size), sorted((variant.width, variant.height)), strict=True)
    except Exception:  # Pillow raises whatever a damaged file leads it into
        return True
    return not variant.width or all(abs(real - declared) <= 1 for real, declared in sizes)
