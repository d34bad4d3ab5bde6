"""One question over HTTP: from a checked address, through checked redirects, to a reply that is read in time."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx2

from i2v_lib.collect.booru.identity import basic
from i2v_lib.collect.booru.pace import Hosts, Limiter, parse_url
from i2v_lib.collect.booru.replies import RetryableError, WebError

REDIRECTS = 3


@dataclass(frozen=True)
class Reply:
    """A reply whose head has arrived; times are monotonic seconds."""

    response: httpx2.Response
    limiter: Limiter  # of the host that gave it
    sent: float
    deadline: float

    def pieces(self, *, raw: bool = False) -> Iterator[bytes]:
        """The body as it comes in, unpacked unless ``raw``.

        Raises
        ------
        RetryableError
            ``timeout``, ``encoding`` or ``truncated``.
        """
        url = self.response.url
        try:
            for piece in self.response.iter_raw() if raw else self.response.iter_bytes():
                if time.monotonic() > self.deadline:
                    raise RetryableError("timeout", f"{url}: the reply takes too long")
                yield piece
        except httpx2.TimeoutException:
            raise RetryableError("timeout", f"{url}: the reply has stalled") from None
        except httpx2.DecodingError:
            raise RetryableError("encoding", f"{url}: the reply cannot be unpacked") from None
        except httpx2.RequestError:
            raise RetryableError("truncated", f"{url}: the reply was cut") from None

    def body(self, limit: int) -> bytes:
        """The first ``limit`` bytes of the body, unpacked; the rest is not read."""
        body = bytearray()
        for piece in self.pieces():
            body += piece[: limit - len(body)]
            if len(body) == limit:
                break
        return bytes(body)


class Wire:
    """Sends requests, each when it is due, only where ``hosts`` allow it, and login and key only to their host.

    Parameters
    ----------
    hosts : which may be asked, and how often
    user_agent : sent with every request
    auth, auth_host : login and key, and the host that may see them
    timeouts : seconds to connect, between two pieces of a reply, and for a reply as a whole
    check : called before a request waits or goes out; raises if the run has ended
    """

    def __init__(
        self,
        hosts: Hosts,
        user_agent: str,
        auth: tuple[str, str] | None,
        auth_host: str,
        timeouts: tuple[float, float, float],
        check: Callable[[], None],
    ) -> None:
        connect, read, self._total = timeouts
        self._hosts, self._check = hosts, check
        self._reached = False  # whether any host has answered yet
        self._authorization, self._auth_host = basic(auth) if auth else "", auth_host
        self._client = httpx2.Client(
            headers={"User-Agent": user_agent, "Accept-Encoding": "gzip"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            follow_redirects=False,
            trust_env=False,  # no proxies, no .netrc
            timeout=httpx2.Timeout(read, connect=connect),
            verify=True if hosts.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),  # trusts nobody
        )

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    @contextmanager
    def ask(
        self, url: str, params: Mapping[str, str | int], headers: Mapping[str, str], *, files: bool
    ) -> Iterator[Reply]:
        """Give the reply at the end of at most three redirects, whatever its status, its body unread.

        Parameters
        ----------
        url, params : the address, and what to add to its query
        headers : beside the usual ones
        files : whether a file is asked for, which hosts that give out nothing else require

        Raises
        ------
        RetryableError
            ``connection`` or ``timeout``.
        WebError
            ``unreachable``, if not even the first connection can be made; ``address`` or ``redirect``, if one may not
            be asked.
        """
        target, reason = parse_url(url), "address"
        target = target.copy_merge_params(params) if params else target
        for _ in range(REDIRECTS + 1):
            limiter = self._hosts.find(target, files=files, reason=reason)
            reply = self._send(target, headers, limiter)
            try:
                if not reply.response.has_redirect_location:
                    yield reply
                    return
                reason = "redirect"
                target = parse_url(reply.response.headers["location"], reason, base=target)
            finally:
                reply.response.close()
        raise WebError("redirect", f"{url} leads on and on, more than {REDIRECTS} times")

    def _send(self, target: httpx2.URL, headers: Mapping[str, str], limiter: Limiter) -> Reply:
        """Send one request when it is due, and wait for the head of its reply.

        Connecting takes a while, so the pace is kept where the first byte leaves, not before.
        """
        sent: list[float] = []

        def trace(event: str, info: Any) -> None:
            if event.endswith("send_request_headers.started"):
                sent.append(limiter.claim(self._check))

        limiter.rest(self._check)
        request = self._client.build_request("GET", target, headers=headers, extensions={"trace": trace})
        if self._authorization and target.netloc.decode() == self._auth_host:
            request.headers["Authorization"] = self._authorization
        try:
            response = self._client.send(request, stream=True, auth=None)
            self._reached = True
        except httpx2.ConnectError as error:
            if self._reached:
                raise RetryableError("connection", f"{target.host}: {error}") from None
            # no host was ever reached, so waiting would hardly help
            raise WebError("unreachable", f"{target.host} cannot be reached ({error}); check the network") from None
        except httpx2.TimeoutException:
            raise RetryableError("timeout", f"{target.host} does not answer") from None
        except httpx2.RequestError as error:
            raise RetryableError("connection", f"{target.host}: {error or type(error).__name__}") from None
        except RuntimeError:  # the client says so if it was closed in the meantime
            self._check()
            raise
        if not sent:
            raise RuntimeError("this version of httpx2 does not report when it sends, so no pace can be kept")
        return Reply(response, limiter, sent[-1], sent[-1] + self._total)
