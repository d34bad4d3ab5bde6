"""Verdicts: drawn from intervals, alike for two equals, and from one closed set."""

import itertools

import numpy as np
import pytest
from scipy.stats import binomtest

from i2v_lib.evaluation.claims import VERDICTS, Claim, lies, verdict_of

NAN = float("nan")


@pytest.mark.parametrize(
    ("interval", "expected"),
    [((0.1, 3), True), ((-3, -0.1), False), ((-1, 1), None), ((0, 2), None), ((-2, 0), None), ((0, 0), None)],
)
def test_an_interval_that_holds_the_bound_leaves_a_part_open(interval, expected):
    assert lies(interval, above=0) is expected
    mirrored = (-interval[1], -interval[0])
    assert lies(mirrored, below=0) is expected  # "less" is "more" seen from the other side


@pytest.mark.parametrize("interval", [None, (None, None), (NAN, NAN), (NAN, 1), np.array([np.nan, np.nan])])
def test_nothing_measured_leaves_a_part_open(interval):
    assert lies(interval, above=0) is None
    assert lies(interval, below=0) is None


def test_a_point_beyond_the_bound_is_not_enough():
    """At most 3 points short, at −2.9 [−6, 0]; at least 5 times, at 5.1 [3, 8]: open, though both points are beyond."""
    assert lies((-6, 0), above=-3) is None
    assert lies((3, 8), above=5) is None
    assert lies((-2.5, 0), above=-3) is True
    assert lies((3, 4), above=5) is False


@pytest.mark.parametrize(
    ("interval", "expected"),
    [((44, 56), True), ((38, 50), None), ((50, 62), None), ((30, 70), None), ((61, 80), False), ((20, 39), False)],
)
def test_equal_means_within_a_band_on_both_sides(interval, expected):
    assert lies(interval, above=40, below=60) is expected
    assert lies((100 - interval[1], 100 - interval[0]), above=40, below=60) is expected


@pytest.mark.parametrize("votes", [(128, 127), (130, 120), (255, 0), (200, 55), (160, 95), (5, 3)])
def test_who_is_called_ours_does_not_decide(votes):
    """128:127 and 127:128 are the same answer to "about equal" and opposite, or both open, to "more"."""
    ours, theirs = (tuple(100 * end for end in binomtest(k, sum(votes)).proportion_ci(method="exact")) for k in votes)
    assert lies(ours, above=40, below=60) is lies(theirs, above=40, below=60)
    more, less = lies(ours, above=50), lies(theirs, above=50)
    assert (more is None and less is None) or more is (not less)


def test_a_single_vote_between_equals_decides_nothing():
    intervals = [tuple(100 * x for x in binomtest(k, 255).proportion_ci()) for k in (127, 128)]
    assert [lies(interval, above=50) for interval in intervals] == [None, None]
    assert [lies(interval, above=40, below=60) for interval in intervals] == [True, True]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [(((2, 1), 0), "interval"), (((0, 1), 60, 40), "above=60 and below=40"), (((0, 1), NAN), "above=nan")],
)
def test_ends_in_the_wrong_order_are_an_error(arguments, named):
    with pytest.raises(ValueError, match=named):
        lies(*arguments)


def test_every_combination_of_answers_has_a_verdict():
    """By counting, which is not how verdict_of does it."""
    for length in range(5):
        for answers in itertools.product((True, False, None), repeat=length):
            yes, no = answers.count(True), answers.count(False)
            expected = "undecided"
            if yes:
                expected = "held" if yes == length else "partly held"
            elif no:
                expected = "did not hold"
            assert verdict_of(answers) == expected in VERDICTS
            assert verdict_of(list(reversed(answers))) == expected


def test_no_part_and_only_open_parts_are_undecided():
    assert verdict_of([]) == verdict_of([None, None]) == "undecided"


def test_a_claim_takes_no_other_verdict(worded):
    claim = Claim("§4.3", "more votes", "partly held", "3 of 6.")
    assert [part in claim.sentence for part in ("more votes", "partly held", "3 of 6")] == [True] * 3
    worded(claim.sentence)
    for other in ("not separated", "not measured", "Held", ""):
        with pytest.raises(ValueError, match=repr(other)):
            Claim("§4.3", "more votes", other, "3 of 6")
    with pytest.raises(AttributeError):
        claim.verdict = "held"
