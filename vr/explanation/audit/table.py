"""An audit on the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from attrgen.core import tables
from attrgen.schema.attribute_set import Entry
from vr.explanation.audit.assemble import Audit
from vr.explanation.audit.judge import Judgement

LEGEND = (
    "AUROC: the chance that a text fires more for an image of the class that it describes than for one of "
    "the others (a confusion attribute: than for one of the class that it stands under). A text works where "
    "the whole interval is above 0.5 and no other class surely has more. First of the worst are texts that "
    "read like another class: by their words, the model's embedding and the images, each believed as far as "
    "it foretells the classes of this set."
)


def show(found: Audit, *, top: int, twins_from: float) -> None:
    """Print counts by class and kind, the worst `top` texts, and the `top` nearest twins."""
    works = sum(each.works for each in found.judged)
    print(
        f"{found.file}: {works} of {len(found.judged)} texts are surely better than chance on "
        f"{len(found.sample.train)} training images ({found.sample.shots} a class, seed {found.sample.seed})"
    )
    if found.unjudged:
        print(f"{found.unjudged} texts mimic 'other', which no training image shows: not judged")
    print(LEGEND)
    table = tables.table("class", "kind", numbers=("texts", "work", "mean AUROC"))
    for (class_name, kind), own in _groups(found):
        mean = sum(each.area for each in own) / len(own)
        tables.add_row(table, class_name, kind, len(own), sum(each.works for each in own), f"{mean:.2f}")
    tables.show(table)
    worst = found.worst(top)
    if worst:
        table = tables.table("the worst", "of", "suggestion", numbers=("AUROC", "95%", "fires for"))
        for each in worst:
            tables.add_row(
                table,
                each.entry.text,
                place(each.entry),
                each.suggestion,
                f"{each.area:.2f}",
                f"{each.low:.2f} to {each.high:.2f}",
                f"{each.fires_for} {each.fires_area:.2f}",
            )
        tables.show(table)
    if found.twins:
        print(f"{len(found.twins)} pairs have a cosine of at least {twins_from:g}")
        table = tables.table("one", "of", "other", "of", "suggestion", numbers=("cosine",))
        for pair in found.twins[:top]:
            cells = (pair.first.text, place(pair.first), pair.second.text, place(pair.second))
            tables.add_row(table, *cells, pair.suggestion, f"{pair.cosine:.3f}")
        tables.show(table)


def place(entry: Entry) -> str:
    """Where a text stands, in words."""
    kind = entry.kind if entry.confused is None else f"{entry.kind} as {entry.confused}"
    return f"{entry.class_name}, {kind}"


def _groups(found: Audit) -> Iterator[tuple[tuple[str, str], list[Judgement]]]:
    for class_name in found.card.class_names:
        own = [each for each in found.judged if each.entry.class_name == class_name]
        for kind in dict.fromkeys(each.entry.kind for each in sorted(own, key=lambda e: e.entry.kind)):
            yield (class_name, kind), [each for each in own if each.entry.kind == kind]
