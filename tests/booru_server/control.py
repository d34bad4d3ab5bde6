"""The third port: a plan, changes and the log for tests that run the server in another process."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

from .faults import rule
from .log import as_rows

if TYPE_CHECKING:
    from .server import BooruServer


def control_handler(site: BooruServer) -> type[BaseHTTPRequestHandler]:
    """A handler class that works on a server.

    ``POST /_plan`` takes a list of rules, each an object of an action and its settings, and replaces the plan.
    ``POST /_change`` takes ``{"name": …, "arguments": […], "after": n, "host": …}``; ``after`` 0 is at once.
    ``POST /_reset`` forgets log, plan and schedule. ``GET /_log`` and ``GET /_truth?ratings=g,s`` give lists.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            if path == "/_log":
                self.reply(as_rows(site.log))
            elif path == "/_truth":
                ratings = query.removeprefix("ratings=").split(",") if query else ("g",)
                self.reply([entry.__dict__ for entry in site.truth(ratings)])
            else:
                self.reply({"error": f"{path}: use /_log or /_truth"}, 404)

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                self.reply(self.work(json.loads(text or b"null")))
            except (ValueError, KeyError, TypeError) as error:
                self.reply({"error": f"{type(error).__name__}: {error}"}, 400)

        def work(self, content: Any) -> Any:
            if self.path == "/_plan":
                site.plan(*(rule(**entry) for entry in content))
            elif self.path == "/_reset":
                site.reset()
            elif self.path == "/_change":
                arguments = content.get("arguments", [])
                if content.get("after"):
                    return site.schedule(content["after"], content["name"], *arguments, host=content.get("host", ""))
                return site.change(content["name"], *arguments)
            else:
                raise ValueError(f"{self.path}: use /_plan, /_reset or /_change")
            return "done"

        def reply(self, content: Any, status: int = 200) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    return Handler
