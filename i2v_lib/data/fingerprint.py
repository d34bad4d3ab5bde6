"""Fingerprints of code: what a program does, whatever its layout and comments."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from pathlib import Path


def code_fingerprint(paths: Iterable[Path]) -> str:
    """Name what some Python files do.

    Reformatting a file or changing a comment or docstring does not change its fingerprint; anything else does.

    Parameters
    ----------
    paths : of Python files, in an order that is always the same

    Returns
    -------
    16 hexadecimal digits
    """
    digest = hashlib.sha256()
    for path in paths:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
                node.body = node.body[1:]
        digest.update(ast.dump(tree).encode())
    return digest.hexdigest()[:16]
