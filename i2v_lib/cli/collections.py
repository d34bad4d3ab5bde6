"""Commands that make or copy a collection without a network: drawn, imported, packed, exported.

The library is imported where it is needed, so that ``--help`` and a wrong option show at once.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from i2v_lib.cli.options import (
    AddCommand,
    add_build,
    add_preset,
    build_options,
    config_of,
    print_collection,
    require_place,
    run_of,
    store_text,
)  # fmt: skip
from i2v_lib.config import PIXEL_STORES, PRESETS, load_config


def add_commands(command: AddCommand) -> None:
    """Add these commands to the command line."""
    new = command("draw", draw_command, "draw a contact sheet of the demo set")
    new.add_argument("--count", type=int, default=24, help="pictures (default 24)")
    new.add_argument("--seed", type=int, default=0, help="of the drawn world and its pictures (default 0)")
    new.add_argument("--size", type=int, default=192, help="pixels of a picture's side (default 192)")
    new.add_argument("--columns", type=int, default=6, help="pictures in a row (default 6)")
    new.add_argument("--preset", choices=PRESETS, default="demo")
    new.add_argument("--out", type=Path, required=True, help="image file to write")

    new = command("draw-collection", draw_collection_command, "draw a collection of any size, resumable")
    add_preset(new)
    new.add_argument("--out", type=Path, required=True, help="folder of the collection")
    new.add_argument("--processes", type=int, help="that draw side by side (default: one a processor)")

    new = command("import-folder", import_folder_command, "make a collection of a folder of tagged images")
    new.add_argument("folder", type=Path, help="images anywhere below it, tags beside them")
    add_build(new)
    new.add_argument("--tag-types", type=Path, metavar="FILE", help="categories of tags; the rest is general")
    new.add_argument("--default-rating", default="safe", help="of images without one (default safe)")

    new = command("pack", pack_command, "copy a collection, its pixels packed as JPEG or unpacked")
    new.add_argument("collection", type=Path, help="folder of the collection")
    new.add_argument("--out", type=Path, required=True, help="folder of the copy")
    new.add_argument("--store", choices=PIXEL_STORES, default="jpeg", help="how the copy keeps pixels (default jpeg)")

    new = command("export-folder", export_folder_command, "write a collection as images with tags beside them")
    source = new.add_mutually_exclusive_group()
    source.add_argument("preset", nargs="?", choices=PRESETS, default="demo", help="(default demo)")
    source.add_argument("--collection", type=Path, metavar="FOLDER", help="a collection of yours")
    new.add_argument("--out", type=Path, required=True, help="folder to write")
    new.add_argument("--limit", type=int, help="only so many")


def draw_command(options: argparse.Namespace) -> None:
    """Draw a contact sheet of the demo set."""
    from i2v_lib.drawn import contact_sheet

    config = load_config(options.preset, seed=options.seed)
    require_place(options.out)
    contact_sheet(config, options.count, size=options.size, columns=options.columns).save(options.out)
    print(options.out)


def draw_collection_command(options: argparse.Namespace) -> None:
    """Draw a collection of any size."""
    from i2v_lib.data.stores import choose_store
    from i2v_lib.drawn import draw_collection

    config, out = config_of(options), options.out.absolute()
    store = config.pixel_store
    if store == "auto":
        store = choose_store(config.pictures, config.stored_size, out)
    collection = draw_collection(config, out, options.processes, store=store)
    print(f"{len(collection)} illustrations in {options.out}, kept as {store_text(collection)}")


def import_folder_command(options: argparse.Namespace) -> None:
    """Import a folder."""
    from i2v_lib.data.folder import import_folder

    rest = {"tag_types": options.tag_types, "default_rating": options.default_rating}
    print_collection(import_folder(options.folder, options.out, build=build_options(options), **rest), options.out)


def pack_command(options: argparse.Namespace) -> None:
    """Copy a collection into the other store."""
    from i2v_lib.data.collection import open_collection
    from i2v_lib.data.pack import pack_collection

    copy = pack_collection(open_collection(options.collection), options.out, options.store)
    print(f"{len(copy)} illustrations in {options.out}, kept as {store_text(copy)}")


def export_folder_command(options: argparse.Namespace) -> None:
    """Export a collection as a folder."""
    from i2v_lib.data.collection import open_collection
    from i2v_lib.data.folder import export_folder

    if options.collection:
        collection = open_collection(options.collection)
    else:
        collection = run_of(load_config(options.preset)).collection()
    export_folder(collection, options.out, options.limit)
    print(options.out)
