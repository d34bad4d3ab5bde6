"""The pointing game: things found by drawing without them, hits by hand, and maps that know or do not know."""

import dataclasses
import random

import numpy as np
import pytest

from i2v_lib.config import load_config
from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.drawn import figures
from i2v_lib.drawn.collection import draw_collection
from i2v_lib.drawn.compose import compose
from i2v_lib.drawn.left_out import (
    BUBBLE,
    FACTOR,
    KINDS,
    PLACES,
    Examples,
    draw_examples,
    draw_with_and_without,
    leave_out,
    things_of,
)
from i2v_lib.drawn.pictures import draw_picture, world_of
from i2v_lib.drawn.scenes import Effect, Placed, Scene, Thing, wear
from i2v_lib.drawn.tags import tag_scene
from i2v_lib.evaluation.pointing import (
    ALL,
    CENTER,
    FINEST,
    GRADIENT,
    OTHERS,
    RANDOM,
    RECOGNIZED,
    TOLERANCE,
    TRAINED,
    difference,
    heat_maps,
    hit,
    measure_pointing,
    near_things,
)
from i2v_lib.models.networks import build_network

CONFIG = load_config("smoke", pictures=150, test_share=0.6)
TAGS = ("solo", "hat", "glasses", "weapon", "speech bubble", "robot")
VOCABULARY = Vocabulary(TAGS, ("general",) * len(TAGS), {})
ARTIST = world_of(CONFIG)[1][0]


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    return draw_collection(CONFIG, tmp_path_factory.mktemp("drawn") / "set", processes=1, progress=False)


@pytest.fixture(scope="module")
def examples(collection):
    return draw_examples(CONFIG, collection, VOCABULARY, per_tag=6)


def scene(**changes):
    """One person in front of grey, with as much of the rest as asked for."""
    bare = dict.fromkeys(("headwear", "facewear", "neckwear", "backwear", "item"))
    look = dataclasses.replace(wear(random.Random(0), world_of(CONFIG)[0].characters[0]), **bare)
    fields = {field.name for field in dataclasses.fields(Scene)}
    look = dataclasses.replace(look, **{name: value for name, value in changes.items() if name not in fields})
    more = {name: value for name, value in changes.items() if name in fields}
    return Scene("people", ARTIST.name, "grey background", (Placed(look, 0.5, 0.62, 0.16),), **more)


def drawn(of, size=64):
    return np.asarray(compose(of, ARTIST, size)[0])


@pytest.mark.parametrize("style", ["double bun", "bob"])
def test_hair_lies_as_it_did_under_what_is_left_out(style, monkeypatch):
    """Against a figure whose headwear is not drawn, although it wears it."""
    worn = {part: scene(headwear=part, hair_style=style, ahoge=True) for part in sorted(PLACES["head"])}
    if style == "double bun":
        del worn["helmet"]  # it takes the hair behind the head with it
    whole = {part: drawn(of) for part, of in worn.items()}
    bare = {part: drawn(leave_out(of, frozenset({part}))) for part, of in worn.items()}
    for name in ("draw_headwear", "draw_headwear_behind"):
        monkeypatch.setattr(figures, name, lambda *arguments: None)
    for part, of in worn.items():
        assert np.array_equal(bare[part], drawn(of)), part
        assert (bare[part] != whole[part]).any(), part


@pytest.mark.parametrize(
    ("field", "place", "function"),
    [
        ("facewear", "face", "draw_facewear"),
        ("neckwear", "neck", "draw_neckwear"),
        ("backwear", "back", "draw_backwear"),
    ],
)
def test_what_is_worn_is_left_out_and_nothing_else(field, place, function, monkeypatch):
    parts = sorted(PLACES[place] - {"third eye"})  # that one is drawn with what is around the neck
    worn = {part: scene(**{field: part}) for part in parts}
    bare = {part: drawn(leave_out(of, frozenset({part}))) for part, of in worn.items()}
    assert all((drawn(of) != bare[part]).any() for part, of in worn.items())
    monkeypatch.setattr(figures, function, lambda *arguments: None)
    assert all(np.array_equal(bare[part], drawn(of)) for part, of in worn.items())


def test_other_parts_stay():
    worn = scene(headwear="beret", facewear="glasses", item="sword", bubbles=1)
    assert leave_out(worn, frozenset({"top hat", "gun"})) == worn
    look = leave_out(worn, frozenset({"sword", BUBBLE})).figures[0].look
    assert (look.headwear, look.facewear, look.item) == ("beret", "glasses", None)
    page = Scene("comic", ARTIST.name, "white background", panels=(worn, worn))
    assert all(panel.bubbles == 0 for panel in leave_out(page, frozenset({BUBBLE})).panels)


def test_what_stands_apart_is_moved_away_and_chance_stays_the_same():
    """The things that differ lie around the effect, although a machine after it draws random numbers too."""
    effects = tuple(Effect("explosion", x, 0.2, 0.2, False) for x in (0.2,))
    robot = Thing("robot", 0.6, 0.5, 0.07, "red", "blue", False)
    both = Scene("machine", ARTIST.name, "city", things=(robot,), effects=effects, palette=7)
    changed = (drawn(both) != drawn(leave_out(both, frozenset({"explosion"})))).any(-1)
    rows, columns = np.nonzero(changed)
    assert changed.sum() > 50
    assert columns.max() < 0.37 * 64
    assert rows.max() < 0.37 * 64
    removed = dataclasses.replace(both, effects=())  # what moving it avoids: the robot draws other numbers
    assert np.nonzero((drawn(both) != drawn(removed)).any(-1))[1].max() > 0.5 * 64


def test_tags_that_name_a_thing():
    assert things_of("tokin hat") == ("head", {"tokin hat"})
    assert things_of("hat") == ("head", KINDS["hat"])
    assert things_of("speech bubble")[0] == "apart"
    for tag in ("solo", "blonde hair", "sky", "petals", "skirt", "red scarf"):
        assert things_of(tag)[0] is None


def test_a_tag_that_stays_without_the_thing_gives_no_example():
    """A necktie that belongs to the outfit cannot be taken off."""
    ties = [None, None]
    for index in range(400):
        exact = draw_picture(CONFIG, index, 24)
        looks = [figure.look for figure in exact.scene.figures]
        if "necktie" in exact.exact.general and len(looks) == 1:
            ties[looks[0].neckwear == "necktie"] = index
        if None not in ties:
            break
    assert draw_with_and_without(CONFIG, ties[0], "necktie", 48) is None
    image, thing = draw_with_and_without(CONFIG, ties[1], "necktie", 48)
    assert image.shape == (48, 48, 3)
    assert 0 < thing.sum() < 48 * 48 / 4


def test_examples_carry_the_tag_by_the_truth_and_come_once_a_group(collection, examples):
    truth, test = collection.truth(), set(collection.split("test").tolist())
    assert len(examples) > 10
    assert set(examples.tags) <= set(TAGS) - {"solo"}
    assert max(examples.tags.count(tag) for tag in examples.tags) == 6
    for row, name, column, tag in zip(examples.rows, examples.ids, examples.columns, examples.tags, strict=True):
        assert row in test
        assert tag in truth[row]["tags"]["general"]
        assert TAGS[column] == tag
        assert collection.column("id")[row] == name
    assert len(set(zip(examples.groups, examples.tags, strict=True))) == len(examples)
    shares = examples.things.mean((1, 2))
    assert (shares >= (1 / CONFIG.image_size) ** 2).all()
    assert shares.max() < 0.9


def test_examples_are_what_the_networks_see(collection, examples):
    side = CONFIG.image_size
    assert examples.inputs(1).shape == (len(examples), 3, side, side)
    corner = (CONFIG.stored_size - side) // 2
    seen = collection.pixels[examples.rows][:, corner : corner + side, corner : corner + side]
    assert np.array_equal(examples.inputs(1).permute(0, 2, 3, 1).numpy(), seen)
    for factor in (2, FACTOR):
        large = examples.inputs(factor).permute(0, 2, 3, 1).numpy().astype(float)
        assert large.shape[1] == side * factor
        small = large.reshape(len(seen), side, factor, side, factor, 3).mean((2, 4))
        assert abs(small - seen).mean() < 10  # the same scene in the same place
        assert abs(small[:, :, 2:] - seen[:, :, :-2]).mean() > 15


def test_examples_are_drawn_again_alike_and_only_of_the_own_drawn_set(collection, examples):
    again = draw_examples(CONFIG, collection, VOCABULARY, per_tag=6)
    assert again.rows.tolist() == examples.rows.tolist()
    assert np.array_equal(again.things, examples.things)
    imported = dataclasses.replace(collection, info=collection.info | {"resize": "warp"})
    elsewhere = dataclasses.replace(CONFIG, collection=str(collection.folder))
    for config, of in ((CONFIG, imported), (elsewhere, collection)):
        nothing = draw_examples(config, of, VOCABULARY)
        assert len(nothing) == 0
        assert nothing.drawn.shape[1:] == examples.drawn.shape[1:]
        assert heat_maps(nothing, {"vgg_nin": None}) == {}
        assert measure_pointing(nothing, {}) == []


def test_what_is_near_by_brute_force():
    things = np.zeros((2, 40, 40), bool)
    things[0, 5:8, 30] = things[1, 39, 0] = True
    places = np.stack(np.mgrid[:40, :40], -1)
    for thing, near in zip(things, near_things(things), strict=True):
        distances = np.sqrt(((places[:, :, None] - np.argwhere(thing)) ** 2).sum(-1)).min(-1)
        assert np.array_equal(near, distances <= TOLERANCE * 40)
        assert thing.sum() < near.sum() < 60


def test_a_hit_is_looked_up_at_its_row_and_column():
    near = np.zeros((3, 10, 10), bool)
    near[:, 2, 7] = True
    points = np.array([[0.75, 0.25], [0.25, 0.75], [0.799, 0.2]])  # x, y
    assert hit(near, points).tolist() == [True, False, True]


def synthetic(n=240, side=32):
    """Examples with a thing of 4 × 4 pixels anywhere; two tags, and each second illustration twice."""
    generator = np.random.default_rng(0)
    things = np.zeros((n, side, side), bool)
    for thing, (y, x) in zip(things, generator.integers(0, side - 4, (n, 2)), strict=True):
        thing[y : y + 4, x : x + 4] = True
    columns, places = np.arange(n) % 2, ["head", "hand"] * (n // 2)
    names = [str(i) for i in range(n)]
    groups = [str(i // 2) for i in range(n)]
    blank = np.zeros((n, side, side, 3), np.uint8)
    return Examples(np.arange(n), names, columns, ["hat", "weapon"] * (n // 2), places, groups, blank, blank, things)


@pytest.fixture(scope="module")
def measured():
    found = synthetic()
    knows, guesses = found.things.astype(float), np.random.default_rng(1).random(found.things.shape)
    knows[::4] = guesses[::4]  # three quarters know
    confident = np.where(np.arange(len(found)) % 4, 1.0, -1.0)[:, None, None]  # and those are recognized
    maps = {TRAINED: confident, FINEST: guesses, GRADIENT: knows, "vgg_a gradient": guesses}
    return {(p.system, p.among): p for p in measure_pointing(found, maps, 200)}, near_things(found.things).mean()


def test_maps_that_know_hit_and_maps_that_guess_hit_by_chance(measured):
    by_key, chance = measured
    assert by_key[RANDOM, ALL].value == pytest.approx(chance)
    assert 0.03 < chance < 0.1
    assert by_key[GRADIENT, RECOGNIZED].value == 1
    assert by_key[GRADIENT, ALL].value == pytest.approx(0.75, abs=0.04)
    for system in (FINEST, CENTER, *OTHERS):  # a known place in another picture helps no more than a guess
        assert by_key[system, ALL].value < 0.15
        assert by_key[system, ALL].interval[0] < chance + 0.05


def test_examples_are_counted_and_shares_stay_shares(measured):
    by_key, _ = measured
    assert by_key[CENTER, ALL].examples == 240
    assert by_key[CENTER, RECOGNIZED].examples == 180
    assert by_key[CENTER, "head"].examples == by_key[CENTER, "hand"].examples == 120
    assert (CENTER, "face") not in by_key
    both = np.mean([by_key[GRADIENT, place].value for place in ("head", "hand")])
    assert both == pytest.approx(by_key[GRADIENT, ALL].value)
    assert all(0 <= low <= value.value <= high <= 1 for value in by_key.values() for low, high in [value.interval])


def test_differences_are_paired(measured):
    by_key, _ = measured
    guess, same = by_key[FINEST, ALL], by_key["vgg_a gradient", ALL]
    assert difference(guess, same) == (0, 0, 0)
    delta, low, high = difference(by_key[GRADIENT, ALL], by_key[CENTER, ALL])
    assert delta == pytest.approx(by_key[GRADIENT, ALL].value - by_key[CENTER, ALL].value)
    assert 0.4 < low < delta < high < 0.9


def test_near_duplicates_are_drawn_together():
    """Two examples an illustration, both hits or none: the interval is that of half as many."""
    found, alone = synthetic(), synthetic()
    alone = dataclasses.replace(alone, groups=[str(i) for i in range(len(alone))])
    pairs = np.repeat(np.arange(len(found) // 2) % 2, 2).astype(bool)
    maps = np.where(pairs[:, None, None], found.things, np.roll(found.things, 16, (1, 2))).astype(float)
    systems = {TRAINED: maps, FINEST: maps, GRADIENT: maps}
    together, apart = (
        next(p.resampled.std() for p in measure_pointing(e, systems, 400) if p.system == GRADIENT)
        for e in (found, alone)
    )
    assert together / apart == pytest.approx(2**0.5, rel=0.15)


def test_every_system_has_its_map(examples):
    networks = {name: build_network(name, len(TAGS), CONFIG) for name in ("vgg_nin", "vgg_a")}
    maps = heat_maps(examples, networks | {"untrained": networks["vgg_nin"]})
    cells = {name: found.shape[1] for name, found in maps.items()}
    assert all(len(found) == len(examples) for found in maps.values())
    assert cells == {
        "vgg_nin × 1": 1,
        "vgg_nin × 2": 2,
        "vgg_nin × 4": 4,
        "vgg_nin gradient": 8,
        "vgg_a gradient": 8,
        "untrained × 4": 4,
        "untrained gradient": 8,
    }
    found = measure_pointing(examples, maps, 50)
    assert {p.system for p in found} == {*cells, *OTHERS, CENTER, RANDOM}


def test_tags_of_the_stand_in_are_those_of_a_bare_head():
    worn = scene(headwear="witch hat")
    _, seen = compose(leave_out(worn, KINDS["hat"]), ARTIST, 64)
    assert "hat" not in tag_scene(worn, seen).general
    assert "hat" in tag_scene(worn, compose(worn, ARTIST, 64)[1]).general
