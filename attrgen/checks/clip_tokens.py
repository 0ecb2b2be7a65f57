"""How many tokens CLIP's own tokenizer makes of a text, counted without torch.

The byte-pair vocabulary is read from open_clip's installed files without importing the package; the count
equals that of `open_clip.tokenizer.SimpleTokenizer`, the start and end tokens included.
Byte-pair encoding: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units" (ACL 2016).
"""

from __future__ import annotations

import gzip
import html
import re
from functools import cache, lru_cache
from importlib.util import find_spec
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from attrgen.core.errors import UserError

CONTEXT = 77  # tokens that CLIP's text encoder reads, the start and end tokens included
VOCABULARY = "bpe_simple_vocab_16e6.txt.gz"
_MERGES = 49152 - 256 - 2  # the file holds more than CLIP's vocabulary of 49,408 takes
_END = "</w>"
_SPECIAL = ("<start_of_text>", "<end_of_text>")
_CONTRACTIONS = r"'s|'t|'re|'ve|'m|'ll|'d"
_ASCII_PIECE = re.compile("|".join((*_SPECIAL, _CONTRACTIONS, r"[a-z]+", r"[0-9]", r"[^\sa-z0-9]+")))

_Pair = tuple[str, str]


def count(text: str) -> int:
    """Tokens of `text`, the start and end tokens included: at most `CONTEXT` of them are read.

    Raises:
        UserError: open_clip is not installed.
    """
    return 2 + sum(_tokens_of(piece) for piece in _pieces(text))


def _pieces(text: str) -> list[str]:
    """The pieces, about words, within which tokens are formed."""
    if text.isascii() and text.isprintable() and "&" not in text:
        return _ASCII_PIECE.findall(text.lower())
    # Imported here, because English needs neither and together they take longer than all the rest.
    import ftfy

    clean = html.unescape(html.unescape(ftfy.fix_text(text)))
    pieces: list[str] = _unicode_piece().findall(" ".join(clean.split()).lower())
    return pieces


@cache
def _unicode_piece() -> Any:
    import regex

    pattern = "|".join((*_SPECIAL, _CONTRACTIONS, r"[\p{L}]+", r"[\p{N}]", r"[^\s\p{L}\p{N}]+"))
    return regex.compile(pattern, regex.IGNORECASE)


@lru_cache(maxsize=100_000)
def _tokens_of(piece: str) -> int:
    """Tokens of one piece: the best-ranked pair of neighbours is joined until none is in the vocabulary."""
    if piece in _SPECIAL:
        return 1
    ranks, letters = _ranks(), _letters()
    parts = [letters[byte] for byte in piece.encode("utf-8")]
    parts[-1] += _END
    while len(parts) > 1:
        best = min(pairwise(parts), key=lambda pair: ranks.get(" ".join(pair), _MERGES))
        if " ".join(best) not in ranks:
            break
        parts = _joined(parts, best)
    return len(parts)


def _joined(parts: list[str], pair: _Pair) -> list[str]:
    result: list[str] = []
    index = 0
    while index < len(parts):
        if tuple(parts[index : index + 2]) == pair:
            result.append(pair[0] + pair[1])
            index += 2
        else:
            result.append(parts[index])
            index += 1
    return result


@cache
def whole_words() -> frozenset[str]:
    """Words of a to z that are one token: the commonest words of captions.

    Raises:
        UserError: open_clip is not installed.
    """
    tokens = _merges().replace(" ", "")
    return frozenset(re.findall(rf"^([a-z]+){_END}$", tokens, re.MULTILINE))


@cache
def _ranks() -> dict[str, int]:
    """The rank of each pair, "first second", in the order in which pairs are joined."""
    return dict(zip(_merges().split("\n"), range(_MERGES), strict=True))


@cache
def _merges() -> str:
    """The pairs, one per line."""
    with gzip.open(vocabulary(), "rt", encoding="utf-8", newline="\n") as file:
        return "".join(islice(file, 1, _MERGES + 1)).removesuffix("\n")


def vocabulary() -> Path:
    """Where open_clip keeps CLIP's vocabulary.

    Raises:
        UserError: open_clip is not installed.
    """
    spec = find_spec("open_clip")
    folders = () if spec is None else spec.submodule_search_locations or ()
    for folder in folders:
        path = Path(folder) / VOCABULARY
        if path.is_file():
            return path
    raise UserError(
        "CLIP's vocabulary is missing, so tokens cannot be counted",
        code="check-no-vocabulary",
        remedy="Install open_clip_torch in this environment.",
    )


@cache
def _letters() -> list[str]:
    """The character that stands for each byte in the vocabulary; unprintable ones are moved beyond 255."""
    printable = {chr(byte) for first, last in ("!~", "¡¬", "®ÿ") for byte in range(ord(first), ord(last) + 1)}
    moved = iter(range(256, 512))
    return [chr(byte) if chr(byte) in printable else chr(next(moved)) for byte in range(256)]
