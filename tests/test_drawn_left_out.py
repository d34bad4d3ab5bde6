"""What a tag names, found by drawing a scene with it and without it; nothing else changes."""

import dataclasses
import random

import numpy as np
import pytest

from i2v_lib.config import load_config
from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.drawn import draw_collection, draw_picture, figures, world_of
from i2v_lib.drawn.compose import compose
from i2v_lib.drawn.left_out import (
    BUBBLE,
    FACTOR,
    KINDS,
    PLACES,
    draw_object_masks,
    draw_with_and_without,
    leave_out,
    objects_of,
)
from i2v_lib.drawn.scenes import Effect, Placed, Scene, Thing, wear
from i2v_lib.drawn.tags import tag_scene

CONFIG = load_config("smoke", pictures=150, test_share=0.6)
TAGS = ("solo", "hat", "glasses", "weapon", "speech bubble", "robot")
VOCABULARY = Vocabulary(TAGS, ("general",) * len(TAGS), {})
ARTIST = world_of(CONFIG)[1][0]


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    return draw_collection(CONFIG, tmp_path_factory.mktemp("drawn") / "set", processes=1, progress=False)


@pytest.fixture(scope="module")
def examples(collection):
    return draw_object_masks(CONFIG, collection, VOCABULARY, per_tag=6)


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
    assert objects_of("tokin hat") == ("head", {"tokin hat"})
    assert objects_of("hat") == ("head", KINDS["hat"])
    assert objects_of("speech bubble")[0] == "apart"
    for tag in ("solo", "blonde hair", "sky", "petals", "skirt", "red scarf"):
        assert objects_of(tag)[0] is None


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
    shares = examples.masks.mean((1, 2))
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
    again = draw_object_masks(CONFIG, collection, VOCABULARY, per_tag=6)
    assert again.rows.tolist() == examples.rows.tolist()
    assert np.array_equal(again.masks, examples.masks)
    imported = dataclasses.replace(collection, info=collection.info | {"resize": "warp"})
    elsewhere = dataclasses.replace(CONFIG, collection=str(collection.folder))
    for config, of in ((CONFIG, imported), (elsewhere, collection)):
        nothing = draw_object_masks(config, of, VOCABULARY)
        assert len(nothing) == 0
        assert nothing.drawn.shape[1:] == examples.drawn.shape[1:]


def test_tags_of_the_stand_in_are_those_of_a_bare_head():
    worn = scene(headwear="witch hat")
    _, seen = compose(leave_out(worn, KINDS["hat"]), ARTIST, 64)
    assert "hat" not in tag_scene(worn, seen).general
    assert "hat" in tag_scene(worn, compose(worn, ARTIST, 64)[1]).general
