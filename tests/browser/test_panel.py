"""The panel of one picture in a browser: choose, slide, click a tag, click a neighbor, go back, drop a picture."""

import io

import nbformat
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.fronts import ours, portraits, screenshot

SIZES = {"lab": (1280, "light"), "notebook": (800, "light"), "voila": (800, "dark")}
RENAMED = """import dataclasses
from i2v_lib.explorers.one_picture import PictureReport
from i2v_lib.explorers.panel import PicturePanel
reports = PictureReport(run, near=True)
word = "<img src=x onerror=console.error('executed')>"
words, tags = run.vocabulary(), list(run.vocabulary().tags)
tags[reports.tags(reports.first(), reports.thresholds())[0]["column"]] = word  # the likeliest
renamed = dataclasses.replace(words, tags=tuple(tags))
run.vocabulary = lambda: renamed
reports._links[1], reports.ids[1] = "javascript:console.error('followed')", word
PicturePanel(reports)"""


def shown(page):
    """The source of the large picture: another one whenever it changes."""
    return page.get_by_role("group", name="the picture that is looked at").locator("img").get_attribute("src")


def changed(page, before):
    image = "document.querySelector('[aria-label=\"the picture that is looked at\"] img')"
    page.wait_for_function(f"before => {image}.src !== before", arg=before)
    return shown(page)


@pytest.mark.parametrize("front", SIZES)
def test_a_picture_is_looked_at_and_then_its_neighbors(show, front):
    width, theme = SIZES[front]
    notebook = ours("04_nearest_neighbors", ["safe", "report", "panel"])
    page = show(front, notebook, theme=theme, width=width, height=1400)
    first = shown(page)
    likeliest = page.get_by_role("region", name="general").get_by_role("button").first
    likeliest.click()  # where was it seen?
    heat = changed(page, first)
    expect(likeliest).to_have_attribute("aria-pressed", "true")
    screenshot(page.locator(".jp-OutputArea-output", has=page.locator(".i2v-tags")).last, f"panel-{front}")

    predicted = page.locator(".i2v-predicted")
    many = predicted.count()
    slider = page.get_by_role("slider").first
    slider.focus()
    for _ in range(8):
        page.keyboard.press("PageUp")
    expect(predicted).not_to_have_count(many)
    page.get_by_role("button", name="F2").click()
    expect(page.get_by_role("status")).to_contain_text("tags are predicted")
    expect(slider).to_be_hidden()

    names = page.get_by_role("group", name="its nearest illustrations")
    name = names.get_by_role("button").nth(1).get_attribute("title")
    names.get_by_role("button").nth(1).click()
    expect(page.get_by_role("status")).to_contain_text(f"{name}: ")
    second = changed(page, heat)
    page.get_by_role("button", name="Back").click()
    changed(page, second)
    expect(page.get_by_role("button", name="Back")).to_be_disabled()
    portraits(page, front, "panel", lambda page: page.locator(".i2v-tags").last)


def test_markup_stays_text_uploads_are_read_and_exceptions_are_seen(show):
    """A tag, an id and a link that would do harm; a picture of one's own; a file that is none."""
    notebook = ours("04_nearest_neighbors", ["safe"])
    notebook.cells.append(nbformat.v4.new_code_cell(RENAMED))
    page = show("lab", notebook, height=1400)
    expect(page.get_by_role("region", name="general").get_by_text("<img src=x onerror")).to_have_count(1)
    chooser = page.get_by_role("group", name="illustrations to look at")
    first = shown(page)

    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)).save(file, "png")
    picture = {"name": "mine <b>.png", "mimeType": "image/png", "buffer": file.getvalue()}
    page.locator("input[type=file]").set_input_files(picture)
    expect(page.get_by_role("status")).to_contain_text("mine <b>.png: ")
    second = changed(page, first)
    page.get_by_role("region", name="general").get_by_role("button").first.click()
    changed(page, second)

    page.locator("input[type=file]").set_input_files(picture | {"name": "none.png", "buffer": b"no picture"})
    expect(page.get_by_role("status")).to_contain_text("BadImageError")
    chooser.get_by_role("button").first.click()
    expect(page.get_by_role("status")).not_to_contain_text("BadImageError")
    expect(page.get_by_role("link", name="<img src=x")).to_have_count(0)
