"""What every site can be asked, and how the name of a source becomes a site that is asked politely."""

from __future__ import annotations

import importlib
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from i2v_lib.collect.booru.identity import CONTACT, USER
from i2v_lib.collect.booru.posts import Page, Post
from i2v_lib.collect.booru.web import API_CEILING, FILE_CEILING, Web, credentials, user_agent, user_number
from i2v_lib.config import SOURCES
from i2v_lib.data.sidecars import read_tag_types
from i2v_lib.system.errors import ArgumentError

LOOPBACK = ("127.0.0.1", "localhost")
PROJECT = "https://example.org/i2v-lib"  # stands for the page of the person who runs this, where none is needed
NOTICE = """\
Ratings q (questionable) and e (explicit) are for adults. The sites' terms forbid their use to anyone under 18, and
in many places it is against the law to possess or to show some of these pictures. Continue only if you are of age, and
if it is lawful where you are. Pictures that sexualize minors are never fetched, whatever is asked for.
Type yes to continue: """


class Site(ABC):
    """A booru that can be asked for posts, newest first. Every request goes through ``web``, which keeps the pace.

    A site of another protocol is a subclass in a file of its own, and a line in :data:`i2v_lib.config.SOURCES`.

    Parameters
    ----------
    web : where requests go
    base : the site's address; None: its home
    query : what the user looks for, as on the site
    ratings : letters that may come back, of g, s, q and e; the policy looks at each row again
    categories : of tags, by name, for a site whose rows do not give them
    ask_types : whether the site is asked for the categories that are not given

    Attributes
    ----------
    query : the whole query as it is sent

    Raises
    ------
    ValueError
        If the query sets what the walk or the policy decides.
    """

    name: ClassVar[str]  # of the source, and of its posts' site
    home: ClassVar[str]  # address
    hosts: ClassVar[tuple[str, ...]]  # that may be asked
    file_hosts: ClassVar[tuple[str, ...]] = ()  # of these, those that give out nothing but files
    post_page: ClassVar[str]  # address of a post's page, with {id}
    rating_scheme: ClassVar[str] = "2022"  # what its letters mean: a key of RATING_SCHEMES
    needs_types: ClassVar[bool] = False  # whether rows give no categories of tags
    takes_account: ClassVar[bool] = False  # whether login and key of the environment are its own

    web: Web
    base: str
    query: str

    @abstractmethod
    def __init__(
        self,
        web: Web,
        base: str | None = None,
        query: str = "",
        ratings: Sequence[str] = ("g",),
        categories: Mapping[str, str] | None = None,
        *,
        ask_types: bool = True,
    ) -> None: ...

    @classmethod
    def home_for(cls, ratings: Sequence[str]) -> str:
        """Address where posts of these ratings are asked for."""
        return cls.home

    @classmethod
    def shares_host(cls) -> bool:
        """Whether rows and files come from one host, and so share one pace."""
        return not cls.file_hosts

    @abstractmethod
    def page(self, before: int | None) -> Page:
        """Fetch the next posts with an id below ``before``; None: the newest.

        Raises
        ------
        WebError
            If the reply stays unusable, or holds no id below ``before``.
        """

    @abstractmethod
    def lookup(self, ids: Sequence[int]) -> list[Post]:
        """Fetch the current state of posts, at most 200; those that are gone are missing.

        Raises
        ------
        ValueError
            If more than 200 ids are given.
        WebError
            If a row cannot be read: it must not be taken for gone.
        """

    @abstractmethod
    def check(self) -> list[str]:
        """Compare one live page with what the class was written for: one sentence per difference."""

    def count(self) -> int | None:
        """How many posts the query finds, roughly; None where the site does not say."""
        return None

    def denied_implications(self) -> frozenset[str]:
        """Tags that imply a denied one; none where the site publishes no implications."""
        return frozenset()


def site_class(source: str) -> type[Site]:
    """The class that asks a source.

    Raises
    ------
    ValueError
        If the source is unknown.
    """
    if source not in SOURCES:
        raise ValueError(f"source={source!r} is unknown; use one of {', '.join(SOURCES)}")
    module, _, name = SOURCES[source].partition(":")
    return getattr(importlib.import_module(module), name)


@dataclass(frozen=True)
class Access:
    """How a site is asked: how often, at which address, and as whom.

    Attributes
    ----------
    per_second : files per second, at most 4; where files and rows share a host, at most 1
    api_per_second : other requests per second, at most 1
    base_url : a mirror of your own. One on this machine may use plain http, any rate, and other ports for files.
    tag_types : file with the category of tags, for a site whose rows do not give them; see
        :func:`i2v_lib.data.sidecars.read_tag_types`
    ask_types : whether such a site may be asked for the categories that the file lacks
    environ : where contact, and login, key and number of an account are looked up; see
        :mod:`i2v_lib.collect.booru.identity`
    """

    per_second: float = 1.0
    api_per_second: float = 1.0
    base_url: str | None = None
    tag_types: str | Path | None = None
    ask_types: bool = True
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)  # the key is in it


@contextmanager
def connect(source: str, access: Access, *, query: str = "", ratings: Sequence[str] = ("g",)) -> Iterator[Site]:
    """Open a site, and close its connections in the end.

    Parameters
    ----------
    source : a key of :data:`i2v_lib.config.SOURCES`
    access : how it is asked
    query : what to look for
    ratings : letters; for g alone Danbooru's host for general posts is asked

    Raises
    ------
    ValueError
        If an argument is wrong, or only one of login and key is there.
    """
    kind = site_class(source)
    base_url, tag_types, environ = access.base_url, access.tag_types, access.environ
    if tag_types is not None and not kind.needs_types:
        raise ArgumentError("tag_types", str(tag_types), f"the rows of {source} give categories; leave it out")
    parts = urlsplit(base_url or kind.home_for(ratings))
    loopback = parts.hostname in LOOPBACK
    if not parts.hostname or parts.scheme != "https" and not (loopback and parts.scheme == "http"):
        raise ArgumentError("base_url", base_url, "give an https address, or http on 127.0.0.1")
    ceilings = {"per_second": FILE_CEILING, "api_per_second": API_CEILING}
    for name, ceiling in ceilings.items():
        rate = getattr(access, name)
        if not 0 < rate <= (float("inf") if loopback else ceiling):
            raise ValueError(f"{name}={rate}: give more than 0 and at most {ceiling:g} requests a second")
    hosts, file_hosts = ((), ()) if loopback else (kind.hosts, kind.file_hosts)
    paces = dict.fromkeys((*hosts, parts.netloc), access.api_per_second) | dict.fromkeys(file_hosts, access.per_second)
    number = user_number(environ)
    if not (loopback or number or environ.get(CONTACT)):
        raise ValueError(
            f"set {CONTACT} to a web page of yours, or {USER} to your account's number: the sites want to know who "
            "asks, and block programs that nobody answers for"
        )
    contact = environ.get(CONTACT) or PROJECT
    if not re.fullmatch(r"https?://\S+", contact):
        raise ValueError(
            f"{CONTACT}={contact!r} is not the address of a web page; set it to one that begins with https://"
        )
    auth = credentials(environ) if kind.takes_account and (base_url is None or loopback) else None
    with Web(
        user_agent=user_agent(None, number, contact),
        hosts=paces,
        file_hosts=file_hosts,
        file_ports=access.per_second if loopback else None,
        auth=auth,
        auth_host=parts.netloc if auth else "",
        loopback=loopback,
    ) as web:
        types = read_tag_types(tag_types) if tag_types else None
        yield kind(web, f"{parts.scheme}://{parts.netloc}", query, ratings, types, ask_types=access.ask_types)


def confirm_ratings(ratings: Sequence[str], confirm: Callable[[str], str] | None) -> None:
    """Ask for a typed "yes" where the ratings are for adults.

    Raises
    ------
    ValueError
        If there is nobody to ask, or the answer is another.
    """
    if set(ratings) <= {"g", "s"}:
        return
    if confirm is None:
        raise ArgumentError("ratings", tuple(ratings), "q and e need a confirmation; give confirm=input and answer it")
    try:
        answer = confirm(NOTICE)
    except EOFError:  # nobody sits there
        answer = ""
    if answer.strip() != "yes":
        raise ArgumentError("ratings", tuple(ratings), "not confirmed; leave out q and e")
