"""The store: what counts toward a limit, what a transaction holds, and files that stay inside."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from i2v_lib.collect.booru.labels import LabelRules
from i2v_lib.collect.booru.posts import Page, Post, Variant
from i2v_lib.collect.booru.store import Store
from i2v_lib.collect.booru.store_source import StoreSource
from i2v_lib.data.images import BadImageError

SETTINGS = {"source": "danbooru", "query": "cat", "policy": {"ratings": ["g"], "also_denied": ["hat"]}}


def post(number, **changes):
    """A post that the policy accepts."""
    plain = Post(
        site="danbooru", id=number, rating="g", rating_scheme="2022", md5=f"{number:032x}", ext="png", width=300,
        height=200, file_size=9, general=("cat",), copyright=(), character=(), artist=(), meta=(), parent_id=None,
        pixel_hash="", pixiv_id=None, source_url="", created_at="", flags=(),
        variants=(Variant("original", f"https://example.org/{number}.png", 300, 200, "png"),),
    )  # fmt: skip
    return replace(plain, **changes)


@pytest.fixture
def store(tmp_path):
    """A store with three accepted posts, one left out, and one bad row."""
    with Store(tmp_path / "c.store", SETTINGS) as store:
        page = Page((post(9), post(8), post(6), post(5)), ("malformed_row 7",), 5)
        store.add_page(page, [None, "rating", None, None])
        yield store


def put(store, number, data=b"picture", extension="png"):
    """Give a post a file."""
    part = store.incoming / f"{number}.part"
    part.write_bytes(data)
    name = f"{hashlib.md5(data).hexdigest()}.{extension}"
    store.note_file(store.get(number).post, part, name, hashlib.sha256(data).hexdigest(), len(data))
    return store.path_of(name)


def reopened(store):
    store.close()
    return Store(store.folder)


def ids(stored):
    return [entry.post.id for entry in stored]


def test_a_limit_counts_accepted_posts_from_the_newest_down(store):
    assert store.accepted() == 3
    assert ids(store.waiting(None, 10)) == [9, 6, 5]
    assert ids(store.waiting(2, 10)) == [9, 6]
    assert ids(store.waiting(None, 1)) == [9]
    put(store, 9)
    store.note_reason(6, "gone", final=True)  # still one of the first two: what follows does not move up
    assert store.waiting(2, 10) == []
    assert store.counts(2) == {"beyond_limit": 1, "fetched": 1, "gone": 1, "malformed_row": 1, "rating": 1}
    assert store.counts() == {"fetched": 1, "gone": 1, "malformed_row": 1, "rating": 1, "waiting": 1}
    assert store.rows_seen == 5 == sum(store.counts().values())


def test_nothing_is_kept_of_a_post_that_is_left_out(store):
    assert store.get(8) is None
    assert store.get(9).post == post(9)
    assert store.get(1234) is None


def test_the_walk_goes_on_and_ends(store):
    assert store.walk == (5, False)
    store.add_page(Page((post(5), post(4)), (), None), [None, "aspect"])
    assert store.walk == (None, True)
    assert store.counts()["duplicate_row"] == 1
    assert store.rows_seen == 7 == sum(store.counts().values())


def test_what_was_written_is_there_after_reopening(store):
    path = put(store, 6)
    with reopened(store) as store:
        assert store.get(6).path == path
        assert path.read_bytes() == b"picture"
        assert store.get(6).sha256 == hashlib.sha256(b"picture").hexdigest()
        assert store.fetched() == [6]
        assert store.walk == (5, False)


def test_settings_differ_by_name(store):
    store.close()
    with pytest.raises(ValueError, match=r"query='cat'.*'dog'.*out="):
        Store(store.folder, SETTINGS | {"query": "dog"})
    with Store(store.folder, SETTINGS) as store:
        assert store.settings["query"] == "cat"
    with pytest.raises(FileNotFoundError, match=r"other\.store .*store"):
        Store(store.folder.with_name("other.store"))


def test_denied_tags_only_become_more(store):
    store.deny(["cap"])
    store.deny(["crown"])
    assert store.policy().also_denied == {"hat", "cap", "crown"}
    assert store.policy().ratings == ("g",)


def test_a_process_that_dies_leaves_no_lock(store, tmp_path):
    code = (
        "import sys, time; from i2v_lib.collect.booru.store import Store;"
        "store = Store(sys.argv[1]); print(1, flush=True); time.sleep(60)"
    )
    folder = store.folder
    store.close()
    other = subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline() == b"1\n"
        with pytest.raises(BlockingIOError, match="in use"):
            Store(folder)
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
    Store(folder).close()


@pytest.mark.parametrize("name", ["../../state.sqlite", "x.png", "0" * 32, "0" * 32 + ".exe", "A" * 32 + ".png", ""])
def test_names_of_files_are_checked(store, name):
    with pytest.raises(ValueError, match="of this store.*MD5"):
        store.path_of(name)
    assert store.path_of("0" * 32 + ".png").is_relative_to(store.files)


def test_links_are_not_followed(store, tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"picture")
    path = put(store, 9)
    path.unlink()
    path.symlink_to(secret)
    with pytest.raises(ValueError, match="no links"):
        store.get(9)
    with reopened(store) as store:  # the link goes, what it led to stays, and the post waits again
        assert not path.is_symlink()
        assert ids(store.waiting(1, 10)) == [9]
    assert secret.read_bytes() == b"picture"
    path.parent.rmdir()
    path.parent.symlink_to(tmp_path)
    with reopened(store) as store, pytest.raises(ValueError, match="no links"):
        put(store, 9)
    store.files.rename(tmp_path / "moved")
    store.files.symlink_to(tmp_path / "moved")
    with pytest.raises(ValueError, match="is a link"):
        Store(store.folder)


def test_what_a_kill_left_behind_is_removed_and_what_can_be_resumed_stays(store):
    kept = put(store, 9)
    lost = put(store, 6, b"lost")
    lost.unlink()
    stray = store.files / "ab" / f"{'ab' * 16}.png"
    stray.parent.mkdir()
    stray.write_bytes(b"not noted")
    for name in ("5.part", "5.part.etag", "9.part", "8.part", "77.part", "note.txt"):
        (store.incoming / name).write_bytes(b"piece")
    with reopened(store) as store:
        assert kept.exists()
        assert not stray.exists()
        assert ids(store.waiting(None, 10)) == [6, 5]
        assert sorted(path.name for path in store.incoming.iterdir()) == ["5.part", "5.part.etag"]


def test_failed_downloads_may_be_tried_again_and_final_reasons_not(store):
    store.note_reason(9, "http_503", final=False)
    store.note_reason(6, "gone", final=True)
    assert store.failed() == [9]
    store.wait_again([9, 6, 8])
    assert ids(store.waiting(None, 10)) == [9, 5]


def test_a_burial_leaves_a_tombstone_and_shared_files_to_the_others(store):
    path = put(store, 9)
    assert put(store, 6) == path
    assert put(store, 5, b"other") != path
    store.tombstone({9: "deleted"})
    assert path.exists()
    assert store.get(9) is None
    store.tombstone({6: "banned"})
    assert not path.exists()
    assert store.counts() == {"banned": 1, "deleted": 1, "fetched": 1, "malformed_row": 1, "rating": 1}
    dates = store._rows("SELECT id, removed FROM posts WHERE removed IS NOT NULL ORDER BY id")
    assert [number for number, _ in dates] == [6, 9]
    assert all(len(date) == 10 for _, date in dates)
    store.wait_again([9, 6])
    assert store.waiting(None, 10) == []
    store.close()
    assert post(9).variants[0].url.encode() not in (store.folder / "state.sqlite").read_bytes()
    assert post(5).variants[0].url.encode() in (store.folder / "state.sqlite").read_bytes()


def test_a_transaction_is_all_or_nothing(store):
    def delete_and_fail():
        with store._transaction():
            store._run("DELETE FROM posts")
            raise ZeroDivisionError

    before = store.counts(), store.walk
    with pytest.raises(ZeroDivisionError):
        delete_and_fail()
    assert (store.counts(), store.walk) == before
    with store._transaction():
        store._run("DELETE FROM posts")
    assert store.accepted() == 0


# As a source


def test_a_source_gives_bytes_and_tags_and_accounts_for_the_rest(store):
    put(store, 9)
    put(store, 5, b"other")
    source = StoreSource([store], LabelRules(), [None])
    assert source.names() == ["danbooru-9", "danbooru-5"]
    data, tagging = source.read("danbooru-5")
    assert (data, list(tagging.general), tagging.rating) == (b"other", ["cat"], "safe")
    assert tagging.origin["sha256"] == hashlib.sha256(b"other").hexdigest()
    assert source.skipped() == {"malformed_row": 1, "rating": 1, "not_fetched": 1}
    assert StoreSource([store], LabelRules(), [2]).names() == ["danbooru-9"]


def test_a_source_is_another_when_what_it_gives_is(store):
    put(store, 9)

    def identity(rules=None):
        return StoreSource([store], rules or LabelRules(), [None]).identity()

    first = identity()
    assert identity() == first
    assert identity(LabelRules(aliases={"cat": "kitten"})) != first
    assert identity(LabelRules(general_includes_meta=True)) != first
    put(store, 6, b"another")
    second = identity()
    assert second != first
    store.renew([post(9, general=("cat", "dog"))])
    third = identity()
    assert third != second
    store.deny(["bow"])
    assert identity() != third


def test_a_source_refuses_rows_and_files_that_have_changed(store):
    path = put(store, 9)
    put(store, 6, b"another")
    source = StoreSource([store], LabelRules(), [None])
    path.write_bytes(b"changed")
    store.renew([post(6, general=("cat", "hat"))])
    for name, reason in (("danbooru-9", "damaged"), ("danbooru-6", "denied_tag")):
        with pytest.raises(BadImageError) as caught:
            source.read(name)
        assert caught.value.reason == reason


def test_a_post_of_two_stores_is_read_from_the_first(store, tmp_path):
    put(store, 9)
    with Store(tmp_path / "other.store", SETTINGS | {"query": "dog"}) as other:
        other.add_page(Page((post(9), post(4)), (), None), [None, None])
        put(other, 9, b"later")
        put(other, 4, b"own")
        source = StoreSource([store, other], LabelRules(), [None, None])
        assert source.names() == ["danbooru-9", "danbooru-4"]
        assert source.read("danbooru-9")[0] == b"picture"
        assert source.skipped()["duplicate_row"] == 1


def test_stores_lie_where_they_are_told(store):
    assert os.listdir(store.folder.parent) == ["c.store"]
    assert {path.name for path in store.folder.iterdir()} >= {"state.sqlite", "files", "incoming"}
