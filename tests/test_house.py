"""The rules of the house: which room may import which, how long a file is, what is documented."""

import ast
import graphlib
import importlib.metadata
import json
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from i2v_lib import drawn as face
from i2v_lib.config import load_config

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "i2v_lib"
MODULES = sorted(PACKAGE.rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FLOORS = (  # a room imports from its own floor's rooms no further than itself, and from the floors before
    ("config", "system"), ("data", "search"), ("models",), ("drawn", "collect"), ("evaluation",), ("run",), ("show",),
    ("explorers", "notebook"), ("cli",), ("__main__",),
)  # fmt: skip
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
SHARED_NAMES = {  # modules that may bear one name, and why; a module of show/ may bear that of what it shows
    "collection": ({"data/collection", "drawn/collection"}, "drawing one makes what the other opens"),
    "files": ({"system/files", "models/released/files"}, "how files are written, and which ones the authors published"),
    "folder": ({"data/folder", "models/tagging/folder"}, "a folder with tags is read; one without is tagged"),
    "heatmaps": ({"models/serving/heatmaps", "show/heatmaps"}, "what show/ shows"),
    "morphing": ({"show/morphing", "explorers/morphing"}, "the figure, and the same to move about in"),
    "neighbors": ({"search/neighbors", "show/neighbors"}, "what show/ shows"),
    "networks": ({"models/networks", "show/networks"}, "what show/ shows"),
    "new_tags": ({"models/tagging/new_tags", "evaluation/new_tags", "show/new_tags"}, "learned, measured and shown"),
    "released": ({"evaluation/released", "show/released"}, "what show/ shows"),
    "tags": ({"drawn/tags", "explorers/tags"}, "those of a drawn scene, and their list in a panel"),
    "training": ({"models/training", "cli/training"}, "the loop, and its command"),
}


def name_of(path):
    """i2v_lib/drawn/sheet.py -> i2v_lib.drawn.sheet; a package is named by its folder."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(source, path):
    """Absolute names that a module imports, at its top or inside functions."""
    package = name_of(path).split(".") if path.name == "__init__.py" else name_of(path).split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def wrong_way(source, path):
    """Imports from other rooms that do not lie on a lower floor than the module's own."""
    own = name_of(path).split(".")[1]
    rooms = {name: name.split(".")[1] for name in imported(source, path) if name.startswith("i2v_lib.")}
    return [name for name, room in rooms.items() if room in FLOOR and room != own and FLOOR[room] >= FLOOR[own]]


class WithoutFunctions(ast.NodeTransformer):
    """Empty the functions, so that what runs on import is left, and what type checkers read."""

    def visit_FunctionDef(self, node):
        node.body = [ast.Pass()]
        return node

    visit_AsyncFunctionDef = visit_FunctionDef


def import_circle(sources):
    """Modules that import each other in a circle, first and last the same; None without one. {path: source}."""
    names, arrows = {name_of(path) for path in sources}, {}
    for path, source in sources.items():
        top = ast.unparse(WithoutFunctions().visit(ast.parse(source)))
        found = {name if name in names else name.rpartition(".")[0] for name in imported(top, path)}
        arrows[name_of(path)] = (found & names) - {name_of(path)}
    try:
        graphlib.TopologicalSorter(arrows).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return None


def undocumented(source):
    """Public functions, classes and methods without a docstring."""
    found, documented = [], (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    bodies = [ast.parse(source).body]
    while bodies:
        for node in bodies.pop():
            if isinstance(node, documented) and not node.name.startswith("_"):
                if ast.get_docstring(node) is None:
                    found.append(node.name)
                if isinstance(node, ast.ClassDef):
                    bodies.append(node.body)
    return found


def code_cells(path):
    """Code cells of a notebook."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def touches_search_path(source):
    """Whether code reads or changes sys.path."""
    attributes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)]
    return any(ast.unparse(node) == "sys.path" for node in attributes)


@pytest.mark.parametrize(
    ("source", "module", "wrong"),
    [
        ("from i2v_lib.data.images import decode_image", "models/loss.py", 0),
        ("from i2v_lib.models import networks", "data/images.py", 1),
        ("import i2v_lib.run", "search/graph.py", 1),
        ("from ..run import Run", "search/graph.py", 1),
        ("from .. import run", "search/graph.py", 1),
        ("from . import hashing", "search/graph.py", 0),
        ("def late():\n    from i2v_lib.show import report", "run.py", 1),
    ],
)
def test_an_import_the_wrong_way_is_seen(source, module, wrong):
    assert len(wrong_way(source, PACKAGE / module)) == wrong


def test_data_flows_one_way():
    found = {name_of(path): wrong_way(path.read_text(encoding="utf-8"), path) for path in MODULES[1:]}
    assert len(found) > 8
    assert not {name: wrong for name, wrong in found.items() if wrong}


@pytest.mark.parametrize(
    ("back", "circle"),
    [
        ("from i2v_lib.search.graph import morph", True),
        ("from . import graph", True),
        ("if TYPE_CHECKING:\n    from i2v_lib.search.graph import Graph", True),
        ("def late():\n    from i2v_lib.search.graph import morph", False),
        ("from i2v_lib.search.hashing import binarize", False),
    ],
)
def test_a_circle_of_imports_is_seen(back, circle):
    room = PACKAGE / "search"
    sources = {room / "graph.py": "from i2v_lib.search.paths import walk", room / "hashing.py": "import numpy"}
    found = import_circle({**sources, room / "paths.py": back})
    assert (found is not None) == circle
    assert not circle or set(found) == {"i2v_lib.search.graph", "i2v_lib.search.paths"}


def test_no_modules_import_each_other():
    """Not even for type checkers only."""
    assert import_circle({path: path.read_text(encoding="utf-8") for path in MODULES}) is None


def past_the_face(source, path):
    """What a module takes of the drawn room that the room does not hand on."""
    drawn = {name for name in imported(source, path) if name.startswith("i2v_lib.drawn.")}
    return sorted(drawn - {f"i2v_lib.drawn.{name}" for name in face.__all__})


def test_a_way_past_the_face_is_seen():
    for source, found in (
        ("from i2v_lib.drawn import draw_picture, left_out", []),
        ("from i2v_lib.drawn.pictures import draw_picture", ["i2v_lib.drawn.pictures.draw_picture"]),
        ("import i2v_lib.drawn.sheet", ["i2v_lib.drawn.sheet"]),
        ("from ..drawn import artists", ["i2v_lib.drawn.artists"]),
    ):
        assert past_the_face(source, PACKAGE / "show/style.py") == found


def test_the_drawn_room_is_known_by_its_face_only():
    """Outside of the room, and of the tests that look inside, others take what ``i2v_lib.drawn`` hands on."""
    scripts = [path for folder in ("i2v_lib", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    outside = [p for p in scripts if p.parent.name != "drawn" and not p.name.startswith("test_drawn")]
    sources = {path: path.read_text(encoding="utf-8") for path in outside}
    sources |= {path: "\n".join("".join(cell["source"]) for cell in code_cells(path)) for path in NOTEBOOKS}
    sources = {path: source for path, source in sources.items() if "drawn" in source}  # the rest need no reading
    assert len(sources) > 20
    assert not {path.name: past for path, source in sources.items() if (past := past_the_face(source, path))}


def test_every_module_belongs_to_a_room():
    rooms = {name_of(path).split(".")[1] for path in MODULES if path != PACKAGE / "__init__.py"}
    assert rooms == set(FLOOR)


def test_imported_libraries_are_declared():
    """What the package imports stands in pyproject.toml; no library is there only by luck."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}
    sources = {path: path.read_text(encoding="utf-8") for path in MODULES}
    names = {name.split(".")[0] for path, source in sources.items() for name in imported(source, path)}
    assert "numpy" in names
    origin = importlib.metadata.packages_distributions()
    foreign = names - set(sys.stdlib_module_names) - {"i2v_lib"}
    strangers = {name for name in foreign if not declared & set(map(canonicalize_name, origin[name]))}
    assert not strangers


def test_a_module_of_more_than_400_lines_says_why():
    """One idea per file; of a long one, the docstring says why it is this long."""
    sources = {name_of(path): path.read_text(encoding="utf-8") for path in MODULES}
    long = {name: source for name, source in sources.items() if len(source.splitlines()) > 400}
    assert not [name for name, source in long.items() if "long" not in (ast.get_docstring(ast.parse(source)) or "")]


def test_no_two_modules_share_a_name_without_a_reason():
    """In an editor's tabs, modules of one name cannot be told apart."""
    places = defaultdict(set)
    for path in MODULES:
        if path.stem != "__init__":
            places[path.stem].add(path.relative_to(PACKAGE).with_suffix("").as_posix())
    shared = {stem: found for stem, found in places.items() if len(found) > 1}
    assert shared == {stem: allowed for stem, (allowed, _) in SHARED_NAMES.items()}


def test_a_missing_docstring_is_seen():
    assert undocumented("def f():\n    pass\nclass C:\n    'c'\n    def g(self):\n        pass") == ["f", "g"]
    assert undocumented("def _f():\n    pass\ndef g():\n    'g'") == []


def test_everything_public_is_documented():
    sources = {name_of(path): path.read_text(encoding="utf-8") for path in MODULES}
    silent = [name for name, source in sources.items() if source and not ast.get_docstring(ast.parse(source))]
    assert not silent
    assert not {name: missing for name, source in sources.items() if (missing := undocumented(source))}


def test_the_search_path_is_left_alone():
    assert touches_search_path("import sys\nsys.path.insert(0, '..')")
    scripts = [path for folder in ("i2v_lib", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    assert not [path.name for path in scripts if touches_search_path(path.read_text(encoding="utf-8"))]
    cells = {path.name: "".join(line for cell in code_cells(path) for line in cell["source"]) for path in NOTEBOOKS}
    assert not [name for name, source in cells.items() if "sys.path" in source]


def test_notebooks_are_committed_without_outputs():
    for path in NOTEBOOKS:
        for cell in code_cells(path):
            assert cell["outputs"] == [], path.name
            assert cell["execution_count"] is None, path.name


def test_the_same_artifacts_come_out_of_any_folder(tmp_path, monkeypatch):
    """A run from elsewhere, into a home with spaces and accents, draws the same bytes; another seed not."""
    from i2v_lib.run import Run

    def drawn(home, cwd, **overrides):
        home.mkdir(), cwd.mkdir()
        monkeypatch.setenv("I2V_HOME", str(home))
        monkeypatch.chdir(cwd)
        collection = Run(load_config("smoke", pictures=40, **overrides)).collection()
        assert collection.folder.is_relative_to(home)
        assert not list(cwd.iterdir())
        return collection

    plain = drawn(tmp_path / "home", tmp_path / "here")
    odd = drawn(tmp_path / "dossier élevé à part", tmp_path / "là bas")
    other = drawn(tmp_path / "third", tmp_path / "elsewhere", seed=1)
    assert odd.fingerprint == plain.fingerprint != other.fingerprint
    assert odd.posts.equals(plain.posts)
    np.testing.assert_array_equal(odd.pixels, plain.pixels)
    assert not np.array_equal(other.pixels, plain.pixels)
