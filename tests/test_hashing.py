import numpy as np
import pytest

from i2v_lib.search.hashing import binarize, hamming_distance, unpack

NINE = np.array(  # two vectors of nine features: one more than a byte
    [[1, -1, 0.5, -2, -1, -1, -1, 3, 0.1], [-1, 1, 1, 1, -1, -1, -1, -1, -0.1]], np.float32
)


def test_bytes_by_hand():
    codes = binarize(NINE)
    assert codes.dtype == np.uint8
    np.testing.assert_array_equal(codes, [[0b10100001, 0b10000000], [0b01110000, 0]])


def test_a_feature_of_zero_is_an_activation_of_one_half_and_not_above_it():
    np.testing.assert_array_equal(binarize(np.array([[0.0, -0.0, 1e-300, -1e-300]])), [[0b00100000]])


@pytest.mark.parametrize("bits", [1, 7, 8, 9, 16, 100])
def test_round_trip(bits):
    features = np.random.default_rng(bits).normal(size=(5, bits))
    codes = binarize(features)
    assert codes.shape == (5, -(-bits // 8))
    unpacked = unpack(codes, bits)
    assert unpacked.dtype == bool
    np.testing.assert_array_equal(unpacked, features > 0)
    np.testing.assert_array_equal(np.packbits(unpacked, axis=1), codes)


def test_distance_by_hand():
    distances = hamming_distance(binarize(NINE), binarize(NINE))
    assert distances.dtype == np.int32
    np.testing.assert_array_equal(distances, [[0, 5], [5, 0]])


@pytest.mark.parametrize("bits", [3, 8, 12, 4096])
def test_distance_equals_counting_bit_by_bit(bits):
    rng = np.random.default_rng(bits)
    query, database = rng.normal(size=(4, bits)), rng.normal(size=(6, bits))
    counted = [[sum((a > 0) != (b > 0) for a, b in zip(q, d, strict=True)) for d in database] for q in query]
    distances = hamming_distance(binarize(query), binarize(database))
    np.testing.assert_array_equal(distances, counted)
    np.testing.assert_array_equal(distances.T, hamming_distance(binarize(database), binarize(query)))


def test_opposite_codes_differ_in_every_bit():
    """4,096 is more than an 8-bit sum could hold."""
    code = binarize(np.random.default_rng(0).normal(size=(1, 4096)))
    assert hamming_distance(code, ~code) == [[4096]]


@pytest.mark.parametrize("empty", [np.empty((0, 2), np.uint8), np.empty((3, 0), np.uint8)])
def test_no_codes_and_no_bits(empty):
    np.testing.assert_array_equal(hamming_distance(empty, empty), np.zeros((len(empty), len(empty))))


def test_bad_features():
    with pytest.raises(TypeError, match="dtype uint8.* real"):
        binarize(np.zeros((2, 8), np.uint8))
    with pytest.raises(TypeError, match="dtype bool"):
        binarize(np.zeros((2, 8), bool))
    with pytest.raises(ValueError, match=r"shape \(8,\); pass \(N, B\)"):
        binarize(np.zeros(8))
    for value in (np.nan, np.inf):
        with pytest.raises(ValueError, match="NaN or infinity"):
            binarize(np.array([[0.0, value]]))


def test_bad_codes():
    codes = np.zeros((2, 3), np.uint8)
    with pytest.raises(TypeError, match="query: dtype bool.* uint8 .*binarize"):
        hamming_distance(codes.astype(bool), codes)
    with pytest.raises(TypeError, match="database: dtype float64"):
        hamming_distance(codes, codes.astype(float))
    with pytest.raises(ValueError, match="3 bytes .*database 2"):
        hamming_distance(codes, codes[:, :2])
    with pytest.raises(ValueError, match=r"query: shape \(3,\)"):
        hamming_distance(codes[0], codes)
    with pytest.raises(TypeError, match="codes: dtype int64"):
        unpack(codes.astype(np.int64), 24)
