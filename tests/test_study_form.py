"""The form for real people and the CSV their votes go to."""

import base64
import csv
import io
import re

import numpy as np
import pytest
from PIL import Image

from i2v_lib.evaluation import ballots
from i2v_lib.evaluation.ballots import WITHDRAWN, append_votes, ballot_file, read_votes, withdraw_votes
from i2v_lib.evaluation.study import ANSWERS, QUESTIONS, UNANSWERED, draw_trials
from i2v_lib.explorers.study_form import NEEDS_KERNEL, THANKS, StudyForm, next_trial, picture_bytes

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


def vote(form, words=WORDS):
    form.ballot.answers = words
    form.ballot.cast()


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
        file.write('9,1,a,b,c,ours,left,left,left,left,left,left\n\x00\x00\n"\n\xff\n\n'.encode("latin-1"))
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
    with pytest.raises(ValueError, match="6, .*left, both, neither, right"):
        append_votes(path, trials, IDS, 0, words)
    assert not path.exists()


# the form


def test_pictures_are_shown_as_they_are():
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(picture_bytes(PIXELS[0])))), PIXELS[0])


def test_the_first_trial_without_answers_is_next():
    answers = np.full((12, 6), UNANSWERED, np.int8)
    assert [next_trial(answers, person, 4) for person in (1, 2, 3)] == [0, 4, 8]
    answers[[4, 6]] = 0
    assert next_trial(answers, 2, 4) == 5
    answers[4:8] = 0
    assert next_trial(answers, 2, 4) is None


def test_a_vote_waits_for_all_six_answers(trials, path):
    form = form_of(trials, path)
    for missing in range(6):
        vote(form, [word if q != missing else "" for q, word in enumerate(WORDS)])
        assert not form.ballot.complete
    assert (form.trial, path.exists()) == (0, False)
    vote(form)
    assert form.trial == 1


def test_votes_are_cast_one_trial_after_the_other(trials, path):
    form = form_of(trials, path)
    for t in range(4):
        assert (form.trial, form.ballot.shown, form.progress.value) == (t, t, t)
        nodes = (trials.a[t], trials.left[t], trials.right[t])
        assert form.ballot.pictures == [picture_bytes(PIXELS[node]) for node in nodes]
        vote(form)
        assert form.ballot.answers == [""] * 6
        assert np.all(read_votes(path, trials, IDS)[0][t] >= 0)
    assert form.trial is None
    assert (form.progress.value, form.progress.max) == (4, 4)
    assert form.ballot.pictures == []
    assert form.status.text == THANKS
    vote(form)
    assert read_votes(path, trials, IDS)[0][4:].max() == UNANSWERED


def test_the_second_half_of_a_double_click_is_dropped(trials, path):
    form = form_of(trials, path)
    message = {"event": "cast", "shown": 0, "answers": WORDS}
    form.ballot._receive(None, message, [])
    form.ballot._receive(None, message, [])
    assert (form.trial, form.status.text) == (1, "")
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2
    form.ballot._receive(None, {"event": "cast", "shown": 1, "answers": [*WORDS[:5], ""]}, [])
    form.ballot._receive(None, {"event": "explode", "shown": 1}, [])
    assert form.trial == 1


def test_votes_are_taken_back_one_after_the_other(trials, path, worded):
    form = form_of(trials, path)
    assert not form.ballot.can_undo
    form.ballot.undo()  # does nothing
    assert not path.exists()
    first, second = WORDS, ["right"] * 6
    vote(form, first)
    vote(form, second)
    before = path.read_bytes()
    form.ballot.undo()
    assert (form.trial, form.progress.value, form.ballot.answers) == (1, 1, second)
    assert "trial 2" in form.status.text
    worded(form.status.text)
    assert path.read_bytes().startswith(before)  # nothing is deleted
    assert np.all(read_votes(path, trials, IDS)[0][1] == UNANSWERED)
    form.ballot.undo()
    assert (form.trial, form.progress.value, form.ballot.answers) == (0, 0, first)
    assert not form.ballot.can_undo
    vote(form, ["both"] * 6)
    answers, dropped = read_votes(path, trials, IDS)
    assert ([ANSWERS[i] for i in answers[0]], dropped) == (["both"] * 6, 0)
    assert np.all(answers[1:] == UNANSWERED)
    assert form_of(trials, path).trial == 1  # another kernel agrees


def test_the_last_vote_of_all_can_be_taken_back(trials, path):
    form = form_of(trials, path)
    form.participant.value = 2
    for _ in range(4):
        vote(form)
    assert (form.trial, form.ballot.can_undo) == (None, True)
    form.ballot.undo()
    assert (form.trial, form.ballot.answers) == (7, WORDS)
    form.participant.value = 1  # nobody takes back another's vote
    assert (form.trial, form.ballot.can_undo, form.ballot.answers) == (0, False, [""] * 6)


def test_a_withdrawal_counts_for_what_came_before_it(trials, path):
    append_votes(path, trials, IDS, 2, WORDS)
    append_votes(path, trials, IDS, 3, WORDS)
    withdraw_votes(path, trials, IDS, 2)
    answers, dropped = read_votes(path, trials, IDS)
    assert (answers[2, 0], answers[3, 0], dropped) == (UNANSWERED, 0, 0)
    append_votes(path, trials, IDS, 2, ["both"] * 6)
    append_votes(path, trials, IDS, 2, WORDS)
    assert ANSWERS[read_votes(path, trials, IDS)[0][2, 0]] == "both"
    with pytest.raises(ValueError, match="give 6"):
        append_votes(path, trials, IDS, 2, [WITHDRAWN] * 6)  # is no answer


def test_a_new_kernel_goes_on_where_the_old_one_stopped(trials, path):
    vote(form_of(trials, path))
    path.write_bytes(path.read_bytes() + b"1,2,torn")
    form = form_of(trials, path)
    assert (form.trial, form.progress.value) == (1, 1)
    assert re.match("1 unreadable .*votes-", form.status.text)
    form.participant.value = 3
    assert (form.trial, form.progress.value) == (8, 0)
    vote(form)
    form.participant.value = 1
    assert form.trial == 1


def test_an_error_inside_a_callback_is_shown(trials, path):
    path.parent.mkdir()
    path.mkdir()  # cannot be written to as a file
    form = form_of(trials, path)
    assert form.status.text.startswith(("IsADirectoryError", "PermissionError"))
    path.rmdir()
    form = form_of(trials, path)
    path.mkdir()
    vote(form)
    assert form.status.kind == "error"
    assert (form.trial, form.ballot.answers) == (0, WORDS)  # the answers are still there
    path.rmdir()
    form.ballot.cast()
    assert (form.trial, form.status.text) == (1, "")


def test_nobody_votes_on_the_trial_of_another(trials, path):
    """The file cannot be read when the participant changes: the old trial is still on the screen."""
    form = form_of(trials, path)
    path.mkdir(parents=True)
    form.participant.value = 2
    assert form.status.kind == "error"
    path.rmdir()
    vote(form)
    assert form.trial is None
    assert not path.exists()


def test_a_study_without_trials_says_so(tmp_path):
    nothing = draw_trials(np.zeros((1, 0), np.int64), np.zeros((1, 0), np.int64), 3, 4, seed=0)
    form = form_of(nothing, tmp_path / "votes.csv")
    assert (form.trial, form.status.text) == (None, "No trials.")


def test_without_a_kernel_the_pictures_and_a_sentence_stand_in(trials, path):
    data, _ = form_of(trials, path)._repr_mimebundle_()
    assert data["text/plain"] == NEEDS_KERNEL
    assert "application/vnd.jupyter.widget-view+json" in data
    still = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert still.size[0] > 3 * 100
    assert still.getpixel((20, 20)) != (255, 255, 255)
