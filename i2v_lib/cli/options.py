"""Options and checks that several groups of commands share."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from i2v_lib.config import PIXEL_STORES, PRESETS, Config, load_config, parse_overrides

if TYPE_CHECKING:
    from i2v_lib.data.build import BuildOptions
    from i2v_lib.data.collection import Collection
    from i2v_lib.run import Run

Action = Callable[[argparse.Namespace], int | None]  # what a command does; its exit code, None for 0


class AddCommand(Protocol):
    """Adds a command by its name, its action and its help; returns the parser that takes its options."""

    def __call__(self, name: str, action: Action, text: str) -> argparse.ArgumentParser:
        """Add the command."""


def add_preset(parser: argparse.ArgumentParser) -> None:
    """``paper`` or ``--preset paper``, and ``--set``."""
    either = parser.add_mutually_exclusive_group(required=True)
    either.add_argument("preset", nargs="?", choices=PRESETS, action=_IfGiven)
    either.add_argument("--preset", choices=PRESETS, help="another way to name it")
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help="change settings")


class _IfGiven(argparse.Action):
    """An argument without a name that, left out, does not undo the option of the same name."""

    def __call__(self, parser, namespace, value, option_string=None):
        if value is not None:
            setattr(namespace, self.dest, value)


def config_of(options: argparse.Namespace) -> Config:
    """The configuration that a preset and its changes name."""
    return load_config(options.preset, **parse_overrides(options.set))


def run_of(config: Config) -> Run:
    """The run of a configuration; importing it brings PyTorch, so it waits until a command needs it."""
    from i2v_lib.run import Run

    return Run(config)


def add_build(parser: argparse.ArgumentParser) -> None:
    """Where a collection goes, and how its illustrations are stored and split."""
    parser.add_argument("--out", type=Path, required=True, help="folder of the collection")
    parser.add_argument("--size", type=int, default=256, help="pixels of the stored squares (default 256)")
    parser.add_argument("--resize", choices=("warp", "pad", "crop"), default="warp", help="how to make squares")
    parser.add_argument("--validation-share", type=float, default=0.05, help="of the images (default 0.05)")
    parser.add_argument("--test-share", type=float, default=0.05, help="of the images (default 0.05)")
    parser.add_argument("--seed", type=int, default=0, help="another one splits otherwise (default 0)")
    text = "how to keep pixels (default: as they are, while they fit the disk)"
    parser.add_argument("--store", dest="pixel_store", choices=("auto", *PIXEL_STORES), default="auto", help=text)
    parser.add_argument("--overwrite", action="store_true", help="replace a collection that stands there")


def build_options(options: argparse.Namespace) -> BuildOptions:
    """What :func:`add_build` added, but for ``--out``."""
    from i2v_lib.data.build import BuildOptions

    names = ("size", "resize", "seed", "validation_share", "test_share", "pixel_store", "overwrite")
    return BuildOptions(**{name: getattr(options, name) for name in names})


def print_collection(collection: Collection, out: Path) -> None:
    """Print what a new collection holds, and which files say what is not in it."""
    print(f"{len(collection)} illustrations in {out}: {collection.info['counts']}")
    print(f"pixels are kept as {store_text(collection)}")
    print(f"what was left out, by reason: {out / 'accounting.json'}")
    print(f"files that could not be used: {out / 'bad_images.csv'}")


def store_text(collection: Collection) -> str:
    """How a collection's pixels are kept, and the room they take."""
    kind = {"pixels": "pixels", "jpeg": "packed JPEG"}[collection.store]
    return f"{kind}, {collection.pixels.nbytes / 1e9:.2f} GB"


def require_writable(folder: Path, cure: str = "set I2V_HOME to a folder that you can write to") -> None:
    """Make the folder and write a file into it, so that a run fails in its first second or not at all.

    Raises
    ------
    OSError
        If either fails; the message names the cure.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"{folder} cannot be written ({error.strerror}); {cure}") from None


def require_place(out: Path) -> None:
    """Refuse a file whose folder cannot be made or written, before any work is done.

    Raises
    ------
    OSError
        If it cannot.
    """
    require_writable(out.resolve().parent, "give another --out")
