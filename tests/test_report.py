import copy
import json
import os
import re
import shutil
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import pytest

from i2v_lib.config import home, load_config
from i2v_lib.show import paper, report, saving, tag_prediction

CATEGORIES = ("general", "copyright", "character", "rating")
CONFIG = load_config("smoke")
BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"
SOURCES = {
    "notebook": "03_tag_prediction.ipynb",
    "collection": "drawn demo set",
    "illustrations": {"train": 30000, "val": 1700, "test": 4300},
}


def differences(**intervals):
    """Rows of the first claim: category = (difference, low, high), or None for a category without tags."""
    rows = []
    for category, values in intervals.items():
        named = dict(zip(("difference", "low", "high"), values or (None,) * 3, strict=True))
        rows.append({"better": "vgg_nin", "worse": "vgg_a", "category": category, **named})
    return rows


def example_metrics():
    score = {"map": 50.25, "low": 49.04, "high": 51.66, "tags": 130}
    table2 = {system: {category: dict(score) for category in CATEGORIES} for system in paper.SYSTEMS}
    for system in table2:
        table2[system]["copyright"] = {"map": None, "low": None, "high": None, "tags": 0}
    claims = [
        {"better": better, "worse": worse, "category": c, "difference": 1.0, "low": 0.5, "high": 1.5}
        for better, worse in paper.CLAIMS
        for c in CATEGORIES
    ]
    return {
        **saving.settings(CONFIG),
        "sources": SOURCES,
        "pretrained": "surrogate",
        "table2": table2,
        "differences": claims,
        "table3": [],
        "seconds": {"draw": 60.0, "train": 540.0},
        "machine": {"cpu": "A CPU", "cores": 2, "accelerator": None, "torch": "2.0"},
    }


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [
        ({"general": (1, 0.5, 1.5), "rating": (2, 0.1, 3)}, "held"),
        ({"general": (1, 0.5, 1.5), "copyright": None}, "held"),
        ({"general": (1, 0.5, 1.5), "rating": (2, -0.1, 3)}, "partly held"),
        ({"general": (1, -0.5, 1.5), "rating": (-2, -3, -1)}, "did not hold"),
        ({"general": (1, -0.5, 1.5), "rating": (-2, -3, 1)}, "undecided"),
        ({"general": None}, "undecided"),
    ],
)
def test_verdicts_come_from_the_intervals(intervals, expected):
    assert tag_prediction.table2_claims(differences(**intervals))[0].verdict == expected


def test_sentence_tells_each_category(worded):
    rows = differences(general=(1, 0.5, 1.5), copyright=None, character=(-1, -2, -0.5), rating=(0.2, -1, 1))
    sentence = tag_prediction.table2_claims(rows)[0].sentence
    assert "partly held (" in sentence
    parts = sentence.partition("(")[2].split("; ")
    assert [part.split()[0] for part in parts] == list(CATEGORIES)
    for part, fact in zip(
        parts,
        (
            r"\+1\.0 \[\+0\.5, \+1\.5\]$",
            "not scored$",
            r"−1\.0 \[−2\.0, −0\.5\], reversed$",
            r"\+0\.2 \[−1\.0, \+1\.0\], not separated",
        ),
        strict=True,
    ):
        assert re.search(fact, part)
    worded(sentence)


def test_claims_of_every_section_that_was_measured_are_told():
    metrics = example_metrics()
    assert "§4.5" not in report.render_results(metrics)
    claim = {"section": "§4.5", "claim": "a map", "verdict": "partly held", "measured": "0.9"}
    text = report.render_results(metrics | {"map": {"claims": [claim]}})
    assert "3 claims, 2 held, 1 partly held" in text
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| §")]
    assert ["§4.5", "a map", "partly held", "0.9"] in rows
    assert any(
        row[0] == "§4.1" and row[2] == "held" and row[3].startswith("general +1.0 [+0.5, +1.5];") for row in rows
    )


def test_reasons_follow_what_was_measured():
    metrics = example_metrics()
    assert "**Judges.**" not in report.render_gallery({}, metrics, CONFIG)
    metrics |= {"retrieval": {"illustrations": 3049}, "study": {"judges": "simulated judges"}}
    text = report.render_gallery({}, metrics, CONFIG)
    assert re.search("3,049 .*76,003", text)
    assert "**Judges.** Simulated" in text
    assert "**Judges.**" not in report.render_gallery({}, metrics | {"study": {"judges": "people"}}, CONFIG)


def test_results_set_the_paper_beside_ours():
    text = report.render_results(example_metrics())
    tables = [list(lines) for table, lines in groupby(text.splitlines(), lambda line: line[:1] == "|") if table]
    assert all(len({line.count("|") for line in lines}) == 1 for lines in tables)
    rows = tables[0]
    nin = next(row for row in rows if "VGG + NIN |" in row)
    assert nin.split(" | ")[1:] == [
        "50.2 [49.0, 51.7]",
        "–",
        *["50.2 [49.0, 51.7]"] * 2,
        "32.2",
        "27.8",
        "57.4",
        "85.9 |",
    ]
    assert "Pre-trained net (surrogate)" in text
    assert re.search("36,000 drawn .*4,300", text)
    assert re.search(r"10 minutes .*2 cores \(A CPU\), torch 2\.0", text)
    metrics = example_metrics() | {"notebooks": {"01_data_collection": 100, "02_training": 620}}
    assert "01 100 s, 02 620 s" in report.render_results(metrics)


def test_results_follow_the_numbers():
    changed = copy.deepcopy(example_metrics())
    changed["table2"]["vgg_a"]["general"]["map"] = 12.3
    assert report.render_results(changed) != report.render_results(example_metrics())
    assert "12.3 [" in report.render_results(changed)


def test_only_the_block_of_a_readme_changes():
    text = f"before\n{BEGIN}\nYESTERDAY\n{END}\nafter\n"
    once = report.replace_results(text, example_metrics())
    assert once.startswith(f"before\n{BEGIN}\n| mAP")
    assert once.endswith(f"\n{END}\nafter\n")
    assert "YESTERDAY" not in once
    assert report.replace_results(once, example_metrics()) == once


@pytest.mark.parametrize("text", ["", BEGIN, END + BEGIN, (BEGIN + END) * 2])
def test_lost_markers_are_an_error(text):
    with pytest.raises(ValueError, match="markers|results:begin"):
        report.replace_results(text, example_metrics())


@pytest.fixture
def run(tmp_path):
    """A run whose notebooks saved one figure, one table and the metrics."""
    run = SimpleNamespace(config=CONFIG, figures=tmp_path / "runs" / "figures")
    fig = plt.figure(figsize=(1, 1))
    saving.save_figure(fig, "fig2_tags", run.figures, [], CONFIG, SOURCES, "4 of 5 are right. How [so].")
    saving.save_table(fig, "table2_map", run.figures, [{"a": 1}], CONFIG, SOURCES, "It held. How.")
    saving.save_metrics(run.figures, CONFIG, **example_metrics())
    plt.close(fig)
    return run


def test_publishing_replaces_what_was_there(run, tmp_path):
    published = tmp_path / "figures"
    published.mkdir()
    (published / "stale.png").write_bytes(b"")
    (tmp_path / "README.md").write_text(f"# Kit\n{BEGIN}\n{END}\n", encoding="utf-8")
    report.publish(run, published)
    first = {path.name: path.read_bytes() for path in published.iterdir()}
    expected = {f"fig2_tags.{kind}" for kind in ("pdf", "png", "json")}
    expected |= {f"table2_map.{kind}" for kind in ("pdf", "png", "json", "csv")} | {
        "metrics.json",
        "README.md",
    }
    assert set(first) == expected
    report.publish(run, published)
    assert first == {path.name: path.read_bytes() for path in published.iterdir()}
    assert {path.name for path in tmp_path.iterdir()} == {"figures", "runs", "README.md"}
    assert report.render_results(example_metrics()) in (tmp_path / "README.md").read_text(encoding="utf-8")


def links(text):
    """Files that a Markdown text links to."""
    return set(re.findall(r"\]\(([\w/.]+\.\w+)\)", text))


def publish_pages(run, folder, content):
    pages = {name: lambda path: path.write_text(content) for name in ("explorer.html", "contact_sheet.png")}
    report.publish(run, folder, pages)


def test_a_kill_between_any_two_steps_leaves_every_link_alive(run, tmp_path, monkeypatch):
    """Of the README, whose first link is a page that is published beside the figures, and of the gallery."""
    published, readme = tmp_path / "figures", tmp_path / "README.md"
    readme.write_text(f"[try](figures/explorer.html) [sheet](figures/contact_sheet.png)\n{BEGIN}\n{END}\n")
    publish_pages(run, published, "old")
    (run.figures / "fig2_tags.pdf").rename(run.figures / "fig9_other.pdf")  # one figure gives way to another
    (run.figures / "fig2_tags.png").rename(run.figures / "fig9_other.png")
    (run.figures / "fig2_tags.json").rename(run.figures / "fig9_other.json")
    before = {path.name: path.read_bytes() for path in published.iterdir()}

    class Killed(BaseException):
        pass

    left = []

    def step(original):
        def stepped(*arguments, **options):
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return original(*arguments, **options)

        return stepped

    for owner, name in ((os, "replace"), (os, "unlink"), (os, "rmdir"), (os, "mkdir"), (os, "rename")):
        monkeypatch.setattr(owner, name, step(getattr(owner, name)))
    for name in ("unlink", "rmdir", "mkdir", "rename", "write_text"):
        monkeypatch.setattr(Path, name, step(getattr(Path, name)))
    monkeypatch.setattr(shutil, "copyfile", step(shutil.copyfile))
    killed = 0
    while True:
        left[:] = [killed]
        try:
            publish_pages(run, published, "new")
        except Killed:
            left[:] = [10**6]
            killed += 1
        else:
            break
        assert {"figures/explorer.html", "figures/contact_sheet.png"} <= links(readme.read_text(encoding="utf-8"))
        assert not [link for link in links(readme.read_text(encoding="utf-8")) if not (tmp_path / link).exists()]
        gallery = (published / "README.md").read_text(encoding="utf-8")
        assert "fig2_tags.png" in links(gallery) or "fig9_other.png" in links(gallery)
        assert not [link for link in links(gallery) if not (published / link).exists()]
    assert killed > 15
    left[:] = [10**6]
    assert (published / "explorer.html").read_text() == "new"
    after = {path.name for path in published.iterdir()}
    assert after == {name.replace("fig2_tags", "fig9_other") for name in before}
    assert {path.name for path in tmp_path.iterdir()} == {"figures", "runs", "README.md"}


def test_verdicts_add_up_to_the_number_of_claims():
    metrics = example_metrics()
    verdicts = ["held", "undecided", "did not hold", "partly held", "undecided"]
    claims = [{"section": "§4.3", "claim": str(i), "verdict": v, "measured": ""} for i, v in enumerate(verdicts)]
    found = report.claims_of(metrics | {"study": {"claims": claims}})
    assert len(found) == 2 + len(verdicts)
    assert sum(map(int, re.findall(r"\d+", report.count_verdicts(found)))) == len(found)
    assert f"of {len(found)} claims, " in report.render_results(metrics | {"study": {"claims": claims}})
    with pytest.raises(ValueError, match="not separated"):
        report.claims_of(metrics | {"study": {"claims": [claims[0] | {"verdict": "not separated"}]}})


def test_gallery_shows_every_figure_and_why_numbers_differ(run, tmp_path):
    report.publish(run, tmp_path / "figures")
    gallery = (tmp_path / "figures" / "README.md").read_text(encoding="utf-8")
    assert re.search(
        r"^## Fig\. 2: tags\n\n!\[4 of 5\b.*\]\(fig2_tags\.png\)\n\n4 of 5\b.*How \[so\]", gallery, re.MULTILINE
    )
    assert "## Table 2: mAP" in gallery
    assert "[CSV](table2_map.csv)" in gallery
    assert "fig2_tags.csv" not in gallery
    assert re.search(rf"\b{CONFIG.image_size} px .*224", gallery)
    assert "fractals instead" in gallery
    metrics = example_metrics() | {"pretrained": "ImageNet"}
    assert "fractals instead" not in report.render_gallery({}, metrics, CONFIG)


def test_figures_of_other_settings_are_not_published(run, tmp_path):
    fig = plt.figure(figsize=(1, 1))
    saving.save_figure(fig, "fig9", run.figures, [], load_config("smoke", seed=7), SOURCES, "Claim.")
    plt.close(fig)
    with pytest.raises(ValueError, match=r"fig9\.json .*other settings; .*03_tag_prediction\.ipynb"):
        report.publish(run, tmp_path / "figures")
    assert not (tmp_path / "figures").exists()


def test_readme_holds_the_published_numbers():
    """What the README prints is what figures/metrics.json says."""
    published = home() / "figures" / "metrics.json"
    if not published.exists():
        pytest.skip("nothing is published yet: make reproduce")
    metrics = json.loads(published.read_text(encoding="utf-8"))
    readme = (home() / "README.md").read_text(encoding="utf-8")
    assert report.replace_results(readme, metrics) == readme
