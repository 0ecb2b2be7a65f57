"""What a request has so far, while the model is asked until there is enough."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field
from functools import cached_property

from attrgen.llm.capabilities import Capabilities
from attrgen.llm.reply import Reply
from attrgen.llm.request import Request, Usage

_MOST_REFUSALS = 2
_MOST_FRUITLESS = 2
_QUOTED = re.compile(r'"([^"\n]+)"')
_WORDS_OF_EXAMPLE = 6  # shorter quotations may be names of classes
_WORDS_OF_PART = 4
_LEAST_RUNAWAY = 400  # characters
_RUNAWAY_RATIO = 0.15  # of compressed to plain size; lists of descriptions have 0.25 and more


@dataclass
class Gathered:
    """What a request has so far: its strings, and what the model wrote."""

    request: Request
    items: list[str]
    enough: int
    usage: Usage = field(default_factory=Usage)
    raw: list[str] = field(default_factory=list)
    last: tuple[Reply, Capabilities] | None = None
    refusals: int = 0
    fruitless: int = 0  # replies with nothing new, after some strings were there
    why: str = ""
    code: str = "answer-invalid"

    def add(self, items: tuple[str, ...]) -> bool:
        """Take the strings that are new and no example of the prompt; gives whether there are any."""
        known = {item.casefold() for item in self.items}
        new = [item for item in items if item.casefold() not in known and not self._is_example(item)]
        new = new[: self.missing]
        self.items += new
        return bool(new)

    def _is_example(self, item: str) -> bool:
        """Whether it is a text that the prompt quotes, or a part of one."""
        words = item.casefold().rstrip(".")
        is_long = len(words.split()) >= _WORDS_OF_PART
        return any((is_long and words in example) or example in words for example in self._examples)

    @cached_property
    def _examples(self) -> set[str]:
        """The texts that the prompt quotes; small models repeat them. Names to choose from are none."""
        if self.request.format.choices is not None:
            return set()
        quoted = (match for _, text in self.request.messages[:2] for match in _QUOTED.findall(text))
        return {text.casefold() for text in quoted if len(text.split()) >= _WORDS_OF_EXAMPLE}

    @property
    def hopeless(self) -> bool:
        """The model declines, or has nothing more to say."""
        return self.refusals == _MOST_REFUSALS or self.fruitless == _MOST_FRUITLESS

    @property
    def is_enough(self) -> bool:
        """No more strings need to be asked for."""
        return not self.missing or len(self.items) >= self.enough

    @property
    def missing(self) -> int:
        """How many strings are still to come."""
        return self.request.format.count - len(self.items)


def is_runaway(content: str) -> bool:
    """Whether an answer repeats itself without end, so that no limit on its length is long enough."""
    plain = content.encode("utf-8", "replace")
    return len(plain) >= _LEAST_RUNAWAY and len(zlib.compress(plain)) < _RUNAWAY_RATIO * len(plain)
