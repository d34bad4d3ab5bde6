"""The texts that people see, in one snapshot: ``tests/texts.json``, which ``pytest --update-texts`` writes again.

Tests assert facts: statuses, numbers, names. How a text is worded stands in the snapshot alone, so that to mend a
sentence takes one command and a look at its diff.
"""

import json
from pathlib import Path

import pytest

PATH = Path(__file__).with_name("texts.json")


class Texts:
    """The snapshot during one session: read once, and written at the end where texts are updated."""

    def __init__(self, path, update):
        self.path, self.update = path, update
        self.known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self.seen = {}

    def check(self, key, text):
        """Compare a text with the snapshot, or note it where texts are updated."""
        assert key not in self.seen, f"{key} is used twice; give each text of a test its own name"
        self.seen[key] = text
        if not self.update:
            assert key in self.known, f"{key} is not in {self.path.name}; pytest --update-texts writes it"
            assert text == self.known[key]

    def write(self):
        """Bring the snapshot up to date: texts of the tests that ran replace all those that they had before."""
        ran = {key.rpartition("/")[0] for key in self.seen}
        kept = {key: text for key, text in self.known.items() if key.rpartition("/")[0] not in ran}
        text = json.dumps(dict(sorted((kept | self.seen).items())), indent=1, ensure_ascii=False) + "\n"
        self.path.write_text(text, encoding="utf-8")


def pytest_addoption(parser):
    parser.addoption("--update-texts", action="store_true", help=f"write {PATH.name} instead of comparing with it")


def pytest_configure(config):
    update = config.getoption("--update-texts")
    if update and (config.getoption("numprocesses", None) or hasattr(config, "workerinput")):
        raise pytest.UsageError("--update-texts writes one file; run it without -n")
    config.stash[TEXTS] = Texts(PATH, update)


def pytest_unconfigure(config):
    texts = config.stash.get(TEXTS, None)
    if texts and texts.update and texts.seen:
        texts.write()


@pytest.fixture
def worded(request):
    """``worded(text)``, or ``worded(text, name)`` for a second text of a test: it reads as the snapshot has it."""
    test = request.node.nodeid.rpartition("tests/")[2]

    def check(text, name="text"):
        request.config.stash[TEXTS].check(f"{test}/{name}", text)

    return check


TEXTS = pytest.StashKey[Texts]()
