"""Rules of the house that a machine can check: no circles of folders, few names, short functions."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("attrgen", "vr")
MOST_NAMES = {"attrgen": 9, "vr": 17}
LONGEST_FUNCTION = 50
LONGEST_FILE = 350
# Functions that may be longer, each with the reason why it is not split.
LONGER: dict[str, str] = {}


def modules() -> dict[str, Path]:
    """Every module by its dotted name; a package by the name of its folder."""
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in paths}
    return {name.removesuffix(".__init__"): path for name, path in names.items()}


MODULES = modules()


def folder_of(module: str) -> str:
    """The folder in which a module's file lies."""
    return ".".join(MODULES[module].relative_to(ROOT).parts[:-1])


def imports(module: str) -> Iterator[str]:
    """Modules of this project that a module imports, lazily imported ones too."""
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else node.module for name in names]
        else:
            continue
        yield from (name for name in names if name in MODULES)


def graph(depth: int | None = None) -> dict[str, dict[str, list[str]]]:
    """Folder to folder, with the imports that make the edge; `depth` joins folders below that level."""

    def shortened(folder: str) -> str:
        return ".".join(folder.split(".")[:depth])

    edges: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for module in MODULES:
        for other in imports(module):
            one, two = shortened(folder_of(module)), shortened(folder_of(other))
            if one != two:
                edges[one][two].append(f"{module} imports {other}")
    return edges


def circle(edges: dict[str, dict[str, list[str]]]) -> list[str]:
    """The imports of one circle of folders, or nothing."""
    done: set[str] = set()

    def visit(folder: str, path: list[str]) -> list[str]:
        if folder in path:
            around = [*path[path.index(folder) :], folder]
            return [edges[one][two][0] for one, two in pairwise(around)]
        if folder in done:
            return []
        for other in edges.get(folder, {}):
            if closed := visit(other, [*path, folder]):
                return closed
        done.add(folder)
        return []

    for folder in list(edges):
        if closed := visit(folder, []):
            return closed
    return []


def test_no_two_folders_import_each_other() -> None:
    assert not circle(graph())


def test_nor_do_the_folders_of_the_first_level() -> None:
    edges = graph(depth=2)
    # `vr` and `attrgen` themselves hold what a user imports: the API, and the entry point.
    for package in PACKAGES:
        edges.pop(package, None)
    assert not circle(edges)


def test_a_circle_is_seen() -> None:
    edges = {
        "a": {"b": ["a.x imports b.y"]},
        "b": {"c": ["b.y imports c.z"]},
        "c": {"a": ["c.z imports a.x"]},
    }
    assert len(circle(edges)) == 3
    assert not circle({"a": {"b": ["a.x imports b.y"]}, "b": {"c": ["b.y imports c.z"]}})


def test_vr_knows_of_attrgen_only_the_contracts_and_the_core() -> None:
    reached = {
        other: uses
        for folder, others in graph().items()
        if folder.split(".")[0] == "vr"
        for other, uses in others.items()
        if other.split(".")[0] == "attrgen" and other not in ("attrgen.core", "attrgen.schema")
        if (folder, other) != ("vr.cli", "attrgen")  # what `import attrgen` offers
    }
    assert not reached


def test_attrgen_knows_nothing_of_vr() -> None:
    assert not [
        uses
        for folder, others in graph().items()
        if folder.split(".")[0] == "attrgen"
        for other, uses in others.items()
        if other.split(".")[0] == "vr"
    ]


def test_nothing_imports_a_command_line() -> None:
    reached = [
        use
        for folder, others in graph().items()
        for other, uses in others.items()
        if other in ("attrgen.cli", "vr.cli") and not folder.endswith(".cli")
        for use in uses
        if not use.startswith("vr.__main__ ")
    ]
    assert not reached


def test_few_names_at_the_first_level() -> None:
    for package, most in MOST_NAMES.items():
        names = sorted(path.name for path in (ROOT / package).iterdir() if path.name != "__pycache__")
        assert len(names) <= most, names


def functions() -> Iterator[tuple[str, int]]:
    """Every function by name, and its number of lines."""
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                assert node.end_lineno is not None
                yield f"{module}.{node.name}", node.end_lineno - node.lineno + 1


def test_functions_have_one_purpose() -> None:
    long = {name: lines for name, lines in functions() if lines > LONGEST_FUNCTION}
    assert not {name: lines for name, lines in long.items() if name not in LONGER}
    assert not [name for name in LONGER if name not in long], "no longer long: take it off the list"


def test_files_hold_one_concept() -> None:
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    assert not {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE}
