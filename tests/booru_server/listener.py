"""Sockets: one HTTP server a host, and the ways in which a reply is sent."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from .exchange import Reply, Request
from .log import Log, Record

Respond = Callable[[Request, Record], Reply]


class Listener(ThreadingHTTPServer):
    """Serves one port of the loopback in threads of its own.

    Parameters
    ----------
    port : 0 for any free one
    handler : class that answers
    host : name of the host in requests and in the log
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, handler: type[BaseHTTPRequestHandler], host: str) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self.host = host
        self.stopping = threading.Event()
        self._connections: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def address(self) -> str:
        """Base address, without a final slash."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """End to serve: wake sleeping replies, close every connection."""
        self.stopping.set()
        self.shutdown()
        self._thread.join()
        for connection in list(self._connections):
            _hang_up(connection)
        self.server_close()

    def server_bind(self) -> None:
        """Bind without asking a name server for this machine's name, as the library would."""
        socketserver.TCPServer.server_bind(self)

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """Accept a connection and remember it."""
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: socket.socket) -> None:
        """Close a connection and forget it."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: socket.socket, client_address: tuple[str, int]) -> None:
        """Clients are killed in tests: a broken connection is no news, anything else is printed."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def site_handler(log: Log, respond: Respond) -> type[BaseHTTPRequestHandler]:
    """A handler class that notes every request in the log and sends what ``respond`` returns."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_any(self) -> None:
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            length = int(headers.get("content-length", "0"))
            self.rfile.read(length)
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            record = log.open(self.server.host, self.command, parts.path, query, headers)
            request = Request(self.server.host, self.command, parts.path, query, headers, length)
            try:
                send(self, respond(request, record), record)
            except ConnectionError:  # the client is gone
                self.close_connection = True
            finally:
                record.ended = time.time()

        do_GET = do_HEAD = do_POST = handle_any

        def log_message(self, *arguments: object) -> None:
            pass

    return Handler


def send(handler: BaseHTTPRequestHandler, reply: Reply, record: Record) -> None:
    """Send one reply in its way, and note status and bytes."""
    wait = handler.server.stopping.wait
    stopped = bool(reply.delay) and wait(reply.delay)
    if stopped or reply.send == "close":
        handler.close_connection = True
        _hang_up(handler.connection)
        return
    record.status = reply.status
    chunked = reply.send == "truncate_chunked"
    handler.send_response(reply.status)
    for name, value in reply.headers.items():
        handler.send_header(name, value)
    if chunked:
        handler.send_header("Transfer-Encoding", "chunked")
    elif reply.status != 304:
        handler.send_header("Content-Length", str(len(reply.body) if reply.declared is None else reply.declared))
    handler.end_headers()
    if handler.command == "HEAD" or reply.status == 304:
        return
    half = len(reply.body) // 2
    body = reply.body[:half] if reply.send.startswith("truncate") else reply.body
    for start in range(0, len(body), reply.chunk):
        piece = body[start : start + reply.chunk]
        record.bytes += len(piece)  # before it is sent: the client may look at the log as soon as it has it all
        if reply.send == "stall" and start <= half < start + reply.chunk:
            handler.wfile.write(piece[: half - start])
            wait(reply.pause)
            piece = piece[half - start :]
        handler.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        if reply.send == "drip" and wait(reply.pause):
            break
    whole = len(body) == len(reply.body) and reply.declared in (None, len(body))
    if not whole or chunked or handler.server.stopping.is_set():
        handler.close_connection = True
        _hang_up(handler.connection)


def _hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side was faster
        connection.shutdown(socket.SHUT_RDWR)
