"""The morphing explorer of notebook 06 in a real browser."""

import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.fronts import change_theme, ours, portraits, screenshot

CELLS = ["graph", "paths", "explore"]
MARKUP = "<img src=x onerror=window.broken=1>"
EXECUTE = """code => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel
    .requestExecute({ code }).done.then(reply => reply.content.status)"""


class Explorer:
    """What a person sees and does."""

    def __init__(self, page):
        self.page = page
        self.grid = page.get_by_role("group", name="illustrations").get_by_role("button")
        self.strip = page.get_by_role("group", name="the path, from start to end")
        self.wishes = page.get_by_role("group", name="to pass and left out").get_by_role("button")
        self.status = page.locator(".i2v-status").last
        self.pictures = self.strip.locator(".i2v-picture")
        self.pictures.first.wait_for()

    def path(self):
        """Ids of the path, as they stand in its captions."""
        return self.strip.locator(".i2v-strong").all_inner_texts()

    def changes(self, act):
        """Do something, wait until the path is another one, and return it."""
        before = self.path()
        act()
        self.page.wait_for_function(
            """before => {
                const ids = [...document.querySelectorAll('.i2v-strip .i2v-strong')].map(line => line.innerText);
                return ids.length && ids.join() !== before;
            }""",
            arg=",".join(before),
        )
        return self.path()

    def says(self, text):
        """Wait until the status line begins so."""
        self.status.filter(has_text=re.compile(f"^{text}")).wait_for()


def open_explorer(show, front, **options):
    page = show(front, ours("06_semantic_morphing", keep=CELLS), **options)
    explorer = Explorer(page)
    explorer.strip.scroll_into_view_if_needed()
    return explorer


def choose_two(explorer):
    """Two clicks, a start and an end; what was clicked and the path."""
    names = [explorer.grid.nth(i).get_attribute("title") for i in (3, 8)]
    explorer.page.get_by_role("button", name="Start", exact=True).click()
    explorer.grid.nth(3).click()
    explorer.page.wait_for_function(
        """name => document.querySelector('.i2v-strip .i2v-strong').innerText === name
            && [...document.querySelectorAll('.mod-active')].some(button => button.innerText.trim() === 'End')""",
        arg=names[0],  # the next click chooses the end once the kernel has said so
    )
    path = explorer.changes(explorer.grid.nth(8).click) if explorer.path()[-1] != names[1] else explorer.path()
    return names, path


def move_k(explorer, times):
    """Move the slider of K by the keyboard."""
    handle = explorer.page.locator(".noUi-handle").first
    handle.focus()
    for _ in range(times):
        handle.press("ArrowRight")


def test_in_jupyterlab(show, tmp_path):
    """Two pictures by clicks, a step replaced and kept, K, tags, markup, a dropped file, an exception."""
    explorer = open_explorer(show, "lab")
    page = explorer.page
    names, path = choose_two(explorer)
    assert [path[0], path[-1]] == names
    explorer.says(f"{len(path)} pictures, ")
    assert explorer.strip.locator(".i2v-badge").all_inner_texts() == ["start", "end"]
    assert explorer.strip.locator(".i2v-step").count() == len(path) - 1
    explorer.pictures.last.scroll_into_view_if_needed()
    screenshot(page, "morphing-lab-light-1280")

    # a step is left out, another is kept; a wish is taken back by the keyboard
    without = explorer.changes(explorer.pictures.nth(1).click)
    assert path[1] not in without
    explorer.strip.get_by_role("button", name=re.compile("^keep: ")).first.click()
    explorer.strip.get_by_text("let go").wait_for()
    assert explorer.wishes.count() == 2
    explorer.wishes.first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(explorer.wishes).to_have_count(1)
    page.get_by_role("button", name="take all back").click()

    # another graph
    page.wait_for_timeout(200)
    explorer.changes(lambda: move_k(explorer, 15))
    explorer.says(f"{len(explorer.path())} pictures")

    # tags, and the keyboard in the grid
    search = page.get_by_placeholder("tags or an id")
    everything = page.get_by_text(re.compile(r"^1–24 of ")).inner_text()
    search.fill("solo")
    search.press("Enter")
    page.wait_for_function("old => !document.body.innerText.includes(old)", arg=everything)
    explorer.grid.first.focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    chosen = explorer.grid.nth(explorer.grid.count() - 2).get_attribute("title")
    assert explorer.changes(lambda: page.keyboard.press("Enter"))[-1] == chosen

    # markup stays text
    tagged = f"explorer.transitions.tags[explorer.source].append({MARKUP!r}); explorer._changed()"
    assert page.evaluate(EXECUTE, tagged) == "ok"
    explorer.strip.get_by_text(MARKUP).first.wait_for()
    assert page.evaluate("() => [window.broken, document.querySelector('img[src=x]')]") == [None, None]

    # a file is encoded on the spot; its name stays text, too
    file = tmp_path / "<b>mine<b>.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 60, 3), np.uint8)).save(file)
    page.get_by_role("button", name="Start", exact=True).click()
    with page.expect_file_chooser() as chooser:
        page.locator(".i2v-drop").click()
    assert explorer.changes(lambda: chooser.value.set_files(file))[0] == file.name
    page.set_viewport_size({"width": 800, "height": 1000})
    change_theme(page, "dark")
    explorer.pictures.first.scroll_into_view_if_needed()
    screenshot(page, "morphing-lab-dark-800")

    # an exception in a callback is seen, and passes
    assert page.evaluate(EXECUTE, "find = explorer.transitions.find; explorer.transitions.find = None") == "ok"
    page.get_by_role("button", name="swap").click()
    explorer.says("TypeError: 'NoneType' object is not callable")
    screenshot(page, "morphing-lab-exception")
    assert page.evaluate(EXECUTE, "explorer.transitions.find = find") == "ok"
    page.get_by_role("button", name="random pair").click()
    explorer.says(r"\d+ pictures, |No path")
    portraits(page, "lab", "morphing", lambda page: page.locator(".i2v-strip .i2v-picture").first)


@pytest.mark.parametrize("front", ["notebook", "voila"])
def test_the_main_path_elsewhere(show, front):
    """Two pictures, another K, a step replaced; dark and narrow."""
    explorer = open_explorer(show, front, theme="dark", width=800)
    names, path = choose_two(explorer)
    assert [path[0], path[-1]] == names
    without = explorer.changes(explorer.pictures.nth(1).click)
    assert path[1] not in without
    move_k(explorer, 1)
    explorer.says(r"\d+ pictures")
    explorer.grid.first.focus()  # and by the keyboard
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "End", "ArrowLeft"):
        explorer.page.keyboard.press(key)
    chosen = explorer.grid.nth(explorer.grid.count() - 2).get_attribute("title")
    assert explorer.changes(lambda: explorer.page.keyboard.press("Enter"))[-1] == chosen
    explorer.page.wait_for_timeout(300)
    screenshot(explorer.page, f"morphing-{front}-dark-800")
    wide = explorer.page.evaluate("() => document.querySelector('.i2v-strip').scrollWidth")
    assert wide <= 800
    portraits(explorer.page, front, "morphing", lambda page: page.locator(".i2v-strip .i2v-picture").first)
