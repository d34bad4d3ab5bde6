"""What ``from i2v_lib import …`` offers: all of it there, nothing imported before it is asked for."""

import ast
import doctest
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import i2v_lib

NAMES = {
    "load_config", "Run", "Illustration2Vec", "VGGNIN", "VGGModelA", "tag_loss", "binarize", "hamming_distance",
    "nearest_neighbors", "build_graph", "morph", "average_precision", "import_folder",
}  # fmt: skip


def test_every_name_is_there():
    assert set(i2v_lib.__all__) == NAMES
    assert set(dir(i2v_lib)) >= NAMES | {"__version__"}
    for name in NAMES:
        assert getattr(i2v_lib, name).__name__ == name
        assert getattr(i2v_lib, name).__doc__


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(i2v_lib.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name: node.module for node in block.body for alias in node.names}
    assert seen == i2v_lib._HOMES
    assert (Path(i2v_lib.__file__).parent / "py.typed").exists()


def test_an_unknown_name_is_refused_and_rooms_are_still_found():
    with pytest.raises(AttributeError, match="'Morph'.*morph"):
        i2v_lib.Morph  # noqa: B018
    with pytest.raises(ImportError, match="'nobody'"):
        from i2v_lib import nobody  # noqa: F401
    from i2v_lib import config

    assert config.load_config is i2v_lib.load_config


def test_nothing_is_imported_before_it_is_asked_for():
    code = "import sys, i2v_lib; dir(i2v_lib); print({'numpy', 'torch', 'i2v_lib.config'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "set()\n"


def test_the_example_does_what_it_shows():
    result = doctest.testmod(i2v_lib)
    assert result.attempted == 7
    assert result.failed == 0


def test_the_reading_order_leads_to_modules_that_are_there():
    modules = re.findall(r":mod:`~(i2v_lib[\w.]+)`", i2v_lib.__doc__)
    assert len(modules) == len(set(modules)) == 10
    assert all(import_module(module).__doc__ for module in modules)
