import os
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import pytest

import i2v_lib
from i2v_lib.system.compiled import compiled

PLAIN = "import numba\n@numba.njit(cache=True)\ndef twice(x):\n    return 2 * x\n"
USERS = ("search.dijkstra", "search.hamming_cpu", "evaluation.bootstrap")


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """A copy of the package where nothing can be kept, not even by root: files stand where folders would be made."""
    root = tmp_path_factory.mktemp("sealed")
    package = Path(i2v_lib.__file__).parent
    shutil.copytree(package, root / "i2v_lib", ignore=shutil.ignore_patterns("__pycache__", "*.js", "*.css"))
    for folder in ("search", "evaluation", "system"):
        (root / "i2v_lib" / folder / "__pycache__").touch()
    (root / "i2v_lib" / "search" / "plain.py").write_text(PLAIN)
    (root / "home").touch()
    return root


def run(root, code):
    unset = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    home = {name: str(root / "home") for name in ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "LOCALAPPDATA")}
    env = unset | home | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([sys.executable, "-c", code], env=env, cwd=root, capture_output=True, text=True, timeout=120)


def test_a_read_only_installation_imports_and_computes(sealed):
    imports = "; ".join(f"import i2v_lib.{module}" for module in USERS)
    call = "import numpy as np; from i2v_lib.search.dijkstra import _count; print(_count((np.zeros(3), 0, [5]), 0))"
    done = run(sealed, f"{imports}; print(i2v_lib.__file__); {call}")
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout.split() == [str(sealed / "i2v_lib" / "__init__.py"), "11"]


def test_numba_alone_does_not_import_there(sealed):
    """The control: else the test above would show nothing."""
    done = run(sealed, "import i2v_lib.search.plain")
    assert done.returncode
    assert "no locator available" in done.stderr


def test_other_errors_are_not_hidden(monkeypatch):
    def broken(**options):
        raise RuntimeError(f"no compiler for {sorted(options)}")

    monkeypatch.setattr(numba, "njit", broken)
    with pytest.raises(RuntimeError, match="no compiler"):
        compiled()(run)
