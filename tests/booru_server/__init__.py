"""An honest test server: a booru on the loopback that speaks the protocols of Danbooru and of safebooru.org.

It is our reading of the sites' public source and of recorded replies; the live sites were never asked. It knows
nothing of the client and takes from the kit only the drawn pictures. By hand: ``python -m tests.booru_server``.
"""

from .faults import Rule, rule
from .log import Record, busiest, concurrency
from .server import BooruServer
from .truth import Truth

__all__ = ["BooruServer", "Record", "Rule", "Truth", "busiest", "concurrency", "rule"]
