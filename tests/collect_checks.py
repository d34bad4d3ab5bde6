"""What must hold of every collecting, told from the server's log and from the files."""

import dataclasses
import hashlib
import json
import sqlite3
import threading
import time
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from unittest import mock

from i2v_lib.collect.booru import danbooru, fetch, sites, takedown, web
from i2v_lib.collect.booru.collect import collect, dry_run, store_folder
from i2v_lib.collect.booru.labels import LabelRules
from i2v_lib.collect.booru.policy import Policy
from i2v_lib.collect.booru.store import Store
from i2v_lib.collect.booru.store_source import StoreSource
from i2v_lib.data.build import BuildOptions
from i2v_lib.data.collection import open_collection
from tests.booru_server import busiest, concurrency

FAST = 100_000.0  # requests a second
IMPATIENT = {"backoff": 0.001, "pause": 0.2, "timeouts": (2.0, 1.0, 5.0)}
PAGE = 20  # posts: small sets still have several pages


@contextmanager
def impatient():
    """Make clients retry at once, and pages small."""
    patches = [
        mock.patch.object(sites, "Web", partial(web.Web, **IMPATIENT)),
        mock.patch.object(danbooru, "LIMIT", PAGE),
        mock.patch.object(fetch, "LOOKUP", PAGE),
        mock.patch.object(takedown, "LOOKUP", PAGE),
    ]
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()


def gather(site, out, **arguments):
    """Collect from a test server, quickly."""
    settings = {"limit": 1000, "per_second": FAST, "api_per_second": FAST, "minimum_side": 32, "size": 16}
    settings |= {"base_url": site.api, "environ": {}, "source": "danbooru", "progress": False} | arguments
    with impatient():
        return collect(out=out, **bundled(settings))


def bundled(settings):
    """Settings by name, those of a class put into one object of it."""
    rest = dict(settings)
    for name, kind in {"policy": Policy, "rules": LabelRules, "access": sites.Access, "build": BuildOptions}.items():
        fields = {field.name for field in dataclasses.fields(kind)} & rest.keys()
        rest[name] = kind(**{field: rest.pop(field) for field in fields})
    return rest


def gather_in_process(api, out, limit):
    """The same for a process of its own that is to be killed, and therefore slow."""
    read = StoreSource.read

    def read_slowly(self, name):
        time.sleep(0.05)
        return read(self, name)

    with mock.patch.object(StoreSource, "read", read_slowly):
        gather(mock.Mock(api=api), out, per_second=20.0, limit=limit)


def sync(site, out, **arguments):
    """Ask a test server what was removed, quickly."""
    access = {"base_url": site.api, "api_per_second": FAST, "environ": {}} | arguments
    rest = {name: access.pop(name) for name in ("fresh_for",) if name in access}
    with impatient():
        return takedown.takedown_sync(out, access=sites.Access(**access), progress=False, **rest)


def ask_cost(source, **arguments):
    """Estimate what collecting costs, from settings by name."""
    settings = bundled({"environ": {}} | arguments)
    return dry_run(source, **{name: value for name, value in settings.items() if name not in ("rules", "build")})


# What lies on the disk


def digests(folder):
    """SHA-256 of every file below a folder, by its relative path."""
    files = sorted(path for path in folder.rglob("*") if not path.is_dir())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def tables(out):
    """Everything that a store's tables say, but for times and the folder's own name."""
    with sqlite3.connect(store_folder(out) / "state.sqlite") as database:
        posts = "SELECT id, accepted, row, reason, file, sha256, size, removed FROM posts ORDER BY id"
        queries = (posts, "SELECT * FROM odd_rows ORDER BY rowid", "SELECT * FROM state ORDER BY name")
        return [database.execute(query).fetchall() for query in queries]


def leave(out):
    """What a finished collecting leaves, to be compared with another."""
    return {"tables": tables(out), "files": digests(store_folder(out) / "files"), "collection": digests(out)}


def outcomes(out, limit=None):
    """Number of rows by outcome."""
    with Store(store_folder(out)) as store:
        return store.counts(limit)


def edit(out, statement, *values):
    """Change a store's tables behind its back."""
    with sqlite3.connect(store_folder(out) / "state.sqlite") as database:
        database.execute(statement, values)


# What must hold


def files_asked(site):
    """Log records of requests for files."""
    return [record for record in site.log if record.host == "cdn"]


def check_only_allowed_files_were_served(site, ratings=("g",)):
    """No byte of a post that the policy leaves out: rating, denied, hidden, deleted, in doubt, gone, or a video."""
    asked = files_asked(site)
    assert asked
    wrong = [r for r in asked if r.rating not in ratings or r.denied or r.hidden or r.deleted or r.doubtful or r.moving]
    assert not wrong, wrong
    assert not [record for record in asked if record.removed]


def check_each_file_was_asked_for_once(site):
    """A request a file, where nothing went wrong."""
    paths = [record.path for record in files_asked(site)]
    assert len(paths) == len(set(paths))


def check_pace(site, api, files, workers):
    """Never more requests in a second than asked for, nor on average, nor side by side."""
    for host, rate in (("api", api), ("cdn", files)):
        records = [record for record in site.log if record.host == host]
        assert busiest(records, 1.0) <= 1.1 * rate + 1, host  # one at both ends of a second; a busy machine is uneven
        span = records[-1].time - records[0].time
        assert len(records) - 1 <= rate * (span + 0.1), host
        assert concurrency(records) <= workers, host


def check_rows_add_up(site, out):
    """Every post that was listed has a file or a reason; the reasons are those of the server's own truth."""
    with Store(store_folder(out)) as store:
        counts = store.counts()
        assert sum(counts.values()) == store.rows_seen
    accounting = json.loads((out / "accounting.json").read_text())
    assert accounting["seen"] == sum(counts.values())
    assert "waiting" not in counts
    return counts


def check_excluded_rows_are_stripped(out):
    """Of a post that is left out, only its id and the reason are kept."""
    posts = tables(out)[0]
    left_out = [post for post in posts if post[3] and not post[1]]
    assert left_out
    assert all(post[2] is None and post[4] is None for post in left_out)
    assert not [post for post in posts if post[2] and any(f'"{tag}"' in post[2] for tag in ("loli", "shota"))]


def check_nothing_denied_came_in(out):
    """No label of a collection is a denied tag, and what carried one is listed with the reason."""
    collection = open_collection(out)
    assert len(collection)
    assert not [tags for tags in collection.column("general") if {"loli", "shota", "toddlercon"} & set(tags)]
    assert "denied_tag" in (out / "bad_images.csv").read_text()


def check_files_are_what_they_say(site, out):
    """Names are the bytes' MD5 and type; bytes and sizes are noted; nothing else lies there."""
    types = {b"\xff\xd8\xff": "jpg", b"\x89PN": "png", b"RIF": "webp"}
    files = store_folder(out) / "files"
    noted = {post[4]: post for post in tables(out)[0] if post[4]}
    found = [path for path in files.rglob("*") if not path.is_dir()]
    assert {path.name for path in found} == set(noted)
    for path in found:
        data = path.read_bytes()
        assert not path.is_symlink()
        assert path.parent.name == path.name[:2]
        assert path.name == f"{hashlib.md5(data).hexdigest()}.{types[data[:3]]}"
        assert noted[path.name][5:7] == (hashlib.sha256(data).hexdigest(), len(data))
    assert not list((store_folder(out) / "incoming").iterdir())


def check_originals_are_the_sites_own(site, out):
    """Every file has the MD5 that the site gives for its post."""
    truth = {post.id: post.md5 for post in site.truth()}
    stored = {post[0]: post[4].partition(".")[0] for post in tables(out)[0] if post[4]}
    assert stored
    assert {number: truth[number] for number in stored} == stored


def check_collection_is_right(site, out):
    """The collection holds just the posts that a right client may fetch, in order."""
    allowed = [f"danbooru-{post.id}" for post in site.truth() if post.fetch and post.usable]
    assert open_collection(out).column("id") == allowed


def check_run_ended_at(site, fault):
    """No request came after the reply that ended the run; those under way at that moment do not count."""
    ending = next(record for record in site.log if record.fault == fault)
    later = [record for record in site.log if record.time > ending.ended + 0.3]
    assert not later, later


def check_walk_is_whole(store, page, reasons):
    """A page that cannot be written to its end leaves nothing: no rows, and the walk where it was."""
    before = store.walk, store.counts(), store.rows_seen
    try:
        store.add_page(page, [*reasons[:-1], object()])  # SQLite takes no such value
    except Exception:
        assert (store.walk, store.counts(), store.rows_seen) == before
    else:
        raise AssertionError("the page was taken")


class Elsewhere:
    """A host that nobody should ask; counts who does."""

    def __enter__(self):
        visits = self.visits = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                visits.append(self.path)
                self.send_error(404)

            def log_message(self, *arguments):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}/picture.png"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()
