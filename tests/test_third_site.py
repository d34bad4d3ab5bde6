"""Adding a booru: one class and one line are enough to collect from it, whatever its protocol."""

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

import i2v_lib
from i2v_lib.collect.booru.posts import Page, Post, Variant
from i2v_lib.collect.booru.sites import Site, site_class
from i2v_lib.config import SOURCES, load_config
from i2v_lib.drawn import draw_picture
from tests.booru_server.pictures import encode
from tests.collect_checks import FAST, ask_cost, gather, impatient, sync

MOST = 4  # posts per page


class Tinybooru(Site):
    """A site that lists its posts as short JSON objects, and has words for ratings."""

    name = "tinybooru"
    home = "https://tiny.example"
    hosts = ("tiny.example",)
    post_page = "https://tiny.example/{id}"

    def __init__(self, web, base=None, query="", ratings=("g",), categories=None, *, ask_types=True):
        self.web, self.base, self.query = web, base or self.home, query

    def page(self, before):
        """See Site."""
        rows = self.web.json(f"{self.base}/list", {"tags": self.query, "below": before or 10**9})
        return Page(tuple(map(self._post, rows)), (), rows[-1]["n"] if rows else None)

    def lookup(self, ids):
        """See Site."""
        return list(map(self._post, self.web.json(f"{self.base}/list", {"ids": ",".join(map(str, ids))})))

    def check(self):
        """See Site."""
        return []

    def _post(self, row):
        letters = {"fine": "g", "grim": "q"}
        return Post(
            site=self.name, id=row["n"], rating=letters[row["mark"]], rating_scheme=self.rating_scheme, md5=row["md5"],
            ext="png", width=64, height=64, file_size=0, general=tuple(row["tags"]), copyright=(), character=("rin",),
            artist=(), meta=(), parent_id=None, pixel_hash="", pixiv_id=None, created_at="", flags=(),
            source_url=self.post_page.format(id=row["n"]), variants=(Variant("original", row["file"], 64, 64, "png"),),
        )  # fmt: skip


class TinyServer:
    """Ten posts, every third one grim, on this machine."""

    def __init__(self, draw):
        self.files = {number: encode(draw(number), "png") for number in range(1, 11)}
        self.asked, self.gone = [], set()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.asked.append(self.path)
                body = server.answer(urlsplit(self.path))
                self.send_response(200)
                self.send_header("Content-Type", "application/json" if body[:1] == b"[" else "image/png")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.api = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def answer(self, address):
        """A file, or the rows that a question names, newest first."""
        if address.path != "/list":
            return self.files[int(re.search(r"[0-9]+", address.path)[0])]
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        numbers = [number for number in sorted(self.files, reverse=True) if number not in self.gone]
        if "ids" in query:
            chosen = [number for number in numbers if str(number) in query["ids"].split(",")]
        else:
            chosen = [number for number in numbers if number < int(query["below"])][:MOST]
        return json.dumps(list(map(self.row, chosen))).encode()

    def row(self, number):
        """A post as the site tells it."""
        md5 = hashlib.md5(self.files[number]).hexdigest()
        mark, tags = "fine" if number % 3 else "grim", ["solo", f"tag_{number % 2}"]
        return {"n": number, "md5": md5, "mark": mark, "tags": tags, "file": f"{self.api}/file/{number}.png"}


@pytest.fixture
def tiny(monkeypatch):
    """The site, and the one line that makes it known."""
    monkeypatch.setitem(SOURCES, "tinybooru", f"{__name__}:Tinybooru")
    server = TinyServer(lambda number: draw_picture(load_config("smoke"), number, 64).image)
    yield server
    server.http.shutdown()
    server.http.server_close()


def test_a_new_site_is_collected_from(tiny, tmp_path):
    collection = gather(tiny, tmp_path / "c", source="tinybooru", variant="original", size=64)
    fine = [number for number in range(10, 0, -1) if number % 3]
    assert collection.column("id") == [f"tinybooru-{number}" for number in fine]
    assert set(collection.column("rating")) == {"safe"}
    assert collection.column("general") == [["solo", f"tag {number % 2}"] for number in fine]
    assert collection.column("source_url") == [f"https://tiny.example/{number}" for number in fine]
    for number, pixels in zip(fine, collection.pixels, strict=True):
        drawn = draw_picture(load_config("smoke"), number, 64).image
        assert np.array_equal(pixels, np.asarray(drawn))
    files = [path for path in tiny.asked if path.startswith("/file/")]
    assert sorted(files) == sorted(f"/file/{number}.png" for number in fine)  # no grim one, each once


def test_what_a_new_site_removes_goes(tiny, tmp_path):
    gather(tiny, tmp_path / "c", source="tinybooru", variant="original")
    tiny.gone.add(8)
    report = sync(tiny, tmp_path / "c")
    assert (report.removed, report.rebuilt) == ({"gone": 1}, (tmp_path / "c",))


def test_a_new_site_is_estimated(tiny):
    pace = {"base_url": tiny.api, "per_second": FAST, "api_per_second": 50.0}
    with impatient():
        cost = ask_cost("tinybooru", limit=30, minimum_side=32, **pace)
        known = ask_cost("tinybooru", limit=30, minimum_side=32, query="x", **pace)
    assert (cost.counted, cost.files, cost.share) == (None, 30, 0.75)  # of 10, 9, 8, 7
    assert cost.files_per_second == known.api_per_second == 50.0  # one host gives rows and files
    with pytest.raises(ValueError, match="tag_types"):
        ask_cost("tinybooru", limit=3, base_url=tiny.api, tag_types="types.csv")


def test_every_source_names_a_site():
    assert set(SOURCES) == {"danbooru", "safebooru"}
    for name in SOURCES:
        assert issubclass(site_class(name), Site)
        assert site_class(name).name == name
    with pytest.raises(ValueError, match="source='tinybooru'"):
        site_class("tinybooru")


def test_no_code_asks_which_site_it_is():
    """What differs stands in the site's class."""
    files = list(Path(i2v_lib.__file__).parent.rglob("*.py"))
    asks = re.compile(r"""\b(source|site|name)\s*(==|!=|in)\s*[("']""")
    names = re.compile(r"""["'](danbooru|safebooru)["']""")
    lines = [line for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    assert asks.search("if source == 'danbooru'")
    assert len(lines) > 20_000
    assert not [line for line in lines if asks.search(line) and names.search(line)]
