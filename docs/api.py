"""Write the pages of the API, made from the docstrings, into build/docs; a warning is an error.

python docs/api.py [--out FOLDER] [MODULE ...]
"""

from __future__ import annotations

import argparse
import ast
import inspect
import pkgutil
import re
import typing
import warnings
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import jinja2
import pdoc
from pdoc import render, render_helpers

import i2v_lib

OUT = Path(__file__).resolve().parents[1] / "build" / "docs"


def all_modules() -> list[str]:
    """Each module by name: pdoc itself takes ``__all__`` for the list of a package's modules."""
    names = [module.name for module in pkgutil.walk_packages(i2v_lib.__path__, "i2v_lib.")]
    return ["i2v_lib", *(name for name in names if not name.endswith("__main__"))]


def resolve_fields(module: ModuleType) -> None:
    """Look up the types of a module's named tuples, which Python itself keeps without saying where they are from."""
    for value in vars(module).values():
        if getattr(value, "_fields", None) and value.__module__ == module.__name__:
            value.__new__.__annotations__ = typing.get_type_hints(value, vars(module) | typing_names(module))


def typing_names(module: ModuleType) -> dict[str, Any]:
    """What a module imports for its type hints alone."""
    names: dict[str, Any] = {}
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            exec(compile(ast.Module(node.body, []), module.__name__, "exec"), names)  # imports, as a checker would
    return names


def sections(text: str) -> str:
    """Sections of numpydoc as Markdown: an item is a name, what it is, and indented lines more about it.

    pdoc's own reading takes the last colon of a line for the one after the name.
    """
    out: list[str] = []
    lines, inside = text.splitlines(), False
    for number, line in enumerate(lines):
        if set(line) == {"-"} and len(line) > 2 and number:
            out[-1:] = [f"###### {lines[number - 1]}", ""]
            inside = True
        elif inside and line and not lines[number - 1].strip() and re.match("Source|[^:]*[.]$", line):
            inside = False
            out += ["", line]
        elif inside and line and not line.startswith(" "):
            name, colon, what = line.partition(" : ")
            out.append(f"- **{name.strip()}**{': ' * bool(colon)}{what}")
        elif inside and line:
            out.append(f"  {line.strip()}")
        else:
            out.append(line)
    return "\n".join(out)


@jinja2.pass_context
def to_markdown(context: jinja2.runtime.Context, docstring: str) -> str:
    """A docstring as Markdown; pdoc knows all of Sphinx's roles but not their ``~``, which shortens what is shown."""
    return render_helpers.to_markdown_with_context(context, sections(docstring).replace("`~", "`"))


def main(out: Path, modules: list[str]) -> None:
    """Write one page per module, an index and a search."""
    render.configure(docformat="restructuredtext", footer_text="Illustration2Vec, a reproduction kit", search=True)
    render.env.filters["to_markdown"] = to_markdown
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.filterwarnings("ignore", "The module specification .* adds")  # a package brings those below it
        for module in modules:
            resolve_fields(import_module(module))
        pdoc.pdoc(*modules, output_directory=out)
    print(out / "index.html")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", help="(default: all of the package)")
    parser.add_argument("--out", type=Path, default=OUT, help="folder to write (default build/docs)")
    options = parser.parse_args()
    main(options.out, options.modules or all_modules())
