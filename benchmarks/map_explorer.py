"""Measure how smoothly the map explorer moves in a browser, at the paper's number of illustrations too.

    python benchmarks/map_explorer.py [--sizes 1000 10000 76003] [--frames 120] [--browser /usr/bin/chromium]

Places are made, points in clusters, and pictures are colored squares. The widget's own script runs in a page; a
stand-in for the kernel answers it with the widget's own answers. Then the map is dragged and zoomed, a little each
frame, seen as a whole and from near. What is measured goes to ``benchmarks/map_explorer.json``: the time from frame to
frame, of which a browser shows 60 a second at most, and how long the page worked for one. A browser without a window
draws on the processor. The machine must be quiet.
"""

from __future__ import annotations

import argparse
import base64
import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright

from i2v_lib.explorers.map import MapExplorer
from i2v_lib.explorers.map_data import MapData
from i2v_lib.search.maps import grid_map
from i2v_lib.show.saving import machine, plain

RECORDS = Path(__file__).with_suffix(".json")
EXACT_GRID = 2000  # up to so many, points are moved onto a grid by linear assignment
VIEWS = {"whole map": 0, "pictures of about 50 px": 3, "pictures of about 140 px": 8}  # times nearer, of 1,000
TURN = 0.24  # logarithm of how much a turn of the wheel zooms
STAND_IN = """async (script) => {
    const traits = await window.traits(), listeners = [];
    const bytes = (text) => new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
    window.model = {
        get: (name) => traits[name],
        set: (name, value) => { traits[name] = value; },
        save_changes: () => {},
        on: (name, act) => listeners.push([name, act]),
        off: () => {},
        send: async (question) => {
            const { answer, parts } = await window.ask(question);
            const heard = listeners.filter(([name]) => name === "msg:custom");
            heard.forEach(([, act]) => act(answer, parts.map(bytes)));
        },
    };
    window.change = (name, value) => {
        traits[name] = value;
        listeners.filter(([heard]) => heard === `change:${name}`).forEach(([, act]) => act());
    };
    const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    window.widget = (await import(url)).default;
    window.gone = window.widget.render({ model: window.model, el: document.getElementById("widget") });
}"""
MOVE = """async ([frames, zooms]) => {
    const canvas = document.querySelector(".i2v-canvas"), box = canvas.getBoundingClientRect();
    const x = box.left + box.width / 2, y = box.top + box.height / 2;
    const pointer = (type, dx, dy) => canvas.dispatchEvent(new PointerEvent(type, {
        pointerId: 1, clientX: x + dx, clientY: y + dy, bubbles: true, button: 0, buttons: 1 }));
    const frame = () => new Promise(requestAnimationFrame);
    const between = [], worked = [];
    if (!zooms) pointer("pointerdown", 0, 0);
    let last = await frame();
    for (let f = 0; f < frames; f++) {
        const angle = f / 15;
        if (zooms) canvas.dispatchEvent(new WheelEvent("wheel", {
            deltaY: -30 * Math.sign(Math.sin(angle + 0.01)), clientX: x, clientY: y, cancelable: true }));
        else pointer("pointermove", 60 * Math.sin(angle), 60 * (1 - Math.cos(angle)));
        const now = await frame(); // resolves among this frame's callbacks, after the map's own
        worked.push(performance.now() - now);
        between.push(now - last);
        last = now;
    }
    if (!zooms) pointer("pointerup", 0, 0);
    return { between: between.slice(1), worked: worked.slice(1) };
}"""


def made_map(count: int, seed: int = 0) -> MapData:
    """A map of points in clusters, with made tags and colored squares as pictures.

    Returns
    -------
    MapData, without cells where there are many: a grid is found by linear assignment
    """
    rng = np.random.default_rng([seed, count])
    clusters = max(count // 60, 1)
    middles, own = rng.normal(0, 30, (clusters, 2)), rng.integers(clusters, size=count)
    layout = middles[own] + rng.normal(0, 30 / clusters**0.5, (count, 2))
    colors = rng.integers(40, 220, (clusters, 3))[own]
    cells, shape = None, (round((1.8 * count) ** 0.5), round((1.25 * count) ** 0.5))
    if count <= EXACT_GRID:
        cells, shape = grid_map(layout, 1.2)

    def squares(some: np.ndarray, side: int) -> np.ndarray:
        images = np.repeat(colors[some].astype(np.uint8), side * side, axis=0).reshape(-1, side, side, 3)
        images[:, : side // 3, : side // 3] = 255 - images[:, : side // 3, : side // 3]
        return images

    general = [[f"tag {k}" for k in sorted({int(c) % 40, int(c) % 7})] for c in own]
    tags = {"general": general, "copyright": [[]] * count, "character": [[f"character {c}"] for c in own]}
    ids = [f"made-{i}" for i in range(count)]
    return MapData(ids, [""] * count, tags, layout, cells, shape, [], squares)


def show_widget(page: Page, widget: MapExplorer, patience: float = 60_000) -> dict[str, int]:
    """Show a map explorer in a page without a kernel; the widget in this process answers.

    Parameters
    ----------
    page : empty
    widget : what is shown
    patience : milliseconds until it must be there

    Returns
    -------
    dictionary that grows: "messages" that were answered, and bytes of the "largest"
    """
    seen = {"largest": 0, "messages": 0}

    def ask(question: dict[str, Any]) -> dict[str, Any]:
        answer, parts = widget.answer(question)
        seen["largest"] = max(seen["largest"], sum(map(len, parts)))
        seen["messages"] += 1
        return {"answer": answer, "parts": [base64.b64encode(part).decode() for part in parts]}

    page.expose_function("ask", ask)
    page.expose_function("traits", lambda: widget.get_state([name for name in widget.keys if not name.startswith("_")]))
    page.set_content("<!doctype html><body><div id='widget' style='width: 1200px'></div></body>")
    page.add_style_tag(content=widget._css)
    page.evaluate(STAND_IN, widget._esm)
    page.locator(".i2v-canvas").wait_for(timeout=patience)
    return seen


def measure(page: Page, count: int, frames: int) -> dict[str, Any]:
    """Show a made map of so many illustrations, move it, and return what that took."""
    start = time.perf_counter()
    data = made_map(count)
    made = time.perf_counter() - start
    widget = MapExplorer(data)
    start = time.perf_counter()
    seen = show_widget(page, widget)
    shown = time.perf_counter() - start
    wait_until_quiet(page, seen)
    quiet = time.perf_counter() - start
    rows, turns = [], 0
    middle = page.locator(".i2v-canvas").bounding_box()
    page.mouse.move(middle["x"] + middle["width"] / 2, middle["y"] + middle["height"] / 2)
    for view, nearer in VIEWS.items():
        wanted = round(np.log(nearer * (count / 1000) ** 0.5) / TURN) if nearer else 0
        for _ in range(wanted - turns):
            page.mouse.wheel(0, -120)
        turns = wanted
        wait_until_quiet(page, seen)
        for motion in ("drag", "zoom"):
            times = page.evaluate(MOVE, [frames, motion == "zoom"])
            wait_until_quiet(page, seen)
            between, worked = np.array(times["between"]), np.array(times["worked"])
            rows.append(
                {
                    "view": view,
                    "motion": motion,
                    "frames_per_second": 1000 * len(between) / between.sum(),
                    "frame_ms_median": np.median(between),
                    "frame_ms_95": np.percentile(between, 95),
                    "work_ms_median": np.median(worked),
                    "work_ms_95": np.percentile(worked, 95),
                }
            )
    sizes = {"largest_message_bytes": seen["largest"], "messages": seen["messages"], "data_bytes": len(widget._blob)}
    seconds = {"made_seconds": made, "first_view_seconds": shown, "all_sheets_seconds": quiet}
    return {"illustrations": count, **seconds, **sizes, "moves": rows}


def wait_until_quiet(page: Page, seen: dict[str, int]) -> None:
    """Wait until no message has come for a while."""
    before = -1
    while before != seen["messages"]:
        before = seen["messages"]
        page.wait_for_timeout(700)


def main() -> None:
    """Measure all sizes, and write what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", type=int, default=[1000, 10_000, 76_003])
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--browser", default=shutil.which("chromium"))
    parser.add_argument("--out", type=Path, default=RECORDS)
    options = parser.parse_args()
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=options.browser, args=arguments)
        rows = []
        for count in options.sizes:
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            rows.append(measure(page, count, options.frames))
            page.close()
            print(json.dumps(plain(rows[-1]), indent=1), flush=True)
        record = {"machine": machine(), "browser": browser.version, "frames": options.frames, "sizes": rows}
        browser.close()
    options.out.write_text(json.dumps(plain(record), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
