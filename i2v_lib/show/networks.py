"""The networks in print: Table 1, read from the networks themselves, and how they learned (§3.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import nn

from i2v_lib.config import Config, load_config
from i2v_lib.data.collection import CATEGORIES
from i2v_lib.models.networks import TagNetwork, build_network
from i2v_lib.models.systems import TRAINED
from i2v_lib.run import Run
from i2v_lib.show import paper
from i2v_lib.show.exhibit import Exhibit
from i2v_lib.show.style import MODEL_COLORS, MODEL_MARKERS, TWO_COLUMNS
from i2v_lib.show.typeset import typeset
from i2v_lib.show.wording import Rows, count, percents

NOTEBOOK = "02_training.ipynb"


def layer_table(network: TagNetwork, image_size: int) -> list[dict[str, Any]]:
    """Rows of Table 1, read from a network as a picture passes through it.

    Parameters
    ----------
    network : VGG model A or VGG + NIN; it is left as it was
    image_size : pixels, square

    Returns
    -------
    list of dict
        A row a layer that is neither ReLU nor dropout: ``name``; ``layer`` in the paper's notation
        ("conv3-64", "max-pool", "FC-4096"); ``output``, the shape without the batch; ``parameters``.

    Source: Saito & Matsui 2015, Table 1.
    """
    rows: list[dict[str, Any]] = []

    def record(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        rows.append(
            {
                "name": names[module],
                "layer": _notation(module),
                "output": tuple(output.shape[1:]),
                "parameters": sum(p.numel() for p in module.parameters()),
            }
        )

    names = {
        module: name.rpartition(".")[2]
        for name, module in network.named_modules()
        if not any(module.children()) and not isinstance(module, nn.ReLU | nn.Dropout)
    }
    hooks = [module.register_forward_hook(record) for module in names]
    try:  # tensors of the meta device have shapes and no contents, so nothing is computed
        state = {name: tensor.to("meta") for name, tensor in network.state_dict().items()}
        pictures = torch.empty(2, 3, image_size, image_size, device="meta")  # two, as batch norm needs
        torch.func.functional_call(network, state, pictures)
    finally:
        for hook in hooks:
            hook.remove()
    return rows


def table1_rows(config: Config, tags: int) -> Rows:
    """Layers of VGG model A and VGG + NIN, read from the modules, and their sums of parameters.

    Two sums a network: of the network at the size of ``config`` with ``tags`` outputs, and at the paper's.
    """
    rows = []
    for network in ("vgg_a", "vgg_nin"):
        layers = _layers(network, tags, config)
        full = _layers(network, sum(paper.VOCABULARY.values()), load_config("paper"))
        rows += [{"network": network, **layer, "output": _shape(layer["output"])} for layer in layers]
        for name, counted in (("sum", layers), ("sum at the paper's size", full)):  # 224 px, 1,539 tags
            parameters = sum(layer["parameters"] for layer in counted)
            rows.append({"network": network, "name": name, "layer": "", "output": "", "parameters": parameters})
    return rows


def table1_networks(run: Run) -> Exhibit:
    """Table 1: layers and parameters of both networks, at this run's size and at the paper's."""
    rows = table1_rows(run.config, len(run.vocabulary()))
    return Exhibit("table1_networks", draw_table1(rows), rows, caption_table1(rows), notebook=NOTEBOOK)


def draw_table1(rows: Rows) -> Figure:
    """Table 1: layers, output shapes and parameters of both networks, from ``table1_rows``."""
    pair = [[row for row in rows if row["network"] == network] for network in ("vgg_a", "vgg_nin")]
    layers = [[row for row in network if row["layer"]] for network in pair]
    sums = [[row for row in network if not row["layer"]] for network in pair]
    cells = []
    for both in zip_longest(*layers):
        cells.append([text for row in both for text in _layer_cells(row)])
    body = sum(left["name"] == right["name"] for left, right in zip(*layers, strict=False)) - 1  # but "tags"
    for both in zip(*sums, strict=True):
        cells.append([text for row in both for text in (row["name"], "", count(row["parameters"]))])
    columns = ["layer", "output", "parameters"] * 2
    spans = [(0, 2, paper.SYSTEMS["vgg_a"]), (3, 5, paper.SYSTEMS["vgg_nin"])]
    rules = (body, len(cells) - len(sums[0]))
    return typeset(columns, cells, left=(0, 3), spans=spans, rules=rules, breaks=(3,))


def caption_table1(rows: Rows) -> str:
    """Of Table 1."""
    sums = {(row["network"], row["name"]): row["parameters"] for row in rows}
    names = ("sum", "sum at the paper's size")
    here, full = (sums["vgg_a", name] / sums["vgg_nin", name] for name in names)
    return (
        f"VGG model A has {full:.1f} times the parameters of VGG + NIN at the paper's size (224 px, full "
        f"width, 1,539 tags), {here:.1f} times at this one. Layers read from the modules."
    )


def curve_rows(histories: Mapping[str, Sequence[Mapping]]) -> Rows:
    """Loss and validation mAP of every epoch; without the seconds, which differ from run to run."""
    return [
        {"network": network, "epoch": entry["epoch"], "loss": entry["loss"], **percents(entry["map"])}
        for network, history in histories.items()
        for entry in history
    ]


def fig_learning_curves(run: Run) -> Exhibit:
    """Loss and validation mAP of every network after every epoch; networks that are missing are trained."""
    histories = {name: run.history(name) for name in TRAINED}
    rows, caption = curve_rows(histories), caption_curves(histories)
    return Exhibit("fig_learning_curves", draw_curves(histories), rows, caption, notebook=NOTEBOOK)


def draw_curves(histories: Mapping[str, Sequence[Mapping]]) -> Figure:
    """Training loss and validation mAP of each category after every epoch.

    Parameters
    ----------
    histories : network -> a dictionary an epoch: "epoch", "loss" and "map" (category -> 0 to 1)
    """
    fig, axes = plt.subplots(1, 5, figsize=(TWO_COLUMNS, 1.9), layout="constrained")
    for network, history in histories.items():
        epochs = [entry["epoch"] for entry in history]
        look = {"color": MODEL_COLORS[network], "marker": MODEL_MARKERS[network], "label": paper.SYSTEMS[network]}
        axes[0].plot(epochs, [entry["loss"] for entry in history], **look)
        for ax, category in zip(axes[1:], CATEGORIES, strict=True):
            values = [entry["map"].get(category) for entry in history]
            ax.plot(epochs, [np.nan if v is None else 100 * v for v in values], **look)
    axes[0].set(title="training", ylabel="loss (nats an image)")
    axes[1].set_ylabel("validation mAP (%)")
    for ax, category in zip(axes[1:], CATEGORIES, strict=True):
        ax.set_title(category)
        if not np.isfinite(ax.dataLim.y1):
            ax.text(0.5, 0.5, "no tags", ha="center", va="center", transform=ax.transAxes)
            ax.axis("off")
    for ax in axes:
        ax.set_ylim(0, 1.08 * max(ax.dataLim.y1, 0.1))
        ax.xaxis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=1))
        ax.set_xlabel("epoch")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(histories))
    return fig


def caption_curves(histories: Mapping[str, Sequence[Mapping]]) -> str:
    """Of the learning curves."""
    finals = {network: mean_map(history[-1]) for network, history in histories.items()}
    best = max(finals, key=finals.get)
    epochs = ", ".join(f"{paper.SYSTEMS[network]} {len(history)}" for network, history in histories.items())
    return (
        f"{paper.SYSTEMS[best]} ends with the highest mean of the validation mAPs ({finals[best]:.1f} %). "
        "Loss over the training split and mAP over the validation split, a point for each epoch of one training: "
        f"{epochs}."
    )


def mean_map(record: Mapping[str, Any]) -> float:
    """Mean over the scored categories of a record's validation mAPs, in percent; 0 if none is scored."""
    values = [value for value in record["map"].values() if value is not None and not np.isnan(value)]
    return 100 * float(np.mean(values)) if values else 0.0


def _layers(network: str, tags: int, config: Config) -> Rows:
    """Rows of one network, built without memory for its weights."""
    with torch.device("meta"):
        return layer_table(build_network(network, tags, config), config.image_size)


def _shape(sizes: tuple[int, ...]) -> str:
    return " × ".join(map(str, sizes))


def _layer_cells(row: Mapping[str, Any] | None) -> list[str]:
    if row is None:
        return [""] * 3
    return [row["layer"], row["output"], count(row["parameters"]) if row["parameters"] else ""]


def _notation(module: nn.Module) -> str:
    """A layer as Table 1 writes it: receptive field and channels."""
    if isinstance(module, nn.Conv2d):
        return f"conv{module.kernel_size[0]}-{module.out_channels}"
    if isinstance(module, nn.Linear):
        return f"FC-{module.out_features}"
    return {"MaxPool2d": "max-pool", "AdaptiveAvgPool2d": "average-pool", "BatchNorm2d": "batch-norm"}[
        type(module).__name__
    ]
