"""What every test may rely on."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # before PyTorch is imported: workers share the cores, one thread each
    for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(_name, "1")

import shutil
import signal
from pathlib import Path

import pytest

SLOW = {  # whole files; single tests carry the marker themselves
    "test_kills.py", "test_distributed.py", "test_training.py", "test_collect.py", "test_run.py", "test_run_search.py",
}  # fmt: skip
pytest_plugins = ["texts"]  # the fixture `worded`
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_interrupts():
    """A process that was started in the background ignores Ctrl-C; tests that send it would wait for ever."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def checkout(tmp_path_factory):
    """A copy of the repository in a folder whose name is not plain ASCII; its run of the smoke preset is shared."""
    folder = tmp_path_factory.mktemp("dépôt à part") / "copy"
    for name in ("i2v_lib", "notebooks", "benchmarks"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def pytest_collection_modifyitems(items):
    """Mark by file what takes long, so that ``make check`` can leave it out, and begin with what takes longest."""
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker("browser")
        elif item.path.name == "test_notebooks.py" or "checkout" in item.fixturenames:
            item.add_marker("notebook")
        elif item.path.name in SLOW:
            item.add_marker("slow")
    longest = ("notebook", "browser")  # so that one process executes notebooks while the other drives the browser
    items.sort(key=lambda item: next((i for i, mark in enumerate(longest) if item.get_closest_marker(mark)), 2))
