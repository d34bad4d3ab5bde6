"""The commands ``reproduce``, every table and figure of a preset, and ``doctor``, what this machine lacks for it.

The library is imported where it is needed, so that ``--help`` and a wrong option show at once.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from i2v_lib.cli.options import AddCommand, add_preset, require_writable
from i2v_lib.config import PRESETS, SOURCES, Config, home, load_config, parse_overrides, results_folder

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


class NotebookError(Exception):
    """A cell of a notebook failed."""


def add_commands(command: AddCommand) -> None:
    """Add these commands to the command line."""
    new = command("reproduce", reproduce_command, "execute the notebooks: every table and figure")
    add_preset(new)
    new.add_argument("--notebook", nargs="+", metavar="NUMBER", help="only these, such as 03")

    new = command("doctor", doctor_command, "say what this machine lacks, and the cure")
    new.add_argument("--preset", choices=PRESETS, default="demo", help="whose needs to check (default demo)")
    new.add_argument("--source", choices=SOURCES, help="ask a site instead: a few requests")
    new.add_argument("--base-url", metavar="URL", help="another address of the site")


def reproduce_command(options: argparse.Namespace) -> None:
    """Execute notebooks of a preset."""
    reproduce(options.preset, parse_overrides(options.set), options.notebook)


def doctor_command(options: argparse.Namespace) -> int:
    """Examine this machine, or a site; 1 if something is fatal."""
    from i2v_lib.cli.doctor import ask_source, examine, report

    asked = options.source
    checks = ask_source(asked, options.base_url) if asked else examine(load_config(options.preset))
    print(report(checks))
    return int(any(check.status == "fatal" for check in checks))


def reproduce(preset: str, overrides: dict[str, Any], numbers: list[str] | None = None) -> Config:
    """Execute notebooks and keep the executed copies in ``runs/<preset>/notebooks/``.

    The figures go to ``runs/<preset>/figures/``. Those of the demo preset without overrides are also
    published into ``figures/``. With a folder of one's own illustrations both go to
    ``runs/<preset>/illustrations/<folder>/`` instead.

    Parameters
    ----------
    preset, overrides : as :func:`i2v_lib.config.load_config` takes them
        Checked before the first notebook starts.
    numbers : leading numbers of the notebooks to execute, such as ``["03"]``; None executes all

    Raises
    ------
    ValueError, TypeError
        For an unknown preset, override or notebook.
    OSError
        If the results cannot be written, or there is no such folder of illustrations.
    NotebookError
        If a cell fails; the executed copy holds its traceback.
    """
    config = load_config(preset, **overrides)
    notebooks = find_notebooks(numbers)
    if config.illustrations is not None and not Path(config.illustrations).is_dir():
        raise FileNotFoundError(f"illustrations={config.illustrations!r} is no folder; give one that holds pictures")
    executed = results_folder(config) / "notebooks"
    require_writable(executed)

    # Imported late: it takes seconds, and a wrong argument should show at once.
    from papermill import PapermillExecutionError

    from i2v_lib.cli.execute import run_notebook
    from i2v_lib.show.saving import note_notebook

    for count, notebook in enumerate(notebooks, start=1):
        print(f"[{count}/{len(notebooks)}] {notebook.name}", flush=True)
        start = time.monotonic()
        copy = executed / notebook.name
        try:
            run_notebook(notebook, copy, {"PRESET": preset, "OVERRIDES": overrides})
        except PapermillExecutionError as error:
            cause = f"{error.ename}: {error.evalue}"
            raise NotebookError(f"{notebook.name} failed with {cause}; its traceback is in {copy}") from error
        seconds = time.monotonic() - start
        note_notebook(results_folder(config) / "figures", config, notebook.stem, seconds)
        print(f"      {seconds:.0f} s", flush=True)
    print(f"executed notebooks: {executed}")
    print(f"tables and figures: {_publish(config, overrides)}")
    return config


def find_notebooks(numbers: list[str] | None = None, folder: Path = NOTEBOOKS) -> list[Path]:
    """Notebooks of the kit in the order of their numbers: all, or those whose number is asked for."""
    found = {path.name.split("_")[0]: path for path in sorted(folder.glob("[0-9]*_*.ipynb"))}
    if not found:
        raise FileNotFoundError(f"{folder} holds no notebooks; install from a clone: pip install -e .")
    asked = found if numbers is None else [number.zfill(2) for number in numbers]
    for number in asked:
        if number not in found:
            raise ValueError(f"--notebook {number}: there is none with this number; use {', '.join(found)}")
    return [path for number, path in found.items() if number in asked]


def _publish(config: Config, overrides: dict[str, Any]) -> Path:
    """Publish the plain demo preset into ``figures/``; return the folder where the figures lie."""
    from i2v_lib.drawn import contact_sheet
    from i2v_lib.explorers.page import export_explorer
    from i2v_lib.run import Run
    from i2v_lib.show.report import publish

    run = Run(config)
    if config.preset != "demo" or overrides:
        return run.figures
    pages = {
        "explorer.html": lambda path: export_explorer(run, path),
        "contact_sheet.png": lambda path: contact_sheet(config, 24, columns=8).save(path, optimize=True),
    }
    publish(run, home() / "figures", pages)
    return home() / "figures"
