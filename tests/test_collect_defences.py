"""Each defence of the collecting is switched off once, and the check that is to notice it must fail."""

import contextlib
import threading
from dataclasses import replace

import pytest

from i2v_lib.collect.booru import collect, downloads, fetch, pace, replies, store_source, web
from i2v_lib.collect.booru.fetch import Fetcher
from i2v_lib.collect.booru.posts import Page
from i2v_lib.collect.booru.store import Store
from i2v_lib.collect.booru.web import StopCollecting, Web
from tests.booru_server import BooruServer, rule
from tests.collect_checks import (
    Elsewhere,
    check_excluded_rows_are_stripped,
    check_files_are_what_they_say,
    check_nothing_denied_came_in,
    check_only_allowed_files_were_served,
    check_originals_are_the_sites_own,
    check_pace,
    check_run_ended_at,
    check_walk_is_whole,
    edit,
    files_asked,
    gather,
    tables,
)


def serve(posts=40, **settings):
    return BooruServer(posts, size=64, rate=None, **settings)


def numbers(out):
    """Ids of the accepted posts."""
    return [post[0] for post in tables(out)[0] if post[1]]


# What is done, and looked at


def collect_from_a_careless_site(out):
    with serve(careless=True) as site:
        gather(site, out)
        check_only_allowed_files_were_served(site)
        check_excluded_rows_are_stripped(out)


def deny_a_tag_between_two_runs(out):
    with serve(roles=()) as site:
        site.plan(rule("challenge", host="cdn"))
        with contextlib.suppress(StopCollecting):
            gather(site, out)
        site.reset()
        with Store(out.with_name("c.store")) as store:
            store.deny(["solo"])
            solo = {post.id for post in site.board.posts.values() if "solo" in post.all_tags()}
        gather(site, out)
        asked = {record.post_id for record in files_asked(site)}
        assert solo & set(numbers(out))
        assert asked
        assert not asked & solo


def change_posts_between_two_runs(out):
    with serve(roles=()) as site:
        site.plan(rule("challenge", host="cdn"))
        with contextlib.suppress(StopCollecting):
            gather(site, out)
        site.reset()
        for number in numbers(out)[:3]:
            site.change("flip_rating", number, "e")
        gather(site, out, fresh_for=0.0)
        check_only_allowed_files_were_served(site)


def tamper_with_a_row(out):
    """A row of the store itself says that it must not come in."""
    with serve(roles=()) as site:
        gather(site, out, limit=6)
        edit(out, """UPDATE posts SET row = replace(row, '"general":[', '"general":["loli",') WHERE id % 2""")
        gather(site, out, limit=6)
        check_nothing_denied_came_in(out)


def swap_a_picture(out):
    with serve(roles=()) as site:
        site.plan(rule("other_picture", host="cdn", nth=4), rule("other_picture", host="cdn", nth=5))
        gather(site, out, variant="original", limit=10)
        check_originals_are_the_sites_own(site, out)


def send_a_page_for_a_picture(out):
    with serve(roles=()) as site:
        site.plan(rule("html", host="cdn", content_type="image/png", probability=0.3))
        gather(site, out, limit=10)
        check_files_are_what_they_say(site, out)


def lead_elsewhere(out):
    with serve(roles=()) as site, Elsewhere() as other:
        site.plan(rule("redirect", host="cdn", to=other.address, total=3))
        gather(site, out, limit=10)
        assert len(files_asked(site)) >= 10
        assert not other.visits


def hurry(out):
    with serve(roles=()) as site:
        gather(site, out, limit=20, per_second=20.0, api_per_second=10.0)
        check_pace(site, api=10, files=20, workers=2)


def show_a_challenge(out):
    with serve(60, roles=()) as site:
        site.plan(rule("challenge", host="cdn", nth=3))
        with contextlib.suppress(StopCollecting):
            gather(site, out, per_second=40.0)
        check_run_ended_at(site, "challenge")


def break_a_page(out):
    with serve(roles=()) as site:
        gather(site, out, limit=1)
        with Store(out.with_name("c.store")) as store:
            post = store.get(store.fetched()[0]).post
            fresh = tuple(replace(post, id=number) for number in (9, 8, 7))
            check_walk_is_whole(store, Page(fresh, (), 7), [None, None, None])


def leave_litter(out):
    with serve(roles=()) as site:
        gather(site, out, limit=5)
        folder = out.with_name("c.store")
        (folder / "files" / "ab").mkdir(exist_ok=True)
        (folder / "files" / "ab" / ("ab" * 16 + ".png")).write_bytes(b"of a post that was not noted")
        (folder / "incoming" / "123.part").write_bytes(b"of a post that is not wanted")
        gather(site, out, limit=5)
        check_files_are_what_they_say(site, out)


def damage_a_file(out):
    with serve(roles=()) as site:
        gather(site, out, limit=5)
        path = next(path for path in out.with_name("c.store").rglob("*.webp"))
        path.write_bytes(path.read_bytes()[:-1] + b"\xff")
        gather(site, out, limit=5, size=8)
        assert "damaged" in (out / "bad_images.csv").read_text()


def nothing(*arguments, **named):
    return None


def walk_on_before_the_rows(self, page, reasons):
    self._remember("walk", {"before": page.next_before, "ended": False})
    return ADD_PAGE(self, page, reasons)


def any_host(self, url, *, files, reason="address"):
    return pace.Limiter(1e6, 1.0, threading.Condition())


def no_challenge(status, headers, body, place):
    return replies.WebError("http_403", "go on")


def without_md5(self, url, part, *, limit, md5=""):
    return DOWNLOAD(self, url, part, limit=limit)


DOWNLOAD, ADD_PAGE = Web.download, Store.add_page
DEFENCES = {
    "the policy, when rows are listed": (collect_from_a_careless_site, collect, "exclude", nothing),
    "the policy, before a file is asked for": (deny_a_tag_between_two_runs, fetch, "exclude", nothing),
    "the policy, when the collection is built": (tamper_with_a_row, store_source, "exclude", nothing),
    "old rows are looked up again": (change_posts_between_two_runs, Fetcher, "is_old", nothing),
    "the MD5 of originals": (swap_a_picture, Web, "download", without_md5),
    "the first bytes of files": (send_a_page_for_a_picture, downloads, "sniff", lambda head: "png"),
    "the list of hosts": (lead_elsewhere, pace.Hosts, "find", any_host),
    "the pace": (hurry, pace.Limiter, "_wait", nothing),
    "a challenge ends the run": (show_a_challenge, web, "explain", no_challenge),
    "a page is one transaction": (break_a_page, Store, "add_page", walk_on_before_the_rows),
    "litter is removed": (leave_litter, Store, "_clean_up", nothing),
    "files are compared with what was fetched": (damage_a_file, store_source, "is_unchanged", lambda *_: True),
}


@pytest.mark.parametrize("name", DEFENCES)
def test_a_defence_that_is_switched_off_is_missed(name, tmp_path, monkeypatch):
    scenario, owner, attribute, broken = DEFENCES[name]
    for folder in ("on", "off"):
        (tmp_path / folder).mkdir()
    scenario(tmp_path / "on" / "c")
    monkeypatch.setattr(owner, attribute, broken)
    with pytest.raises(AssertionError):
        scenario(tmp_path / "off" / "c")
