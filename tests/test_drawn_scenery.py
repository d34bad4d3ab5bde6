"""Backgrounds, items, effects, machines, animals: each is repeatable, visible, and found where it is."""

from __future__ import annotations

import random
from types import SimpleNamespace

import numpy as np
import pytest

from i2v_lib.drawn.animals import ANIMALS
from i2v_lib.drawn.backgrounds import BACKGROUNDS, GROUPS
from i2v_lib.drawn.canvas import Canvas, Frame
from i2v_lib.drawn.effects import EFFECTS, speech_bubble
from i2v_lib.drawn.items import ITEMS
from i2v_lib.drawn.machines import MACHINES
from i2v_lib.drawn.shapes import rectangle
from i2v_lib.drawn.stencil import Stencil, fill, ink, main

SIDE = 216
PAPER = (120, 120, 160)
RED, BLUE = (220, 70, 90), (70, 120, 210)


def _drawings():
    """Every entry as (tag, function of canvas and rng)."""
    for tag, item in ITEMS.items():
        yield tag, lambda c, r, f=item.draw: f(c, Frame(108, 120, 22), RED)
    for tag, effect in EFFECTS.items():
        yield tag, lambda c, r, f=effect: f(c, r, 108, 108, 110)
    for tag, machine in MACHINES.items():
        yield tag, lambda c, r, f=machine: f(c, Frame(108, 100, 18), r, RED, BLUE)
    for tag, animal in ANIMALS.items():
        yield tag, lambda c, r, f=animal: f(c, Frame(108, 100, 40), r, RED)
    yield "speech bubble", lambda c, r: speech_bubble(c, r, 108, 80, 130, 80, (70, 180))


DRAWINGS = list(_drawings())


def _canvas(sketch: bool = False) -> Canvas:
    """An empty canvas of figure 1; its mask is all scenery, so that only what is drawn counts."""
    hand = SimpleNamespace(line_weight=0.006, line_color=(40, 32, 48), shading="cel", tint=lambda c: c)
    canvas = Canvas(SIDE, SIDE, hand, PAPER)
    canvas.owner, canvas.sketch = 1, sketch
    return canvas


def _pixels(draw, seed: int, **options) -> np.ndarray:
    canvas = _canvas(**options)
    draw(canvas, random.Random(seed))
    return np.asarray(canvas.image)


@pytest.mark.parametrize(("tag", "draw"), DRAWINGS, ids=[tag for tag, _ in DRAWINGS])
def test_drawing_is_repeatable_and_visible(tag, draw):
    for seed in (1, 2):
        canvas = _canvas()
        draw(canvas, random.Random(seed))
        pixels = np.asarray(canvas.image)
        np.testing.assert_array_equal(pixels, _pixels(draw, seed))
        assert (pixels != PAPER).any(-1).mean() > 0.008  # at least some 20 × 20 pixels
        assert tag in canvas.visible()[1]


@pytest.mark.parametrize(("tag", "draw"), DRAWINGS, ids=[tag for tag, _ in DRAWINGS])
def test_drawing_behind_something_is_not_seen(tag, draw):
    canvas = _canvas()
    draw(canvas, random.Random(1))
    canvas.owner = 2
    canvas.part(rectangle(0, 0, SIDE, SIDE), RED)
    assert canvas.visible()[1] == set()


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_background_covers_the_canvas_and_names_itself(name):
    for seed in range(2):
        canvas = _canvas()
        canvas.owner = 0
        BACKGROUNDS[name](canvas, random.Random(seed))
        pixels = np.asarray(canvas.image)
        np.testing.assert_array_equal(pixels, _pixels(BACKGROUNDS[name], seed))
        # any color but the paper's, which none of the palettes holds
        assert (pixels == PAPER).all(-1).mean() < 0.001
        assert name in canvas.visible()[0]


@pytest.mark.parametrize("name", [name for name, group in GROUPS.items() if group != "simple"])
def test_backgrounds_vary(name):
    pictures = {_pixels(BACKGROUNDS[name], seed).tobytes() for seed in range(3)}
    assert len(pictures) == 3


def test_every_background_has_a_group():
    assert GROUPS.keys() == BACKGROUNDS.keys()
    assert set(GROUPS.values()) == {"outdoors", "indoors", "simple"}


def test_a_sketch_has_no_color():
    for name in ("sunset", "space", "forest", "room", "starry background"):
        plain, sketched = (_pixels(BACKGROUNDS[name], 1, sketch=sketch) for sketch in (False, True))
        assert np.ptp(plain, axis=-1).mean() > 10  # the control
        assert np.ptp(sketched, axis=-1).max() == 0


def test_an_item_points_up_from_the_grip():
    for item in ITEMS.values():
        canvas = _canvas()
        item.draw(canvas, Frame(108, 180, 20), RED)
        rows = np.flatnonzero((np.asarray(canvas.image) != PAPER).any((1, 2)))
        assert (180 - rows[0]) / 20 == pytest.approx(item.length, abs=0.35), item.tag


def test_stencil_maps_like_its_frame():
    whole, half = rectangle(0, 0, 1, 1), rectangle(0, 0, 0.5, 1)
    square = Stencil(ink(whole, main, weight=0), fill(half, BLUE), marks=[(0.2, 0.5), (0.8, 0.5)])
    canvas = _canvas()
    square.draw(canvas, Frame(100, 100, 40, flip=True), RED, tag="square")
    pixels = np.asarray(canvas.image)
    assert tuple(pixels[120, 70]) == RED  # flipped: it grows to the left, its blue half near the origin
    assert tuple(pixels[120, 90]) == BLUE
    assert tuple(pixels[120, 110]) == PAPER
    assert canvas.visible()[1] == {"square"}


def test_only_weapons_are_weapons():
    weapons = {tag for tag, item in ITEMS.items() if item.weapon}
    assert {"sword", "gun", "bow (weapon)"} <= weapons
    assert weapons.isdisjoint({"staff", "umbrella", "shield", "pencil"})
