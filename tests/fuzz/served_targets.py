"""What servers send."""

from __future__ import annotations

from tests.fuzz import served
from tests.fuzz.response_mutations import RESPONSE
from tests.fuzz.target import Target

SERVED_TARGETS: tuple[Target, ...] = (
    Target(
        "server answer",
        ("served/answer.http", "served/answer.http", "served/models.http"),
        RESPONSE,
        (served.build, served.build, served.doctor),
        uses=("lumps.toml",),
        weight=4,
    ),
    Target(
        "hub answer",
        ("served/tree.http", "served/set.http", "served/id.http"),
        RESPONSE,
        (served.pull,),
        weight=4,
    ),
    Target(
        "hub refusal",
        ("served/created.http", "served/preupload.http", "served/commit.http"),
        RESPONSE,
        (served.push,),
        uses=("run", "images", "tiny"),
    ),
    Target(
        "download",
        ("served/archive.http",),
        RESPONSE,
        (served.download, served.download_from_hub),
        uses=("card.toml",),
        weight=3,
    ),
    Target("file of the hub", ("served/other.http",), RESPONSE, (served.backbone_from_hub,), weight=2),
)
