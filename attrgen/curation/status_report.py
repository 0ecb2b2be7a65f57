"""The states of a set's texts, as JSON and for a person."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrgen.core import tables
from attrgen.curation.status import CHANGED, UNCHANGED, State, counts
from attrgen.schema.attribute_set import AttributeSet

_UNKNOWN = "(its original is in no cache here)"


def as_json(attributes: AttributeSet, texts: Sequence[State]) -> str:
    """The set's id, the counts, and one object per text; keys without a value are left out."""
    rows = []
    for item in texts:
        row = {**item.slot._asdict(), "position": item.position, "line": item.line, "state": item.state}
        row |= {"text": item.text, "original": item.original}
        row["moved_from"] = None if item.moved_from is None else str(item.moved_from)
        rows.append({key: value for key, value in row.items() if value is not None})
    document = {"dataset": attributes.dataset, "id": attributes.id, "counts": counts(texts), "texts": rows}
    return json.dumps(document, indent=2, ensure_ascii=False)


def show(attributes: AttributeSet, texts: Sequence[State]) -> None:
    """Print the number of texts in each state, one row per list, then every text that was changed."""
    total = counts(texts)
    columns = [name for name in (*UNCHANGED.values(), *CHANGED) if total[name]]
    table = tables.table("list", numbers=tuple(columns))
    for slot in dict.fromkeys(item.slot for item in texts):
        in_list = counts(item for item in texts if item.slot == slot)
        tables.add_row(table, slot, *(in_list[name] or "" for name in columns))
    table.add_section()
    tables.add_row(table, "all", *(total[name] for name in columns))
    tables.show(table)
    if any(total[name] for name in UNCHANGED.values()):
        print(*details(texts), sep="\n", end="\n" if any(total[name] for name in CHANGED) else "")
    print(f"{attributes.dataset}, id {attributes.id[:12]}: {_summary(total)}")


def details(texts: Iterable[State]) -> Iterator[str]:
    """One or two lines for every text that was changed."""
    for item in texts:
        location = str(item.slot) if item.line is None else f"line {item.line}, {item.slot}"
        if item.state == "edited":
            yield f"edited   {location}: {item.text}"
            yield f"         was: {item.original or _UNKNOWN}"
        elif item.state == "moved":
            yield f"moved    {location}, from {item.moved_from}: {item.text}"
        elif item.state == "added":
            yield f"added    {location}: {item.text}"
        elif item.state == "removed":
            yield f"removed  {location}: {item.original or _UNKNOWN}"


def _summary(total: Mapping[str, int]) -> str:
    if not any(total.get(name) for name in UNCHANGED.values()) and not total.get("removed"):
        return "its provenance names no origin of a text, so all count as added by hand."
    changed = [f"{total[name]} {name}" for name in CHANGED if total.get(name)]
    return f"{', '.join(changed)}." if changed else "every text is as it came."
