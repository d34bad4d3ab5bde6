"""Loss: by hand, and against PyTorch's own."""

import math

import pytest
import torch

from i2v_lib.models.loss import tag_loss


def test_by_hand():
    # −log σ(0) = log 2 for each of the first picture's tags; −log(1 − 3/4) and −log(3/4) for the second's
    logits = torch.tensor([[0.0, 0.0], [math.log(3), math.log(3)]])
    targets = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    by_hand = (2 * math.log(2) + math.log(4) + math.log(4 / 3)) / 2
    assert tag_loss(logits, targets).item() == pytest.approx(by_hand, rel=1e-6)


def test_is_the_mean_over_everything_times_the_tags():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(6, 11, generator=generator)
    targets = (torch.rand(6, 11, generator=generator) < 0.3).float()
    torch.testing.assert_close(tag_loss(logits, targets), 11 * torch.nn.BCEWithLogitsLoss()(logits, targets))


def test_gradient_is_score_minus_target_over_the_batch():
    logits = torch.tensor([[2.0, -1.0, 0.0], [0.5, 3.0, -4.0]], requires_grad=True)
    targets = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    tag_loss(logits, targets).backward()
    torch.testing.assert_close(logits.grad, (logits.detach().sigmoid() - targets) / 2)


def test_extreme_logits_stay_finite():
    loss = tag_loss(torch.tensor([[1000.0, -1000.0]]), torch.tensor([[0.0, 1.0]]))
    assert loss.item() == 2000


def test_bfloat16_logits_are_summed_in_float32():
    logits = torch.zeros(1, 1539, dtype=torch.bfloat16)
    assert tag_loss(logits, torch.ones(1, 1539)).item() == pytest.approx(1539 * math.log(2), rel=1e-6)


@pytest.mark.parametrize("shape", [(4, 1), (3, 5)])
def test_shapes_must_agree(shape):
    with pytest.raises(ValueError, match="both must be"):
        tag_loss(torch.zeros(4, 5), torch.zeros(shape))


def test_an_empty_batch_is_an_error():
    with pytest.raises(ValueError, match="at least 1"):
        tag_loss(torch.zeros(0, 5), torch.zeros(0, 5))
