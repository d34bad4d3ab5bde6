"""The notebook rules of CONTRIBUTING.md, and every notebook executed from a copy of the repository."""

import ast
import json
import re
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import papermill
import pyarrow as pa
import pytest
import torch

from i2v_lib.cli.execute import run_notebook
from i2v_lib.data.collection import SCHEMA, finish_collection
from i2v_lib.show.report import SECTIONS
from tests.booru_server import BooruServer
from tests.growing_collection import create_pixels

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CELL_TIMEOUT = 600  # seconds
SETUP = "from i2v_lib.notebook import start\n\nrun = start(PRESET, OVERRIDES)"
SCORES = re.compile(r"\b(score_systems|average_precision|fig_learning_curves|table2_map|table3_ap)\(")
FORBIDDEN = re.compile(r"sys\.path|^\s*[!%]|https?://|urlretrieve|[\"'](/|~/|[A-Z]:\\)|rcParams", re.MULTILINE)


def faults(notebook, number):
    """Breaches of the notebook rules, one line each."""
    first, cells = notebook.cells[0].source, [cell for cell in notebook.cells if cell.cell_type == "code"]
    everything = "\n".join(cell.source for cell in cells)
    return [
        *_faults_of_format(notebook, cells),
        *_faults_of_beginning(first, cells, number),
        *_faults_of_cells(notebook, cells),
        *_faults_of_names(cells),
        *([] if re.search(r"\.save\((run|own)\)", everything) else ["nowhere saves an exhibit"]),
        *([] if "save_metrics(" in everything else ["nowhere calls save_metrics"]),
        *([] if "display(" in cells[-1].source or shows(cells[-1].source) else ["the last cell shows nothing"]),
        *(f"{name} is promised, not saved" for name in promised(first) if not saves(everything, name)),
    ]


def promised(title):
    """Names of the figures that a notebook says it makes."""
    return re.findall(r"`(\w+)`", title.partition("What you'll see.")[2])


def shows(source):
    """Whether the last line of a cell is a value, which Jupyter shows, and not only printed."""
    last = ast.parse(source).body[-1]
    silent = source.rstrip().endswith(";") or "print(" in ast.unparse(last)
    return isinstance(last, ast.Expr) and not silent


def saves(source, name):
    """Whether an exhibit is made by the function that bears its name and saved in the same line, or saved by name."""
    return f'"{name}"' in source or re.search(rf"\b{name}\(.*\.save\((run|own)\)", source) is not None


def _faults_of_format(notebook, cells):
    if (notebook.nbformat, notebook.nbformat_minor) != (4, 5):
        yield "the format is not 4.5"
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        yield "the kernel is not python3"
    if set(notebook.metadata) - {"kernelspec", "language_info"}:
        yield "there is metadata beside the kernel"
    if any(cell.outputs or cell.execution_count is not None for cell in cells):
        yield "there are outputs"


def _faults_of_beginning(first, cells, number):
    if not re.match(rf"# {number}\. .+ \(.*(§|Table|Fig)", first):
        yield "the title lacks its number or the paper's part"
    if not all(f"What you'll {verb}." in first for verb in ("do", "need", "see")):
        yield "the title cell lacks what you'll do, need or see"
    if cells[0].metadata.get("tags") != ["parameters"]:
        yield "the first code cell is not tagged parameters"
    if cells[0].source != 'PRESET = "demo"\nOVERRIDES = {}':
        yield "the parameters are others"
    needed = ("load_config(PRESET, **OVERRIDES)", "seed_everything(", "saving.machine()")
    if cells[1].source != SETUP and not all(call in cells[1].source for call in needed):
        yield "the second code cell is not the set-up"


def _faults_of_cells(notebook, cells):
    for cell in cells:
        lines = [line for line in cell.source.splitlines() if line.strip()]
        if len(lines) > 15:
            yield f"{cell.id} has {len(lines)} lines"
        if FORBIDDEN.search(cell.source):
            yield f"{cell.id} has {FORBIDDEN.search(cell.source).group().strip()!r}"
        defined = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
        if not FORBIDDEN.search(cell.source):
            yield from (f"{cell.id} defines" for n in ast.walk(ast.parse(cell.source)) if isinstance(n, defined))
    for before, cell in zip([None, *notebook.cells], notebook.cells, strict=False):
        if cell.cell_type == "code" and (before is None or before.cell_type != "markdown"):
            yield f"{cell.id} has no sentence before it"
    text = ""
    for cell in notebook.cells:
        text += cell.source.lower()
        if SCORES.search(cell.source) and "chance" not in text:
            yield f"{cell.id} scores before the chance value is told"


def _faults_of_names(cells):
    owners = {}
    for cell in cells:
        names = set() if FORBIDDEN.search(cell.source) else assigned(cell.source)
        yield from (f"{cell.id} changes {name} of {owners[name]}" for name in names & set(owners))
        owners |= dict.fromkeys(names, cell.id)


def assigned(source):
    """Names that a cell binds, those inside comprehensions apart."""
    tree = ast.parse(source)
    comprehensions = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    inner = {id(n) for c in ast.walk(tree) if isinstance(c, comprehensions) for n in ast.walk(c)}
    stored = (n for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
    return {n.id for n in stored if id(n) not in inner}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_rules(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert not faults(notebook, int(path.name[:2]))


def test_notebooks_are_numbered():
    assert [int(path.name[:2]) for path in NOTEBOOKS] == list(range(1, len(NOTEBOOKS) + 1))
    assert len(NOTEBOOKS) >= 8


def test_your_illustrations_take_at_most_30_lines():
    """A folder in, everything out: notebook 8 stays short enough to be read whole, imports and settings included."""
    cells = nbformat.read(ROOT / "notebooks" / "08_your_illustrations.ipynb", as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    assert 0 < len([line for line in code.splitlines() if line.strip()]) <= 30


@pytest.mark.parametrize(
    ("cell", "old", "new", "fault"),
    [
        (0, "# 3.", "# 4.", "number"),
        (0, "What you'll need.", "Needs.", "do, need or see"),
        (0, "`fig2_tags`", "`fig8_more`", "promised"),
        ("parameters", "demo", "smoke", "parameters are others"),
        ("setup", "OVERRIDES", "{}", "set-up"),
        ("logits", "vocabulary = run.vocabulary()", "import sys; sys.path.append('..')", "sys.path"),
        ("logits", "vocabulary = run.vocabulary()", "!pip install x", "!"),
        ("logits", "vocabulary = run.vocabulary()", "open('/etc/x')", "'/"),
        ("logits", "vocabulary = run.vocabulary()", "def f():\n    pass", "defines"),
        ("table3", "table3 =", "scores =", "changes scores of table2"),
        ("fig2", "tag_pred", "\n".join("x = 1" for _ in range(15)) + "\ntag_pred", "lines"),
        ("fig2", ".save(run)", "", "fig2_tags is promised"),
        ("beside", "Markdown(r", "print(r", "shows nothing"),
        ("beside", "Markdown(r", "x = Markdown(r", "shows nothing"),
        ("about-table2", "chance", "usual", "chance"),
    ],
)
def test_a_breach_is_seen(cell, old, new, fault):
    notebook = nbformat.read(ROOT / "notebooks" / "03_tag_prediction.ipynb", as_version=4)
    chosen = notebook.cells[0] if cell == 0 else next(c for c in notebook.cells if c.id == cell)
    assert old in chosen.source
    chosen.source = chosen.source.replace(old, new)
    assert any(fault in line for line in faults(notebook, 3))


def test_outputs_and_silent_cells_are_seen():
    notebook = nbformat.read(NOTEBOOKS[0], as_version=4)
    notebook.cells[2].execution_count = 1
    assert faults(notebook, 1) == ["there are outputs"]
    notebook.cells.insert(3, nbformat.v4.new_code_cell("1 + 1", id="silent"))
    assert any(re.search(r"\bsilent\b.* sentence", fault) for fault in faults(notebook, 1))


@pytest.fixture(scope="module")
def elsewhere(checkout):
    """The folder of a copy of the repository, and a working directory beside it."""
    folder = checkout.parent
    (folder / "ailleurs").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("I2V_HOME", str(folder / "copy"))
        patch.setenv("PYTHONPATH", str(folder / "copy"))  # the kernel imports the copy
        patch.setenv("OMP_NUM_THREADS", "2")
        patch.chdir(folder / "ailleurs")
        yield folder


def execute(path, out, overrides):
    """Execute a notebook of the copy; return everything it printed."""
    run_notebook(path, out, {"PRESET": "smoke", "OVERRIDES": overrides}, timeout=CELL_TIMEOUT)
    outputs = [o for cell in nbformat.read(out, as_version=4).cells for o in cell.get("outputs", [])]
    assert not [o for o in outputs if o.output_type == "error"]
    return "".join(o.get("text", "") for o in outputs)


def execute_here(path, overrides, capsys):
    """Run a notebook's cells in this process, which saves a kernel's start; return everything it printed."""
    space = {}
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, f"{path.name}: {cell.id}", "exec"), space)
        if cell.metadata.get("tags") == ["parameters"]:
            space |= {"PRESET": "smoke", "OVERRIDES": overrides}
    plt.close("all")
    return capsys.readouterr().out


@pytest.mark.parametrize("name", [path.name for path in NOTEBOOKS])
def test_execution(elsewhere, name):
    source = elsewhere / "copy" / "notebooks" / name
    before = source.read_bytes()
    execute(source, elsewhere / "copy" / "runs" / "smoke" / "notebooks" / name, {})
    figures = elsewhere / "copy" / "runs" / "smoke" / "figures"
    names = promised(json.loads(before)["cells"][0]["source"][-1])
    assert names
    for figure in names:
        kinds = ("pdf", "png", "json", *(["csv"] if figure.startswith("table") else []))
        assert all((figures / f"{figure}.{kind}").stat().st_size > 100 for kind in kinds), figure
    assert source.read_bytes() == before
    assert not list((elsewhere / "ailleurs").iterdir())


def test_metrics_are_complete(elsewhere):
    metrics = json.loads((elsewhere / "copy/runs/smoke/figures/metrics.json").read_text(encoding="utf-8"))
    assert {"preset", "seed", "table2", "table3", "seconds", "machine", *SECTIONS} <= set(metrics)
    assert set(metrics["table2"]) == {"pretrained", "vgg_a", "vgg_nin", "vgg_nin_bn", "random", "untrained"}
    for categories in metrics["table2"].values():
        for score in categories.values():
            assert set(score) == {"map", "low", "high", "tags"}
            assert score["map"] is None or 0 <= score["low"] <= score["map"] <= score["high"] <= 101
    assert "/" not in json.dumps(metrics["machine"])


def test_a_second_execution_draws_the_same(elsewhere, capsys, monkeypatch):
    """Every number, byte for byte: none hangs on chance, on the working directory or on the process."""
    figures = elsewhere / "copy" / "runs" / "smoke" / "figures"
    before = {path.name: path.read_bytes() for kind in ("json", "csv") for path in figures.glob(f"*.{kind}")}
    monkeypatch.chdir("/")
    threads = json.loads(before["metrics.json"])["machine"]["threads"]  # of a kernel, which may have more than tests
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    for path in NOTEBOOKS:
        execute_here(path, {}, capsys)
    assert {name for name, old in before.items() if (figures / name).read_bytes() != old} == set()


def test_a_folder_without_truth_or_copyright_tags(elsewhere, capsys):
    """An imported collection: fewer illustrations, an empty category, tags that look like formulas."""
    generator = np.random.default_rng(0)
    folder, n = elsewhere / "imported", 160
    create_pixels(folder, n, 40)[:] = generator.integers(0, 256, (n, 40, 40, 3), np.uint8)
    posts = {name: [""] * n for name in ("md5", "source_url", "artist")} | {
        "id": [f"$picture_{i}$" for i in range(n)],
        "rating": ["safe"] * n,
        "width": [40] * n,
        "height": [40] * n,
        "general": [["$x_1$"] * (i % 2) + ["hat"] * (i % 3 == 0) for i in range(n)],
        "copyright": [[]] * n,
        "character": [["hero"] * (i % 4 == 0) for i in range(n)],
        "group": [str(i) for i in range(n)],
        "split": [("train", "train", "val", "test", "train")[i % 5] for i in range(n)],
    }
    finish_collection(folder, pa.table(posts).select(SCHEMA.names).cast(SCHEMA), "warp", "imported")
    overrides = {"collection": str(folder), "epochs": 1, "bootstrap": 20, "minimum_positives": 1}
    printed = "".join(execute_here(path, overrides, capsys) for path in NOTEBOOKS)
    assert "copyright not scored" in printed
    metrics = json.loads((elsewhere / "copy/runs/smoke/figures/metrics.json").read_text(encoding="utf-8"))
    assert metrics["overrides"]["collection"] == "imported"
    assert metrics["table2"]["vgg_nin"]["copyright"] == {"map": None, "low": None, "high": None, "tags": 0}
    verdicts = [claim["verdict"] for section in SECTIONS for claim in metrics[section].get("claims", [])]
    silent = [verdict for verdict in verdicts if verdict == "undecided"]
    assert len(silent) >= 7  # nobody voted, and no truth tells of poses


def test_the_whole_way_from_a_site(elsewhere, capsys):
    """A test server is collected from, reported on, learned from and searched; nothing of it is drawn by us."""
    with BooruServer(260, drawings=130, size=48) as site:
        overrides = {"source": "danbooru", "base_url": site.api, "limit": 120, "minimum_side": 24}
        overrides |= {"files_per_second": 200.0, "epochs": 1, "bootstrap": 20, "minimum_positives": 4}
        printed = [execute_here(path, overrides, capsys) for path in NOTEBOOKS[:4]]
        files = [record for record in site.log if record.host == "cdn"]
    assert len(files) == 120
    assert not [record for record in files if record.denied or record.hidden or record.rating != "g"]
    assert "14.9 days" in printed[0]
    figures = elsewhere / "copy" / "runs" / "smoke" / "figures"
    report = json.loads((figures / "table_dataset.json").read_text(encoding="utf-8"))["numbers"]
    number = {row["what"]: row["here"] for row in report}
    left_out = sum(count for what, count in number.items() if what.startswith("left out: "))
    assert number["posts or files seen"] == number["illustrations"] + left_out
    assert number["left out: denied tag"] > 0
    fig3 = json.loads((figures / "fig3_neighbors.json").read_text(encoding="utf-8"))
    assert fig3["overrides"]["source"] == "danbooru"


def test_unknown_parameters_are_errors(tmp_path):
    with pytest.raises(ValueError, match=r"no parameter PRESETS; it has PRESET, OVERRIDES"):
        run_notebook(NOTEBOOKS[0], tmp_path / "out.ipynb", {"PRESETS": "smoke"})
    with pytest.raises(TypeError, match="epoch"):
        run_notebook(NOTEBOOKS[0], tmp_path / "out.ipynb", {"PRESET": "smoke", "OVERRIDES": {"epoch": 1}})
    with pytest.raises(ValueError, match="smog"):
        run_notebook(NOTEBOOKS[0], tmp_path / "out.ipynb", {"PRESET": "smog"})
    assert not list(tmp_path.iterdir())


def test_a_failing_cell_is_an_error_and_the_kernel_is_silent(tmp_path, capfd):
    cells = [nbformat.v4.new_code_cell("PRESET = 'demo'", metadata={"tags": ["parameters"]})]
    cells.append(nbformat.v4.new_code_cell("1 / 0"))
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), tmp_path / "bad.ipynb")
    with pytest.raises(papermill.PapermillExecutionError, match="ZeroDivisionError"):
        run_notebook(tmp_path / "bad.ipynb", tmp_path / "out" / "bad.ipynb", {"PRESET": "smoke"})
    assert "WARNING" not in capfd.readouterr().err  # of a kernel that is not encrypted
