"""Captions put together from the words of `vr.phantom.words`, and what they claim."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from vr.phantom.finding import Finding
from vr.phantom.words import LINKS, OPENERS, ROLES, SEVERAL, TWO, Phrase, phrases, plural


@dataclass(frozen=True)
class Caption:
    """A text and its claims: for each finding that it mentions, the values that this finding must have."""

    text: str
    claims: tuple[frozenset[str], ...]

    def is_true_of(self, findings: Sequence[frozenset[str]]) -> bool:
        """Whether, for each claim, some finding (its values) has all of it."""
        return all(any(claim <= values for values in findings) for claim in self.claims)


def write_caption(findings: Sequence[frozenset[str]], rng: random.Random) -> Caption:
    """A true caption about one, sometimes two, of the findings (their values), in random words."""
    first = describe(rng.choice(findings), rng)
    parts, claims = [first.text], [first.claims[0]]
    if len(findings) > 1 and rng.random() < 0.22:
        others = [values for values in findings if not first.claims[0] <= values] or list(findings)
        second = describe(rng.choice(others), rng)
        parts += [rng.choice(LINKS), second.text]
        claims.append(second.claims[0])
    opener = rng.choice(OPENERS)
    text = " ".join([opener, *parts]).strip().replace(" ;", ";").replace(" ,", ",")
    return Caption(text, tuple(claims))


def describe(values: frozenset[str], rng: random.Random) -> Caption:
    """A noun phrase about one finding, from one fragment to a head with up to five attributes."""
    words = _words_of(values)
    plurality = next(value for value in ("one", "two", "several") if f"count:{value}" in values)
    if plurality == "one" and words["fragment"] and rng.random() < 0.25:
        fragment = rng.choice(words["fragment"])
        if rng.random() < 0.5:
            return Caption(fragment.text, (fragment.claims,))
        other = rng.choice(words["fragment"] + words["clause"])
        text = f"{fragment.text}, {other.text}"
        return Caption(text, (fragment.claims | other.claims,))
    noun = rng.choice(words["noun"])
    used = set(noun.claims)
    adjectives = _pick(words["adj"], rng.choice((0, 1, 1, 2, 2, 3)), used, rng)
    used |= _claims(adjectives)
    clauses = _pick(words["clause"], rng.choice((0, 0, 1, 1, 2)), used, rng)
    used |= _claims(clauses)
    if not adjectives and not clauses and len(noun.claims) == 1 and "is:" in next(iter(noun.claims)):
        adjectives = _pick(words["adj"], 1, used, rng)
    chosen = [noun, *adjectives, *clauses]
    claims = _claims(chosen)
    joint = rng.choice((", ", " "))
    head = " ".join(filter(None, [joint.join(phrase.text for phrase in adjectives), noun.text]))
    if plurality != "one" and rng.random() < 0.8:
        count = rng.choice(TWO if plurality == "two" else SEVERAL)
        before = joint.join(phrase.text for phrase in adjectives)
        head = " ".join(filter(None, [count, before, plural(noun.text)]))
        claims |= {f"count:{plurality}"}
    elif rng.random() < 0.85:
        head = f"{_article(head)} {head}"
    tail = rng.choice((" ", ", ", " ")).join(phrase.text for phrase in clauses)
    return Caption(" ".join(filter(None, [head, tail])), (claims,))


def _article(text: str) -> str:
    return "an" if text[0] in "aeiou" and not text.startswith(("uni", "one")) else "a"


def _claims(chosen: Sequence[Phrase]) -> frozenset[str]:
    return frozenset().union(*(phrase.claims for phrase in chosen))


def _pick(candidates: Sequence[Phrase], count: int, used: set[str], rng: random.Random) -> list[Phrase]:
    """Up to `count` phrases that claim no value of `used`, and none twice."""
    picked: list[Phrase] = []
    claimed = set(used)
    if not candidates:
        return picked
    for _ in range(4 * count):
        if len(picked) == count:
            break
        phrase = rng.choice(candidates)
        if any(value in claimed and not value.startswith("is:") for value in phrase.claims):
            continue
        claimed |= phrase.claims
        picked.append(phrase)
    return picked


@lru_cache(maxsize=50_000)
def _words_of(values: frozenset[str]) -> dict[str, tuple[Phrase, ...]]:
    """The phrases that are true of a finding, by role."""
    true = [phrase for phrase in phrases() if phrase.claims <= values]
    return {role: _balanced([phrase for phrase in true if phrase.role == role]) for role in ROLES}


def _balanced(candidates: list[Phrase]) -> tuple[Phrase, ...]:
    """Every row of the table counts the same, however many phrases it has: rows are repeated to 12."""
    rows: dict[frozenset[str], list[Phrase]] = {}
    for phrase in candidates:
        rows.setdefault(phrase.claims, []).append(phrase)
    return tuple(phrase for row in rows.values() for phrase in (row * (12 // len(row) + 1))[:12])


def values_of(findings: Sequence[Finding]) -> list[frozenset[str]]:
    """The values of each finding."""
    return [finding.values for finding in findings]
