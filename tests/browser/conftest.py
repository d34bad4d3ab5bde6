"""Fixtures of the browser tests: one browser, one server a front end, a page that must not do anything wrong."""

import os
from contextlib import ExitStack
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import sync_playwright

from tests.browser import chromium, fronts
from tests.browser.servers import ROOT, Server

HERE = Path(__file__).parent
SKIPPED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items):
    """Last of all: a run of the smoke preset stands by then, and nothing slower follows a fault of a unit."""
    items.sort(key=lambda item: HERE in item.path.parents)


def pytest_terminal_summary(terminalreporter, config):
    if config.stash.get(SKIPPED, False):
        terminalreporter.section("browser tests were NOT run", sep="!", red=True, bold=True)
        terminalreporter.write_line(chromium.MISSING)


@pytest.fixture(scope="package")
def browser(request):
    """Chromium; without one the test is skipped, and the end of the tests says so."""
    path = chromium.find_chromium()
    if path is None:
        request.config.stash[SKIPPED] = True
        pytest.skip(chromium.MISSING)
    with sync_playwright() as playwright:
        started = chromium.launch(playwright, path)
        yield started
        started.close()


@pytest.fixture(scope="package")
def servers(browser, checkout, tmp_path_factory):
    """Front end -> its server, started when it is first asked for; all end with the last browser test."""
    folder = tmp_path_factory.mktemp("front ends")
    home = os.environ.get("I2V_SMOKE_HOME") or checkout  # to try one test again and again without training anew
    environment = {"I2V_HOME": str(home), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "2"}
    started = {}
    with ExitStack() as stack:

        def server(front):
            if front not in started:
                started[front] = stack.enter_context(Server(front, folder / "notebooks", environment))
            return started[front]

        yield server


@pytest.fixture(scope="package")
def context(browser):
    """Pages of one context share what the browser has cached of a front end."""
    with browser.new_context() as context:
        yield context


@pytest.fixture
def watch():
    """What the test's pages do wrong; at the end of the test it must be nothing."""
    watch = chromium.Watch()
    yield watch
    assert watch.faults == []


@pytest.fixture
def show(context, servers, watch, request):
    """A function that shows a notebook in a front end, executed, and returns playwright's page.

    Parameters
    ----------
    front : one of "lab", "notebook", "voila"
    notebook : from :func:`tests.browser.fronts.ours`, or a list of code cells
    theme : "light" or "dark"
    width, height : of the window
    """
    opened = []

    def open_page(front, notebook, theme="light", width=1280, height=900):
        server = servers(front)
        notebook = fronts.notebook_of(notebook) if isinstance(notebook, list) else notebook
        name = f"{request.node.name[:40]}-{len(opened)}.ipynb".replace("[", "-").replace("]", "")
        nbformat.write(notebook, server.folder / name)
        page = context.new_page()
        opened.append((page, server))
        page.set_viewport_size({"width": width, "height": height})
        watch.follow(page)
        fronts.visit(page, server, name, theme)
        fronts.run(page, front)
        return page

    yield open_page
    for page, server in opened:
        page.close()
        server.end_kernels()
