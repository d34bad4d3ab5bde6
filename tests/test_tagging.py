"""Tagging a folder: what is written is read back by import-folder, nothing is overwritten, nothing is done twice."""

import csv
import json

import numpy as np
import pytest
import torch
from PIL import Image

from i2v_lib.config import load_config
from i2v_lib.data.folder import import_folder
from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.models.networks import build_network
from i2v_lib.models.tagger import Illustration2Vec
from i2v_lib.models.tagging import tag_files
from i2v_lib.models.tagging.folder import tag_folder
from i2v_lib.models.tagging.tag_files import JOURNAL, as_text

TAGS = ("smile", "rating:none", "^_^", "blue eyes", "stars", "rin (moons)", "mei", "safe", "questionable", "explicit")
VOCABULARY = Vocabulary(TAGS, ("general",) * 4 + ("copyright",) + ("character",) * 2 + ("rating",) * 3, {})
CATEGORIES = ("general", "copyright", "character")


@pytest.fixture(scope="module")
def tagger():
    network = build_network("vgg_nin", 10, load_config("smoke", width=1 / 8, seed=5))
    tagger = Illustration2Vec(network, None, VOCABULARY, image_size=32, batch_size=4)
    mean = tagger.logits(picture(seed) for seed in range(8)).mean(0)
    network.tags.bias.data -= torch.from_numpy(mean)  # so that it is of another opinion on each picture
    return tagger


@pytest.fixture
def folder(tmp_path):
    """Eleven pictures in two folders, two of which differ in their endings alone, and three files that are none."""
    folder = tmp_path / "my pictures é"
    (folder / "deep").mkdir(parents=True)
    for i in range(8):
        picture(i).save(folder / ("deep" if i % 2 else "") / f"{i}.png")
    for name in ("same.png", "same.webp", "no ending"):
        picture(len(name)).save(folder / name, "WEBP" if "webp" in name else "PNG", lossless=True)
    (folder / "cut.png").write_bytes((folder / "0.png").read_bytes()[:-100])
    (folder / "readme.pdf").write_bytes(b"no picture")
    (folder / "empty.jpg").write_bytes(b"")
    return folder


def picture(seed):
    small = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    return Image.fromarray(small).resize((32, 32), Image.Resampling.NEAREST)


def run(tagger, folder, *arguments, **options):
    return tag_folder(tagger, folder, *arguments, progress=False, **({"threshold": 0.5} | options))


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def new_files(folder, before):
    return sorted(set(contents(folder)) - set(before))


BAD = [("cut.png", "truncated"), ("empty.jpg", "empty"), ("readme.pdf", "not_an_image")]


@pytest.mark.parametrize("format", ["txt", "json", "csv"])
def test_import_folder_reads_what_was_written(tagger, folder, tmp_path, format):
    before = contents(folder)
    result = run(tagger, folder, format)
    assert (result.written, result.kept, result.skipped) == (11, 0, BAD)
    expected = {"csv": ["tags.csv"]}.get(format) or sorted(
        [f"{i}.{format}" for i in range(0, 8, 2)]
        + [f"deep/{i}.{format}" for i in range(1, 8, 2)]
        + [f"no ending.{format}", f"same.png.{format}", f"same.webp.{format}"]
    )
    assert new_files(folder, before) == expected
    assert {name: contents(folder)[name] for name in before} == before
    collection = import_folder(folder, tmp_path / "out", size=32, progress=False)
    found = tagger.estimate_plausible_tags((folder / name for name in collection.column("id")), 0.5)
    assert len(found) == 11
    for category in CATEGORIES:
        assert collection.column(category) == [[tag for tag, _ in tags[category]] for tags in found]
    assert all(len({tuple(tags) for tags in collection.column(category)}) > 1 for category in CATEGORIES)
    assert collection.column("rating") == [tags["rating"][0][0] for tags in found]
    assert len(set(collection.column("rating"))) > 1


def test_text_marks_what_would_be_read_otherwise():
    tags = {"general": [("rating:none", 0.9), ("a,b", 0.8), (":d", 0.7)], "copyright": [("stars", 0.9)]}
    tags |= {"character": [("rin", 0.5)], "rating": [("explicit", 0.6), ("safe", 0.3)]}
    assert as_text(tags) == "general:rating:none, a b, :d, copyright:stars, character:rin, rating:explicit\n"


def test_json_holds_probabilities(tagger, folder):
    run(tagger, folder, "json")
    content = json.loads((folder / "0.json").read_text(encoding="utf-8"))
    tags = tagger.estimate_plausible_tags(folder / "0.png", 0.5)[0]
    assert list(content["probabilities"]) == list(tags)
    for category, pairs in tags.items():
        written = list(content["probabilities"][category].items())
        assert written == [(tag, pytest.approx(p, abs=1e-4)) for tag, p in pairs]


@pytest.mark.parametrize("format", ["txt", "json"])
def test_files_that_are_there_are_kept(tagger, folder, format):
    mine = folder / f"0.{format}"
    mine.write_text("mine")
    (folder / f"2.{format}").symlink_to(folder / "nowhere")
    result = run(tagger, folder, format)
    assert (result.written, result.kept, result.skipped) == (9, 2, BAD)
    assert mine.read_text() == "mine"
    assert not (folder / "nowhere").exists()
    after = contents(folder)
    again = run(tagger, folder, format)
    assert (again.written, again.kept, again.skipped) == (0, 11, BAD)
    assert contents(folder) == after
    forced = run(tagger, folder, format, force=True)
    assert (forced.written, forced.kept) == (11, 0)
    assert mine.read_text() != "mine"
    assert set(contents(folder)) == set(after) | {f"2.{format}"}


def test_a_table_that_is_there_is_kept(tagger, folder):
    (folder / "tags.csv").write_text("mine")
    before = contents(folder)
    with pytest.raises(FileExistsError, match=r"tags\.csv.* kept; .*force"):
        run(tagger, folder, "csv")
    assert contents(folder) == before
    assert run(tagger, folder, "csv", force=True).written == 11
    with (folder / "tags.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["path"] for row in rows] == sorted(row["path"] for row in rows)
    assert len(rows) == 11


def interrupted(monkeypatch, kind, after):
    """Make the writer stop after a number of pictures, as Ctrl-C does."""
    write, calls = kind.write, []

    def failing(self, name, tags):
        if len(calls) == after:
            raise KeyboardInterrupt
        calls.append(name)
        write(self, name, tags)

    monkeypatch.setattr(kind, "write", failing)
    return calls


@pytest.mark.parametrize(("format", "kind"), [("txt", tag_files.Sidecars), ("csv", tag_files.Table)])
def test_an_interrupted_run_goes_on(tagger, folder, tmp_path, monkeypatch, format, kind):
    """Only what is missing is tagged, and the end is that of a run that was not interrupted."""
    before = contents(folder)
    run(tagger, folder, format)
    whole = {name: contents(folder)[name] for name in new_files(folder, before)}
    for name in whole:
        (folder / name).unlink()
    with monkeypatch.context() as patched:
        interrupted(patched, kind, 5)
        with pytest.raises(KeyboardInterrupt):
            run(tagger, folder, format)
    if format == "csv":
        assert new_files(folder, before) == [JOURNAL]
        with (folder / JOURNAL).open("a") as lines:
            lines.write('{"path": "4.p')  # a line that a kill left unfinished
        with pytest.raises(ValueError, match=r"begun .*'threshold': 0\.5"):
            run(tagger, folder, format, threshold=0.7)
        bias = tagger.network.tags.bias.detach().clone()
        with torch.no_grad():
            tagger.network.tags.bias += 1
        with pytest.raises(ValueError, match=r"begun .*'weights': "):
            run(tagger, folder, format)
        with torch.no_grad():
            tagger.network.tags.bias.copy_(bias)
    with monkeypatch.context() as patched:
        written = interrupted(patched, kind, 100)
        result = run(tagger, folder, format)
    assert (len(written), result.written, result.kept, result.skipped) == (6, 6, 5, BAD)
    assert {name: contents(folder)[name] for name in new_files(folder, before)} == whole


def test_a_journal_about_other_pictures(tagger, folder, monkeypatch):
    """What was removed since is not in the table; a journal without a whole line counts for nothing."""
    with monkeypatch.context() as patched:
        interrupted(patched, tag_files.Table, 3)
        with pytest.raises(KeyboardInterrupt):
            run(tagger, folder, "csv")
    (folder / "0.png").unlink()
    run(tagger, folder, "csv")
    assert "\n0.png" not in (folder / "tags.csv").read_text()
    assert "\n2.png" in (folder / "tags.csv").read_text()
    (folder / JOURNAL).write_text('{"thresh')
    assert run(tagger, folder, "csv", force=True).written == 10


def test_wrong_settings_leave_no_trace(tagger, folder):
    before = contents(folder)
    with pytest.raises(ValueError, match="format='xml' is unknown"):
        run(tagger, folder, "xml")
    with pytest.raises(ValueError, match="threshold_rule='f1': needs"):
        run(tagger, folder, "csv", rule="f1")
    with pytest.raises(FileNotFoundError, match=r"0\.png.* folder"):
        run(tagger, folder / "0.png")
    assert contents(folder) == before


def test_memory_does_not_grow_with_pictures(tagger, folder, monkeypatch):
    """At no time are more than three batches of pictures decoded and waiting."""
    from i2v_lib.models.serving import picture_batches

    alive, most = [0], [0]
    read = picture_batches.read_picture

    class Counted(np.ndarray):
        def __del__(self):
            alive[0] -= self.base is not None and getattr(self, "first", False)

    def counting(*arguments):
        array = read(*arguments).view(Counted)
        array.first = True
        alive[0] += 1
        most[0] = max(most[0], alive[0])
        return array

    monkeypatch.setattr(picture_batches, "read_picture", counting)
    for i in range(60):
        picture(i).save(folder / f"more {i:02d}.png")
    run(tagger, folder, batch_size=4)
    assert 4 <= most[0] <= 3 * 4 + picture_batches.THREADS
