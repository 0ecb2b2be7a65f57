"""Images and collections of images."""

from __future__ import annotations

from tests.fuzz import readers
from tests.fuzz.byte_mutations import BYTES
from tests.fuzz.container_mutations import DICOM, IMAGE, NPZ, PARQUET, TABLE_OF_IMAGES, TAR, ZIP
from tests.fuzz.target import Target
from tests.fuzz.tree_mutations import JSON


def _collection(path: str, card: str | None = None) -> tuple[tuple[str, ...], ...]:
    """The commands that read a collection; `card`: what the card is made from, where that is another path."""
    return (
        ("vr", "data", "check", path),
        ("vr", "data", "card", card or path, "--out", "new.toml"),
        ("vr", "data", "preview", "card.toml", "--data", path, "--shots", "1"),
    )


IMAGE_TARGETS: tuple[Target, ...] = (
    Target(
        "zip",
        ("toy.zip",),
        ZIP,
        (*_collection("toy.zip"), readers.unpack),
        uses=("card.toml",),
        weight=6,
    ),
    Target(
        "npz",
        ("toy.npz",),
        NPZ,
        _collection("toy.npz"),
        uses=("card.toml",),
        weight=5,
    ),
    Target(
        "split file",
        ("coop/split_Toy.json",),
        (*JSON, *BYTES[:4]),
        _collection("coop"),
        uses=("card.toml",),
    ),
    Target(
        "manifest",
        ("table/images.csv",),
        TABLE_OF_IMAGES,
        _collection("table", "table/images.csv"),
        uses=("card.toml",),
    ),
    Target(
        "Parquet",
        ("parquet/images.parquet",),
        PARQUET,
        _collection("parquet", "parquet/images.parquet"),
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
            readers.vr_serve,
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
    Target(
        "DICOM in a collection",
        ("scans/train/bright_spot/0.dcm",),
        DICOM,
        (("vr", "data", "check", "scans"), ("vr", "data", "card", "scans", "--out", "new.toml")),
        weight=2,
    ),
    Target(
        "list of images",
        ("list.txt",),
        BYTES,
        (("vr", "predict", "run", "list.txt"),),
        uses=("run", "tiny", "images"),
        weight=2,
    ),
    Target("tar in a store", ("images.tar",), TAR, (readers.from_store,), uses=("run", "tiny"), weight=2),
    Target("zip in a store", ("toy.zip",), ZIP, (readers.from_store,), uses=("run", "tiny"), weight=2),
    Target(
        "Parquet in a store",
        ("stored.parquet",),
        PARQUET,
        (readers.from_store,),
        uses=("run", "tiny"),
        weight=2,
    ),
    Target("image in a store", ("formats/*",), IMAGE, (readers.from_store,), uses=("run", "tiny"), weight=2),
)
