"""Table 1 and the learning curves."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from i2v_lib.config import load_config
from i2v_lib.show import networks
from tests.figure_checks import overlapping, texts

CONFIG = load_config("smoke")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_table1_counts_what_the_modules_hold():
    rows = networks.table1_rows(CONFIG, 53)
    sums = {(row["network"], row["name"]): row["parameters"] for row in rows if not row["layer"]}
    assert sums["vgg_a", "sum at the paper's size"] == 135_071_619
    assert sums["vgg_nin", "sum at the paper's size"] == 37_563_267
    layers = [row for row in rows if row["network"] == "vgg_nin" and row["layer"]]
    assert sum(row["parameters"] for row in layers) == sums["vgg_nin", "sum"]
    fig = networks.draw_table1(rows)
    assert {"FC-53", "conv3-53", "37,563,267"} <= set(texts(fig))
    assert not overlapping(fig)


def test_curves_say_where_nothing_was_scored():
    history = [{"epoch": e, "loss": 9.0 - e, "map": {"general": 0.1 * e, "copyright": np.nan}} for e in (1, 2)]
    fig = networks.draw_curves({"vgg_a": history, "vgg_nin": history})
    assert texts(fig) == ["no tags"] * 3
    assert list(fig.axes[1].lines[0].get_ydata()) == [10, 20]
    assert [line.get_marker() for line in fig.axes[0].lines] == ["s", "o"]
