"""The test server itself: the sites' quirks, the faults, the log; asked with nothing but the standard library."""

import ast
import base64
import contextlib
import hashlib
import http.client
import io
import json
import re
import socket
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlencode, urlsplit

import pytest
from PIL import Image

from tests.booru_server import BooruServer, Record, actions, busiest, concurrency, rule
from tests.booru_server.damaged import USABLE
from tests.booru_server.exchange import Request
from tests.booru_server.faults import Plan
from tests.booru_server.gate import Bucket
from tests.booru_server.posts import EXCLUDED_ROLES, ROLES
from tests.booru_server.rows import timestamp

AGENT = "test-client/1.0 (user #7)"
KEYS = set(
    re.findall(
        r"\w+",
        """
id created_at uploader_id score source md5 last_comment_bumped_at rating image_width image_height
tag_string fav_count file_ext last_noted_at parent_id has_children approver_id
tag_count_general tag_count_artist tag_count_character tag_count_copyright file_size up_score down_score
is_pending is_flagged is_deleted tag_count updated_at is_banned pixiv_id last_commented_at
has_active_children bit_flags tag_count_meta has_large has_visible_children media_asset
tag_string_general tag_string_character tag_string_copyright tag_string_artist tag_string_meta
file_url large_file_url preview_file_url
""",
    )
)  # fmt: skip  as recorded
ADDRESS_KEYS = {"md5", "file_url", "large_file_url", "preview_file_url"}


def ask(url, query=None, *, method="GET", body=None, agent=AGENT, **headers):
    """One exchange on a connection of its own: status, headers, body."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=5)
    text = parts.query or urlencode(query or {})
    named = {"User-Agent": agent} | {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, f"{parts.path}?{text}" if text else parts.path, body, named)
        answer = connection.getresponse()
        content = b"".join(iter(lambda: answer.read(2**16), b""))
        if answer.length:
            raise http.client.IncompleteRead(content, answer.length)
        return SimpleNamespace(status=answer.status, headers=answer.headers, body=content)
    finally:
        connection.close()


def rows(site, tags="", path="/posts.json", **query):
    answer = ask(site.api + path, {"tags": tags, **query} if tags else query)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def ids(site, tags="", **query):
    return [row["id"] for row in rows(site, tags, **query)]


def role(site, name):
    return next(post for post in site.board.posts.values() if post.role == name)


def refusal(site, path="/posts.json", **options):
    """Status, error and message of a refusal."""
    answer = ask(site.api + path, **options)
    content = json.loads(answer.body)
    assert content.keys() == {"success", "error", "message", "backtrace"}
    assert content["success"] is False
    return answer.status, content["error"], content["message"]


@pytest.fixture(scope="module")
def site():
    with BooruServer(posts=230, size=32, drawings=40, rate=None) as server:
        yield server


@pytest.fixture
def small():
    with BooruServer(posts=45, size=32, rate=None) as server:
        yield server


def test_a_page_has_20_rows_and_never_more_than_200(site):
    everything = sorted(site.board.posts, reverse=True)
    assert ids(site) == everything[:20]
    assert ids(site, limit=201) == everything[:200]
    assert ids(site, "limit:7") == everything[:7]
    assert ids(site, page=2, limit=30) == everything[30:60]


def test_a_walk_before_ids_finds_each_post_once(site):
    found, page = [], "b99999999"
    while batch := ids(site, page=page, limit=64):
        found += batch
        page = f"b{batch[-1]}"
    assert found == sorted(site.board.posts, reverse=True)
    assert ids(site, page="b0") == []


def test_a_page_after_an_id_comes_reversed(site):
    upward = sorted(site.board.posts)
    first = ids(site, page="a0", limit=10)
    assert first == upward[9::-1]
    assert ids(site, page=f"a{first[0]}", limit=10) == upward[19:9:-1]  # the cursor is the first row
    assert ids(site, "order:id", page="b99999999", limit=3) == upward[:-4:-1]  # a cursor overrides order:
    assert ids(site, "order:id", limit=3) == upward[:3]  # the control


def test_pages_end_at_1000(site):
    assert ids(site, page=1000) == []
    status, error, message = refusal(site, query={"page": 1001})
    assert (status, error) == (410, "PaginationExtension::PaginationError")
    assert "1000" in message


def test_what_a_query_finds(site):
    def chosen(test):
        return sorted((post.id for post in site.board.posts.values() if test(post)), reverse=True)[:200]

    def found(tags):
        return ids(site, tags, limit=200)

    tagged = chosen(lambda post: "solo" in post.all_tags())
    assert 0 < len(tagged) < 200
    assert found("solo") == found("SOLO") == tagged
    assert found("-solo 1girl") == chosen(lambda post: "1girl" in post.all_tags() and "solo" not in post.all_tags())
    assert found("no_such_tag") == []
    assert found("rating:safe") == found("rating:s") == chosen(lambda post: post.rating == "s") != []
    assert found("rating:q,e") == found("is:nsfw") == chosen(lambda post: post.rating in "qe") != []
    active = found("status:active -status:deleted")
    assert role(site, "banned").id in active  # so ask for -status:banned too
    assert not {role(site, name).id for name in ("deleted", "pending", "flagged")} & set(active)
    low, middle, high = sorted(site.board.posts)[5:8]
    assert found(f"id:{low}..{high}") == [high, middle, low]
    assert found(f"id:{low}...{high}") == found(f"id:{middle},{low}") == [middle, low]
    assert found(f"id:>{low} id:<={high} id:{middle}") == [middle]
    assert found(f"md5:{site.board.posts[low].file.md5}") == [low]
    assert found("filetype:mp4,zip") == chosen(lambda post: post.file.ext in ("mp4", "zip"))
    old, new = next(iter(site.board.aliases.items()))
    assert found(old) == found(new) == chosen(lambda post: new in post.all_tags()) != []


def test_two_terms_beside_the_free_ones(site):
    assert ids(site, "rating:g status:active id:>1 -status:banned solo 1girl", limit=1)
    for third in ("smile", "order:id", "is:sfw"):
        status, error, message = refusal(site, query={"tags": f"solo 1girl {third}"})
        assert (status, error) == (422, "PostQuery::TagLimitError")
        assert "2 tags" in message
    assert ids(site, "solo 1girl order:id", login="gold", api_key="goldkey", limit=1)
    assert refusal(site, query={"tags": "order:random"})[:2] == (500, "ActiveRecord::QueryCanceled")


def test_a_row_has_the_recorded_keys(site):
    post = role(site, "wide")
    row = rows(site, f"id:{post.id}")[0]
    assert row.keys() == KEYS
    assert row == rows(site, path=f"/posts/{post.id}.json") == rows(site, md5=post.file.md5)  # an object, no list
    assert row["file_size"] == len(post.file.data)
    sizes = {variant["type"]: (variant["width"], variant["file_ext"]) for variant in row["media_asset"]["variants"]}
    share = min(1, post.file.width / post.file.height)  # fitted inside a square
    assert sizes == {
        "180x180": (round(180 * share), "jpg"), "360x360": (round(360 * share), "jpg"),
        "720x720": (round(720 * share), "webp"), "sample": (850, "jpg"), "original": (900, post.file.ext),
    }  # fmt: skip
    assert "/sample/" in row["large_file_url"]
    assert timestamp(1_767_225_600) == "2025-12-31T19:00:00.000-05:00"
    assert timestamp(1_782_864_000).endswith("-04:00")


@pytest.mark.parametrize("name", ["banned", "restricted"])
def test_hidden_rows_lack_keys(site, name):
    row = rows(site, f"id:{role(site, name).id}")[0]
    assert KEYS - set(row) == ADDRESS_KEYS
    assert not {"md5", "file_key", "variants"} & set(row["media_asset"])
    assert "pixel_hash" in row["media_asset"]
    seen = rows(site, f"id:{role(site, name).id}", login="gold", api_key="goldkey")[0]
    assert ("md5" in seen) == (name == "restricted")


def test_deleted_posts_are_listed_with_addresses(site):
    row = rows(site, f"id:{role(site, 'deleted').id}")[0]
    assert row["is_deleted"]
    assert ask(row["file_url"]).status == 200


def test_the_safe_host_lists_g_and_hides_the_rest(site):
    questionable = next(post for post in site.board.posts.values() if post.rating == "q" and not post.flags)
    url = f"{site.api}/posts/{questionable.id}.json"
    assert "file_url" in json.loads(ask(url).body)
    for safe in (ask(url, {"safe_mode": "true"}), ask(url, Host="safebooru.example.com")):
        assert safe.status == 200
        assert "file_url" not in json.loads(safe.body)
    assert {row["rating"] for row in rows(site, safe_mode="true", limit=200)} == {"g"}
    assert {row["rating"] for row in rows(site, limit=200)} == set("gsqe")


def test_only_cuts_rows(site):
    row = rows(site, only="id,media_asset[variants[type],pixel_hash],nothing", limit=1)[0]
    assert row.keys() == {"id", "media_asset"}
    assert row["media_asset"].keys() == {"variants", "pixel_hash"}
    assert all(variant.keys() == {"type"} for variant in row["media_asset"]["variants"])


@pytest.mark.parametrize(
    ("query", "basic", "status", "message"),
    [
        ({"login": "reader", "api_key": "readerkey"}, None, 200, ""),
        ({}, "reader:readerkey", 200, ""),
        ({"login": "reader"}, None, 401, "Missing `login` or `api_key`"),
        ({"api_key": "readerkey"}, None, 401, "Missing `login` or `api_key`"),
        ({}, "reader:wrong", 401, "Invalid API key"),
        ({}, "narrow:narrowkey", 403, "Access denied"),
    ],
)
def test_accounts(site, query, basic, status, message):
    headers = {"Authorization": "Basic " + base64.b64encode(basic.encode()).decode()} if basic else {}
    if status == 200:
        answer = ask(site.api + "/profile.json", query, **headers)
        assert json.loads(answer.body) == {"id": 4242, "name": "reader", "level": 20}
    else:
        assert refusal(site, "/tags.json", query=query, **headers)[::2] == (status, message)
    assert site.log[-1].authorized == bool(basic)


@pytest.mark.parametrize("agent", ["", "Mozilla/5.0 (X11)", "python-requests/2.32", "python-httpx/0.28"])
def test_nameless_agents_and_browsers_are_challenged(site, agent):
    for url in (site.api + "/posts.json", site.cdn + "/original"):
        answer = ask(url, agent=agent)
        assert (answer.status, answer.headers["cf-mitigated"]) == (403, "challenge")
        assert b"<html>" in answer.body


def test_a_strict_site_wants_a_user_number():
    with BooruServer(posts=1, size=32, strict_agent=True) as site:
        assert ask(site.api + "/posts.json", agent="test-client/1.0").status == 403
        assert ask(site.api + "/posts.json").status == 200


def test_the_bucket():
    now = [0.0]
    bucket = Bucket(10, 5, lambda: now[0])
    assert [bucket.take() for _ in range(7)] == [True] * 5 + [False] * 2
    now[0] += 0.25
    assert [bucket.take() for _ in range(4)] == [True, True, False, False]
    assert all(Bucket(None, 0).take() for _ in range(100))


@pytest.mark.parametrize(("kind", "pattern"), [(None, ""), ("seconds", r"\d+"), ("date", r"\w{3}, \d\d \w{3} .* GMT")])
def test_too_fast(kind, pattern):
    with BooruServer(posts=1, size=32, rate=0.001, burst=2, retry_after=kind) as site:
        answers = [ask(site.api + "/posts.json") for _ in range(3)]
        assert [answer.status for answer in answers] == [200, 200, 429]
        assert re.fullmatch(pattern, answers[-1].headers["Retry-After"] or "")
        assert ask(site.cdn + "/original").status == 404  # files have no such limit


def test_other_refusals(site):
    assert refusal(site, body=b"{}")[0] == 400
    assert refusal(site, query={"cause_error": "503"})[0] == 503
    assert refusal(site, "/posts/1.json")[:2] == (404, "ActiveRecord::RecordNotFound")
    assert refusal(site, "/tags.json", query={"search[colour]": "red"})[0] == 422
    assert b"Disallow: /*.json" in ask(site.api + "/robots.txt").body


def test_counts(site):
    wanted = sum(post.rating == "g" for post in site.board.posts.values())
    assert rows(site, "rating:g", "/counts/posts.json") == {"counts": {"posts": wanted}}
    assert rows(site, "unknown_tag", "/counts/posts.json") == {"counts": {"posts": 0}}
    assert refusal(site, "/counts/posts.json", query={"tags": "order:id"})[0] == 500
    with BooruServer(posts=1, size=32, counts="null") as other:
        assert rows(other, path="/counts/posts.json") == {"counts": {"posts": None}}


def test_tables(site):
    newest, common = rows(site, path="/tags.json"), rows(site, path="/tags.json", **{"search[order]": "count"})
    assert [row["id"] for row in newest] == sorted((row["id"] for row in newest), reverse=True)
    counts = [row["post_count"] for row in common]
    assert counts == sorted(counts, reverse=True)
    assert newest != common
    general = rows(site, path="/tags.json", limit=9999, **{"search[category]": "0", "search[is_deprecated]": "no"})
    assert {row["category"] for row in general} == {0}
    assert "lovely" not in [row["name"] for row in general]
    aliases = rows(site, path="/tag_aliases.json", limit=1000)
    active = rows(site, path="/tag_aliases.json", **{"search[status]": "active"})
    assert len(aliases) == len(active) + 1  # one is retired
    kin = rows(site, path="/tag_implications.json", **{"search[consequent_name]": "loli"})
    assert [row["antecedent_name"] for row in kin] == ["kin_of_loli"]
    banned = rows(site, path="/artists.json", **{"search[is_banned]": "true"})
    assert [row["name"] for row in banned] == ["withdrawn_artist"]


def dapi(site, s="post", **query):
    return ask(site.api + "/index.php", {"page": "dapi", "q": "index", "s": s, "json": 1} | query).body


def test_safebooru_quirks(site):
    listed = json.loads(dapi(site, limit=1001))
    assert [post["id"] for post in json.loads(dapi(site))] == [post["id"] for post in listed][:100]
    assert all(post["image"][:40] != post["hash"] for post in listed)
    assert {post["rating"] for post in listed} == {"general", "safe", "questionable"}
    middle = listed[90]["id"]
    assert [post["id"] for post in json.loads(dapi(site, tags=f"id:<{middle}"))] == [p["id"] for p in listed[91:191]]
    for ignored in (f"id:>={middle}", f"id:1..{middle}"):
        assert dapi(site, tags=ignored) == dapi(site)
    for end in (dapi(site, tags="id:<1"), dapi(site, pid=1001)):  # XML although JSON was asked for
        assert ElementTree.fromstring(end).get("success") == "false"
    weird = next(post for post in listed if "moth" in post["tags"])
    assert "dr._moth&#039;s_lamp" in weird["tags"]
    assert weird["tags"].startswith(" ")
    assert "loli" in json.loads(dapi(site, id=role(site, "denied_kin").id))[0]["tags"].split()
    tags = ElementTree.fromstring(dapi(site, "tag", names="solo >_<"))
    assert [(tag.get("name"), tag.get("type")) for tag in tags] in ([("solo", "0"), (">_<", "0")], [("solo", "0")])
    picture = ask(listed[0]["file_url"]).body
    assert hashlib.md5(picture).hexdigest() == listed[0]["hash"]
    assert json.loads(dapi(site, id=role(site, "wide").id))[0]["sample_url"].endswith(".jpg")
    posts = ElementTree.fromstring(ask(site.api + "/index.php?page=dapi&s=post&q=index&limit=2").body)
    assert [post.get("id") for post in posts] == [str(post["id"]) for post in listed[:2]]


def test_a_careless_site_lists_what_was_not_asked_for(site):
    def ratings(server):
        direct = rows(server, "rating:g status:active", limit=200)
        other = json.loads(dapi(server, tags="rating:general"))
        deleted = any(row["is_deleted"] for row in direct)
        return {row["rating"] for row in direct}, {row["rating"] for row in other}, deleted

    assert ratings(site) == ({"g"}, {"general"}, False)
    with BooruServer(posts=60, size=32, careless=True) as careless:
        assert ratings(careless) == (set("gsqe"), {"general", "safe", "questionable"}, True)


def test_wrapped_rows_and_the_list_of_deleted_posts():
    with BooruServer(posts=45, size=32, wrapped=True) as server:
        assert json.loads(dapi(server)).keys() == {"post"}
        gone = ElementTree.fromstring(dapi(server, deleted="show", last_id=0))
        deleted = sorted(number for number, post in server.board.posts.items() if "deleted" in post.flags)
        assert [int(post.get("deleted")) for post in gone] == deleted[::-1] != []


def test_files_variants_and_old_addresses(site):
    post = role(site, "wide")
    row = rows(site, path=f"/posts/{post.id}.json")
    assert hashlib.md5(ask(row["file_url"]).body).hexdigest() == post.file.md5
    for variant in row["media_asset"]["variants"]:
        answer = ask(variant["url"])
        image = Image.open(io.BytesIO(answer.body))
        assert image.size == (variant["width"], variant["height"])
        assert answer.headers["Content-Type"] == Image.MIME[image.format]
    little = rows(site, path=f"/posts/{role(site, 'weird').id}.json")  # nothing is enlarged
    sizes = {(variant["width"], variant["height"]) for variant in little["media_asset"]["variants"]}
    assert sizes == {(little["image_width"], little["image_height"])}
    md5, ext = post.file.md5, post.file.ext
    for old in (f"/data/{md5}.{ext}", f"/{md5[:2]}/{md5[2:4]}/{md5}.{ext}"):
        moved = ask(site.cdn + old)
        assert (moved.status, site.cdn + moved.headers["Location"]) == (308, row["file_url"])
    assert ask(site.cdn + f"/data/preview/{md5}.jpg").headers["Location"].startswith("/180x180/")
    assert ask(site.cdn + "/original/00/00/" + "0" * 32 + ".jpg").status == 404
    assert ask(row["file_url"].replace(f".{ext}", ".gif")).status == 404


def test_ranges(site):
    url = rows(site, path=f"/posts/{role(site, 'large').id}.json")["file_url"]
    whole = ask(url)
    body, tag = whole.body, whole.headers["ETag"]
    rest = ask(url, Range="bytes=100-", If_Range=tag)
    assert (rest.status, rest.body) == (206, body[100:])
    assert rest.headers["Content-Range"] == f"bytes 100-{len(body) - 1}/{len(body)}"
    assert ask(url, Range="bytes=3-5").body == body[3:6]
    assert ask(url, Range="bytes=-4").body == body[-4:]
    assert ask(url, Range="bytes=100-", If_Range='"another"').body == body
    beyond = ask(url, Range=f"bytes={len(body)}-")
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{len(body)}")
    assert ask(url, If_None_Match=tag).status == 304
    assert ask(url, method="HEAD").headers["Content-Length"] == str(len(body))


def test_the_log_says_whose_file_was_asked_for(small):
    row = rows(small, "rating:g status:active -status:banned -loli")[0]
    plain = next(post for post in small.board.posts.values() if post.role == "")
    for name in ("loli", "denied_kin", "deleted", "banned", "pending", "mp4", "gif"):
        post = role(small, name)
        ask(f"{small.cdn}/original/{post.file.md5[:2]}/{post.file.md5[2:4]}/{post.file.md5}.{post.file.ext}")
    first, *others = small.log
    assert (first.host, first.path, first.status, first.agent) == ("api", "/posts.json", 200, AGENT)
    assert first.query["tags"].startswith("rating:g")
    assert first.post_id is None
    assert row["id"] in small.board.posts
    flags = [(r.denied, r.deleted, r.hidden, r.doubtful, r.moving, r.status == 200) for r in others]
    yes, no = True, False
    assert flags == [
        (yes, no, no, no, no, yes), (yes, no, no, no, no, yes), (no, yes, no, no, no, yes), (no, no, yes, no, no, yes),
        (no, no, no, yes, no, yes), (no, no, no, no, yes, no), (no, no, no, no, yes, yes),
    ]  # fmt: skip
    url = rows(small, path=f"/posts/{plain.id}.json")["file_url"]
    body = ask(url, Range="bytes=2-").body
    last = small.log[-1]
    assert (last.post_id, last.rating, last.kind, last.range) == (plain.id, plain.rating, "original", "bytes=2-")
    assert (last.bytes, last.denied, last.status) == (len(body), False, 206)


def test_requests_at_once_and_in_a_second():
    spans = [(0.0, 0.4), (0.1, 0.3), (0.3, 0.9), (1.05, None), (5.0, 5.1)]
    records = [Record(n, s, "api", "GET", "/", {}, "", False, "", e) for n, (s, e) in enumerate(spans)]
    assert busiest(records) == 3  # .1, .3, 1.05
    assert busiest(records, 0.15) == 2
    assert concurrency(records) == 2
    assert busiest([]) == concurrency([]) == 0


def test_changes_during_a_walk(small):
    plain = [post for post in small.board.posts.values() if post.role == "" and post.rating == "g"]
    first, second, third = plain[:3]
    before = max(small.board.posts)
    url = rows(small, path=f"/posts/{second.id}.json")["file_url"]
    small.schedule(1, "flip_rating", first.id, host="api")
    assert rows(small, path=f"/posts/{first.id}.json")["rating"] == "g"
    assert rows(small, path=f"/posts/{first.id}.json")["rating"] == "e"
    small.change("replace_file", second.id)
    assert ask(url).status == 404
    assert small.log[-1].post_id == second.id
    changed = rows(small, path=f"/posts/{second.id}.json")
    assert hashlib.md5(ask(changed["file_url"]).body).hexdigest() == changed["md5"] not in url
    small.change("remove", third.id)
    assert refusal(small, f"/posts/{third.id}.json")[0] == 404
    fresh = small.change("add_posts", 2)
    assert ids(small, limit=2) == fresh[::-1]
    assert min(fresh) > before
    assert ids(small, "1girl")
    small.change("alias", "1girl", "one_girl")
    assert not any("1girl" in row["tag_string"].split() for row in rows(small, limit=200))
    assert ids(small, "1girl") == ids(small, "one_girl") != []
    with pytest.raises(ValueError, match="flip_rating"):
        small.change("explode")


def test_every_special_post_is_there_and_judged(site):
    truth = {entry.id: entry for entry in site.truth(minimum_side=16)}
    assert {entry.role for entry in truth.values()} == {"", *ROLES}
    for row in (row for page in (1, 2) for row in rows(site, page=page, limit=200)):
        entry = truth.pop(row["id"])
        if entry.role in EXCLUDED_ROLES:
            assert not entry.fetch
            assert "rating" not in entry.reasons
        else:  # for all others the rating alone decides
            assert entry.fetch == (row["rating"] == "g")
    assert not truth
    assert sum(entry.fetch for entry in site.truth("gsqe")) > sum(entry.fetch for entry in site.truth("g"))
    renamed = next(entry for entry in site.truth() if entry.role == "stale_alias")
    assert not any(name.startswith("old_") for name in renamed.general)
    assert any(name.startswith("old_") for name in role(site, "stale_alias").tags["general"])


def test_twins_share_pixels_and_parents_form_a_cycle(site):
    posts = site.board.posts
    hashes = [post.file.pixel_hash for post in posts.values() if not post.file.moving]
    assert hashes.count(role(site, "twin").file.pixel_hash) > 1
    assert hashes.count(role(site, "child").file.pixel_hash) == 1
    assert len({post.file.md5 for post in posts.values()}) == len(posts)
    cycle = role(site, "cycle")
    assert posts[cycle.parent_id].parent_id == cycle.id
    assert posts[posts[role(site, "grandchild").parent_id].parent_id]
    assert posts[role(site, "child").parent_id].role == ""
    row = rows(site, path=f"/posts/{role(site, 'child').parent_id}.json")
    assert row["has_children"]
    pixiv = role(site, "pixiv").pixiv_id
    assert len(ids(site, f"pixiv_id:{pixiv}")) == 2


def test_the_same_seed_makes_the_same_posts():
    def listing(seed):
        with BooruServer(posts=12, size=32, seed=seed) as site:
            return ask(site.api + "/posts.json").body.replace(site.cdn.encode(), b"")

    assert listing(0) == listing(0) != listing(1)


def test_damaged_files():
    with BooruServer(posts=1, size=32, roles=(), corrupt=True) as site:
        for post in list(site.board.posts.values())[1:]:
            row = rows(site, path=f"/posts/{post.id}.json")
            data = ask(row["file_url"]).body
            assert hashlib.md5(data).hexdigest() == row["md5"]
            name = post.role.removeprefix("damaged_")
            try:
                image = Image.open(io.BytesIO(data))
                still = getattr(image, "n_frames", 1) == 1 and min(image.size) > 1 and max(image.size) < 9000
                image.load()
            except (OSError, Image.DecompressionBombError):
                still = False
            assert still == (name in USABLE), name
        assert sum(entry.usable for entry in site.truth()) == 1 + len(USABLE)


@pytest.fixture(scope="module")
def faulty():
    with BooruServer(posts=30, size=48, roles=(), rate=None) as server:
        yield server


LISTING, FILE = "/posts.json?limit=5", "the newest file"
OUTCOMES = {
    "status": ({"status": 503}, FILE, lambda got, good: got.status == 503),
    "query_canceled": ({}, LISTING, lambda got, good: got.status == 500 and b"QueryCanceled" in got.body),
    "challenge": ({}, LISTING, lambda got, good: got.status == 403 and got.headers["cf-mitigated"] == "challenge"),
    "delay": ({"seconds": 0.3}, FILE, lambda got, good: got.body == good.body and got.seconds >= 0.3),
    "drip": ({"chunk": 200, "pause": 0.02}, FILE, lambda got, good: got.body == good.body and got.seconds > 0.04),
    "stall": ({"seconds": 0.3}, FILE, lambda got, good: got.body == good.body and got.seconds >= 0.3),
    "truncate": ({}, FILE, lambda got, good: isinstance(got.error, http.client.IncompleteRead)),
    "truncate_chunked": ({}, FILE, lambda got, good: isinstance(got.error, http.client.IncompleteRead)),
    "close": ({}, FILE, lambda got, good: isinstance(got.error, http.client.RemoteDisconnected)),
    "wrong_length": ({}, FILE, lambda got, good: got.error.partial == good.body and got.error.expected == 100),
    "huge_length": ({}, FILE, lambda got, good: got.error.expected == 10**12 - len(good.body)),
    "other_picture": ({}, FILE, lambda got, good: size(got) == size(good) and got.body != good.body),
    "flip_byte": ({}, FILE, lambda got, good: sum(a != b for a, b in zip(got.body, good.body, strict=True)) == 1),
    "html": ({"content_type": "image/png"}, FILE, lambda got, good: got.status == 200 and b"<html>" in got.body),
    "wrong_type": ({}, FILE, lambda got, good: got.headers["Content-Type"] == "application/octet-stream"),
    "gzip_bomb": ({"megabytes": 2}, FILE, lambda got, good: len(got.body) < 9000 and got.headers["Content-Encoding"]),
    "wrong_range": ({}, FILE, lambda got, good: got.status == 206 and "bytes 0-" in got.headers["Content-Range"]),
    "redirect": ({"to": "file:///etc/hostname"}, FILE, lambda got, good: got.headers["Location"] == "file:///etc/hostname"),
    "redirect_loop": ({}, LISTING, lambda got, good: got.status == 302 and got.headers["Location"] == LISTING),
    "bad_json": ({}, LISTING, lambda got, good: got.rows is None),
    "json_object": ({}, LISTING, lambda got, good: got.rows == {"posts": good.rows}),
    "ignore_range": ({}, FILE, lambda got, good: got.status == 200 and got.body[10:] == good.body),
    "ignore_query": ({}, "/posts.json?tags=id:1", lambda got, good: len(got.rows) == 20 and good.rows == []),
    "repeat_rows": ({}, "/posts.json?page=b9300030&limit=3", lambda got, good: got.rows[0]["id"] > 9300030),
    "duplicate_rows": ({}, LISTING, lambda got, good: len(got.rows) == 10 and got.rows[::2] == good.rows),
    "short_page": ({}, LISTING, lambda got, good: got.rows == good.rows[:3]),
    "bad_address": ({"kind": "nul"}, LISTING, lambda got, good: "\0" in got.rows[0]["file_url"]),
    "bad_md5": ({"row": 1}, LISTING, lambda got, good: ".." in got.rows[1]["md5"]),
    "edit_row": ({"values": {"id": "x"}}, LISTING, lambda got, good: got.rows[0] == good.rows[0] | {"id": "x"}),
    "drop_keys": ({"keys": ["id"]}, LISTING, lambda got, good: not any("id" in row for row in got.rows)),
    "no_row": ({}, LISTING, lambda got, good: got.rows == [None, *good.rows[1:]]),
}  # fmt: skip


def size(answer):
    image = Image.open(io.BytesIO(answer.body))
    image.load()
    return image.format, image.size, len(answer.body)


@pytest.mark.parametrize("action", OUTCOMES)
def test_a_fault_strikes_once_and_then_no_more(faulty, action):
    options, target, holds = OUTCOMES[action]
    headers = {"Range": "bytes=10-"} if action.endswith("_range") else {}
    newest = rows(faulty, limit=1)[0]
    url = newest["file_url"] if target == FILE else faulty.api + target

    def outcome():
        start = time.monotonic()
        try:
            answer = ask(url, **headers)
        except http.client.HTTPException as error:
            answer = SimpleNamespace(error=error, status=None, body=b"", headers={})
        answer.seconds = time.monotonic() - start
        try:
            answer.rows = json.loads(answer.body)
        except ValueError:
            answer.rows = None
        return answer

    faulty.plan(rule(action, host="cdn" if target == FILE else "api", times=1, **options))
    struck, good = outcome(), outcome()
    faulty.plan()
    assert not hasattr(good, "error")
    assert holds(struck, good)
    assert [record.fault for record in faulty.log[-2:]] == [action, ""]
    with pytest.raises(AssertionError):  # the control: an honest reply does not pass
        assert holds(SimpleNamespace(**{"error": SimpleNamespace(partial=0, expected=0), **vars(good)}), good)


def test_every_action_is_tested():
    assert set(OUTCOMES) == set(actions.ON_REPLY) | set(actions.ON_REQUEST)


def request(path, host="cdn"):
    return Request(host, "GET", path, {}, {})


def test_which_requests_a_rule_strikes():
    def struck(paths, seed=0, **settings):
        plan = Plan([rule("close", **settings)], seed)
        return [bool(plan.strike(request(path))) for path in paths]

    assert struck("aabab", times=1) == [True, False, True, False, False]
    assert struck("aabab", total=2) == [True, True, False, False, False]
    assert struck("aabab", nth=3) == [False, False, True, False, False]
    assert struck("aabab", after=3) == [False, False, False, True, True]
    assert struck("aabab", path="^b") == [False, False, True, False, True]
    assert struck("aabab", host="api") == [False] * 5


def test_chance_does_not_depend_on_the_order_of_requests():
    def struck(order, seed=0):
        plan, hits = Plan([rule("close", probability=0.3)], seed), set()
        for step, path in enumerate(order):
            if plan.strike(request(path)):
                hits.add((path, order[: step + 1].count(path)))
        return hits

    paths = [f"/{number}" for number in range(100)]
    forward, mixed = paths * 2, paths[::-1] + paths[50:] + paths[:50]
    assert struck(forward) == struck(mixed)
    assert struck(forward) != struck(forward, seed=1)
    assert 30 < len(struck(forward)) < 90  # 60 of 200 are expected


def test_misspelt_rules_are_refused():
    with pytest.raises(ValueError, match="truncate_chunked"):
        rule("truncated")
    with pytest.raises(ValueError, match="seconds"):
        rule("stall", minutes=2)


def test_the_control_port(faulty):
    def control(method, path, content=None):
        answer = ask(faulty.control + path, method=method, body=json.dumps(content))
        return answer.status, json.loads(answer.body)

    assert control("POST", "/_reset") == (200, "done")
    assert control("POST", "/_plan", [{"action": "status", "status": 502, "nth": 2}]) == (200, "done")
    assert [ask(faulty.api + "/posts.json").status for _ in range(3)] == [200, 502, 200]
    assert control("POST", "/_change", {"name": "add_posts", "arguments": [1]})[1] == [max(faulty.board.posts)]
    assert [entry["status"] for entry in control("GET", "/_log")[1]] == [200, 502, 200]
    fetchable = {entry.id for entry in faulty.truth("gs") if entry.fetch}
    assert {entry["id"] for entry in control("GET", "/_truth?ratings=g,s")[1] if entry["fetch"]} == fetchable
    assert control("POST", "/_plan", [{"action": "nothing"}])[0] == 400
    control("POST", "/_reset")
    assert faulty.log == []


def test_stopping_wakes_whoever_sleeps():
    start = time.monotonic()
    with BooruServer(posts=1, size=32, faults=[rule("delay", seconds=60)]) as site:
        thread = threading.Thread(target=pytest.raises, args=(http.client.HTTPException, ask, site.api + "/posts.json"))
        thread.start()
        while not site.log:
            time.sleep(0.01)
    thread.join(timeout=5)
    assert not thread.is_alive()
    assert time.monotonic() - start < 5
    with pytest.raises(ConnectionError):
        ask(site.api + "/posts.json")


def three_free_ports():
    """The first of three, below those that the system gives to others meanwhile."""
    for port in range(20_000, 30_000, 3):
        with contextlib.ExitStack() as taken, contextlib.suppress(OSError):
            for number in range(port, port + 3):
                taken.enter_context(socket.create_server(("127.0.0.1", number)))
            return port
    raise RuntimeError("no three free ports in a row")


def test_by_hand():
    port = three_free_ports()
    command = [sys.executable, "-m", "tests.booru_server", "--posts", "3", "--size", "32", "--port", str(port)]
    root = Path(__file__).resolve().parent.parent
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = [process.stdout.readline() for _ in range(6)]
            assert f"collect --source danbooru --base-url http://127.0.0.1:{port} --limit 200" in said[-1]
            assert len(json.loads(ask(f"http://127.0.0.1:{port}/posts.json").body)) == 3
        finally:
            process.terminate()


def test_the_server_knows_nothing_of_the_client():
    def imports(source):
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                yield node.module

    assert list(imports("from i2v_lib.collect.booru.posts import Post")) == ["i2v_lib.collect.booru.posts"]
    folder = Path(__file__).parent / "booru_server"
    found = {name for path in folder.glob("*.py") for name in imports(path.read_text(encoding="utf-8"))}
    assert {name for name in found if name.startswith("i2v_lib")} == {"i2v_lib.config", "i2v_lib.drawn"}
    assert {path.name: n for path in folder.glob("*.py") if (n := len(path.read_text().splitlines())) > 300} == {}
