"""Commands that train and encode, alone or as one of the processes of torchrun.

The library is imported where it is needed, so that ``--help`` and a wrong option show at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from i2v_lib.cli.options import AddCommand, add_preset, config_of, require_place, require_writable, run_of
from i2v_lib.config import run_folder
from i2v_lib.models.systems import TRAINED

if TYPE_CHECKING:
    from i2v_lib.run import Run


def add_commands(command: AddCommand) -> None:
    """Add these commands to the command line."""
    new = command("train", train_command, "train one network; also under torchrun")
    add_preset(new)
    new.add_argument("--network", choices=(*TRAINED, "hash"), default="vgg_nin", help="(default vgg_nin)")

    new = command("encode", encode_command, "write codes and their neighbors; also under torchrun")
    add_preset(new)
    new.add_argument("--out", type=Path, required=True, help="file to write: ids, codes, indices, distances (.npz)")
    new.add_argument("--neighbors", type=int, metavar="K", help="of each (default: the preset's)")


def train_command(options: argparse.Namespace) -> None:
    """Train one network, alone or as one of torchrun's processes."""
    with _run_of_all_ranks(options) as run:
        _print_once(run.weights(options.network))


def encode_command(options: argparse.Namespace) -> None:
    """Write codes and neighbors of the safe dataset, alone or as one of torchrun's processes."""
    require_place(options.out)
    with _run_of_all_ranks(options) as run:
        run.save_codes(options.out, options.neighbors or run.config.neighbors)
        _print_once(options.out)


@contextmanager
def _run_of_all_ranks(options: argparse.Namespace) -> Iterator[Run]:
    """The run of a command that torchrun may have started several times."""
    config = config_of(options)
    require_writable(run_folder(config))  # before PyTorch is imported, which takes seconds

    from i2v_lib.system.distributed import process_group, require_shared

    with process_group():
        require_shared(run_folder(config))
        yield run_of(config)


def _print_once(line: object) -> None:
    """By one of the processes that work together."""
    from i2v_lib.system.distributed import rank

    if rank() == 0:
        print(line)
