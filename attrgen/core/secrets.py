"""What looks like a secret in words that are shown: keys, tokens, and passwords of addresses.

Texts come from other people's files and from servers. A key in one of them would end up in a log.
"""

from __future__ import annotations

import re

MASK = "***"
_SECRET = re.compile(
    r"sk-(?:proj|ant|svcacct|admin|or)-[\w-]{16,}|(?<![A-Za-z0-9])sk-\w{20,}"  # the boundary: mask-1a2b…
    r"|hf_[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{20,}"
    r"|(?<=Bearer )[\w.~+/=-]{8,}"
    # user:password of an address, which has one slash where it was read as a path
    r"|(?:(?<=://)|(?<=:/)(?!/))[^\s/@:'\"]*:[^\s/@'\"]+(?=@)"
    r"|(?<=[?&])(?P<name>[\w-]*(?:key|token|secret|password|signature))=[^&\s'\"#]+",
    re.IGNORECASE,
)


def masked(text: str) -> str:
    """The text with `***` for what looks like a key, a token or the password of an address."""
    if not _SECRET.search(text):
        return text
    return _SECRET.sub(lambda match: f"{match['name']}={MASK}" if match["name"] else MASK, text)
