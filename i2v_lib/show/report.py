"""Paper beside ours: the published figures, their gallery, and the block of numbers in the README."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2v_lib.config import Config, load_config
from i2v_lib.data.collection import CATEGORIES
from i2v_lib.evaluation.claims import Claim
from i2v_lib.models.systems import TRAINED
from i2v_lib.show import paper
from i2v_lib.show.readme import replace_block
from i2v_lib.show.saving import METRICS, plain, read_metrics, settings
from i2v_lib.show.tag_prediction import table2_claims
from i2v_lib.show.wording import count, data_phrase, map_text, number
from i2v_lib.system.files import write_text

if TYPE_CHECKING:
    from i2v_lib.run import Run

GALLERY = "README.md"  # of the published folder
ABBREVIATIONS = {"map": "mAP", "ap": "AP", "tsne map": "t-SNE map", "heatmaps": "heat maps"}
# of the metrics, in the order of their notebooks
SECTIONS = ("pointing", "new_tags", "codes", "retrieval", "study", "morphing", "map")


def publish(run: Run, folder: Path, pages: Mapping[str, Callable[[Path], Any]] | None = None) -> None:
    """Replace the published figures by a run's, with a gallery, and bring the README's numbers up to date.

    All of it is assembled in a folder beside, then moved into place file by file: pages and figures first, then the
    gallery and the README that link to them, and only then goes what no run makes any more. So a kill at any time
    leaves every link alive; what it leaves half exchanged, the next call completes.

    Parameters
    ----------
    run : its ``figures`` folder must hold what the notebooks save
    folder : of the published figures; the README beside it, if there is one, is updated
    pages : file name -> what writes that file to a path: what is published beside the figures, such as the explorer

    Raises
    ------
    ValueError
        If a figure was made with other settings than the run's, or the README has lost its markers.
    """
    metrics = read_metrics(run.figures)
    records = _read_records(run)
    readme = folder.parent / "README.md"
    text = replace_results(readme.read_text(encoding="utf-8"), metrics) if readme.exists() else None

    fresh = folder.with_name(folder.name + ".partial")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name in records:
        for path in run.figures.glob(f"{name}.*"):
            shutil.copyfile(path, fresh / path.name)
    shutil.copyfile(run.figures / METRICS, fresh / METRICS)
    for name, write_page in (pages or {}).items():
        write_page(fresh / name)
    (fresh / GALLERY).write_text(render_gallery(records, metrics, run.config), encoding="utf-8")

    folder.mkdir(exist_ok=True)
    new = sorted((path.name for path in fresh.iterdir()), key=lambda name: (name == GALLERY, name))
    for name in new:
        os.replace(fresh / name, folder / name)
    if text is not None:
        write_text(readme, text)
    for path in folder.iterdir():
        if path.name not in new:
            path.unlink()
    fresh.rmdir()


def render_results(metrics: Mapping[str, Any]) -> str:
    """Table 2 beside the paper's, the verdicts on all claims, time and machine, as Markdown."""
    heads = [*CATEGORIES, *(f"paper: {category}" for category in CATEGORIES)]
    lines = [_row(["mAP (%)", *heads]), _row(["---"] + ["---:"] * len(heads))]
    for system, categories in metrics["table2"].items():
        ours = [map_text(categories[category]) for category in CATEGORIES]
        theirs = [number(paper.TABLE2.get(system, {}).get(category)) for category in CATEGORIES]
        lines.append(_row([paper.system_name(system, metrics["pretrained"]), *ours, *theirs]))
    first = next(iter(metrics["table2"].values()))
    tags = [count(first[category]["tags"]) for category in CATEGORIES]
    lines.append(_row(["Tags scored", *tags, *(count(paper.VOCABULARY[category]) for category in CATEGORIES)]))
    sources = metrics["sources"]
    seconds, machine = sum(metrics["seconds"].values()), metrics["machine"]
    claims = claims_of(metrics)
    return "\n".join(
        [
            *lines,
            "",
            f"*{metrics['preset']}* preset, seed {metrics['seed']}: {data_phrase(sources)}, of which "
            f"{sources['illustrations']['test']:,} are tested. Brackets: 95 % bootstrap intervals over the "
            "test illustrations. The paper's columns: 1.29 million real illustrations.",
            "",
            " ".join([_against_untrained(metrics), *_other_epochs(metrics)]),
            "",
            f"What the paper claims, and whether it holds on this data: of {len(claims)} claims, "
            f"{count_verdicts(claims)}. *Held* means that the 95 % interval of every part of a claim lies on the "
            "claimed side; *partly held*, that some do; *did not hold*, that none does and at least one lies on the "
            "other side; *undecided*, that none lies on either. Differences in Table 2 are those of a paired "
            "bootstrap, in points of mAP.",
            "",
            *_claim_lines(claims),
            "",
            f"Drawing, training and logistic regressions took {seconds / 60:.0f} minutes when they were last built, on "
            f"{machine['cores']} cores ({machine['accelerator'] or machine['cpu']}), torch {machine['torch']}"
            f"{_notebook_minutes(metrics)}.",
        ]
    )


def _against_untrained(metrics: Mapping[str, Any]) -> str:
    """What the pre-training is worth: the pre-trained net beside the same network at its random weights."""
    trained, untrained = (metrics["table2"][system] for system in ("pretrained", "untrained"))
    scored = [category for category in CATEGORIES if trained[category]["map"] is not None]
    below = [category for category in scored if trained[category]["map"] < untrained[category]["map"]]
    name = paper.system_name("pretrained", metrics["pretrained"])
    if not below:
        return f"{name}: above the same network untrained in every category."
    return (
        f"{name}: below the same network untrained in {', '.join(below)}. Its pre-training does not help there, and "
        "what is claimed against it is claimed against a weak rival."
    )


def _other_epochs(metrics: Mapping[str, Any]) -> list[str]:
    """Which networks were trained for another time than the paper's two."""
    used = dataclasses.asdict(load_config(metrics["preset"])) | metrics["overrides"]
    return [
        f"{system.label}: trained for {used[system.epochs]} of the {used['epochs']} epochs that the paper's two were."
        for system in TRAINED.values()
        if used[system.epochs] != used["epochs"]
    ]


def _notebook_minutes(metrics: Mapping[str, Any]) -> str:
    taken = metrics.get("notebooks", {})
    each = ", ".join(f"{name.partition('_')[0]} {seconds} s" for name, seconds in sorted(taken.items()))
    return f". Notebooks, when last executed, with only what was missing built: {each}" if each else ""


def claims_of(metrics: Mapping[str, Any]) -> list[Claim]:
    """Every claim with its verdict, of the notebooks executed so far.

    Raises
    ------
    ValueError
        If one has a verdict that is none of :data:`~i2v_lib.evaluation.claims.VERDICTS`.
    """
    claims = table2_claims(metrics["differences"])
    for section in SECTIONS:
        claims += [Claim(**claim) for claim in metrics.get(section, {}).get("claims", [])]
    return claims


def count_verdicts(claims: Sequence[Claim]) -> str:
    """How many claims there are of each verdict, the most frequent first: "2 held, 1 undecided"; it adds up to all."""
    return ", ".join(f"{n} {verdict}" for verdict, n in Counter(claim.verdict for claim in claims).most_common())


def _claim_lines(claims: Sequence[Claim]) -> list[str]:
    """Claims as lines of a Markdown table."""
    lines = [_row(["paper", "claim", "here", "measured"]), _row(["---"] * 4)]
    return lines + [_row([claim.section, claim.claim, claim.verdict, claim.measured]) for claim in claims]


def replace_results(text: str, metrics: Mapping[str, Any]) -> str:
    """A README whose block between the two markers is rendered anew.

    Raises
    ------
    ValueError
        If the text does not hold both markers once, in order.
    """
    return replace_block(text, "results", render_results(metrics))


def render_gallery(records: Mapping[str, Mapping[str, Any]], metrics: Mapping[str, Any], config: Config) -> str:
    """Every figure with its caption and files, then paper beside ours, then why the numbers differ.

    Parameters
    ----------
    records : name -> contents of the figure's JSON, in the order to show
    metrics : contents of ``metrics.json``
    config : of the run
    """
    parts = ["# Gallery", "Written by `make reproduce`; change nothing here by hand."]
    for name, record in records.items():
        kinds = ["pdf", "png", "json"] + (["csv"] if name.startswith("table") else [])
        files = " · ".join(f"[{kind.upper()}]({name}.{kind})" for kind in kinds)
        alt = record["caption"].partition(". ")[0].replace("[", "(").replace("]", ")")
        parts += [f"## {_title(name)}", f"![{alt}]({name}.png)", record["caption"], files]
    parts += ["## Paper beside ours", render_results(metrics)]
    parts += ["## Why our numbers are not the paper's", _reasons(metrics, config)]
    return "\n\n".join(parts) + "\n"


def _reasons(metrics: Mapping[str, Any], config: Config) -> str:
    """What differs from the paper's experiment, computed from the settings."""
    sources = metrics["sources"]
    first = next(iter(metrics["table2"].values()))
    tags = sum(first[category]["tags"] for category in CATEGORIES)
    epochs = {system.label: getattr(config, system.epochs) for system in TRAINED.values()}
    others = [f" ({label}: {trained_for})" for label, trained_for in epochs.items() if trained_for != config.epochs]
    reasons = [
        f"**Data.** {data_phrase(sources)}; the paper has {paper.ILLUSTRATIONS:,} real ones.",
        f"**Tags.** {tags:,} are scored; the paper has {sum(paper.VOCABULARY.values()):,}. A mean "
        "over fewer and more frequent tags is higher at the same skill: hold each system against the random "
        "control.",
        f"**Networks.** {config.image_size} px instead of 224, {config.width:g} of the paper's width, "
        f"{config.epochs} epochs{''.join(others)}.",
        "**Recipe.** Optimizer, schedule, dropout and augmentation are ours; the paper's supplement could not be "
        "found.",
        "**Chance.** The intervals tell how the choice of test illustrations moves a number. They do "
        "not include what another seed of the training would change, and are not corrected for comparing four "
        "categories.",
    ]
    if "retrieval" in metrics:
        reasons.append(
            f"**Search.** {metrics['retrieval']['illustrations']:,} illustrations are searched; the paper's safe "
            f"dataset has {paper.SAFE_DATASET:,}, in which nearer ones can be found."
        )
    if metrics.get("study", {}).get("judges") == "simulated judges":
        reasons.append(
            "**Judges.** Simulated, from the truth of the drawn set and stated noise. They tell whether the protocol "
            "finds what is there; they are no substitute for the paper's 25 participants."
        )
    pictures = f"{config.pretrained_pictures:,}" if config.pretrained_pictures else "all"
    if metrics["pretrained"] == "surrogate":
        reasons.insert(
            3,
            "**Pre-trained net.** ImageNet weights were not available, so VGG-16 was trained on formula-drawn "
            "fractals instead: a weaker start than the paper's, and called *surrogate* everywhere. "
            f"Its logistic regression saw {pictures} training illustrations.",
        )
    return "\n".join(f"- {reason}" for reason in reasons)


def _read_records(run: Run) -> dict[str, dict[str, Any]]:
    """JSON of every figure of a run, by notebook, then by name."""
    expected = plain(settings(run.config))
    records = {}
    for path in run.figures.glob("*.json"):
        if path.name == METRICS:
            continue
        record = json.loads(path.read_text(encoding="utf-8"))
        if any(record[key] != value for key, value in expected.items()):
            raise ValueError(f"{path} was made with other settings; run {record['sources']['notebook']} again")
        records[path.stem] = record
    return dict(sorted(records.items(), key=lambda item: (item[1]["sources"]["notebook"], item[0])))


def _title(name: str) -> str:
    """ "table2_map" -> "Table 2: mAP"; "fig_learning_curves" -> "Learning curves"; "table_codes" -> "Codes (table)"."""
    head, _, rest = name.partition("_")
    for prefix, word in (("table", "Table"), ("fig", "Fig.")):
        which = head.removeprefix(prefix)
        if which.isdigit():
            return f"{word} {which}: {_words(rest)}"
    return _words(rest)[:1].upper() + _words(rest)[1:] + (" (table)" if head == "table" else "")


def _words(name: str) -> str:
    words = name.replace("_", " ")
    return ABBREVIATIONS.get(words, words)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
