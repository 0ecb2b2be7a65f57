"""`attrgen schema` on the command line: call, print."""

from __future__ import annotations


def schema() -> None:
    """Print the JSON Schema of an attribute set, for editors."""
    import json

    from attrgen.schema.attribute_set import json_schema

    print(json.dumps(json_schema(), indent=2))
