"""New tags in print: what they are worth against the pictures given, and whether the old ones lose anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from i2v_lib.data.collection import CATEGORIES
from i2v_lib.data.tag_examples import WITHOUT
from i2v_lib.evaluation.claims import Claim, lies, verdict_of
from i2v_lib.evaluation.measured import Measured
from i2v_lib.evaluation.new_tags import STAND_IN, TRAINED, UNTRAINED, Curve, NewTagScore
from i2v_lib.show.exhibit import Exhibit
from i2v_lib.show.style import BLACK, BLUE, PURPLE, TWO_COLUMNS, VERMILLION, shorten
from i2v_lib.show.typeset import typeset
from i2v_lib.show.wording import NONE, Rows, count, margin, over_interval, percent

NOTEBOOK = "03_tag_prediction.ipynb"
GIVEN = 50  # pictures of each new tag: what the claims are about, and what add_tags is called with
SECTION = "authors' advice"  # to users of their library
NAMES = {TRAINED: "VGG + NIN", UNTRAINED: "untrained (control)", STAND_IN: "best old tag instead"}


def curve_rows(curve: Curve | None) -> Rows:
    """Mean AP of the new tags: "system", "pictures", "map", "low", "high" and "chance", percent."""
    if curve is None:
        return []
    chance = percent(curve.chance.mean())
    return [
        {"system": system, "pictures": n, **_percents(score), "chance": chance}
        for (system, n), score in curve.scores.items()
    ]


def tag_rows(curve: Curve | None, learned: Sequence[NewTagScore]) -> Rows:
    """Every new tag: AP of the old one that stands in and of the new one on the test split, and as add_tags tells it.

    Parameters
    ----------
    curve : from :func:`~i2v_lib.evaluation.new_tags.learning_curve`
    learned : of the same tags, in their order
    """
    rows = []
    for k, (tag, told) in enumerate(zip(curve.tags if curve else (), learned, strict=True)):
        row = {"tag": tag, "test": curve.positives[k], "chance": percent(curve.chance[k])}
        row |= {"stand_in": curve.stand_ins[k], "before": percent(curve.ap[STAND_IN, most_given(curve)][k])}
        row |= {f"after_{n}": percent(curve.ap[TRAINED, n][k]) for n in sizes_of(curve)}
        row |= {"told_chance": percent(told.chance), "told_before": percent(told.before.value)}
        low, high = told.after.interval
        rows.append(row | {"told": percent(told.after.value), "told_low": percent(low), "told_high": percent(high)})
    return rows


def old_rows(scores: Mapping[str, Mapping[str, Measured]]) -> Rows:
    """Mean AP of the old tags, percent, a category each.

    Parameters
    ----------
    scores : of "before" and "after", from one :func:`~i2v_lib.evaluation.bootstrap.score_systems` call
    """
    before, after, rows = scores["before"], scores["after"], []
    for category in CATEGORIES:
        named = dict(zip(("difference", "low", "high"), after[category].minus(before[category]).estimate, strict=True))
        values = {"before": before[category].value, "after": after[category].value, **named}
        rows.append({"category": category} | {name: percent(value) for name, value in values.items()})
    return rows


def sizes_of(curve: Curve) -> list[int]:
    """Numbers of pictures given, ascending."""
    return [n for system, n in curve.scores if system == TRAINED]


def most_given(curve: Curve) -> int:
    """The largest number of pictures given."""
    return sizes_of(curve)[-1]


def fig_new_tags(curve: Curve | None, old: Rows) -> Exhibit:
    """What new tags are worth against the pictures given.

    Parameters
    ----------
    curve : from :func:`~i2v_lib.evaluation.new_tags.learning_curve`; None if there was no tag to add
    old : from :func:`old_rows`
    """
    claims = new_tag_claims(curve, old)
    fig, rows, caption = draw_new_tags(curve), curve_rows(curve), caption_new_tags(curve, claims)
    return Exhibit("fig_new_tags", fig, rows, caption, claims, notebook=NOTEBOOK)


def table_new_tags(curve: Curve | None, learned: Sequence[NewTagScore], old: Rows) -> Exhibit:
    """Every new tag before and after; ``learned`` as for :func:`tag_rows`, the others as for :func:`fig_new_tags`."""
    claims, rows = new_tag_claims(curve, old), tag_rows(curve, learned)
    fig, caption = draw_new_tags_table(rows), caption_new_tags(curve, claims)
    return Exhibit("table_new_tags", fig, rows, caption, claims, notebook=NOTEBOOK)


def draw_new_tags(curve: Curve | None) -> Figure:
    """Mean AP against the number of pictures given, and every tag's AP before and after.

    Parameters
    ----------
    curve : from :func:`~i2v_lib.evaluation.new_tags.learning_curve`
    """
    fig, axes = plt.subplots(1, 2, figsize=(TWO_COLUMNS, 2.6), layout="constrained", width_ratios=(1, 1.15))
    if curve is None:
        for ax in axes:
            ax.axis("off")
        axes[0].text(0.5, 0.5, "no tag to add", ha="center", transform=axes[0].transAxes)
        return fig
    _draw_means(axes[0], curve)
    _draw_tags(axes[1], curve)
    return fig


def _draw_means(ax: plt.Axes, curve: Curve) -> None:
    sizes, most = sizes_of(curve), most_given(curve)
    for system, color, marker in ((TRAINED, BLUE, "o"), (UNTRAINED, BLACK, "s")):
        scores = [curve.scores[system, n] for n in sizes]
        values = 100 * np.array([score.estimate for score in scores])
        ax.fill_between(sizes, values[:, 1], values[:, 2], color=color, alpha=0.15, linewidth=0)
        ax.plot(sizes, values[:, 0], color=color, marker=marker)
        ax.annotate(NAMES[system], (most, values[-1, 0]), (0, 5), textcoords="offset points", ha="right", color=color)
    stand_in, chance = curve.scores[STAND_IN, most].value, curve.chance.mean()
    below = {"xy": (most, 100 * stand_in), "xytext": (0, -9), "ha": "right"}
    beside = {"xy": (1, 100 * chance), "xytext": (3, 0), "xycoords": ("axes fraction", "data"), "va": "center"}
    for words, value, color, line, where in (
        (NAMES[STAND_IN], stand_in, PURPLE, "--", below),
        ("chance", chance, "0.4", ":", beside),  # between the axis and the control there is no room
    ):
        ax.axhline(100 * value, color=color, linestyle=line)
        ax.annotate(words, textcoords="offset points", color=color, **where)
    ax.set(xscale="log", xlabel="pictures of each new tag", ylabel=f"mean AP of {len(curve.tags)} new tags (%)")
    ax.xaxis.set_major_locator(FixedLocator(sizes))
    ax.xaxis.set_minor_locator(NullLocator())
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter("{x:g}")
    ax.set_ylim(bottom=0)


def _draw_tags(ax: plt.Axes, curve: Curve) -> None:
    """A line a tag: chance, the old tag that stands in, and the new one from fewest and from most pictures."""
    sizes, most = sizes_of(curve), most_given(curve)
    middle = GIVEN if GIVEN in sizes else sizes[0]
    order = np.argsort(curve.ap[TRAINED, most], kind="stable")
    marks = {
        "chance": (curve.chance, "0.4", "|"),
        NAMES[STAND_IN]: (curve.ap[STAND_IN, most], PURPLE, "D"),
        f"from {middle}": (curve.ap[TRAINED, middle], VERMILLION, "^"),
    }
    if most != middle:
        marks[f"from {most}"] = (curve.ap[TRAINED, most], BLUE, "o")
    places = np.arange(len(order))
    ends = np.array([values for values, _, _ in marks.values()])[:, order]
    ax.hlines(places, 100 * ends.min(0), 100 * ends.max(0), color="0.8", linewidth=1, zorder=1)
    for words, (values, color, marker) in marks.items():
        ax.scatter(100 * values[order], places, 22, color=color, marker=marker, label=words, zorder=2)
    ax.set_yticks(places, [f"{shorten(curve.tags[k], 20)}" for k in order], parse_math=False)
    ax.set(xlabel="AP of the tag (%)", xlim=(0, None))
    ax.tick_params(axis="y", length=0)
    ax.figure.legend(*ax.get_legend_handles_labels(), loc="outside upper right", ncols=4, handletextpad=0.2)


def draw_new_tags_table(rows: Rows) -> Figure:
    """Every new tag before and after, from :func:`tag_rows`."""
    sizes = [int(key.removeprefix("after_")) for key in (rows[0] if rows else {}) if key.startswith("after_")]
    cells = [
        [
            row["tag"], count(row["test"]), f"{row['chance']:.1f}",
            shorten(row["stand_in"], 20), f"{row['before']:.1f}",
            *(f"{row[f'after_{n}']:.1f}" for n in sizes),
            f"{row['told_chance']:.1f}", f"{row['told_before']:.1f}",
            over_interval(row["told"], row["told_low"], row["told_high"], 0),
        ]
        for row in rows
    ]  # fmt: skip
    columns = ["new tag", "n", "chance", "best old tag", "its AP", *map(str, sizes), "chance", "before", "after"]
    last = len(columns) - 1
    spans = [(5, 4 + len(sizes), "AP (%) from so many pictures")] if sizes else []
    spans = [(1, 4, "test split")] + spans + [(last - 2, last, "as add_tags tells it")]
    return typeset(columns, cells or [[NONE] * len(columns)], left=(0, 3), spans=spans, breaks=(1, 5, last - 2))


def new_tag_claims(curve: Curve | None, old: Rows) -> list[Claim]:
    """That new tags are learned, and that the old ones lose nothing.

    The first has three parts, by 95 % intervals: mean AP above chance, above that of the old tags that stand in, and
    above that of an untrained network. The second has one per category: its mean AP changes by less than a hundredth
    of a point.
    """
    given = GIVEN if curve is None or GIVEN in sizes_of(curve) else sizes_of(curve)[0]
    learned = f"New tags are learned from {given} pictures each"
    kept = "The old tags lose nothing"
    if curve is None:
        why = {learned: "no tag that the vocabulary lacks is frequent enough", kept: "no tag was added"}
        return [Claim(SECTION, claim, verdict_of([]), measured) for claim, measured in why.items()]
    value, chance = curve.scores[TRAINED, given], curve.chance.mean()
    rivals = {"the best old tags": (STAND_IN, most_given(curve)), "an untrained network": (UNTRAINED, given)}
    gaps = {words: value.minus(curve.scores[key]).estimate for words, key in rivals.items()}
    (low, high), answers = value.interval, [lies(value.interval, above=chance)]
    answers += [lies(gap[1:], above=0) for gap in gaps.values()]
    beside = ", ".join(f"{words} {margin(*(100 * x for x in gap))}" for words, gap in gaps.items())
    measured = (
        f"mean AP {100 * value.value:.1f} % [{100 * low:.1f}, {100 * high:.1f}] (chance {100 * chance:.1f}); "
        f"against {beside} points"
    )
    scored = [row for row in old if row["difference"] is not None]
    same = [lies((row["low"], row["high"]), above=-0.01, below=0.01) for row in scored]
    changes = "; ".join(f"{row['category']} {row['before']:.2f} → {row['after']:.2f} %" for row in scored)
    return [
        Claim(SECTION, learned, verdict_of(answers), measured),
        Claim(SECTION, kept, verdict_of(same), changes or "no category was scored"),
    ]


def summary_text(learned: Sequence[NewTagScore]) -> str:
    """What cross-validation says about new tags, for a terminal: one line per tag."""
    heads = ("new tag", "with", "without", "chance", "best old tag, its AP", "AP [95 % interval]")
    cells = [heads]
    for score in learned:
        low, high = score.after.interval
        values = f"{score.pictures:,}", f"{score.without:,}", f"{100 * score.chance:.1f}"
        before = f"{score.stand_in}, {100 * score.before.value:.1f}"
        cells.append((score.tag, *values, before, f"{100 * score.after.value:.1f} [{100 * low:.1f}, {100 * high:.1f}]"))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in cells)


def caption_new_tags(curve: Curve | None, claims: Sequence[Claim]) -> str:
    """Of the figure and the table; ``claims`` from :func:`new_tag_claims`."""
    if curve is None:
        return "Not measured: no general tag that the vocabulary lacks is carried by enough illustrations."
    verdicts = " ".join(claim.sentence for claim in claims)
    return (
        f"{verdicts} {len(curve.tags)} general tags that the vocabulary lacks, evenly spaced from the most to the "
        "least frequent one and not picked. Each is one more output of VGG + NIN's last convolution, all else "
        f"unchanged, learned from training illustrations that carry it and {WITHOUT:,} at most that carry none of "
        "them; the network was trained on these too, without the new tags. Fewer are among more. AP on the test "
        "split; bands: 95 % bootstrap intervals over its illustrations. Best old tag: the one that ranks the most "
        "given illustrations best. Untrained: the same on initial weights. As add_tags tells it: by "
        f"cross-validation on the given illustrations, {GIVEN} with the tag, where chance is higher."
    )


def _percents(score: Measured) -> dict[str, float | None]:
    return dict(zip(("map", "low", "high"), map(percent, score.estimate), strict=True))
