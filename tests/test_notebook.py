"""The two-line set-up of a notebook."""

import platform
import random
import sys

import numpy as np
import pytest
import torch

from i2v_lib.config import load_config
from i2v_lib.notebook import start


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("I2V_HOME", str(tmp_path))


def test_a_run_of_these_settings_begins_and_builds_nothing(tmp_path, capsys):
    run = start("smoke", {"epochs": 3})
    assert run.config == load_config("smoke", epochs=3)
    assert not list(tmp_path.iterdir())
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    for fact in ("smoke", sys.version.split()[0], torch.__version__, np.__version__):
        assert fact in printed
    assert platform.node() not in printed.split()


def test_every_generator_is_seeded():
    def drawn(seed):
        start("smoke", {"seed": seed})
        return random.random(), np.random.random(), torch.rand(1).item()  # noqa: NPY002

    first, other = drawn(1), drawn(2)
    assert drawn(1) == first
    assert all(a != b for a, b in zip(first, other, strict=True))


def test_a_misspelt_setting_is_an_error():
    with pytest.raises(TypeError, match="epoch"):
        start("smoke", {"epoch": 3})
    with pytest.raises(ValueError, match="smog"):
        start("smog", {})
