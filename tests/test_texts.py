"""The snapshot of texts: what it notices, what it writes, and that nothing in it is left over."""

import ast
import json
from pathlib import Path

import pytest
from texts import PATH, Texts

TESTS = Path(__file__).resolve().parent


def test_a_changed_text_and_an_unknown_one_are_seen(tmp_path):
    path = tmp_path / "texts.json"
    path.write_text(json.dumps({"a.py::one/text": "Two paths.", "b.py::two/text": "kept"}))
    texts = Texts(path, update=False)
    texts.check("a.py::one/text", "Two paths.")
    with pytest.raises(AssertionError):
        Texts(path, update=False).check("a.py::one/text", "Three paths.")
    with pytest.raises(AssertionError, match="--update-texts"):
        texts.check("a.py::one/other", "Two paths.")
    with pytest.raises(AssertionError, match="twice"):
        texts.check("a.py::one/text", "Two paths.")


def test_an_update_replaces_the_texts_of_tests_that_ran_and_keeps_the_others(tmp_path):
    path = tmp_path / "texts.json"
    path.write_text(json.dumps({"a.py::one/old": "gone", "b.py::two/text": "kept"}))
    texts = Texts(path, update=True)
    texts.check("a.py::one/text", "Three paths.")
    texts.write()
    assert json.loads(path.read_text()) == {"a.py::one/text": "Three paths.", "b.py::two/text": "kept"}


def test_every_text_belongs_to_a_test():
    for key in json.loads(PATH.read_text(encoding="utf-8")):
        file, name = key.rpartition("/")[0].split("::")[:2]
        functions = {node.name for node in ast.walk(ast.parse((TESTS / file).read_text())) if hasattr(node, "name")}
        assert name.partition("[")[0] in functions, key
