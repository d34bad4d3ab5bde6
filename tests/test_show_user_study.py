"""Fig. 4, its table, captions and verdicts."""

import json
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.stats import binomtest

from i2v_lib.evaluation.claims import VERDICTS
from i2v_lib.evaluation.judges import Judges
from i2v_lib.evaluation.study import QUESTIONS, UNANSWERED, draw_trials
from i2v_lib.show import saving, user_study

PAPER = {  # chances of ours, both, neither, pretrained as the paper describes its Fig. 4
    "illustration style": (1, 3, 3, 3),
    "color": (4, 2, 2, 1),
    "composition": (4, 2, 2, 1),
    "title": (8, 1, 1, 0.5),
    "background": (1, 2, 3, 3),
    "character": (8, 1, 1, 0.5),
}
LEVELS = (0.15, 0.3)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def trials():
    one, two = (np.roll(np.arange(60), -i)[:, None] for i in (1, 2))
    return draw_trials(one, two, 25, 20, seed=0)


def study_of(trials, chances, judges="simulated judges", seed=0):
    generator = np.random.default_rng(seed)
    columns = [generator.choice(4, p=np.array(chances[q]) / sum(chances[q]), size=len(trials)) for q in QUESTIONS]
    votes = np.stack(columns, axis=1).astype(np.int8)
    return user_study.study_numbers(trials, votes, judges, [str(i // 2) for i in range(60)], 200, 0)


@pytest.fixture(scope="module")
def study(trials):
    return study_of(trials, PAPER)


@pytest.fixture(scope="module")
def noise(trials, study):
    return user_study.noise_numbers(Judges(), LEVELS, [study, study_of(trials, PAPER | {"color": (1, 1, 1, 6)})])


@pytest.fixture(scope="module")
def nobody(trials):
    votes = np.full((len(trials), 6), UNANSWERED, np.int8)
    return user_study.study_numbers(trials, votes, "people", ["x"] * 60, 200, 0)


def texts(fig):
    return [text.get_text() for ax in fig.axes for text in ax.texts]


def verdicts(study):
    return [claim.verdict for claim in study["claims"]]


def test_the_papers_votes_hold_the_papers_claims(study):
    assert verdicts(study) == ["held"] * 7
    assert "did not hold" not in user_study.caption_table(study, None)
    assert "7 held" in user_study.caption_table(study, None)


def test_the_opposite_votes_do_not(trials):
    opposite = {question: weights[::-1] for question, weights in PAPER.items()}
    assert verdicts(study_of(trials, opposite)) == ["did not hold"] * 7


def row_of(question, ours, pretrained, p_holm=None):
    """A question's row, with the exact interval of the share in place of the resampled one."""
    row = {"question": question, "ours": ours, "pretrained": pretrained, "p_holm": p_holm, "preference": None}
    if not ours + pretrained:
        return row | {"p_holm": 1.0, "preference_low": None, "preference_high": None}
    test = binomtest(ours, ours + pretrained)
    low, high = (100 * end for end in test.proportion_ci())
    p_holm = test.pvalue if p_holm is None else p_holm
    row |= {"preference": 100 * ours / (ours + pretrained), "preference_low": low, "preference_high": high}
    return row | {"p_holm": p_holm}


@pytest.mark.parametrize(
    ("ours", "pretrained", "elsewhere", "in_style"),
    [
        (60, 20, "held", "did not hold"),
        (20, 60, "did not hold", "held"),
        (128, 127, "undecided", "undecided"),  # p = 1
        (127, 128, "undecided", "undecided"),
        (120, 130, "undecided", "undecided"),
        (130, 120, "undecided", "undecided"),
        (20, 20, "undecided", "undecided"),
        (0, 0, "undecided", "undecided"),
    ],
)
def test_verdicts_by_hand(ours, pretrained, elsewhere, in_style):
    found = user_study.study_claims([row_of(question, ours, pretrained) for question in QUESTIONS])
    expected = [in_style if q in ("illustration style", "background") else elsewhere for q in QUESTIONS]
    assert [claim.verdict for claim in found[:6]] == expected


def test_separated_means_by_the_interval_and_by_the_corrected_test():
    """The stars of Fig. 4 are those of the corrected test: no claim holds without one."""
    more = row_of("color", 60, 40)
    assert more["p_holm"] > 0.05
    assert 49 < more["preference_low"] < 51
    rows = [row_of(question, 70, 30, 0.06) for question in QUESTIONS]
    assert {claim.verdict for claim in user_study.study_claims(rows)[:6]} == {"undecided"}
    wide = [row_of(question, 70, 30, 0.01) | {"preference_low": 49} for question in QUESTIONS]
    assert {claim.verdict for claim in user_study.study_claims(wide)[:6]} == {"undecided"}


@pytest.mark.parametrize(
    ("title", "character", "color", "verdict"),
    [
        ((95, 5), (95, 5), (60, 40), "held"),
        ((62, 38), (95, 5), (60, 40), "partly held"),  # title and color overlap
        ((62, 38), (62, 38), (60, 40), "undecided"),
        ((40, 60), (40, 60), (95, 5), "did not hold"),
        ((40, 60), (95, 5), (95, 5), "did not hold"),  # one is below, the other as high: neither leads
        ((0, 0), (95, 5), (60, 40), "partly held"),
    ],
)
def test_leading_most_goes_by_the_intervals_of_the_shares(title, character, color, verdict):
    votes = dict.fromkeys(QUESTIONS, (50, 50)) | {"title": title, "character": character, "color": color}
    claim = user_study.study_claims([row_of(question, *pair) for question, pair in votes.items()])[6]
    assert claim.verdict == verdict
    assert f"color: +{color[0] - color[1]}" in claim.measured


@pytest.mark.parametrize("votes", [(128, 127), (60, 20), (20, 60), (0, 0)])
def test_the_captions_counts_add_up_to_the_claims(study, votes):
    found = user_study.study_claims([row_of(question, *votes) for question in QUESTIONS])
    caption = user_study.caption_table(study | {"claims": found}, None)
    total, counts = re.match(r"Of (\d+) claims .*?: (.*?)\. ", caption).groups()
    each = {verdict: int(n) for n, verdict in (part.split(" ", 1) for part in counts.split(", "))}
    assert set(each) <= set(VERDICTS)
    assert sum(each.values()) == int(total) == len(found)


def test_numbers_are_complete_and_plain(study, nobody):
    assert (study["participants"], study["trials"], study["planned"]) == (25, 500, 500)
    for row in study["questions"]:
        shares = [row[f"{choice}_share"] for choice in ("ours", "both", "neither", "pretrained")]
        assert sum(shares) == pytest.approx(100)
        assert row["ours_share_low"] < row["ours_share"] < row["ours_share_high"]
    assert 45 < study["null"]["preference"] < 55
    assert study["duplicates"]["c"] == 0 < study["duplicates"]["b"] < 500  # groups of two neighbors
    assert (nobody["participants"], nobody["trials"]) == (0, 0)
    assert {"claim", "measured", "section", "verdict"} == set(saving.plain(study["claims"][0]))
    json.dumps(saving.plain([study, nobody]), allow_nan=False)


def test_outcomes_at_a_second_noise_level(noise):
    assert noise["same"] == [question for question in QUESTIONS if question != "color"]
    assert noise["settings"]["noise"] == noise["level"] == 0.15


def test_fig4_is_the_papers_order_and_adds_up(study):
    fig = user_study.draw_votes(study, "surrogate")
    (ax,) = fig.axes
    assert [label.get_text() for label in ax.get_yticklabels()] == list(QUESTIONS)
    bars = np.array([[bar.get_y(), bar.get_width()] for bar in ax.patches])
    for line, row in enumerate(study["questions"]):
        widths = bars[np.isclose(bars[:, 0], line - 0.35), 1]
        assert widths[0] == pytest.approx(row["ours_share"])
        assert widths.sum() == pytest.approx(100)
    assert "simulated" in ax.get_xlabel()
    legend = [text.get_text() for text in fig.legends[0].get_texts()]
    assert legend == ["VGG + NIN", "tie: both", "tie: neither", "Pre-trained net (surrogate)"]
    marks = [text.count("*") for text in texts(fig) if "[" in text]
    assert marks == [len(user_study.stars(row["p_holm"])) for row in study["questions"]]


def test_texts_stay_inside_and_apart(study, noise):
    for fig in (user_study.draw_votes(study, "surrogate"), user_study.draw_table(study, noise, "x")):
        fig.draw_without_rendering()
        boxes = [text.get_window_extent() for ax in fig.axes for text in ax.texts if text.get_text()]
        width, height = fig.canvas.get_width_height()
        assert all(-1 < box.x0 < box.x1 < width + 1 and -1 < box.y0 < box.y1 < height + 1 for box in boxes)
        shrunk = [box.shrunk(0.9, 0.7).translated(0.05 * box.width, 0.15 * box.height) for box in boxes]
        assert not [1 for i, one in enumerate(shrunk) for other in shrunk[:i] if one.overlaps(other)]


def test_every_caption_says_who_voted(study, noise, trials, worded):
    for caption in (user_study.caption_fig4(study, noise), user_study.caption_table(study, noise)):
        assert "simulated judges" in caption
    text = user_study.caption_fig4(study, noise)
    assert "5 of 6 questions" in text
    assert "more votes: color, composition, title, character;" in text
    worded(text)
    people = study_of(trials, PAPER, judges="people")
    assert "simulated" not in user_study.caption_fig4(people, None) + user_study.caption_table(people, None)
    assert "25 people" in user_study.draw_votes(people, "ImageNet").axes[0].get_xlabel()


def test_without_votes_figure_table_and_captions_say_so(nobody):
    assert verdicts(nobody) == ["undecided"] * 7
    assert "No votes" in texts(user_study.draw_votes(nobody, "surrogate"))[0]
    assert "–" in texts(user_study.draw_table(nobody, None, "surrogate"))
    assert user_study.caption_fig4(nobody, None).startswith("No votes")
    assert "7 undecided" in user_study.caption_table(nobody, None)


def test_rows_of_the_csv(study, noise, nobody):
    rows = user_study.table_rows(study, noise)
    assert [row["noise"] for row in rows] == [0.15] * 6 + [0.3] * 6
    assert [row["noise"] for row in user_study.table_rows(nobody, None)] == [None] * 6
    assert len({tuple(row) for row in rows}) == 1


def test_trials_are_shown_on_their_sides(trials):
    pixels = np.arange(60, dtype=np.uint8)[:, None, None, None] + np.zeros((60, 8, 8, 3), np.uint8)
    one, two = (np.roll(np.arange(60), -i)[:, None] for i in (1, 2))
    few = draw_trials(one, two, 1, 3, seed=3)
    fig = user_study.draw_examples(few, pixels.__getitem__, np.arange(60), [f"id {i}" for i in range(60)], "ImageNet")
    shown = [int(ax.images[0].get_array()[0, 0, 0]) for ax in fig.axes]
    assert shown == [node for t in range(3) for node in (few.a[t], few.left[t], few.right[t])]
    named = [text.get_text() for text in fig.texts]
    assert [name == "VGG + NIN" for name in named[1::3]] == few.ours_left.tolist()
    assert [name == "VGG + NIN" for name in named[2::3]] == (~few.ours_left).tolist()
    nothing = draw_trials(one, one, 1, 3, seed=0)
    empty = user_study.draw_examples(nothing, pixels.__getitem__, np.arange(60), [], "ImageNet")
    assert "No illustration" in empty.texts[0].get_text()


def test_p_values_in_print():
    assert [user_study.p_phrase(p) for p in (1.0, 0.032, 0.0004)] == ["p = 1.000", "p = .032", "p < .001"]
    assert [user_study.stars(p) for p in (0.05, 0.049, 0.009, 0.0009)] == ["", "*", "**", "***"]
