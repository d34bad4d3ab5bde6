"""The set-up of every notebook: ``from i2v_lib.notebook import start`` and ``run = start(PRESET, OVERRIDES)``."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

import matplotlib
import numpy
import torch

from i2v_lib.config import load_config, seed_everything
from i2v_lib.run import Run
from i2v_lib.show.saving import machine

SHOWN = (torch, numpy, matplotlib)  # libraries whose versions are printed beside Python's


def start(preset: str, overrides: Mapping[str, Any]) -> Run:
    """Begin a notebook: load its settings, seed every generator, and print versions and device in one line.

    Parameters
    ----------
    preset : "smoke", "demo" or "paper"
    overrides : fields of :class:`~i2v_lib.config.Config` to change, such as ``{"epochs": 3}``

    Returns
    -------
    Run
        Nothing of it is built yet: each artifact is, when it is first asked for.

    Raises
    ------
    ValueError, TypeError
        For an unknown preset, field or value.
    """
    config = load_config(preset, **overrides)
    seed_everything(config.seed)
    facts = machine()
    versions = ", ".join(f"{library.__name__} {library.__version__}" for library in SHOWN)
    device = facts["accelerator"] or f"{facts['cpu']}, {facts['threads']} of {facts['cores']} cores"
    print(f"{preset} preset, seed {config.seed}; Python {platform.python_version()}, {versions}; on {device}")
    return Run(config)
