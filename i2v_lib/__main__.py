"""The command line, ``python -m i2v_lib``: its options, and errors as one line."""

from __future__ import annotations

import argparse
import dataclasses
import errno
import functools
import os
import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

from i2v_lib.cli import commands
from i2v_lib.cli.reproduce import NotebookError
from i2v_lib.cli.tagging import add_tagging_commands
from i2v_lib.collect.booru.replies import StopCollecting
from i2v_lib.config import PIXEL_STORES, PRESETS, SOURCES, Config
from i2v_lib.models.systems import TRAINED

ARGUMENT = r"(?<![\w&?./-])(?<!--set ){}=(?P<value>'[^']*'|\"[^\"]*\"|\([^)]*\)|[^\s,;:()]*)"  # as an error names one
SHARED = (commands.train_command, commands.encode_command)  # by the processes of torchrun
FAILING_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
FORMATS = ("auto", "tar_index", "webdataset", "danbooru2021", "table")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit code: 0, 1 (doctor found a problem), 2 (an error), 74 (disk), 130 (stopped)."""
    options = build_parser().parse_args(arguments)
    if int(os.environ.get("WORLD_SIZE", 1)) > 1 and options.handler not in SHARED:
        print("error: torchrun is for train and encode; give this command to python alone", file=sys.stderr)
        return 2
    with warnings.catch_warnings():
        warnings.showwarning = functools.partial(_show_warning, options.parser, warnings.showwarning)
        try:
            return options.handler(options) or 0
        except ImportError as error:
            print(f"error: {error}; pip install -r requirements.txt brings what is missing", file=sys.stderr)
            return 2
        except (ValueError, TypeError, OSError, FloatingPointError, NotebookError, StopCollecting) as error:
            print(f"error: {name_options(str(error), options.parser)}", file=sys.stderr)
            return os.EX_IOERR if getattr(error, "errno", None) in FAILING_DISK else 2
        except KeyboardInterrupt:
            print("stopped; run the same command to go on", file=sys.stderr)
            return 130


def _show_warning(parser: argparse.ArgumentParser, otherwise: Callable, message: Warning, category: type, *rest):
    """One line for what the kit warns of; the rest as Python has it."""
    if category is UserWarning:
        print(f"warning: {name_options(str(message), parser)}", file=sys.stderr)
    else:
        otherwise(message, category, *rest)


def name_options(text: str, parser: argparse.ArgumentParser) -> str:
    """A message about arguments in Python, in the words of a command: ``overwrite=True`` becomes ``--overwrite``.

    Parameters
    ----------
    text : names an argument as ``name=value``, ``name=`` or ``name=…``
    parser : of the command; an option's ``dest`` is the argument's name
    """
    for action in parser._actions:
        words = list(action.option_strings[-1:])  # none of an argument without a name: its value stands alone
        value = (lambda given: []) if action.nargs == 0 else _value
        replacement = lambda given, w=words, v=value: " ".join([*w, *v(given["value"])])  # noqa: E731
        text = re.sub(ARGUMENT.format(action.dest), replacement, text)
    if any(action.dest == "set" for action in parser._actions):
        for field in dataclasses.fields(Config):
            text = re.sub("(?:set )?" + ARGUMENT.format(field.name), rf"--set {field.name}=\g<value>", text)
    return text


def _value(text: str) -> list[str]:
    """What follows an option, if anything does; a tuple as its items."""
    if text.startswith("("):
        return re.findall(r"[^\s(),'\"]+", text)
    return [] if text in ("", "None", "…") else [text.strip("'\"")]


def build_parser() -> argparse.ArgumentParser:
    """Every command and its options; what they do is in :mod:`i2v_lib.cli.commands`."""
    parser = argparse.ArgumentParser(
        prog="python -m i2v_lib",
        description="Illustration2Vec. Results go to runs/ and figures/ in the clone, or $I2V_HOME.",
    )
    added = parser.add_subparsers(metavar="command", required=True)

    def command(name: str, handler, text: str) -> argparse.ArgumentParser:
        new = added.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        new.set_defaults(handler=handler, parser=new)
        return new

    new = command("reproduce", commands.reproduce_command, "execute the notebooks: every table and figure")
    _add_preset(new)
    new.add_argument("--notebook", nargs="+", metavar="NUMBER", help="only these, such as 03")
    _add_set(new)

    new = command("draw", commands.draw_command, "draw a contact sheet of the demo set")
    new.add_argument("--count", type=int, default=24, help="pictures (default 24)")
    new.add_argument("--seed", type=int, default=0, help="of the drawn world and its pictures (default 0)")
    new.add_argument("--size", type=int, default=192, help="pixels of a picture's side (default 192)")
    new.add_argument("--columns", type=int, default=6, help="pictures in a row (default 6)")
    new.add_argument("--preset", choices=PRESETS, default="demo")
    new.add_argument("--out", type=Path, required=True, help="image file to write")

    new = command("draw-collection", commands.draw_collection_command, "draw a collection of any size, resumable")
    _add_preset(new)
    new.add_argument("--out", type=Path, required=True, help="folder of the collection")
    new.add_argument("--processes", type=int, help="that draw side by side (default: one a processor)")
    _add_set(new)

    new = command("collect", commands.collect_command, "collect illustrations from a booru, politely")
    new.add_argument("--source", choices=SOURCES, default="danbooru", help="(default danbooru)")
    new.add_argument("--query", default="", help="tags to search for, as on the site (default all)")
    new.add_argument("--limit", type=int, required=True, help="illustrations to collect")
    _add_collection(new)
    new.add_argument("--dry-run", action="store_true", help="only say what it costs: requests, hours, gigabytes")
    new.add_argument("--ratings", nargs="+", default=["g"], metavar="LETTER", help="of g s q e (default g)")
    new.add_argument("--variant", choices=("720x720", "sample", "original"), default="720x720", help="which file")
    new.add_argument("--files-per-second", dest="per_second", type=float, default=1.0, help="at most 4 (default 1)")
    new.add_argument("--workers", type=int, default=2, help="files fetched side by side (default 2)")
    _add_policy(new)
    new.add_argument("--retry-failed", action="store_true", help="fetch once more what could not be fetched")
    new.add_argument("--base-url", metavar="URL", help="another address of the site, such as a test server's")
    new.add_argument("--tag-types", type=Path, metavar="FILE", help="categories of Safebooru's tags")
    _add_labels(new)

    new = command("build-collection", commands.build_collection_command, "make one collection of what was collected")
    new.add_argument("stores", nargs="+", type=Path, help="COLLECTION.store folders")
    _add_collection(new)
    _add_labels(new)

    new = command("takedown-sync", commands.takedown_sync_command, "remove what the site has removed")
    new.add_argument("collection", type=Path, help="a collection that `collect` made")
    new.add_argument("--base-url", metavar="URL", help="another address of the site")

    new = command("import-bulk", commands.import_bulk_command, "make a collection of a bulk archive")
    new.add_argument("path", type=Path, help="folder or file of the archive")
    new.add_argument("--format", choices=FORMATS, default="auto", help="(default: told from the files)")
    new.add_argument("--images", type=Path, metavar="FOLDER", help="where the images of a table lie")
    new.add_argument("--metadata", type=Path, metavar="FILE", help="a table of posts to join by id")
    new.add_argument("--ratings", nargs="+", default=["g"], metavar="LETTER", help="of g s q e (default g)")
    new.add_argument("--rating-scheme", choices=("auto", "2005", "2022", "dapi"), default="auto", help="(default auto)")
    new.add_argument("--limit", type=int, help="only so many")
    _add_collection(new)
    _add_policy(new)
    _add_labels(new)

    new = command("import-folder", commands.import_folder_command, "make a collection of a folder of tagged images")
    new.add_argument("folder", type=Path, help="images anywhere below it, tags beside them")
    _add_collection(new)
    new.add_argument("--tag-types", type=Path, metavar="FILE", help="categories of tags; the rest is general")
    new.add_argument("--default-rating", default="safe", help="of images without one (default safe)")

    new = command("pack", commands.pack_command, "copy a collection, its pixels packed as JPEG or unpacked")
    new.add_argument("collection", type=Path, help="folder of the collection")
    new.add_argument("--out", type=Path, required=True, help="folder of the copy")
    new.add_argument("--store", choices=PIXEL_STORES, default="jpeg", help="how the copy keeps pixels (default jpeg)")

    new = command("export-folder", commands.export_folder_command, "write a collection as images with tags beside them")
    source = new.add_mutually_exclusive_group()
    source.add_argument("preset", nargs="?", choices=PRESETS, default="demo", help="(default demo)")
    source.add_argument("--collection", type=Path, metavar="FOLDER", help="a collection of yours")
    new.add_argument("--out", type=Path, required=True, help="folder to write")
    new.add_argument("--limit", type=int, help="only so many")

    new = command("export-explorer", commands.export_explorer_command, "write the map and its paths as one web page")
    _add_preset(new)
    new.add_argument("--out", type=Path, required=True, help="HTML file to write")
    new.add_argument("--limit", type=int, help="illustrations (default: the setting map_illustrations)")
    _add_set(new)

    new = command("train", commands.train_command, "train one network; also under torchrun")
    _add_preset(new)
    new.add_argument("--network", choices=(*TRAINED, "hash"), default="vgg_nin", help="(default vgg_nin)")
    _add_set(new)

    new = command("encode", commands.encode_command, "write codes and their neighbors; also under torchrun")
    _add_preset(new)
    new.add_argument("--out", type=Path, required=True, help="file to write: ids, codes, indices, distances (.npz)")
    new.add_argument("--neighbors", type=int, metavar="K", help="of each (default: the preset's)")
    _add_set(new)

    add_tagging_commands(command)

    new = command("doctor", commands.doctor_command, "say what this machine lacks, and the cure")
    new.add_argument("--preset", choices=PRESETS, default="demo", help="whose needs to check (default demo)")
    new.add_argument("--source", choices=SOURCES, help="ask a site instead: a few requests")
    new.add_argument("--base-url", metavar="URL", help="another address of the site")
    return parser


def _add_preset(parser: argparse.ArgumentParser) -> None:
    """``paper`` or ``--preset paper``."""
    either = parser.add_mutually_exclusive_group(required=True)
    either.add_argument("preset", nargs="?", choices=PRESETS, action=_IfGiven)
    either.add_argument("--preset", choices=PRESETS, help="another way to name it")


class _IfGiven(argparse.Action):
    """An argument without a name that, left out, does not undo the option of the same name."""

    def __call__(self, parser, namespace, value, option_string=None):
        if value is not None:
            setattr(namespace, self.dest, value)


def _add_collection(parser: argparse.ArgumentParser) -> None:
    """Where a collection goes, and how its pictures are stored and split."""
    parser.add_argument("--out", type=Path, required=True, help="folder of the collection")
    parser.add_argument("--size", type=int, default=256, help="pixels of the stored squares (default 256)")
    parser.add_argument("--resize", choices=("warp", "pad", "crop"), default="warp", help="how to make squares")
    parser.add_argument("--validation-share", type=float, default=0.05, help="of the images (default 0.05)")
    parser.add_argument("--test-share", type=float, default=0.05, help="of the images (default 0.05)")
    parser.add_argument("--seed", type=int, default=0, help="another one splits otherwise (default 0)")
    text = "how to keep pixels (default: as they are, while they fit the disk)"
    parser.add_argument("--store", dest="pixel_store", choices=("auto", *PIXEL_STORES), default="auto", help=text)
    parser.add_argument("--overwrite", action="store_true", help="replace a collection that stands there")


def _add_policy(parser: argparse.ArgumentParser) -> None:
    """Which posts are left alone."""
    for option, name, kind, default, text in (
        ("--min-side", "minimum_side", int, 128, "pixels of the shorter side (default 128)"),
        ("--max-aspect", "maximum_aspect", float, 4.0, "longer side over the shorter (default 4)"),
        ("--min-general", "minimum_general", int, 0, "general tags a post must have (default 0)"),
    ):
        parser.add_argument(option, dest=name, type=kind, default=default, metavar="NUMBER", help=text)
    denied = {"dest": "also_denied", "nargs": "+", "default": [], "metavar": "TAG"}
    parser.add_argument("--deny", **denied, help="tags to leave out beside the fixed list")


def _add_labels(parser: argparse.ArgumentParser) -> None:
    """How tags become labels."""
    parser.add_argument("--aliases", type=Path, metavar="FILE", help="other names of tags, to be made one")
    parser.add_argument("--general-includes-meta", action="store_true", help="as before 2017: meta tags are general")


def _add_set(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help="change settings")


if __name__ == "__main__":
    sys.exit(main())
