"""`attrgen edit`: a class in the user's editor, checked when it is saved; what was typed is never lost.

The form is a draft beside the set. It is removed when its texts are in the set, and kept in every other case:
a mistake, a problem that `attrgen check` reports, a set that was changed meanwhile, an editor that failed.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from attrgen.core.decoding import cached
from attrgen.core.errors import UserError
from attrgen.core.files import read_text, write_text
from attrgen.core.locks import locked_file
from attrgen.core.shell import command
from attrgen.curation import edit_form
from attrgen.curation.diff import difference, summary
from attrgen.curation.three_way import merged_class
from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import KINDS, OTHER, AttributeSet, ClassAttributes
from attrgen.schema.card import Card, fold
from attrgen.schema.spelling import card_of, class_name, find_class, key_of

EDITORS = ("VISUAL", "EDITOR")
AGAIN, SAVE, QUIT = "edit", "save", "quit"

if TYPE_CHECKING:
    from attrgen.checks.rule import Finding

Ask = Callable[[str, Sequence[str]], str]  # a question and its possible answers; gives one of these


@dataclass(frozen=True)
class Job:
    """One class of a file. `attributes` is the set as it is, None where there is no file yet.

    `dataset` names the card on the command line, where it was given.
    """

    path: Path
    card: Card | None
    attributes: AttributeSet | None
    name: str
    dataset: str | None = None

    @property
    def before(self) -> ClassAttributes:
        """The class as it is in the file; empty where the file does not have it."""
        return _class_in(self.attributes, self.name)

    @property
    def confusable(self) -> dict[str, str]:
        """For every folded spelling of a class that it can be mistaken for, its key in the file."""
        keys = {class_name(key, self.card): key for key in self.before.confusion or {}}
        known: dict[str, Iterable[str]] = {key: {fold(key)} for key in (*keys, OTHER)}
        if self.card is not None:
            known |= {entry.name: entry.spellings() for entry in self.card.classes}
        elif self.attributes is not None:
            known |= {name: {fold(name)} for name in self.attributes.classes}
        this_class = class_name(self.name, self.card)
        return {
            spelling: keys.get(name, name)
            for name, spellings in known.items()
            if name != this_class
            for spelling in {*spellings, fold(keys.get(name, name))}
        }

    @property
    def draft(self) -> Path:
        """The file with the form while the class is edited."""
        name = quote(self.name.replace(" ", "_"), safe="")
        return self.path.with_name(f"{self.path.stem}.{name}.draft.txt")

    def saved(self, value: ClassAttributes) -> AttributeSet:
        """The set with the class replaced, or added at the end."""
        if self.attributes is None:
            assert self.card is not None
            provenance = {"source": "hand"}
            return AttributeSet(dataset=self.card.name, classes={self.name: value}, provenance=provenance)
        classes = {**self.attributes.classes, self.name: value}
        return self.attributes.model_copy(update={"classes": classes})


def job_of(path: Path, card: Card | None, spelling: str, dataset: str | None = None) -> Job:
    """The job to edit a class. A class that only the card has starts empty, and so does the file.

    Without a card, the shipped card of the set's dataset is used if there is one.

    Raises:
        UserError: the file is not valid, or there is no such class.
    """
    attributes = attribute_set.load(path) if path.exists() else None
    if attributes is None and card is None:
        raise UserError(
            "there is no such attribute set",
            code="edit-no-set",
            file=path,
            remedy="Name a card with --dataset.",
        )
    if attributes is not None and card is None:
        card = card_of(attributes)
    if attributes is None or (card is not None and key_of(attributes, spelling, card) is None):
        assert card is not None
        return Job(path, card, attributes, card.class_of(spelling).name, dataset)
    return Job(path, card, attributes, find_class(attributes, spelling, card), dataset)


def edit(job: Job, ask: Ask, say: Callable[[str], None]) -> None:
    """Open the class in the editor until it is valid or `ask` says otherwise, and save it.

    A draft of an earlier edit is continued.

    Raises:
        UserError: nothing was saved: there is no editor or it failed, the form has mistakes, or the set was
            changed meanwhile. The draft is kept, and the message names its file.
    """
    editor_command = editor()
    form = edit_form.dumps(job.before, f"{job.name}, in {job.path}", job.confusable)
    if job.draft.exists():
        say(f"Continuing the draft {job.draft}; delete it to start from the set as it is.")
    else:
        write_text(job.draft, form)
    while True:
        _open(editor_command, job, form)
        try:
            value = _filled(job, form)
        except UserError as error:
            say(f"error: {error}")
            if ask("The form has mistakes.", (AGAIN, QUIT)) == QUIT:
                raise _kept("nothing was saved", job) from error
            continue
        if value == job.before:
            job.draft.unlink()
            say("Nothing was changed.")
            return
        attributes = job.saved(value)
        problems = _problems(job, attributes)
        for finding in problems:
            say(f"{finding.level}: {finding.slot}: '{finding.text}' {finding.message} ({finding.rule})")
        has_errors = any(finding.level == "error" for finding in problems)
        answer = ask("Your texts have errors.", (AGAIN, SAVE, QUIT)) if has_errors else SAVE
        if answer == QUIT:
            raise _kept("nothing was saved", job)
        if answer == SAVE:
            _save(job, value)
            old = job.attributes or attributes.model_copy(update={"classes": {}})
            say(f"{job.path}: {summary(difference(old, attributes, job.card))} id {attributes.id[:12]}.")
            return


def editor() -> list[str]:
    """The user's editor as a command: `$VISUAL`, else `$EDITOR`, else vi.

    Raises:
        UserError: there is none.
    """
    named = next((os.environ[name] for name in EDITORS if os.environ.get(name, "").strip()), "vi")
    try:
        words = shlex.split(named)
    except ValueError as error:
        raise UserError(
            f"EDITOR cannot be read: {error}",
            code="edit-editor-quotes",
            remedy="Correct its quotation marks.",
        ) from error
    if shutil.which(words[0]) is None:
        raise UserError(
            f"there is no editor '{words[0]}'",
            code="edit-no-editor",
            remedy="Set EDITOR to the command of your editor.",
        )
    return words


def _problems(job: Job, attributes: AttributeSet) -> list[Finding]:
    """The errors and warnings that the checks report in texts of the class that are new."""
    from attrgen.checks import check_set

    old = {entry for kind in KINDS for entry in job.before.texts(kind)}
    return [
        finding
        for finding in check_set(attributes, job.card)
        if finding.level != "note" and finding.class_name == job.name and finding.text not in old
    ]


def _open(editor_command: list[str], job: Job, form: str) -> None:
    draft = job.draft
    try:
        status = subprocess.run([*editor_command, str(draft)]).returncode
    except OSError as error:
        raise _kept(
            f"the editor cannot be started: {error.strerror or error}", job, code="edit-editor-failed"
        ) from error
    if status != 0:
        what = f"the editor ended with status {status}, so nothing was saved"
        if cached(lambda: read_text(draft, what="draft")) == form:
            draft.unlink()
            raise UserError(what, code="edit-editor-failed")
        raise _kept(what, job, code="edit-editor-failed")


def _filled(job: Job, form: str) -> ClassAttributes:
    text = read_text(job.draft, what="draft")
    return job.before if text == form else edit_form.parse(text, job.before, job.confusable, job.draft)


def _save(job: Job, value: ClassAttributes) -> None:
    """Save the class in the set as it is now: another command may have written it meanwhile."""
    with locked_file(job.path):
        now = attribute_set.load(job.path) if job.path.exists() else None
        merged = merged_class(job.before, value, _class_in(now, job.name))
        if merged is None or (now is None and job.attributes is not None):
            raise _kept(
                f"'{job.name}' was changed in {job.path} meanwhile, so nothing was saved",
                job,
                code="edit-changed-meanwhile",
            )
        saved = replace(job, attributes=now).saved(merged)
        attribute_set.save(saved, job.path)
    job.draft.unlink(missing_ok=True)


def _class_in(attributes: AttributeSet | None, name: str) -> ClassAttributes:
    return ClassAttributes() if attributes is None else attributes.classes.get(name, ClassAttributes())


def _kept(what: str, job: Job, *, code: str = "edit-not-saved") -> UserError:
    card = () if job.dataset is None else ("--dataset", job.dataset)
    again = command("attrgen", "edit", job.name, "--attrs", job.path, *card)
    return UserError(
        what,
        code=code,
        remedy=f"Your draft is kept: {job.draft}. {again} continues it.",
    )
