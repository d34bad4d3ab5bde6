"""The checkpoints of one training: the last two, so that one stands whatever becomes of the other, and the best."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from i2v_lib.models.checkpoints import DamagedFile, load_checkpoint, save_checkpoint, save_weights
from i2v_lib.models.steps import Stepper
from i2v_lib.system.distributed import from_first, rank
from i2v_lib.system.files import discard_unfinished

ATTEMPTS = 3  # checkpoints in a row that may fail to be written before training stops


class KeptCheckpoints:
    """Checkpoints in a folder; rank 0 writes them, all ranks read the same one.

    ``checkpoint-00001000.safetensors`` is of 1,000 steps. ``best.safetensors`` holds the weights of the best epoch.

    Parameters
    ----------
    folder : which exists
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.last: Path | None = None  # the newest that is known to be whole
        self.failures = 0  # in a row

    def load(self, stepper: Stepper, check: Callable[[Path], None]) -> dict[str, Any] | None:
        """Go back to the newest checkpoint that can be read; warn of each that cannot.

        Parameters
        ----------
        stepper : brought to where the checkpoint left it
        check : called with each file first; what it raises goes through, unless the file is unreadable

        Returns
        -------
        the checkpoint's metadata, or None where there is none yet

        Raises
        ------
        ValueError
            If there are checkpoints and none can be read.
        """
        found = from_first(_newest_first(self.folder))
        for path in found:
            damage, metadata = None, None
            try:
                check(path)
                metadata = load_checkpoint(path, stepper)
            except (DamagedFile, OSError) as error:
                damage = str(error)
            if from_first(damage) is None:
                if damage is not None:
                    raise OSError(f"rank 0 can read {path}, rank {rank()} cannot: {damage}")
                self.last = path
                return metadata
            warnings.warn(f"{damage}; going on from the one before", stacklevel=4)
        if found:
            names = ", ".join(path.name for path in found)
            raise ValueError(f"{self.folder}: no checkpoint can be read ({names}); delete them to train anew")
        return None

    def save(self, stepper: Stepper, metadata: dict[str, Any], step: int, stopping: bool = False) -> bool:
        """Write a checkpoint, and remove those older than the one before.

        A full disk does not end a training at once: it goes on, and the next checkpoint tries again.

        Parameters
        ----------
        stopping : there will be no next one

        Returns
        -------
        whether it was written

        Raises
        ------
        OSError
            If this is the third in a row that could not be written, or there will be no next one.
        """
        path = self.folder / f"checkpoint-{step:08d}.safetensors"
        try:
            save_checkpoint(path, stepper, metadata)
        except OSError as error:
            self.failures += 1
            if stopping or self.failures == ATTEMPTS:
                raise
            left = f"{ATTEMPTS - self.failures} more before training stops"
            warnings.warn(f"no checkpoint of step {step}: {error}; trying again at the next one, {left}", stacklevel=4)
            return False
        self.failures = 0
        for old in self.folder.glob("checkpoint*"):
            if old not in (path, self.last):
                old.unlink()
        discard_unfinished(self.folder, idle=0)  # which killed processes left; a training has its folder to itself
        self.last = path
        return True

    def save_best(self, stepper: Stepper, metadata: dict[str, Any]) -> None:
        """Write the weights of the best epoch so far, if the disk has room for them."""
        path = self.folder / "best.safetensors"
        try:
            save_weights(path, stepper.result, metadata)
        except OSError as error:
            warnings.warn(f"the best epoch's weights were not kept: {error}", stacklevel=4)

    def remove(self) -> None:
        """Remove the checkpoints of a training that is at its end; the best epoch's weights stay."""
        for path in self.folder.glob("checkpoint*"):
            path.unlink()
        discard_unfinished(self.folder, idle=0)


def _newest_first(folder: Path) -> list[Path]:
    """Checkpoints by their steps; version 0.1 of the kit had one, without a number."""
    return sorted(folder.glob("checkpoint*.safetensors"), key=lambda path: (len(path.name), path.name), reverse=True)
