"""Polite HTTP: pace and pauses by the server's own log, each fault beside a control, the key nowhere."""

import gzip
import hashlib
import io
import json
import os
import signal
import socket
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from statistics import median
from typing import NamedTuple

import httpx2
import pytest
from PIL import Image

from i2v_lib.collect.booru import web as web_module
from i2v_lib.collect.booru.pace import Hosts, Limiter, parse_url, retry_after
from i2v_lib.collect.booru.web import (
    NotThereError,
    StopCollecting,
    Web,
    WebError,
    credentials,
    redact,
    sniff,
    user_agent,
    user_number,
)

AGENT = "i2v-lib/1.0 (user #7; +https://example.org/i2v)"
FAST = 1e6  # requests a second
LATE = 0.08  # seconds by which a busy machine may note a request too late
KEY = "k3y+s3cr3t/of=mine"
JSON, HTML, JPEG = "application/json", "text/html; charset=utf-8", "image/jpeg"


class Request(NamedTuple):
    time: float
    path: str
    headers: dict


def reply(status=200, body=b"{}", kind=JSON, length=None, **headers):
    """Bytes of a whole answer; ``length`` may lie, and "" leaves it out."""
    length = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status} Said", f"Content-Type: {kind}", "Connection: close"]
    lines += [f"Content-Length: {length}"] if length != "" else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def name_of(value):
    """A short name for a test: of an answer, its status."""
    return value[9:12].decode() if isinstance(value, bytes) else None


class Server:
    """Answers on loopback with what ``answer(request, number)`` gives: bytes, or a list of bytes and waits."""

    def __init__(self, answer):
        self.answer, self.log, self.connected, self.ended = answer, [], [], threading.Event()
        self.lock = threading.Lock()
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.host = f"127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def url(self, path="/"):
        return f"http://{self.host}{path}"

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connected.append(time.monotonic())
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            head = b""
            while b"\r\n\r\n" not in head:
                data = connection.recv(65536)
                if not data:
                    return
                head += data
            moment = time.monotonic()
            first, *lines = head.decode("latin-1").split("\r\n\r\n")[0].split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            request = Request(moment, first.split(" ")[1], headers)
            with self.lock:
                self.log.append(request)
                number = len(self.log)
            answer = self.answer(request, number)
            try:
                for piece in [answer] if isinstance(answer, bytes) else answer:
                    if isinstance(piece, bytes):
                        connection.sendall(piece)
                    elif self.ended.wait(piece):
                        return
            except OSError:
                pass  # the client has had enough

    def close(self):
        self.ended.set()
        self.socket.close()


@pytest.fixture
def serve():
    """Start a server: with one answer for all requests, a list of them (the last one stays), or a function."""
    servers = []

    def start(answer):
        if isinstance(answer, list) and not any(isinstance(piece, float) for piece in answer):
            answers = answer
            servers.append(Server(lambda request, number: answers[min(number, len(answers)) - 1]))
        else:
            servers.append(Server(answer if callable(answer) else lambda request, number: answer))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def connect():
    """Make a Web for servers, impatient unless told otherwise."""
    opened = []

    def make(*servers, rate=FAST, **arguments):
        given = {"backoff": 0.001, "pause": 0.2, "timeouts": (2, 2, 5), **arguments}
        hosts = {server.host: rate for server in servers}
        opened.append(Web(user_agent=AGENT, hosts=hosts, loopback=True, **given))
        return opened[-1]

    yield make
    for web in opened:
        web.close()


def together(threads, work, count):
    """Call ``work`` from several threads at once, ``count`` times in all."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda number: work(), range(count)))


def gaps(server):
    times = sorted(request.time for request in server.log)
    return [later - sooner for sooner, later in zip(times, times[1:], strict=False)]


# --- pace


def test_no_second_sees_more_requests_than_the_rate(serve, connect):
    server, control = serve(reply()), serve(reply())
    web = connect(server, control, rate=20)
    together(4, lambda: web.json(server.url()), 30)
    web = connect(server, control)
    together(4, lambda: web.json(control.url()), 30)

    def busiest(times):
        return max(sum(start <= other < start + 1 - LATE for other in times) for start in times)

    assert len(server.log) == 30
    assert busiest([request.time for request in server.log]) <= 20
    assert median(gaps(server)) > 1 / 20 - 0.005
    assert sum(gaps(server)) > 29 / 20 - LATE
    assert busiest([request.time for request in control.log]) == 30  # the server can be asked faster


@pytest.mark.parametrize("asked", [{}, {"Retry_After": "1"}])
def test_after_429_all_threads_pause_and_the_rate_is_halved(serve, connect, asked):
    server, other = serve([reply(), reply(429, b"", "text/html", **asked), reply()]), serve(reply())
    web = connect(server, other, rate=20, pause=0.5, backoff=0.3)
    with ThreadPoolExecutor(1) as pool:
        beside = pool.submit(lambda: [web.json(other.url()) for _ in range(12)])
        together(4, lambda: web.json(server.url()), 7)
        beside.result()
    pause = float(asked.get("Retry_After", 0.5))
    refused, *after = [request.time for request in server.log[1:]]
    assert len(after) == 6
    assert after[0] - refused > pause - 0.005
    assert median(gaps(server)[2:]) > 2 / 20 - 0.005
    assert gaps(server)[0] < 2 / 20  # until then it was the whole rate
    assert any(refused < request.time < refused + pause for request in other.log)  # only that host rests
    assert not [moment for moment in server.connected if refused + LATE < moment < refused + pause - 0.005]


def test_a_pause_doubles_only_while_refusals_go_on(serve, connect):
    server = serve([reply(429), reply(429), reply(), reply(429), reply()])
    web = connect(server, pause=0.3)
    for _ in range(2):
        web.json(server.url())
    first, second, _, third = gaps(server)
    assert 0.3 - 0.005 < first < 0.5
    assert second > 0.6 - 0.005
    assert 0.3 - 0.005 < third < 0.5


def test_retry_after_is_read_as_seconds_or_as_a_date():
    assert retry_after("120") == 120
    assert retry_after(formatdate(1_000_060, usegmt=True), now=1_000_000) == 60
    assert retry_after(formatdate(time.time() + 60, usegmt=True)) == pytest.approx(60, abs=2)
    for nothing in (None, "", "0", "-5", "soon", "1e999", formatdate(1_000_000, usegmt=True), "Mon, 99 Foo 2020"):
        assert retry_after(nothing) is None, nothing


def test_503_pauses_only_if_it_names_a_time(serve, connect):
    named, silent = serve([reply(503, Retry_After="1"), reply()]), serve([reply(503), reply()])
    connect(named).json(named.url())
    connect(silent, pause=60).json(silent.url())
    assert gaps(named)[0] > 0.99
    assert gaps(silent)[0] < 0.9


def test_a_pause_of_hours_ends_the_run(serve, connect):
    server = serve(reply(429, Retry_After="36000"))
    with pytest.raises(StopCollecting, match="10.0 hours"):
        connect(server).json(server.url())


def test_refusals_under_way_together_count_as_one_and_those_in_a_row_double():
    changed = threading.Condition()
    limiter = Limiter(100, 10, changed)
    first, now = limiter.interval, time.monotonic()

    def pause():
        return limiter._resume - time.monotonic()

    limiter.refused(None, now)
    limiter.refused(None, now)  # sent before the first refusal came
    assert limiter.interval == 2 * first
    assert pause() == pytest.approx(10, abs=1)
    limiter.refused(None, time.monotonic())
    assert limiter.interval == 4 * first
    assert pause() == pytest.approx(20, abs=1)
    limiter.accepted(time.monotonic())
    limiter._resume = 0
    limiter.refused(None, time.monotonic())
    assert pause() == pytest.approx(10, abs=1)
    for _ in range(40):
        limiter.refused(None, time.monotonic())
    assert limiter.interval == 60
    assert pause() <= 3600


def test_ctrl_c_ends_a_wait(serve, connect):
    server = serve(reply(429))
    web = connect(server, pause=30)
    timer = threading.Timer(0.3, lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT))
    timer.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        web.json(server.url())
    assert 0.2 < time.monotonic() - start < 3


@pytest.mark.parametrize("end", ["close", "stop"])
def test_threads_that_wait_give_up_when_the_run_ends(serve, connect, end):
    server, other = serve(reply(429)), serve([[0.3, reply(401)]])
    web = connect(server, other, pause=30)
    start = time.monotonic()
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(web.json, server.url()) for _ in range(2)]
        if end == "close":
            time.sleep(0.3)
            web.close()
        else:
            with pytest.raises(StopCollecting):
                web.json(other.url())
        errors = [str(future.exception()) for future in waiting]
        assert [type(future.exception()) for future in waiting] == [StopCollecting, StopCollecting]
    assert time.monotonic() - start < 3
    assert len(set(errors)) == 1


def test_closing_cuts_what_is_under_way(serve, connect):
    server = serve([reply(length=100, body=b"{"), 30.0])
    web = connect(server, timeouts=(2, 0.6, 5))
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(web.json, server.url())
        time.sleep(0.3)
        web.close()
        assert isinstance(future.exception(timeout=4), StopCollecting)


def test_a_request_that_meets_a_closed_connection_ends_like_the_others(serve, connect, monkeypatch):
    server = serve(reply())
    web = connect(server)
    client = web._wire._client
    build = client.build_request
    monkeypatch.setattr(client, "build_request", lambda *args, **kw: web.close() or build(*args, **kw))
    with pytest.raises(StopCollecting, match="closed"):
        web.json(server.url())


# --- hosts


@pytest.mark.parametrize(
    ("hosts", "file_hosts", "named"),
    [
        ({"site.example": 1.01}, (), "1.01 requests a second to site.example"),
        ({"cdn.site.example": 4.1}, ("cdn.site.example",), "at most 4"),
        ({"cdn.site.example": 4}, (), "at most 1"),
        ({"site.example": 0}, (), "more than 0"),
        ({"site.example": float("nan")}, (), "nan requests"),
        ({"10.0.0.1": 1}, (), "10.0.0.1"),
        ({"localhost": 1}, (), "localhost"),
        ({"127.0.0.1:80": 1}, (), "127.0.0.1:80"),
        ({"*": 1}, (), "'\\*'"),
        ({"*.example": 1}, (), "'\\*.example'"),
        ({"site.example": 1}, ("cdn.site.example",), "must be some of hosts"),
    ],
)
def test_rates_above_the_ceiling_and_odd_hosts_are_refused(hosts, file_hosts, named):
    with pytest.raises(ValueError, match=named):
        Web(user_agent=AGENT, hosts=hosts, file_hosts=file_hosts)
    Web(user_agent=AGENT, hosts={"site.example": 1, "*.b.example": 4}, file_hosts=("*.b.example",)).close()


def test_loopback_lifts_the_ceiling_for_loopback_only():
    with pytest.raises(ValueError, match="site.example"):
        Web(user_agent=AGENT, hosts={"site.example": 50}, loopback=True)
    Web(user_agent=AGENT, hosts={"127.0.0.1:8000": 50, "localhost:1": 50, "[::1]:2": 50}, loopback=True).close()


@pytest.fixture
def public():
    names = {"site.example": 1, "*.cdn.example": 4}
    changed = threading.Condition()
    return Hosts(names, file_hosts=["*.cdn.example"], loopback=False, pause=1, changed=changed)


@pytest.mark.parametrize(
    "url",
    [
        "http://site.example/",
        "ftp://site.example/",
        "file:///etc/passwd",
        "https://site.example:8443/",
        "https://site.example./",
        "https://me:word@site.example/",
        "https://me@site.example/",
        "https://www.site.example/",
        "https://site.example.evil.example/",
        "https://cdn.example/",
        "https://evilcdn.example/",
        "https://a.cdn.example:444/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest",
        "https://2130706433/",
        "https://10.0.0.1/",
        "https://site.example/?api_key=x",
        "https://site.example/?a=b&login=x",
        "//site.example/",
        "/posts.json",
        "",
    ],
)
def test_only_listed_hosts_are_asked(public, url):
    with pytest.raises(WebError) as error:
        public.find(parse_url(url), files=True, reason="redirect")
    assert error.value.reason == "redirect"


def test_listed_hosts_are_asked_each_at_its_pace(public):
    site = public.find(parse_url("https://site.example:443/a?b=c"), files=False)
    cdn = public.find(parse_url("https://A.cdn.example/"), files=True)
    assert 1 < site.interval < 1.1
    assert 0.25 < cdn.interval < 0.3
    assert cdn is public.find(parse_url("https://b.cdn.example/"), files=True)
    with pytest.raises(WebError, match="files only"):  # or a listing could be asked for at a file's pace
        public.find(parse_url("https://a.cdn.example/"), files=False)


@pytest.mark.parametrize("url", ["https://[1/", "https://a\0b/", "https://site.example/" + "a" * 8000, 7, None])
def test_what_is_no_address_costs_only_this_request(url, serve, connect, tmp_path):
    with pytest.raises(WebError) as error:
        connect(serve(reply())).download(url, tmp_path / "1", limit=9)
    assert error.value.reason == "address"


# --- redirects


def test_redirects_are_followed_three_times_at_the_pace(serve, connect):
    hops = [reply(308, b"", Location=f"/{number}?b=c") for number in range(3)]
    server, endless = serve([*hops, reply(body=b"5")]), serve([*hops, *hops[:1]])
    assert connect(server, rate=20).json(server.url("/start"), {"tags": "a b"}) == 5
    assert [request.path for request in server.log] == ["/start?tags=a+b", "/0?b=c", "/1?b=c", "/2?b=c"]
    assert sum(gaps(server)) > 3 / 20 - LATE
    with pytest.raises(WebError) as error:
        connect(endless).json(endless.url())
    assert error.value.reason == "redirect"
    assert len(endless.log) == 4


@pytest.mark.parametrize(
    "target",
    ["file:///etc/passwd", "http://169.254.169.254/", "https://127.0.0.1/", "//site.example/x", "http://[", "OTHER"],
)
def test_redirects_lead_nowhere_else(serve, connect, target):
    other = serve(reply())
    server = serve(reply(302, b"", Location=other.url() if target == "OTHER" else target))
    with pytest.raises(WebError) as error:
        connect(server).json(server.url())
    assert error.value.reason == "redirect"
    assert len(server.log) == 1
    assert other.log == []
    if target == "OTHER":
        assert connect(server, other).json(server.url()) == {}  # allowed once it is listed


def test_credentials_go_to_their_host_only(serve, connect):
    other = serve(reply())
    server = serve(lambda request, number: reply(307, b"", Location=other.url("/x")))
    web = connect(server, other, auth=("me", KEY), auth_host=server.host)
    web.json(server.url())
    assert httpx2.BasicAuth("me", KEY)._auth_header == server.log[0].headers["authorization"]
    assert "authorization" not in other.log[0].headers
    for auth_host in ("", "site.example"):
        with pytest.raises(ValueError, match="auth_host"):
            connect(server, auth=("me", KEY), auth_host=auth_host)


def test_requests_say_who_asks_and_keep_no_cookie(serve, connect, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    server = serve(reply(Set_Cookie="session=1; Path=/"))
    web = connect(server)
    web.json(server.url()), web.text(server.url())
    assert [request.headers["user-agent"] for request in server.log] == [AGENT] * 2
    assert not any("cookie" in request.headers for request in server.log)


# --- what replies mean


@pytest.mark.parametrize(
    ("answer", "expected", "match", "asked"),
    [
        (reply(400, b'{"message": "odd"}'), StopCollecting, "400: odd", 1),
        (reply(401, b'{"message": "bad key"}'), StopCollecting, "401: bad key; check I2V_DANBOORU_LOGIN", 1),
        (reply(403, b'{"message": "no access"}'), StopCollecting, "permissions", 1),
        (reply(403, b"<html>Just a moment", HTML), StopCollecting, "challenge", 1),
        (reply(403, b" <!doctype html><html>", "text/plain"), StopCollecting, "challenge", 1),
        (reply(503, b"", "text/plain", cf_mitigated="challenge"), StopCollecting, "challenge", 1),
        (reply(422, b'{"message": "more than 2 tags"}'), StopCollecting, "422: more than 2 tags", 1),
        (reply(404), NotThereError, "404", 1),
        (reply(410, b"<html>", HTML), NotThereError, "410", 1),
        (reply(451, b"<html>", HTML), NotThereError, "451", 1),
        (reply(400, b"<html>", HTML), WebError, "http_400", 1),
        (reply(403, b"<Error/>", "application/xml"), WebError, "http_403", 1),
        (reply(206), WebError, "http_206", 1),
        (reply(204, b""), WebError, "http_204", 1),
        (reply(304, b""), WebError, "http_304", 1),
        (reply(500, b'{"error": "ActiveRecord::QueryCanceled"}'), WebError, "query_canceled", 3),
        (reply(500), WebError, "http_500", 5),
        (reply(502), WebError, "http_502", 5),
        (reply(504), WebError, "http_504", 5),
        (reply(522), WebError, "http_522", 5),
        (reply(body=b"<error/>"), WebError, "bad_json", 5),
        (reply(body=b"[" * 100_000), WebError, "bad_json", 5),
        (reply(body=b'{"a": 1', length=99), WebError, "truncated", 5),
        (reply(body=b"no gzip", Content_Encoding="gzip"), WebError, "encoding", 5),
        (reply(length="abc"), WebError, "connection", 5),
        (b"", WebError, "connection", 5),
        (b"SSH-2.0\r\n\r\n", WebError, "connection", 5),
    ],
    ids=name_of,
)  # fmt: skip
def test_a_reply_means(serve, connect, answer, expected, match, asked):
    server = serve(answer)
    web = connect(server)
    with pytest.raises(expected, match=match) as error:
        web.json(server.url())
    assert type(error.value) is expected
    assert len(server.log) == asked
    if expected is StopCollecting:  # every further request ends at once, from any thread, whatever it asks
        with ThreadPoolExecutor(1) as pool, pytest.raises(StopCollecting) as again:
            pool.submit(web.text, server.url("/other")).result()
        assert str(again.value) == str(error.value)
        assert len(server.log) == asked
    elif asked == 1:  # the run goes on
        with pytest.raises(expected):
            web.json(server.url())
        assert len(server.log) == 2


def test_trouble_passes(serve, connect):
    server = serve([b"", reply(503), reply(body=b"{"), reply(500), reply(body=b"[3]")])
    assert connect(server, backoff=0.06).json(server.url()) == [3]
    for count, gap in enumerate(gaps(server)):
        assert 0.03 * 2**count - 0.005 < gap < 0.06 * 2**count + 0.3
    eager = serve([reply(503), reply()])
    with pytest.raises(WebError, match="http_503"):
        connect(eager, retries=0).json(eager.url())
    assert len(eager.log) == 1


def test_five_refusals_in_a_row_end_the_run(serve, connect):
    refusal = reply(403, b"no", "text/plain")
    server, control = serve(refusal), serve([*[refusal] * 4, reply(), *[refusal] * 4])
    for target, last in ((server, StopCollecting), (control, WebError)):
        web, raised = connect(target), []
        for _ in range(4 if target is server else 8):
            try:
                web.json(target.url())
            except WebError as error:
                raised.append(error.reason)
        assert set(raised) == {"http_403"}
        with pytest.raises(last):
            web.json(target.url())


def test_the_budget_of_retries_ends_the_run(serve, connect):
    server = serve(reply(503))
    web = connect(server, budget=5)
    with pytest.raises(WebError):
        web.json(server.url())
    with pytest.raises(StopCollecting, match="failed requests"):
        web.json(server.url())
    assert len(server.log) == 5 + 2


@pytest.mark.parametrize(
    ("answer", "timeouts"),
    [
        ([0.9, reply()], (2, 0.2, 5)),
        ([reply(length=3, body=b"{"), 0.9, b"} "], (2, 0.2, 5)),
        ([reply(length=40, body=b"{"), *[0.05, b" "] * 20], (2, 2, 0.3)),
    ],
    ids=["silent", "stalled", "dripping"],
)
def test_no_request_takes_for_ever(serve, connect, answer, timeouts):
    server = serve(answer)
    start = time.monotonic()
    with pytest.raises(WebError) as error:
        connect(server, timeouts=timeouts, retries=1).json(server.url())
    assert error.value.reason == "timeout"
    assert len(server.log) == 2
    assert time.monotonic() - start < 1.5


def test_replies_are_capped_once_unpacked(serve, connect, monkeypatch):
    monkeypatch.setattr(web_module, "LONGEST_TEXT", 2**20)
    small, bomb = json.dumps(["a" * 999_000]).encode(), b" " * (50 * 2**20)
    server = serve([reply(body=gzip.compress(body, 1), Content_Encoding="gzip") for body in (small, bomb)])
    web = connect(server)
    assert web.json(server.url()) == json.loads(small)
    with pytest.raises(WebError) as error:
        web.text(server.url())
    assert error.value.reason == "too_large"
    assert len(server.log) == 2


def test_text_is_read_as_utf_8(serve, connect):
    server = serve(reply(body="<tag name='あ'/>".encode() + b"\xff", kind="text/xml"))
    assert connect(server).text(server.url()) == "<tag name='あ'/>\ufffd"


# --- secrets and names


def test_the_key_is_in_no_message_log_or_address(serve, connect, caplog, tmp_path):
    caplog.set_level("DEBUG")
    encoded = httpx2.BasicAuth("me", KEY)._auth_header.split()[1]
    leaks = f"{KEY} {encoded} ?login=me&api_key={KEY}&a=b Authorization: Basic {encoded}"
    message = json.dumps({"message": leaks}).encode()
    answers = {
        "stop": reply(422, message),
        "gone": reply(404, message),
        "error": reply(405, message),
        "trouble": reply(500, message),
        "redirect": reply(302, b"", Location=f"http://me:{encoded}@127.0.0.1/?api_key={encoded}&login=me"),
        "page": reply(200, message, HTML),
    }
    server = serve(lambda request, number: answers[request.path.split("/")[1]])
    texts = []
    for path in answers:
        for call in ("json", "download"):
            web = connect(server, auth=("me", KEY), auth_host=server.host, retries=1)
            ask = {"json": web.json, "download": lambda url, web=web: web.download(url, tmp_path / "a", limit=9999)}
            url = server.url(f"/{path}/{KEY if path == 'gone' else ''}")
            try:
                ask[call](url)
            except (StopCollecting, NotThereError, WebError) as error:
                texts += [str(error), repr(error), "".join(traceback.format_exception(error))]
                texts += [str(vars(error)), repr(web)]
    assert len(texts) >= 5 * 11
    assert not [text for text in texts if KEY in text or encoded in text or "login=me" in text]
    assert "HTTP Request" in caplog.text
    lines = [line for line in caplog.text.splitlines() if "b'Location'" not in line]  # there the server tells it
    logged = "\n".join(lines).replace(f"/gone/{KEY}", "")  # as does the test's own address
    assert encoded not in logged
    assert KEY not in logged
    assert all("authorization" in request.headers for request in server.log)
    with pytest.raises(WebError, match="api_key=\\*\\*\\*"):
        web.json(server.url("/?api_key=" + KEY))


@pytest.mark.parametrize("kind", [StopCollecting, NotThereError, lambda text: WebError("bad_json", text)])
def test_no_error_tells_a_key_whoever_makes_it(kind):
    assert str(kind("at /posts.json?api_key=s3cret&login=me&page=2")).endswith("?api_key=***&login=***&page=2")


def test_redact_takes_secrets_out_and_leaves_the_rest():
    text = "GET https://me:pw@a.example/p?login=me&api_key=s3 h: Authorization: Basic bWU6czM= end login page"
    clean = redact(text)
    assert clean == "GET https://***@a.example/p?login=***&api_key=*** h: Authorization: Basic *** end login page"
    assert redact("the key s3cret", ("me", "s3cret")) == "the key ***"
    assert redact("https://a.example/p?tags=a%3Ab&page=b7") == "https://a.example/p?tags=a%3Ab&page=b7"


def test_credentials_come_from_the_environment_in_pairs():
    login, key = "I2V_DANBOORU_LOGIN", "I2V_DANBOORU_API_KEY"
    assert credentials({login: "me", key: "k"}) == ("me", "k")
    assert credentials({}) is credentials({login: "", key: " "}) is None
    for one, other in ((login, key), (key, login)):
        with pytest.raises(ValueError, match=f"{one} is set and {other} is not"):
            credentials({one: "s3cret"})
    assert user_number({"I2V_DANBOORU_USER": "42"}) == "42"
    assert user_number({}) is None
    with pytest.raises(ValueError, match="I2V_DANBOORU_USER='me'"):
        user_number({"I2V_DANBOORU_USER": "me"})


def test_the_user_agent_is_our_own():
    assert user_agent("1.0", 7, "https://example.org/i2v") == AGENT
    assert user_agent("1.0", None, "https://example.org/i2v") == AGENT.replace("user #7; ", "")
    assert user_agent(None, "7", "https://example.org/i2v").startswith("i2v-lib/0.")
    for version, number, url in (
        ("1.0", "me", "https://example.org"),
        ("1.0", 7, ""),
        ("1.0", 7, "https://example.org/\r\nX: y"),
        ("1.0) Mozilla/5.0 (", 7, "https://example.org"),
        ("1.0", 7, "https://example.org/Firefox"),
    ):
        with pytest.raises(ValueError, match="user_agent="):
            user_agent(version, number, url)
    for text in ("", "Mozilla/5.0 (X11)", "python-httpx/1.0", "i2v-lib/1.0"):
        with pytest.raises(ValueError, match="user_agent="):
            Web(user_agent=text, hosts={"site.example": 1})


# --- downloads


def picture(format="JPEG", side=64):
    buffer = io.BytesIO()
    Image.effect_noise((side, side), 80).convert("RGB").save(buffer, format)
    return buffer.getvalue()


DATA = picture()
MD5 = hashlib.md5(DATA, usedforsecurity=False).hexdigest()
ETAG = '"v1"'


def file_server(data=DATA, etag=ETAG, cuts=(), ignores_range=False, shift=0):
    """A file with ranges; its first answers are cut after so many bytes."""

    def answer(request, number):
        headers = {"ETag": etag} if etag else {}
        start = 0
        if "range" in request.headers and request.headers.get("if-range") == etag and not ignores_range:
            start = int(request.headers["range"].removeprefix("bytes=").removesuffix("-")) + shift
            if start >= len(data):
                return reply(416, b"", JPEG, Content_Range=f"bytes */{len(data)}")
            headers["Content_Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        body, length = data[start:], len(data) - start
        body = body[: cuts[number - 1]] if number <= len(cuts) else body
        return reply(206 if "Content_Range" in headers else 200, body, JPEG, length, **headers)

    return answer


@pytest.fixture
def part(tmp_path):
    return tmp_path / "1.part"


def is_clean(part):
    return list(part.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("format", "ext"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"), ("GIF", "gif"), ("AVIF", "avif")]
)
def test_a_download_tells_what_arrived(serve, connect, part, format, ext):
    data = picture(format)
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    server = serve(file_server(data))  # sent as image/jpeg in any case
    download = connect(server).download(server.url(), part, limit=len(data), md5=md5)
    assert (download.md5, download.sha256) == (md5, hashlib.sha256(data).hexdigest())
    assert (download.size, download.ext) == (len(data), ext)
    assert part.read_bytes() == data
    assert [path.name for path in part.parent.iterdir()] == [part.name]
    assert len(server.log) == 1
    assert server.log[0].headers["accept-encoding"] == "identity"


def test_sniff_knows_pictures_from_the_rest():
    assert sniff(b"\0\0\0\x20ftypmif1\0\0\0\0mif1avifmiaf") == "avif"
    for other in (picture("BMP"), picture("TIFF"), b"", b"<html>", b"RIFF\0\0\0\0WAVE", b"\0\0\0\x20ftypmp42avi"):
        assert sniff(other[:32]) is None
    assert sniff(b"\0\0\0\x20ftypisom\0avif\0\0\0isom") is None  # the letters, but in no brand's place


BIG = DATA + bytes(5000)
CHUNKED = b"%x\r\n%s\r\n" % (len(DATA), DATA)


@pytest.mark.parametrize(
    ("answer", "reason", "asked"),
    [
        (reply(body=DATA, kind=HTML), "not_an_image", 2),
        (reply(body=DATA, kind="video/mp4"), "not_an_image", 2),
        (reply(body=b"<html>" * 10, kind=JPEG), "not_an_image", 2),
        (reply(body=b"<html>", kind=JPEG), "not_an_image", 2),
        (reply(body=b"", kind=JPEG), "not_an_image", 2),
        (reply(body=gzip.compress(DATA), kind=JPEG, Content_Encoding="gzip"), "not_an_image", 2),
        (reply(body=DATA[:-1] + b"x", kind=JPEG), "wrong_md5", 2),
        (reply(body=DATA[:-9], kind=JPEG), "wrong_md5", 2),
        (reply(body=DATA, kind=JPEG, length=len(DATA) + 9), "truncated", 5),
        (reply(body=CHUNKED, kind=JPEG, length="", Transfer_Encoding="chunked"), "truncated", 5),
        (reply(body=BIG, kind=JPEG), "too_large", 1),
        (reply(body=DATA, kind=JPEG, length=10**12), "too_large", 1),
        (reply(body=CHUNKED * 2, kind=JPEG, length="", Transfer_Encoding="chunked"), "too_large", 1),
        (reply(206, DATA, JPEG), "http_206", 1),
        (reply(416, b"", JPEG), "http_416", 1),
    ],
    ids=name_of,
)
def test_a_wrong_file_is_refused_and_removed(serve, connect, part, answer, reason, asked):
    server = serve(answer)
    with pytest.raises(WebError) as error:
        connect(server).download(server.url(), part, limit=len(DATA) + 100, md5=MD5)
    assert error.value.reason == reason
    assert len(server.log) == asked
    assert is_clean(part)
    right = serve([answer, reply(body=DATA, kind=JPEG)])
    if asked > 1:  # and what passes by at the next try is taken
        assert connect(right).download(right.url(), part, limit=len(DATA) + 100, md5=MD5).md5 == MD5
        assert ("no-cache" in right.log[1].headers.get("cache-control", "")) == (asked == 2)


def test_a_chunked_file_without_a_length_is_taken(serve, connect, part):
    answer = reply(body=CHUNKED + b"0\r\n\r\n", kind="application/octet-stream", length="", Transfer_Encoding="chunked")
    server = serve(answer)
    assert connect(server).download(server.url(), part, limit=len(DATA)).md5 == MD5


def test_a_cut_download_is_resumed(serve, connect, part):
    server = serve(file_server(cuts=[1000, 500]))
    assert connect(server).download(server.url(), part, limit=10**6, md5=MD5).size == len(DATA)
    assert [request.headers.get("range") for request in server.log] == [None, "bytes=1000-", "bytes=1500-"]
    assert [request.headers.get("if-range") for request in server.log] == [None, ETAG, ETAG]
    assert part.read_bytes() == DATA
    assert len(list(part.parent.iterdir())) == 1


def test_a_rest_that_ends_early_is_not_taken_for_the_whole(serve, connect, part):
    whole, rest = file_server(cuts=[1000]), b"%x\r\n%s\r\n0\r\n\r\n" % (500, DATA[1000:1500])
    span = f"bytes 1000-{len(DATA) - 1}/{len(DATA)}"
    short = reply(206, rest, JPEG, length="", Transfer_Encoding="chunked", Content_Range=span, ETag=ETAG)
    server = serve(lambda request, number: short if number == 2 else whole(request, number))
    assert connect(server).download(server.url(), part, limit=10**6).md5 == MD5
    assert [request.headers.get("range") for request in server.log] == [None, "bytes=1000-", "bytes=1500-"]


REST = len(DATA) - 1000


@pytest.mark.parametrize(
    ("span", "length", "etag"),
    [
        (f"1000-1499/{len(DATA)}", 500, ETAG),
        (f"1000-{len(DATA) - 1}/{len(DATA)}", REST, '"v2"'),
        (f"1000-{len(DATA) - 1}/{len(DATA)}", REST - 1, ETAG),
        (f"1000-{len(DATA) - 1}/*", REST, ETAG),
    ],
)
def test_a_rest_that_contradicts_itself_is_refused(serve, connect, part, span, length, etag):
    whole = file_server(cuts=[1000])
    odd = reply(206, DATA[1000 : 1000 + length], JPEG, Content_Range=f"bytes {span}", ETag=etag)
    server = serve(lambda request, number: odd if number == 2 else whole(request, number))
    assert connect(server).download(server.url(), part, limit=10**6).md5 == MD5
    assert [request.headers.get("range") for request in server.log] == [None, "bytes=1000-", None]


def test_what_is_no_picture_is_not_read_to_its_end(serve, connect, part):
    server = serve([reply(body=b"<html>" * 10, kind=JPEG, length=9999), 30.0])
    with pytest.raises(WebError) as error:
        connect(server, timeouts=(2, 1, 2)).download(server.url(), part, limit=10**6)
    assert error.value.reason == "not_an_image"


def test_a_later_run_resumes_what_a_kill_left(serve, connect, part):
    server = serve(file_server(cuts=[1000]))
    with pytest.raises(WebError) as error:
        connect(server, retries=0).download(server.url(), part, limit=10**6)
    assert error.value.reason == "truncated"
    assert sorted(path.name for path in part.parent.iterdir()) == ["1.part", "1.part.etag"]
    assert connect(server).download(server.url(), part, limit=10**6).md5 == MD5  # hashes what was there too
    assert server.log[1].headers["range"] == "bytes=1000-"
    assert len(list(part.parent.iterdir())) == 1


@pytest.mark.parametrize(
    ("after", "ranges"),
    [
        ({"ignores_range": True}, [None, "bytes=1000-"]),
        ({"shift": 5}, [None, "bytes=1000-", None]),
        ({"shift": -5}, [None, "bytes=1000-", None]),
        ({"shift": len(DATA)}, [None, "bytes=1000-", None]),
        ({"etag": '"v2"'}, [None, "bytes=1000-"]),
        ({"data": DATA[:900]}, [None, "bytes=1000-", None]),
    ],
    ids=["ignored", "later", "earlier", "beyond", "other version", "shorter"],
)
def test_only_the_right_rest_is_appended(serve, connect, part, after, ranges):
    first, second = file_server(cuts=[1000]), file_server(**after)
    server = serve(lambda request, number: (first if number == 1 else second)(request, number))
    data = after.get("data", DATA)
    connect(server).download(server.url(), part, limit=10**6)
    assert part.read_bytes() == data
    assert [request.headers.get("range") for request in server.log] == ranges


@pytest.mark.parametrize("etag", ["", 'W/"v1"', "v1"])
def test_without_a_strong_etag_nothing_is_resumed(serve, connect, part, etag):
    server = serve(file_server(etag=etag, cuts=[1000] * 5))
    with pytest.raises(WebError):
        connect(server).download(server.url(), part, limit=10**6)
    assert not any("range" in request.headers for request in server.log)
    assert is_clean(part)


def test_what_is_left_of_another_address_or_version_is_not_used(serve, connect, part):
    server = serve(file_server(cuts=[1000]))
    with pytest.raises(WebError):
        connect(server, retries=0).download(server.url("/a"), part, limit=10**6)
    assert connect(server).download(server.url("/b"), part, limit=10**6, md5=MD5).size == len(DATA)
    assert "range" not in server.log[1].headers


def test_damage_in_what_was_left_is_seen(serve, connect, part):
    server = serve(file_server(cuts=[1000]))
    with pytest.raises(WebError):
        connect(server, retries=0).download(server.url(), part, limit=10**6)
    part.write_bytes(DATA[:500] + bytes(500))
    assert connect(server).download(server.url(), part, limit=10**6, md5=MD5).md5 == MD5
    assert [request.headers.get("range") for request in server.log] == [None, "bytes=1000-", None]


def test_a_file_that_is_gone_leaves_nothing(serve, connect, part):
    first = file_server(cuts=[1000])
    server = serve(lambda request, number: first(request, number) if number == 1 else reply(404, b"", HTML))
    with pytest.raises(NotThereError):
        connect(server).download(server.url(), part, limit=10**6)
    assert is_clean(part)


def test_a_link_is_replaced_and_never_followed(serve, connect, part, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "precious"
    outside.write_bytes(DATA[:100])
    part.symlink_to(outside)
    server = serve(file_server())
    part.with_name("1.part.etag").write_text(f"{server.url()}\n{ETAG}\n", encoding="ascii")
    connect(server).download(server.url(), part, limit=10**6)
    assert outside.read_bytes() == DATA[:100]
    assert not part.is_symlink()


def test_a_full_or_missing_disk_is_no_fault_of_the_site(serve, connect, part, monkeypatch):
    server = serve(file_server())
    with pytest.raises(FileNotFoundError):
        connect(server).download(server.url(), part / "no" / "folder", limit=10**6)
    monkeypatch.setattr(os, "fsync", lambda number: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left") as error:
        connect(server).download(server.url(), part, limit=10**6)
    assert not isinstance(error.value, WebError)
    assert len(server.log) == 2


def test_arguments_that_cannot_be_used_are_named(serve, connect, part):
    server = serve(reply())
    with pytest.raises(ValueError, match="md5='XYZ'"):
        connect(server).download(server.url(), part, limit=9, md5="XYZ")
    for name, value in (("retries", -1), ("backoff", float("nan")), ("pause", 0), ("timeouts", (1, 0, 1))):
        with pytest.raises(ValueError, match=name):
            connect(server, **{name: value})


def test_other_ports_of_this_machine_give_files_only_where_an_address_names_them(serve, connect, tmp_path):
    files, never = serve(reply(body=DATA, kind=JPEG)), serve(reply())
    site = serve([reply(302, b"", Location=never.url("/x.jpg")), reply()])
    strict, open_ = connect(site), connect(site, file_ports=FAST)
    with pytest.raises(WebError, match="allowed: http"):
        strict.download(files.url("/a.jpg"), tmp_path / "a.part", limit=10**6)
    assert open_.download(files.url("/a.jpg"), tmp_path / "b.part", limit=10**6).size == len(DATA)
    with pytest.raises(WebError, match="allowed: http"):
        open_.json(files.url("/posts.json"))  # no question goes there
    with pytest.raises(WebError, match="allowed: http"):
        open_.download(site.url("/c.jpg"), tmp_path / "c.part", limit=10**6)  # nor does a redirect
    assert never.log == []
    assert len(files.log) == 1
