"""Who may enter: the user agent, the rate at the door, and the account."""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate

from .exchange import Reply, Request, SiteError, html_reply

BROWSERS = re.compile(r"^$|^Mozilla/|python-requests|python-httpx", re.IGNORECASE)
NUMBERED = re.compile(r"user #\d+")
MEMBER, GOLD, PLATINUM = 20, 30, 40  # levels of accounts
TAG_LIMITS = {MEMBER: 2, GOLD: 6, PLATINUM: 10**6}


@dataclass(frozen=True)
class Account:
    """Who asks."""

    id: int | None = None
    name: str = "Anonymous"
    key: str = ""
    level: int = MEMBER
    endpoints: tuple[str, ...] = ()  # what the key is restricted to; () is no restriction


ACCOUNTS = {
    account.name: account
    for account in (
        Account(4242, "reader", "readerkey"),
        Account(4343, "gold", "goldkey", GOLD),
        Account(4444, "narrow", "narrowkey", endpoints=("posts:index", "profile:show")),
    )
}


def refuse_agent(request: Request, strict: bool) -> Reply | None:
    """A challenge page for nameless visitors and those who claim to be a browser; None for the others.

    Parameters
    ----------
    strict : also for agents that do not say ``user #<id>``
    """
    agent = request.headers.get("user-agent", "")
    if BROWSERS.search(agent) or (strict and not NUMBERED.search(agent)):
        return challenge()
    return None


def challenge() -> Reply:
    """The page that asks for a proof of being a person."""
    return html_reply("Just a moment...", 403, **{"cf-mitigated": "challenge"})


def account_of(request: Request) -> Account:
    """Who asks, by HTTP Basic or by ``login`` and ``api_key`` in the query.

    Raises
    ------
    SiteError
        401 if one of the two is missing or they are wrong.
    """
    login, key = request.query.get("login", ""), request.query.get("api_key", "")
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            login, _, key = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise SiteError(401, "SessionLoader::AuthenticationFailure", "Invalid `Authorization` header") from None
    if not login and not key:
        return Account()
    if not login or not key:
        raise SiteError(401, "SessionLoader::AuthenticationFailure", "Missing `login` or `api_key`")
    if login not in ACCOUNTS or ACCOUNTS[login].key != key:
        raise SiteError(401, "SessionLoader::AuthenticationFailure", "Invalid API key")
    return ACCOUNTS[login]


def check_permission(account: Account, endpoint: str) -> None:
    """Refuse a key that is restricted to other endpoints, with 403."""
    if account.endpoints and endpoint not in account.endpoints:
        raise SiteError(403, "User::PrivilegeError", "Access denied")


class Bucket:
    """A token bucket: ``rate`` requests a second, ``burst`` at once; a rate of None refuses nobody."""

    def __init__(self, rate: float | None, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate, self.burst, self.clock = rate, burst, clock
        self.tokens, self.last = float(burst), clock()

    def take(self) -> bool:
        """Take one token, if there is one."""
        if self.rate is None:
            return True
        now = self.clock()
        self.tokens = min(self.burst, self.tokens + (now - self.last) * self.rate)
        self.last = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


def too_fast(kind: str | None, seconds: int) -> Reply:
    """429, with Retry-After as a number of ``seconds``, as a ``date``, or not at all."""
    headers = {}
    if kind == "seconds":
        headers["Retry-After"] = str(seconds)
    elif kind == "date":
        headers["Retry-After"] = formatdate(time.time() + seconds + 0.999, usegmt=True)
    return html_reply("429 Too Many Requests", 429, **headers)
