"""The exported page in a browser: paths, zoom, lasso, bookmarks, colors, search, keys, safety, sizes of screens."""

from itertools import islice

import networkx as nx
import numpy as np
import pytest

from i2v_lib.explorers.page import render_page
from i2v_lib.search.graph import build_graph, morph
from i2v_lib.search.path_finder import describe_path
from tests.browser.fronts import screenshot
from tests.made_maps import NASTY, made_map

COUNT, APART = 120, 110  # illustrations; from the second number on they are a component of their own
WORDS = {"bits": "4,096", "neighbors": 5, "source": "Made pictures."}
PLACE = """i => {
    const { canvas } = window.explorer, box = canvas.canvas.getBoundingClientRect();
    const [x, y] = canvas.camera.toScreen(canvas.xy[2 * i], canvas.xy[2 * i + 1]);
    return [box.left + x, box.top + y];
}"""
PLANE = """([x, y]) => {
    const { canvas } = window.explorer, box = canvas.canvas.getBoundingClientRect();
    return canvas.camera.toPlane(x - box.left, y - box.top);
}"""
PLACES = f"some => some.map({PLACE})"
COLOR = """([x, y]) => {
    const { canvas } = window.explorer.canvas, box = canvas.getBoundingClientRect();
    const scale = canvas.width / box.width;
    const place = [(x - box.left) * scale, (y - box.top) * scale];
    return [...canvas.getContext("2d").getImageData(...place, 1, 1).data].slice(0, 3);
}"""
STATE = "() => window.explorer.store.state"
CAMERA = "() => { const { x, y, scale } = window.explorer.canvas.camera; return [x, y, scale]; }"
CORNER = """() => {
    const { camera } = window.explorer.canvas;
    return [...camera.toScreen(camera.whole.right, camera.whole.bottom), camera.width, camera.height];
}"""
CALM = """() => {
    const { canvas, store } = window.explorer;
    return !canvas.flight && !canvas.change && !canvas.waiting && !store.sheets.pending.size;
}"""


def tied_graph():
    """Nearest neighbors in the plane whose distances are rounded to a few numbers, 0 among them; two components."""
    rng = np.random.default_rng(7)
    points = rng.random((COUNT, 2)) * 8
    points[rng.integers(0, 100, 12)] = points[:12]
    points[APART:] += 100
    far = np.hypot(*(points[:, None] - points[None]).T).T
    np.fill_diagonal(far, np.inf)
    near = np.argsort(far, axis=1, kind="stable")[:, :8]
    return build_graph(near, np.rint(np.take_along_axis(far, near, axis=1)).astype(int))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The page's file, its map, colors and graph."""
    tags = [["hat"] * (i % 2) + ["long hair"] * (i % 3 == 0) + [NASTY] * (i % 40 == 0) for i in range(COUNT)]
    (data, colors), graph = made_map(COUNT, tags), tied_graph()
    path = tmp_path_factory.mktemp("exported") / "explorer page.html"
    path.write_text(render_page(data, graph, WORDS), encoding="utf-8")
    return path, data, colors, graph


@pytest.fixture
def open_page(browser, exported, watch):
    """A function that opens the file as a double click does; its only request is the file itself."""
    contexts = []

    def open_it(width=1280, height=900, theme="light", fragment="", **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme, **options))
        page = contexts[-1].new_page()
        watch.follow(page)
        page.goto(exported[0].as_uri() + fragment)
        page.wait_for_function("() => window.explorer")
        calm(page)
        assert len(watch.take("request to another host: file:///.*explorer%20page.html")) == 1
        return page

    yield open_it
    for context in contexts:
        context.close()


def calm(page):
    """Wait until nothing moves and all that is in view has come."""
    page.wait_for_function(CALM)
    page.wait_for_timeout(250)  # the map is drawn once more when it rests


def click(page, i):
    page.mouse.click(*page.evaluate(PLACE, i))


def clear_ones(page, colors):
    """Which illustrations are seen in their own color, not dimmed: bool array, shape (COUNT,)."""
    seen = page.evaluate(f"some => some.map({PLACE}).map({COLOR})", list(range(COUNT)))
    return np.array([near(*pair, 30) for pair in zip(seen, colors, strict=True)])


def near(color, other, tolerance):
    return np.abs(np.asarray(color, int) - np.asarray(other, int)).max() <= tolerance


def test_paths_are_those_of_python(open_page, exported):
    graph, rng = exported[3], np.random.default_rng(0)
    asked = [(*map(int, rng.integers(0, COUNT, 2)), n) for _ in range(120) for n in (None, 0, 1, 2, 4, 6)]
    asked += [(3, 3, None), (0, COUNT - 1, None), (APART, APART + 1, 40)]
    script = "asked => asked.map(one => window.explorer.morph(window.explorer.graph, ...one))"
    answers = open_page().evaluate(script, asked)
    statuses = []
    for (source, target, n), answer in zip(asked, answers, strict=True):
        ours = morph(graph, source, target, n)
        assert (answer["status"], answer["path"]) == (ours.status, ours.path.tolist()), (source, target, n)
        assert answer["distances"] == ours.distances.tolist()
        statuses.append(ours.status)
    assert statuses.count("found") > 300
    assert {"same", "no_path"} <= set(statuses)
    # The control: many pairs have several shortest paths of as few steps, so that the rule for ties is what is tested.
    network = nx.Graph()
    network.add_weighted_edges_from(zip(graph.owners, graph.ends, graph.weights * COUNT + 1, strict=True))
    free = [(a, b) for (a, b, n), status in zip(asked, statuses, strict=True) if n is None and status == "found"]
    ties = [len(list(islice(nx.all_shortest_paths(network, a, b, "weight"), 2))) for a, b in free]
    assert ties.count(2) > len(ties) / 4


def test_a_morph_is_chosen_on_the_map(open_page, exported, watch):
    _, data, _, graph = exported
    page = open_page()
    start, end = 5, 77
    for i, name in ((start, "Use as start"), (end, "Use as end")):
        click(page, i)
        page.get_by_text(name, exact=True).click()
    page.get_by_label("Number of illustrations").select_option("")
    calm(page)
    ours = morph(graph, start, end)
    assert len(ours.path) > 3
    assert page.locator(".i2v-strip .i2v-strong").all_inner_texts() == [data.ids[i] for i in ours.path]
    assert page.locator(".i2v-distance").all_inner_texts() == [f"{d} bits" for d in ours.distances]
    tags = [[tag for lists in data.tags.values() for tag in lists[i]] for i in range(COUNT)]
    for kind in ("gained", "lost", "kept"):
        told = [step[kind] for step in describe_path(ours.path, data.ids, tags) if step[kind]]
        assert page.locator(f".i2v-{kind}").all_inner_texts() == [", ".join(own) for own in told]
    assert f"{ours.length} bits altogether" in page.locator(".i2v-morph [role=status]").inner_text()
    assert page.evaluate(STATE)["path"] == ours.path.tolist()

    page.get_by_label("Number of illustrations").select_option("6")
    exact = morph(graph, start, end, 6)
    assert len(exact.path) == 8
    assert page.locator(".i2v-strip .i2v-strong").all_inner_texts() == [data.ids[i] for i in exact.path]
    page.get_by_text("Swap", exact=True).click()
    assert page.evaluate(STATE)["path"] == exact.path[::-1].tolist()
    page.reload()
    page.wait_for_function("() => window.explorer?.store.state.path.length")
    assert len(watch.take("request to another host: file:///.*explorer%20page.html")) == 1
    assert page.evaluate(STATE)["path"] == exact.path[::-1].tolist()


@pytest.mark.parametrize(
    ("start", "end", "between", "told"),
    [
        (0, 0, "", "the same illustration"),
        (0, COUNT - 1, "", "No path joins the two"),
        (0, COUNT - 1, "3", "exactly 3 illustrations between, nor with another number"),
        (0, 1, "0", "exactly 0 illustrations between; the shortest has "),
    ],
)
def test_every_outcome_is_told(open_page, start, end, between, told):
    page = open_page(fragment=f"#start=made-{start}&end=made-{end}&between={between}")
    assert told in page.locator(".i2v-morph [role=status]").inner_text()
    assert page.locator(".i2v-strip").count() == 0


def test_the_wheel_zooms_about_the_pointer_and_pictures_sharpen(open_page, exported):
    colors, page = exported[2], open_page()
    i = 17
    x, y = map(round, page.evaluate(PLACE, i))  # the wheel's place is a whole number of pixels
    under, scale = page.evaluate(PLANE, [x, y]), page.evaluate(CAMERA)[2]
    page.mouse.move(x, y)
    for _ in range(6):
        page.mouse.wheel(0, -150)
    calm(page)
    assert page.evaluate(CAMERA)[2] > 4 * scale
    np.testing.assert_allclose(page.evaluate(PLANE, [x, y]), under, atol=1e-9)
    assert near(page.evaluate(COLOR, [x, y]), colors[i], 12)
    levels = page.evaluate("() => [...window.explorer.store.sheets.seen].map(key => Number(key[0]))")
    assert set(levels) == {2}
    for _ in range(30):
        page.mouse.wheel(0, 150)
    calm(page)
    assert page.evaluate(CAMERA)[2] == pytest.approx(scale)
    assert page.evaluate("scrollY") > 0  # where the map cannot zoom out further, the page scrolls


def test_dragging_pans(open_page):
    page = open_page()
    x, y = page.evaluate(PLACE, 40)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y - 35, steps=4)
    page.mouse.up()
    np.testing.assert_allclose(page.evaluate(PLACE, 40), (x + 60, y - 35), atol=1)
    assert page.evaluate(STATE)["picked"] == -1


def test_two_fingers_pinch_and_one_taps(open_page):
    page = open_page(390, 844, has_touch=True, is_mobile=True, device_scale_factor=2)
    session = page.context.new_cdp_session(page)
    page.locator(".i2v-canvas").scroll_into_view_if_needed()
    scale = page.evaluate(CAMERA)[2]
    x, y = page.evaluate(PLACE, 40)

    def touch(kind, *points):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    touch("touchStart", (x - 20, y), (x + 20, y))
    for step in range(1, 11):
        touch("touchMove", (x - 20 - 4 * step, y), (x + 20 + 4 * step, y))
    touch("touchEnd")
    calm(page)
    assert page.evaluate(CAMERA)[2] == pytest.approx(3 * scale, rel=0.05)
    np.testing.assert_allclose(page.evaluate(PLACE, 40), (x, y), atol=3)
    assert page.evaluate(STATE)["picked"] == -1
    touch("touchStart", (x, y))
    touch("touchEnd")
    page.wait_for_function("() => window.explorer.store.state.picked === 40")


def test_a_lasso_selects_what_lies_inside(open_page):
    page = open_page()
    page.get_by_text("Lasso", exact=True).click()
    places = np.array(page.evaluate(PLACES, list(range(COUNT))))
    low, high = (np.quantile(places, share, axis=0) + 5 for share in (0.2, 0.7))  # between the rows of the grid
    corners = [low, (high[0], low[1]), high, (low[0], high[1])]
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=6)
    page.mouse.up()
    within = np.flatnonzero(((places > low) & (places < high)).all(axis=1))
    assert 10 < len(within) < COUNT / 2
    assert page.evaluate(STATE)["selected"] == within.tolist()
    assert page.get_by_text(f"{len(within)} selected").is_visible()
    page.get_by_text("Clear", exact=True).click()
    assert page.evaluate(STATE)["selected"] == []


def test_a_bookmark_leads_to_its_region(open_page, exported):
    region, page = exported[1].regions[0], open_page()
    box = page.locator(".i2v-canvas").bounding_box()
    before = np.ptp(page.evaluate(PLACES, region.members.tolist()), axis=0)
    page.get_by_role("button", name="Show region a: hat").click()
    page.wait_for_timeout(800)
    calm(page)
    places = np.array(page.evaluate(PLACES, region.members.tolist()))
    assert (np.ptp(places, axis=0) > 1.5 * before).all()
    assert ((places > (box["x"], box["y"])) & (places < (box["x"] + box["width"], box["y"] + box["height"]))).all()
    page.get_by_text("t-SNE", exact=True).click()
    page.get_by_role("button", name="Show all").click()
    page.wait_for_timeout(1300)
    assert page.evaluate(STATE)["layout"] == "places"


def test_colors_have_a_legend_and_a_second_cue(open_page, exported):
    data, colors, page = exported[1], exported[2], open_page()
    page.evaluate("() => window.explorer.store.set({ start: -1, end: -1, path: [] })")
    click(page, 1)
    page.get_by_role("button", name="Color the map by hat").click()
    page.get_by_label("Color by").select_option("character")
    assert page.locator(".i2v-key").all_inner_texts() == [f"{s}\nc{k}\n24 ×" for k, s in enumerate("●■▲◆★")]
    for _ in range(5):
        page.locator(".i2v-key").first.click()
    page.get_by_role("button", name="Color the map by hat").click()
    assert page.locator(".i2v-key").all_inner_texts() == [f"●\nhat\n{COUNT // 2} ×"]
    calm(page)
    carried = ["hat" in own for own in data.tags["general"]]
    clear, shown = clear_ones(page, colors), np.array(carried)
    assert np.mean(clear[shown]) > 0.8 > 0.35 > np.mean(clear[~shown])


def test_a_search_is_highlighted(open_page, exported):
    data, colors, page = exported[1], exported[2], open_page()
    field = page.get_by_label("Search tags")
    field.fill("long h")
    assert page.locator(".i2v-option").all_inner_texts() == [f"long hair\ngeneral · {COUNT // 3}"]
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert field.input_value() == "long hair"
    field.fill("long hair, -hat")
    expected = ["long hair" in own and "hat" not in own for own in data.tags["general"]]
    assert page.get_by_text(f"{sum(expected)} found").is_visible()
    assert page.evaluate("() => [...window.explorer.store.matches]") == [int(one) for one in expected]
    page.keyboard.press("Escape")
    calm(page)
    clear, shown = clear_ones(page, colors), np.array(expected)
    assert np.mean(clear[shown]) > 0.8 > 0.35 > np.mean(clear[~shown])
    field.fill("made-33")
    assert page.get_by_text("1 found").is_visible()
    field.fill("no such tag")
    assert page.get_by_text("0 found").is_visible()
    field.fill("")
    assert page.evaluate("() => window.explorer.store.matches") is None


def test_keys_do_what_the_mouse_does(open_page):
    page = open_page()
    page.locator(".i2v-canvas").focus()
    outline = "() => getComputedStyle(document.activeElement).outlineStyle"
    page.keyboard.press("ArrowRight")
    assert page.evaluate(outline) == "solid"
    x, y, scale = page.evaluate(CAMERA)
    page.keyboard.press("+")
    page.keyboard.press("+")
    assert page.evaluate(CAMERA)[2] == pytest.approx(scale * 1.69)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    moved = page.evaluate(CAMERA)
    assert (moved[0] < x, moved[1] > y) == (True, True)
    page.keyboard.press("Enter")  # takes the one at the middle
    cursor = "() => window.explorer.canvas.cursor"
    first = page.evaluate(cursor)
    assert first >= 0
    page.keyboard.press("Tab")
    second = page.evaluate(cursor)
    assert second not in (first, -1)
    assert page.locator(".i2v-unseen").inner_text().startswith(f"made-{second}: ")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate(cursor) == first
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate(STATE)["picked"] == second
    page.keyboard.press("Escape")
    assert page.evaluate(cursor) == -1
    page.keyboard.press("Tab")  # nobody is caught in the map
    assert page.evaluate("() => document.activeElement.className") != "i2v-canvas"
    page.locator(".i2v-canvas").focus()
    page.keyboard.press("0")
    page.wait_for_timeout(800)
    assert page.evaluate("() => window.explorer.canvas.camera.fitted")


def test_a_tag_stays_text(open_page):
    page = open_page(fragment="#start=made-40&end=made-80&between=4")
    page.get_by_label("Search tags").fill("<img")
    assert NASTY in page.locator(".i2v-option").first.inner_text()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    click(page, 40)
    chip = page.get_by_role("button", name=f"Color the map by {NASTY}")
    assert chip.inner_text() == NASTY
    chip.click()
    assert NASTY in page.locator(".i2v-legend").inner_text()
    page.mouse.move(*page.evaluate(PLACE, 80))
    assert NASTY in page.locator(".i2v-tip").inner_text()
    assert NASTY in page.locator(".i2v-strip").inner_text()
    assert page.locator("img").count() == 0
    assert page.evaluate("window.hacked") is None


def test_the_page_can_ask_nothing_of_a_network(open_page, watch):
    page = open_page()
    for address in ("https://127.0.0.1:1/x", "file:///etc/hostname"):
        assert page.evaluate("address => fetch(address).then(() => 'read', () => 'refused')", address) == "refused"
    refused = watch.take("Content Security Policy|Fetch API")
    assert all(any(address in fault for fault in refused) for address in ("127.0.0.1:1", "/etc/hostname"))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 800, 390])
def test_it_fits_every_screen(open_page, theme, width):
    page = open_page(width, 900 if width > 400 else 844, theme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator(".i2v-canvas").bounding_box()
    assert box["width"] > min(width * 0.55, 700)
    corner = page.evaluate(COLOR, [box["x"] + 3, box["y"] + 3])
    assert (np.mean(corner) > 200) == (theme == "light")
    screenshot(page, f"page-{width}-{theme}")


def test_it_bears_a_hidden_map_and_another_size(open_page):
    page = open_page()
    page.evaluate("document.getElementById('map').style.display = 'none'")
    page.wait_for_timeout(100)
    page.set_viewport_size({"width": 900, "height": 700})
    page.evaluate("document.getElementById('map').style.display = ''")
    calm(page)
    x, y, width, height = page.evaluate(CORNER)
    assert 0 < x < width < 900
    assert 0 < y < height
