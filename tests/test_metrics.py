import time

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from i2v_lib.evaluation.bootstrap import (
    draw_counts,
    resampled_average_precision,
    score_systems,
)
from i2v_lib.evaluation.measured import centered_interval
from i2v_lib.evaluation.metrics import average_precision, map_by_category


def random_problem(images, tags, seed, levels=None, rarest=0.05, commonest=0.5, skill=1):
    """Targets of some prevalence and scores that know a little; ``levels`` rounds them into ties."""
    generator = np.random.default_rng(seed)
    targets = (generator.random((images, tags)) < generator.uniform(rarest, commonest, tags)).astype(np.uint8)
    scores = generator.normal(size=(images, tags)) + skill * targets
    if levels:
        scores = np.round(scores * levels) / levels
    return targets, scores.astype(np.float32)


def test_a_tag_that_all_illustrations_carry_tells_nothing():
    rng = np.random.default_rng(0)
    targets = np.ones((30, 3), np.uint8)
    targets[:, 2] = rng.integers(0, 2, 30)
    blocks = {"general": slice(0, 1), "rating": slice(1, 3)}
    scores = score_systems(targets, {"a": rng.random((30, 3))}, blocks, 20)["a"]
    assert (scores["general"].count, scores["rating"].count) == (0, 1)
    assert np.isnan(scores["general"].value)
    assert scores["rating"].value < 1


def test_by_hand():
    """Ranks 1 and 3 of 4 are right: (1/1 + 2/3) / 2."""
    targets = np.array([[1], [0], [1], [0]])
    scores = np.array([[4.0], [3.0], [2.0], [1.0]])
    assert average_precision(targets, scores) == pytest.approx([(1 + 2 / 3) / 2], abs=1e-15)


def test_step_not_trapezoid():
    """The five items of the trap: the trapezoid rule gives less."""
    targets, scores = np.array([[1, 0, 1, 1, 0]]).T, np.array([[5.0, 4, 3, 2, 1]]).T
    assert average_precision(targets, scores) == pytest.approx([(1 + 2 / 3 + 3 / 4) / 3], abs=1e-15)


@pytest.mark.parametrize("levels", [None, 2, 1])
def test_equals_scikit_learn_with_and_without_ties(levels):
    targets, scores = random_problem(200, 30, seed=1, levels=levels)
    expected = [average_precision_score(targets[:, t], scores[:, t]) for t in range(30)]
    assert average_precision(targets, scores).dtype == np.float64
    np.testing.assert_allclose(average_precision(targets, scores), expected, rtol=0, atol=1e-12)


def test_order_of_tied_images_does_not_matter():
    targets, scores = random_problem(100, 5, seed=2, levels=1)
    shuffled = np.random.default_rng(0).permutation(100)
    np.testing.assert_allclose(
        average_precision(targets, scores), average_precision(targets[shuffled], scores[shuffled]), atol=1e-12
    )


def test_constant_scores_give_the_prevalence():
    targets, _ = random_problem(100, 5, seed=3)
    np.testing.assert_allclose(average_precision(targets, np.zeros((100, 5))), targets.mean(axis=0))


def test_edges():
    targets, scores = np.array([[1, 0, 1], [1, 0, 0]]), np.array([[1.0, 2, -np.inf], [0, 1, 3]])
    np.testing.assert_array_equal(average_precision(targets, scores), [1, np.nan, 0.5])
    assert np.isnan(average_precision(np.zeros((0, 2)), np.zeros((0, 2)))).all()


def test_nan_score_names_tag_and_row():
    targets, scores = random_problem(10, 3, seed=4)
    scores[7, 2] = np.nan
    with pytest.raises(ValueError, match=r"tag column 2, row 7"):
        average_precision(targets, scores)
    with pytest.raises(ValueError, match=r"'hat' \(column 2\), row 7"):
        average_precision(targets, scores, tags=["1girl", "solo", "hat"])


@pytest.mark.parametrize("targets", [np.full((4, 2), 2), np.zeros((4, 3)), np.zeros(8)])
def test_refuses_other_targets(targets):
    with pytest.raises(ValueError, match="targets"):
        average_precision(targets, np.zeros((4, 2)))


def test_map_leaves_out_and_counts():
    ap = np.array([0.2, 0.4, np.nan, np.nan])
    blocks = {"general": slice(0, 3), "copyright": slice(3, 3), "character": slice(3, 4)}
    result = map_by_category(ap, blocks)
    assert result["general"] == (pytest.approx(0.3), 2)
    for empty in ("copyright", "character"):
        assert np.isnan(result[empty][0])
        assert result[empty][1] == 0


def test_counts_are_resamples():
    counts = draw_counts(50, 400, seed=0)
    assert (counts.sum(axis=0) == 50).all()
    np.testing.assert_array_equal(counts, draw_counts(50, 400, seed=0))
    assert (counts != draw_counts(50, 400, seed=1)).any()
    assert np.mean(counts == 0) == pytest.approx((1 - 1 / 50) ** 50, abs=0.01)  # an image is left out by 1/e


@pytest.mark.parametrize("levels", [None, 1])
def test_resamples_equal_brute_force(levels):
    targets, scores = random_problem(40, 6, seed=5, levels=levels)
    targets[:, 0] = 0
    targets[3, 0] = 1  # a tag that loses its only positive in a third of the resamples
    counts = draw_counts(40, 25, seed=6)
    fast = resampled_average_precision(targets, scores, counts)
    for r in range(25):
        rows = np.repeat(np.arange(40), counts[:, r])
        for t in range(6):
            if targets[rows, t].any():
                brute = average_precision_score(targets[rows, t], scores[rows, t])
                assert fast[t, r] == pytest.approx(brute, abs=1e-12)
            else:
                assert np.isnan(fast[t, r])
    assert np.isnan(fast).any()
    assert not np.isnan(fast[1:]).any()


def test_one_of_each_is_the_plain_score():
    targets, scores = random_problem(60, 8, seed=7, levels=1)
    ones = np.ones((60, 1), np.uint8)
    plain = average_precision(targets, scores)
    np.testing.assert_allclose(resampled_average_precision(targets, scores, ones)[:, 0], plain, atol=1e-12)


def test_interval_covers_and_narrows():
    blocks = {"general": slice(0, 20), "copyright": slice(20, 20)}
    widths = []
    for images in (200, 3200):
        targets, scores = random_problem(images, 20, seed=8)
        score = score_systems(targets, {"ours": scores}, blocks, resamples=200)["ours"]["general"]
        low, high = score.interval
        assert low < score.value < high
        assert score.count == 20
        widths.append(high - low)
    assert 2.5 < widths[0] / widths[1] < 6  # sixteen times the images: a quarter of the width


def test_empty_category_has_no_interval():
    targets, scores = random_problem(30, 3, seed=9)
    table = score_systems(targets, {"ours": scores}, {"copyright": slice(3, 3)}, resamples=10)
    score = table["ours"]["copyright"]
    assert np.isnan(score.estimate).all()


def test_pairing_sees_what_single_intervals_hide():
    """Two systems that err on the same images differ by little, but always in the same direction."""
    targets, scores = random_problem(300, 20, seed=10)
    better = scores + 0.1 * targets
    table = score_systems(targets, {"a": better, "b": scores}, {"general": slice(0, 20)}, resamples=200)
    a, b = table["a"]["general"], table["b"]["general"]
    delta, low, high = a.minus(b).estimate
    assert a.interval[0] < b.interval[1]  # single intervals overlap
    assert 0 < low < delta < high
    assert b.minus(b).estimate == (0, 0, 0)


def test_centered_interval_by_hand():
    values = np.append(np.arange(101.0), np.nan)  # mean 50
    assert centered_interval(50, values) == pytest.approx((2.5, 97.5))
    assert centered_interval(40, values) == pytest.approx((-7.5, 87.5))


def test_interval_of_rare_tags_holds_the_truth():
    """Random scores and rare tags: the resamples' own percentiles lie above what more images would give."""
    held, plain = 0, 0
    problems = [random_problem(600, 90, seed=s, rarest=0.01, commonest=0.03, skill=0) for s in range(40)]
    truth = np.mean([np.nanmean(average_precision(*problem)) for problem in problems])
    for targets, scores in problems[:12]:
        score = score_systems(targets, {"a": scores}, {"general": slice(0, 90)}, 100)["a"]["general"]
        low, high = score.interval
        held += low <= truth <= high
        low, high = np.quantile(score.resampled, [0.025, 0.975])
        plain += low <= truth <= high
    assert held >= 10
    assert plain <= 4


def test_no_images_is_an_error():
    with pytest.raises(ValueError, match="no illustrations"):
        score_systems(np.zeros((0, 2)), {"a": np.zeros((0, 2))}, {"general": slice(0, 2)})


def test_bootstrap_is_fast():
    """A quarter of the demo's size in a quarter of its five seconds, compilation apart."""
    targets, scores = random_problem(4300, 64, seed=11)
    counts = draw_counts(4300, 1000, seed=0)
    resampled_average_precision(targets[:5], scores[:5], counts[:5])
    start = time.perf_counter()
    resampled_average_precision(targets, scores, counts)
    assert time.perf_counter() - start < 5 / 4
