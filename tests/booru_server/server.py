"""The server as tests use it: three ports, a plan of faults, a log, and the truth."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Self

from .board import Board
from .cdn import Cdn
from .control import control_handler
from .danbooru import Danbooru
from .dapi import Dapi
from .exchange import Reply, Request
from .faults import Plan, Rule, after, before
from .gate import Bucket, refuse_agent, too_fast
from .listener import Listener, site_handler
from .log import Log, Record
from .posts import ROLES, Population
from .truth import Truth, truth_of


class BooruServer:
    """A booru on the loopback: ``with BooruServer(posts=60) as site: … site.api … site.log …``.

    Parameters
    ----------
    posts : how many there are at first
    seed : of pictures, posts and faults
    size : pixels, the side of a drawing before it is cropped
    drawings : how many drawings are made; None: one a post. Fewer start faster, see :func:`.pictures.draw_many`
    faults : rules made with :func:`.faults.rule`
    roles : which special posts there are, see :data:`.posts.ROLES`; () for ordinary posts only
    corrupt : add the damaged files of :mod:`.damaged` as newest posts
    strict_agent : refuse agents that do not say ``user #<id>``
    rate, burst : of the API's token bucket, in requests a second and requests; rate None refuses nobody
    retry_after, retry_seconds : whether a 429 of that bucket names ``"seconds"`` or a ``"date"``, and how long
    safe_mode : be the safe host
    careless : ignore ``rating:`` and ``status:`` in searches, so that the client's own checks must hold
    counts : "exact", or "null" for counts that timed out
    wrapped : safebooru.org's list as ``{"post": […]}``
    port : of the API; the file host has the next one, control the one after. 0: any free ones

    Attributes
    ----------
    api, cdn, control : base addresses, without a final slash; safebooru.org's is ``api`` too (``/index.php``)
    board : the site's records
    """

    def __init__(
        self,
        posts: int = 60,
        seed: int = 0,
        size: int = 96,
        drawings: int | None = None,
        faults: Iterable[Rule] = (),
        *,
        roles: Sequence[str] = ROLES,
        corrupt: bool = False,
        strict_agent: bool = False,
        rate: float | None = 10,
        burst: int = 50,
        retry_after: str | None = None,
        retry_seconds: int = 1,
        safe_mode: bool = False,
        careless: bool = False,
        counts: str = "exact",
        wrapped: bool = False,
        port: int = 0,
    ) -> None:
        for name, value, allowed in (
            ("retry_after", retry_after, (None, "seconds", "date")),
            ("counts", counts, ("exact", "null")),
        ):
            if value not in allowed:
                raise ValueError(f"{name}={value!r}: use one of {allowed}")
        self.board = Board(Population(seed, size, drawings, roles), posts, corrupt)
        self._seed, self._strict_agent = seed, strict_agent
        self._bucket, self._retry = Bucket(rate, burst), (retry_after, retry_seconds)
        self._records = Log()
        self._plan = Plan(faults, seed)
        self._changes: list[tuple[int, str, str, tuple]] = []
        self._arrived: Counter[str] = Counter()
        self._lock = threading.Lock()
        handler = site_handler(self._records, self._respond)
        self._api = Listener(port, handler, "api")
        self._cdn = Listener(port and port + 1, handler, "cdn")
        self._control = Listener(port and port + 2, control_handler(self), "control")
        self.api, self.cdn, self.control = self._api.address, self._cdn.address, self._control.address
        self._danbooru = Danbooru(self.board, self.cdn, safe_mode, careless, counts)
        self._dapi = Dapi(self.board, self.cdn, wrapped, careless)
        self._files = Cdn(self.board)

    def start(self) -> Self:
        """Begin to serve."""
        for listener in (self._api, self._cdn, self._control):
            listener.start()
        return self

    def stop(self) -> None:
        """Stop serving and close every connection."""
        for listener in (self._api, self._cdn, self._control):
            listener.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def log(self) -> list[Record]:
        """Every request to API and file host so far, in order of arrival."""
        return self._records.records()

    def plan(self, *rules: Rule) -> None:
        """Replace the fault plan; its counts begin anew."""
        self._plan = Plan(rules, self._seed)

    def change(self, name: str, *arguments: Any) -> Any:
        """Change the site now: see :meth:`.board.Board.change` for what can change."""
        return self.board.change(name, *arguments)

    def schedule(self, after: int, name: str, *arguments: Any, host: str = "") -> None:
        """Change the site when the next but ``after`` request arrives, before it is answered.

        Parameters
        ----------
        after : so many requests from now on see the site as it is
        host : count only requests to "api" or "cdn"; "" counts both
        """
        with self._lock:
            self._changes.append((self._arrived[host] + after, host, name, arguments))

    def reset(self) -> None:
        """Forget log, fault plan and schedule, fill the bucket; posts stay as they are."""
        with self._lock:
            self._changes.clear()
            self._arrived.clear()
        self._records.clear()
        self._bucket = Bucket(self._bucket.rate, self._bucket.burst)
        self.plan()

    def truth(
        self,
        ratings: Collection[str] = ("g",),
        minimum_side: int = 32,
        maximum_aspect: float = 4.0,
        dapi: bool = False,
    ) -> list[Truth]:
        """What a right client does with each post that is there now, newest first."""
        with self.board.lock:
            return [
                truth_of(self.board, post, ratings, minimum_side, maximum_aspect, dapi)
                for post in self.board.newest_first()
            ]

    def _respond(self, request: Request, record: Record) -> Reply:
        with self.board.lock:
            self._change_if_due(request.host)
            struck = self._plan.strike(request)
            record.fault = struck.action if struck else ""
            self._note_post(request, record)
            return after(struck, self._answer(before(struck, request)), request)

    def _answer(self, request: Request) -> Reply:
        refusal = refuse_agent(request, self._strict_agent)
        if refusal is not None:
            return refusal
        if request.host == "cdn":
            return self._files.answer(request)
        if not self._bucket.take():
            return too_fast(*self._retry)
        if request.path == "/index.php":
            return self._dapi.answer(request)
        return self._danbooru.answer(request)

    def _change_if_due(self, host: str) -> None:
        with self._lock:
            self._arrived[host] += 1
            self._arrived[""] += 1
            due = [entry for entry in self._changes if self._arrived[entry[1]] > entry[0]]
            self._changes = [entry for entry in self._changes if entry not in due]
        for _, _, name, arguments in due:
            self.board.change(name, *arguments)

    def _note_post(self, request: Request, record: Record) -> None:
        located = self._files.locate(request.path) if request.host == "cdn" else None
        if located is None:
            return
        post, record.kind, _ = located
        record.post_id, record.rating, record.removed = post.id, post.rating, post.removed
        record.denied = self.board.denied(post)
        record.hidden = bool(post.flags & {"banned", "restricted"})
        record.deleted = "deleted" in post.flags
        record.doubtful = bool(post.flags & {"pending", "flagged"})
        record.moving = post.file.moving or post.file.ext == "gif"
