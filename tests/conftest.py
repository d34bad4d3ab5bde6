"""What every test may rely on."""

import shutil
import signal
from pathlib import Path

import pytest

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
