"""The command that writes the explorer as a page.

The library is imported where it is needed, so that ``--help`` and a wrong option show at once.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from i2v_lib.cli.options import AddCommand, add_preset, config_of, run_of


def add_commands(command: AddCommand) -> None:
    """Add these commands to the command line."""
    new = command("export-explorer", export_explorer_command, "write the map and its paths as one web page")
    add_preset(new)
    new.add_argument("--out", type=Path, required=True, help="HTML file to write")
    new.add_argument("--limit", type=int, help="illustrations (default: the setting map_illustrations)")


def export_explorer_command(options: argparse.Namespace) -> None:
    """Write the explorer of a run as one page."""
    from i2v_lib.explorers.page import export_explorer

    run = run_of(config_of(options))
    path = export_explorer(run, options.out, options.limit)
    print(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")
