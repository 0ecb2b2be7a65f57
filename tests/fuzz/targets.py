"""What is damaged, how, and which commands then read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.byte_mutations import BYTES, Mutation
from tests.fuzz.container_mutations import (
    DICOM,
    IMAGE,
    NPZ,
    PARQUET,
    PICKLED,
    SAFETENSORS,
    SQLITE,
    TABLE_OF_IMAGES,
    TAR,
    ZIP,
)
from tests.fuzz.tree_mutations import CSV, JSON, JSON_LINES, TOML

Command = tuple[str, ...] | Callable[[], None]
IMAGES = "formats/colour.png"


@dataclass(frozen=True)
class Target:
    """One kind of file.

    Attributes:
        name: of the kind.
        files: one of them is damaged; below the samples' folder.
        mutations: one of them, or two, are applied.
        commands: one of them is run per damaged file; a command line, or a function that reads the file.
        uses: other samples that the commands need.
        may_change: patterns of files that the commands replace: caches, and what `--force` overwrites.
        weight: how often it is chosen.
    """

    name: str
    files: tuple[str, ...]
    mutations: Sequence[Mutation]
    commands: Sequence[Command]
    uses: tuple[str, ...] = ()
    may_change: tuple[str, ...] = ()
    weight: int = 4


def _checkpoint() -> None:
    import torch

    from vr.runs import run as runs
    from vr.training import checkpoint

    run = runs.load_run(Path("run"))
    stored = checkpoint.load(Path("checkpoint.safetensors"), run.config.fingerprint)
    if stored is not None:
        checkpoint.restore(stored.tensors, run.method, torch.optim.SGD(run.method.parameters(), lr=1.0))


def _text_cache() -> None:
    from vr.clip import backbone, text_embeddings

    loaded = backbone.load("tiny", "random")
    rows = text_embeddings.embed(loaded, ["a bright spot", "a new text"], folder=Path("cache/text"))
    assert rows.shape == (2, 32)


def _feature_cache() -> None:
    import torch

    from vr.clip import backbone
    from vr.data.formats.source import Item
    from vr.data.loading.unlabelled import UnlabelledFiles
    from vr.evaluation import features

    loaded = backbone.load("tiny", "random")
    folder = Path("features")
    rows = torch.ones(1, 32)
    for _ in range(2):
        read = features.cached(loaded, UnlabelledFiles(), [Item(IMAGES, 0)], 48, lambda: rows, folder=folder)
        assert read.shape == rows.shape and read.isfinite().all()
        for file in folder.iterdir():
            file.write_bytes(Path("features.bin").read_bytes())


def _weights() -> None:
    from vr.clip import backbone

    file = next(Path().glob("weights.*"), Path("older.pth"))
    backbone.load("tiny", str(file))


def _content_cache() -> None:
    from vr.data.sampling import content

    content._read(Path("content.json"))


def _sweep_error() -> None:
    from vr.training.sweep import cell

    cell.read_error(Path())


def _unpack() -> None:
    from vr.data.download.unpack import unpack

    unpack(Path("toy.zip"), Path("unpacked"))


def _server_memory() -> None:
    from attrgen.llm.capabilities import Memory

    memory = Memory(Path("cache"))
    memory.get("0123456789ab", "tiny")
    memory.forget("0123456789ab", "tiny")


def _resolve() -> None:
    from vr.runs.experiment import Experiment, resolve

    resolve(Experiment(dataset="card.toml", attrs=Path("set.json"), shots=1))


def _api_set() -> None:
    import attrgen

    loaded = attrgen.load("set.json")
    loaded._repr_html_()


ATTRGEN_ANSWERS = (
    *("attrgen", "build", "--dataset", "lumps.toml", "--prompts", "lumps-prompts", "--model", "tiny"),
    *("--temperature", "0.5", "--confusers", "1", "--kinds", "descriptive,confusion", "--descriptive", "3"),
    *("--confusion", "2", "--offline", "--out", "built.json"),
)

TARGETS: tuple[Target, ...] = (
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
            _resolve,
        ),
        uses=("images", "set.json"),
        weight=8,
    ),
    Target(
        "prices",
        ("prices.toml",),
        (*TOML, *BYTES[:4]),
        (
            (
                "attrgen",
                "build",
                "--dataset",
                "lumps.toml",
                "--model",
                "tiny",
                "--dry-run",
                "--prices",
                "prices.toml",
            ),
            (
                "attrgen",
                "build",
                "--dataset",
                "lumps.toml",
                "--model",
                "tiny",
                "--dry-run",
                "--prices",
                "prices.toml",
                "--max-cost",
                "1",
            ),
        ),
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
            _resolve,
            _api_set,
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
        (_server_memory,),
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
        "run",
        (
            "run/config.json",
            "run/config.json",
            "run/fewshot.json",
            "run/metrics.json",
            "run/calibration.json",
            "run/attributes.json",
        ),
        (*JSON, *BYTES[:4]),
        (
            ("vr", "predict", "run", "images/test/bright_spot"),
            ("vr", "predict", "run", "images/test/bright_spot", "--sets", "0.9", "--out", "p.jsonl"),
            ("vr", "calibrate", "run", "--force", "--split", "all"),
            ("vr", "card", "run", "--out", "-"),
            ("vr", "push", "run", "me/model", "--dry-run"),
            ("vr", "table", "run", "--form", "csv"),
            ("vr", "table", "run", "--metric", "auroc"),
            ("vr", "curve", "run", "--out", "curve.svg"),
            ("vr", "explain", "run", "images/test/bright_spot"),
            ("vr", "runs", "list", "run"),
            ("vr", "compare", "run", "other-run"),
            ("vr", "report", "run"),
            ("vr", "eval", "run", "--out", "evaluated"),
        ),
        uses=("tiny", "images", "other-run"),
        may_change=("run/calibration.json", "run/coverage_risk.*"),
        weight=12,
    ),
    Target(
        "run table",
        ("run/predictions.csv", "run/history.csv", "run/unreadable.csv", "run/coverage_risk.csv"),
        (*CSV, *BYTES),
        (
            ("vr", "report", "run"),
            ("vr", "table", "run", "--metric", "ece"),
            ("vr", "card", "run", "--out", "-"),
            ("vr", "calibrate", "run", "--force", "--split", "all"),
            (
                "attrgen",
                "build",
                "--dataset",
                "card.toml",
                "--confusers",
                "1",
                "--from-run",
                "run",
                "--dry-run",
            ),
        ),
        uses=("tiny", "images", "card.toml"),
        may_change=("run/calibration.json", "run/coverage_risk.*"),
    ),
    Target(
        "model",
        ("run/model.safetensors",),
        SAFETENSORS,
        (
            ("vr", "predict", "run", "images/test/bright_spot"),
            ("vr", "calibrate", "run", "--force", "--split", "all"),
            ("vr", "explain", "run", "images/test/bright_spot"),
        ),
        uses=("tiny", "images"),
        may_change=("run/calibration.json", "run/coverage_risk.*"),
        weight=5,
    ),
    Target(
        "checkpoint", ("checkpoint.safetensors",), SAFETENSORS, (_checkpoint,), uses=("run", "tiny"), weight=3
    ),
    Target(
        "journal",
        ("predicted.csv.part",),
        (*JSON_LINES, *BYTES),
        (("vr", "predict", "run", "images/test", "--out", "predicted.csv", "--resume"),),
        uses=("run", "tiny", "images"),
        may_change=("*",),
        weight=3,
    ),
    Target(
        "text cache",
        ("cache/text/*.safetensors",),
        SAFETENSORS,
        (_text_cache,),
        uses=("tiny",),
        may_change=("*",),
        weight=2,
    ),
    Target(
        "feature cache", ("features.bin",), SAFETENSORS, (_feature_cache,), uses=("tiny", "formats"), weight=2
    ),
    Target("content cache", ("content.json",), (*JSON, *BYTES[:4]), (_content_cache,), weight=1),
    Target("sweep error", ("error.json",), (*JSON, *BYTES[:4]), (_sweep_error,), weight=1),
    Target(
        "weights",
        ("weights.safetensors",),
        SAFETENSORS,
        (_weights,),
        uses=("tiny",),
        weight=3,
    ),
    Target(
        "pickled weights",
        ("weights.bin", "older.pth"),
        PICKLED,
        (_weights,),
        uses=("tiny",),
        weight=3,
    ),
    Target(
        "model configuration",
        ("tiny/open_clip_config.json",),
        (*JSON, *BYTES[:4]),
        (
            ("vr", "predict", "run", "images/test/bright_spot"),
            ("vr", "data", "show", IMAGES, "--out", "shown", "--backbone", "tiny", "--weights", "random"),
        ),
        uses=("run", "images", "formats"),
    ),
    Target(
        "zip",
        ("toy.zip",),
        ZIP,
        (
            ("vr", "data", "check", "toy.zip"),
            ("vr", "data", "card", "toy.zip", "--out", "new.toml"),
            ("vr", "data", "preview", "card.toml", "--data", "toy.zip", "--shots", "1"),
            _unpack,
        ),
        uses=("card.toml",),
        weight=6,
    ),
    Target(
        "npz",
        ("toy.npz",),
        NPZ,
        (
            ("vr", "data", "check", "toy.npz"),
            ("vr", "data", "card", "toy.npz", "--out", "new.toml"),
            ("vr", "data", "preview", "card.toml", "--data", "toy.npz", "--shots", "1"),
        ),
        uses=("card.toml",),
        weight=5,
    ),
    Target(
        "split file",
        ("coop/split_Toy.json",),
        (*JSON, *BYTES[:4]),
        (
            ("vr", "data", "check", "coop"),
            ("vr", "data", "card", "coop", "--out", "new.toml"),
            ("vr", "data", "preview", "card.toml", "--data", "coop", "--shots", "1"),
        ),
        uses=("card.toml",),
    ),
    Target(
        "manifest",
        ("table/images.csv",),
        TABLE_OF_IMAGES,
        (
            ("vr", "data", "check", "table"),
            ("vr", "data", "card", "table/images.csv", "--out", "new.toml"),
            ("vr", "data", "preview", "card.toml", "--data", "table", "--shots", "1"),
        ),
        uses=("card.toml",),
    ),
    Target(
        "Parquet",
        ("parquet/images.parquet",),
        PARQUET,
        (
            ("vr", "data", "check", "parquet"),
            ("vr", "data", "card", "parquet/images.parquet", "--out", "new.toml"),
            ("vr", "data", "preview", "card.toml", "--data", "parquet", "--shots", "1"),
        ),
        uses=("card.toml",),
    ),
    Target("tar", ("images.tar",), TAR, (("vr", "predict", "run", "images.tar"),), uses=("run", "tiny")),
    Target(
        "Parquet of images",
        ("stored.parquet",),
        PARQUET,
        (("vr", "predict", "run", "stored.parquet"),),
        uses=("run", "tiny"),
        weight=3,
    ),
    Target(
        "image",
        ("formats/*",),
        IMAGE,
        (
            ("vr", "data", "show", "formats", "--out", "shown"),
            ("vr", "predict", "run", "formats"),
            ("vr", "data", "show", "formats", "--out", "shown", "--backbone", "tiny", "--weights", "random"),
        ),
        uses=("run", "tiny"),
        weight=10,
    ),
    Target(
        "DICOM",
        ("dicom/*",),
        DICOM,
        (
            ("vr", "data", "show", "dicom", "--out", "shown"),
            ("vr", "predict", "run", "dicom"),
        ),
        uses=("run", "tiny"),
        weight=6,
    ),
    Target(
        "image in a collection",
        ("images/train/bright_spot/0.png", "images/train/dark_ring/3.png"),
        IMAGE,
        (("vr", "data", "check", "images"), ("vr", "data", "preview", "images", "--shots", "1")),
        weight=2,
    ),
)
