"""The names under which scripts that use the authors' library make a tagger: ``from i2v_lib.models import i2v``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from i2v_lib.models.tagger import Illustration2Vec

__all__ = ["Illustration2Vec", "make_i2v_with_caffe", "make_i2v_with_chainer"]


def make_i2v_with_chainer(
    param_path: Path | str, tag_path: Path | str | None = None, threshold_path: Path | str | None = None, **options: Any
) -> Illustration2Vec:
    """The authors' tag model, if there is a list of tags, else their feature model; neither Chainer nor Caffe is used.

    Parameters
    ----------
    param_path : ``illust2vec_tag_ver200.caffemodel``, or ``illust2vec_ver200.caffemodel``
    tag_path : ``tag_list.json``, for the first
    threshold_path : npz file with a threshold for each tag
    options : see :meth:`Illustration2Vec.from_released`
    """
    if tag_path is None:
        return Illustration2Vec.from_released(feature_model=param_path, **options)
    return Illustration2Vec.from_released(tag_model=param_path, tag_list=tag_path, thresholds=threshold_path, **options)


def make_i2v_with_caffe(
    net_path: Path | str,
    param_path: Path | str,
    tag_path: Path | str | None = None,
    threshold_path: Path | str | None = None,
    **options: Any,
) -> Illustration2Vec:
    """As :func:`make_i2v_with_chainer`; ``net_path`` is not needed and not read."""
    return make_i2v_with_chainer(param_path, tag_path, threshold_path, **options)
