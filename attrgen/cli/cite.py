"""`attrgen cite` on the command line: parse, call, print."""

from __future__ import annotations

from attrgen.cli.options import CacheFolder, SetCard, SetFile
from attrgen.llm.defaults import DEFAULT_CACHE


def cite(file: SetFile, dataset: SetCard = None, cache: CacheFolder = DEFAULT_CACHE) -> None:
    """Print the set's id, where its texts come from, and a BibTeX entry."""
    from attrgen.curation import status
    from attrgen.curation.cite import cite as citation
    from attrgen.schema import attribute_set, spelling

    located = attribute_set.read(file)
    card = spelling.card_of(located.set, dataset)
    print(citation(located.set, status.of_file(located, cache, card), card))
