import numpy as np
import pytest

from i2v_lib.evaluation.measured import SHARE, Measured

RAMP = np.linspace(0, 1, 101)  # its 95 % are 0.025 to 0.975


def test_the_interval_is_that_of_the_resamples():
    measured = Measured(0.5, RAMP)
    assert measured.interval == pytest.approx((0.025, 0.975))
    assert measured.estimate == pytest.approx((0.5, 0.025, 0.975))
    assert Measured(0.4, RAMP).interval == pytest.approx((-0.075, 0.875))  # less the bias


def test_only_a_share_ends_at_0_and_1():
    for value in (0.4, 0.6):
        free, share = Measured(value, RAMP), Measured(value, RAMP, SHARE)
        assert share.interval == (max(free.interval[0], 0), min(free.interval[1], 1))
        assert share.interval != free.interval
        assert share.minus(share).limits == share.over(share).limits == free.limits


def test_differences_and_multiples_are_paired():
    generator = np.random.default_rng(0)
    common, own = generator.normal(0, 0.1, 500), generator.normal(0, 0.01, 500)
    a, b = Measured(0.6, 0.6 + common + own), Measured(0.5, 0.5 + common)
    difference, ratio = a.minus(b), a.over(b)
    assert difference.value == pytest.approx(0.1)
    assert difference.interval[0] > 0.07
    assert a.interval[0] < b.interval[1]  # the control: alone they overlap
    assert b.minus(a).interval == pytest.approx([-end for end in difference.interval[::-1]])
    assert ratio.value == pytest.approx(1.2)
    np.testing.assert_allclose(ratio.resampled, a.resampled / b.resampled)
    assert a.minus(a).estimate == (0, 0, 0)
    assert a.over(a).estimate == (1, 1, 1)


def test_what_is_not_measured_stays_so():
    nothing, something = Measured(np.nan, np.full(101, np.nan), SHARE), Measured(0.5, RAMP, SHARE)
    for measured in (nothing, something.minus(nothing), something.over(nothing), nothing.over(something)):
        assert np.isnan(measured.estimate).all()
    assert np.isnan(something.over(Measured(0.0, np.zeros(101))).estimate).all()


def test_other_resamples_cannot_be_paired():
    for compare in (Measured(0.5, RAMP).minus, Measured(0.5, RAMP).over):
        with pytest.raises(ValueError, match=r"50\b.*\b101"):
            compare(Measured(0.5, RAMP[:50]))
