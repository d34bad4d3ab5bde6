"""What each command of ``python -m i2v_lib`` does: options in, calls of the library, results printed.

The library is imported where it is needed, so that ``--help`` and a wrong option show at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2v_lib.cli.reproduce import require_writable
from i2v_lib.config import Config, load_config, parse_overrides, run_folder

if TYPE_CHECKING:
    from i2v_lib.data.build import BuildOptions
    from i2v_lib.data.collection import Collection
    from i2v_lib.run import Run


def reproduce_command(options: argparse.Namespace) -> None:
    """Execute notebooks of a preset."""
    from i2v_lib.cli.reproduce import reproduce

    reproduce(options.preset, parse_overrides(options.set), options.notebook)


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

    config, out = load_config(options.preset, **parse_overrides(options.set)), options.out.absolute()
    store = config.pixel_store
    if store == "auto":
        store = choose_store(config.pictures, config.stored_size, out)
    collection = draw_collection(config, out, options.processes, store=store)
    print(f"{len(collection)} illustrations in {options.out}, kept as {told_store(collection)}")


def collect_command(options: argparse.Namespace) -> None:
    """Collect from a booru, or say what it would cost."""
    from i2v_lib.collect.booru.collect import collect, dry_run

    search = {
        "query": options.query,
        "limit": options.limit,
        "ratings": tuple(options.ratings),
        "variant": options.variant,
        "per_second": options.per_second,
        "base_url": options.base_url,
        "tag_types": options.tag_types,
        **_policy(options),
    }
    if options.dry_run:
        print(dry_run(options.source, **search))
        return
    collection = collect(
        options.source,
        options.out,
        **search,
        **_labels(options),
        build=_build(options),
        workers=options.workers,
        retry_failed=options.retry_failed,
        confirm=input,
    )
    _tell(collection, options.out)


def build_collection_command(options: argparse.Namespace) -> None:
    """Build one collection of several stores."""
    from i2v_lib.collect.booru.collect import build_from_stores

    _tell(build_from_stores(options.stores, options.out, **_labels(options), build=_build(options)), options.out)


def takedown_sync_command(options: argparse.Namespace) -> None:
    """Remove what a site has removed."""
    from i2v_lib.collect.booru.takedown import takedown_sync

    print(takedown_sync(options.collection, base_url=options.base_url))


def import_bulk_command(options: argparse.Namespace) -> None:
    """Import a bulk archive."""
    from i2v_lib.collect.booru.labels import LabelRules, read_aliases
    from i2v_lib.collect.booru.policy import Policy
    from i2v_lib.collect.booru.sites import confirm_ratings
    from i2v_lib.collect.bulk import import_bulk

    policy = Policy(ratings=tuple(options.ratings), **_policy(options))
    confirm_ratings(policy.ratings, input)
    aliases = read_aliases(options.aliases) if options.aliases else {}
    names = ("format", "images", "metadata", "rating_scheme", "limit")
    collection = import_bulk(
        options.path,
        options.out,
        **{name: getattr(options, name) for name in names},
        policy=policy,
        rules=LabelRules(aliases=aliases, general_includes_meta=options.general_includes_meta),
        build=_build(options),
    )
    _tell(collection, options.out)


def import_folder_command(options: argparse.Namespace) -> None:
    """Import a folder."""
    from i2v_lib.data.folder import import_folder

    rest = {"tag_types": options.tag_types, "default_rating": options.default_rating}
    _tell(import_folder(options.folder, options.out, build=_build(options), **rest), options.out)


def _build(options: argparse.Namespace) -> BuildOptions:
    from i2v_lib.data.build import BuildOptions

    names = ("size", "resize", "seed", "validation_share", "test_share", "pixel_store", "overwrite")
    return BuildOptions(**{name: getattr(options, name) for name in names})


def _policy(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "minimum_side": options.minimum_side,
        "maximum_aspect": options.maximum_aspect,
        "minimum_general": options.minimum_general,
        "also_denied": frozenset(options.also_denied),
    }


def _labels(options: argparse.Namespace) -> dict[str, Any]:
    return {"aliases": options.aliases, "general_includes_meta": options.general_includes_meta}


def _tell(collection: Collection, out: Path) -> None:
    """Say what a new collection holds, and where it is told what is not in it."""
    print(f"{len(collection)} illustrations in {out}: {collection.info['counts']}")
    print(f"pixels are kept as {told_store(collection)}")
    print(f"what was left out, by reason: {out / 'accounting.json'}")
    print(f"files that could not be used: {out / 'bad_images.csv'}")


def pack_command(options: argparse.Namespace) -> None:
    """Copy a collection into the other store."""
    from i2v_lib.data.collection import open_collection
    from i2v_lib.data.pack import pack_collection

    copy = pack_collection(open_collection(options.collection), options.out, options.store)
    print(f"{len(copy)} illustrations in {options.out}, kept as {told_store(copy)}")


def told_store(collection: Collection) -> str:
    """How a collection's pixels are kept, and the room they take."""
    kind = {"pixels": "pixels", "jpeg": "packed JPEG"}[collection.store]
    return f"{kind}, {collection.pixels.nbytes / 1e9:.2f} GB"


def export_folder_command(options: argparse.Namespace) -> None:
    """Export a collection as a folder."""
    from i2v_lib.data.collection import open_collection
    from i2v_lib.data.folder import export_folder

    if options.collection:
        collection = open_collection(options.collection)
    else:
        collection = _run(load_config(options.preset)).collection()
    export_folder(collection, options.out, options.limit)
    print(options.out)


def export_explorer_command(options: argparse.Namespace) -> None:
    """Write the explorer of a run as one page."""
    from i2v_lib.explorers.page import export_explorer

    run = _run(load_config(options.preset, **parse_overrides(options.set)))
    path = export_explorer(run, options.out, options.limit)
    print(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")


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


def doctor_command(options: argparse.Namespace) -> int:
    """Examine this machine, or a site; 1 if something is fatal."""
    from i2v_lib.cli.doctor import ask_source, examine, report

    asked = options.source
    checks = ask_source(asked, options.base_url) if asked else examine(load_config(options.preset))
    print(report(checks))
    return int(any(check.status == "fatal" for check in checks))


@contextmanager
def _run_of_all_ranks(options: argparse.Namespace) -> Iterator[Run]:
    """The run of a command that torchrun may have started several times."""
    config = load_config(options.preset, **parse_overrides(options.set))
    require_writable(run_folder(config))  # before PyTorch is imported, which takes seconds

    from i2v_lib.system.distributed import process_group, require_shared

    with process_group():
        require_shared(run_folder(config))
        yield _run(config)


def require_place(out: Path) -> None:
    """Refuse a file whose folder cannot be made or written, before any work is done."""
    require_writable(out.resolve().parent, "give another --out")


def _print_once(line: object) -> None:
    """By one of the processes that work together."""
    from i2v_lib.system.distributed import rank

    if rank() == 0:
        print(line)


def _run(config: Config) -> Run:
    """The run of a configuration; importing it brings PyTorch, so it waits until a command needs it."""
    from i2v_lib.run import Run

    return Run(config)
