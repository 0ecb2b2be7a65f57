"""`attrgen status` on the command line: parse, call, print."""

from __future__ import annotations

from attrgen.cli.options import CacheFolder, Json, SetCard, SetFile
from attrgen.llm.defaults import DEFAULT_CACHE


def status(
    file: SetFile, dataset: SetCard = None, cache: CacheFolder = DEFAULT_CACHE, json: Json = False
) -> None:
    """Show which texts were edited, moved, added or removed.

    The set is compared with its provenance, the cache and the curated library.
    """
    from attrgen.curation import status as states
    from attrgen.curation import status_report
    from attrgen.schema import attribute_set, spelling

    located = attribute_set.read(file)
    texts = states.of_file(located, cache, spelling.card_of(located.set, dataset))
    if json:
        print(status_report.as_json(located.set, texts))
    else:
        status_report.show(located.set, texts)
