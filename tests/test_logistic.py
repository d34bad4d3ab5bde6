import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from i2v_lib.models.logistic import fit_logistic


@pytest.fixture(scope="module")
def problem():
    """Correlated, badly scaled features like a ReLU network's, and tags from common to rare."""
    rng = np.random.default_rng(0)
    hidden = rng.standard_normal((800, 12)) * np.exp(-np.arange(12) / 4)
    features = np.maximum(hidden @ rng.standard_normal((12, 40)) + 0.2 * rng.standard_normal((800, 40)), 0)
    features = (features * np.exp(rng.uniform(-3, 3, 40))).astype(np.float32)
    effects = 2 * hidden @ rng.standard_normal((12, 6)) + rng.logistic(size=(800, 6))
    targets = (effects > [0, 0, 1, 2, 3, 5]).astype(np.uint8)
    assert (targets.sum(0) >= 5).all()
    return features, targets


@pytest.mark.parametrize("c", [0.01, 1.0, 10.0])
def test_equals_scikit_learn(problem, c):
    features, targets = problem
    model = fit_logistic(features, targets, c, tolerance=1e-7)
    assert model.converged.all()
    scaler = StandardScaler().fit(features.astype(float))
    standardized = scaler.transform(features.astype(float))
    for tag, column in enumerate(targets.T):
        oracle = LogisticRegression(C=c, tol=1e-9, max_iter=10_000).fit(standardized, column)
        coefficients = model.weights[tag] * scaler.scale_
        np.testing.assert_allclose(coefficients, oracle.coef_[0], atol=1e-3 * np.abs(oracle.coef_).max())
        logits = oracle.decision_function(standardized)
        np.testing.assert_allclose(model.logits(features)[:, tag], logits, atol=1e-3 * logits.std())


def test_default_tolerance_reaches_the_minimum_and_a_few_iterations_do_not(problem):
    features, targets = problem
    standardized = StandardScaler().fit_transform(features.astype(float))
    deviation = features.astype(float).std(0)

    def objective(model, tag):
        probabilities = 1 / (1 + np.exp(-model.logits(features)[:, tag].astype(float)))
        loss = log_loss(targets[:, tag], probabilities, normalize=False)
        return loss + ((model.weights[tag] * deviation) ** 2).sum() / 2

    full, short = fit_logistic(features, targets, 1.0), fit_logistic(features, targets, 1.0, max_iterations=2)
    assert full.converged.all()
    assert not short.converged.any()
    assert short.iterations == 2 < full.iterations
    for tag, column in enumerate(targets.T):
        oracle = LogisticRegression(C=1.0, tol=1e-9, max_iter=10_000).fit(standardized, column)
        loss = log_loss(column, oracle.predict_proba(standardized)[:, 1], normalize=False)
        best = loss + (oracle.coef_**2).sum() / 2
        assert objective(full, tag) == pytest.approx(best, rel=1e-5)
        assert objective(short, tag) > best * (1 + 1e-4)


def test_a_tag_does_not_depend_on_the_others(problem):
    features, targets = problem
    together = fit_logistic(features, targets, 1.0, tolerance=1e-7)
    alone = fit_logistic(features, targets[:, 3:4], 1.0, tolerance=1e-7)
    logits = alone.logits(features)[:, 0]
    np.testing.assert_allclose(together.logits(features)[:, 3], logits, atol=1e-3 * logits.std())


def test_tags_that_all_or_no_pictures_carry_score_every_picture_alike(problem):
    features, targets = problem
    none, every = np.zeros((800, 1), np.uint8), np.ones((800, 1), np.uint8)
    model = fit_logistic(features, np.hstack([none, every, targets[:, :1]]), 1.0)
    assert not model.weights[:2].any()
    np.testing.assert_allclose(model.bias[:2], [-np.log(1601), np.log(1601)], rtol=1e-4)  # ½ and 800½ of 801
    assert model.weights[2].any()
    assert model.converged.all()


def test_separable_tags_and_constant_features_stay_finite(problem):
    features, _ = problem
    features = np.hstack([features, np.full((800, 2), 7, np.float32)])
    separable = (features[:, :1] > np.median(features[:, 0])).astype(np.uint8)
    model = fit_logistic(features, separable, 1.0)
    assert np.isfinite(model.weights).all()
    assert not model.weights[0, -2:].any()
    assert ((model.logits(features) > 0) == separable).mean() > 0.95


def test_more_features_than_pictures():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((40, 90)).astype(np.float32)
    targets = rng.integers(0, 2, (40, 3)).astype(np.uint8)
    model = fit_logistic(features, targets, 0.1, tolerance=1e-7)
    standardized = StandardScaler().fit_transform(features.astype(float))
    for tag, column in enumerate(targets.T):
        oracle = LogisticRegression(C=0.1, tol=1e-9, max_iter=10_000).fit(standardized, column)
        expected = oracle.decision_function(standardized)
        np.testing.assert_allclose(model.logits(features)[:, tag], expected, atol=1e-3)


def test_bad_arguments_are_named(problem):
    features, targets = problem
    with pytest.raises(ValueError, match="targets"):
        fit_logistic(features, targets[:-1], 1.0)
    with pytest.raises(ValueError, match="c=0"):
        fit_logistic(features, targets, 0)
    broken = features.copy()
    broken[5, 5] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        fit_logistic(broken, targets, 1.0)
