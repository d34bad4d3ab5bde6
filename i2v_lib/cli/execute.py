"""Execute a notebook with papermill, and refuse parameters that it does not have."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import papermill

from i2v_lib.config import load_config
from i2v_lib.explorers.static_png import VIEW

TIMEOUT = 3 * 3600  # seconds a cell may take
QUIET = ["--IPKernelApp.log_level=ERROR"]  # each kernel would warn that it is not encrypted on its way to this process


def run_notebook(path: Path, out: Path, parameters: Mapping[str, Any], timeout: int = TIMEOUT) -> Path:
    """Execute a notebook into ``out``, whatever the working directory.

    Parameters
    ----------
    path : the notebook; it is not changed
    out : the executed copy, written cell by cell
    parameters : ``PRESET`` and ``OVERRIDES``, to replace those of the cell tagged "parameters"
    timeout : seconds a cell may take

    Raises
    ------
    ValueError
        For a parameter that the notebook does not have (papermill itself only warns), or an unknown preset.
    TypeError
        For a misspelt override.
    papermill.PapermillExecutionError
        If a cell fails.
    """
    known = papermill.inspect_notebook(str(path))
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        raise ValueError(f"{path.name} has no parameter {', '.join(unknown)}; it has {', '.join(known) or 'none'}")
    load_config(parameters.get("PRESET", "demo"), **parameters.get("OVERRIDES", {}))
    out.parent.mkdir(parents=True, exist_ok=True)
    papermill.execute_notebook(
        str(path),
        str(out),
        dict(parameters),
        kernel_name="python3",
        execution_timeout=timeout,
        store_widget_state=False,
        progress_bar=False,
        extra_arguments=QUIET,
    )
    drop_dead_views(out)
    return out


def drop_dead_views(path: Path) -> None:
    """Take widgets' views out of an executed notebook wherever a picture stands in for them.

    Without the kernel's state, which is not kept, a front end would say that there is no model instead.
    """
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    views = [
        output.data
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if {VIEW, "image/png"} <= set(output.get("data", {}))
    ]
    for data in views:
        del data[VIEW]
    if views:
        nbformat.write(notebook, path)
