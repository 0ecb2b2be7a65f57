"""Images that a run has seen: those of its few-shot sample, and those of their patients."""

from __future__ import annotations

from collections.abc import Sequence

from attrgen.core.errors import UserError
from vr.data.formats.groups import group_key
from vr.data.formats.source import ImageSource, Item
from vr.data.sampling import fewshot
from vr.data.sampling.content import content_ids
from vr.methods.common.base import Method
from vr.runs import run as runs
from vr.runs.run import Run


def seen_images(run: Run, source: ImageSource, items: Sequence[Item], *, renamed: bool) -> set[str]:
    """Paths of the items that trained the run or that a choice was made on, or that share their group.

    The other images of a patient that the model was trained on look more certain than those of a new patient.

    Args:
        renamed: whether images may have other paths than in the sample: then all items are compared by their
            content, else only those whose paths the sample lists. Images that cannot be read count as unseen.
    """
    sample = run.path / runs.FEWSHOT
    if not sample.is_file():
        return set()
    splits = ("train", "val") if _reads_validation(run) else ("train",)
    sampled, listed = fewshot.sampled_ids(sample), fewshot.listed_paths(sample)
    ids = {content_id for split in splits for content_id in sampled[split]}
    paths = {path for split in splits for of_class in listed[split].values() for path in of_class}
    looked_at = [item for item in items if renamed or item.path in paths]
    content = content_ids(source, looked_at, on_error=_ignore)
    seen = [item for item in looked_at if item.path in content and fewshot.among(ids, content[item.path])]
    groups = set(map(group_key, seen))
    return {item.path for item in items if group_key(item) in groups}


def _ignore(item: Item, error: UserError) -> None:
    """Leave an image that cannot be read to whoever reads it next."""


def _reads_validation(run: Run) -> bool:
    kind = type(run.method)
    return run.config.select == "val" or kind.fit is not Method.fit or kind.finish is not Method.finish
