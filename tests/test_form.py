"""The form for real people and the CSV their votes go to."""

import csv
import io

import numpy as np
import pytest
from PIL import Image

from i2v_lib.evaluation import ballots
from i2v_lib.evaluation.ballots import append_votes, ballot_file, read_votes
from i2v_lib.evaluation.study import ANSWERS, QUESTIONS, UNANSWERED, draw_trials
from i2v_lib.show.form import NEEDS_KERNEL, OPTIONS, StudyForm, next_trial, picture_bytes

N = 12
PIXELS = np.random.default_rng(0).integers(0, 256, (N, 16, 16, 3), np.uint8)
ROWS = np.arange(N)
IDS = ["plain", 'a,"comma"', "two\nlines", *(f"picture {i}" for i in range(3, N))]
WORDS = ["left", "both", "neither", "right", "left", "left"]


@pytest.fixture
def trials():
    """Of 3 participants with 4 trials each: all twelve illustrations, the odd ids too."""
    one, two = (np.roll(ROWS, -i)[:, None] for i in (1, 2))
    return draw_trials(one, two, 3, 4, seed=0)


@pytest.fixture
def path(tmp_path, trials):
    return ballot_file(tmp_path / "votes", trials, IDS)


def form_of(trials, path):
    return StudyForm(trials, PIXELS.__getitem__, ROWS, IDS, path)


def fill(form, words=WORDS):
    for buttons, word in zip(form.questions, words, strict=True):
        buttons.value = word


def vote(form, words=WORDS):
    fill(form, words)
    form.next.click()


# the CSV


def test_what_is_appended_is_read(trials, path):
    assert read_votes(path, trials, IDS)[1] == 0  # no file yet
    for t in range(len(trials)):
        append_votes(path, trials, IDS, t, WORDS[t % 6 :] + WORDS[: t % 6])
    answers, dropped = read_votes(path, trials, IDS)
    assert dropped == 0
    assert [[ANSWERS[i] for i in row] for row in answers] == [WORDS[t % 6 :] + WORDS[: t % 6] for t in range(12)]


def test_any_reader_of_csv_finds_what_was_shown_where(trials, path):
    append_votes(path, trials, IDS, 5, WORDS)
    (row,) = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
    assert (row["participant"], row["trial"]) == ("2", "2")
    shown = [IDS[node].replace("\n", " ") for node in (trials.a[5], trials.left[5], trials.right[5])]
    assert [row[name] for name in ("A", "left", "right")] == shown
    assert (row["left is"] == "ours") == trials.ours_left[5]
    assert [row[question] for question in QUESTIONS] == WORDS


def test_each_line_is_on_the_disk_when_the_call_returns(trials, path, monkeypatch):
    synced = []
    monkeypatch.setattr(ballots.os, "fsync", lambda number: synced.append(path.stat().st_size))
    append_votes(path, trials, IDS, 0, WORDS)
    append_votes(path, trials, IDS, 1, WORDS)
    assert len(synced) == 2
    assert synced[1] == path.stat().st_size > synced[0] > 0


def test_a_line_torn_at_any_byte_costs_only_itself(trials, path):
    append_votes(path, trials, IDS, 0, WORDS)
    first = path.read_bytes()
    append_votes(path, trials, IDS, 1, WORDS)
    whole = path.read_bytes()
    for size in range(len(first) + 1, len(whole) - 1):
        path.write_bytes(whole[:size])
        answers, dropped = read_votes(path, trials, IDS)
        assert (dropped, answers[0, 0], answers[1, 0]) == (1, 0, UNANSWERED), size
        append_votes(path, trials, IDS, 1, WORDS)  # asked again after the restart
        answers, dropped = read_votes(path, trials, IDS)
        assert dropped == 1
        assert np.all(answers[:2] >= 0)
        assert path.read_bytes().startswith(whole[:size])  # nothing is ever taken away
    path.write_bytes(whole[:-1])  # all but the line break
    assert read_votes(path, trials, IDS)[1] == 0


def test_a_torn_header_costs_no_votes(trials, path):
    append_votes(path, trials, IDS, 0, WORDS)
    path.write_bytes(path.read_bytes()[:7])
    append_votes(path, trials, IDS, 0, WORDS)
    answers, dropped = read_votes(path, trials, IDS)
    assert (answers[0, 0], dropped) == (0, 1)


def test_foreign_lines_are_dropped_and_the_first_vote_counts(trials, path):
    append_votes(path, trials, IDS, 0, WORDS)
    append_votes(path, trials, IDS, 0, ["right"] * 6)
    with path.open("ab") as file:
        file.write("9,1,a,b,c,ours,left,left,left,left,left,left\n\x00\x00\n\"\n\xff\n\n".encode("latin-1"))
    answers, dropped = read_votes(path, trials, IDS)
    assert dropped == 4
    assert [ANSWERS[i] for i in answers[0]] == WORDS
    assert np.all(answers[1:] == UNANSWERED)


def test_other_trials_have_another_file(tmp_path, trials, path):
    one, two = (np.roll(ROWS, -i)[:, None] for i in (1, 2))
    assert ballot_file(tmp_path / "votes", trials, IDS) == path
    assert ballot_file(tmp_path / "votes", draw_trials(one, two, 3, 4, seed=1), IDS) != path
    assert ballot_file(tmp_path / "votes", trials, [*IDS[:-1], "other"]) != path


@pytest.mark.parametrize("words", [WORDS[:5], ["left"] * 5 + ["perhaps"], [None] * 6])
def test_bad_answers_are_refused(trials, path, words):
    with pytest.raises(ValueError, match="give 6, each one of left, both, neither, right"):
        append_votes(path, trials, IDS, 0, words)
    assert not path.exists()


# the form


def test_pictures_are_enlarged():
    image = Image.open(io.BytesIO(picture_bytes(PIXELS[0], 48)))
    assert (image.format, image.size) == ("PNG", (48, 48))
    np.testing.assert_allclose(np.asarray(image).mean(), PIXELS[0].mean(), atol=3)


def test_the_first_trial_without_answers_is_next():
    answers = np.full((12, 6), UNANSWERED, np.int8)
    assert [next_trial(answers, person, 4) for person in (1, 2, 3)] == [0, 4, 8]
    answers[[4, 6]] = 0
    assert next_trial(answers, 2, 4) == 5
    answers[4:8] = 0
    assert next_trial(answers, 2, 4) is None


def test_next_waits_for_all_six_answers(trials, path):
    form = form_of(trials, path)
    for buttons, word in zip(form.questions, WORDS, strict=True):
        assert form.next.disabled
        assert buttons.options == OPTIONS
        buttons.value = word
    assert not form.next.disabled
    form.questions[2].value = None
    assert form.next.disabled
    assert not path.exists()


def test_votes_are_cast_one_trial_after_the_other(trials, path):
    form = form_of(trials, path)
    for t in range(4):
        assert (form.trial, form.progress.value) == (t, t)
        for image, node in zip((form._a, form._left, form._right), (trials.a, trials.left, trials.right), strict=True):
            assert image.value == picture_bytes(PIXELS[node[t]])
        vote(form)
        assert [buttons.value for buttons in form.questions] == [None] * 6
        assert np.all(read_votes(path, trials, IDS)[0][t] >= 0)
    assert form.trial is None
    assert (form.progress.value, form.progress.max) == (4, 4)
    assert form.next.disabled
    assert "Thank you" in form.status.value
    vote(form)
    assert read_votes(path, trials, IDS)[0][4:].max() == UNANSWERED


def test_a_double_click_votes_once(trials, path):
    form = form_of(trials, path)
    vote(form)
    form.next.click()
    assert (form.trial, form.status.value) == (1, "")


def test_a_new_kernel_goes_on_where_the_old_one_stopped(trials, path):
    vote(form_of(trials, path))
    path.write_bytes(path.read_bytes() + b"1,2,torn")
    form = form_of(trials, path)
    assert (form.trial, form.progress.value) == (1, 1)
    assert form.status.value.startswith("1 unreadable lines of votes-")
    form.participant.value = 3
    assert (form.trial, form.progress.value) == (8, 0)
    vote(form)
    form.participant.value = 1
    assert form.trial == 1


def test_an_error_inside_a_callback_is_shown(trials, path):
    path.parent.mkdir()
    path.mkdir()  # cannot be written to as a file
    form = form_of(trials, path)
    assert "IsADirectoryError" in form.status.value or "PermissionError" in form.status.value
    path.rmdir()
    form = form_of(trials, path)
    path.mkdir()
    vote(form)
    assert "Error" in form.status.value
    assert form.trial == 0
    assert [buttons.value for buttons in form.questions] == WORDS  # the answers are still there
    path.rmdir()
    form.next.click()
    assert (form.trial, form.status.value) == (1, "")


def test_nobody_votes_on_the_trial_of_another(trials, path):
    """The file cannot be read when the participant changes: the old trial is still on the screen."""
    form = form_of(trials, path)
    path.mkdir(parents=True)
    form.participant.value = 2
    assert "Error" in form.status.value
    path.rmdir()
    vote(form)
    assert form.trial is None
    assert not path.exists()


def test_a_study_without_trials_says_so(tmp_path):
    nothing = draw_trials(np.zeros((1, 0), np.int64), np.zeros((1, 0), np.int64), 3, 4, seed=0)
    form = form_of(nothing, tmp_path / "votes.csv")
    assert (form.trial, form.status.value) == (None, "No trials.")


def test_without_a_kernel_a_sentence_stands_in(trials, path):
    bundle = form_of(trials, path)._repr_mimebundle_()
    assert bundle["text/plain"] == NEEDS_KERNEL
    assert "application/vnd.jupyter.widget-view+json" in bundle
