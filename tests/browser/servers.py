"""Servers of JupyterLab, Notebook 7 and Voila, each in a process of its own, with a home of its own."""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
START = 120  # seconds a server may take to answer
STOP = 15  # seconds it may take to end

COMMANDS = {
    "lab": (
        "jupyterlab", "--no-browser", "--ServerApp.root_dir={folder}", "--ServerApp.port={port}",
        "--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1", "--ServerApp.allow_root=True",
        "--LabApp.expose_app_in_browser=True", "--LabApp.extension_manager=readonly",
    ),
    "notebook": (
        "notebook", "--no-browser", "--ServerApp.root_dir={folder}", "--ServerApp.port={port}",
        "--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1", "--ServerApp.allow_root=True",
        "--JupyterNotebookApp.expose_app_in_browser=True",
    ),
    "voila": (
        "voila", "--no-browser", "{folder}", "--Voila.port={port}", "--Voila.port_retries=0", "--Voila.ip=127.0.0.1",
        "--token={token}", "--show_tracebacks=True",
    ),
}  # fmt: skip
# Neither asks whether news may be fetched.
SETTINGS = {"@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False}}


class Server:
    """A running server; use it with ``with``.

    Parameters
    ----------
    front : "lab", "notebook" or "voila"
    folder : holds the notebooks, and in ``home`` all that the server and its kernels write
    environment : of the kernels, beside what this process has

    Attributes
    ----------
    url : such as "http://127.0.0.1:22000"
    token : what a page's address must carry: nobody else on this machine gets a kernel
    """

    def __init__(self, front, folder, environment):
        self.front, self.folder, home = front, folder, folder.parent / "home"
        self.token = secrets.token_hex()
        own = {
            "HOME": home,
            "XDG_CACHE_HOME": home / "cache",
            "IPYTHONDIR": home / "ipython",
            "JUPYTER_CONFIG_DIR": home / "config",
            "JUPYTER_DATA_DIR": home / "data",
            "JUPYTER_RUNTIME_DIR": home / "runtime",
            "JUPYTERLAB_SETTINGS_DIR": home / "settings",
            "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
        }
        own_words = {key: str(path) for key, path in own.items()}
        self._environment = {**os.environ, **own_words, "JUPYTER_TOKEN": self.token, **environment}
        for path in (folder, *own.values()):
            path.mkdir(parents=True, exist_ok=True)
        for name, settings in SETTINGS.items():
            path = home / "settings" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(settings))
        self._log = folder.parent / f"{front}.log"

    def __enter__(self):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [word.format(folder=self.folder, port=port, token=self.token) for word in COMMANDS[self.front]]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.browser.guard", sys.executable, "-m", *command],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._process.stdin.close()  # the guard ends the server and its kernels
        self._process.wait(STOP)

    def _wait(self):
        end = time.monotonic() + START
        while self._process.poll() is None and time.monotonic() < end:
            try:
                urllib.request.urlopen(self.url + "/static/favicon.ico", timeout=5).close()
                return
            except urllib.error.HTTPError:
                return  # it answers, if only that there is no such file
            except OSError:
                time.sleep(0.1)
        log = self._log.read_text(encoding="utf-8", errors="replace")
        raise RuntimeError(f"{self.front} did not start on {self.url}:\n{log[-3000:]}")

    def end_kernels(self):
        """End all kernels, so that the next test has the memory."""
        if self.front == "voila":  # ends each when its page is left
            return
        for session in json.loads(self._ask("GET", "/api/sessions")):
            self._ask("DELETE", f"/api/sessions/{session['id']}")

    def _ask(self, method, path):
        request = urllib.request.Request(self.url + path, method=method)
        request.add_header("Authorization", f"token {self.token}")
        with urllib.request.urlopen(request, timeout=STOP) as answer:
            return answer.read()


def free_port():
    """A port below those that the system gives to others meanwhile."""
    start = 21_000 + os.getpid() % 7_000  # two test runs begin elsewhere
    for port in range(start, start + 1_000):
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise RuntimeError(f"no free port from {start} to {start + 999}")
