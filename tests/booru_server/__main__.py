"""``python -m tests.booru_server``: try the whole collection on this machine, without any network."""

from __future__ import annotations

import argparse
import json
import threading
from pathlib import Path

from .faults import rule
from .server import BooruServer


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.booru_server", description=__doc__)
    parser.add_argument("--posts", type=int, default=400, help="how many (default: 400)")
    parser.add_argument("--port", type=int, default=8765, help="of the API; files and control take the next two")
    parser.add_argument("--seed", type=int, default=0, help="of the pictures (default: 0)")
    parser.add_argument("--size", type=int, default=128, help="pixels, side of a drawing (default: 128)")
    parser.add_argument("--drawings", type=int, help="draw so many, combine them into more (default: one a post)")
    parser.add_argument("--corrupt", action="store_true", help="add damaged files")
    parser.add_argument("--strict-agent", action="store_true", help="refuse agents without `user #<id>`")
    parser.add_argument("--faults", type=Path, help="JSON file: a list of rules, such as "
                        '[{"action": "status", "status": 503, "probability": 0.05, "times": 2}]')  # fmt: skip
    asked = parser.parse_args()
    rules = [rule(**entry) for entry in json.loads(asked.faults.read_text(encoding="utf-8"))] if asked.faults else []
    print(f"drawing {asked.posts} posts", flush=True)
    try:
        site = BooruServer(
            asked.posts, asked.seed, asked.size, asked.drawings, rules,
            corrupt=asked.corrupt, strict_agent=asked.strict_agent, port=asked.port,
        )  # fmt: skip
    except OSError as error:
        parser.exit(2, f"error: --port {asked.port}: {error.strerror}; give another one\n")
    with site:
        print(f"API      {site.api}   (safebooru.org's protocol: {site.api}/index.php)")
        print(f"files    {site.cdn}")
        print(f"control  {site.control}   (GET /_log, GET /_truth, POST /_plan, /_change, /_reset)")
        print("collect from it with")
        print(f"  python -m i2v_lib collect --source danbooru --base-url {site.api} --limit 200 --out ../collected "
              "--min-side 32 --files-per-second 50")  # fmt: skip
        print("take one of its posts down, and follow")
        print(f"""  curl -d '{{"name": "remove", "arguments": [ID]}}' {site.control}/_change""")
        print(f"  python -m i2v_lib takedown-sync ../collected --base-url {site.api}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("stopped")


if __name__ == "__main__":
    main()
