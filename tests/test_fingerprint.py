"""Fingerprints of code change with what the code does, and with nothing else."""

import re

import pytest

from i2v_lib.data.fingerprint import code_fingerprint, import_closure


def test_only_behavior_counts(tmp_path):
    path = tmp_path / "code.py"

    def fingerprint(text: str) -> str:
        path.write_text(text, encoding="utf-8")
        return code_fingerprint([path])

    first = fingerprint('def f(x):\n    """Double."""\n    return 2 * x\n')
    assert fingerprint("def f(x):\n    # twice\n    return (2\n            * x)\n") == first
    assert fingerprint('def f(x):\n    """Double."""\n    return 3 * x\n') != first


@pytest.fixture
def package(tmp_path):
    """A package of seven modules, of which ``entry`` needs four."""
    files = {
        "kit/__init__.py": "from kit.apart import nothing",
        "kit/entry.py": "import math\nfrom kit import by_name\nfrom kit.room.deep import thing",
        "kit/by_name.py": "def late():\n    from .sibling import x\n    return x",
        "kit/sibling.py": "import numpy\nimport kit.entry",
        "kit/apart.py": "nothing = 0",
        "kit/room/__init__.py": "from kit.room.unseen import *",
        "kit/room/deep.py": "thing = 1",
        "kit/room/unseen.py": "",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def closure(package, *modules, **options):
    """Names of a closure's files."""
    return [path.relative_to(package).as_posix() for path in import_closure(*modules, root=package, **options)]


def test_a_closure_has_what_is_imported_and_nothing_else(package):
    expected = ["kit/by_name.py", "kit/entry.py", "kit/room/deep.py", "kit/sibling.py"]
    assert closure(package, "kit.entry") == closure(package, "kit.sibling", "kit.by_name") == expected
    assert closure(package, "kit.room.deep") == ["kit/room/deep.py"]


def test_a_name_taken_from_a_package_takes_its_init(package):
    (package / "kit/entry.py").write_text("from kit.room import thing", encoding="utf-8")
    assert closure(package, "kit.entry") == ["kit/entry.py", "kit/room/__init__.py", "kit/room/unseen.py"]


def test_imports_for_type_checkers_do_not_count(package):
    (package / "kit/room/deep.py").write_text("if TYPE_CHECKING:\n    from kit.apart import nothing", encoding="utf-8")
    assert closure(package, "kit.room.deep") == ["kit/room/deep.py"]
    (package / "kit/room/deep.py").write_text("if nothing:\n    from kit.apart import nothing", encoding="utf-8")
    assert closure(package, "kit.room.deep") == ["kit/apart.py", "kit/room/deep.py"]


def test_a_room_may_stay_apart(package):
    assert closure(package, "kit.entry", apart_from=["kit.room"]) == [
        "kit/by_name.py",
        "kit/entry.py",
        "kit/sibling.py",
    ]
    assert closure(package, "kit.entry", apart_from=["kit.by_name"]) == ["kit/entry.py", "kit/room/deep.py"]


def test_a_module_that_is_not_there_is_named(package):
    with pytest.raises(ModuleNotFoundError, match=re.escape("'kit.gone'")):
        import_closure("kit.gone", root=package)
