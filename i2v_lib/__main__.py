"""The command line, ``python -m i2v_lib``: its groups of commands, and errors as one line."""

from __future__ import annotations

import argparse
import dataclasses
import errno
import functools
import os
import sys
import warnings
from collections.abc import Callable

from i2v_lib.cli import collecting, collections, explorers, reproduce, tagging, training
from i2v_lib.cli.options import Action
from i2v_lib.collect.booru.replies import StopCollecting
from i2v_lib.config import Config
from i2v_lib.system.errors import ArgumentError, RankError

GROUPS = (reproduce, collections, collecting, training, tagging, explorers)
SHARED = (training.train_command, training.encode_command)  # by the processes of torchrun
FAILING_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
IO_ERROR = 74  # os.EX_IOERR, which Windows does not have
EXPECTED = (ValueError, TypeError, OSError, FloatingPointError, reproduce.NotebookError, StopCollecting, RankError)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit code: 0, 1 (doctor found a problem), 2 (an error), 74 (disk), 130 (stopped)."""
    options = build_parser().parse_args(arguments)
    if int(os.environ.get("WORLD_SIZE", 1)) > 1 and options.action not in SHARED:
        print("error: torchrun is for train and encode; give this command to python alone", file=sys.stderr)
        return 2
    with warnings.catch_warnings():
        warnings.showwarning = functools.partial(_show_warning, warnings.showwarning)
        try:
            return options.action(options) or 0
        except ImportError as error:
            print(f"error: {error}; pip install -r requirements.txt brings what is missing", file=sys.stderr)
            return 2
        except EXPECTED as error:
            print(f"error: {_text_of(error, options.parser)}", file=sys.stderr)
            return IO_ERROR if getattr(error, "errno", None) in FAILING_DISK else 2
        except KeyboardInterrupt:
            print("stopped; run the same command to go on", file=sys.stderr)
            return 130


def build_parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    parser = argparse.ArgumentParser(
        prog="python -m i2v_lib",
        description="Illustration2Vec. Results go to runs/ and figures/ in the clone, or $I2V_HOME.",
    )
    added = parser.add_subparsers(metavar="command", required=True)

    def command(name: str, action: Action, text: str) -> argparse.ArgumentParser:
        new = added.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        new.set_defaults(action=action, parser=new)
        return new

    for group in GROUPS:
        group.add_commands(command)
    return parser


def _text_of(error: Exception, parser: argparse.ArgumentParser) -> str:
    """An error's text; an argument that the command has an option for is named as that option."""
    if not isinstance(error, ArgumentError):
        return str(error)
    option = next((action for action in parser._actions if action.dest == error.name), None)
    values = error.value if isinstance(error.value, tuple | list | set | frozenset) else [error.value]
    words = [str(value) for value in values if value is not None]
    if option is not None:
        words = [*option.option_strings[-1:], *(words if option.nargs != 0 else [])]
    elif error.name in {field.name for field in dataclasses.fields(Config)} and parser.get_default("set") is not None:
        words = ["--set", f"{error.name}={error.value}"]
    else:
        return str(error)
    return f"{' '.join(words)}: {error.cure}"


def _show_warning(otherwise: Callable, message: Warning, category: type, *rest):
    """One line for what the kit warns of; the rest as Python has it."""
    if category is UserWarning:
        print(f"warning: {message}", file=sys.stderr)
    else:
        otherwise(message, category, *rest)


if __name__ == "__main__":
    sys.exit(main())
