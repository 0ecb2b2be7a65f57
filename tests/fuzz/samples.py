"""One small valid file of every kind that the commands read, in one folder."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tarfile
import zipfile
from pathlib import Path
from typing import Any

from attrgen.core.resources import resource
from tests.fuzz.samples_of_state import write_point, write_responses, write_states

TESTS = Path(__file__).parents[1]
CLASSES = ("bright_spot", "dark_ring", "plain_ground")
SPLITS = ("train", "val", "test")
CARD = """\
name = "toy"
title = "Toy"
version = 1
modality = "CT"
shows = "a toy"
greyscale = true
licence = "CC-BY-4.0"
source = "https://example.org/toy"
citation = "Toy et al."
[images]
folder = "images"
layout = "folder"
download = "https://example.org/toy.zip"
window = [40.0, 400.0]
group = "(train|val|test)-"
[counts]
train = 21
val = 6
test = 12
[[classes]]
name = "bright spot"
folder = "bright_spot"
aliases = ["spot"]
[[classes]]
name = "dark ring"
folder = "dark_ring"
aliases = ["ring"]
[[classes]]
name = "plain ground"
folder = "plain_ground"
[confusers]
"bright spot" = ["dark ring"]
"""
PRICES = '[models."tiny"]\ninput = 0.5\noutput = 2.0\n[models.other]\ninput = 1\noutput = 1\n'
RECIPE = """\
title = "Toy"
datasets = ["card.toml", {dataset = "images", data = "images", attrs = "set.json"}]
methods = ["zero-shot", {method = "biomedvr", preset = "paper", options = {k = 2}, recipe = {epochs = 1}}]
shots = [1, 2]
seeds = [1]
[common]
backbone = "tiny"
weights = "random"
recipe = {batch_size = 2}
"""


def write_samples(folder: Path) -> None:
    """Write all samples below `folder`, which must exist and be the working folder."""
    stored = TESTS / "vr" / "compatibility" / "run-1"
    for name in ("run", "images", "tiny"):
        shutil.copytree(stored / name, folder / name)
    shutil.copytree(stored / "run", folder / "other-run")
    _attributes(folder)
    _collections(folder)
    _images(folder)
    _dicom(folder)
    _caches(folder)
    _models(folder)
    write_states(folder)
    write_responses(folder)


def _attributes(folder: Path) -> None:
    before = TESTS / "attrgen" / "compatibility"
    (folder / "card.toml").write_text(CARD)
    (folder / "prices.toml").write_text(PRICES)
    (folder / "recipe.toml").write_text(RECIPE)
    shutil.copy(folder / "run" / "attributes.json", folder / "set.json")
    other = json.loads((folder / "set.json").read_text())
    other["classes"] = {"bright spot": {"ensemble": ["an image of a bright spot"]}}
    (folder / "other.json").write_text(json.dumps(other, indent=2))
    shutil.copy(before / "lumps.toml", folder / "lumps.toml")
    shutil.copy(before / "answers.jsonl", folder / "answers.jsonl")
    shutil.copytree(resource("prompts"), folder / "prompts")
    shutil.copytree(before / "prompts", folder / "lumps-prompts")
    lists = {name: [f"a {name} of kind {i}" for i in range(3)] for name in CLASSES}
    for suffix in ("des", "confuse"):
        (folder / f"toy_{suffix}.json").write_text(json.dumps(lists, indent=2))
    rows = [f"{name},descriptive,,a {name} of kind {i}" for name in CLASSES for i in range(2)]
    rows.append("bright_spot,confusion,dark_ring,a ring that looks like a spot")
    (folder / "table.csv").write_text("class,kind,confused,text\n" + "\n".join(rows) + "\n")


def _collections(folder: Path) -> None:
    images = sorted((folder / "images").rglob("*.png"))
    named = [(path, *path.relative_to(folder / "images").parts) for path in images]
    with zipfile.ZipFile(folder / "toy.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path, split, name, file in named:
            archive.write(path, f"Toy/{split}/{name}/{file}")
    with tarfile.open(folder / "images.tar", "w") as archive:
        archive.add(folder / "images" / "test", "test")
    split_file: dict[str, list[Any]] = {split: [] for split in SPLITS}
    for _, split, name, file in named:
        split_file[split].append([f"{split}/{name}/{file}", CLASSES.index(name), name.replace("_", " ")])
    for collection in ("coop", "table", "parquet"):
        shutil.copytree(folder / "images", folder / collection)
    (folder / "coop" / "split_Toy.json").write_text(json.dumps(split_file, indent=1))
    rows = [(f"{split}/{name}/{file}", name, split, f"patient {file}") for _, split, name, file in named]
    lines = [",".join(row) for row in (("path", "label", "split", "patient"), *rows)]
    (folder / "table" / "images.csv").write_text("\n".join(lines) + "\n")
    _arrays(folder, named)
    _parquet(folder, rows)


def _arrays(folder: Path, named: list[Any]) -> None:
    import numpy as np
    from PIL import Image

    arrays = {}
    for split in SPLITS:
        chosen = [(path, name) for path, of, name, _ in named if of == split]
        small = [np.asarray(Image.open(path).convert("L").resize((12, 12))) for path, _ in chosen]
        arrays[f"{split}_images"] = np.stack(small)
        arrays[f"{split}_labels"] = np.array([[CLASSES.index(name)] for _, name in chosen], np.uint8)
    np.savez_compressed(folder / "toy.npz", **arrays)


def _parquet(folder: Path, rows: list[tuple[str, ...]]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    titles = ("path", "label", "split", "patient")
    table = pa.table(dict(zip(titles, map(list, zip(*rows, strict=True)), strict=True)))
    parquet.write_table(table, folder / "parquet" / "images.parquet")
    content = [(folder / "images" / row[0]).read_bytes() for row in rows[:6]]
    stored = pa.table({"image": [{"bytes": image, "path": None} for image in content], "label": [0] * 6})
    parquet.write_table(stored, folder / "stored.parquet")


def _images(folder: Path) -> None:
    import numpy as np
    from PIL import Image

    shown = folder / "formats"
    shown.mkdir()
    values = np.random.default_rng(1).integers(0, 256, (20, 24, 3), np.uint8)
    colour, grey = Image.fromarray(values), Image.fromarray(values[..., 0])
    deep = Image.fromarray(values[..., 0].astype(np.uint16) * 200)
    for suffix in ("png", "jpg", "tif", "bmp", "webp", "gif", "ppm", "jp2", "avif"):
        colour.save(shown / f"colour.{suffix}")
    grey.save(shown / "grey.png")
    deep.save(shown / "deep.png")
    deep.save(shown / "deep.tif", compression="tiff_lzw")
    colour.convert("P").save(shown / "palette.png", transparency=3)
    colour.save(shown / "frames.gif", save_all=True, append_images=[colour.rotate(90)])
    exif = Image.Exif()
    exif[274] = 6
    colour.save(shown / "turned.jpg", exif=exif)
    colour.convert("CMYK").save(shown / "cmyk.jpg")


def _dicom(folder: Path) -> None:
    import numpy as np
    import pydicom
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import (
        DeflatedExplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        RLELossless,
        generate_uid,
    )

    shown = folder / "dicom"
    shown.mkdir()
    scans = [folder / "scans" / split / name / "0.dcm" for split in SPLITS for name in CLASSES]
    values = np.random.default_rng(2).integers(0, 4000, (16, 18), np.uint16)
    syntaxes = {
        "explicit": ExplicitVRLittleEndian,
        "implicit": ImplicitVRLittleEndian,
        "deflated": DeflatedExplicitVRLittleEndian,
        "rle": RLELossless,
    }
    for name, syntax in syntaxes.items():
        data = pydicom.Dataset()
        data.file_meta = FileMetaDataset()
        data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if name == "rle" else syntax
        data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid(entropy_srcs=[name])
        data.PatientID, data.Modality = "patient 1", "CT"
        data.Rows, data.Columns, data.SamplesPerPixel = 16, 18, 1
        data.PhotometricInterpretation, data.PixelRepresentation = "MONOCHROME2", 0
        data.BitsAllocated, data.BitsStored, data.HighBit = 16, 12, 11
        data.RescaleSlope, data.RescaleIntercept = "1", "-1024"
        data.WindowCenter, data.WindowWidth = ["40", "300"], ["400", "1500"]
        data.PixelPaddingValue = 0
        data.NumberOfFrames = "1"
        data.PixelData = values.tobytes()
        if name == "rle":
            data.compress(RLELossless)
        data.save_as(shown / f"{name}.dcm", enforce_file_format=True)
    for scan in scans:
        scan.parent.mkdir(parents=True)
        shutil.copy(shown / "explicit.dcm", scan)


def _caches(folder: Path) -> None:
    llm = folder / "cache" / "llm"
    llm.mkdir(parents=True)
    database = sqlite3.connect(llm / "cache.db")
    database.executescript((TESTS / "attrgen" / "compatibility" / "cache.sql").read_text("utf-8"))
    database.close()
    from attrgen.llm.capabilities import Capabilities, Memory

    Memory(folder / "cache").put("0123456789ab", "tiny", Capabilities())
    (folder / "content.json").write_text(json.dumps({"a.png": ["12-34", "0" * 64]}))


def _models(folder: Path) -> None:
    """Weights in three forms, a checkpoint, a journal, and the caches of texts and features."""
    import torch
    from safetensors.torch import save_file

    from vr.clip import backbone as backbones
    from vr.clip import text_embeddings
    from vr.runs import run as runs
    from vr.training import checkpoint

    backbone = backbones.load("tiny", "random")
    weights = {key: value.contiguous().half() for key, value in backbone.model.state_dict().items()}
    save_file(weights, folder / "weights.safetensors")
    torch.save(weights, folder / "weights.bin")
    torch.save({"state_dict": weights}, folder / "older.pth", _use_new_zipfile_serialization=False)
    run = runs.load_run(Path("run"), loaded=backbone)
    optimizer = torch.optim.SGD(run.method.parameters(), lr=1.0, momentum=0.9)
    state = checkpoint.capture(run.method, optimizer)
    row = {"epoch": 1.0, "loss": 0.5}
    checkpoint.save(
        checkpoint.Checkpoint(1, state, [row], run.config.fingerprint), folder / "checkpoint.safetensors"
    )
    text_embeddings.embed(backbone, ["a bright spot", "a dark ring"], folder=folder / "cache" / "text")
    _journal(folder, run)
    save_file({"features": torch.ones(1, 32)}, folder / "features.bin")
    (folder / "run" / "unreadable.csv").write_text("path,error\ntrain/bright_spot/9.png,damaged\n")
    (folder / "error.json").write_text(json.dumps({"error": "out of memory"}))


def _journal(folder: Path, run: Any) -> None:
    """The journal of a prediction that was stopped after two images."""
    from vr.evaluation import calibration, operating_point
    from vr.inference import predict
    from vr.inference.decision import decision

    write_point(folder)
    point = operating_point.load(run.path)
    rule = decision(run.card.class_names, calibration.load(run.path), point=point)
    images = [str(path) for path in sorted(Path("images/test").rglob("*.png"))[:2]]

    def stopped() -> Any:
        yield from images
        raise KeyboardInterrupt

    try:
        predict.predict_to_file(run, rule, stopped(), folder / "predicted.csv", batch_size=1, workers=1)
    except KeyboardInterrupt:
        assert predict.journal_path(folder / "predicted.csv").is_file()
