"""What `import attrgen` offers: attribute sets read, written, checked, built and compared.

Each function does what the command of its name does, without printing. A card is given as `--dataset` is: as
the name of a shipped card, the path of a card, an image folder, or a `Card`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from attrgen.checks import check_set
from attrgen.checks.cached_findings import check_once
from attrgen.checks.file import check_file
from attrgen.checks.rule import Finding
from attrgen.core.arguments import checked
from attrgen.core.errors import UserError
from attrgen.core.files import expanded
from attrgen.curation.diff import Change, difference
from attrgen.generation.build import Builder
from attrgen.generation.report import raise_for, require_dataset
from attrgen.generation.runner import Progress
from attrgen.generation.settings import BuildSettings
from attrgen.llm import prompts
from attrgen.llm.cache import Cache
from attrgen.llm.capabilities import Memory
from attrgen.llm.client import Client, Server
from attrgen.llm.defaults import CACHE_VARIABLE, DEFAULT_CACHE, DEFAULT_MODEL
from attrgen.llm.spending import Ledger
from attrgen.schema import attribute_set, spelling
from attrgen.schema import card as cards
from attrgen.schema.attribute_set import AttributeSet
from attrgen.schema.card import Card
from attrgen.schema.confusers import Limit
from attrgen.schema.plan import DEFAULT_COUNTS, DEFAULT_KINDS

__all__ = [
    "AttributeSet",
    "Card",
    "Change",
    "Finding",
    "UserError",
    "build",
    "check",
    "diff",
    "load",
    "save",
]

T = TypeVar("T")


@checked
def load(path: str | Path) -> AttributeSet:
    """Read an attribute set.

    Raises:
        UserError: the file is missing or not a valid set; every mistake by line and class.

    Examples:
        >>> import attrgen
        >>> attributes = attrgen.load(LIBRARY / "busi.json")
        >>> attributes.dataset, list(attributes.classes)
        ('busi', ['benign breast tumor', 'malignant breast tumor', 'normal breast tissue'])
    """
    return attribute_set.load(expanded(path))


@checked
def save(attributes: AttributeSet, path: str | Path) -> None:
    """Write an attribute set to a file, atomically; a file that is there is replaced.

    Raises:
        UserError: the file cannot be written.

    Examples:
        >>> import attrgen
        >>> attributes = attrgen.load(LIBRARY / "busi.json")
        >>> attrgen.save(attributes, "my-busi.json")
        >>> attrgen.load("my-busi.json") == attributes
        True
    """
    attribute_set.save(attributes, expanded(path))


@checked
def check(
    attributes: AttributeSet | str | Path,
    dataset: Card | str | Path | None = None,
    *,
    cache: str | Path | None = None,
) -> list[Finding]:
    """What `attrgen check` finds, by class, kind and position; for a file also its form, by line.

    Args:
        attributes: a set, or the file of one, which need not be valid.
        dataset: the card; by default the shipped card of the set's dataset.
        cache: a folder that keeps the findings of files: what did not change is not checked again.

    Raises:
        UserError: the file cannot be read, or there is no such card.

    Examples:
        >>> import attrgen
        >>> toy = {"cyst": {"descriptive": ["a dark round area without a wall"]}}
        >>> attributes = attrgen.AttributeSet(dataset="toy", classes=toy)
        >>> [(finding.rule, finding.class_name) for finding in attrgen.check(attributes)]
        [('negated', 'cyst')]
    """
    card = None if dataset is None else _card(dataset)
    if isinstance(attributes, AttributeSet):
        return check_set(attributes, card or spelling.card_of(attributes))
    if cache is not None:
        return check_once(expanded(attributes), card, expanded(cache))
    return check_file(expanded(attributes), card).findings


@checked
def diff(old: AttributeSet, new: AttributeSet, dataset: Card | str | Path | None = None) -> list[Change]:
    """How the texts of two sets differ, as `attrgen diff` tells it; empty where they say the same.

    Args:
        dataset: the card, by which classes are matched; by default the shipped card of the old set's dataset.

    Raises:
        UserError: there is no such card, or two spellings in one set mean the same class.

    Examples:
        >>> import attrgen
        >>> def toy(text):
        ...     return attrgen.AttributeSet(dataset="toy", classes={"cyst": {"descriptive": [text]}})
        >>> old, new = toy("a dark area"), toy("a dark round area")
        >>> [(change.what, change.before, change.text) for change in attrgen.diff(old, new)]
        [('reworded', 'a dark area', 'a dark round area')]
    """
    return difference(old, new, spelling.card_of(old) if dataset is None else _card(dataset))


@checked
def build(
    dataset: Card | str | Path,
    existing: AttributeSet | None = None,
    *,
    kinds: Sequence[str] = DEFAULT_KINDS,
    counts: Mapping[str, int] | None = None,
    confusers: Limit = None,
    model: str = DEFAULT_MODEL,
    base_url: str | None = None,
    offline: bool = False,
    max_tokens_total: int | None = None,
    cache: str | Path | None = None,
    progress: Progress = lambda done, total: None,
) -> AttributeSet:
    """A set in which no list of `kinds` is missing; texts of `existing` stay as they are.

    As in `attrgen build`, an LLM is asked where OPENAI_API_KEY or a base URL is given, and else the curated
    library; every answer is cached, so that a build that failed continues where it was.

    Args:
        kinds: among descriptive, distinctive, confusion, ensemble.
        counts: texts per list, by kind; of kinds that are not named 10, 10, 5 and 50.
        confusers: classes that each class is mistaken for: how many, or "all".
        base_url: of an OpenAI-compatible server; by default OPENAI_BASE_URL, else OpenAI.
        offline: ask no server.
        max_tokens_total: stop before more tokens are used.
        cache: folder of the cache; by default ATTRGEN_CACHE, else `cache` in the working folder.
        progress: called with the lists done and the lists in all.

    Raises:
        UserError: no such card, `existing` is of another dataset, or lists could not be filled.

    Examples:
        >>> import attrgen
        >>> attributes = attrgen.build("busi", offline=True, kinds=["descriptive"])
        >>> len(attributes.classes["normal breast tissue"].descriptive)
        10
    """
    card = _card(dataset)
    require_dataset(existing, card, None)
    counts = {**DEFAULT_COUNTS, **(counts or {})}
    settings = BuildSettings(model=model, kinds=tuple(kinds), counts=counts, confusers=confusers)
    server = None if offline else Server.from_environment(base_url)
    folder = expanded(cache or os.environ.get(CACHE_VARIABLE) or DEFAULT_CACHE)
    ledger = Ledger(None, max_tokens=max_tokens_total)
    name = None if isinstance(dataset, Card) else str(dataset)
    return _built(card, name, existing, settings, server, folder, ledger, progress)


def _built(
    card: Card,
    name: str | None,
    existing: AttributeSet | None,
    settings: BuildSettings,
    server: Server | None,
    folder: Path,
    ledger: Ledger,
    progress: Progress,
) -> AttributeSet:
    templates = prompts.load()
    with Cache(folder) as cache:
        client = None if server is None else Client(server, templates, ledger, memory=Memory(folder))
        builder = Builder(card, settings, templates, cache, client, progress=progress)
        result = _outside_of_a_loop(lambda: builder.build(existing))
    raise_for(result, None, server, name)
    if result.attributes is None:
        raise UserError("nothing is to be built", code="build-nothing", remedy="Name at least one kind.")
    return result.attributes


def _card(dataset: Card | str | Path) -> Card:
    return dataset if isinstance(dataset, Card) else cards.find(str(dataset))


def _outside_of_a_loop(function: Callable[[], T]) -> T:
    """Call a function that starts an event loop; in a notebook, where one runs already, in a thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return function()
    with ThreadPoolExecutor(max_workers=1) as executor:
        return executor.submit(function).result()
