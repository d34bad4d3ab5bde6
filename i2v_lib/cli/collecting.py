"""Commands that collect from a booru or import what others collected.

The library is imported where it is needed, so that ``--help`` and a wrong option show at once.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from i2v_lib.cli.options import AddCommand, add_build, build_options, print_collection
from i2v_lib.config import SOURCES

if TYPE_CHECKING:
    from i2v_lib.collect.booru.labels import LabelRules
    from i2v_lib.collect.booru.policy import Policy

FORMATS = ("auto", "tar_index", "webdataset", "danbooru2021", "table")


def add_commands(command: AddCommand) -> None:
    """Add these commands to the command line."""
    new = command("collect", collect_command, "collect illustrations from a booru, politely")
    new.add_argument("--source", choices=SOURCES, default="danbooru", help="(default danbooru)")
    new.add_argument("--query", default="", help="tags to search for, as on the site (default all)")
    new.add_argument("--limit", type=int, required=True, help="illustrations to collect")
    add_build(new)
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

    new = command("build-collection", build_collection_command, "make one collection of what was collected")
    new.add_argument("stores", nargs="+", type=Path, help="COLLECTION.store folders")
    add_build(new)
    _add_labels(new)

    new = command("takedown-sync", takedown_sync_command, "remove what the site has removed")
    new.add_argument("collection", type=Path, help="a collection that `collect` made")
    new.add_argument("--base-url", metavar="URL", help="another address of the site")

    new = command("import-bulk", import_bulk_command, "make a collection of a bulk archive")
    new.add_argument("path", type=Path, help="folder or file of the archive")
    new.add_argument("--format", choices=FORMATS, default="auto", help="(default: told from the files)")
    new.add_argument("--images", type=Path, metavar="FOLDER", help="where the images of a table lie")
    new.add_argument("--metadata", type=Path, metavar="FILE", help="a table of posts to join by id")
    new.add_argument("--ratings", nargs="+", default=["g"], metavar="LETTER", help="of g s q e (default g)")
    new.add_argument("--rating-scheme", choices=("auto", "2005", "2022", "dapi"), default="auto", help="(default auto)")
    new.add_argument("--limit", type=int, help="only so many")
    add_build(new)
    _add_policy(new)
    _add_labels(new)


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


def collect_command(options: argparse.Namespace) -> None:
    """Collect from a booru, or say what it would cost."""
    from i2v_lib.collect.booru.collect import collect, dry_run
    from i2v_lib.collect.booru.sites import Access

    search = {
        "query": options.query,
        "limit": options.limit,
        "policy": _policy(options),
        "access": Access(options.per_second, base_url=options.base_url, tag_types=options.tag_types),
        "variant": options.variant,
    }
    if options.dry_run:
        print(dry_run(options.source, **search))
        return
    collection = collect(
        options.source,
        options.out,
        **search,
        rules=_rules(options),
        build=build_options(options),
        workers=options.workers,
        retry_failed=options.retry_failed,
        confirm=input,
    )
    print_collection(collection, options.out)


def build_collection_command(options: argparse.Namespace) -> None:
    """Build one collection of several stores."""
    from i2v_lib.collect.booru.collect import build_from_stores

    made = build_from_stores(options.stores, options.out, rules=_rules(options), build=build_options(options))
    print_collection(made, options.out)


def takedown_sync_command(options: argparse.Namespace) -> None:
    """Remove what a site has removed."""
    from i2v_lib.collect.booru.sites import Access
    from i2v_lib.collect.booru.takedown import takedown_sync

    print(takedown_sync(options.collection, access=Access(base_url=options.base_url)))


def import_bulk_command(options: argparse.Namespace) -> None:
    """Import a bulk archive."""
    from i2v_lib.collect.booru.sites import confirm_ratings
    from i2v_lib.collect.bulk import import_bulk

    policy = _policy(options)
    confirm_ratings(policy.ratings, input)
    names = ("format", "images", "metadata", "rating_scheme", "limit")
    collection = import_bulk(
        options.path,
        options.out,
        **{name: getattr(options, name) for name in names},
        policy=policy,
        rules=_rules(options),
        build=build_options(options),
    )
    print_collection(collection, options.out)


def _policy(options: argparse.Namespace) -> Policy:
    from i2v_lib.collect.booru.policy import Policy

    return Policy(
        ratings=tuple(options.ratings),
        minimum_side=options.minimum_side,
        maximum_aspect=options.maximum_aspect,
        minimum_general=options.minimum_general,
        also_denied=frozenset(options.also_denied),
    )


def _rules(options: argparse.Namespace) -> LabelRules:
    from i2v_lib.collect.booru.labels import LabelRules, read_aliases

    aliases = read_aliases(options.aliases) if options.aliases else {}
    return LabelRules(aliases=aliases, general_includes_meta=options.general_includes_meta)
