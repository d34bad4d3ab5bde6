"""Write figures, tables and metrics: always whole, and byte for byte the same when nothing changed."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure

from i2v_lib.config import FOLDERS, PRESETS, Config
from i2v_lib.data.collection import Collection
from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.show.style import STYLE
from i2v_lib.system.files import whole, write_text

METRICS = "metrics.json"
DECIMALS = 4  # of every float in a JSON or CSV file
NO_PDF_METADATA = {"CreationDate": None, "Creator": None, "Producer": None}  # they would differ between runs


def save_figure(
    fig: Figure,
    name: str,
    folder: Path,
    numbers: Any,
    config: Config,
    sources: Mapping[str, Any],
    caption: str,
) -> Path:
    """Write ``name.pdf``, ``name.png`` (200 dots an inch) and ``name.json``.

    Parameters
    ----------
    fig : the figure
    name : of the files, such as "fig2_tags"
    folder : made if missing
    numbers : what the figure shows, made of lists, dictionaries, strings and numbers
    config : of the run; its preset, its seed and what differs from the preset are recorded
    sources : from :func:`describe_sources`
    caption : the claim, then how

    Returns
    -------
    Path of the PNG.
    """
    folder.mkdir(parents=True, exist_ok=True)
    png = folder / f"{name}.png"
    with plt.style.context(STYLE):
        for path, metadata in ((folder / f"{name}.pdf", NO_PDF_METADATA), (png, {"Software": None})):
            with whole(path) as file:
                fig.savefig(file, format=path.suffix[1:], metadata=metadata)
    record = {"caption": caption, **settings(config), "sources": sources, "numbers": numbers}
    _write_json(folder / f"{name}.json", record)
    return png


def save_table(
    fig: Figure,
    name: str,
    folder: Path,
    numbers: list[dict[str, Any]],
    config: Config,
    sources: Mapping[str, Any],
    caption: str,
) -> Path:
    """As :func:`save_figure`, and ``name.csv`` with one line for each of the numbers' dictionaries."""
    rows = plain(numbers)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    png = save_figure(fig, name, folder, rows, config, sources, caption)
    write_text(folder / f"{name}.csv", text.getvalue())
    return png


def save_metrics(folder: Path, config: Config, **sections: Any) -> Path:
    """Merge sections into ``metrics.json``, such as ``table2=...``; the others stay.

    A file of another preset, seed or override is replaced: its numbers belong to another run.
    """
    path = folder / METRICS
    folder.mkdir(parents=True, exist_ok=True)
    head = plain(settings(config))
    old = read_metrics(folder) if path.exists() else {}
    kept = old if all(old.get(key) == value for key, value in head.items()) else {}
    _write_json(path, {**head, **kept, **sections})
    return path


def note_notebook(folder: Path, config: Config, name: str, seconds: float) -> None:
    """Note in ``metrics.json`` how long a notebook's last execution took, what it had to build included."""
    known = read_metrics(folder).get("notebooks", {}) if (folder / METRICS).exists() else {}
    save_metrics(folder, config, notebooks=known | {name: round(seconds)})


def read_metrics(folder: Path) -> dict[str, Any]:
    """Contents of a folder's ``metrics.json``."""
    return json.loads((folder / METRICS).read_text(encoding="utf-8"))


def settings(config: Config) -> dict[str, Any]:
    """Preset, seed, and the fields that differ from the preset; of folders of the user's only the name."""
    changed = {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(config)
        if getattr(config, field.name) != getattr(PRESETS[config.preset], field.name)
    }
    changed |= {name: Path(changed[name]).name for name in FOLDERS if changed.get(name)}
    return {"preset": config.preset, "seed": config.seed, "overrides": changed}


def describe_sources(notebook: str, collection: Collection, vocabulary: Vocabulary) -> dict[str, Any]:
    """What a figure was made from: the notebook, and the data by name, size and fingerprint."""
    return {
        "notebook": notebook,
        "collection": "drawn demo set" if collection.drawn else collection.folder.name,
        "fingerprint": collection.fingerprint,
        "illustrations": collection.info["counts"],
        "vocabulary": vocabulary.fingerprint,
    }


def machine() -> dict[str, Any]:
    """What decides speed, and the last bits of a number: processor, threads, accelerator, versions."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "platform": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def plain(value: Any) -> Any:
    """The value as JSON has it: NaN becomes None, floats are rounded, NumPy's numbers Python's, records dicts."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain(dataclasses.asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return round(value, DECIMALS) if math.isfinite(value) else None
    return value


def _write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(plain(value), indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def _cpu_model() -> str:
    """Name of the processor; Linux tells it only in a file."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
