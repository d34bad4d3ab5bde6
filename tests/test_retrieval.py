import numpy as np
import pytest

from i2v_lib.evaluation import retrieval
from i2v_lib.evaluation.retrieval import AS_FOUND, NO_DUPLICATES, OTHERS, depth, measure


def sets(text):
    """ "a ab -" -> {a}, {a, b}, nothing."""
    return [frozenset(word.strip("-")) for word in text.split()]


def find(measured, search, metric, attribute, k):
    wanted = search, metric, attribute, k
    (found,) = [p for p in measured if (p.search, p.metric, p.attribute, p.k) == wanted]
    return found


# six illustrations: 0 and 1 are near-duplicates of each other, 5 shows nobody
GROUPS = ["p", "p", "q", "r", "s", "t"]
CHARACTER = sets("a a a b ab -")
ARTIST = sets("x x y x y y")
NEAR = np.array([[1, 3, 4, 2], [0, 5, 2, 3], [4, 0, 1, 5], [4, 0, 5, 2], [5, 3, 2, 0], [0, 1, 2, 3]])


@pytest.fixture(scope="module")
def by_hand():
    truth = {"character": CHARACTER, "artist": ARTIST}
    return measure({"codes": NEAR, "random": NEAR[:, ::-1]}, truth, GROUPS, ks=(2, 3), resamples=200)


def test_precision_by_hand(by_hand):
    character = find(by_hand, AS_FOUND, "codes", "character", 2)
    assert character.precision.count == 5  # 5 shows nobody, and is still found by the others
    assert character.precision.value == pytest.approx((1 + 1 + 2 + 1 + 1) / 10)  # of 1 3, 0 5, 4 0, 4 0, 5 3
    assert character.found == 1
    artist = find(by_hand, AS_FOUND, "codes", "artist", 2)
    assert artist.precision.count == 6
    assert artist.precision.value == pytest.approx((2 + 1 + 1 + 1 + 1 + 0) / 12)
    assert artist.found == pytest.approx(5 / 6)


def test_near_duplicates_are_skipped_and_others_take_their_place(by_hand):
    character = find(by_hand, NO_DUPLICATES, "codes", "character", 2)
    assert character.precision.value == pytest.approx((1 + 1 + 2 + 1 + 1) / 10)  # of 3 4, 5 2, 4 0, 4 0, 5 3
    artist = find(by_hand, NO_DUPLICATES, "codes", "artist", 2)
    assert artist.precision.value == pytest.approx((1 + 0 + 1 + 1 + 1 + 0) / 12)


def test_of_other_characters_only_those_among_the_first_count(by_hand):
    artist = find(by_hand, OTHERS, "codes", "artist", 2)
    assert artist.precision.count == 2  # 1, 2, 4 found only their own character and 5, which shows none
    assert artist.precision.value == pytest.approx((1 + 1) / 2)  # of 3, 0: x x, x x
    odds = [1 / 1, 2 / 3]  # among 3, among 0 1 2
    assert artist.chance == pytest.approx(np.mean(odds))
    assert not [p for p in by_hand if (p.search, p.attribute) == (OTHERS, "character")]


def test_chance_by_hand(by_hand):
    share = [3 / 5, 3 / 5, 3 / 5, 1 / 5, 4 / 5]
    assert find(by_hand, AS_FOUND, "codes", "character", 2).chance == pytest.approx(np.mean(share))
    apart = [2 / 4, 2 / 4, 3 / 5, 1 / 5, 4 / 5]
    assert find(by_hand, NO_DUPLICATES, "codes", "character", 2).chance == pytest.approx(np.mean(apart))


def random_set(n=300, seed=0):
    """Illustrations in groups of two, with a character in four of five and two of them in some."""
    rng = np.random.default_rng(seed)
    names = np.array(list("abcdefg"))
    cast = [frozenset(rng.choice(names, rng.choice(3, p=[0.2, 0.6, 0.2]), replace=False)) for _ in range(n)]
    backgrounds = [frozenset(rng.choice(names, 1)) for _ in range(n)]
    orders = np.stack([rng.permutation(np.delete(np.arange(n), i)) for i in range(n)])
    return {"character": cast, "background": backgrounds}, np.arange(n) // 2, orders


def test_random_order_is_at_chance_and_the_truth_is_above():
    truth, groups, orders = random_set()
    shares = np.array([[bool(a & b) for b in truth["character"]] for a in truth["character"]])
    best = np.take_along_axis(orders, np.argsort(~np.take_along_axis(shares, orders, axis=1), kind="stable"), axis=1)
    measured = measure({"random": orders, "truth": best}, truth, groups, resamples=200)
    for p in measured:
        if p.metric == "random":
            assert p.precision.interval[0] - 0.02 < p.chance < p.precision.interval[1] + 0.02
            assert abs(p.precision.value - p.chance) < 0.06
    for search in (AS_FOUND, NO_DUPLICATES):
        found = find(measured, search, "truth", "character", 10)
        assert found.precision.value == found.found == 1 > found.chance + 0.5


def test_chance_is_the_precision_of_all_others():
    """With every other illustration for a neighbor, no order is left to matter."""
    truth, groups, orders = random_set(90)
    n = len(groups)
    for p in measure({"random": orders}, truth, groups, ks=(n - 1,), resamples=2):
        if p.search == AS_FOUND:
            assert p.precision.value == pytest.approx(p.chance, abs=1e-12)


def test_blocks_of_queries_change_nothing(monkeypatch):
    truth, groups, orders = random_set(90)
    whole = measure({"random": orders}, truth, groups, resamples=10)
    monkeypatch.setattr(retrieval, "ROWS", 7)
    for a, b in zip(whole, measure({"random": orders}, truth, groups, resamples=10), strict=True):
        assert (a.precision.estimate, a.chance, a.found) == (b.precision.estimate, b.chance, b.found)
        assert a.precision.count == b.precision.count
        np.testing.assert_array_equal(a.precision.resampled, b.precision.resampled)


def test_intervals_hold_the_truth_and_cluster_near_duplicates():
    """A copy of every query adds nothing new: the interval stays as wide as without copies."""
    rng = np.random.default_rng(0)
    n = 200
    cast = [frozenset("a" if rng.random() < 0.5 else "b") for _ in range(n)]
    near = np.stack([rng.choice(np.delete(np.arange(n), i), 4, replace=False) for i in range(n)])
    single = measure({"m": near}, {"character": cast}, np.arange(n), ks=(3,), resamples=500)[0]
    twice = np.concatenate([near, near])
    copies = np.arange(2 * n) % n
    clustered = measure({"m": twice}, {"character": cast * 2}, copies, ks=(3,), resamples=500)[0]
    alone = measure({"m": twice}, {"character": cast * 2}, np.arange(2 * n), ks=(3,), resamples=500)[0]
    widths = [np.diff(p.precision.interval)[0] for p in (single, clustered, alone)]
    assert widths[1] == pytest.approx(widths[0], rel=0.15)
    assert widths[2] == pytest.approx(widths[0] / np.sqrt(2), rel=0.15)
    per_query = np.array([[bool(cast[i] & cast[j]) for j in near[i, :3]] for i in range(n)]).mean(axis=1)
    assert widths[0] == pytest.approx(2 * 1.96 * per_query.std() / np.sqrt(n), rel=0.15)


def test_paired_differences_and_ratios(by_hand):
    a, b = (find(by_hand, AS_FOUND, metric, "artist", 3).precision for metric in ("codes", "random"))
    gap = a.minus(b)
    assert gap.value == pytest.approx(a.value - b.value)
    assert gap.interval[0] < gap.value < gap.interval[1]
    assert a.over(b).value == pytest.approx(a.value / b.value)


def test_a_ratio_to_nothing_is_not_a_number():
    lonely = {"character": sets("a a b c")}
    near = {"good": np.array([[1], [0], [0], [0]]), "bad": np.array([[2], [3], [3], [2]])}
    good, bad = measure(near, lonely, range(4), ks=(1,), resamples=20)[:2]
    assert (good.metric, good.precision.value, bad.metric, bad.precision.value) == ("good", 0.5, "bad", 0)
    assert np.isnan(good.precision.over(bad.precision).estimate).all()


def test_an_attribute_nobody_has_and_a_set_of_one():
    for p in measure({"m": NEAR}, {"character": sets("- - - - - -")}, GROUPS, ks=(2,), resamples=5):
        assert p.precision.count == 0
        assert np.isnan([p.chance, p.found, *p.precision.estimate]).all()
    for p in measure({"m": np.empty((1, 0), int)}, {"character": sets("a")}, ["p"], resamples=5):
        assert (p.precision.count, np.isnan(p.precision.value)) == (0, True)


def test_fewer_neighbors_than_k_are_judged_as_they_are():
    found = measure({"m": np.array([[1], [0]])}, {"character": sets("a a")}, ["p", "q"], ks=(10,), resamples=5)[0]
    assert (found.precision.value, found.precision.count, found.chance) == (1, 2, 1)


def test_depth():
    assert depth(["p", "q", "r"], 10) == 10
    assert depth(["p", "q", "q", "q"], 10) == 12


def test_too_few_neighbors():
    assert depth(GROUPS, 3) == 4
    with pytest.raises(ValueError, match=r"'codes' .*\(6, 3\); \(6, 4\) .*depth"):
        measure({"codes": NEAR[:, :3]}, {"character": CHARACTER}, GROUPS, ks=(3,))
    with pytest.raises(ValueError, match=r"shape \(5, 4\)"):
        measure({"codes": NEAR[:5]}, {"character": CHARACTER}, GROUPS, ks=(3,))
