"""Pages of the API: without a warning, names that are linked, and sections as lists."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_pages_of_some_modules(tmp_path):
    modules = ["i2v_lib.search.hashing", "i2v_lib.search.neighbors", "i2v_lib.data.shuffle"]
    program = [sys.executable, ROOT / "docs" / "api.py", "--out", tmp_path, *modules]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    for module in modules:
        page = (tmp_path / f"{module.replace('.', '/')}.html").read_text(encoding="utf-8")
        words = "".join(re.findall(r'<div class="docstring">(.*?)</div>', page, re.DOTALL))
        assert not re.search(r":(func|mod|class|meth|data|attr):|<code>~|----", words)
        assert 'href="#' in words or "href" not in words
    hashing = (tmp_path / "i2v_lib" / "search" / "hashing.html").read_text(encoding="utf-8")
    assert re.search(r"<h6[^>]*>Raises</h6>.*<strong>(Type|Value)Error</strong>", hashing, re.DOTALL)
    assert "shape (" in hashing
