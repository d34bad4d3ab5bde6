"""Open a notebook in one of the three front ends, execute it, choose a theme, take a picture of it."""

import os
import re
from pathlib import Path
from urllib.parse import quote

import nbformat

from .servers import ROOT

FRONTS = ("lab", "notebook", "voila")
PATIENCE = 60_000  # milliseconds for a front end to open
EXECUTION = 400_000  # for all cells: on the first time a network is trained
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
PATHS = {
    "lab": "/lab/tree/{}?reset&token={}",
    "notebook": "/notebooks/{}?token={}",
    "voila": "/voila/render/{}?token={}",
}
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}

READY = """() => {
    const widget = window.jupyterapp?.shell?.currentWidget;
    return widget?.context?.isReady && widget.sessionContext.session?.kernel?.status === 'idle';
}"""
# The promise is not awaited: it may outlive what a page waits for.
RUN = """() => {
    window.executed = null;
    window.jupyterapp.commands.execute('notebook:run-all-cells').then(
        () => { window.executed = 'done'; }, error => { window.executed = String(error); });
}"""
SHOWN = "() => document.querySelector('#rendered_cells') && !document.querySelector('#loading')"  # Voila
ERRORS = """() => {
    const cells = window.jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON().cells;
    const outputs = cells.flatMap(cell => cell.outputs ?? []);
    return outputs.filter(o => o.output_type === 'error').map(o => o.traceback.join('\\n'));
}"""


def notebook_of(cells):
    """A notebook of code cells, given as texts."""
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells], metadata=KERNEL)


def ours(name, keep=None, overrides=None):
    """One of the kit's notebooks on the ``smoke`` preset.

    Parameters
    ----------
    name : such as "04_nearest_neighbors"
    keep : ids of the cells to keep beside those of the parameters and the setup; None keeps all
    overrides : fields of the config
    """
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    cell = {cell.id: cell for cell in notebook.cells}
    cell["parameters"].source = f'PRESET = "smoke"\nOVERRIDES = {overrides or {}!r}'
    if keep is not None:
        notebook.cells = [cell[name] for name in ("parameters", "setup", *keep)]
    return notebook


def visit(page, server, name, theme="light"):
    """Open a notebook that lies in the server's folder. Voila executes it at once, the others wait for :func:`run`."""
    address = server.url + PATHS[server.front].format(quote(name), server.token)
    if server.front == "voila":
        page.goto(f"{address}&theme={theme}", wait_until="commit")
    else:
        page.goto(address, timeout=PATIENCE)
        page.wait_for_function(READY, timeout=PATIENCE)
        change_theme(page, theme)


def change_theme(page, theme):
    """Of JupyterLab or Notebook 7, while a notebook is open."""
    page.evaluate(f"window.jupyterapp.commands.execute('apputils:change-theme', {{theme: '{THEMES[theme]}'}})")
    page.wait_for_function(f"() => document.body.dataset.jpThemeName === '{THEMES[theme]}'", timeout=PATIENCE)


def run(page, front):
    """Execute all cells, and wait until they are done.

    Raises
    ------
    AssertionError
        If a cell fails, with its traceback.
    """
    if front == "voila":
        page.wait_for_function(SHOWN, timeout=EXECUTION)
        errors = page.locator("[data-mime-type='application/vnd.jupyter.stderr']").all_inner_texts()
        errors = [text for text in errors if "Traceback" in text]
    else:
        page.wait_for_function(READY, timeout=PATIENCE)
        page.evaluate(RUN)
        page.wait_for_function("() => window.executed", timeout=EXECUTION)
        errors = page.evaluate(ERRORS)
    assert not errors, "\n".join(errors)


def portraits(page, front, name, find):
    """Keep pictures of an explorer in both themes and two widths, if ``$I2V_PORTRAITS`` is set: they take a while.

    Parameters
    ----------
    page : shows the explorer
    front : one of :data:`FRONTS`; Voila executes anew for another theme
    name : of the explorer, the beginning of the files' names
    find : function of the page to the part that must be seen
    """
    if not os.environ.get("I2V_PORTRAITS"):
        return
    for theme in THEMES:
        if front == "voila":
            page.goto(re.sub(r"theme=\w+", f"theme={theme}", page.url), wait_until="commit")
            run(page, front)
        else:
            change_theme(page, theme)
        for width in (1280, 800):
            page.set_viewport_size({"width": width, "height": 1000})
            find(page).wait_for()
            find(page).scroll_into_view_if_needed()
            page.wait_for_timeout(1500)
            screenshot(page, f"{name}-{front}-{theme}-{width}")


def screenshot(target, name):
    """Keep a picture of a page or a part of it in ``$I2V_SCREENSHOTS``, or in ``runs/browser/``."""
    folder = Path(os.environ.get("I2V_SCREENSHOTS") or ROOT / "runs" / "browser")
    folder.mkdir(parents=True, exist_ok=True)
    target.screenshot(path=folder / f"{name}.png")
