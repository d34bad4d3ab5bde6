"""The form of the user study in a browser: votes by mouse and by keyboard, undo, reload, errors."""

import csv

import pytest
from playwright.sync_api import expect

from tests.browser.fronts import FRONTS, portraits, run, screenshot

CELLS = """import numpy as np
from pathlib import Path
from i2v_lib.evaluation.study import draw_trials
from i2v_lib.explorers.study_form import StudyForm
indices = np.arange(30)
pixels = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 3), np.uint8).repeat(12, 1).repeat(12, 2)
trials = draw_trials(np.roll(indices, 1)[:, None], np.roll(indices, 2)[:, None], 2, 3, seed=0)
ids = [f"picture {i}" for i in indices]
StudyForm(trials, pixels.__getitem__, indices, ids, Path("PATH"))"""


def votes(path):
    """Lines of the CSV as (trial, answers), withdrawals among them."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [(row[1], row[6:]) for row in list(csv.reader(file))[1:]]


def asked(page, question):
    return page.get_by_role("radiogroup").nth(question)


@pytest.mark.parametrize("front", FRONTS)
def test_votes_are_cast_taken_back_and_survive_a_reload(show, front, tmp_path):
    path = tmp_path / "votes.csv"
    page = show(front, [CELLS.replace("PATH", str(path))])
    page.get_by_text("0 of 3", exact=True).wait_for()
    assert page.get_by_role("button", name="Next", exact=True).is_disabled()
    for question in range(6):  # by mouse
        asked(page, question).get_by_role("radio", name="right").click()
    screenshot(page, f"form-{front}")
    path.mkdir()  # nothing can be written to it
    page.get_by_role("button", name="Next", exact=True).click()
    page.get_by_role("status").get_by_text("IsADirectoryError").wait_for()
    path.rmdir()
    page.get_by_role("button", name="Next", exact=True).dblclick()
    page.get_by_text("1 of 3", exact=True).wait_for()
    assert votes(path) == [("1", ["right"] * 6)]

    expect(page.get_by_role("button", name="Next", exact=True)).to_be_disabled()
    page.keyboard.type("123412")  # by keyboard: the form still has the focus
    page.keyboard.press("Enter")
    page.get_by_text("2 of 3", exact=True).wait_for()
    page.wait_for_timeout(300)  # late answers would have come
    assert page.get_by_role("radio", checked=True).count() == 0
    assert votes(path)[1:] == [("2", ["left", "right", "both", "neither", "left", "right"])]

    page.keyboard.press("Backspace")
    page.get_by_text("The vote on trial 2 is taken back").wait_for()
    assert votes(path)[2:] == [("2", ["withdrawn"] * 6)]
    expect(asked(page, 2).get_by_role("radio", name="both")).to_have_attribute("aria-checked", "true")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("4")
    page.keyboard.press("Enter")
    page.get_by_text("2 of 3", exact=True).wait_for()
    assert votes(path)[3:] == [("2", ["left", "neither", "both", "neither", "left", "right"])]

    page.reload()
    if front != "voila":  # which executes again by itself
        page.wait_for_function("() => window.jupyterapp")
    run(page, front)
    page.get_by_text("2 of 3", exact=True).wait_for()
    portraits(page, front, "form", lambda page: page.locator(".i2v-ballot"))
    page.locator(".i2v-ballot").focus()
    page.keyboard.type("444444")
    page.keyboard.press("Enter")
    page.get_by_text("Thank you").wait_for()
    assert votes(path)[4:] == [("3", ["neither"] * 6)]
