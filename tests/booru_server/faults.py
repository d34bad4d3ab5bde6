"""The fault plan: which requests go wrong, and how; the same ones in every run."""

from __future__ import annotations

import hashlib
import inspect
import re
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .actions import ON_REPLY, ON_REQUEST
from .exchange import Reply, Request


@dataclass(frozen=True)
class Rule:
    """One entry of the plan; all conditions must hold. Make it with :func:`rule`."""

    action: str  # a function of actions.py
    host: str = ""  # "api", "cdn", or "" for both
    path: str = ""  # regular expression, searched in "path?query"
    method: str = ""
    nth: int | None = None  # only the n-th request that the conditions above fit, from 1
    after: int = 0  # spares so many of those requests
    times: int | None = None  # strikes each target (host, path and query) at most so often, so that a retry works
    total: int | None = None  # strikes so often over all targets
    probability: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)  # of the action

    def fits(self, request: Request) -> bool:
        """Whether host, method and path are those of a request."""
        host_fits = self.host in ("", request.host) and self.method in ("", request.method)
        return host_fits and re.search(self.path, request.target.partition(" ")[2]) is not None


def rule(action: str, **settings: Any) -> Rule:
    """Make a rule; settings are fields of :class:`Rule` or options of the action.

    Raises
    ------
    ValueError
        If the action, or one of the settings, is unknown.
    """
    actions = ON_REPLY | ON_REQUEST
    if action not in actions:
        raise ValueError(f"action {action!r} is unknown; use one of {', '.join(sorted(actions))}")
    own = {name: settings.pop(name) for name in list(settings) if name in Rule.__dataclass_fields__}
    known = list(inspect.signature(actions[action]).parameters)[1:]  # after the exchange itself
    known = [name for name in known if name != "request"]
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise ValueError(f"{action} has no option {', '.join(unknown)}; it has {', '.join(known) or 'none'}")
    return Rule(action, **{"options": settings} | own)


class Plan:
    """Rules with the counts of what has happened.

    Whether a rule with a probability strikes depends on the seed, the target and how often that target has been
    asked for: neither on time nor on the order in which several workers ask.
    """

    def __init__(self, rules: Iterable[Rule] = (), seed: int = 0) -> None:
        self.rules, self.seed = tuple(rules), seed
        self._lock = threading.Lock()
        self._hits: Counter[str] = Counter()
        self._seen: Counter[int] = Counter()
        self._struck: Counter[tuple[int, str]] = Counter()

    def strike(self, request: Request) -> Rule | None:
        """Count a request, and name the first rule that strikes it."""
        chosen = None
        with self._lock:
            self._hits[request.target] += 1
            for number, candidate in enumerate(self.rules):
                if not candidate.fits(request):
                    continue
                self._seen[number] += 1
                if chosen is None and self._strikes(number, candidate, request.target):
                    chosen = candidate
                    self._struck[number, request.target] += 1
                    self._struck[number, ""] += 1
        return chosen

    def _strikes(self, number: int, candidate: Rule, target: str) -> bool:
        seen = self._seen[number]
        if seen <= candidate.after or (candidate.nth is not None and seen != candidate.nth):
            return False
        if candidate.times is not None and self._struck[number, target] >= candidate.times:
            return False
        if candidate.total is not None and self._struck[number, ""] >= candidate.total:
            return False
        name = f"{self.seed}/{number}/{target}/{self._hits[target]}"
        draw = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
        return draw < candidate.probability


def before(struck: Rule | None, request: Request) -> Request:
    """The request as the site then sees it."""
    if struck is None or struck.action not in ON_REQUEST:
        return request
    return ON_REQUEST[struck.action](request, **struck.options)


def after(struck: Rule | None, reply: Reply, request: Request) -> Reply:
    """The reply as the client then gets it."""
    if struck is None or struck.action not in ON_REPLY:
        return reply
    action = ON_REPLY[struck.action]
    asks = {"request": request} if "request" in inspect.signature(action).parameters else {}
    return action(reply, **asks, **struck.options)
