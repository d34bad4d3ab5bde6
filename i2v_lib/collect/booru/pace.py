"""Which hosts may be asked, and how often. The pace of a host is one, however many threads ask it."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

import httpx2

from i2v_lib.collect.booru.replies import WebError

API_CEILING = 1.0  # requests a second; no argument raises it
FILE_CEILING = 4.0  # the same for hosts that give out files
MARGIN = 1.02  # of an interval: networks deliver unevenly, and the site counts when requests arrive
SLOWEST = 60.0  # seconds between requests, however often the rate was halved
LONGEST_PAUSE = 3600.0  # seconds
LONGEST_URL = 8000  # characters; servers refuse longer request lines
_NAME = re.compile(r"(\*\.)?([a-z0-9-]+\.)+[a-z][a-z0-9-]+")
_LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\]):[0-9]+")


class Limiter:
    """Spaces the requests to one host, and holds all of them back while it wants a pause.

    Parameters
    ----------
    per_second : requests a second at most, in every second
    pause : seconds to wait after a refusal that names no time; doubles with each refusal in a row
    changed : a condition shared with what ends the run, so that waits end with it
    """

    def __init__(self, per_second: float, pause: float, changed: threading.Condition) -> None:
        self.interval, self.pause_length = MARGIN / per_second, pause
        self._changed = changed
        self._next = self._resume = 0.0  # monotonic seconds: the next slot, the end of the pause
        self._refused_at, self._refusals = 0.0, 0

    def rest(self, check: Callable[[], None]) -> None:
        """Wait until no pause is on. ``check`` is called after each wake-up, and may raise to give up."""
        with self._changed:
            self._wait(lambda: self._resume, check)

    def claim(self, check: Callable[[], None]) -> float:
        """Wait for the next slot and take it; return the moment, in monotonic seconds."""
        with self._changed:
            self._wait(lambda: max(self._next, self._resume), check)
            now = time.monotonic()
            self._next = now + self.interval
            return now

    def pause(self, seconds: float) -> None:
        """Let no request go to the host for so long."""
        with self._changed:
            self._resume = max(self._resume, time.monotonic() + seconds)

    def refused(self, seconds: float | None, sent: float) -> None:
        """Pause after a refusal, and halve the rate for good.

        Requests that were under way together are refused together; they count as one.

        Parameters
        ----------
        seconds : the pause the host asks for; None: our own
        sent : when the refused request was sent, in monotonic seconds
        """
        with self._changed:
            if sent >= self._refused_at:
                self._refused_at = time.monotonic()
                self._refusals += 1
                self.interval = max(self.interval, min(2 * self.interval, SLOWEST))
            own = min(self.pause_length * 2 ** (self._refusals - 1), LONGEST_PAUSE)
            self.pause(own if seconds is None else seconds)

    def accepted(self, sent: float) -> None:
        """Note that the host answers again: the next pause does not double the last one."""
        with self._changed:
            if sent >= self._refused_at:
                self._refusals = 0

    def _wait(self, due: Callable[[], float], check: Callable[[], None]) -> None:
        while True:
            check()
            delay = due() - time.monotonic()
            if delay <= 0:
                return
            self._changed.wait(delay)


class Hosts:
    """The hosts that may be asked, each with its limiter; all others are refused.

    Parameters
    ----------
    rates : a host's name, or ``*.domain`` for all others below it, to its requests a second. Names that one
        pattern stands for share one pace.
    file_hosts : those of ``rates`` that give out files; only downloads go there, and faster than questions may
    loopback : True: the names are ``127.0.0.1:port`` and the like, without TLS and without a ceiling
    file_ports : on loopback, downloads a second from any other port of this machine that an address names; None:
        there is none. A redirect leads only to ports that an address has named before.
    pause, changed : see :class:`Limiter`

    Raises
    ------
    ValueError
        If a rate is above the ceiling, or a name is none that may be asked.
    """

    def __init__(
        self,
        rates: Mapping[str, float],
        *,
        file_hosts: Collection[str],
        loopback: bool,
        pause: float,
        changed: threading.Condition,
        file_ports: float | None = None,
    ) -> None:
        if isinstance(file_hosts, str) or not set(file_hosts) <= set(rates):
            raise ValueError(f"file_hosts={file_hosts!r}: must be some of hosts, {', '.join(rates)}")
        for name, rate in rates.items():
            if not (_LOOPBACK if loopback else _NAME).fullmatch(name):
                wanted = "127.0.0.1:port, on loopback" if loopback else "a public name in lower case, without a port"
                raise ValueError(f"hosts: {name!r} cannot be asked; use {wanted}")
            ceiling = float("inf") if loopback else FILE_CEILING if name in file_hosts else API_CEILING
            if not 0 < rate <= ceiling:
                raise ValueError(f"hosts: {rate} requests a second to {name}; use more than 0, at most {ceiling:g}")
        self.scheme, self._file_hosts = "http" if loopback else "https", set(file_hosts)
        self._limiters = {name: Limiter(rate, pause, changed) for name, rate in rates.items()}
        self._file_ports, self._pause, self._changed = file_ports if loopback else None, pause, changed
        self._ports: dict[str, Limiter] = {}  # of those further ports, for downloads only

    def find(self, url: httpx2.URL, *, files: bool, reason: str = "address") -> Limiter:
        """Give the limiter of an address that may be asked.

        Names are matched as text, so no address in numbers passes unless it is listed. What a listed name
        resolves to needs no check: without the name's certificate a machine inside our network gets no request.

        Raises
        ------
        WebError
            With ``reason``, if the scheme, the host or the port is another, or the address holds a password or
            a key, which would end up in logs.
        """
        place = url.netloc.decode("ascii", "replace")  # with the port, unless it is the scheme's own
        limiters = self._limiters
        if files and self._file_ports:
            with self._changed:
                if reason == "address" and _LOOPBACK.fullmatch(place):
                    self._ports.setdefault(place, Limiter(self._file_ports, self._pause, self._changed))
                limiters = self._ports | self._limiters
        wildcard = next((name for name in limiters if name[0] == "*" and place.endswith(name[1:])), None)
        name = place if place in limiters else wildcard
        if url.scheme != self.scheme or url.userinfo or name is None:
            raise WebError(reason, f"{_short(url)} is not to be asked; allowed: {self.scheme} and {self._names()}")
        if {"api_key", "login"} & set(url.params):
            raise WebError(reason, f"{_short(url)} holds login or api_key; give them to Web as auth")
        if name in self._file_hosts and not files:
            raise WebError(reason, f"{_short(url)} gives out files only")
        return limiters[name]

    def __contains__(self, name: str) -> bool:
        return name in self._limiters

    def _names(self) -> str:
        return ", ".join(self._limiters)


def parse_url(text: str, reason: str = "address", base: httpx2.URL | None = None) -> httpx2.URL:
    """Read an address, relative to ``base`` if there is one.

    Raises
    ------
    WebError
        With ``reason``, if it is none.
    """
    try:
        url = base.join(text) if base else httpx2.URL(text)
        if len(str(url)) > LONGEST_URL:
            raise ValueError(f"{len(str(url)):,} characters")
    except (httpx2.InvalidURL, TypeError, ValueError) as error:
        raise WebError(reason, f"{_short(text)} is not an address: {error}") from None
    return url


def retry_after(text: str | None, now: float | None = None) -> float | None:
    """Seconds to wait by a Retry-After header, which holds seconds or a date; None where it says nothing.

    Parameters
    ----------
    text : the header's value
    now : the time to which a date refers, in seconds since 1970; None: this machine's
    """
    try:
        seconds = float(text) if (text or "").strip().isdecimal() else _seconds_until(text or "", now)
    except (ValueError, TypeError, OverflowError):
        return None
    return seconds if seconds > 0 else None


def _seconds_until(text: str, now: float | None) -> float:
    date = parsedate_to_datetime(text)
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return date.timestamp() - (time.time() if now is None else now)


def _short(url: object) -> str:
    text = str(url)
    return ascii(text if len(text) <= 200 else text[:200] + "…")
