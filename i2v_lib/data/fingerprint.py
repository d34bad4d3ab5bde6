"""Fingerprints of code: what a program does, whatever its layout and comments."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]  # the folder that the package lies in


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
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for path in paths:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, documented) and ast.get_docstring(node) is not None:
                node.body = node.body[1:]
        digest.update(ast.dump(tree).encode())
    return digest.hexdigest()[:16]


def import_closure(*modules: str, apart_from: Iterable[str] = (), root: Path = ROOT) -> list[Path]:
    """Files of some modules and of all that they import, directly or not, inside their own package.

    Imports inside functions count; those for type checkers only do not. A package's ``__init__`` counts only where a
    name is taken from it: it runs in any case, but one that hands on names to others decides nothing here.

    Parameters
    ----------
    modules : such as "i2v_lib.models.training"
    apart_from : modules and packages that are neither taken nor followed
    root : the folder that the package lies in

    Returns
    -------
    Python files, each once, sorted by path

    Raises
    ------
    ModuleNotFoundError
        If one of ``modules`` has no file.
    """
    apart, found, waiting = set(apart_from), set(), list(modules)
    for module in waiting:
        if _file(root, module) is None:
            raise ModuleNotFoundError(f"module {module!r} has no file below {root}; name it with its package")
    while waiting:
        module = waiting.pop()
        path = _file(root, module)
        if path in found or path is None or apart.intersection(_with_parents(module)):
            continue
        found.add(path)
        waiting += _imported(path, root)
    return sorted(found)


def _imported(path: Path, root: Path) -> Iterator[str]:
    """Modules that a file imports, those of other libraries included."""
    folder = path.parent.relative_to(root).parts
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    for node in waiting:
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = folder[: len(folder) - node.level + 1] if node.level else ()
            package = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                module = f"{package}.{alias.name}"
                yield module if _file(root, module) else package


def _file(root: Path, module: str) -> Path | None:
    """File of a module or of a package's ``__init__``; None for a module of another library."""
    place = root.joinpath(*module.split("."))
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)


def _with_parents(module: str) -> Iterator[str]:
    """A module's own name, then those of the packages that it lies in."""
    while module:
        yield module
        module = module.rpartition(".")[0]
