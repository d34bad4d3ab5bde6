"""One L2-regularized logistic regression a tag, all tags fitted in one batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

MEMORY = 20  # pairs of steps and gradient changes that L-BFGS remembers


@dataclass(frozen=True)
class LogisticModel:
    """T binary logistic regressions over D features.

    Attributes
    ----------
    weights : float32 array, shape (T, D), for features as they come (the standardization is folded in)
    bias : float32 array, shape (T,)
    converged : bool array, shape (T,), whether the gradient fell below the tolerance
    iterations : number of L-BFGS iterations, the same for all tags
    """

    weights: np.ndarray
    bias: np.ndarray
    converged: np.ndarray
    iterations: int

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Logits, float32 array of shape (N, T), of features of shape (N, D)."""
        return features @ self.weights.T + self.bias


def fit_logistic(
    features: np.ndarray, targets: np.ndarray, c: float, tolerance: float = 1e-6, max_iterations: int = 200
) -> LogisticModel:
    """Fit a logistic regression for each tag on standardized features.

    Minimizes, for each tag, the sum of the log losses plus ``‖w‖² / 2c``, the bias unpenalized: the objective
    of scikit-learn's ``LogisticRegression(C=c)`` after ``StandardScaler``. Features are rotated onto their
    principal axes, which leaves the penalty as it is and makes the Hessians of all tags nearly diagonal.
    L-BFGS starts from that diagonal; from a multiple of the identity it takes several times as many
    iterations. One iteration costs two matrix products over all tags.

    A tag that every example carries, or none, has no finite optimum: its weights are zero and its bias is the
    logit of ``(positives + 1/2) / (N + 1)``, so it scores every picture alike.

    Parameters
    ----------
    features : float32 array, shape (N, D)
    targets : uint8 array, shape (N, T), 0 or 1
    c : inverse strength of the penalty
    tolerance : largest entry of the gradient of the mean loss at which a tag counts as converged, in scaled,
        rotated coordinates; smaller takes more iterations
    max_iterations : when to stop all the same; see :attr:`LogisticModel.converged`

    Raises
    ------
    ValueError
        If the shapes disagree, c is not positive, or a feature is not finite.
    """
    if len(features) != len(targets) or targets.ndim != 2:
        raise ValueError(f"features {features.shape} and targets {targets.shape}: need (N, D) and (N, T)")
    if c <= 0:
        raise ValueError(f"c={c}: must be positive; larger means a weaker penalty")
    if not np.isfinite(features).all():
        raise ValueError("features hold NaN or infinity; check the network they come from")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    x = torch.from_numpy(np.asarray(features, np.float32)).to(device)
    y = torch.from_numpy(np.asarray(targets, np.float32)).to(device)
    deviation, mean = torch.std_mean(x, 0, correction=0)
    deviation[deviation == 0] = 1  # a constant feature: it becomes zero and gets no weight
    x = (x - mean) / deviation
    variance, axes = torch.linalg.eigh((x.T @ x).double())
    axes = axes.float()
    x = torch.cat([x @ axes, torch.ones_like(x[:, :1])], 1)  # (N, D + 1), the last column carries the bias
    curvature = torch.cat([variance.float().clamp(min=0), torch.full_like(mean[:1], len(x))])
    solution, converged, iterations = _minimize(x, y, curvature, 1 / c, tolerance, max_iterations)
    weights = solution[:, :-1] @ axes.T / deviation
    bias = solution[:, -1] - weights @ mean
    return LogisticModel(weights.cpu().numpy(), bias.cpu().numpy(), converged.cpu().numpy(), iterations)


def _minimize(
    x: torch.Tensor,
    y: torch.Tensor,
    curvature: torch.Tensor,
    penalty: float,
    tolerance: float,
    max_iterations: int,
) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Run L-BFGS on T independent problems at once, each with a step length and a history of its own.

    Parameters
    ----------
    x : float32 tensor, shape (N, P), the last column all ones
    y : float32 tensor, shape (N, T)
    curvature : float32 tensor, shape (P,), the diagonal of ``xᵀx``
    penalty : weight of ``‖w‖² / 2``

    Returns
    -------
    w : float32 tensor, shape (T, P)
    converged : bool tensor, shape (T,)
    iterations : int
    """
    positives = y.sum(0)
    prior = (positives + 0.5) / (len(x) + 1)
    penalties = torch.full_like(curvature, penalty)
    penalties[-1] = 0
    w = torch.zeros(y.shape[1], x.shape[1], device=x.device)
    w[:, -1] = torch.logit(prior)
    # At the start every example has the loss's curvature prior * (1 - prior), hence this Hessian.
    diagonal = (prior * (1 - prior))[:, None] * curvature + penalties  # (T, P)
    logits = x @ w.T  # (N, T)
    gradient = (torch.sigmoid(logits) - y).T @ x + penalties * w
    active = (positives > 0) & (positives < len(x))
    history: list[tuple[torch.Tensor, torch.Tensor]] = []
    for iterations in range(max_iterations + 1):
        active = active & (gradient.abs().amax(1) > tolerance * len(x))
        if iterations == max_iterations or not active.any():
            break
        direction = _direction(gradient, diagonal, history) * active[:, None]
        slopes = x @ direction.T  # (N, T) change of the logits a unit of step
        linear, quadratic = (penalties * w * direction).sum(1), (penalties * direction**2).sum(1)
        step = _step_length(logits, slopes, y, linear, quadratic)
        move = step[:, None] * direction
        w, logits = w + move, logits + step * slopes
        before, gradient = gradient, (torch.sigmoid(logits) - y).T @ x + penalties * w
        history = [*history, (move, gradient - before)][-MEMORY:]
    return w, ~active, iterations


def _direction(gradient: torch.Tensor, diagonal: torch.Tensor, history: list) -> torch.Tensor:
    """Two-loop recursion of L-BFGS for each row of the gradient, from its Hessian's diagonal; all (T, P)."""
    tiny = torch.finfo(torch.float32).tiny
    direction, passed = -gradient, []
    for move, change in reversed(history):
        inverse = 1 / (move * change).sum(1).clamp(min=tiny)  # a tag at rest has neither move nor change
        weight = inverse * (move * direction).sum(1)
        direction = direction - weight[:, None] * change
        passed.append((move, change, inverse, weight))
    direction = direction / diagonal
    if history:
        move, change = history[-1]
        scale = (move * change).sum(1) / (change**2 / diagonal).sum(1).clamp(min=tiny)
        direction = direction * torch.where(scale > 0, scale, 1)[:, None]
    for move, change, inverse, weight in reversed(passed):
        direction = direction + (weight - inverse * (change * direction).sum(1))[:, None] * move
    return direction


def _step_length(
    logits: torch.Tensor, slopes: torch.Tensor, y: torch.Tensor, linear: torch.Tensor, quadratic: torch.Tensor
) -> torch.Tensor:
    """Step of each tag along its direction, shape (T,), that does not run far past the minimum.

    The objective is convex along the line: its derivative starts negative and rises. From a step of 1, the
    secant between the two ends shortens the step until the way up is at most half as steep as the way down
    was. Near the minimum, differences of the objective drown in float32's rounding; derivatives do not.

    Parameters
    ----------
    logits, slopes, y : float32 tensors, shape (N, T)
    linear, quadratic : float32 tensors, shape (T,), the penalty's derivative is ``linear + step * quadratic``
    """
    start = ((torch.sigmoid(logits) - y) * slopes).sum(0) + linear
    step = torch.ones_like(start)
    for _ in range(20):
        here = ((torch.sigmoid(logits + step * slopes) - y) * slopes).sum(0) + linear + step * quadratic
        steep = here > -start / 2
        if not steep.any():
            break
        step = torch.where(steep, step * start / (start - here), step)
    return step
