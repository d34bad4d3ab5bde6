"""One step of training: forward, backward and the optimizer, on one device or on many as one."""

from __future__ import annotations

import math
import signal
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from i2v_lib.config import choices_of
from i2v_lib.data.batches import Batch
from i2v_lib.models.loss import tag_loss
from i2v_lib.system.distributed import default_device, gather_rows, rank, ranks, total

STOPS = (signal.SIGINT, signal.SIGTERM)


class TrainingStep:
    """A network, its optimizer and, if wanted, the average of its weights; the same on every rank after every step.

    Parameters
    ----------
    network : moved to the device and trained in place
    seed : of dropout
    device : "cuda", "cpu", …; when left out, CUDA if there is one
    precision : "float32", "bfloat16" (autocast), or "auto": bfloat16 on CUDA, float32 elsewhere
    compiled : "on", "off", or "auto": compile the network on CUDA, not elsewhere
    weight_decay : decoupled (AdamW); biases are spared, as the last one holds each tag's frequency
    accumulate : parts that a batch goes through the network in, one after the other, to save memory
    ema : decay of the exponential moving average of the weights, such as 0.999; 0 keeps none

    Attributes
    ----------
    result : the network to validate and to keep: the averaged one if there is one
    """

    def __init__(
        self,
        network: nn.Module,
        seed: int,
        device: str | None = None,
        precision: str = "auto",
        compiled: str = "auto",
        weight_decay: float = 0.0,
        accumulate: int = 1,
        ema: float = 0.0,
    ) -> None:
        if accumulate < 1:
            raise ValueError(f"accumulate={accumulate}: a batch has at least one part")
        if not 0 <= ema < 1:
            raise ValueError(f"ema={ema}: the decay of an average lies in [0, 1); 0.999 averages some 1,000 steps")
        self.network, self.seed, self.accumulate = network, seed, accumulate
        self.device = default_device() if device in (None, "cuda") else torch.device(device)
        on_cuda = self.device.type == "cuda"
        lower = _choice("precision", precision, "bfloat16", on_cuda)
        self.autocast = torch.autocast(self.device.type, torch.bfloat16, enabled=lower)
        if ranks() > 1 and on_cuda:  # batch norm sees the whole batch; there is no such layer for the CPU
            nn.SyncBatchNorm.convert_sync_batchnorm(network)
        network.to(self.device).to(memory_format=torch.channels_last)
        decayed = [p for p in network.parameters() if p.ndim > 1]
        spared = [p for p in network.parameters() if p.ndim <= 1]
        groups: list[dict[str, Any]] = [{"params": decayed}, {"params": spared, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, weight_decay=weight_decay, fused=True)
        self.average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(ema), use_buffers=True) if ema else None
        self.result = self.average.module if self.average else network
        self._forward: nn.Module = network
        if _choice("compiled", compiled, "on", on_cuda):
            # batches have two sizes at most
            self._forward = torch.compile(network, dynamic=False)  # type: ignore[assignment]  # of a module: a module
        if ranks() > 1:
            devices = [self.device.index] if on_cuda else None
            self._forward = DistributedDataParallel(self._forward, device_ids=devices, gradient_as_bucket_view=True)

    def step(
        self, batch: Batch, number: int, learning_rate: float, received: Sequence[int] = ()
    ) -> tuple[float, list[int]]:
        """Make one step of the optimizer, or raise on all ranks before it.

        Parameters
        ----------
        batch : this rank's share
        number : of the step, from 0
        learning_rate : of this step
        received : signals that this rank has received

        Returns
        -------
        loss : of the whole batch, in nats per picture
        signals : that any rank has received

        Raises
        ------
        FloatingPointError
            If the loss is not finite; the weights are those before the step.
        """
        self.network.train()
        torch.manual_seed(_dropout_seed(self.seed, number, rank()))
        self.optimizer.zero_grad()
        loss = self._backward(batch.to(self.device))
        value, *counts = total([loss, *(float(stop in received) for stop in STOPS)], self.device)
        if not math.isfinite(value):
            pictures = gather_rows(batch.indices.numpy()).tolist()
            raise FloatingPointError(
                f"loss is {value} at step {number}, learning rate {learning_rate:.2g}, on pictures {pictures}; "
                "look at these pictures, or lower learning_rate. The weights are those before the step"
            )
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.step()
        if self.average:
            self.average.update_parameters(self.network)
        return value, [stop for stop, count in zip(STOPS, counts, strict=True) if count]

    def _backward(self, batch: Batch) -> torch.Tensor:
        """Add up gradients of the whole batch's mean loss; return this rank's part of the loss."""
        parts = min(self.accumulate, batch.total // ranks())  # as many on every rank, none of them empty
        loss = torch.zeros((), device=self.device)
        shares = zip(batch.images.tensor_split(parts), batch.targets.tensor_split(parts), strict=True)
        forward = self._forward
        for part, (images, targets) in enumerate(shares, start=1):
            last = part == parts
            with nullcontext() if last or not isinstance(forward, DistributedDataParallel) else forward.no_sync():
                with self.autocast:
                    logits = forward(images)  # (B, T)
                own = tag_loss(logits, targets, batch.total)
                (own * ranks()).backward()  # gradients are averaged over ranks, so this makes their sum
            loss += own.detach()
        return loss


def _dropout_seed(seed: int, step: int, rank: int) -> int:
    """The same after a resumption, another for each rank, so that their masks are not the same."""
    return int(np.random.SeedSequence((seed, step, rank)).generate_state(1, np.uint64)[0])


def _choice(name: str, value: str, yes: str, auto: bool) -> bool:
    """Whether a setting says yes; "auto" says what is usual for the device."""
    if value not in (words := choices_of(name)):
        raise ValueError(f"{name}={value!r} is unknown; use {', '.join(words)}")
    return auto if value == "auto" else value == yes
