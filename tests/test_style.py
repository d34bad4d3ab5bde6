"""The look of figures: colors that can be seen, and tables whose cells do not overlap."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from i2v_lib.show import style
from i2v_lib.show.typeset import typeset
from tests.figure_checks import overlapping


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_too_wide_a_table_is_an_error():
    with pytest.raises(ValueError, match=r"width .*3\.3 in"):
        typeset(["a", "b"], [["x" * 40, "y" * 40]], width=3.3)


def test_overlap_is_seen():
    fig = plt.figure()
    ax = fig.add_axes((0, 0, 1, 1))
    ax.text(0.5, 0.5, "one")
    assert not overlapping(fig)
    ax.text(0.5, 0.5, "two")
    ax.text(0.99, 0.5, "leaves")
    assert len(overlapping(fig)) == 2


def contrast_on_white(color):
    """Contrast ratio of WCAG 2, 1 to 21."""
    channels = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.03928, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05)


def test_colors_can_be_told_from_white():
    used = {*style.MODEL_COLORS.values(), *style.CATEGORY_COLORS.values(), *style.ANSWER_COLORS.values()}
    assert min(map(contrast_on_white, used)) > 3
    assert contrast_on_white("#F0E442") < 1.5  # the yellow of the same set could not
