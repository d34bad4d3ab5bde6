"""The command line, ``python -m i2v_lib``: it parses, calls the library and prints errors as one line."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from i2v_lib.config import NETWORKS, PRESETS, Config, load_config, parse_overrides
from i2v_lib.show.reproduce import NotebookError, reproduce


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit code: 0, 1 (doctor found a problem), 2 (an error), 130 (stopped)."""
    options = build_parser().parse_args(arguments)
    try:
        return options.handler(options) or 0
    except ImportError as error:
        print(f"error: {error}; pip install -r requirements.txt brings what is missing", file=sys.stderr)
        return 2
    except (ValueError, TypeError, OSError, FloatingPointError, NotebookError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; run the same command to go on", file=sys.stderr)
        return 130


def build_parser() -> argparse.ArgumentParser:
    """Every command and its options. Handlers import what they need, so that ``--help`` stays fast."""
    parser = argparse.ArgumentParser(
        prog="python -m i2v_lib",
        description="Illustration2Vec. Results go to runs/ and figures/ in the clone, or $I2V_HOME.",
    )
    commands = parser.add_subparsers(metavar="command", required=True)

    def command(name: str, handler, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        added.set_defaults(handler=handler)
        return added

    new = command("reproduce", _reproduce, "execute the notebooks: every table and figure")
    _add_preset(new)
    new.add_argument("--notebook", nargs="+", metavar="NUMBER", help="only these, such as 03")
    _add_set(new)

    new = command("draw", _draw, "draw a contact sheet of the demo set")
    new.add_argument("--count", type=int, default=24, help="pictures (default 24)")
    new.add_argument("--seed", type=int, default=0, help="of the drawn world and its pictures (default 0)")
    new.add_argument("--size", type=int, default=192, help="pixels of a picture's side (default 192)")
    new.add_argument("--columns", type=int, default=6, help="pictures in a row (default 6)")
    new.add_argument("--preset", choices=PRESETS, default="demo")
    new.add_argument("--out", type=Path, required=True, help="image file to write")

    new = command("import-folder", _import_folder, "make a collection of a folder of tagged images")
    new.add_argument("folder", type=Path, help="images anywhere below it, tags beside them")
    new.add_argument("--out", type=Path, required=True, help="folder of the new collection")
    new.add_argument("--size", type=int, default=256, help="pixels of the stored squares (default 256)")
    new.add_argument("--resize", choices=("warp", "pad", "crop"), default="warp", help="how to make squares")
    new.add_argument("--tag-types", type=Path, metavar="FILE", help="categories of tags; the rest is general")
    new.add_argument("--default-rating", default="safe", help="of images without one (default safe)")
    new.add_argument("--validation-share", type=float, default=0.05, help="of the images (default 0.05)")
    new.add_argument("--test-share", type=float, default=0.05, help="of the images (default 0.05)")
    new.add_argument("--seed", type=int, default=0, help="another one splits otherwise (default 0)")
    new.add_argument("--overwrite", action="store_true", help="replace a collection that stands there")

    new = command("export-folder", _export_folder, "write a collection as images with tags beside them")
    source = new.add_mutually_exclusive_group()
    source.add_argument("preset", nargs="?", choices=PRESETS, default="demo", help="(default demo)")
    source.add_argument("--collection", type=Path, metavar="FOLDER", help="a collection of yours")
    new.add_argument("--out", type=Path, required=True, help="folder to write")
    new.add_argument("--limit", type=int, help="only so many")

    new = command("train", _train, "train one network")
    _add_preset(new)
    new.add_argument("--network", choices=(*NETWORKS, "hash"), default="vgg_nin", help="(default vgg_nin)")
    _add_set(new)

    new = command("doctor", _doctor, "say what this machine lacks, and the cure")
    new.add_argument("--preset", choices=PRESETS, default="demo", help="whose needs to check (default demo)")
    return parser


def _add_preset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("preset", choices=PRESETS)


def _add_set(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help="change settings")


def _reproduce(options: argparse.Namespace) -> None:
    reproduce(options.preset, parse_overrides(options.set), options.notebook)


def _draw(options: argparse.Namespace) -> None:
    from i2v_lib.data.drawn.sheet import contact_sheet

    config = load_config(options.preset, seed=options.seed)
    contact_sheet(config, options.count, size=options.size, columns=options.columns).save(options.out)
    print(options.out)


def _import_folder(options: argparse.Namespace) -> None:
    from i2v_lib.data.folder import import_folder

    collection = import_folder(
        options.folder,
        options.out,
        size=options.size,
        resize=options.resize,
        tag_types=options.tag_types,
        default_rating=options.default_rating,
        seed=options.seed,
        validation_share=options.validation_share,
        test_share=options.test_share,
        overwrite=options.overwrite,
    )
    print(f"{len(collection)} illustrations in {options.out}: {collection.info['counts']}")
    print(f"files that could not be used, with reasons: {options.out / 'bad_images.csv'}")


def _export_folder(options: argparse.Namespace) -> None:
    from i2v_lib.data.collection import open_collection
    from i2v_lib.data.folder import export_folder

    if options.collection:
        collection = open_collection(options.collection)
    else:
        collection = _run(load_config(options.preset)).collection()
    export_folder(collection, options.out, options.limit)
    print(options.out)


def _train(options: argparse.Namespace) -> None:
    run = _run(load_config(options.preset, **parse_overrides(options.set)))
    run.network(options.network)
    print(run.folder)


def _doctor(options: argparse.Namespace) -> int:
    from i2v_lib.doctor import examine, report

    checks = examine(load_config(options.preset))
    print(report(checks))
    return int(any(check.status == "fatal" for check in checks))


def _run(config: Config):
    """The run of a configuration; importing it brings PyTorch, so it waits until a command needs it."""
    from i2v_lib.run import Run

    return Run(config)


if __name__ == "__main__":
    sys.exit(main())
