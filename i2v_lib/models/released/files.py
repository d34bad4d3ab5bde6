"""The files the authors released (v2.0): where to get them, and the tags they are about."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from i2v_lib.config import home
from i2v_lib.data.collection import CATEGORIES, RATINGS
from i2v_lib.data.vocabulary import Vocabulary

TAGS = 1539
BOTH = ("tags", "features")  # what their models are for
AUTHORS_CATEGORIES = ("general", "character", "copyright", "rating")  # their order; all but rating are equal in size
MAX_LIST_BYTES = 1 << 20  # the authors' list has some ten thousands
CONVERTED = ".safetensors"  # ending of a model that convert_released wrote
GZIP = b"\x1f\x8b"  # how a packed file begins


FORK = "https://github.com/kivantium/illustration2vec/releases/download/v2.1.0"


@dataclass(frozen=True)
class ReleasedFile:
    """One of the authors' files. Nothing is fetched by itself.

    Attributes
    ----------
    name : of the file
    parameters : number of weights in it, four bytes each; the file is some kilobytes larger than them
    addresses : where to get it: the authors' release, then their older site, which has been down at times
    copies : where others keep it
    """

    name: str
    parameters: int
    addresses: tuple[str, ...]
    copies: tuple[str, ...] = ()


def _released(name: str, parameters: int, ending: str = "", copies: tuple[str, ...] = ()) -> ReleasedFile:
    places = (
        "https://github.com/rezoo/illustration2vec/releases/download/v2.0.0",
        "http://illustration2vec.net/models",
    )
    return ReleasedFile(name, parameters, tuple(f"{place}/{name}{ending}" for place in places), copies)


# MIT-licensed: about 188 MB, 979 MB, and 1,539 strings, packed or not. The addresses are those in two versions of
# the authors' get_models.sh, the copy's that of a fork's; the authors published no digests.
SOURCES = {
    "tags": _released("illust2vec_tag_ver200.caffemodel", 47_001_475),
    "features": _released("illust2vec_ver200.caffemodel", 244_646_787),
    "tag_list": _released("tag_list.json", 0, ".gz", (f"{FORK}/tag_list.json.gz",)),
}


def released_folder() -> Path:
    """Where the authors' files are looked for when nothing else is said: ``released/`` in the kit's home."""
    return home() / "released"


def find_released(folder: Path | str | None = None, *, converted: bool = True) -> dict[str, Path]:
    """The authors' files that lie in a folder.

    Parameters
    ----------
    folder : :func:`released_folder` when left out
    converted : take a model that ``convert_released`` wrote in place of the one it was made from

    Returns
    -------
    dict of Path
        As far as they are there: "tag_model", "feature_model" and "tag_list", which are arguments of
        :meth:`~i2v_lib.models.tagger.Illustration2Vec.from_released` and ``convert_released``. Empty without any.
    """
    place = released_folder() if folder is None else Path(folder)
    tags, features, names = (place / SOURCES[kind].name for kind in ("tags", "features", "tag_list"))
    wanted = {
        "tag_model": (tags.with_suffix(CONVERTED), tags)[not converted :],
        "feature_model": (features.with_suffix(CONVERTED), features)[not converted :],
        "tag_list": (names, names.with_name(names.name + ".gz")),
    }
    found = {name: next((path for path in paths if path.exists()), None) for name, paths in wanted.items()}
    return {name: path for name, path in found.items() if path is not None}


def missing_released(needs: Collection[str] = BOTH, folder: Path | str | None = None) -> list[str]:
    """Names of the authors' files that are needed and are not in a folder.

    Parameters
    ----------
    needs : of "tags" and "features"; tags need ``tag_list.json`` too, unless their model is converted
    folder : ``released/`` in the kit's home when left out
    """
    unknown = set(needs) - set(BOTH)
    if unknown or not needs:
        raise ValueError(f"needs={tuple(needs)}: name one or both of {', '.join(BOTH)}")
    found = find_released(folder)
    missing = [SOURCES[kind].name for kind in BOTH if kind in needs and f"{kind[:-1]}_model" not in found]
    converted = found.get("tag_model", Path()).suffix == CONVERTED
    if "tags" in needs and not converted and "tag_list" not in found:
        missing.append(SOURCES["tag_list"].name)
    return missing


def check_exists(path: Path, kind: str) -> None:
    """Raise FileNotFoundError, which says where to get the file, if there is none.

    Parameters
    ----------
    path : where it was looked for
    kind : "tags", "features" or "tag_list"
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; get it from {' or '.join(SOURCES[kind].addresses)}")


def read_tag_list(path: Path | str) -> list[str]:
    """Read the authors' ``tag_list.json``, packed by gzip or not: 1,539 tags in their order, the ratings last.

    Raises
    ------
    FileNotFoundError
        If there is no such file; the message says where to get it.
    ValueError
        If it is anything else than such a list.
    """
    path = Path(path)
    check_exists(path, "tag_list")
    with path.open("rb") as file:
        content = file.read(MAX_LIST_BYTES + 1)
    if content.startswith(GZIP):
        try:
            content = zlib.decompressobj(wbits=31).decompress(content, MAX_LIST_BYTES + 1)
        except zlib.error as error:
            raise ValueError(f"{path} is damaged ({error}); fetch {SOURCES['tag_list'].name} again") from None
    if len(content) > MAX_LIST_BYTES:
        raise ValueError(f"{path} is larger than {MAX_LIST_BYTES} bytes; it is no {SOURCES['tag_list'].name}")
    try:
        tags = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no JSON ({error}); fetch {SOURCES['tag_list'].name} again") from None
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise ValueError(f"{path} is no list of tags; fetch {SOURCES['tag_list'].name} again")
    last = tuple(tags[-len(RATINGS) :])
    if len(tags) != TAGS or last != RATINGS:
        raise ValueError(
            f"{path} has {len(tags)} tags, the last {', '.join(last)}; "
            f"the released networks have {TAGS}, the last {', '.join(RATINGS)}"
        )
    return tags


def released_vocabulary(tags: list[str]) -> Vocabulary:
    """The vocabulary of the loaded networks, in our order.

    Parameters
    ----------
    tags : in the authors' order, from :func:`read_tag_list`
    """
    sizes = [len(RATINGS) if category == "rating" else _block(len(tags)) for category in CATEGORIES]
    report = {
        category: {"asked": size, "found": None, "survived": size, "rarest": None}
        for category, size in zip(CATEGORIES, sizes, strict=True)
    }
    ours = tuple(tags[row] for row in authors_order(len(tags)))
    return Vocabulary(ours, tuple(np.repeat(CATEGORIES, sizes).tolist()), report)


def authors_order(tags: int = TAGS) -> np.ndarray:
    """Positions of the authors' tags among ours: ``ours[:, authors_order()]`` is in their order.

    Two blocks of equal size are swapped, so it is its own inverse: ``theirs[:, authors_order()]`` is in ours.

    Returns
    -------
    int64 array, shape (tags,)
    """
    rows = np.arange(tags)
    swap_order(rows)
    return rows


def swap_order(rows: np.ndarray) -> None:
    """Bring an array with one row a tag from the authors' order into ours, or back, in place."""
    block = _block(len(rows))
    second = rows[block : 2 * block].copy()
    rows[block : 2 * block] = rows[2 * block : 3 * block]
    rows[2 * block : 3 * block] = second


def _block(tags: int) -> int:
    """Tags of each category but rating."""
    return (tags - len(RATINGS)) // 3
