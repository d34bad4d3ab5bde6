"""Train a network so that it can be stopped at any moment and still end with the same weights."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from i2v_lib.data.batches import Batch, Batches, evaluation_batches
from i2v_lib.models.checkpoints import (
    check_resumable,
    load_checkpoint,
    load_weights,
    machine,
    save_checkpoint,
    save_weights,
    write_text,
)
from i2v_lib.models.loss import tag_loss
from i2v_lib.models.networks import TagNetwork, set_prior
from i2v_lib.models.progress import progress_bar
from i2v_lib.models.signals import act_on, collect_signals

__all__ = ["fit", "learning_rate_at", "load_weights", "predict", "save_weights"]


def fit(
    network: TagNetwork,
    batches: Batches,
    epochs: int,
    learning_rate: float,
    folder: Path | str,
    *,
    validate: Callable[[nn.Module], Mapping[str, float]] | None = None,
    warmup: float = 0.05,
    weight_decay: float = 0.0,
    precision: str = "auto",
    checkpoint_every: int = 1000,
    fingerprint: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    device: str | None = None,
    force: bool = False,
    from_scratch: bool = True,
) -> TagNetwork:
    """Train a network, or go on where an interrupted training in the same folder stopped.

    A training that was killed and resumed ends with the same bits as one that was not, on the same machine:
    batches and dropout are drawn from the seed and the step, never from a running generator.

    Parameters
    ----------
    network : trained in place
    batches : of the training pictures
    epochs : passes over them
    learning_rate : Adam's peak; see :func:`learning_rate_at`
    folder : receives ``log.jsonl``, a record an epoch; ``checkpoint.safetensors`` while training goes on; and
        ``weights.safetensors`` at its end, with ``metadata``, ``settings``, ``history`` and ``machine``
    validate : called with the network in eval mode after each epoch; what it returns is logged as ``map``
    warmup : share of the steps over which the learning rate rises from zero
    weight_decay : decoupled (AdamW); biases are spared, as the last one holds each tag's frequency
    precision : "float32", "bfloat16" (autocast), or "auto": bfloat16 on CUDA, float32 elsewhere
    checkpoint_every : steps between checkpoints; an epoch's end writes one as well
    fingerprint : what the training depends on beside the arguments here, by name: JSON values
    metadata : what else is saved with the weights (config, vocabulary): JSON values
    device : "cuda", "cpu", …; when left out, CUDA if there is one
    force : go on from a checkpoint although it was written under other settings
    from_scratch : set the network's mean and last bias from the training pictures; False to fine-tune

    Returns
    -------
    the network, on the device, in eval mode

    Raises
    ------
    FloatingPointError
        If the loss is not finite; raised before the step is made.
    OSError
        If a checkpoint cannot be written; the one before stays.
    ValueError
        If the folder's checkpoint was written under other settings and ``force`` is not set.
    KeyboardInterrupt, SystemExit
        After Ctrl-C or SIGTERM, once a checkpoint is written.
    """
    training = _Training(network, batches, Path(folder), device, precision, weight_decay, from_scratch)
    training.settings = {
        "epochs": epochs,
        "learning_rate": learning_rate,
        "warmup": warmup,
        "weight_decay": weight_decay,
        "precision": precision,
        "batch_size": batches.batch_size,
        "image_size": batches.image_size,
        "seed": batches.seed,
        "pictures": len(batches.indices),
        "from_scratch": from_scratch,
        **(fingerprint or {}),
    }
    training.resume(force)
    state, steps, pictures = training.state, epochs * len(batches), len(batches.indices)
    with collect_signals() as received, torch.random.fork_rng():
        while state.step < steps:
            epoch, skip = divmod(state.step, len(batches))
            with progress_bar(f"epoch {epoch + 1}/{epochs}", pictures, done=state.pictures) as bar:
                for batch in batches.epoch(epoch, skip):
                    training.step(batch, learning_rate_at(state.step, steps, learning_rate, warmup))
                    bar.set_postfix(loss=f"{state.loss / state.pictures:.2f}", refresh=False)
                    bar.update(len(batch.indices))
                    inside = state.step % len(batches) > 0
                    if inside and (received or state.step % checkpoint_every == 0):
                        training.save()
                        act_on(received)
            training.end_epoch(validate)
            training.save()
            act_on(received)
    training.finish(metadata or {})
    return network.eval()


def learning_rate_at(step: int, steps: int, peak: float, warmup: float) -> float:
    """Learning rate of one step: a line from zero up to the peak, then a cosine down to zero.

    Parameters
    ----------
    step : 0 to steps − 1
    steps : of the whole training
    peak : the highest learning rate
    warmup : share of the steps that rise, 0 to 1
    """
    rising = warmup * steps
    if step + 1 <= rising:
        return peak * (step + 1) / rising
    return peak * 0.5 * (1 + math.cos(math.pi * (step - rising) / (steps - rising)))


def predict(
    network: nn.Module,
    pixels: np.ndarray,
    indices: np.ndarray,
    image_size: int,
    batch_size: int = 256,
    device: str | None = None,
    progress: str | None = None,
    output: str = "logits",
) -> np.ndarray:
    """Logits or features of pictures, from their center crops.

    Parameters
    ----------
    network : pictures (B, 3, S, S), RGB 0–255, to logits (B, T); its mode is left as it was
    pixels : uint8 array, shape (N, R, R, 3), RGB
    indices : int64 array, shape (n,), rows of ``pixels``
    image_size : side S of the crop in pixels
    batch_size : pictures at a time
    device : moves the network there; when left out, the network stays where it is
    progress : what to call this on a progress bar; none is shown when left out
    output : "logits", or "features" of a network that has them

    Returns
    -------
    float32 array, shape (n, T) or (n, D), in the order of ``indices``
    """
    if output not in ("logits", "features"):
        raise ValueError(f"output={output!r} is unknown; use logits or features")
    if len(indices) == 0:
        raise ValueError("indices is empty; pass the rows of at least one picture")
    if device is not None:
        network.to(device)
    target, was_training = next(network.parameters()).device, network.training
    network.eval()
    compute, outputs = network.features if output == "features" else network, []
    with torch.inference_mode(), progress_bar(progress, len(indices)) as bar:
        for images in evaluation_batches(pixels, indices, batch_size, image_size):
            outputs.append(compute(images.to(target)).float().cpu().numpy())
            bar.update(len(images))
    network.train(was_training)
    return np.concatenate(outputs)


@dataclass
class _State:
    """How far a training has come; what a checkpoint holds beside tensors."""

    step: int = 0  # optimizer steps made
    pictures: int = 0  # seen in this epoch
    loss: float = 0.0  # summed over them
    seconds: float = 0.0  # this epoch took so far, without validation
    history: list[dict[str, Any]] = field(default_factory=list)  # a record an epoch


class _Training:
    """A network, its optimizer and what is on disk of them."""

    def __init__(
        self,
        network: TagNetwork,
        batches: Batches,
        folder: Path,
        device: str | None,
        precision: str,
        weight_decay: float,
        from_scratch: bool,
    ) -> None:
        self.network, self.seed, self.folder = network, batches.seed, folder
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.autocast = _autocast(precision, self.device)
        folder.mkdir(parents=True, exist_ok=True)
        self.checkpoint = folder / "checkpoint.safetensors"
        self.settings: dict[str, Any] = {}
        self.state = _State()
        self.clock = time.perf_counter()
        if from_scratch:
            network.mean.copy_(batches.mean())
            set_prior(network, batches.priors())
        network.to(self.device, memory_format=torch.channels_last)
        decayed = [p for p in network.parameters() if p.ndim > 1]
        spared = [p for p in network.parameters() if p.ndim <= 1]
        groups = [{"params": decayed}, {"params": spared, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, weight_decay=weight_decay, fused=True)

    def resume(self, force: bool) -> None:
        """Go back to the folder's checkpoint, if it has one."""
        if not self.checkpoint.exists():
            return
        check_resumable(self.checkpoint, self.settings, machine(self.device), force)
        saved = load_checkpoint(self.checkpoint, self.network, self.optimizer)
        self.state = _State(**saved["state"])

    def step(self, batch: Batch, learning_rate: float) -> None:
        """Make one step of the optimizer, or raise FloatingPointError before it."""
        self.network.train()
        torch.manual_seed(self.seed << 32 | self.state.step)  # dropout's, the same after a resumption
        images = batch.images.to(self.device, non_blocking=True)  # (B, 3, S, S)
        targets = batch.targets.to(self.device, non_blocking=True)  # (B, T)
        with self.autocast:
            logits = self.network(images)  # (B, T)
        loss = tag_loss(logits, targets)
        value = loss.item()
        if not math.isfinite(value):
            raise FloatingPointError(
                f"loss is {value} at step {self.state.step}, learning rate {learning_rate:.2g}, on pictures "
                f"{batch.indices.tolist()}; look at these pictures, or lower learning_rate. "
                f"The weights are those before the step; {self.checkpoint} was left as it was"
            )
        self.optimizer.zero_grad()
        loss.backward()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.step()
        now = time.perf_counter()
        self.state.step += 1
        self.state.pictures += len(images)
        self.state.loss += value * len(images)
        self.state.seconds += now - self.clock
        self.clock = now

    def end_epoch(self, validate: Callable[[nn.Module], Mapping[str, float]] | None) -> None:
        """Validate, and add the epoch's record to the log."""
        state = self.state
        record = {
            "epoch": len(state.history) + 1,
            "loss": state.loss / state.pictures,
            "seconds": state.seconds,
            "images_per_second": state.pictures / state.seconds,
            "map": dict(validate(self.network.eval())) if validate else {},
        }
        state.history.append(record)
        state.pictures, state.loss, state.seconds = 0, 0.0, 0.0
        lines = [json.dumps(record) + "\n" for record in state.history]
        write_text(self.folder / "log.jsonl", "".join(lines))
        self.clock = time.perf_counter()

    def save(self) -> None:
        """Write a checkpoint."""
        metadata = self._metadata(state=asdict(self.state))
        save_checkpoint(self.checkpoint, self.network, self.optimizer, metadata)

    def finish(self, metadata: Mapping[str, Any]) -> None:
        """Write the weights, then remove the checkpoint."""
        metadata = {**metadata, **self._metadata(history=self.state.history)}
        save_weights(self.folder / "weights.safetensors", self.network, metadata)
        self.checkpoint.unlink(missing_ok=True)

    def _metadata(self, **more: Any) -> dict[str, Any]:
        return {"settings": self.settings, "machine": machine(self.device), **more}


def _autocast(precision: str, device: torch.device) -> torch.autocast:
    choices = {"auto": device.type == "cuda", "float32": False, "bfloat16": True}
    if precision not in choices:
        raise ValueError(f"precision={precision!r} is unknown; use {', '.join(choices)}")
    return torch.autocast(device.type, torch.bfloat16, enabled=choices[precision])
