"""An audit on the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from attrgen.core import tables
from attrgen.schema.attribute_set import Entry
from vr.explanation.audit.assessment import Assessment
from vr.explanation.audit.run_audit import Audit
from vr.explanation.controls import table as controls

LEGEND = (
    "AUROC: the probability that a text scores higher on an image of the class that it describes than on one "
    "of the other classes (a confusion attribute: than on one of the class that it is listed under). A text "
    "works if the whole 95% interval is above 0.5 and no other class clearly has a higher AUROC. Texts that "
    "seem to describe another class come first: judged by their words, the model's embedding and the images, "
    "each weighted by how well it predicts the classes of this set."
)


def show(audit: Audit, *, top: int, near_duplicates_from: float) -> None:
    """Print counts by class and kind, the worst `top` texts, and the `top` nearest near-duplicates."""
    _show_counts(audit)
    _show_worst(audit.worst(top))
    _show_near_duplicates(audit, top, near_duplicates_from)
    if audit.controls is not None:
        print("beside control texts, zero-shot by attributes on the training images:")
        controls.show(audit.controls)


def listed_under(entry: Entry) -> str:
    """The class and kind under which a text is listed, in words."""
    kind = entry.kind if entry.confused is None else f"{entry.kind} as {entry.confused}"
    return f"{entry.class_name}, {kind}"


def _show_counts(audit: Audit) -> None:
    works, sample = sum(text.works for text in audit.assessments), audit.sample
    print(
        f"{audit.file}: {works} of {len(audit.assessments)} texts are clearly better than chance on "
        f"{len(sample.train)} training images ({sample.shots} per class, seed {sample.seed})"
    )
    if audit.not_assessed:
        print(f"not assessed: {audit.not_assessed} texts about 'other', which no training image shows")
    print(LEGEND)
    table = tables.table("class", "kind", numbers=("texts", "work", "mean AUROC"))
    for class_name, kind, texts in _groups(audit):
        mean = sum(text.auroc for text in texts) / len(texts)
        tables.add_row(table, class_name, kind, len(texts), sum(text.works for text in texts), f"{mean:.2f}")
    tables.show(table)


def _show_worst(worst: tuple[Assessment, ...]) -> None:
    if not worst:
        return
    table = tables.table("worst texts", "listed under", "suggestion", numbers=("AUROC", "95%", "best for"))
    for text in worst:
        tables.add_row(
            table,
            text.entry.text,
            listed_under(text.entry),
            text.suggestion,
            f"{text.auroc:.2f}",
            f"{text.low:.2f} to {text.high:.2f}",
            f"{text.best_class} {text.best_auroc:.2f}",
        )
    tables.show(table)


def _show_near_duplicates(audit: Audit, top: int, threshold: float) -> None:
    pairs = audit.near_duplicates
    if not pairs:
        return
    count = "1 pair has" if len(pairs) == 1 else f"{len(pairs)} pairs have"
    print(f"near-duplicates: {count} a cosine of at least {threshold:g}")
    columns = ("text", "listed under", "other text", "listed under", "suggestion")
    table = tables.table(*columns, numbers=("cosine",))
    for pair in pairs[:top]:
        first = pair.first.text, listed_under(pair.first)
        second = pair.second.text, listed_under(pair.second)
        tables.add_row(table, *first, *second, pair.suggestion, f"{pair.cosine:.3f}")
    tables.show(table)


def _groups(audit: Audit) -> Iterator[tuple[str, str, list[Assessment]]]:
    """Class, kind and the assessments of its texts, classes in card order, kinds by name."""
    for class_name in audit.card.class_names:
        texts = [text for text in audit.assessments if text.entry.class_name == class_name]
        for kind in sorted({text.entry.kind for text in texts}):
            yield class_name, kind, [text for text in texts if text.entry.kind == kind]
