"""Who we are to a site: the user agent, the account from the environment, and keeping its key to ourselves."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from importlib.metadata import version as installed_version
from urllib.parse import quote

LOGIN, KEY, USER = "I2V_DANBOORU_LOGIN", "I2V_DANBOORU_API_KEY", "I2V_DANBOORU_USER"
CONTACT = "I2V_CONTACT"  # a web page of the person who runs this
BROWSERS = re.compile(r"mozilla|applewebkit|chrom|safari|gecko|opera|firefox|msie|trident|edg[ae]?/", re.IGNORECASE)
_AGENT = re.compile(r"[A-Za-z][\w.-]*/[\w.+!-]+ \((user #[0-9]+; )?\+https?://[\x21-\x27\x2a-\x7e]+\)", re.ASCII)
_SECRETS = (
    (re.compile(r"\b(api_key|login|password_hash)(=|%3D)[^&\s\"'<>]*", re.IGNORECASE), r"\1\2***"),
    (re.compile(r"\b(authorization\W{1,4})(basic|bearer)\s+[\w+/=.~-]+", re.IGNORECASE), r"\1\2 ***"),
    (re.compile(r"(?<=://)[^/@\s]*@"), "***@"),
)


def user_agent(version: str | None, user_id: str | int | None, url: str) -> str:
    """Name the program and whom to write to, as the sites ask; never a browser's name.

    Parameters
    ----------
    version : of this program; None: the installed one
    user_id : number of the user's account at the site; None or "" leaves it out
    url : the project's page

    Returns
    -------
    such as ``i2v-lib/0.2.0 (user #42; +https://example.org/i2v)``

    Raises
    ------
    ValueError
        If a part cannot stand in a user agent.
    """
    number = "" if user_id in (None, "") else f"user #{user_id}; "
    return checked_user_agent(f"i2v-lib/{version or installed_version('i2v-lib')} ({number}+{url})")


def checked_user_agent(text: str) -> str:
    """Return a user agent that says who asks.

    Raises
    ------
    ValueError
        If it has another form than :func:`user_agent` gives it, or looks like a browser's.
    """
    if not _AGENT.fullmatch(text) or BROWSERS.search(text):
        raise ValueError(
            f"user_agent={text!r}: sites block what looks like a browser or says nothing; "
            "use name/version (user #number; +https://project), the number being optional"
        )
    return text


def user_number(environ: Mapping[str, str]) -> str | None:
    """The user's account number from I2V_DANBOORU_USER, None without one.

    Raises
    ------
    ValueError
        If it is not a number.
    """
    number = environ.get(USER, "").strip().removeprefix("#")
    if number and not re.fullmatch("[0-9]+", number):
        raise ValueError(f"{USER}={number!r} is not a number; set it to the one in your profile's address, or unset it")
    return number or None


def credentials(environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Login and API key from the environment, which is the only place they are read from; None without any.

    Raises
    ------
    ValueError
        If just one of the two is set.
    """
    login, key = environ.get(LOGIN, "").strip(), environ.get(KEY, "").strip()
    if bool(login) != bool(key):
        there, missing = (LOGIN, KEY) if login else (KEY, LOGIN)
        raise ValueError(f"{there} is set and {missing} is not; set both, or neither to ask without an account")
    return (login, key) if key else None


def basic(auth: tuple[str, str]) -> str:
    """Value of the Authorization header, as HTTP Basic has it."""
    return "Basic " + b64encode(":".join(auth).encode()).decode()


def redact(text: object, auth: tuple[str, str] | None = None) -> str:
    """Take login and key out of a text, whether they stand in an address, in a header or, if given, alone."""
    text = str(text)
    for pattern, cover in _SECRETS:
        text = pattern.sub(cover, text)
    if auth:
        for secret in (basic(auth).removeprefix("Basic "), auth[1], quote(auth[1], safe="")):
            text = text.replace(secret, "***")
    return text
