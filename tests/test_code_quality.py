"""Statistics of codes: against counts by hand, random bits, and bits that repeat each other."""

import numpy as np
import pytest

from i2v_lib.evaluation.code_quality import code_statistics, distance_agreement
from i2v_lib.search.hashing import binarize


def random_codes(illustrations, bits, seed=0):
    return binarize(np.random.default_rng(seed).standard_normal((illustrations, bits)))


def test_by_hand():
    bits = np.array([[1, 1, 0, 0, 1], [0, 1, 0, 1, 1], [0, 1, 0, 1, 1], [1, 1, 0, 1, 1]], float)
    found = code_statistics(binarize(bits - 0.5), 5)
    assert found["dead"] == 3
    assert found["activation"] == pytest.approx((0.5 + 1 + 0 + 0.75 + 1) / 5)
    assert found["entropy"] == pytest.approx((1 + -(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25))) / 5)
    assert found["distinct"] == 3
    assert found["distance"] == pytest.approx((2 + 2 + 1 + 0 + 1 + 1) / 6)


def test_random_bits_are_balanced_and_independent():
    found = code_statistics(random_codes(600, 1000), 1000)
    assert found["dead"] == 0
    assert found["activation"] == pytest.approx(0.5, abs=0.005)
    assert found["entropy"] > 0.998
    assert found["independent"] == pytest.approx(1000, rel=0.03)


def test_repeated_bits_count_once():
    codes = np.repeat(np.unpackbits(random_codes(600, 100), axis=1, count=100), 10, axis=1)
    found = code_statistics(np.packbits(codes, axis=1), 1000)
    assert found["independent"] == pytest.approx(100, rel=0.05)
    assert found["entropy"] > 0.99


def test_equal_codes():
    found = code_statistics(np.zeros((5, 4), np.uint8), 32)
    assert (found["dead"], found["distinct"], found["distance"], found["independent"]) == (32, 1, 0, 0)


def test_a_sample_of_pairs_is_drawn_from_many_codes():
    codes = random_codes(2500, 64)
    assert code_statistics(codes, 64) == code_statistics(codes, 64)
    assert code_statistics(codes, 64)["independent"] == pytest.approx(64, rel=0.05)


def test_one_code_is_refused():
    with pytest.raises(ValueError, match="at least two"):
        code_statistics(random_codes(1, 64), 64)


def test_codes_of_features_agree_with_their_distances_and_random_codes_do_not():
    points = np.random.default_rng(0).standard_normal((120, 5))
    points /= np.linalg.norm(points, axis=1, keepdims=True)  # signs tell angles, not lengths
    features = points @ np.random.default_rng(1).standard_normal((5, 2048))
    assert distance_agreement(binarize(features), features) > 0.98
    assert abs(distance_agreement(random_codes(120, 2048), features)) < 0.1
    assert np.isnan(distance_agreement(np.zeros((120, 4), np.uint8), features))


def test_agreement_is_spearmans_by_hand():
    codes = binarize(np.array([[1, -1, -1], [1, 1, -1], [1, 1, 1]], float))  # distances 1, 2, 1
    features = np.array([[0.0], [1.0], [1.5]])  # distances 1, 1.5, 0.5
    ranks = np.array([1.5, 3, 1.5]), np.array([2, 3, 1])
    assert distance_agreement(codes, features) == pytest.approx(np.corrcoef(*ranks)[0, 1])
