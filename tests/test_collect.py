"""Collecting from the test server: what it served, what lies on the disk, and how runs end and go on."""

import json
import os
import random
import time
from collections import Counter

import numpy as np
import pytest
from PIL import Image
from processes import start

from i2v_lib.collect.booru.collect import build_from_stores, store_folder
from i2v_lib.collect.booru.estimate import estimate
from i2v_lib.collect.booru.fetch import fits
from i2v_lib.collect.booru.posts import Variant
from i2v_lib.collect.booru.store import Store
from i2v_lib.collect.booru.web import StopCollecting, WebError
from i2v_lib.data.build import BuildOptions
from i2v_lib.data.collection import open_collection, partial_folder
from tests.booru_server import BooruServer, rule
from tests.collect_checks import (
    FAST,
    PAGE,
    ask_cost,
    check_collection_is_right,
    check_each_file_was_asked_for_once,
    check_excluded_rows_are_stripped,
    check_files_are_what_they_say,
    check_only_allowed_files_were_served,
    check_originals_are_the_sites_own,
    check_pace,
    check_rows_add_up,
    check_run_ended_at,
    digests,
    files_asked,
    gather,
    gather_in_process,
    impatient,
    leave,
    outcomes,
    sync,
    tables,
)

SOAK_POSTS = int(os.environ.get("I2V_SOAK_POSTS", "300"))
KILLS = 20
QUIET = {"rate": None}  # the server's own limit is tested with the client's pace elsewhere


def serve(posts=60, **settings):
    return BooruServer(posts, size=64, **QUIET | settings)


@pytest.fixture
def site():
    """A site of ordinary and awkward posts."""
    with serve() as site:
        yield site


@pytest.fixture
def plain():
    """A site of ordinary posts only."""
    with serve(30, roles=()) as site:
        yield site


def allowed(site):
    """Ids of posts that may be fetched, newest first."""
    return [post.id for post in site.truth() if post.fetch]


def stop_before_the_files(site, out, **arguments):
    """Collect until the first file, at which the site shows a challenge."""
    site.plan(rule("challenge", host="cdn"))
    with pytest.raises(StopCollecting):
        gather(site, out, **arguments)
    site.reset()


# The whole way


@pytest.mark.parametrize(("variant", "corrupt"), [("720x720", False), ("original", True)])
def test_what_is_allowed_is_collected_and_nothing_else(tmp_path, variant, corrupt):
    """A careless site lists everything, so only the client's own judgment holds it back."""
    out = tmp_path / "c"
    with serve(careless=True, corrupt=corrupt) as site:
        collection = gather(site, out, variant=variant)
        check_only_allowed_files_were_served(site)
        check_excluded_rows_are_stripped(out)
        check_files_are_what_they_say(site, out)
        counts = check_rows_add_up(site, out)
        assert sum(counts.values()) == len(site.board.posts)
        truth = {post.id: post for post in site.truth()}
        for number, _, _, reason, *_ in tables(out)[0]:
            assert reason in truth[number].reasons if truth[number].reasons else reason in (None, "not_an_image")
        check_collection_is_right(site, out)
        if corrupt:
            check_originals_are_the_sites_own(site, out)
        else:
            check_each_file_was_asked_for_once(site)
    assert len(counts) > 8
    assert 20 < len(collection) == counts["fetched"] - sum(1 for _ in (out / "bad_images.csv").open()) + 1


def test_a_finished_collecting_asks_for_nothing(site, tmp_path):
    first = gather(site, tmp_path / "c")
    before = len(site.log)
    again = gather(site, tmp_path / "c")
    assert len(site.log) == before
    assert again.fingerprint == first.fingerprint


def test_rows_tell_labels_credit_and_origin(plain, tmp_path):
    """Tags, the artist's link and the site's rating come through; aliases are followed if they are given."""
    import pyarrow.parquet as parquet

    collection = gather(plain, tmp_path / "c", aliases={"solo": "alone"})
    post = plain.board.posts[int(collection.column("id")[0].split("-")[1])]
    names = {tag.replace("_", " ") for tag in post.tags["general"]}
    assert set(collection.column("general")[0]) == {"alone" if tag == "solo" else tag for tag in names}
    assert collection.column("source_url")[0] == post.source or "/posts/" in collection.column("source_url")[0]
    origin = parquet.read_table(tmp_path / "c" / "origin.parquet").to_pylist()[0]
    assert (origin["site"], origin["post_id"], origin["rating"]) == ("danbooru", post.id, post.rating)
    stored = {line[0]: line[5] for line in tables(tmp_path / "c")[0]}
    assert origin["sha256"] == stored[post.id]


def test_the_pace_is_kept_for_rows_and_for_files(tmp_path):
    with serve(70, roles=()) as site:
        gather(site, tmp_path / "c", per_second=30, api_per_second=8, workers=3)
        check_pace(site, api=8, files=30, workers=3)
        assert len(files_asked(site)) > 45  # more than a second's worth


def test_login_and_key_go_to_the_api_alone(plain, tmp_path):
    environ = {"I2V_DANBOORU_LOGIN": "reader", "I2V_DANBOORU_API_KEY": "readerkey", "I2V_DANBOORU_USER": "4242"}
    gather(plain, tmp_path / "c", limit=5, environ=environ)
    assert {record.authorized for record in plain.log if record.host == "api"} == {True}
    assert {record.authorized for record in files_asked(plain)} == {False}
    assert all("user #4242" in record.agent for record in plain.log)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"readerkey" in path.read_bytes()]


def test_ratings_for_adults_need_a_typed_yes(site, tmp_path):
    asked = []
    for answer in (None, "", "y", "YES"):
        confirm = None if answer is None else lambda text, answer=answer: asked.append(text) or answer
        with pytest.raises(ValueError, match="confirm"):
            gather(site, tmp_path / "c", ratings=("g", "q"), confirm=confirm)

    def nobody(text):
        raise EOFError

    with pytest.raises(ValueError, match="not confirmed"):
        gather(site, tmp_path / "c", ratings=("q",), confirm=nobody)
    assert not site.log
    assert "under 18" in asked[0]
    assert "law" in asked[0]
    gather(site, tmp_path / "s", ratings=("g", "s"))  # sensitive is no rating for adults
    check_only_allowed_files_were_served(site, ("g", "s"))
    assert {record.rating for record in files_asked(site)} == {"g", "s"}
    assert set(gather(site, tmp_path / "q", ratings=("q",), confirm=lambda text: "yes").column("rating")) == {
        "questionable"
    }


# Limits and settings


def test_a_larger_limit_goes_on_and_a_smaller_one_uses_fewer(site, tmp_path):
    ids = [f"danbooru-{number}" for number in allowed(site)]
    assert gather(site, tmp_path / "c", limit=8).column("id") == ids[:8]
    assert len(files_asked(site)) == 8
    assert gather(site, tmp_path / "c", limit=27).column("id") == ids[:27]
    check_each_file_was_asked_for_once(site)
    before = len(site.log)
    assert gather(site, tmp_path / "c", limit=5).column("id") == ids[:5]
    assert len(site.log) == before
    assert outcomes(tmp_path / "c")["fetched"] == 27
    other = gather(site, tmp_path / "other", limit=27)
    again = gather(site, tmp_path / "c", limit=27)
    assert again.fingerprint == other.fingerprint
    assert digests(tmp_path / "c") == digests(tmp_path / "other")


def test_other_settings_are_refused_with_their_names(plain, tmp_path):
    gather(plain, tmp_path / "c", limit=3)
    for changed in ({"query": "solo"}, {"ratings": ("s",)}, {"variant": "original"}, {"minimum_side": 40}):
        with pytest.raises(ValueError, match=rf"made with .*{next(iter(changed))}=.* out="):
            gather(plain, tmp_path / "c", limit=3, **changed)
    assert gather(plain, tmp_path / "c", limit=3, size=8).info["size"] == 8  # the pictures' size may change


def test_a_query_that_finds_nothing_can_be_corrected(plain, tmp_path):
    with pytest.raises(ValueError, match="query='no_such_tag': danbooru"):
        gather(plain, tmp_path / "c", query="no_such_tag")
    assert len(gather(plain, tmp_path / "c", limit=3)) == 3


def test_a_site_that_cannot_be_reached_is_told_at_once(plain, tmp_path):
    plain.stop()
    with pytest.raises(WebError, match=r"127\.0\.0\.1 .*reached") as error:
        gather(plain, tmp_path / "c")
    assert error.value.reason == "unreachable"
    with pytest.raises(WebError, match="cannot be reached"):
        ask_cost("danbooru", limit=3, base_url=plain.api)


def test_a_collection_stands_for_its_store_and_what_was_not_asked_for_is_not_waiting(plain, tmp_path):
    gather(plain, tmp_path / "c", limit=3)
    made = build_from_stores([tmp_path / "c"], tmp_path / "d", build=BuildOptions(size=8, progress=False))
    assert len(made) == 3
    assert set(made.accounting()["skipped"]) <= {"not_fetched"}


def test_a_takedown_asks_only_where_the_posts_are_from(plain, tmp_path):
    gather(plain, tmp_path / "c", limit=3)
    with pytest.raises(ValueError, match="this machine.*--base-url"):
        sync(plain, tmp_path / "c", base_url=None)
    assert len(open_collection(tmp_path / "c")) == 3


def test_another_folder_is_left_alone(plain, tmp_path):
    out = tmp_path / "c"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="overwrite"):
        gather(plain, out)
    assert not plain.log
    assert (out / "mine.txt").exists()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"source": "gelbooru"}, "source"),
        ({"limit": 0}, "limit"),
        ({"workers": 0}, "workers"),
        ({"variant": "180x180"}, "variant"),
        ({"ratings": ("x",)}, "ratings"),
        ({"base_url": "http://192.168.0.7:80"}, "base_url"),
        ({"base_url": None, "environ": {}}, "I2V_CONTACT"),
        ({"base_url": None, "environ": {"I2V_CONTACT": "me@example.org"}}, "I2V_CONTACT='me@example.org' is no"),
        ({"base_url": None, "per_second": 4.5}, "per_second"),
        ({"base_url": None, "per_second": 1, "api_per_second": 2.0}, "api_per_second"),
        ({"aliases": {"a": "b", "b": "a"}}, "circle"),
        ({"query": "order:score"}, "order"),
    ],
)
def test_impossible_arguments_are_named_before_any_request(plain, tmp_path, changed, message):
    with pytest.raises(ValueError, match=message):
        gather(plain, tmp_path / "c", **{"per_second": 1.0, "api_per_second": 1.0} | changed)
    assert not plain.log
    assert not list(tmp_path.iterdir())


# Interruptions


def test_killed_twenty_times_it_ends_in_the_same_bytes(tmp_path):
    """Most kills fall into rows and files, six into the building of the collection."""
    chance, whole, broken = random.Random(4), tmp_path / "whole", tmp_path / "broken"
    with serve(90, careless=True) as site:
        gather(site, whole, limit=45)
        control = len(files_asked(site))
        site.reset()
        for kill in range(KILLS + 1):
            run = start(gather_in_process, site.api, broken, 45)
            if kill < KILLS - 6:
                time.sleep(chance.uniform(0.05, 0.3))
            elif kill < KILLS:
                while not partial_folder(broken).exists():
                    time.sleep(0.002)
                time.sleep(chance.uniform(0, 0.1))
            else:
                run.join()
                assert run.exitcode == 0
                break
            assert run.is_alive(), f"it ended before kill {kill + 1} of {KILLS}"
            run.kill()
            run.join()
        asked = Counter(record.path for record in files_asked(site))
        check_only_allowed_files_were_served(site)
        check_files_are_what_they_say(site, broken)
    assert control <= asked.total() <= control + 2 * KILLS  # a file a worker, for each kill
    assert len(asked) == control
    assert leave(broken) == leave(whole)


def test_a_challenge_ends_the_run_and_the_next_one_goes_on(site, tmp_path):
    site.plan(rule("challenge", host="cdn", nth=12))
    with pytest.raises(StopCollecting, match="challenge"):
        gather(site, tmp_path / "c")
    check_run_ended_at(site, "challenge")
    assert not (tmp_path / "c").exists()
    fetched = outcomes(tmp_path / "c")["fetched"]
    assert 5 < fetched < 12 + 2
    site.reset()
    gather(site, tmp_path / "c")
    assert len(files_asked(site)) == outcomes(tmp_path / "c")["fetched"] - fetched
    check_collection_is_right(site, tmp_path / "c")


def test_an_interrupt_keeps_what_was_done(site, tmp_path, monkeypatch):
    from i2v_lib.collect.booru.fetch import Fetcher

    note, seen = Fetcher.note, []

    def interrupted(self, outcome):
        seen.append(outcome)
        if len(seen) == 9:
            raise KeyboardInterrupt
        return note(self, outcome)

    monkeypatch.setattr(Fetcher, "note", interrupted)
    with pytest.raises(KeyboardInterrupt):
        gather(site, tmp_path / "c")
    monkeypatch.undo()
    assert outcomes(tmp_path / "c")["fetched"] == 8
    gather(site, tmp_path / "c")
    check_collection_is_right(site, tmp_path / "c")


def test_one_process_at_a_time(plain, tmp_path):
    gather(plain, tmp_path / "c", limit=3)
    with Store(store_folder(tmp_path / "c")), pytest.raises(BlockingIOError, match="in use"):
        gather(plain, tmp_path / "c", limit=4)
    assert len(gather(plain, tmp_path / "c", limit=4)) == 4


# Posts that change


def test_posts_that_change_before_their_file_is_fetched_cost_no_byte(site, tmp_path):
    stop_before_the_files(site, tmp_path / "c")
    numbers = allowed(site)
    site.change("flip_rating", numbers[0], "e")
    site.change("flag", numbers[1], "deleted")
    site.change("remove", numbers[2])
    site.change("flag", numbers[3], "banned")
    site.change("tag", numbers[4], "shota")
    gather(site, tmp_path / "c", fresh_for=0.0)
    check_only_allowed_files_were_served(site)
    assert not {record.post_id for record in files_asked(site)} & set(numbers[:5])
    reasons = {post[0]: post[3] for post in tables(tmp_path / "c")[0]}
    assert [reasons[number] for number in numbers[:6]] == ["rating", "deleted", "gone", "banned", "denied_tag", None]
    check_excluded_rows_are_stripped(tmp_path / "c")
    check_collection_is_right(site, tmp_path / "c")


def test_fresh_rows_are_not_asked_for_again(site, tmp_path):
    stop_before_the_files(site, tmp_path / "c")
    gather(site, tmp_path / "c")
    assert not [record for record in site.log if "id:" in record.query.get("tags", "")]


def test_a_replaced_file_is_fetched_as_it_is_now(plain, tmp_path):
    stop_before_the_files(plain, tmp_path / "c", variant="original")
    number = allowed(plain)[1]
    plain.change("replace_file", number)
    gather(plain, tmp_path / "c", variant="original")
    check_originals_are_the_sites_own(plain, tmp_path / "c")
    assert outcomes(tmp_path / "c") == {"fetched": len(allowed(plain))}


def test_files_that_fail_for_good_are_marked_and_stop_nothing(plain, tmp_path):
    wrong, missing, broken = (plain.board.posts[number].file.md5 for number in allowed(plain)[2:5])
    plain.plan(
        rule("other_picture", path=wrong), rule("status", status=404, path=missing),
        rule("status", status=503, path=broken),
    )  # fmt: skip
    arguments = {"variant": "original", "limit": 15}
    gather(plain, tmp_path / "c", **arguments)
    assert outcomes(tmp_path / "c", limit=15) == {
        "bad_file": 1, "beyond_limit": PAGE - 15, "fetched": 12, "gone": 1, "http_503": 1
    }  # fmt: skip
    check_originals_are_the_sites_own(plain, tmp_path / "c")
    tries = Counter(record.path for record in files_asked(plain))
    assert max(tries.values()) <= 5
    plain.reset()
    assert len(gather(plain, tmp_path / "c", **arguments)) == 12
    assert not plain.log
    assert len(gather(plain, tmp_path / "c", **arguments, retry_failed=True)) == 15
    assert len(files_asked(plain)) == 3


@pytest.mark.parametrize(
    ("declared", "right"),
    [((60, 40), True), ((61, 39), True), ((40, 60), True), ((0, 0), True), ((62, 40), False), ((40, 40), False)],
)
def test_a_picture_of_another_size_than_declared_is_noticed(tmp_path, declared, right):
    """By a pixel, and lying instead of upright, it may differ; where no size is declared, every one is right."""
    Image.new("RGB", (60, 40)).save(tmp_path / "x.png")
    assert fits(tmp_path / "x.png", Variant("720x720", "", *declared, "png")) is right


def test_a_file_host_that_cannot_be_reached_ends_the_run_and_blames_no_post(plain, tmp_path):
    plain.plan(rule("close", host="cdn"))
    with pytest.raises(StopCollecting, match="run again"):
        gather(plain, tmp_path / "c")
    assert set(outcomes(tmp_path / "c")) == {"waiting"}
    plain.reset()
    assert len(gather(plain, tmp_path / "c")) == len(allowed(plain))


def test_posts_with_equal_bytes_share_a_file_until_both_are_gone(plain, tmp_path):
    first, second = allowed(plain)[:2]
    plain.board.posts[second].file = plain.board.posts[first].file
    collection = gather(plain, tmp_path / "c")
    assert collection.column("group")[0] == collection.column("group")[1]
    files = {post[0]: post[4] for post in tables(tmp_path / "c")[0]}
    assert files[first] == files[second]
    path = store_folder(tmp_path / "c") / "files" / files[first][:2] / files[first]
    plain.change("flag", first, "deleted")
    sync(plain, tmp_path / "c")
    assert path.exists()
    plain.change("flag", second, "deleted")
    sync(plain, tmp_path / "c")
    assert not path.exists()


# Takedowns


def test_what_the_site_removes_is_removed_and_never_fetched_again(site, tmp_path):
    before = gather(site, tmp_path / "c")
    numbers = allowed(site)
    changes = (("remove",), ("flag", "banned"), ("flag", "deleted"), ("flip_rating", "q"), ("tag", "loli"))
    for number, (name, *rest) in zip(numbers, changes, strict=False):
        site.change(name, number, *rest)
    site.reset()
    report = sync(site, tmp_path / "c")
    assert not files_asked(site)
    assert len([record for record in site.log if record.path == "/posts.json"]) == -(-len(before) // PAGE)
    assert report.removed == {"banned": 1, "deleted": 1, "denied_tag": 1, "gone": 1, "rating": 1}
    assert "5 removed" in str(report)
    posts = {post[0]: post for post in tables(tmp_path / "c")[0]}
    for number in numbers[:5]:
        _, accepted, row, reason, file, sha256, size, removed = posts[number]
        assert (accepted, row, file, sha256, size) == (1, None, None, None, None)
        assert reason
        assert removed.startswith("20")
    check_files_are_what_they_say(site, tmp_path / "c")
    check_collection_is_right(site, tmp_path / "c")
    after = open_collection(tmp_path / "c")
    gone = before.pixels[:5].reshape(5, -1)
    assert not (np.asarray(after.pixels).reshape(len(after), 1, -1) == gone).all(-1).any()
    state = (store_folder(tmp_path / "c") / "state.sqlite").read_bytes()
    assert site.board.posts[numbers[1]].file.md5.encode() not in state
    assert site.board.posts[numbers[8]].file.md5.encode() in state  # the control

    site.board.posts[numbers[1]].flags.clear()
    site.reset()
    gather(site, tmp_path / "c", retry_failed=True)
    assert not files_asked(site)
    assert sync(site, tmp_path / "c").removed == {}


def test_an_interrupted_takedown_leaves_no_removed_pixels(plain, tmp_path, monkeypatch):
    gather(plain, tmp_path / "c")
    numbers = allowed(plain)
    plain.change("remove", numbers[3])

    def killed(self, reasons):
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "tombstone", killed)
    with pytest.raises(KeyboardInterrupt):
        sync(plain, tmp_path / "c")
    monkeypatch.undo()
    assert not (tmp_path / "c").exists()
    report = sync(plain, tmp_path / "c")
    assert report.rebuilt == (tmp_path / "c",)
    check_collection_is_right(plain, tmp_path / "c")


def test_a_takedown_goes_on_where_it_was_interrupted(plain, tmp_path):
    gather(plain, tmp_path / "c")
    plain.reset()
    assert sync(plain, tmp_path / "c", fresh_for=3600.0).asked == 0
    assert not plain.log
    assert sync(plain, tmp_path / "c").asked == len(allowed(plain))


def test_a_site_in_trouble_takes_nothing_down(plain, tmp_path):
    before = gather(plain, tmp_path / "c")
    plain.plan(rule("short_page", path="posts.json", keep=0))
    with pytest.raises(StopCollecting, match="trouble"):
        sync(plain, tmp_path / "c")
    assert open_collection(tmp_path / "c").fingerprint == before.fingerprint
    assert outcomes(tmp_path / "c") == {"fetched": len(before)}


def test_when_nothing_is_left_the_collection_goes(plain, tmp_path):
    gather(plain, tmp_path / "c", limit=2)
    for number in allowed(plain)[:2]:
        plain.change("remove", number)
    report = sync(plain, tmp_path / "c")
    assert report.left == (tmp_path / "c",)
    assert not (tmp_path / "c").exists()


# Safebooru, and several stores


def test_two_sites_make_one_collection_whose_groups_span_them(tmp_path):
    with serve(40) as site:
        gather(site, tmp_path / "d", limit=15)
        gather(site, tmp_path / "s", source="safebooru", limit=15)
        shown = {post.id for post in site.truth(dapi=True) if post.fetch}
        check_only_allowed_files_were_served(site)
    stores = [store_folder(tmp_path / name) for name in "ds"]
    both = build_from_stores(stores, tmp_path / "both", build=BuildOptions(size=16, progress=False))
    ids = both.column("id")
    assert {name.split("-")[0] for name in ids} == {"danbooru", "safebooru"}
    assert {int(name.split("-")[1]) for name in ids if name.startswith("safebooru")} <= shown
    group = dict(zip(ids, both.column("group"), strict=True))
    split = dict(zip(ids, both.column("split"), strict=True))
    pairs = [name for name in ids if name.startswith("danbooru") and name.replace("danbooru", "safebooru") in group]
    assert len(pairs) > 5
    for name in pairs:
        other = name.replace("danbooru", "safebooru")
        assert (group[name], split[name]) == (group[other], split[other])
    assert any(both.column("character"))
    again = build_from_stores(stores, tmp_path / "both", build=BuildOptions(size=16, progress=False))
    assert again.fingerprint == both.fingerprint


def test_a_takedown_reaches_every_collection_made_of_the_store(tmp_path):
    with serve(30, roles=()) as site:
        gather(site, tmp_path / "d", limit=6)
        gather(site, tmp_path / "s", source="safebooru", limit=6)
        stores = [store_folder(tmp_path / name) for name in "ds"]
        build_from_stores(stores, tmp_path / "both", build=BuildOptions(size=16, progress=False))
        gone = allowed(site)[0]
        site.change("flag", gone, "deleted")
        report = sync(site, store_folder(tmp_path / "s"))
    assert set(report.rebuilt) == {tmp_path / "s", tmp_path / "both"}
    ids = open_collection(tmp_path / "both").column("id")
    assert f"safebooru-{gone}" not in ids
    assert f"danbooru-{gone}" in ids  # its own store was not asked for


# Costs


def test_a_dry_run_asks_twice_and_fetches_nothing(tmp_path):
    with serve(60, careless=True) as site, impatient():
        arguments = {"limit": 25, "base_url": site.api, "api_per_second": FAST, "minimum_side": 32}
        cost = ask_cost("danbooru", **arguments)
        assert [record.path for record in site.log] == ["/counts/posts.json", "/posts.json"]
        share = sum(post.fetch for post in site.truth()[:PAGE]) / PAGE
        assert (cost.files, cost.counted, cost.share) == (25, len(site.board.posts), pytest.approx(share))
        site.reset()
        ask_cost("safebooru", **arguments)
        assert len(site.log) == 2


def test_a_dry_run_without_a_count_uses_the_limit():
    with serve(30, roles=(), counts="null") as site, impatient():
        cost = ask_cost("danbooru", limit=70, base_url=site.api, api_per_second=FAST, minimum_side=32)
    assert cost.counted is None
    assert cost.files == 70
    assert "unknown" in str(cost)


def test_what_the_papers_collection_costs():
    """1,287,596 illustrations: the reference's own arithmetic."""
    cost = estimate(1_287_596)
    assert cost.requests == 6438
    assert cost.listing_hours == pytest.approx(1.8, abs=0.05)
    assert cost.file_hours / 24 == pytest.approx(14.9, abs=0.05)
    assert estimate(1_287_596, 4.0).file_hours / 24 == pytest.approx(3.7, abs=0.05)
    assert cost.gigabytes == pytest.approx(77, abs=0.5)
    assert estimate(1_287_596, variant="original").gigabytes == pytest.approx(1200, abs=5)
    assert "bulk" in str(cost)
    assert "bulk" not in str(estimate(1_287_596, limit=50_000))
    assert estimate(1000, share=0.25, limit=100).requests == 2
    with pytest.raises(ValueError, match="share"):
        estimate(1000, share=0.0)


# Trouble of every kind


def test_a_long_run_with_faults_ends_with_every_post_accounted_for(tmp_path):
    """Five requests in a hundred go wrong, each in one of many ways."""
    kinds = [
        ("status", {"status": 500}), ("status", {"status": 502}), ("status", {"status": 503}), ("truncate", {}),
        ("truncate_chunked", {}), ("close", {}), ("wrong_length", {}), ("huge_length", {"host": "cdn"}),
        ("other_picture", {"host": "cdn"}), ("flip_byte", {"host": "cdn"}), ("html", {"host": "cdn"}),
        ("html", {"host": "cdn", "content_type": "image/png"}), ("wrong_type", {"host": "cdn"}),
        ("redirect_loop", {"host": "cdn"}), ("redirect", {"host": "cdn", "to": "http://169.254.169.254/"}),
        ("gzip_bomb", {"host": "cdn", "megabytes": 8}), ("bad_json", {"host": "api"}), ("json_object", {"host": "api"}),
    ]  # fmt: skip
    rules = [rule(name, probability=0.05 / len(kinds), **options) for name, options in kinds]
    with serve(SOAK_POSTS, careless=True, drawings=200, faults=rules) as site:
        start = time.perf_counter()
        gather(site, tmp_path / "c", variant="original", limit=10**6)
        seconds = time.perf_counter() - start
        counts = check_rows_add_up(site, tmp_path / "c")
        check_only_allowed_files_were_served(site)
        check_files_are_what_they_say(site, tmp_path / "c")
        check_originals_are_the_sites_own(site, tmp_path / "c")
        faults = Counter(record.fault for record in site.log if record.fault)
        fetchable = len(allowed(site))
        assert sum(counts.values()) == len(site.board.posts)
    print(json.dumps({"posts": SOAK_POSTS, "seconds": round(seconds), "faults": faults.total(), "counts": counts}))
    assert len(faults) > 5
    assert fetchable * 0.98 < counts["fetched"] <= fetchable


def test_a_page_that_cannot_be_had_keeps_what_was_done(plain, tmp_path):
    plain.plan(rule("bad_json", path="posts.json", after=1))
    with pytest.raises(WebError, match="bad_json"):
        gather(plain, tmp_path / "c")
    assert 0 < outcomes(tmp_path / "c")["fetched"] <= PAGE
    plain.reset()
    gather(plain, tmp_path / "c")
    check_collection_is_right(plain, tmp_path / "c")
