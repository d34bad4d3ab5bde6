"""The map explorer: in the three front ends with its kernel, and in a bare page, where a stand-in answers for one."""

import importlib.util
import io
import re

import nbformat
import numpy as np
import pytest
from PIL import Image

from i2v_lib.explorers.map import MapExplorer
from i2v_lib.explorers.map_data import MapData
from tests.browser.fronts import FRONTS, PATIENCE, READY, ours, portraits, screenshot
from tests.browser.servers import ROOT
from tests.made_maps import NASTY, made_map

SPEC = importlib.util.spec_from_file_location("map_benchmark", ROOT / "benchmarks" / "map_explorer.py")
benchmark = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(benchmark)

WATCHED = """import ipywidgets
label = ipywidgets.Label()
say = lambda _: setattr(label, "value", f"picked {bool(explorer.picked)}, {len(explorer.selected)} selected, "
                        f"{explorer.colors}, start {explorer.start == explorer.picked}")
explorer.observe(say, ["picked", "selected", "colors", "start"])
explorer.height = 420
label"""


@pytest.fixture
def page(browser, watch):
    with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
        page = context.new_page()
        watch.follow(page)
        yield page


@pytest.mark.parametrize("front", FRONTS)
def test_it_works_in_each_front_end(show, front):
    notebook = ours("07_tsne_map", keep=["drawn", "layout", "regions", "explore"])
    notebook.cells.append(nbformat.v4.new_code_cell(WATCHED))
    page = show(front, notebook, theme="dark" if front == "notebook" else "light")
    canvas = page.locator(".i2v-canvas").last
    canvas.wait_for()
    canvas.scroll_into_view_if_needed()
    page.wait_for_timeout(1500)
    screenshot(page, f"map-{front}")
    canvas.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.get_by_text("picked True, 0 selected, [], start False").wait_for()
    page.get_by_text("Use as start", exact=True).last.click()
    page.get_by_text("picked True, 0 selected, [], start True").wait_for()
    tag = page.locator(".i2v-chip").first.inner_text()
    page.locator(".i2v-chip").first.click()
    page.get_by_text(f"picked True, 0 selected, ['{tag}'], start True").wait_for()
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.keyboard.down("Shift")
    wide, high = 0.4 * box["width"], 0.3 * box["height"]
    page.mouse.move(x - wide, y - high)
    page.mouse.down()
    for dx, dy in ((wide, -high), (wide, high), (-wide, high)):
        page.mouse.move(x + dx, y + dy, steps=5)
    page.mouse.up()
    page.keyboard.up("Shift")
    page.get_by_text("picked False, ").wait_for()
    assert int(page.get_by_text("picked False, ").inner_text().split()[2]) > 5
    screenshot(page, f"map-{front}-lasso")
    portraits(page, front, "map", lambda page: page.locator(".i2v-canvas").last)
    if front == "lab":
        check_it_comes_back(page)


def check_it_comes_back(page):
    """The page is loaded again while the kernel lives: what was chosen is chosen, and pictures are sent anew."""
    page.locator(".i2v-canvas").last.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.get_by_text("picked True, ").wait_for()
    name = page.locator(".i2v-name").last.inner_text()
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    page.reload()
    page.wait_for_function(READY, timeout=PATIENCE)
    canvas = page.locator(".i2v-canvas").last
    canvas.wait_for()
    assert page.locator(".i2v-name").last.inner_text() == name
    page.locator(".i2v-as-start").last.click()
    page.get_by_text(re.compile(r"picked True, .*start True")).wait_for()
    page.wait_for_timeout(1500)
    shown = np.asarray(Image.open(io.BytesIO(canvas.screenshot())).convert("RGB"))
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) > 1000  # pictures, not only places


def test_two_views_share_what_is_chosen(page):
    data, _ = made_map(80)
    widget = MapExplorer(data)
    benchmark.show_widget(page, widget)
    script = """async () => {
        const second = document.body.appendChild(document.createElement("div"));
        window.widget.render({ model: window.model, el: second });
    }"""
    page.evaluate(script)
    page.locator(".i2v-canvas").nth(1).wait_for()
    page.get_by_label("Search tags").first.fill("long hair")
    assert page.get_by_text("27 found").count() == 2
    page.evaluate("window.change('region', 'a'); window.change('colors', ['hat'])")
    assert page.locator(".i2v-key").all_inner_texts() == ["●\nhat\n40 ×"] * 2
    page.evaluate("window.change('picked', 'made-7')")
    assert page.locator(".i2v-name").all_inner_texts() == ["made-7"] * 2
    page.locator(".i2v-as-end").first.click()
    assert page.evaluate("window.model.get('end')") == "made-7"
    page.evaluate("window.change('end', 'elsewhere')")
    assert page.evaluate("window.model.get('end')") == "elsewhere"
    page.evaluate("window.gone()")  # as a front end does when an output is cleared
    page.locator(".i2v-as-start").last.click()
    assert page.evaluate("window.model.get('start')") == "made-7"


def test_a_map_whose_kernel_is_gone_stays_usable_and_says_so(page):
    data, colors = made_map(200)
    widget = MapExplorer(data)
    seen = benchmark.show_widget(page, widget)
    benchmark.wait_until_quiet(page, seen)

    def gone(level, sheet):
        raise OSError(f"the disk went away {NASTY}")

    object.__setattr__(data, "pictures", gone)
    box = page.locator(".i2v-canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for _ in range(8):
        page.mouse.wheel(0, -150)
    page.get_by_text(f"OSError: the disk went away {NASTY}; what has been loaded stays").wait_for()
    assert page.evaluate("window.hacked") is None
    shown = np.asarray(Image.open(io.BytesIO(page.locator(".i2v-canvas").screenshot())).convert("RGB"))[::7, ::7]
    away = np.abs(shown.reshape(-1, 1, 3).astype(int) - colors.astype(int)).sum(axis=2)
    assert ((away < 40).sum(axis=0) > 3).sum() > 3  # some coarse pictures are there
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert page.evaluate("window.model.get('picked')").startswith("made-")


def test_an_error_before_anything_is_loaded_is_shown(page):
    broken, _ = made_map(10)
    widget = MapExplorer(MapData(**{**vars(broken), "tags": {"general": [[]]}}))
    with pytest.raises(Exception, match="Timeout"):
        benchmark.show_widget(page, widget, patience=1500)
    assert "load: IndexError" in page.get_by_role("status").inner_text()


def test_the_papers_number_is_usable(page):
    widget = MapExplorer(benchmark.made_map(76_003))
    seen = benchmark.show_widget(page, widget)
    benchmark.wait_until_quiet(page, seen)
    assert seen["largest"] < 10_000_000
    assert seen["messages"] < 60  # of more than 4,000 sheets, only those in view
    box = page.locator(".i2v-canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for _ in range(16):
        page.mouse.wheel(0, -200)
    benchmark.wait_until_quiet(page, seen)
    assert seen["messages"] < 120
    page.locator(".i2v-canvas").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert page.evaluate("window.model.get('picked')").startswith("made-")
    page.get_by_label("Search tags").fill("tag 3")
    assert page.get_by_text(" found").is_visible()
    screenshot(page, "map-76003")
