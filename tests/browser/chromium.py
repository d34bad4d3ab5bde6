"""The browser: where it is found, how it is started, and what a page must not do."""

import os
import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = (
    "no Chromium found: install one (Debian and Ubuntu: apt-get install chromium), or name one in the environment "
    "variable I2V_CHROMIUM"
)
OPTIONS = (
    "--disable-dev-shm-usage",  # containers often have little shared memory
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # even a forgotten address leads nowhere
    "--force-color-profile=srgb",  # screenshots look alike everywhere
)
HERE = "127.0.0.1"

# What the front ends themselves do, and why it is no fault of ours.
ALLOWED = {
    r"cdn\.jsdelivr\.net/npm/@fortawesome/": "Voila's template asks for an icon font; without it buttons have no icons",
    r"reading 'schema'.*/notebook_core\.": "Notebook 7 starts with its settings in the wrong order, with any notebook",
    r"RUNTIME-012.*@jupyter-notebook/lab-extension": "Voila loads Notebook's extension, and cannot use it",
}


def find_chromium(environment=os.environ):
    """Path of the browser, or None.

    Raises
    ------
    FileNotFoundError
        If ``I2V_CHROMIUM`` names no file: whoever sets it does not want another browser.
    """
    named = environment.get("I2V_CHROMIUM")
    if named:
        if not Path(named).is_file():
            raise FileNotFoundError(f"I2V_CHROMIUM={named!r} is no file; name a Chromium or Chrome, or unset it")
        return Path(named)
    found = filter(None, (shutil.which(name, path=environment.get("PATH")) for name in NAMES))
    return next(map(Path, found), None)


def launch(playwright, path):
    """A browser without a window. Chromium's sandbox does not work for root."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    options = [*OPTIONS, *(["--no-sandbox"] if root else [])]
    return playwright.chromium.launch(executable_path=str(path), args=options)


class Watch:
    """Notes what a page does wrong.

    Attributes
    ----------
    faults : list of str; a test that provokes one takes it out
    """

    def __init__(self):
        self.faults = []

    def follow(self, page):
        """Note the page's errors, and its requests to other hosts."""
        page.on("pageerror", lambda error: self._note(f"page error: {error.stack or error}"))
        page.on("crash", lambda _: self.faults.append("the page crashed"))
        page.on("console", self._console)
        page.on("request", lambda request: self._request(request.url))
        page.on("websocket", lambda socket: self._request(socket.url))

    def take(self, pattern):
        """Take out the faults that match, and return them."""
        taken = [fault for fault in self.faults if re.search(pattern, fault)]
        self.faults = [fault for fault in self.faults if fault not in taken]
        return taken

    def _console(self, message):
        if message.type == "error":
            self._note(f"console: {message.text} ({(message.location or {}).get('url', '')})")

    def _request(self, url):
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob", "about") and parts.hostname != HERE:
            self._note(f"request to another host: {url}")

    def _note(self, fault):
        if not any(re.search(known, fault, re.DOTALL) for known in ALLOWED):
            self.faults.append(fault)
