"""Polite HTTP: paced, patient, within its list of hosts, and silent about the key.

Nothing here gets around a refusal: no browser's name, no cookies, no other address for the same question. A
challenge page, a bad key, or five refusals in a row end the run.
"""

from __future__ import annotations

import json
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

from i2v_lib.collect.booru.downloads import WRONG, Download, Part, sniff
from i2v_lib.collect.booru.identity import checked_user_agent, credentials, redact, user_agent, user_number
from i2v_lib.collect.booru.pace import API_CEILING, FILE_CEILING, LONGEST_PAUSE, Hosts, retry_after
from i2v_lib.collect.booru.replies import NotThereError, RetryableError, StopCollecting, WebError, explain
from i2v_lib.collect.booru.wire import Reply, Wire

__all__ = [
    "API_CEILING", "FILE_CEILING", "Download", "NotThereError", "StopCollecting", "Web", "WebError",
    "credentials", "redact", "sniff", "user_agent", "user_number",
]  # fmt: skip

LONGEST_TEXT = 32 * 2**20  # bytes of a JSON or XML reply, once unpacked
LONGEST_ERROR = 2**16  # bytes of an error's body that are read
REFUSALS = 5  # replies 403 or 429 in a row, over all hosts, that end the run
LONGEST_BACKOFF = 60.0  # seconds
FEWER_RETRIES = {"query_canceled": 2, "wrong_md5": 1, "not_an_image": 1}  # where patience helps little
T = TypeVar("T")


class Web:
    """Asks the hosts it was given, and no others. One object serves a whole run; any thread may use it.

    Parameters
    ----------
    user_agent : see :func:`~i2v_lib.collect.booru.identity.user_agent`
    hosts : requests a second by host; see :class:`~i2v_lib.collect.booru.pace.Hosts`
    file_hosts : those of ``hosts`` that only give out files: up to 4 requests a second instead of 1
    auth : login and API key, sent to ``auth_host`` alone, and never in an address
    auth_host : one of ``hosts``
    loopback : True for a server on this machine: plain HTTP, no ceiling, ``hosts`` with their ports
    file_ports : see :class:`~i2v_lib.collect.booru.pace.Hosts`
    retries : of one request
    backoff : seconds before the first retry; doubles with each, up to a minute, less a random part
    pause : seconds without a request after a refusal that names no time; doubles with each in a row
    timeouts : seconds to connect, between two pieces of a reply, and for a reply as a whole
    budget : retries of the whole run, then it ends

    Raises
    ------
    ValueError
        If an argument cannot be used; the message names it.
    """

    def __init__(
        self,
        *,
        user_agent: str,
        hosts: Mapping[str, float],
        file_hosts: Collection[str] = (),
        auth: tuple[str, str] | None = None,
        auth_host: str = "",
        loopback: bool = False,
        file_ports: float | None = None,
        retries: int = 4,
        backoff: float = 1.0,
        pause: float = 60.0,
        timeouts: tuple[float, float, float] = (10.0, 30.0, 300.0),
        budget: int = 1000,
    ) -> None:
        least = {"retries": retries, "budget": budget, "backoff": backoff}
        above = {"pause": pause, "timeouts": min(timeouts)}
        for name, value in (least | above).items():
            if not value >= 0 or name in above and not value:
                raise ValueError(f"{name}={value}: use a number {'above' if name in above else 'from'} 0")
        self._changed = threading.Condition()  # guards all that follows, and wakes every wait when the run ends
        self._hosts = Hosts(
            hosts, file_hosts=file_hosts, loopback=loopback, file_ports=file_ports, pause=pause, changed=self._changed
        )
        if auth and (auth_host not in self._hosts or not all(auth)):
            raise ValueError(f"auth_host={auth_host!r}: name the one of hosts that may see login and key, both given")
        self._auth, self._auth_host = auth, auth_host
        self._retries, self._backoff, self._budget = retries, backoff, budget
        self._stopped, self._refusals, self._random = "", 0, random.Random()
        self._wire = Wire(self._hosts, checked_user_agent(user_agent), auth, auth_host, timeouts, self._check)

    def json(self, url: str, params: Mapping[str, str | int] | None = None) -> Any:
        """Ask a question whose answer is JSON.

        Raises
        ------
        StopCollecting, NotThereError, WebError
            See there; ``bad_json`` if it stays something else.
        """

        def once(seen: Counter[str]) -> Any:
            try:
                return json.loads(self._body(url, params, "application/json"))
            except (ValueError, RecursionError) as error:
                raise RetryableError("bad_json", f"{url}: {error}") from None

        return self._persist(once)

    def text(self, url: str, params: Mapping[str, str | int] | None = None) -> str:
        """Ask a question whose answer is text, in UTF-8; other bytes become replacement characters.

        Raises
        ------
        StopCollecting, NotThereError, WebError
            See there.
        """
        return self._persist(lambda seen: self._body(url, params, "*/*").decode("utf-8", "replace"))

    def download(self, url: str, part: Path, *, limit: int, md5: str = "") -> Download:
        """Fetch a picture into the file ``part``: whole, checked, and on the disk when this returns.

        Its name is the caller's to give, by ``os.replace``, once the format is known. While it grows, and after
        a cut or a kill, ``<part>.etag`` lies beside it; calling again then fetches the rest. A file that turns
        out wrong is removed. Only one may write to ``part`` at a time.

        Parameters
        ----------
        limit : bytes at most
        md5 : what the file must have, in lower-case hexadecimal; "" if that is not known

        Raises
        ------
        StopCollecting, NotThereError, WebError
            See there. A wrong MD5 and what is not an image are asked for once more, past the caches.
        OSError
            If the file cannot be written.
        """
        if md5 and not re.fullmatch("[0-9a-f]{32}", md5):
            raise ValueError(f"md5={md5!r}: use 32 hexadecimal digits in lower case, or nothing")
        growing = Part(part, redact(url, self._auth))

        def once(seen: Counter[str]) -> Download:
            headers = {"Accept-Encoding": "identity", "Accept": "image/*", **growing.headers()}
            if seen["wrong_md5"] or seen["not_an_image"]:
                headers["Cache-Control"] = "no-cache"
            try:
                with self._wire.ask(url, {}, headers, files=True) as reply:
                    self._judge(reply)
                    return growing.receive(reply.response, reply.pieces(raw=True), limit, md5)
            except NotThereError:
                growing.discard()
                raise
            except WebError as error:
                asked_too_far = "Range" in headers and error.reason == "http_416"
                if asked_too_far or error.reason in WRONG or not growing.etag():
                    growing.discard()
                if asked_too_far:
                    raise RetryableError("truncated", f"{url} ends before what is there") from None
                raise

        return self._persist(once)

    def close(self) -> None:
        """End all requests: those that wait give up at once, with :class:`StopCollecting`."""
        self._stop("the connection was closed; make a new Web to continue")
        self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _persist(self, once: Callable[[Counter[str]], T]) -> T:
        """Try until it succeeds or patience ends. What is raised here has lost login and key."""
        seen: Counter[str] = Counter()
        while True:
            try:
                self._check()
                return once(seen)
            except RetryableError as trouble:
                seen[trouble.reason] += 1
                most = min(self._retries, FEWER_RETRIES.get(trouble.reason, self._retries))
                if seen.total() > self._retries or seen[trouble.reason] > most:
                    raise WebError(trouble.reason, redact(trouble.detail, self._auth)) from None
                problem = trouble.detail
            except WebError as error:
                raise WebError(error.reason, redact(error.detail, self._auth)) from None
            except NotThereError as gone:
                raise NotThereError(redact(gone, self._auth)) from None
            except StopCollecting as stop:
                raise self._stop(str(stop)) from None
            self._wait_to_retry(seen.total(), problem)

    def _wait_to_retry(self, count: int, problem: str) -> None:
        with self._changed:
            self._budget -= 1
            if self._budget < 0:
                raise self._stop(f"too many failed requests in this run, the last one: {problem}; run again later")
            delay = min(self._backoff * 2 ** (count - 1), LONGEST_BACKOFF) * self._random.uniform(0.5, 1)
            self._changed.wait_for(lambda: self._stopped, delay)

    def _body(self, url: str, params: Mapping[str, str | int] | None, accept: str) -> bytes:
        with self._wire.ask(url, params or {}, {"Accept": accept}, files=False) as reply:
            self._judge(reply)
            body = reply.body(LONGEST_TEXT + 1)
        if len(body) > LONGEST_TEXT:
            raise WebError("too_large", f"{url}: a reply of more than {LONGEST_TEXT:,} bytes")
        return body

    def _judge(self, reply: Reply) -> None:
        """Return if the reply is a success; else pause its host if it must be, and raise what it means."""
        status, headers, place = reply.response.status_code, reply.response.headers, reply.response.url.host
        with self._changed:
            self._refusals = refusals = self._refusals + 1 if status in (403, 429) else 0
        if status == 200 or status == 206 and "range" in reply.response.request.headers:
            reply.limiter.accepted(reply.sent)
            return
        seconds = retry_after(headers.get("retry-after"))
        if status == 429:
            reply.limiter.refused(seconds, reply.sent)
        elif status == 503 and seconds:
            reply.limiter.pause(seconds)
        try:
            body = reply.body(LONGEST_ERROR)
        except RetryableError:
            body = b""
        error = explain(status, headers, body, place)
        if refusals >= REFUSALS and not isinstance(error, StopCollecting):
            error = StopCollecting(f"{place} and others refused {refusals} requests in a row; run again in a few hours")
        elif status in (429, 503) and (seconds or 0) > LONGEST_PAUSE:
            error = StopCollecting(f"{place} wants a pause of {seconds / 3600:.1f} hours; run again after that")
        raise error

    def _check(self) -> None:
        if self._stopped:
            raise StopCollecting(self._stopped)

    def _stop(self, message: str) -> StopCollecting:
        """End the run, unless it has ended already; give the error with the first reason."""
        with self._changed:
            self._stopped = self._stopped or redact(message, self._auth)
            self._changed.notify_all()
            return StopCollecting(self._stopped)
