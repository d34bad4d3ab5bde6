"""A post, the rows it is read from, and the labels it gives."""

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from i2v_lib.collect.booru.labels import LabelRules, read_aliases, tagging_of
from i2v_lib.collect.booru.posts import BadRowError, Post, Variant, choose_variant, paper_rating
from i2v_lib.collect.booru.row_fields import credit, fetchable, known_posts, moment, number, read_page, text, truth
from i2v_lib.collect.booru.web import WebError

MD5 = "0123456789abcdef0123456789abcdef"
VARIANTS = (
    Variant("180x180", "https://cdn.example/180.jpg", 120, 180, "jpg"),
    Variant("720x720", "https://cdn.example/720.webp", 480, 720, "webp"),
    Variant("sample", "https://cdn.example/sample.jpg", 850, 1275, "jpg"),
    Variant("original", "https://cdn.example/original.png", 2000, 3000, "png"),
)
POST = Post(
    site="danbooru", id=7, rating="s", rating_scheme="2022", md5=MD5, ext="png", width=2000, height=3000,
    file_size=9, general=("1girl", "long_hair", "^_^"), copyright=("saga_of_ink",), character=("rin_(saga)",),
    artist=("anna_b", "second_hand"), meta=("highres",), parent_id=3, pixel_hash="ff" * 16, pixiv_id=11,
    source_url="https://art.example/7", created_at="2026-05-07T10:00:00.000-04:00", flags=("pending",),
    variants=VARIANTS,
)  # fmt: skip


def changed(**fields):
    return dataclasses.replace(POST, **fields)


def test_json_gives_the_post_back():
    assert Post.from_json(POST.to_json()) == POST
    assert Post.from_json(changed(id=8).to_json()) != POST
    written = json.loads(POST.to_json())
    shuffled = Post.from_json(json.dumps(dict(reversed(written.items()))))
    assert shuffled.to_json() == POST.to_json()  # whatever the order it came in


@given(st.lists(st.text(max_size=6), max_size=4), st.none() | st.integers(0, 2**63 - 1))
@settings(max_examples=50, deadline=None)
def test_json_holds_any_text(tags, number):
    post = changed(general=tuple(tags), parent_id=number, untyped=tuple(tags))
    assert Post.from_json(post.to_json()) == post
    assert post.to_json().isascii()
    assert "\n" not in post.to_json()


@pytest.mark.parametrize(
    "written", ["", "[]", "null", "{}", POST.to_json()[:-5], POST.to_json().replace('"md5"', '"md6"')]
)
def test_json_of_something_else_is_refused(written):
    with pytest.raises(ValueError, match="not a post"):
        Post.from_json(written)


def test_ratings_become_the_papers_three():
    letters = {
        "2022": {"g": "safe", "s": "safe", "q": "questionable", "e": "explicit"},
        "2005": {"s": "safe", "q": "questionable", "e": "explicit"},
        "dapi": {"g": "safe", "s": "safe", "q": "questionable", "e": "explicit"},
    }
    for scheme, expected in letters.items():
        assert {rating: paper_rating(rating, scheme) for rating in expected} == expected
    for rating, scheme in (("g", "2005"), ("", "2022"), ("safe", "2022"), ("s", "2030"), ("S", "2022")):
        with pytest.raises(ValueError, match="unknown"):
            paper_rating(rating, scheme)


@pytest.mark.parametrize(
    ("kinds", "wanted", "chosen"),
    [
        ("180x180 720x720 sample original", "720x720", "720x720"),
        ("180x180 720x720 sample original", "sample", "sample"),
        ("180x180 720x720 sample original", "original", "original"),
        ("180x180 sample original", "720x720", "sample"),
        ("180x180 original", "720x720", "original"),
        ("720x720 original", "sample", "original"),
        ("180x180 720x720 sample", "original", None),
        ("180x180 360x360", "720x720", None),  # a preview is never taken
        ("", "720x720", None),
    ],
)
def test_the_wanted_file_or_the_next_larger(kinds, wanted, chosen):
    post = changed(variants=tuple(Variant(kind, "https://cdn.example/a", 0, 0, "jpg") for kind in kinds.split()))
    variant = choose_variant(post, wanted)
    assert (variant and variant.kind) == chosen


def test_videos_are_never_chosen():
    films = tuple(dataclasses.replace(variant, ext="webm") for variant in VARIANTS)
    assert choose_variant(changed(variants=films)) is None
    assert choose_variant(changed(variants=(*films[:2], VARIANTS[3]))) == VARIANTS[3]
    with pytest.raises(ValueError, match="wanted='full'"):
        choose_variant(POST, "full")


def test_labels():
    tagging = tagging_of(POST, LabelRules())
    assert list(tagging.general) == ["1girl", "long hair", "^_^"]
    assert (list(tagging.copyright), list(tagging.character)) == (["saga of ink"], ["rin (saga)"])
    assert (tagging.id, tagging.rating, tagging.artist) == ("danbooru-7", "safe", "anna b")
    assert tagging.source_url == "https://art.example/7"
    assert tagging.links == (f"md5:{MD5}", "post:danbooru/7", "post:danbooru/3", "pixels:" + "ff" * 16)
    assert tagging.origin["rating"] == "s"
    assert tagging.origin["artists"] == ["anna_b", "second_hand"]
    assert tagging.origin["meta"] == ["highres"]
    json.dumps(tagging.origin)


def test_labels_of_2014():
    assert "highres" not in tagging_of(POST, LabelRules()).general
    assert list(tagging_of(POST, LabelRules(general_includes_meta=True)).general)[-1] == "highres"


def test_links_only_where_there_is_something_to_share():
    bare = changed(md5="", parent_id=None, pixel_hash="")
    assert tagging_of(bare, LabelRules()).links == ("post:danbooru/7",)
    assert tagging_of(bare, LabelRules(group_by_pixiv=True)).links == ("post:danbooru/7", "pixiv:11")
    unknown = tagging_of(changed(pixiv_id=None), LabelRules(group_by_pixiv=True))
    assert unknown.links == tagging_of(POST, LabelRules()).links


def test_an_unknown_rating_is_not_taken_for_safe():
    with pytest.raises(ValueError, match="rating=''"):
        tagging_of(changed(rating=""), LabelRules())


def test_tags_without_a_category_are_no_labels():
    tagging = tagging_of(changed(untyped=("someone",)), LabelRules())
    assert tagging.general == tagging_of(POST, LabelRules()).general


def test_aliases_are_followed_to_their_end():
    chain = {"a": "b", "b": "c", "c": "d", "x": "y", "w": "v"}
    for aliases in (chain, dict(reversed(chain.items()))):
        rules = LabelRules(aliases=aliases, deprecated=frozenset({"y", "w", "old"}))
        tagging = tagging_of(changed(general=("a", "c", "x", "w", "old", "z"), artist=("b",)), rules)
        assert list(tagging.general) == ["d", "z"]  # a and c are one tag; x leads to a deprecated one, w is one
        assert tagging.artist == "d"
    with pytest.raises(ValueError, match="circle, b -> c -> b"):
        LabelRules(aliases={"a": "b", "b": "c", "c": "b"})
    with pytest.raises(ValueError, match="circle, a -> a"):
        LabelRules(aliases={"a": "a"})


ALIASES = {"old_name": "new_name", "re:x": "y,z"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'old_name,new_name\nre:x,"y,z"\n'),
        ("a.CSV", '\ufeffantecedent_name,consequent_name\nold name,new name\n\nre:x,"y,z"\n'),
        ("a.json", json.dumps([{"antecedent_name": a, "consequent_name": b} for a, b in ALIASES.items()])),
        ("a.jsonl", "\n\n".join(
            json.dumps({"antecedent_name": a, "consequent_name": b, "status": status, "id": 1})
            for a, b, status in [*((a, b, "active") for a, b in ALIASES.items()), ("no", "more", "retired")])),
    ],
)  # fmt: skip
def test_alias_tables(tmp_path, name, content):
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert read_aliases(tmp_path / name) == ALIASES


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "one\n"),
        ("a.csv", "one,two,three\n"),
        ("a.csv", "one,\n"),
        ("a.csv", "one,two\none,three\n"),
        ("a.csv", "one," + "x" * 200_000),
        ("a.json", "{"),
        ("a.json", "[1]"),
        ("a.json", '[{"antecedent_name": "a"}]'),
        ("a.json", '[{"antecedent_name": "a", "consequent_name": 3}]'),
        ("a.txt", "one,two"),
    ],
)
def test_other_alias_tables_are_refused(tmp_path, name, content):
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=name):
        read_aliases(tmp_path / name)


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.example/original/ab/cd/__rin_drawn_by_anna__abcd.jpg",
        "https://cdn.example/a.jpg?123",
        "https://cdn.example:8443/%E7%B5%B5.png",
        "https://cdn.example/a..b.png",
    ],
)
def test_plain_addresses(url):
    assert fetchable(url)
    assert not fetchable(url.replace("https", "http"))
    assert fetchable(url.replace("https", "http"), {"https", "http"})


@pytest.mark.parametrize(
    "url",
    [
        "//cdn.example/a.jpg", "/a.jpg", "a.jpg", "", None, 7, ["https://cdn.example/a.jpg"],
        "file:///etc/hosts", "data:image/png;base64,AA", "https:///a.jpg", "https://[bad/a.jpg",
        "https://cdn.example/../a.jpg", "https://cdn.example/x/%2e%2e/a.jpg", "https://cdn.example//other/a.jpg",
        "https://cdn.example/a\0.jpg", "https://cdn.example/a%00.jpg", "https://cdn.example/a b.jpg",
        "https://cdn.example/a\\b.jpg", "https://cdn.example/a%5Cb.jpg", "https://cdn.example/a\n.jpg",
        "https://user:word@cdn.example/a.jpg", "https://cdn.example/" + "a" * 5000 + ".jpg",
        "https://cdn.example/絵.png",
    ],
)  # fmt: skip
def test_other_addresses_are_refused(url):
    assert not fetchable(url, {"https", "http"})


def test_credit_is_a_link():
    page = "https://booru.example/posts/7"
    assert credit(" https://art.example/7 ", page) == "https://art.example/7"
    others = ("scan of a magazine", "javascript:alert(1)", "", None, 3, "https://a" * 999, "https://a/\nb", "file:///a")
    for source in others:
        assert credit(source, page) == page


def test_fields_are_typed():
    row = {"a": 3, "b": "12", "c": None, "d": "", "e": True, "f": "x\ud800"}
    assert [number(row, name, 5) for name in "abcdz"] == [3, 12, 5, 5, 5]
    assert (text(row, "f"), text(row, "c", ""), truth(row, "e")) == ("x?", "", True)
    for value in (-1, 2**63, 1.5, True, "-1", "1e3", "١", [], {}, "9" * 30):
        with pytest.raises(BadRowError) as error:
            number({"a": value}, "a", 0)
        assert error.value.reason == "malformed_row"
    for wrong in (lambda: text(row, "a"), lambda: text(row, "z"), lambda: truth(row, "a"), lambda: truth(row, "z")):
        with pytest.raises(BadRowError):
            wrong()


def test_moments():
    assert moment("2026-05-07T10:00:00.000-04:00") == "2026-05-07T10:00:00.000-04:00"
    assert [moment(value) for value in ("soon", "2026-13-01", 5, None, "\ud800")] == [""] * 5


def read(row):
    if row.get("bad"):
        raise BadRowError("malformed_row", "made so")
    return changed(id=int(row["id"]))


def test_a_page_accounts_for_every_row():
    rows = [{"id": 5}, {"id": "9"}, {"id": 5}, {"id": 10}, {"id": 4, "bad": 1}, {"id": None}, 7, {"id": 12}]
    page = read_page(rows, read, before=10)
    assert [post.id for post in page.posts] == [9, 5]
    assert page.bad_rows == (
        "duplicate_row 5", "out_of_order 10", "malformed_row 4", "malformed_row", "malformed_row", "out_of_order 12",
    )  # fmt: skip
    assert page.next_before == 4  # below the bad row too: it is not asked for again
    assert len(page.posts) + len(page.bad_rows) == len(rows)
    assert read_page(rows, read, None).posts[0].id == 12


def test_a_page_without_progress_is_an_error():
    assert read_page([], read, 10).next_before is None
    for rows, reason in (
        ([{"id": 10}, {"id": 11}], "out_of_order"),
        ([{}], "malformed_row"),
        ([None], "malformed_row"),
    ):
        with pytest.raises(WebError) as error:
            read_page(rows, read, 10)
        assert error.value.reason == reason


def test_unreadable_is_not_gone():
    page = read_page([{"id": 5}, {"id": 4, "bad": 1}], read, None)
    assert [post.id for post in known_posts(page, {5, 6})] == [5]
    with pytest.raises(WebError, match="post 4"):
        known_posts(page, {4, 5})
    nameless = read_page([{"id": 5}, {"bad": 1}], read, None)
    assert len(known_posts(nameless, {5})) == 1
    with pytest.raises(WebError, match="unknown"):
        known_posts(nameless, {5, 6})
