"""What `attrgen check` finds in published attribute files after import, by set and rule.

    python tests/benchmarks/published_defects.py [FOLDER]

FOLDER holds `*_des.json`, `*_dist.json`, `*_confuse.json` and the like; where it is absent this says so and
ends. A cell is a number of texts. Texts that an import leaves out, because they are blank or twice in a list,
stand in a column of their own. The shipped library follows for comparison.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

from attrgen.checks import all_rules, check_set
from attrgen.curation.formats.importing import import_files, kind_of
from attrgen.schema import attribute_set, card
from attrgen.schema.attribute_set import AttributeSet

ROOT = Path(__file__).parents[2]
FOLDER = ROOT.parent / "shared" / "published" / "attributes"


class Row(NamedTuple):
    """One set: its texts, those that an import leaves out, those with an error, and those of each rule."""

    name: str
    texts: int
    left_out: int
    wrong: int
    by_rule: dict[str, int]


def row(name: str, attributes: AttributeSet, left_out: int = 0) -> Row:
    """Check a set against the shipped card of its dataset, if any."""
    path = card.shipped_cards().get(attributes.dataset)
    actual = check_set(attributes, None if path is None else card.load(path))
    wrong = {(f.slot, f.position) for f in actual if f.level == "error"}
    by_rule = {rule: len({(f.slot, f.position) for f in actual if f.rule == rule}) for rule in all_rules()}
    return Row(name, sum(1 for _ in attributes.entries()), left_out, len(wrong), by_rule)


def published(folder: Path) -> list[Row]:
    """A row for each set in the folder; a set's files differ in the end of their names only."""
    sets: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.json")):
        sets.setdefault(path.stem if kind_of(path) is None else path.stem.rpartition("_")[0], []).append(path)
    cards = card.shipped_cards()
    rows = []
    for name, paths in sets.items():
        imported = import_files(paths, card.load(cards[name]) if name in cards else None).attributes
        (run,) = imported.provenance["runs"]
        lists = [kept for file in run["files"] for kept in file.get("classes", {}).values()]
        rows.append(row(name, imported, sum(len(kept.get("left_out", ())) for kept in lists)))
    return rows


def library() -> list[Row]:
    """A row for the whole shipped library."""
    paths = sorted((ROOT / "data" / "attributes").glob("*.json"))
    rows = [row(path.stem, attribute_set.load(path)) for path in paths]
    by_rule = {rule: sum(each.by_rule[rule] for each in rows) for rule in all_rules()}
    texts, wrong = sum(each.texts for each in rows), sum(each.wrong for each in rows)
    return [Row(f"the library ({len(rows)} sets)", texts, 0, wrong, by_rule)]


def table(rows: list[Row]) -> str:
    """Rules down, sets across."""
    lines = [["", *(each.name for each in rows)]]
    lines.append(["texts", *(str(each.texts) for each in rows)])
    lines.append(["left out on import", *(str(each.left_out) for each in rows)])
    for rule in all_rules().values():
        if any(each.by_rule[rule.id] for each in rows):
            cells = [str(each.by_rule[rule.id]) for each in rows]
            lines.append([f"{rule.id} ({rule.level})", *cells])
    lines.append(["texts with an error", *(f"{each.wrong / each.texts:.0%}" for each in rows)])
    widths = [max(len(line[column]) for line in lines) for column in range(len(rows) + 1)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width) for place, (cell, width) in enumerate(cells)
        )
        for cells in (list(zip(line, widths, strict=True)) for line in lines)
    )


def main() -> None:
    """Check and print."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    if not folder.is_dir():
        print(f"skipped: there are no published attribute files in {folder.name}/")
        return
    print(table([*published(folder), *library()]))


if __name__ == "__main__":
    main()
