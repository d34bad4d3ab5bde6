"""The protocol, the simulated judges and the analysis of the user study."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import binomtest

from i2v_lib.config import load_config
from i2v_lib.drawn import draw_collection
from i2v_lib.evaluation import judges, similarity, votes
from i2v_lib.evaluation.judges import Judges
from i2v_lib.evaluation.study import CHOICES, QUESTIONS, UNANSWERED, Trials, choices, count_duplicates, draw_trials

PARTICIPANTS, EACH = 25, 20


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    return draw_collection(load_config("smoke", pictures=160), tmp_path_factory.mktemp("drawn") / "collection")


@pytest.fixture
def neighbors():
    """Of 200 illustrations; every fourth has the same neighbor by both nets."""
    ours = np.roll(np.arange(200), -1)[:, None]
    theirs = np.where(np.arange(200)[:, None] % 4, np.roll(np.arange(200), -2)[:, None], ours)
    return ours, theirs


def trials_of(a, b, c, ours_left, each=1):
    return Trials(*map(np.array, (a, b, c, ours_left)), each=each, candidates=len(a), skipped=0)


def random_votes(generator, weights=(1, 1, 1, 1), count=PARTICIPANTS * EACH):
    chances = np.array(weights) / sum(weights)
    return generator.choice(4, p=chances, size=(count, 6)).astype(np.int8)


# protocol


def test_trials_follow_the_protocol(neighbors):
    ours, theirs = neighbors
    trials = draw_trials(ours, theirs, PARTICIPANTS, EACH, seed=0)
    assert len(trials) == 500
    np.testing.assert_array_equal(trials.b, ours[trials.a, 0])
    np.testing.assert_array_equal(trials.c, theirs[trials.a, 0])
    assert np.all(trials.b != trials.c)
    assert (trials.skipped, trials.candidates) == (50, 200)
    np.testing.assert_array_equal(np.bincount(trials.participant), [EACH] * PARTICIPANTS)
    assert 0.4 < trials.ours_left.mean() < 0.6
    np.testing.assert_array_equal(np.where(trials.ours_left, trials.left, trials.right), trials.b)
    np.testing.assert_array_equal(np.where(trials.ours_left, trials.right, trials.left), trials.c)


def test_no_illustration_is_drawn_twice_before_all_others_were_once(neighbors):
    trials = draw_trials(*neighbors, PARTICIPANTS, EACH, seed=0)
    counts = np.bincount(trials.a, minlength=200)[np.arange(200) % 4 > 0]
    assert set(counts) == {3, 4}  # 500 trials over 150 illustrations
    assert len(set(draw_trials(*neighbors, 3, 50, seed=0).a)) == 150


def test_trials_are_drawn_by_their_seed(neighbors):
    one, same, other = (draw_trials(*neighbors, 5, 4, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.a, same.a)
    np.testing.assert_array_equal(one.ours_left, same.ours_left)
    assert not np.array_equal(one.a, other.a)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_illustrations_give_no_trials(n):
    """One alone has no neighbor; of two each is the other's by both nets."""
    indices = np.arange(n)[::-1].reshape(n, -1)[:, : max(n - 1, 0)] if n else np.zeros((0, 0), np.int64)
    trials = draw_trials(indices, indices, 5, 4, seed=0)
    assert len(trials) == len(trials.left) == len(trials.participant) == 0
    assert trials.skipped == n


def test_wrong_sizes_are_refused(neighbors):
    with pytest.raises(ValueError, match="ours .*200 .*theirs 3"):
        draw_trials(neighbors[0], neighbors[1][:3], 1, 1, seed=0)
    with pytest.raises(ValueError, match="each=0"):
        draw_trials(*neighbors, 1, 0, seed=0)


def test_answers_become_votes_and_back():
    """left, both, neither, right, unanswered, with ours on the left and on the right."""
    answers = np.tile(np.array([0, 1, 2, 3, UNANSWERED, 0], np.int8), (2, 1))
    ours_left = np.array([True, False])
    found = choices(answers, ours_left)
    np.testing.assert_array_equal(found, [[0, 1, 2, 3, -1, 0], [3, 1, 2, 0, -1, 3]])
    np.testing.assert_array_equal(choices(found, ours_left), answers)


def test_near_duplicates_are_counted():
    trials = trials_of([0, 1, 2], [1, 2, 3], [3, 0, 1], [True] * 3)
    assert count_duplicates(trials, ["x", "x", "y", "y"]) == {"b": 2, "c": 1}


# what judges see


def test_lab_of_known_colors():
    known = {(255, 255, 255): (100, 0, 0), (0, 0, 0): (0, 0, 0), (255, 0, 0): (53.24, 80.09, 67.20)}
    np.testing.assert_allclose(similarity.to_lab(np.array(list(known))), list(known.values()), atol=0.05)


def test_histograms_tell_colors_and_not_places():
    red, blue = (np.full((8, 8, 3), color, np.uint8) for color in ((200, 30, 30), (30, 30, 200)))
    half = np.concatenate([red[:4], blue[:4]])
    histograms = [similarity.color_histogram(image) for image in (red, blue, half, half[::-1])]
    assert [h.sum() for h in histograms] == [1] * 4
    overlap = [[np.minimum(a, b).sum() for b in histograms] for a in histograms]
    np.testing.assert_allclose(overlap[0], [1, 0, 0.5, 0.5])
    assert overlap[2][3] == 1


def scene(**fields):
    return {"figures": [], "things": [], "window": None, "aspect": 1.0} | fields


def figure(x, y=0.5, unit=0.1, view=0, flip=False):
    return {"x": x, "y": y, "unit": unit, "look": {"view": view, "flip": flip}}


def test_placement_knows_place_direction_and_crop():
    middle, moved, far = (similarity.placement(scene(figures=[figure(x)])) for x in (0.5, 0.6, 0.9))
    near, apart = (similarity._composition(middle, other) for other in (moved, far))
    assert 1 == similarity._composition(middle, middle) > near > 0.2 > apart
    turned = similarity.placement(scene(figures=[figure(0.5, view=1)]))
    assert 0.3 < similarity._composition(middle, turned) < 1  # the body is where it was
    whole = similarity.placement(scene(figures=[figure(0.25, 0.25, 0.05)]))
    crop = similarity.placement(scene(figures=[figure(0.25, 0.25, 0.05)], window=[0, 0, 0.5, 0.5]))
    assert crop.sum() > 2 * whole.sum()
    np.testing.assert_array_equal(crop, similarity.placement(scene(figures=[figure(0.5, 0.5, 0.1)])))
    long = similarity.placement(scene(figures=[figure(0.2)], aspect=0.4))
    np.testing.assert_array_equal(long, middle)  # between white margins


def test_pages_are_like_pages():
    page, other, picture = ("comic", 4), ("comic", 3), similarity.placement(scene())
    assert similarity._composition(page, other) == 0.75
    assert similarity._composition(page, ("4koma", 4)) == similarity._composition(page, picture) == 0
    assert similarity._composition(picture, picture) == 1


def test_similarities_of_drawn_pictures(collection):
    rows = np.arange(40)
    itself = similarity.similarities(collection, rows, rows)
    named = np.array([bool(scene["tags"]["character"]) for scene in collection.truth()[:40]])
    np.testing.assert_allclose(itself[:, [0, 1, 2, 4]], 1)
    np.testing.assert_array_equal(itself[named][:, [3, 5]], 1)
    mixed = similarity.similarities(collection, rows, rows[::-1])
    np.testing.assert_allclose(mixed, mixed[::-1])  # d(a, b) = d(b, a)
    assert np.all((mixed >= 0) & (mixed <= 1))
    assert np.all(mixed.mean(axis=0) < 0.6)


def test_without_truth_nobody_can_judge(collection, tmp_path):
    blind = SimpleNamespace(truth=lambda: None, folder=tmp_path / "imported")
    with pytest.raises(ValueError, match="imported .*truth"):
        similarity.similarities(blind, np.arange(2), np.arange(2))


# what they answer


def seen(left, right, count=4000):
    return np.stack([np.full((count, 6), left), np.full((count, 6), right)]).astype(float)


def shares(left, right, **settings):
    """Shares of left, both, neither and right among the answers."""
    blank = np.zeros(4000, np.int64)
    trials = trials_of(blank, blank, blank, blank > 0, each=20)
    answers = judges.answer(seen(left, right), trials, Judges(**settings), seed=0)
    return np.bincount(answers.ravel(), minlength=4) / answers.size


@pytest.mark.parametrize(
    ("left", "right", "expected"), [(0.9, 0.5, 0), (0.5, 0.9, 3), (0.9, 0.85, 1), (0, 0.1, 2), (0, 1, 3), (1, 1, 1)]
)
def test_judges_without_noise_say_what_is_true(left, right, expected):
    assert shares(left, right, noise=0, lapse=0)[expected] == 1


def test_noise_lapses_and_symmetry():
    np.testing.assert_allclose(shares(1, 0, noise=0, lapse=1), 0.25, atol=0.01)
    np.testing.assert_allclose(shares(1, 0, noise=0, lapse=0.2)[0], 0.85, atol=0.01)
    loud, quiet = shares(0.6, 0.4, noise=1, lapse=0), shares(0.6, 0.4, noise=0.1, lapse=0)
    assert quiet[0] > loud[0] > loud[3] > quiet[3]
    np.testing.assert_allclose(shares(0.6, 0.4), shares(0.4, 0.6)[[3, 1, 2, 0]], atol=0.02)


def test_judges_differ_in_strictness():
    blank = np.zeros(4000, np.int64)
    trials = trials_of(blank, blank, blank, blank > 0, each=20)
    answers = judges.answer(seen(0.25, 0.0), trials, Judges(noise=0, lapse=0), seed=0).reshape(200, -1)
    assert np.all(answers == answers[:, :1])  # a judge keeps to one threshold
    assert 0.3 < np.mean(answers[:, 0] == 2) < 0.7


def test_perceived_similarity_is_corrected_for_chance(collection):
    """A picture and itself give 1, two at random 0."""
    rows = np.arange(len(collection))
    named = np.array([bool(scene["tags"]["character"]) for scene in collection.truth()])
    a, other = np.random.default_rng(0).integers(len(rows), size=(2, 600))
    found = judges.perceive(collection, rows, trials_of(a, a, other, [True] * 600), seed=0)
    np.testing.assert_allclose(found[0][named[a]], 1)
    np.testing.assert_allclose(found[1].mean(axis=0), 0, atol=0.06)


def test_no_trials_are_judged_without_complaint(collection):
    nothing = draw_trials(np.zeros((1, 0), np.int64), np.zeros((1, 0), np.int64), 5, 4, seed=0)
    found = judges.simulate_votes(collection, np.arange(1), nothing, [0.15, 0.3], 0, Judges())
    assert [one.shape for one in found] == [(0, 6)] * 2
    assert votes.analyze(found[0], nothing.participant, 10, 0)[0]["p"] == 1


def test_the_better_net_wins_and_equals_tie(collection):
    """B is A itself, C is at random; then the nets change roles; then both are at random."""
    rows = np.arange(len(collection))
    generator = np.random.default_rng(1)
    named = [i for i, scene in enumerate(collection.truth()) if scene["tags"]["character"]]
    a, (other, third) = generator.choice(named, 300), generator.integers(len(rows), size=(2, 300))
    left = generator.random(300) < 0.5

    def preference(b, c):
        found = judges.simulate_votes(collection, rows, trials_of(a, b, c, left, each=20), [0.15], 0, Judges())[0]
        return np.array([row["preference"][0] for row in votes.analyze(found, np.arange(300) // 20, 50, 0)])

    assert np.all(preference(a, other) > 0.85)
    assert np.all(preference(other, a) < 0.15)
    assert np.all(np.abs(preference(other, third) - 0.5) < 0.2)


# what votes say


def test_exact_test_against_scipy():
    ours, theirs = np.array([0, 3, 10, 50, 7, 0]), np.array([0, 3, 2, 30, 8, 9])
    expected = [1] + [binomtest(int(k), int(k + m)).pvalue for k, m in zip(ours[1:], theirs[1:], strict=True)]
    np.testing.assert_allclose(votes.exact_p(ours, theirs), expected, rtol=1e-12)


def test_holm_by_hand():
    np.testing.assert_allclose(votes.holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(votes.holm(np.array([0.5, 0.9])), [1, 1])


def test_votes_are_counted_by_hand():
    found = np.full((4, 6), UNANSWERED, np.int8)
    found[0], found[1], found[2] = 0, [0, 1, 2, 3, 3, 3], [0, 0, 0, 0, 3, UNANSWERED]  # the fourth trial: nothing
    rows = votes.analyze(found, np.array([0, 0, 1, 2]), 200, 0)
    assert [row["question"] for row in rows] == list(QUESTIONS)
    assert [[row[choice] for choice in CHOICES] for row in rows] == [
        [3, 0, 0, 0], [2, 1, 0, 0], [2, 0, 1, 0], [2, 0, 0, 1], [1, 0, 0, 2], [1, 0, 0, 1],
    ]  # fmt: skip
    assert rows[1]["shares"]["both"] == pytest.approx((1 / 3, 0, 1 / 2))  # participant 2 alone, 1 alone
    assert rows[3]["preference"][0] == pytest.approx(2 / 3)
    assert rows[0]["p"] == 0.25
    assert rows[5]["p"] == rows[5]["p_holm"] == 1


def test_no_votes_are_not_a_number():
    rows = votes.analyze(np.full((20, 6), UNANSWERED, np.int8), np.arange(20), 100, 0)
    assert all(row["p"] == row["p_holm"] == 1 and np.isnan(row["preference"]).all() for row in rows)
    assert all(np.isnan(share).all() for row in rows for share in row["shares"].values())
    assert all(np.isnan(value) for value in votes.null_check(np.full((20, 6), 2, np.int8), 100, 0).values())


def test_intervals_hold_the_truth_when_participants_differ():
    """Participants who lean one way or the other: resampling people covers the truth, single votes would not."""
    generator = np.random.default_rng(0)
    held, widths = [], []
    for _ in range(60):
        leaning = np.repeat(generator.choice([0.2, 0.8], PARTICIPANTS), EACH)
        found = np.where(generator.random((500, 6)) < leaning[:, None], 0, 3).astype(np.int8)
        low, high = votes.analyze(found, np.arange(500) // EACH, 200, 0)[0]["preference"][1:]
        held.append(low < 0.5 < high)
        widths.append(high - low)
    assert np.mean(held) > 0.85
    assert np.mean(widths) > 2 * 1.96 * 2 * np.sqrt(0.25 / 500)  # at least twice a binomial interval's


def test_nothing_is_found_where_nothing_is():
    """B and C exchanged at random in 300 studies: ours gets half, and tests err as often as they may."""
    generator = np.random.default_rng(0)
    studies = [random_votes(generator, (3, 1, 2, 3)) for _ in range(300)]
    rows = [row for found in studies for row in votes.analyze(found, np.arange(500) // EACH, 1, 0)]
    assert np.mean([row["preference"][0] for row in rows]) == pytest.approx(0.5, abs=0.005)
    assert 0.02 < np.mean([row["p"] < 0.05 for row in rows]) <= 0.06
    assert np.mean([any(row["p_holm"] < 0.05 for row in rows[i : i + 6]) for i in range(0, 1800, 6)]) <= 0.08


def test_null_check_takes_an_effect_away_and_keeps_the_ties():
    found = random_votes(np.random.default_rng(0), (6, 2, 2, 1))
    assert all(row["p_holm"] < 1e-6 for row in votes.analyze(found, np.arange(500) // EACH, 10, 0))
    null = votes.null_check(found, 2000, 0)
    assert null["preference"] == pytest.approx(0.5, abs=0.005)
    assert 0.02 < null["false_positives"] <= 0.06
    assert null["false_alarms"] <= 0.06
