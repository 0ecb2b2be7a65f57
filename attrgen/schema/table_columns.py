"""Columns of a table of images: which titles mean the image, its label, its split and its group."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from attrgen.core.decoding import cached
from attrgen.core.names import fold

# The titles by meaning, without spaces; where a table has several of one meaning, the first counts.
TITLES: dict[str, tuple[str, ...]] = {
    "path": (
        *("path", "filepath", "imagepath", "imgpath", "filename", "file", "imagefile", "imagefilename"),
        *("imagename", "image", "img", "imageid", "imgid", "imageindex", "idcode"),
    ),
    "label": (
        *("label", "labels", "class", "classname", "classlabel", "dx", "diagnosis", "target", "category"),
        *("finding", "findings", "findinglabels", "grade", "level", "y"),
    ),
    "split": ("split", "subset", "partition", "phase"),
    "group": (
        *("group", "groupid", "patient", "patientid", "subject", "subjectid", "participantid"),
        *(
            "patientno",
            "patientnr",
            "patientnumber",
            "patientcode",
            "patientkey",
            "patientname",
            "patientuid",
        ),
        *("participant", "subjectno", "subjectnumber", "subjectcode", "ptid", "pid", "mrn", "case", "caseid"),
        *("medicalrecordnumber", "lesion", "lesionid"),
    ),
}
DELIMITERS = ",;\t"
EXACT = ("path", "label")


@dataclass(frozen=True)
class Columns:
    """Indices of the columns of a table; None where there is no such column."""

    titles: tuple[str, ...]
    path: int | None
    label: int | None
    split: int | None
    group: int | None

    @property
    def is_table_of_images(self) -> bool:
        """Whether there are columns for the image and for its label."""
        return self.path is not None and self.label is not None

    @property
    def is_exact(self) -> bool:
        """Whether the columns are called path and label, so that nothing is guessed."""
        titles = [title.casefold() for title in self.titles]
        return all(title in titles for title in EXACT)

    @property
    def guessed(self) -> str:
        """The columns of images and labels as the table spells them: "'image_id' and 'dx'"."""
        chosen = [self.titles[index] for index in (self.path, self.label) if index is not None]
        return " and ".join(f"'{title}'" for title in chosen)


def columns_of(titles: Iterable[str]) -> Columns:
    """The columns that the titles of a table name."""
    stripped = tuple(title.strip() for title in titles)
    compact = [_compact(title) for title in stripped]

    def index(meaning: str) -> int | None:
        return next((compact.index(title) for title in TITLES[meaning] if title in compact), None)

    return Columns(stripped, index("path"), index("label"), index("split"), index("group"))


def column_index(titles: Sequence[str], title: str) -> int | None:
    """Index of the column of that title, however it is spelled; None if there is none."""
    compact = [_compact(known) for known in titles]
    return compact.index(_compact(title)) if _compact(title) in compact else None


def columns_of_csv(head: bytes) -> Columns:
    """The columns of a CSV file by its first bytes."""
    first_line = head.decode("utf-8-sig", "replace").split("\n", 1)[0].rstrip("\r")
    rows = csv.reader([first_line], delimiter=delimiter_of(first_line))
    return columns_of(cached(lambda: next(rows)) or [])  # a line that is not CSV is no table of images


def delimiter_of(first_line: str) -> str:
    """What separates the columns: comma, semicolon or tab."""
    return max(DELIMITERS, key=first_line.count)


def _compact(title: str) -> str:
    return re.sub(r"[\s.]", "", fold(title))
