"""Pictures for print: the drawn set larger than it is stored, any other as it is."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from i2v_lib.config import load_config
from i2v_lib.drawn import draw_collection, drawn_with
from i2v_lib.show.thumbnails import choose_rows, pictures

CONFIG = load_config("smoke", pictures=6)


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    return draw_collection(CONFIG, tmp_path_factory.mktemp("drawn") / "set", processes=1, progress=False)


def test_drawn_pictures_are_drawn_larger(collection):
    rows = np.array([4, 1])
    assert np.array_equal(pictures(CONFIG, collection, rows, CONFIG.stored_size), collection.pixels[rows])
    large = pictures(CONFIG, collection, rows, 4 * CONFIG.stored_size)
    assert large.shape == (2, 160, 160, 3)
    small = large.reshape(2, 40, 4, 40, 4, 3).mean((2, 4))
    stored = collection.pixels[rows].astype(float)
    assert abs(small - stored).mean() < abs(small - stored[::-1]).mean() / 4  # the same scenes
    assert pictures(CONFIG, collection, rows[:0]).shape == (0, 224, 224, 3)


def rated(collection, *ratings):
    """The collection as if imported, its first pictures rated as given."""
    ratings = [*ratings, *collection.column("rating")[len(ratings) :]]
    column = collection.posts.schema.get_field_index("rating")
    posts = collection.posts.set_column(column, "rating", pa.array(ratings))
    return dataclasses.replace(collection, posts=posts, info=collection.info | {"resize": "warp"})


def test_any_others_are_as_they_are_stored(collection):
    imported = rated(collection, "safe", "safe", "safe")
    assert np.array_equal(pictures(CONFIG, imported, np.array([2])), collection.pixels[[2]])
    elsewhere = dataclasses.replace(CONFIG, collection=str(collection.folder))  # another config's drawn set
    assert (collection.drawn, imported.drawn) == (True, False)
    assert drawn_with(CONFIG, collection)
    assert not drawn_with(CONFIG, imported)
    assert not drawn_with(elsewhere, collection)
    assert np.array_equal(pictures(elsewhere, collection, np.array([2])), collection.pixels[[2]])


def test_only_safe_ones_of_others_are_shown(collection):
    imported = rated(collection, "questionable", "safe", "explicit")
    shown = pictures(CONFIG, imported, np.array([2, 1, 0]))
    assert (shown[[0, 2]] == shown[0, 0, 0, 0]).all()
    assert np.array_equal(shown[1], collection.pixels[1])
    drawn = dataclasses.replace(imported, info=collection.info)  # harmless, whatever it is rated
    elsewhere = dataclasses.replace(CONFIG, collection=str(collection.folder))
    assert np.array_equal(pictures(elsewhere, drawn, np.array([0])), collection.pixels[[0]])


def test_chosen_rows_are_seeded_and_never_too_many():
    candidates = np.arange(100, 200)
    chosen = choose_rows(candidates, 6, seed=0)
    np.testing.assert_array_equal(chosen, choose_rows(candidates, 6, seed=0))
    assert (chosen != choose_rows(candidates, 6, seed=1)).any()
    assert set(chosen) <= set(candidates)
    assert len(choose_rows(candidates[:4], 6, seed=0)) == 4
