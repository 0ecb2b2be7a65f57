"""Files of `attrgen`, and what both programs read: cards, sets, prices, recipes, answers."""

from __future__ import annotations

from tests.fuzz import readers
from tests.fuzz.byte_mutations import BYTES
from tests.fuzz.container_mutations import SQLITE
from tests.fuzz.target import Target
from tests.fuzz.tree_mutations import CSV, JSON, JSON_LINES, TOML

ATTRGEN_ANSWERS = (
    *("attrgen", "build", "--dataset", "lumps.toml", "--prompts", "lumps-prompts", "--model", "tiny"),
    *("--temperature", "0.5", "--confusers", "1", "--kinds", "descriptive,confusion", "--descriptive", "3"),
    *("--confusion", "2", "--offline", "--out", "built.json"),
)

_PRICED = (
    *("attrgen", "build", "--dataset", "lumps.toml", "--model", "tiny", "--dry-run"),
    *("--prices", "prices.toml"),
)

ATTRGEN_TARGETS: tuple[Target, ...] = (
    Target(
        "card",
        ("card.toml",),
        (*TOML, *BYTES[:4]),
        (
            ("attrgen", "prompts", "render", "confusion", "--dataset", "card.toml"),
            ("attrgen", "build", "--dataset", "card.toml", "--dry-run"),
            ("attrgen", "check", "set.json", "--dataset", "card.toml"),
            ("vr", "data", "check", "card.toml"),
            ("vr", "data", "preview", "card.toml", "--shots", "1"),
            readers.resolve,
        ),
        uses=("images", "set.json"),
        weight=8,
    ),
    Target(
        "prices",
        ("prices.toml",),
        (*TOML, *BYTES[:4]),
        (_PRICED, (*_PRICED, "--max-cost", "1")),
        uses=("lumps.toml",),
        weight=2,
    ),
    Target(
        "recipe",
        ("recipe.toml",),
        (*TOML, *BYTES[:4]),
        (("vr", "sweep", "recipe.toml", "--dry-run"),),
        uses=("card.toml", "images", "set.json", "tiny"),
    ),
    Target(
        "set",
        ("set.json",),
        (*JSON, *BYTES[:4]),
        (
            ("attrgen", "check", "set.json"),
            ("attrgen", "check", "--fix", "set.json"),
            ("attrgen", "check", "--json", "set.json", "--dataset", "card.toml"),
            ("attrgen", "show", "set.json"),
            ("attrgen", "status", "set.json"),
            ("attrgen", "diff", "set.json", "other.json"),
            ("attrgen", "merge", "set.json", "other.json", "--out", "merged.json"),
            ("attrgen", "export", "set.json", "--to", "biomedvr", "--out", "published"),
            ("attrgen", "adapt", "set.json", "--dataset", "card.toml", "--out", "adapted.json"),
            ("attrgen", "cite", "set.json"),
            ("attrgen", "build", "--dataset", "card.toml", "--out", "set.json", "--offline"),
            readers.resolve,
            readers.api_set,
        ),
        uses=("card.toml", "other.json", "images"),
        may_change=("*",),
        weight=12,
    ),
    Target(
        "import",
        ("toy_des.json", "toy_confuse.json"),
        (*JSON, *BYTES[:4]),
        (
            ("attrgen", "import", "toy_des.json", "toy_confuse.json", "--out", "imported.json"),
            ("attrgen", "import", "toy_des.json", "toy_confuse.json", "--dataset", "card.toml"),
        ),
        uses=("card.toml", "toy_des.json", "toy_confuse.json"),
    ),
    Target(
        "import table",
        ("table.csv",),
        (*CSV, *BYTES),
        (
            ("attrgen", "import", "table.csv", "--out", "imported.json"),
            ("attrgen", "import", "table.csv", "--dataset", "card.toml"),
        ),
        uses=("card.toml",),
        weight=3,
    ),
    Target(
        "cache export",
        ("answers.jsonl",),
        (*JSON_LINES, *BYTES[:4]),
        (("attrgen", "cache", "import", "answers.jsonl", "--cache", "new"),),
        weight=3,
    ),
    Target(
        "LLM cache",
        ("cache/llm/cache.db",),
        SQLITE,
        (
            ("attrgen", "cache", "list"),
            ("attrgen", "cache", "verify"),
            ("attrgen", "cache", "export", "exported.jsonl"),
            ("attrgen", "cache", "import", "answers.jsonl"),
            ("attrgen", "cache", "show", "08290ba0"),
            ("attrgen", "cache", "clear", "--yes"),
            ATTRGEN_ANSWERS,
        ),
        uses=("answers.jsonl", "lumps.toml", "lumps-prompts"),
        may_change=("*",),
        weight=5,
    ),
    Target(
        "server memory",
        ("cache/servers.json",),
        (*JSON, *BYTES[:4]),
        (readers.server_memory,),
        may_change=("*",),
        weight=1,
    ),
    Target(
        "prompt",
        ("prompts/confusion.j2", "prompts/system.j2"),
        (*BYTES,),
        (
            ("attrgen", "prompts", "list", "--prompts", "prompts"),
            ("attrgen", "prompts", "show", "confusion", "--prompts", "prompts"),
            ("attrgen", "prompts", "render", "confusion", "--dataset", "lumps.toml", "--prompts", "prompts"),
        ),
        uses=("lumps.toml",),
    ),
    Target(
        "draft",
        ("set.bright_spot.draft.txt",),
        BYTES,
        (readers.edit, readers.edit_and_quit),
        uses=("set.json", "card.toml", "images"),
        may_change=("set.json",),
    ),
    Target(
        "page of a set",
        ("set.draft.json", "edit.json"),
        (*JSON, *BYTES[:4]),
        (readers.serve,),
        uses=("set.json", "set.draft.json", "edit.json"),
        may_change=("set.json", "set.draft.json"),
    ),
    Target("lock", ("held.lock.json",), (*JSON, *BYTES[:4]), (readers.lock_holder,), weight=1),
)
