"""Train a network so that it can be stopped at any moment and still end with the same weights."""

from __future__ import annotations

import copy
import hashlib
import json
import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from i2v_lib.data.batches import Batch, Batches
from i2v_lib.models.checkpoints import KeptCheckpoints, check_resumable, check_space, machine, save_weights
from i2v_lib.models.networks import MultiLabelNetwork, set_prior
from i2v_lib.models.steps import STOPS, TrainingStep
from i2v_lib.system.distributed import from_first, rank, ranks, total
from i2v_lib.system.files import write_text
from i2v_lib.system.progress import progress_bar
from i2v_lib.system.signals import act_on, collect_signals

Network = TypeVar("Network", bound=MultiLabelNetwork)


def fit(
    network: Network,
    batches: Batches,
    epochs: int,
    learning_rate: float,
    folder: Path | str,
    *,
    validate: Callable[[nn.Module], Mapping[str, float]] | None = None,
    warmup: float = 0.05,
    weight_decay: float = 0.0,
    precision: str = "auto",
    compiled: str = "auto",
    accumulate: int = 1,
    ema: float = 0.0,
    checkpoint_every: int = 1000,
    fingerprint: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    device: str | None = None,
    force: bool = False,
    from_scratch: bool = True,
) -> Network:
    """Train a network, or continue where an interrupted training in the same folder stopped.

    A training that was killed and resumed ends with the same bits as one that was not, on the same machine:
    batches and dropout are drawn from the seed and the step, never from a running generator.

    Under ``torchrun`` every rank calls this; they make the same steps as one process, up to rounding, as long as there
    is no dropout (each rank draws masks of its own) and no batch norm on a CPU (each normalizes over its own share).
    Rank 0 alone writes.

    Parameters
    ----------
    network : trained in place
    batches : of the training pictures
    epochs : passes over them
    learning_rate : Adam's peak; see :func:`learning_rate_at`
    folder : receives ``log.jsonl``, one record per epoch; the last two checkpoints meanwhile; and at the end
        ``weights.safetensors``, with ``metadata``, ``settings``, ``history`` and ``machine``. Where there is a
        validation, ``best.safetensors`` has the same of the epoch with the highest mean
    validate : called on every rank with the network in eval mode after each epoch; what it returns is logged as ``map``
    warmup : share of the steps over which the learning rate rises from zero
    weight_decay : decoupled (AdamW); biases are spared, as the last one holds each tag's frequency
    precision : "float32", "bfloat16" (autocast), or "auto": bfloat16 on CUDA, float32 elsewhere
    compiled : "on", "off", or "auto": compile the network on CUDA, not elsewhere
    accumulate : parts that a batch goes through the network in, one after the other, to save memory
    ema : decay of an exponential moving average of the weights, which is then what is validated and kept; 0 for none
    checkpoint_every : steps between checkpoints; an epoch's end writes one as well
    fingerprint : what the training depends on beside the arguments here, by name: JSON values
    metadata : what else is saved with the weights (architecture, vocabulary): JSON values
    device : "cuda", "cpu", …; when left out, CUDA if there is one
    force : continue from a checkpoint although it was written under other settings
    from_scratch : set the network's mean and last bias from the training pictures; False to fine-tune

    Returns
    -------
    the network, on the device, in eval mode

    Raises
    ------
    FloatingPointError
        If the loss is not finite; raised before the step is made.
    OSError
        If the disk has no room at the start, or three checkpoints in a row cannot be written; the last one stays.
    ValueError
        If the folder's checkpoint was written under other settings, or for other pictures, and ``force`` is not set;
        if no checkpoint there can be read, or a batch has fewer pictures than there are ranks.
    KeyboardInterrupt, SystemExit
        After Ctrl-C or SIGTERM, once a checkpoint is written.
    """
    mean, priors = batches.mean(), batches.priors()
    settings = {
        "epochs": epochs,
        "learning_rate": learning_rate,
        "warmup": warmup,
        "weight_decay": weight_decay,
        "precision": precision,
        "compiled": compiled,
        "accumulate": accumulate,
        "ema": ema,
        "batch_size": batches.batch_size,
        "image_size": batches.image_size,
        "seed": batches.seed,
        "shuffle": [batches.block, batches.buffer],
        "pictures": len(batches.indices),
        "dataset": _dataset(batches.indices, mean, priors),
        "from_scratch": from_scratch,
        **(fingerprint or {}),
    }
    if from_scratch:
        network.pixel_mean.copy_(mean)
        set_prior(network, priors)
    training_step = TrainingStep(network, batches.seed, device, precision, compiled, weight_decay, accumulate, ema)
    if training_step.device.type == "cuda":
        batches = copy.copy(batches)  # the caller's stay as they are
        batches.device = training_step.device  # pictures are cropped and mirrored there
    training = _Training(training_step, Path(folder), settings, metadata or {})
    training.resume(force)
    state, steps, pictures = training.state, epochs * len(batches), len(batches.indices)
    with collect_signals(insisting=ranks() == 1) as received, training.own_randomness():
        while state.step < steps:
            epoch, skip = divmod(state.step, len(batches))
            name = f"epoch {epoch + 1}/{epochs}" if rank() == 0 else None
            with progress_bar(name, pictures, done=state.pictures) as bar:
                for batch in batches.epoch(epoch, skip, rank(), ranks()):
                    rate = learning_rate_at(state.step, steps, learning_rate, warmup)
                    stops = training.step(batch, rate, received)
                    bar.set_postfix(loss=f"{state.loss / state.pictures:.2f}", refresh=False)
                    bar.update(batch.total)
                    inside = state.step % len(batches) > 0
                    if inside and (stops or state.step % checkpoint_every == 0):
                        training.save(stops)
                        act_on(stops)
            training.end_epoch(validate)
            stops = _of_all(received, training.training_step.device)
            training.save(stops)
            act_on(stops)
    training.finish()
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


@dataclass
class _State:
    """How far a training has come; what a checkpoint holds beside tensors."""

    step: int = 0  # optimizer steps made
    pictures: int = 0  # seen in this epoch
    loss: float = 0.0  # summed over them
    seconds: float = 0.0  # this epoch took so far, without validation
    history: list[dict[str, Any]] = field(default_factory=list)  # a record per epoch


class _Training:
    """A network that is trained, how far it has come, and what is on disk of it."""

    def __init__(
        self, training_step: TrainingStep, folder: Path, settings: dict[str, Any], metadata: Mapping[str, Any]
    ) -> None:
        self.training_step, self.folder, self.settings, self.metadata = training_step, folder, settings, metadata
        self.state = _State()
        self.clock = time.perf_counter()
        folder.mkdir(parents=True, exist_ok=True)
        self.checkpoints = KeptCheckpoints(folder)
        bytes_of_weights = sum(p.numel() * p.element_size() for p in training_step.network.parameters())
        check_space(folder / "checkpoint", (4 if training_step.average else 3) * bytes_of_weights)

    def own_randomness(self) -> Any:
        """A context that leaves the caller's generators as they are."""
        device = self.training_step.device
        return torch.random.fork_rng([device] if device.type == "cuda" else [])

    def resume(self, force: bool) -> None:
        """Go back to the folder's newest checkpoint, if it has one."""

        def check(path: Path) -> None:
            check_resumable(path, self.settings, machine(self.training_step.device), force)

        saved = self.checkpoints.load(self.training_step, check)
        if saved:
            self.state = _State(**saved["state"])

    def step(self, batch: Batch, learning_rate: float, received: Sequence[int]) -> list[int]:
        """Make one step, or raise FloatingPointError before it; return the signals that any rank has received."""
        state = self.state
        value, stops = self.training_step.step(batch, state.step, learning_rate, received)
        now = time.perf_counter()
        state.step += 1
        state.pictures += batch.total
        state.loss += value * batch.total
        state.seconds += now - self.clock
        self.clock = now
        return stops

    def end_epoch(self, validate: Callable[[nn.Module], Mapping[str, float]] | None) -> None:
        """Validate, add the epoch's record to the log, and keep the weights if they are the best so far."""
        state = self.state
        record = {
            "epoch": len(state.history) + 1,
            "loss": state.loss / state.pictures,
            "seconds": state.seconds,
            "images_per_second": state.pictures / state.seconds,
            "map": dict(validate(self.training_step.result.eval())) if validate else {},
        }
        state.history.append(record)
        state.pictures, state.loss, state.seconds = 0, 0.0, 0.0
        if rank() == 0:
            self._log()
            means = [_mean(record["map"]) for record in state.history]
            if means[-1] > max(means[:-1], default=-math.inf):
                self.checkpoints.save_best(self.training_step, self._about(history=state.history))
        self.clock = time.perf_counter()

    def _log(self) -> None:
        try:
            write_text(self.folder / "log.jsonl", "".join(json.dumps(record) + "\n" for record in self.state.history))
        except OSError as error:  # a full disk ends a training only if its checkpoints cannot be written
            warnings.warn(f"log.jsonl was not written: {error}", stacklevel=2)

    def save(self, stops: Sequence[int]) -> None:
        """Write a checkpoint."""
        if rank() == 0:
            metadata = {
                "settings": self.settings,
                "machine": machine(self.training_step.device),
                "state": asdict(self.state),
            }
            self.checkpoints.save(self.training_step, metadata, self.state.step, stopping=bool(stops))

    def finish(self) -> None:
        """Write the weights, then remove the checkpoints."""
        network, result = self.training_step.network, self.training_step.result
        if result is not network:
            network.load_state_dict(result.state_dict())
        if rank() == 0:
            save_weights(self.folder / "weights.safetensors", network, self._about(history=self.state.history))
            self.checkpoints.remove()
        from_first(None)  # so that every rank finds what rank 0 wrote

    def _about(self, **more: Any) -> dict[str, Any]:
        return {**self.metadata, "settings": self.settings, "machine": machine(self.training_step.device), **more}


def _dataset(indices: np.ndarray, mean: torch.Tensor, priors: torch.Tensor) -> str:
    """Name the pictures that are trained on by their rows, their mean color and how frequent their tags are."""
    return hashlib.sha256(b"".join(part.tobytes() for part in (indices, mean.numpy(), priors.numpy()))).hexdigest()[:16]


def _of_all(received: Sequence[int], device: torch.device) -> list[int]:
    """Signals that any rank has received."""
    counts = total([float(stop in received) for stop in STOPS], device)
    return [stop for stop, count in zip(STOPS, counts, strict=True) if count]


def _mean(scores: Mapping[str, float]) -> float:
    """Mean of the scores that are numbers; lower than any where there is none."""
    numbers = [score for score in scores.values() if not math.isnan(score)]
    return sum(numbers) / len(numbers) if numbers else -math.inf
