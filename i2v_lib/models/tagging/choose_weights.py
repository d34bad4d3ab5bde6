"""Which weights a tagger has, and what that means: the authors' where their files are, otherwise those of a run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from i2v_lib.config import PRESETS, Config
from i2v_lib.config import SOURCES as SITES
from i2v_lib.data.collection import CATEGORIES
from i2v_lib.data.vocabulary import Vocabulary
from i2v_lib.models.architecture import Architecture, trained_with
from i2v_lib.models.released.convert import ARCHITECTURES
from i2v_lib.models.released.files import BOTH, SOURCES, find_released, missing_released, released_folder
from i2v_lib.models.tagger import Illustration2Vec

RELEASED = "The authors' released weights (v2.0), trained by them on illustrations of boorus."
TAGS_OF_RELEASED = " They know 1,539 tags; among these are sexual terms, which may be wrong about a harmless picture."


class TaggerSource(NamedTuple):
    """A tagger and where it is from.

    Attributes
    ----------
    tagger : the tagger
    name : of the weights, for a caption, such as "released weights" or "demo weights"
    meaning : what they know and what not, some sentences for those who read the results
    architecture : of the tag network; without one, of the feature network
    preset : of the run they are from; "paper", whose sizes they have, for the authors'
    """

    tagger: Illustration2Vec
    name: str
    meaning: str
    architecture: Architecture
    preset: str = "paper"


def best_tagger(preset: str = "demo", *, needs: Collection[str] = BOTH, **options: Any) -> TaggerSource:
    """The authors' released weights if all that is needed of them is here, otherwise those of a run.

    Parameters
    ----------
    preset : of the run
    needs : of "tags" and "features"; what is not needed is not read from the authors' files
    options : keyword arguments of :class:`~i2v_lib.models.tagger.Illustration2Vec`

    Raises
    ------
    FileNotFoundError
        If neither is here; the message says how to get each.
    ValueError
        If the authors' files are here but damaged.
    """
    missing = missing_released(needs)
    if not missing:
        return released_tagger(needs=needs, **options)
    try:
        chosen = run_tagger(preset, **options)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{error}. {_instead(missing)}") from None
    if "features" in needs:
        _ = chosen.tagger.feature_network  # says what is missing before any work is done
    return chosen._replace(meaning=f"{chosen.meaning} {_instead(missing)}")


def released_tagger(folder: Path | str | None = None, *, needs: Collection[str] = BOTH, **options: Any) -> TaggerSource:
    """The authors' released weights, from the files in a folder, ``released/`` in the kit's home when left out.

    Raises
    ------
    FileNotFoundError
        If a file that is needed is not there; the message says where to get it.
    ValueError
        If one is damaged or not what its name says.
    """
    if missing := missing_released(needs, folder):
        addresses = _and([SOURCES[kind].addresses[0] for kind in SOURCES if SOURCES[kind].name in missing])
        raise FileNotFoundError(f"{folder or released_folder()} lacks {_and(missing)}; get it from {addresses}")
    found = find_released(folder)
    models = {f"{kind[:-1]}_model" for kind in needs}
    wanted = {name: path for name, path in found.items() if name in models or name == "tag_list"}
    tagger = Illustration2Vec.from_released(**wanted, **options)
    meaning = RELEASED + (TAGS_OF_RELEASED if "tags" in needs else "")
    return TaggerSource(tagger, "released weights", meaning, ARCHITECTURES["tags" if "tags" in needs else "features"])


def run_tagger(preset: str = "demo", **options: Any) -> TaggerSource:
    """The newest networks of a run; see :meth:`~i2v_lib.models.tagger.Illustration2Vec.from_run`."""
    tagger = Illustration2Vec.from_run(preset, **options)
    return _described(tagger, f"{preset} weights", f"run {preset}")


def of_run(tagger: Illustration2Vec, config: Config, missing: Sequence[str]) -> TaggerSource:
    """A tagger made of a run's networks because files of the authors' are missing; the meaning says so."""
    architecture = Architecture.of(config, "vgg_nin", len(tagger.tag_names))
    about = trained_with(config)
    meaning = describe_weights(f"run {config.preset}", about, config.image_size, tagger.vocabulary)
    name = f"{config.preset} weights"
    return TaggerSource(tagger, name, f"{meaning} {_instead(missing)}", architecture, config.preset)


def file_tagger(path: Path | str, **options: Any) -> TaggerSource:
    """The network of one file; see :meth:`~i2v_lib.models.tagger.Illustration2Vec.from_weights`."""
    tagger, name = Illustration2Vec.from_weights(path, **options), Path(path).name
    if "released" not in tagger.about:
        return _described(tagger, f"weights of {name}", name)
    architecture = Architecture.from_metadata(tagger.about)
    if "added" in tagger.about:  # by add_tags: these are no longer the authors'
        meaning = f"{RELEASED} {name} has {tagger.about['added']:,} tags more, learned by add-tags."
        return TaggerSource(tagger, f"weights of {name}", meaning, architecture)
    meaning = RELEASED + (TAGS_OF_RELEASED if tagger.vocabulary else "")
    return TaggerSource(tagger, "released weights", meaning, architecture)


def _described(tagger: Illustration2Vec, name: str, where: str) -> TaggerSource:
    """A tagger of the kit's own training, by what its file says."""
    about = tagger.about.get("trained_with", {})
    meaning = describe_weights(where, about, tagger.image_size, tagger.vocabulary)
    preset = about.get("preset") if about.get("preset") in PRESETS else "paper"
    return TaggerSource(tagger, name, meaning, Architecture.from_metadata(tagger.about), preset)


def _instead(missing: Sequence[str]) -> str:
    lies = "lies" if len(missing) == 1 else "lie"
    return f"The authors' weights are taken instead once {_and(missing)} {lies} in released/, in the kit's home."


def _and(names: Sequence[str]) -> str:
    """Names as a sentence has them: "a, b and c"."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def describe_weights(where: str, about: Mapping[str, Any], image_size: int, vocabulary: Vocabulary | None) -> str:
    """What a trained network of the kit knows, and what not.

    Parameters
    ----------
    where : name of the run or file
    about : what it was trained with, from :func:`~i2v_lib.models.architecture.trained_with`; may be empty
    image_size : pixels, square
    vocabulary : that it was trained on
    """
    blocks = {} if vocabulary is None else vocabulary.blocks
    counts = ", ".join(f"{blocks[c].stop - blocks[c].start} {c}" for c in CATEGORIES if c in blocks)
    known = f"{len(vocabulary):,} tags ({counts})" if vocabulary else "no tags' names"
    size = f"{image_size} × {image_size} pixels"
    if "data" not in about:
        return f"Weights of {where}: {known}, learned at {size}; the file does not say from which pictures."
    if data := about["data"]:
        collected = f"what was collected from {data}" if data in SITES else data
        return f"Weights of {where}: {known}, learned from {collected} at {size}."
    return (
        f"Weights of {where}: {known}, learned from this kit's own drawn pictures at {size}. Its characters and titles "
        "are invented, so on real illustrations expect only what is drawn alike to be found: much of it will be wrong."
    )
