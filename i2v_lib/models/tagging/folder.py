"""Tags for a folder of illustrations, written beside them in forms that ``import-folder`` reads back."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from i2v_lib.data.folder import list_pictures
from i2v_lib.data.images import BadImageError
from i2v_lib.models.checkpoints import weights_digest
from i2v_lib.models.tagger import Illustration2Vec
from i2v_lib.models.tagging.tag_files import Sidecars, Table
from i2v_lib.system.progress import progress_bar

FORMATS = ("txt", "json", "csv")


@dataclass
class Tagged:
    """What became of a folder's pictures.

    Attributes
    ----------
    written : number of pictures tagged now
    kept : number of pictures that an earlier run had done, or that had a sidecar from elsewhere
    skipped : (path within the folder, reason) of each file that cannot be used as a picture
    """

    written: int = 0
    kept: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)


def tag_folder(
    tagger: Illustration2Vec,
    folder: Path | str,
    format: str = "txt",
    *,
    threshold: float = 0.25,
    rule: str = "constant",
    force: bool = False,
    batch_size: int | None = None,
    progress: bool = True,
) -> Tagged:
    """Write the plausible tags of every picture anywhere below a folder, and its most likely rating.

    A file that is there is kept, no matter who wrote it; so an interrupted run goes on when it is called again. The
    authors' vocabulary holds sexual terms, which are written like all others.

    Parameters
    ----------
    tagger : with a tag network
    folder : every visible file in it is taken for a picture, but for ``.txt``, ``.json`` and ``.csv``
    format : "txt": ``name.txt`` beside ``name.png``, tags separated by commas; "json": ``name.json``, with
        probabilities too; "csv": one ``tags.csv`` in the folder, written when all is done
    threshold, rule : see :meth:`~i2v_lib.models.tagger.Illustration2Vec.estimate_plausible_tags`
    force : write over files that are there
    batch_size : pictures at a time; the tagger's when left out
    progress : show a progress bar

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no file in it that could be a picture.
    FileExistsError
        If ``tags.csv`` exists and ``force`` is not set.
    ValueError
        If a setting is wrong, or those of an interrupted run were others.
    """
    root = Path(folder).resolve()
    if format not in FORMATS:
        raise ValueError(f"format={format!r} is unknown; use one of {', '.join(FORMATS)}")
    if not root.is_dir():
        raise FileNotFoundError(f"folder={str(folder)!r} is not a folder; give one that holds illustrations")
    pictures = list_pictures(root)
    if not pictures:
        raise FileNotFoundError(f"folder={str(folder)!r} holds no pictures; give one that does, at any depth")
    estimate = partial(tagger.iterate, threshold=threshold, threshold_rule=rule, errors="return", batch_size=batch_size)
    estimate([])  # refuses wrong settings before anything is written
    out: Table | Sidecars
    if format == "csv":
        used = None if rule == "constant" else tagger.thresholds
        settings = {
            "threshold": threshold,
            "rule": rule,
            "thresholds": None if used is None else hashlib.sha256(used.tobytes()).hexdigest(),
            "weights": weights_digest(tagger.network),
            "vocabulary": tagger.tag_names.fingerprint,
        }
        out = Table(root, pictures, settings, force)
    else:
        out = Sidecars(pictures, format, force)
    todo = [name for name in pictures if not out.has(name)]
    found = estimate(pictures[name] for name in todo)
    result = Tagged(kept=len(pictures) - len(todo))
    with progress_bar("tagging" if progress else None, len(pictures), done=result.kept) as bar:
        for name, tags in zip(todo, found, strict=True):
            if isinstance(tags, BadImageError):
                result.skipped.append((name, tags.reason))
            else:
                out.write(name, tags)
                result.written += 1
            bar.update()
    out.finish()
    return result
