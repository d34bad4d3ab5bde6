"""The loss both networks are trained with."""

from __future__ import annotations

import torch
from torch.nn.functional import binary_cross_entropy_with_logits


def tag_loss(logits: torch.Tensor, targets: torch.Tensor, pictures: int | None = None) -> torch.Tensor:
    """Sigmoid cross-entropy, summed over the tags and averaged over the batch.

    Averaged over some 1,500 sparse tags as well, its gradients would be tiny.

    Parameters
    ----------
    logits : float tensor, shape (N, T), before the sigmoid
    targets : float tensor, shape (N, T), 0 or 1
    pictures : of the whole batch, where these N are a part of it: the losses of its parts then add up to its own

    Returns
    -------
    float32 scalar, in nats per picture

    Raises
    ------
    ValueError
        If the shapes differ, or the batch is empty.

    Source: Saito & Matsui 2015, §3.1.
    """
    if logits.shape != targets.shape or len(logits) == 0:
        shapes = f"{tuple(logits.shape)} and {tuple(targets.shape)}"
        raise ValueError(f"logits and targets have shapes {shapes}; both must be (N, T), N at least 1")
    # float32, because the sum over the tags has more digits than bfloat16 holds
    return binary_cross_entropy_with_logits(logits.float(), targets, reduction="sum") / (pictures or len(logits))
