"""From the name of a source to a site that can be asked, politely."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from i2v_lib.collect.booru.danbooru import SAFE_HOST, Danbooru
from i2v_lib.collect.booru.identity import CONTACT, USER
from i2v_lib.collect.booru.safebooru import Safebooru
from i2v_lib.collect.booru.web import API_CEILING, FILE_CEILING, Web, credentials, user_agent, user_number
from i2v_lib.data.sidecars import read_tag_types

SITES = {"danbooru": Danbooru, "safebooru": Safebooru}
HOMES = {"danbooru": "https://danbooru.donmai.us", "safebooru": "https://safebooru.org"}
FILE_HOSTS = {"danbooru": ("cdn.donmai.us",), "safebooru": ()}  # those that give out nothing else
LOOPBACK = ("127.0.0.1", "localhost")
PROJECT = "https://example.org/i2v-lib"  # stands for the page of whoever runs this, where none is needed
NOTICE = """\
Ratings q (questionable) and e (explicit) are for adults. The sites' terms forbid their use to anyone under 18, and
in many places it is against the law to possess or to show some of these pictures. Go on only if you are of age, and
if it is lawful where you are. Pictures that sexualize minors are never fetched, whatever is asked for.
Type yes to go on: """


@contextmanager
def connect(
    source: str,
    *,
    query: str = "",
    ratings: Sequence[str] = ("g",),
    per_second: float = 1.0,
    api_per_second: float = 1.0,
    base_url: str | None = None,
    tag_types: str | Path | None = None,
    ask_types: bool = True,
    environ: Mapping[str, str],
) -> Iterator[Danbooru | Safebooru]:
    """Open a site, and close its connections in the end.

    Parameters
    ----------
    source : "danbooru" or "safebooru" (safebooru.org)
    query : what to look for
    ratings : letters; for g alone Danbooru's host for general posts is asked
    per_second : files a second, at most 4; at safebooru.org, where files and rows share a host, at most 1
    api_per_second : other requests a second, at most 1
    base_url : a mirror of your own. One on this machine may use plain http, any rate, and other ports for files.
    tag_types : file with the category of tags, for Safebooru; see :func:`i2v_lib.data.sidecars.read_tag_types`
    ask_types : whether Safebooru may be asked for the categories of tags that the file does not tell
    environ : where contact, and login, key and number of a Danbooru account are looked up; see
        :mod:`i2v_lib.collect.booru.identity`

    Raises
    ------
    ValueError
        If an argument is wrong, or only one of login and key is there.
    """
    if source not in SITES:
        raise ValueError(f"source={source!r} is unknown; use one of {', '.join(SITES)}")
    if tag_types is not None and source != "safebooru":
        raise ValueError(f"tag_types={str(tag_types)!r}: the rows of {source} tell categories; leave it out")
    home = f"https://{SAFE_HOST}" if source == "danbooru" and set(ratings) == {"g"} else HOMES[source]
    parts = urlsplit(base_url or home)
    loopback = parts.hostname in LOOPBACK
    if not parts.hostname or parts.scheme != "https" and not (loopback and parts.scheme == "http"):
        raise ValueError(f"base_url={base_url!r}: give an https address, or http on 127.0.0.1")
    ceilings = {"per_second": (per_second, FILE_CEILING), "api_per_second": (api_per_second, API_CEILING)}
    for name, (rate, ceiling) in ceilings.items():
        if not 0 < rate <= (float("inf") if loopback else ceiling):
            raise ValueError(f"{name}={rate}: give more than 0 and at most {ceiling:g} requests a second")
    hosts = {} if loopback else dict.fromkeys(SITES[source].default_hosts(), api_per_second)
    hosts |= {parts.netloc: api_per_second} | dict.fromkeys(() if loopback else FILE_HOSTS[source], per_second)
    number = user_number(environ)
    if not (loopback or number or environ.get(CONTACT)):
        raise ValueError(
            f"set {CONTACT} to a web page of yours, or {USER} to your account's number: the sites want to know who "
            "asks, and block programs that nobody answers for"
        )
    contact = environ.get(CONTACT) or PROJECT
    if not re.fullmatch(r"https?://\S+", contact):
        raise ValueError(f"{CONTACT}={contact!r} is no address of a web page; set it to one that begins with https://")
    auth = credentials(environ) if source == "danbooru" and (base_url is None or loopback) else None
    with Web(
        user_agent=user_agent(None, number, contact),
        hosts=hosts,
        file_hosts=() if loopback else FILE_HOSTS[source],
        file_ports=per_second if loopback else None,
        auth=auth,
        auth_host=parts.netloc if auth else "",
        loopback=loopback,
    ) as web:
        address = f"{parts.scheme}://{parts.netloc}"
        if source == "danbooru":
            yield Danbooru(web, address, query, ratings)
        else:
            types = read_tag_types(tag_types) if tag_types else None
            yield Safebooru(web, address, query, types, ask_types=ask_types)


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
        raise ValueError(f"ratings={tuple(ratings)}: q and e need a confirmation; give confirm=input and answer it")
    try:
        answer = confirm(NOTICE)
    except EOFError:  # nobody sits there
        answer = ""
    if answer.strip() != "yes":
        raise ValueError(f"ratings={tuple(ratings)}: not confirmed; leave out q and e")
