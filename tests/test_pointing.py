"""The pointing game: hits by hand, and maps that know or do not know."""

import dataclasses

import numpy as np
import pytest

from i2v_lib.config import load_config
from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.drawn import draw_collection, left_out
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
    heat_maps,
    hit,
    measure_pointing,
    near_objects,
)
from i2v_lib.models.networks import build_network

CONFIG = load_config("smoke", pictures=150, test_share=0.6)
TAGS = ("solo", "hat", "glasses", "weapon", "speech bubble", "robot")
VOCABULARY = Vocabulary(TAGS, ("general",) * len(TAGS), {})


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    return draw_collection(CONFIG, tmp_path_factory.mktemp("drawn") / "set", processes=1, progress=False)


@pytest.fixture(scope="module")
def examples(collection):
    return left_out.draw_object_masks(CONFIG, collection, VOCABULARY, per_tag=6)


def test_without_examples_nothing_is_measured(collection):
    elsewhere = dataclasses.replace(CONFIG, collection=str(collection.folder))
    nothing = left_out.draw_object_masks(elsewhere, collection, VOCABULARY)
    assert len(nothing) == 0
    assert heat_maps(nothing, {"vgg_nin": None}) == {}
    assert measure_pointing(nothing, {}) == {}


def test_what_is_near_by_brute_force():
    things = np.zeros((2, 40, 40), bool)
    things[0, 5:8, 30] = things[1, 39, 0] = True
    places = np.stack(np.mgrid[:40, :40], -1)
    for thing, near in zip(things, near_objects(things), strict=True):
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
    return left_out.ObjectMasks(
        np.arange(n), names, columns, ["hat", "weapon"] * (n // 2), places, groups, blank, blank, things
    )


@pytest.fixture(scope="module")
def measured():
    found = synthetic()
    knows, guesses = found.masks.astype(float), np.random.default_rng(1).random(found.masks.shape)
    knows[::4] = guesses[::4]  # three quarters know
    confident = np.where(np.arange(len(found)) % 4, 1.0, -1.0)[:, None, None]  # and those are recognized
    maps = {TRAINED: confident, FINEST: guesses, GRADIENT: knows, "vgg_a gradient": guesses}
    return measure_pointing(found, maps, 200), near_objects(found.masks).mean()


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
    assert by_key[CENTER, ALL].count == 240
    assert by_key[CENTER, RECOGNIZED].count == 180
    assert by_key[CENTER, "head"].count == by_key[CENTER, "hand"].count == 120
    assert (CENTER, "face") not in by_key
    both = np.mean([by_key[GRADIENT, place].value for place in ("head", "hand")])
    assert both == pytest.approx(by_key[GRADIENT, ALL].value)
    assert all(0 <= low <= value.value <= high <= 1 for value in by_key.values() for low, high in [value.interval])


def test_differences_are_paired(measured):
    by_key, _ = measured
    guess, same = by_key[FINEST, ALL], by_key["vgg_a gradient", ALL]
    assert guess.minus(same).estimate == (0, 0, 0)
    delta, low, high = by_key[GRADIENT, ALL].minus(by_key[CENTER, ALL]).estimate
    assert delta == pytest.approx(by_key[GRADIENT, ALL].value - by_key[CENTER, ALL].value)
    assert 0.4 < low < delta < high < 0.9


def test_near_duplicates_are_drawn_together():
    """Two examples an illustration, both hits or none: the interval is that of half as many."""
    found, alone = synthetic(), synthetic()
    alone = dataclasses.replace(alone, groups=[str(i) for i in range(len(alone))])
    pairs = np.repeat(np.arange(len(found) // 2) % 2, 2).astype(bool)
    maps = np.where(pairs[:, None, None], found.masks, np.roll(found.masks, 16, (1, 2))).astype(float)
    systems = {TRAINED: maps, FINEST: maps, GRADIENT: maps}
    together, apart = (measure_pointing(each, systems, 400)[GRADIENT, ALL].resampled.std() for each in (found, alone))
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
    assert {system for system, _ in found} == {*cells, *OTHERS, CENTER, RANDOM}
