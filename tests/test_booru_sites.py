"""How the two sites are asked, against made-up replies with the shapes and the quirks of the real ones."""

import json
import re
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from i2v_lib.collect.booru import danbooru_rows, safebooru
from i2v_lib.collect.booru.danbooru import Danbooru
from i2v_lib.collect.booru.policy import Policy, exclude
from i2v_lib.collect.booru.posts import Post, choose_variant
from i2v_lib.collect.booru.safebooru import Safebooru, read_xml
from i2v_lib.collect.booru.web import WebError

DEFAULT_QUERY = "rating:g status:active -status:banned"  # what is sent for an empty one
BASE = "https://booru.example"


class FakeWeb:
    """Answers each request with ``answer(url, params)``, and keeps what was asked."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def json(self, url, params):
        self.asked.append((url, dict(params)))
        reply = self.answer(url, params)
        return json.loads(json.dumps(reply))

    def text(self, url, params):
        self.asked.append((url, dict(params)))
        return self.answer(url, params)


def row(number, **changes):
    """A row with the keys that Danbooru was recorded to send."""
    md5 = f"{number:032x}"
    place = f"https://cdn.booru.example/720x720/{md5[:2]}/{md5[2:4]}/{md5}"
    sides = {"180x180": (120, 180, "jpg"), "720x720": (480, 720, "webp"), "original": (1000, 1500, "png")}
    variants = [
        {"type": kind, "url": f"{place}-{kind}.{ext}", "width": width, "height": height, "file_ext": ext}
        for kind, (width, height, ext) in sides.items()
    ]
    asset = {
        "id": number, "created_at": "2026-05-07T10:00:00.000-04:00", "updated_at": "2026-05-07T10:00:00.000-04:00",
        "md5": md5, "file_ext": "png", "file_size": 4000, "image_width": 1000, "image_height": 1500,
        "duration": None, "status": "active", "file_key": "k", "is_public": True, "pixel_hash": f"{number:032x}"[::-1],
        "variants": variants,
    }  # fmt: skip
    tags = {"general": "1girl long_hair", "character": "rin_(saga)", "copyright": "saga", "artist": "anna_b"}
    tags["meta"] = "highres"
    counts = {f"tag_count_{name}": len(text.split()) for name, text in tags.items()}
    return {
        "id": number, "created_at": "2026-05-07T10:00:00.000-04:00", "uploader_id": 1, "score": 2,
        "source": "https://art.example/1", "md5": md5, "last_comment_bumped_at": None, "rating": "g",
        "image_width": 1000, "image_height": 1500, "tag_string": " ".join(tags.values()), "fav_count": 0,
        "file_ext": "png", "last_noted_at": None, "parent_id": None, "has_children": False, "approver_id": None,
        "file_size": 4000, "up_score": 2, "down_score": 0, "is_pending": False, "is_flagged": False,
        "is_deleted": False, "tag_count": 6, "updated_at": "2026-05-07T10:00:00.000-04:00", "is_banned": False,
        "pixiv_id": None, "last_commented_at": None, "has_active_children": False, "bit_flags": 0, "has_large": True,
        "has_visible_children": False, "media_asset": asset, **counts,
        **{f"tag_string_{name}": text for name, text in tags.items()},
        "file_url": variants[-1]["url"], "large_file_url": variants[-1]["url"], "preview_file_url": variants[0]["url"],
        **changes,
    }  # fmt: skip


def without(full, *keys):
    return {key: value for key, value in full.items() if key not in keys}


def hidden(number, **changes):
    """A row whose picture the site does not show: keys are absent, not null."""
    full = row(number, **changes)
    asset = without(full["media_asset"], "md5", "file_key", "variants")
    return {**without(full, "md5", "file_url", "large_file_url", "preview_file_url"), "media_asset": asset}


class FakeDanbooru(FakeWeb):
    """Posts by id, as Danbooru serves them; ``heaviest`` is the widest range of ids that does not time out."""

    def __init__(self, rows, heaviest=None, short=0):
        self.rows, self.heaviest, self.short = {item["id"]: item for item in rows}, heaviest, short
        super().__init__(self.posts)

    def posts(self, url, params):
        assert url == BASE + "/posts.json"
        below = int(params["page"].removeprefix("b")) if "page" in params else float("inf")
        window = re.search(r"id:(\d+)\.\.(\d+)", params["tags"])
        listed = re.search(r"id:([\d,]+)$", params["tags"])
        low, high = map(int, window.groups()) if window else (0, float("inf"))
        if self.heaviest and params["tags"] and high - low + 1 > self.heaviest:
            raise WebError("query_canceled", "ActiveRecord::QueryCanceled")
        found = [number for number in sorted(self.rows, reverse=True) if low <= number <= high and number < below]
        if listed:
            found = [number for number in found if str(number) in listed[1].split(",")]
        found = found[: params["limit"]]
        if len(found) > self.short:  # what is kept back comes with the next page
            found = found[: len(found) - self.short]
        return [self.rows[number] for number in found]


def walk(site):
    """All pages of a site, from the newest to the end."""
    pages, before = [], None
    while True:
        pages.append(site.page(before))
        assert len(pages) < 500
        if pages[-1].next_before is None:
            return pages
        assert before is None or pages[-1].next_before < before
        before = pages[-1].next_before


def ids(posts):
    return [post.id for post in posts]


def first_page(*rows):
    return Danbooru(FakeWeb(lambda url, params: list(rows)), BASE).page(None)


def test_danbooru_is_asked_as_its_protocol_says():
    web = FakeWeb(lambda url, params: [])
    assert Danbooru(web).page(None).next_before is None
    url, params = web.asked[0]
    assert url == "https://safebooru.donmai.us/posts.json"
    assert (params["tags"], params["limit"]) == ("rating:g status:active -status:banned", 200)
    assert "page" not in params
    asked = re.sub(r"\[.*\]", "", params["only"]).split(",")
    assert set(asked) <= set(row(1))  # nothing that the site does not have
    Danbooru(web, BASE + "/", "touhou solo", ("q", "g")).page(77)
    url, params = web.asked[1]
    assert url == BASE + "/posts.json"
    assert (params["tags"], params["page"]) == ("touhou solo rating:g,q status:active -status:banned", "b77")
    assert Danbooru(web, BASE, DEFAULT_QUERY).query == DEFAULT_QUERY == Danbooru(web, BASE).query


@pytest.mark.parametrize(
    "query",
    ["order:score", "touhou Order:random", "random:5", "-rating:e", "rating:safe", "RATING:q", "a or b", "(a or b)",
     "limit:3"],
)  # fmt: skip
def test_queries_that_would_break_the_walk_are_refused(query):
    with pytest.raises(ValueError, match="query="):
        Danbooru(FakeWeb(None), BASE, query)


def test_queries_that_only_look_so_are_sent():
    query = "order random_tag re:zero id:1..50 ^_^ -limit_break ~a ~b"
    assert Danbooru(FakeWeb(None), BASE, query).query.startswith(query)


def test_the_safe_host_has_no_other_ratings():
    with pytest.raises(ValueError, match="ratings"):
        Danbooru(FakeWeb(None), "https://safebooru.donmai.us", ratings=("g", "s"))
    assert Danbooru(FakeWeb(None), "https://danbooru.donmai.us", ratings=("g", "s")).query.startswith("rating:g,s")
    for ratings in ((), ("safe",)):
        with pytest.raises(ValueError, match="ratings"):
            Danbooru(FakeWeb(None), BASE, ratings=ratings)


def test_a_row_becomes_a_post():
    full = row(7, rating="s", parent_id=3, pixiv_id=11, tag_string_general="1girl ^_^ 1girl ;)", source="a magazine")
    (post,) = first_page(full).posts
    assert (post.site, post.id, post.rating, post.rating_scheme) == ("danbooru", 7, "s", "2022")
    assert (post.md5, post.ext, post.width, post.height, post.file_size) == (f"{7:032x}", "png", 1000, 1500, 4000)
    assert post.general == ("1girl", "^_^", ";)")
    assert (post.copyright, post.character) == (("saga",), ("rin_(saga)",))
    assert (post.artist, post.meta, post.untyped) == (("anna_b",), ("highres",), ())
    assert (post.parent_id, post.pixiv_id, post.pixel_hash) == (3, 11, f"{7:032x}"[::-1])
    assert post.source_url == "https://danbooru.donmai.us/posts/7"
    assert post.created_at == "2026-05-07T10:00:00.000-04:00"
    assert post.flags == ()
    assert [variant.kind for variant in post.variants] == ["180x180", "720x720", "original"]
    assert choose_variant(post).url.endswith("-720x720.webp")
    assert Post.from_json(post.to_json()) == post


def test_flags():
    odd = [row(9, is_banned=True), row(8, is_deleted=True, is_flagged=True), hidden(7), hidden(6, is_pending=True)]
    posts = first_page(*odd, row(5)).posts
    expected = [("banned",), ("deleted", "flagged"), ("hidden",), ("pending", "hidden"), ()]
    assert [post.flags for post in posts] == expected
    assert (posts[2].md5, posts[2].variants) == ("", ())
    assert first_page(without(row(7), "md5")).posts[0].flags == ("hidden",)  # addresses alone are not enough


BAD_URLS = (
    "https://cdn.booru.example/../a.png", "//cdn.booru.example/a.png", "https://cdn.booru.example/a\0.png",
    "https://cdn.booru.example/" + "a" * 5000 + ".png", "ftp://cdn.booru.example/a.png", None, 3, "http://cdn.booru.example/a.png",
)  # fmt: skip


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_bad_address_costs_its_variant(url):
    full = row(7)
    full["media_asset"]["variants"][1]["url"] = url
    (post,) = first_page(full).posts
    assert [variant.kind for variant in post.variants] == ["180x180", "original"]
    for variant in full["media_asset"]["variants"]:
        variant["url"] = url
    (post,) = first_page(full).posts
    assert (post.flags, choose_variant(post)) == ((), None)


def test_odd_parts_of_the_asset_are_left_out():
    full = row(7)
    full["media_asset"]["pixel_hash"] = "none"  # many posts may share such a word
    full["media_asset"]["variants"][0]["type"] = "crop"
    (post,) = first_page(full).posts
    assert post.pixel_hash == ""
    assert [variant.kind for variant in post.variants] == ["720x720", "original"]


def test_without_a_list_of_variants_the_original_is_left():
    old = without(row(7), "media_asset")
    assert [variant.kind for variant in first_page(old).posts[0].variants] == ["original"]
    assert first_page({**old, "file_url": "https://cdn.booru.example/../x.png"}).posts[0].variants == ()


MALFORMED = [
    {"id": "seven"}, {"id": -1}, {"id": 0}, {"id": 7.5}, {"id": True}, {"id": [7]}, {"id": 2**70}, {"rating": ["g"]},
    {"md5": "x"}, {"md5": "../../etc"}, {"file_ext": None}, {"file_ext": "../sh"}, {"image_width": "wide"},
    {"image_height": -5}, {"file_size": 1.5}, {"tag_string_general": None}, {"tag_string_meta": ["a"]},
    {"parent_id": "x"}, {"pixiv_id": {}}, {"is_deleted": None}, {"is_banned": "false"}, {"media_asset": "none"},
]  # fmt: skip


@pytest.mark.parametrize("change", MALFORMED)
def test_a_malformed_row_costs_only_itself(change):
    page = first_page(row(9), row(7, **change), row(5))
    assert ids(page.posts) == [9, 5]
    known = "" if "id" in change else " 7"
    assert page.bad_rows == ("malformed_row" + known,)
    assert page.next_before == 5


@pytest.mark.parametrize("missing", ["id", "is_banned", "is_deleted", "tag_string_general", "tag_string_meta"])
def test_what_the_policy_looks_at_must_be_there(missing):
    assert ids(first_page(row(9), without(row(7), missing)).posts) == [9]


def test_what_it_does_not_need_may_be_missing():
    page = first_page(without(row(7), "source", "parent_id", "pixiv_id", "created_at", "media_asset"))
    assert ids(page.posts) == [7]
    assert first_page(row(7, created_at="yesterday")).posts[0].created_at == ""


def test_an_unknown_rating_is_kept_and_excluded():
    posts = first_page(row(9, rating="x"), row(8, rating=None), row(7, rating="safe")).posts
    assert [(post.rating, exclude(post, Policy())) for post in posts] == [("", "rating")] * 3


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.lists(JSON | st.dictionaries(st.sampled_from(sorted(row(1))), JSON, max_size=4), max_size=4), st.data())
@settings(max_examples=300, deadline=None)
def test_no_row_breaks_a_page(strange, data):
    """Whatever a row holds: two good posts around it come through, and every row is accounted for."""
    changes = data.draw(st.dictionaries(st.sampled_from(sorted(row(1))), JSON, max_size=3))
    asset = {**row(1)["media_asset"], **data.draw(st.dictionaries(st.sampled_from(["variants", "pixel_hash"]), JSON))}
    rows = [row(2**64), *strange, {**row(2**62), "media_asset": asset, **changes}, row(2**63 - 1), row(2**63 - 2)]
    page = first_page(*rows)
    assert {2**63 - 1, 2**63 - 2} <= set(ids(page.posts))
    assert len(page.posts) + len(page.bad_rows) == len(rows)
    for post in page.posts:
        assert Post.from_json(post.to_json()) == post
        exclude(post, Policy())


@given(st.dictionaries(st.sampled_from(sorted(safebooru.POST_KEYS)), JSON, max_size=4))
@settings(max_examples=200, deadline=None)
def test_no_row_breaks_a_page_of_safebooru(changes):
    site = FakeSafebooru([dapi_row(9), {**dapi_row(7), **changes}])
    page = Safebooru(site, BASE).page(None)
    assert 9 in ids(page.posts)
    assert len(page.posts) + len(page.bad_rows) == 2


NUMBERS = list(range(3, 2000, 3))


@pytest.mark.parametrize("short", [0, 1, 50])
def test_a_walk_sees_every_post_once(short):
    site = FakeDanbooru(map(row, NUMBERS), short=short)
    pages = walk(Danbooru(site, BASE))
    assert [number for page in pages for number in ids(page.posts)] == NUMBERS[::-1]
    full = [200 - short] * (len(NUMBERS) // (200 - short))
    assert [len(page.posts) for page in pages][: len(full)] == full
    assert pages[-1].posts == ()  # an empty page ends the walk, a short one does not


def test_rows_come_in_any_order_and_twice():
    page = first_page(row(5), row(9), row(5), row(7))
    assert (ids(page.posts), page.bad_rows, page.next_before) == ([9, 7, 5], ("duplicate_row 5",), 5)


def test_a_site_that_ignores_the_cursor_cannot_hold_the_walk():
    newest = [row(number) for number in (30, 20, 10)]
    site = Danbooru(FakeWeb(lambda url, params: newest), BASE)
    page = site.page(25)
    assert (ids(page.posts), page.bad_rows) == ([20, 10], ("out_of_order 30",))
    with pytest.raises(WebError) as error:
        site.page(10)
    assert error.value.reason == "out_of_order"


def test_a_reply_that_is_no_list_is_asked_for_again():
    replies = iter([{"success": True}, None, [row(7)]])
    web = FakeWeb(lambda url, params: next(replies))
    assert ids(Danbooru(web, BASE).page(None).posts) == [7]
    assert len(web.asked) == 3
    for reply in ({}, row(7), None, "posts", 3):
        with pytest.raises(WebError) as error:
            Danbooru(FakeWeb(lambda url, params, reply=reply: reply), BASE).page(None)
        assert error.value.reason == "bad_json"


@pytest.mark.parametrize("heaviest", [100_000, 10_000, 150])
def test_a_walk_too_heavy_goes_on_in_windows(heaviest):
    numbers = [5, 6, 7000, *range(60_000, 60_500), 99_999, 250_000]
    plain = walk(Danbooru(FakeDanbooru(map(row, numbers)), BASE))
    site = FakeDanbooru(map(row, numbers), heaviest=heaviest)
    client = Danbooru(site, BASE)
    before, seen = None, []
    while True:
        page = client.page(before)
        seen += ids(page.posts)
        if page.next_before is None:
            break
        before = page.next_before
    assert seen == [number for page in plain for number in ids(page.posts)] == numbers[::-1]
    whole = [params for _, params in site.asked if params["tags"] == DEFAULT_QUERY]
    assert len(whole) == 1  # not tried again once it proved too heavy


def test_other_trouble_does_not_narrow_the_walk():
    def trouble(url, params):
        raise WebError("http_503", "maintenance")

    web = FakeWeb(trouble)
    with pytest.raises(WebError, match="maintenance"):
        Danbooru(web, BASE).page(9)
    assert len(web.asked) == 1
    with pytest.raises(WebError):  # nor does it narrow for ever
        Danbooru(FakeDanbooru([row(1)], heaviest=1), BASE).page(10**9)


@pytest.mark.parametrize(
    ("reply", "count"),
    [({"counts": {"posts": 12}}, 12), ({"counts": {"posts": None}}, None), ({"counts": None}, None), ([], None),
     ({"counts": {"posts": "many"}}, None), (None, None), ({"counts": {"posts": -1}}, None)],
)  # fmt: skip
def test_counts_may_be_unknown(reply, count):
    web = FakeWeb(lambda url, params: reply)
    assert Danbooru(web, BASE, "saga").count() == count
    assert web.asked == [(BASE + "/counts/posts.json", {"tags": "saga " + DEFAULT_QUERY})]


def test_a_lookup_tells_who_is_gone():
    site = FakeDanbooru([row(9, is_deleted=True), row(7, rating="e"), hidden(5), row(4)])
    posts = Danbooru(site, BASE).lookup([9, 7, 6, 5])
    assert [(post.id, post.rating, post.flags) for post in posts] == [
        (9, "g", ("deleted",)), (7, "e", ()), (5, "g", ("hidden",)),
    ]  # fmt: skip
    assert site.asked[0][1]["tags"] == "id:9,7,6,5"  # free terms only, and no status: deleted ones must come too
    assert Danbooru(FakeWeb(None), BASE).lookup([]) == []
    with pytest.raises(ValueError, match="201"):
        Danbooru(FakeWeb(None), BASE).lookup(range(201))
    with pytest.raises(WebError, match="post 4"):
        Danbooru(FakeDanbooru([row(4, file_ext=None)]), BASE).lookup([4])


def implications(pairs):
    """Serves rows newest first, two a page: the site gives a thousand, and a test must see more than one page."""
    rows = [
        {"id": number, "antecedent_name": pair[0], "consequent_name": pair[1], "status": [*pair, "active"][2]}
        for number, pair in enumerate(pairs, start=1)
    ]

    def answer(url, params):
        assert url == BASE + "/tag_implications.json"
        assert params["search[status]"] == "active"
        below = int(params.get("page", "b999").removeprefix("b"))
        return [item for item in reversed(rows) if item["id"] < below][:2]

    return answer


def test_denied_implications_are_followed():
    pairs = [("a", "loli"), ("z", "smile"), ("b", "a"), ("c", "b"), ("b", "c"), ("loli", "shota")]
    pairs.append(("d", "shota", "retired"))
    assert Danbooru(FakeWeb(implications(pairs)), BASE).denied_implications() == {"a", "b", "c"}
    with pytest.raises(WebError):
        Danbooru(FakeWeb(implications([("a", "loli"), (None, "loli")])), BASE).denied_implications()
    stuck = FakeWeb(lambda url, params: implications([("a", "loli")])(url, {"search[status]": "active"}))
    with pytest.raises(WebError, match="no id below"):
        Danbooru(stuck, BASE).denied_implications()


def test_check_compares_keys_at_every_level():
    assert Danbooru(FakeWeb(lambda url, params: [row(2), hidden(1)]), BASE).check() == []
    other = without(row(1), "md5", "score") | {"sparkle": 1}
    other["media_asset"] = without(other["media_asset"], "pixel_hash")
    other["media_asset"]["variants"] = [without(other["media_asset"]["variants"][0], "url")]
    assert Danbooru(FakeWeb(lambda url, params: [other]), BASE).check() == [
        "post: key md5 is missing", "post: key score is missing", "post: key sparkle is new",
        "media_asset: key pixel_hash is missing", "variant: key url is missing",
    ]  # fmt: skip
    asked = FakeWeb(lambda url, params: [])
    keys = (danbooru_rows.POST_KEYS, danbooru_rows.ASSET_KEYS, danbooru_rows.VARIANT_KEYS)
    assert len(Danbooru(asked, BASE).check()) == sum(map(len, keys))
    assert "only" not in asked.asked[0][1]
    assert Danbooru(FakeWeb(lambda url, params: [3, {"media_asset": {"variants": 5}}]), BASE).check()


# safebooru.org

TYPES = {"1girl": 0, "anna_b": 1, "saga": 3, "rin's_(saga)": 4, "highres": 5}


def dapi_row(number, **changes):
    """A row of safebooru.org: no categories, tags escaped as in HTML, a file name that is no MD5."""
    image, place = f"{number:040x}.jpg", "https://safebooru.example"
    return {
        "preview_url": f"{place}/thumbnails/12/thumbnail_{image}", "sample_url": f"{place}/samples/12/sample_{image}",
        "file_url": f"{place}/images/12/{image}", "directory": 12, "hash": f"{number:032x}", "width": 1000,
        "height": 1500, "id": number, "image": image, "change": 1_700_000_000, "owner": "danbooru", "parent_id": 0,
        "rating": "general", "sample": True, "sample_height": 1275, "sample_width": 850, "score": None,
        "tags": " 1girl anna_b rin&#039;s_(saga) saga highres mystery ", "source": "https://art.example/1",
        "status": "active", "has_notes": False, "comment_count": 0, **changes,
    }  # fmt: skip


class FakeSafebooru(FakeWeb):
    """Ignores conditions on the id other than ``id:<N``; answers with XML past the end, and about tags."""

    def __init__(self, rows, wrap=lambda rows: rows):
        self.rows, self.wrap = rows, wrap
        super().__init__(self.reply)

    def reply(self, url, params):
        assert url == BASE + "/index.php"
        assert (params["page"], params["q"]) == ("dapi", "index")
        if params["s"] == "tag":
            tags = "".join(
                f'<tag type="{TYPES[name]}" count="1" name={quoteattr(name)} ambiguous="false" id="1"/>'
                for name in params["names"].split() if name in TYPES
            )  # fmt: skip
            return f'<?xml version="1.0" encoding="UTF-8"?><tags type="array">{tags}</tags>'
        if params.get("json") != 1:
            return f'<?xml version="1.0" encoding="UTF-8"?><posts count="{len(self.rows)}" offset="0"></posts>'
        below = re.fullmatch(r"(?:.* )?id:<(\d+)", params["tags"])
        found = [item for item in self.rows if not below or int(item["id"]) < int(below[1])][: params["limit"]]
        if not found:
            return '<?xml version="1.0" encoding="UTF-8"?><response success="false" reason="nothing"/>'
        return json.dumps(self.wrap(found))


def test_safebooru_walks_by_the_one_condition_that_works():
    site = FakeSafebooru([dapi_row(number) for number in range(900, 0, -2)])
    pages = walk(Safebooru(site, BASE, "saga"))
    assert [number for page in pages for number in ids(page.posts)] == list(range(900, 0, -2))
    asked = [params["tags"] for _, params in site.asked if params["s"] == "post"]
    assert asked == ["saga", "saga id:<502", "saga id:<102", "saga id:<2"]
    about_tags = [params["names"] for _, params in site.asked if params["s"] == "tag"]
    assert about_tags == ["1girl anna_b highres mystery rin's_(saga) saga"]  # once, not once a page
    stuck = Safebooru(FakeWeb(lambda url, params: json.dumps([dapi_row(900)])), BASE)
    with pytest.raises(WebError) as error:
        stuck.page(900)
    assert error.value.reason == "out_of_order"


def test_a_row_of_safebooru_becomes_a_post():
    (post,) = Safebooru(FakeSafebooru([dapi_row(7)]), BASE).page(None).posts
    assert (post.site, post.id, post.rating, post.rating_scheme) == ("safebooru", 7, "g", "dapi")
    assert (post.md5, post.ext, post.width, post.height, post.parent_id) == (f"{7:032x}", "jpg", 1000, 1500, None)
    assert (post.general, post.artist, post.copyright) == (("1girl",), ("anna_b",), ("saga",))
    assert (post.character, post.meta, post.untyped) == (("rin's_(saga)",), ("highres",), ("mystery",))
    assert (post.source_url, post.flags, post.created_at) == ("https://art.example/1", (), "")
    assert choose_variant(post).kind == "sample"
    assert choose_variant(post, "original").url == dapi_row(7)["file_url"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"rating": "safe"}, ("s", (), "sample")),
        ({"rating": "Questionable"}, ("q", (), "sample")),
        ({"rating": "unheard-of"}, ("", (), "sample")),
        ({"status": "deleted"}, ("g", ("deleted",), "sample")),
        ({"status": "flagged"}, ("g", ("flagged",), "sample")),
        ({"hash": ""}, ("g", ("hidden",), "sample")),
        ({"sample": False}, ("g", (), "original")),
        ({"sample_url": "//host/a.jpg"}, ("g", (), "original")),
        ({"sample": 0, "file_url": "https://x.example/../a.jpg"}, ("g", (), "original")),
        ({"sample": 0, "file_url": None, "image": "../../a.jpg"}, ("g", (), None)),
        ({"image": "a.mp4", "sample": 0, "file_url": "https://x.example/a.mp4"}, ("g", (), None)),
    ],
)
def test_quirks_of_its_rows(changes, expected):
    (post,) = Safebooru(FakeSafebooru([dapi_row(7, **changes)]), BASE).page(None).posts
    variant = choose_variant(post)
    assert (post.rating, post.flags, variant and variant.kind) == expected


def test_addresses_are_built_where_older_replies_have_none():
    old = without(dapi_row(7, directory="12", id="7", image="abc.JPEG"), "file_url", "sample_url", "preview_url")
    (post,) = Safebooru(FakeSafebooru([old]), BASE).page(None).posts
    assert [(variant.kind, variant.url) for variant in post.variants] == [("original", BASE + "/images/12/abc.JPEG")]
    assert (post.ext, post.variants[0].ext) == ("jpg", "jpg")


@pytest.mark.parametrize(
    "change",
    [{"id": "x"}, {"hash": "zz"}, {"tags": None}, {"tags": ["1girl"]}, {"width": "wide"}, {"status": "odd"},
     {"rating": 1}, {"parent_id": -1}, {"image": "a.b*c"}, {"directory": "..", "file_url": None}],
)  # fmt: skip
def test_a_malformed_row_of_safebooru_costs_only_itself(change):
    rows = [dapi_row(9), dapi_row(7, **change)]
    web = FakeWeb(lambda url, params: json.dumps(rows) if params["s"] == "post" else "<tags/>")
    page = Safebooru(web, BASE).page(None)
    assert ids(page.posts) == [9]
    assert page.bad_rows[0].startswith("malformed_row")


def test_denied_tags_are_seen_before_categories_are_known():
    rows = [dapi_row(9, tags="1girl Loli"), dapi_row(7, tags="1girl shot&#97;"), dapi_row(5)]
    posts = Safebooru(FakeSafebooru(rows), BASE).page(None).posts
    assert [exclude(post, Policy()) for post in posts] == ["denied_tag", "denied_tag", None]


@pytest.mark.parametrize("wrap", [lambda rows: rows, lambda rows: {"@attributes": {"count": 1}, "post": rows},
                                  lambda rows: {"post": rows[0]}])  # fmt: skip
def test_shapes_of_a_reply(wrap):
    assert ids(Safebooru(FakeSafebooru([dapi_row(7)], wrap), BASE).page(None).posts) == [7]


@pytest.mark.parametrize(
    "reply",
    ["", "{}", '{"post": 3}', "null", "[{", "<html><body>busy</body></html>", "<!DOCTYPE html>", "<response",
     "<posts><post id='1'/></posts>", "[" * 100_000],
)  # fmt: skip
def test_an_odd_reply_is_not_the_end(reply):
    web = FakeWeb(lambda url, params: reply)
    with pytest.raises(WebError) as error:
        Safebooru(web, BASE).page(5)
    assert error.value.reason == "bad_json"
    assert len(web.asked) == 3


def test_xml_is_read_without_entities():
    assert read_xml('<?xml version="1.0" encoding="UTF-8"?>\n<a b="1"/>').get("b") == "1"
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><a>&c;</a>'
    for document in (bomb, bomb.lower(), "", "text", "<a", "\ud800<a/>", "<a>" + "x" * 2**23 + "</a>"):
        assert read_xml(document) is None


def test_types_come_from_the_table_before_the_site():
    site = FakeSafebooru([])
    client = Safebooru(site, BASE, categories={"1girl": "general", "rin's (saga)": "copyright", "highres": "ignored"})
    tags = ["1girl", "rin's_(saga)", "highres", "anna_b", "mystery"]
    expected = {"1girl": "general", "rin's_(saga)": "copyright", "highres": "meta", "anna_b": "artist"}
    assert client.types_of(tags) == client.types_of(tags) == expected
    assert [params["names"] for _, params in site.asked] == ["anna_b mystery"]
    assert len(client.types_of(f"t{number}" for number in range(120))) == 0
    assert len(site.asked) == 1 + 3  # fifty names a request
    with pytest.raises(ValueError, match="'x' is 'thing'"):
        Safebooru(site, BASE, categories={"x": "thing"})
    with pytest.raises(WebError) as error:
        Safebooru(FakeWeb(lambda url, params: "busy"), BASE).types_of(["a"])
    assert error.value.reason == "bad_xml"


def test_safebooru_looks_up_neighbors_at_once():
    site = FakeSafebooru([dapi_row(number) for number in range(1000, 0, -1) if number != 990])
    names = ("1girl", "anna b", "rin's (saga)", "saga", "highres", "mystery")
    client = Safebooru(site, BASE, categories=dict.fromkeys(names, "general"))
    assert sorted(ids(client.lookup([1000, 990, 900, 5, 2000]))) == [5, 900, 1000]
    assert [params["tags"] for _, params in site.asked] == ["id:<2001", "id:<6"]
    assert client.lookup([]) == []
    with pytest.raises(ValueError, match="201"):
        client.lookup(range(201))
    with pytest.raises(WebError, match="post 7"):
        Safebooru(FakeSafebooru([dapi_row(9), dapi_row(7, width="x")]), BASE).lookup([9, 7])


def test_the_rest_of_safebooru():
    site = FakeSafebooru([dapi_row(7), dapi_row(5)])
    client = Safebooru(site, BASE, "saga")
    assert client.count() == 2
    assert site.asked[0][1]["tags"] == "saga"
    assert client.denied_implications() == frozenset()
    assert client.check() == []
    other = FakeSafebooru([without(dapi_row(7), "hash") | {"sparkle": 1}])
    assert Safebooru(other, BASE).check() == ["post: key hash is missing", "post: key sparkle is new"]
    for reply in ("busy", "<posts/>", '<posts count="many"/>'):
        assert Safebooru(FakeWeb(lambda url, params, reply=reply: reply), BASE).count() is None
    for query in ("id:>5", "sort:score", "-id:3", "order:random"):
        with pytest.raises(ValueError, match="query="):
            Safebooru(site, BASE, query)
    assert Safebooru(site, BASE, "  rating:general sort ").query == "rating:general sort"


def test_hosts():
    assert set(Danbooru.hosts) >= {"safebooru.donmai.us", "cdn.donmai.us"}
    assert set(Danbooru.file_hosts) == {"cdn.donmai.us"}
    assert (Safebooru.hosts, Safebooru.shares_host(), Danbooru.shares_host()) == (("safebooru.org",), True, False)
    assert Danbooru.home_for(("g",)) == "https://safebooru.donmai.us"
    assert {Danbooru.home_for(ratings) for ratings in (("s",), ("g", "s"))} == {"https://danbooru.donmai.us"}
