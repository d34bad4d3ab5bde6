"""How soon the explorers answer and how smoothly the map moves, as tables made of what the benchmarks recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from i2v_lib.show.measured import digits
from i2v_lib.show.readme import markdown_table

LOOKS = {
    "another_illustration": "another illustration",
    "where_a_tag_was_seen": "where a tag was seen",
    "a_dropped_picture": "a picture that was dropped",
}
CHANGES = {"new_ends": "new ends", "first_time_of_a_k": "first use of a K", "k_again": "this K again"}


def morphing_table(record: Mapping[str, Any]) -> str:
    """Milliseconds from a change of a widget to the message with the new path, its thumbnails included, by size."""
    rows = []
    for size in record["sizes"]:
        answers = [size["shown"]["milliseconds"][change] for change in CHANGES]
        what = f"{size['nodes']:,} ({size['illustrations']})"
        rows.append([what, *(f"{digits(a['median'])} ({digits(a['high'])})" for a in answers)])
    return markdown_table(["illustrations", *(f"{name}, ms" for name in CHANGES.values())], rows)


def map_table(record: Mapping[str, Any]) -> str:
    """Frames a second while the map is dragged and zoomed, by size and by how near it is seen."""
    rows = []
    for size in record["sizes"]:
        views = list(dict.fromkeys(move["view"] for move in size["moves"]))
        for view in views:
            moves = {move["motion"]: move for move in size["moves"] if move["view"] == view}
            rates = [digits(moves[motion]["frames_per_second"]) for motion in ("drag", "zoom")]
            slow = max(move["frame_ms_95"] for move in moves.values())
            rows.append([f"{size['illustrations']:,}", view, *rates, digits(slow)])
    heads = ["illustrations", "seen", "frames/s, dragged", "frames/s, zoomed", "ms, 95 % of frames within"]
    return markdown_table(heads, rows, left=(0, 1))


def panel_sentence(record: Mapping[str, Any]) -> str:
    """How soon the panel of notebooks 3 and 4 shows what was asked for."""
    times = record["panel"]["milliseconds"]
    spans = {key: f"{digits(found['median'])} ms ({digits(found['high'])})" for key, found in times.items()}
    said = [f"{what} in {spans[key]}" for key, what in LOOKS.items()]
    return f"The panel of the demo run shows {', '.join(said[:-1])} and {said[-1]}."


def render_explorers(morphing: Mapping[str, Any], frames: Mapping[str, Any]) -> str:
    """Both tables, with how they were measured."""
    machine, canvas = morphing["machine"], frames["machine"]
    largest = max(size["largest_message_bytes"] for size in frames["sizes"]) / 1e6
    return "\n\n".join(
        [
            f"The morphing explorer on {machine['cores']} cores ({machine['cpu']}): from a change to the message with "
            f"the new path, thumbnails included; medians of {morphing['runs']} runs, in brackets the slowest "
            "(`benchmarks/explorers.py`):",
            morphing_table(morphing),
            *([panel_sentence(morphing)] if "panel" in morphing else []),  # measured where there is a demo run
            f"The map in Chromium {frames['browser']}, drawn by the processor ({canvas['cpu']}, {canvas['cores']} "
            "cores), where no more than 60 frames a second are shown (`benchmarks/map_explorer.py`):",
            map_table(frames),
            f"No message between kernel and browser is larger than {largest:.1f} MB.",
        ]
    )
