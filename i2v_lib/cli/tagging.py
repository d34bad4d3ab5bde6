"""Commands about weights and tags: convert, tag, make thresholds, evaluate, export.

The library is imported where it is needed, so that ``--help`` and a wrong option show at once.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from i2v_lib.cli.options import AddCommand, require_place
from i2v_lib.config import PRESETS, home, load_config

if TYPE_CHECKING:
    from i2v_lib.models.tagging.choose_weights import TaggerSource


def add_commands(command: AddCommand) -> None:
    """Add these commands to the command line."""
    new = command("convert-released", convert_released_command, "convert the authors' Caffe files, once")
    new.add_argument("--tag-model", type=Path, metavar="FILE", help="illust2vec_tag_ver200.caffemodel")
    new.add_argument("--feature-model", type=Path, metavar="FILE", help="illust2vec_ver200.caffemodel")
    new.add_argument("--tag-list", type=Path, metavar="FILE", help="tag_list.json, packed or not")
    new.add_argument("--out", type=Path, help="folder to write (default released/, where all three are looked for)")
    new.add_argument("--overwrite", action="store_true", help="write anew what stands there")

    new = command("tag", tag_command, "write the tags of a folder's pictures beside them")
    new.add_argument("folder", type=Path, help="pictures anywhere below it; or one picture, whose tags are printed")
    new.add_argument("--format", choices=("txt", "json", "csv"), default="txt", help="(default txt)")
    _add_weights(new)
    new.add_argument("--threshold", type=float, default=0.25, help="of every tag, 0 to 1 (default 0.25)")
    rules = {"dest": "threshold_rule", "default": "constant", "choices": ("constant", "f0.5", "f1", "f2")}
    new.add_argument("--rule", **rules, help="or each tag's own, for the best of this measure")
    new.add_argument("--thresholds", type=Path, metavar="FILE", help="npz file of each tag's own")
    new.add_argument("--alpha", choices=("white", "drop"), help="transparency: on white (default), or as the authors'")
    new.add_argument("--force", action="store_true", help="write over files that are there")

    new = command("add-tags", add_tags_command, "teach a network tags of your own; the old ones stay as they are")
    new.add_argument("source", type=Path, help="a collection; or a folder with a folder of pictures for each new tag")
    new.add_argument("--tags", nargs="+", metavar="TAG", help="hat, character:rin, … (default: the folders' names)")
    new.add_argument("--others", type=Path, metavar="PLACE", help="for a folder: pictures without these tags")
    new.add_argument("--without", type=int, default=2000, help="pictures without the tags, at most (default 2000)")
    new.add_argument("--out", type=Path, required=True, help="weights to write, ….safetensors")
    new.add_argument("--overwrite", action="store_true", help="replace a file that stands there")
    new.add_argument("--seed", type=int, default=0, help="of draws and of the cross-validation (default 0)")
    _add_weights(new)

    new = command("thresholds", thresholds_command, "make a threshold for each tag, for the rules of `tag`")
    new.add_argument("collection", type=Path, help="with tags of its own")
    new.add_argument("--out", type=Path, required=True, help="npz file to write, which the authors' library reads too")
    new.add_argument("--overwrite", action="store_true", help="replace a file that stands there")
    _add_weights(new)
    _add_split(new, "val")

    new = command("evaluate-released", evaluate_released_command, "score weights as in Table 2")
    new.add_argument("collection", type=Path, help="that they were not trained with")
    _add_weights(new)
    _add_split(new, "test")
    new.add_argument("--out", type=Path, help="folder of the table (default below runs/evaluations/)")
    new.add_argument("--resamples", type=int, default=1000, help="of the bootstrap (default 1000)")
    new.add_argument("--seed", type=int, default=0, help="of the bootstrap and the random scores (default 0)")

    new = command("export-onnx", export_onnx_command, "write a network for programs without PyTorch")
    new.add_argument("--out", type=Path, required=True, help="file to write, ….onnx")
    new.add_argument("--overwrite", action="store_true", help="replace a file that stands there")
    _add_weights(new)
    new.add_argument("--codes", action="store_true", help="of the hash network: features and codes too")
    new.add_argument("--pixels", choices=("float32", "uint8"), default="float32", help="of the input (default float32)")
    new.add_argument("--opset", type=int, default=17, help="version of ONNX's operators (default 17)")


def _add_weights(parser: argparse.ArgumentParser) -> None:
    """Whose weights, and where they compute."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--released", nargs="?", const="", metavar="FOLDER", help="the authors', from released/")
    which.add_argument("--run", choices=PRESETS, help="the newest of a preset's run (default: released, else demo)")
    which.add_argument("--weights", type=Path, metavar="FILE", help="of one network, a safetensors file")
    parser.add_argument("--batch-size", type=int, metavar="N", help="pictures at a time (default by device)")
    parser.add_argument("--device", help="cpu, cuda, … (default CUDA, if there is one)")


def _add_split(parser: argparse.ArgumentParser, default: str) -> None:
    choices = ("train", "val", "test", "all")
    parser.add_argument("--split", choices=choices, default=default, help=f"which pictures (default {default})")


def convert_released_command(options: argparse.Namespace) -> None:
    """Convert the authors' files, once."""
    from i2v_lib.models.released.convert import convert_released
    from i2v_lib.models.released.files import BOTH, SOURCES, find_released, released_folder

    out, names = options.out or released_folder(), ("tag_model", "feature_model", "tag_list")
    given = {name: getattr(options, name) for name in names if getattr(options, name)}
    if not given:
        given = find_released(converted=False)
    if not given.keys() & set(names[:2]):
        raise FileNotFoundError(
            f"{released_folder()} has neither {' nor '.join(SOURCES[kind].name for kind in BOTH)}; put them there, "
            "or name them with --tag-model and --feature-model (README, Tagging, says where they can be had)"
        )
    stood = set(out.glob("*")) if not options.overwrite else set()
    for kind, path in convert_released(**given, out=out, overwrite=options.overwrite).items():
        what = "there already, kept" if path in stood else "written"
        print(f"{path}: {SOURCES[kind].parameters:,} parameters, {path.stat().st_size:,} bytes; {what}")
    if out.resolve() == released_folder():
        print("the kit takes these from now on; it does without the files that they were made from")


def tag_command(options: argparse.Namespace) -> None:
    """Tag the pictures of a folder, or one and print its tags."""
    from i2v_lib.models.tagging.folder import tag_folder
    from i2v_lib.models.tagging.tag_files import as_json, as_text

    tagger, _, meaning, *_ = _tagger(options, "tags")
    rule = {"threshold": options.threshold, "threshold_rule": options.threshold_rule}
    if options.folder.is_file():
        write = as_json if options.format == "json" else as_text
        print(write(tagger.estimate_plausible_tags(options.folder, **rule)[0]), end="")
        return
    print(meaning)
    done = tag_folder(
        tagger,
        options.folder,
        options.format,
        threshold=options.threshold,
        rule=options.threshold_rule,
        force=options.force,
    )
    print(f"{done.written:,} tagged; {done.kept:,} had been before and are kept; {len(done.skipped):,} skipped")
    for name, reason in done.skipped:
        print(f"  {reason}: {name}")


def add_tags_command(options: argparse.Namespace) -> None:
    """Teach a network new tags, and say what they are worth."""
    from i2v_lib.data.tag_examples import find_examples
    from i2v_lib.evaluation.new_tags import score_new_tags
    from i2v_lib.models.tagging.new_tags import add_tags
    from i2v_lib.show.new_tags import summary_text

    _check_out(options, ".safetensors")
    examples = find_examples(options.source, options.tags, options.others, options.without, options.seed)
    tagger, _, meaning, *_ = _tagger(options, "tags")
    print(meaning)
    learned = add_tags(tagger, examples, seed=options.seed)
    learned.tagger.save(options.out)
    print(summary_text(score_new_tags(learned, tagger.vocabulary, seed=options.seed)))
    print(f"old tags: the weights are the same; no logit changed by more than {learned.old_change:.1g}")
    for error in learned.unreadable:
        print(f"not used: {error}")
    print(f"{options.out}: {len(learned.tagger.vocabulary):,} tags; give it to `tag` as --weights")


def thresholds_command(options: argparse.Namespace) -> None:
    """Make a threshold for each tag, on pictures that the network was not trained on."""
    from i2v_lib.data.collection import open_collection
    from i2v_lib.evaluation.released import fit_thresholds
    from i2v_lib.models.serving.thresholds import UNKNOWN

    _check_out(options, ".npz")
    collection = open_collection(options.collection)
    tagger, _, meaning, *_ = _tagger(options, "tags")
    print(meaning)
    counts = fit_thresholds(tagger, collection, split=_split(options))
    tagger.save_thresholds(options.out)
    fitted = ", ".join(f"{n['fitted']} of {n['vocabulary']} {category}" for category, n in counts.items())
    print(f"{options.out}: thresholds for F0.5, F1 and F2 of {fitted} tags")
    print(f"no picture has the others; they keep {UNKNOWN}")


def evaluate_released_command(options: argparse.Namespace) -> None:
    """Score weights on a collection, in Table 2's layout."""
    from i2v_lib.data.collection import open_collection
    from i2v_lib.evaluation.released import evaluate_weights
    from i2v_lib.show.released import evaluation_text, save_evaluation

    collection = open_collection(options.collection)
    tagger, name, meaning, _, preset = _tagger(options, "tags")
    print(meaning)
    split = _split(options)
    found = evaluate_weights(tagger, collection, split=split, resamples=options.resamples, seed=options.seed)
    folder = options.out or home() / "runs" / "evaluations" / f"{collection.folder.name}, {name}"
    config = load_config(preset, seed=options.seed, bootstrap=options.resamples)
    about = {"name": name, "meaning": meaning, "split": split, "config": config, "vocabulary": tagger.vocabulary}
    rows = save_evaluation(found, collection, folder, **about)
    print(f"{found.illustrations:,} illustrations; [95 % bootstrap intervals]\n")
    print(evaluation_text(rows, name.capitalize()))
    print(f"\nas PDF, PNG, CSV and JSON: {folder}")


def export_onnx_command(options: argparse.Namespace) -> None:
    """Export a network to ONNX."""
    from i2v_lib.models.released.onnx import export_onnx

    _check_out(options, ".onnx")
    tagger, name, _, architecture, _ = _tagger(options, "features" if options.codes else "tags")
    network = tagger.feature_network if options.codes else tagger.network
    side = tagger.image_size
    settings = {"image_size": side, "codes": options.codes, "pixels": options.pixels, "opset": options.opset}
    export_onnx(network, options.out, **settings, vocabulary=tagger.vocabulary, architecture=architecture)
    outputs = "logits, scores, features, codes" if options.codes else "logits, scores"
    print(f"{options.out}: {name}, {options.out.stat().st_size:,} bytes")
    print(f"images ({options.pixels}, N × 3 × {side} × {side}, RGB 0–255) → {outputs}")


def _check_out(options: argparse.Namespace, ending: str) -> None:
    """Refuse a file that others would not recognize or that stands there, before any work is done."""
    if options.out.suffix != ending:
        raise ValueError(f"--out {options.out}: give a file that ends in {ending}")
    if options.out.exists() and not options.overwrite:
        raise FileExistsError(f"{options.out} exists; pass --overwrite, or another --out")
    require_place(options.out)


def _tagger(options: argparse.Namespace, *needs: str) -> TaggerSource:
    """The tagger that a command's options name, or the best there is."""
    from i2v_lib.models.tagging.choose_weights import best_tagger, file_tagger, released_tagger, run_tagger

    rest = {name: getattr(options, name, None) for name in ("device", "batch_size", "alpha", "thresholds")}
    rest = {name: value for name, value in rest.items() if value is not None}
    if options.weights:
        return file_tagger(options.weights, **rest)
    if options.run:
        return run_tagger(options.run, **rest)
    if options.released is not None:
        return released_tagger(options.released or None, needs=needs, **rest)
    return best_tagger(needs=needs, **rest)


def _split(options: argparse.Namespace) -> str | None:
    return None if options.split == "all" else options.split
