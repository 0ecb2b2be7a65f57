"""Control texts: attribute sets that say less than the one they are made from, or nothing.

Every control keeps the classes and kinds of the set, and all but `names` and `fewer-N` the number of texts in
each list. What a control draws depends on its name and the seed alone.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

from attrgen.schema import attribute_set, library
from attrgen.schema.attribute_set import KINDS, OTHER, AttributeSet, ClassAttributes
from attrgen.schema.card import Card

WRITTEN, NAMES = "written", "names"
_LEAST, _MOST = 3, 12  # letters of a word that is drawn
_OPENINGS = (
    *("a photo of", "an image of", "a picture of", "a view of", "a photograph of", "a close-up of"),
    *("an example of", "a typical case of", "a recording of", "one more image of", "a sample of"),
)
_ENDINGS = (
    "",
    ", seen once",
    ", as it is",
    ", in a patient",
    " here",
    ", again",
    ", in the centre",
    ", as known",
)
Draw = random.Random


@dataclass(frozen=True)
class Control:
    """One kind of control texts.

    Attributes:
        name: as on the command line and in run directories.
        title: in tables.
        says_nothing: whether its texts say nothing about their class that the name does not say, though they
            are as many as those of the set.
    """

    name: str
    title: str
    make: Callable[[AttributeSet, Card, Draw], AttributeSet]
    says_nothing: bool = False


def control_set(control: Control, attributes: AttributeSet, card: Card, seed: int) -> AttributeSet:
    """The control texts of a set, with its origin as provenance.

    Args:
        attributes: with the card's class names.
        seed: of what is drawn.
    """
    made = control.make(attributes, card, random.Random(f"{control.name}|{seed}"))
    origin = {"by": "vr controls", "control": control.name, "seed": seed, "of": attributes.id}
    return made.model_copy(update={"provenance": origin})


def all_controls(attributes: AttributeSet) -> dict[str, Control]:
    """The controls of a set by name, in the order of tables; `fewer-N` for N below its longest list."""
    longest = max(len(texts) for own in attributes.classes.values() for _, _, texts in _lists(own))
    fewer = [number for number in (1, 2, 5, 10, 20) if number < longest]
    controls = (
        Control(NAMES, "class names only", _names),
        Control("shuffled", "sentences of another class", _shuffled, says_nothing=True),
        Control("random-words", "random words", _random_words, says_nothing=True),
        Control("medical-words", "random medical words", _medical_words, says_nothing=True),
        Control("paraphrases", "paraphrased class names", _paraphrases, says_nothing=True),
        Control("nameless", "without class names", _nameless),
        *(Control(f"fewer-{number}", _fewer_title(number), _fewer(number)) for number in reversed(fewer)),
    )
    return {control.name: control for control in controls}


def _fewer_title(number: int) -> str:
    return f"{number} {'text' if number == 1 else 'texts'} per list"


def _names(attributes: AttributeSet, card: Card, draw: Draw) -> AttributeSet:
    """The class name once in each list."""
    return _mapped(attributes, lambda described, texts: [f"This is a photo of {described}."])


def _paraphrases(attributes: AttributeSet, card: Card, draw: Draw) -> AttributeSet:
    """As many sentences as the list has, that name the class and say nothing else."""
    frames = [f"{opening} {{}}{ending}" for ending, opening in product(_ENDINGS, _OPENINGS)]
    frames += [f"{card.modality}: {frame}" for frame in frames]

    def made(described: str, texts: Sequence[str]) -> list[str]:
        return [frames[number % len(frames)].format(described) for number in range(len(texts))]

    return _mapped(attributes, made)


def _shuffled(attributes: AttributeSet, card: Card, draw: Draw) -> AttributeSet:
    """All lists of a class go to another class, along a random cycle; confusions follow their classes."""
    cycle = list(attributes.classes)
    draw.shuffle(cycle)
    taker = dict(zip(cycle, cycle[1:] + cycle[:1], strict=True))
    giver = {other: name for name, other in taker.items()}
    classes = {name: _relabelled(attributes.classes[giver[name]], taker) for name in attributes.classes}
    return attributes.model_copy(update={"classes": classes})


def _relabelled(own: ClassAttributes, taker: dict[str, str]) -> ClassAttributes:
    if own.confusion is None:
        return own
    confusion = {taker.get(other, other): texts for other, texts in own.confusion.items()}
    return own.model_copy(update={"confusion": confusion})


def _random_words(attributes: AttributeSet, card: Card, draw: Draw) -> AttributeSet:
    return _words(attributes, _vocabulary(), draw)


def _medical_words(attributes: AttributeSet, card: Card, draw: Draw) -> AttributeSet:
    return _words(attributes, _medical_vocabulary(card.name), draw)


def _words(attributes: AttributeSet, pool: Sequence[str], draw: Draw) -> AttributeSet:
    """Each text replaced by as many words of the pool as it has."""

    def made(described: str, texts: Sequence[str]) -> list[str]:
        lines: list[str] = []
        for text in texts:
            words = [draw.choice(pool) for _ in range(max(2, len(text.split())))]
            while " ".join(words) in lines:
                words.append(draw.choice(pool))
            lines.append(" ".join(words))
        return lines

    return _mapped(attributes, made)


def _nameless(attributes: AttributeSet, card: Card, draw: Draw) -> AttributeSet:
    """The same sentences with "it" in the place of every name of a class."""
    spellings = {spelling for entry in card.classes for spelling in (entry.name, *entry.aliases)}
    names = "|".join(map(re.escape, sorted(spellings, key=len, reverse=True)))
    pattern = re.compile(rf"(?<!\w)(?:an? |the )?(?:{names})(?!\w)", re.IGNORECASE)

    def made(described: str, texts: Sequence[str]) -> list[str]:
        return list(dict.fromkeys(pattern.sub("it", text) for text in texts))

    return _mapped(attributes, made)


def _fewer(number: int) -> Callable[[AttributeSet, Card, Draw], AttributeSet]:
    def kept(texts: Sequence[str], draw: Draw) -> list[str]:
        rows = draw.sample(range(len(texts)), min(number, len(texts)))
        return [texts[row] for row in sorted(rows)]

    return lambda attributes, card, draw: _mapped(attributes, lambda _, texts: kept(texts, draw))


def _mapped(attributes: AttributeSet, function: Callable[[str, Sequence[str]], list[str]]) -> AttributeSet:
    """A set whose lists are a function of the class that a list describes, in words, and its texts."""
    classes = {}
    for name, own in attributes.classes.items():
        values: dict[str, object] = {}
        for kind, confused, texts in _lists(own):
            described = name if confused is None else "something else" if confused == OTHER else confused
            made = function(described, texts)
            if confused is None:
                values[kind] = made
            else:
                values.setdefault(kind, {})[confused] = made  # type: ignore[index]
        classes[name] = ClassAttributes.model_validate(values)
    return attributes.model_copy(update={"classes": classes})


def _lists(own: ClassAttributes) -> Iterator[tuple[str, str | None, list[str]]]:
    """Kind, confused class and texts of every list of a class."""
    for kind in KINDS:
        value = getattr(own, kind)
        if isinstance(value, dict):
            yield from ((kind, other, texts) for other, texts in value.items())
        elif value is not None:
            yield kind, None, value


@cache
def _vocabulary() -> tuple[str, ...]:
    """Whole words of CLIP's vocabulary: each is one token, so no text becomes too long."""
    from open_clip.tokenizer import SimpleTokenizer

    ends = "</w>"
    words = (token.removesuffix(ends) for token in SimpleTokenizer().encoder if token.endswith(ends))
    return tuple(sorted(word for word in words if _is_word(word)))


@cache
def _medical_vocabulary(dataset: str) -> tuple[str, ...]:
    """Words of the curated library's sets of other datasets, without English function words."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    own = library.path_of(dataset)
    files = (file for file in sorted(own.parent.glob("*.json")) if file != own)
    texts = (entry.text for file in files for entry in attribute_set.load(file).entries())
    words = {word for text in texts for word in re.findall(r"[a-z]+", text.lower())}
    return tuple(sorted(word for word in words if _is_word(word) and word not in ENGLISH_STOP_WORDS))


def _is_word(word: str) -> bool:
    return word.isascii() and word.isalpha() and word.islower() and _LEAST <= len(word) <= _MOST


def digest(control: Control, seed: int, attributes: AttributeSet) -> str:
    """A short name for the file of control texts."""
    text = f"{control.name}|{seed}|{attributes.id}"
    return f"{control.name}-seed-{seed}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
