"""Samples of what commands keep between their calls, and of what servers send."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

TRAINING = """\
dataset = "card.toml"
attrs = "set.json"
backbone = "tiny"
weights = "random"
shots = 2
method = "attrvr"
[options]
k = 2
[recipe]
epochs = 2
"""
SLURM = """\
partition = "gpu"
account = "toy"
time = "04:00:00"
memory = "16G"
cpus = 4
gpus = "a100:1"
cells_per_task = 2
at_once = 8
prologue = ["module load cuda"]
options = ["--exclude=node7"]
"""


def write_states(folder: Path) -> None:
    """Write drafts, studies, parts, locks and settings; the other samples are in `folder`, where we are."""
    _drafts(folder)
    _sweeps(folder)
    _predictions(folder)
    _tower(folder)


def _drafts(folder: Path) -> None:
    from attrgen.curation import edit, edit_form
    from attrgen.curation.serving.session import Session
    from attrgen.schema import card

    job = edit.job_of(folder / "set.json", card.find("card.toml"), "bright spot")
    form = edit_form.dumps(job.before, "bright spot", job.confusable)
    job.draft.write_text(
        form.replace("[descriptive]\n", "[descriptive]\na small round glow in the middle\n", 1)
    )
    session = Session.open(folder / "set.json")
    state = session.state()
    edited = {key: state[key] for key in ("based_on", "lists")}
    edited["lists"][0]["texts"].append("a small round glow in the middle")
    (folder / "edit.json").write_text(json.dumps(edited))
    session.draft.write_text(json.dumps(edited, indent=1))


def _sweeps(folder: Path) -> None:
    from tests.fuzz import readers
    from vr.runs.experiment import Experiment

    (folder / "training.toml").write_text(TRAINING)
    (folder / "slurm.toml").write_text(SLURM)
    cells = [Experiment(dataset="card.toml", attrs=Path("set.json"), shots=shots) for shots in (1, 2)]
    (folder / "cells.jsonl").write_text("".join(f"{cell.model_dump_json()}\n" for cell in cells))
    readers.tuning_study(folder / "tuning")


def _predictions(folder: Path) -> None:
    from attrgen.core import locks
    from tests.fuzz import readers
    from vr.inference.blocks import AT, ERROR
    from vr.inference.parquet_parts import write_part
    from vr.report.comparison.curve import CSV_COLUMNS

    classes = ("bright spot", "dark ring", "plain ground")
    row = {AT: 0, "path": "a.png", "predicted": classes[0], "confidence": 0.8, "abstained": False}
    row |= {
        "set": list(classes[:1]),
        "flagged": True,
        "probabilities": dict(zip(classes, (0.8, 0.1, 0.1), strict=True)),
    }
    failed = {AT: 1, "path": "b.png", ERROR: "damaged", "code": "image-damaged", "remedy": "Restore it."}
    write_part(folder / "part.parquet", classes, [row, failed])
    readers.head_of_ray()
    shutil.copy(folder / "part.parquet", folder / "parts" / "part-000000000000-000000000002.parquet")
    (folder / "held.lock.json").write_text(locks._this_process().model_dump_json(indent=2))
    (folder / "curve.csv").write_text(
        ",".join(CSV_COLUMNS) + "\ntoy,tiny,attrvr,1,accuracy,0.5,0.1,2,0.4 0.6\n"
    )
    images = [f"images/test/{name}/0.png" for name in ("bright_spot", "dark_ring")]
    (folder / "list.txt").write_text("".join(f"{image}\n" for image in images))


def _tower(folder: Path) -> None:
    import numpy as np

    (folder / "tower").mkdir()
    size = {"hidden_size": 24, "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 48}
    (folder / "tower" / "config.json").write_text(
        json.dumps({"model_type": "bert", "vocab_size": 100, **size})
    )
    words = {"[PAD]": 0, "[UNK]": 1, "a": 2, "bright": 3, "spot": 4}
    model = {"type": "WordLevel", "vocab": words, "unk_token": "[UNK]"}
    parts = {"normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "Whitespace"}}
    rest = {"truncation": None, "padding": None, "added_tokens": [], "post_processor": None, "decoder": None}
    file = {"version": "1.0", **rest, **parts, "model": model}
    (folder / "tower" / "tokenizer.json").write_text(json.dumps(file))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]", "unk_token": "[UNK]"}
    (folder / "tower" / "tokenizer_config.json").write_text(json.dumps(settings))
    np.savez(folder / "weights.npz", **{"img/embedding/kernel": np.zeros((8, 8, 3, 32), np.float32)})


def write_point(folder: Path) -> None:
    """Give the run an operating point."""
    from vr.evaluation import operating_point
    from vr.evaluation.calibration import model_id

    point = operating_point.OperatingPoint(
        class_name="bright spot",
        target="sensitivity",
        value=0.9,
        threshold=0.4,
        temperature=1.0,
        model=model_id(folder / "run"),
        images_from="validation images",
        images=6,
        images_of_class=2,
        reached=1.0,
    )
    operating_point.save(point, folder / "run")


def write_responses(folder: Path) -> None:
    """Write what a server of models and the hub send."""
    served = folder / "served"
    served.mkdir()
    texts = [
        "a small round glow in the middle",
        "a pale rim around a dark centre",
        "thin bright lines at the left",
    ]
    message = {"role": "assistant", "content": json.dumps({"attributes": texts}), "refusal": None}
    usage = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}
    answer = {"id": "x", "object": "chat.completion", "created": 0, "model": "tiny-2026"}
    answer |= {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}
    _response(served / "answer.http", answer)
    _response(served / "models.http", {"object": "list", "data": [{"id": "tiny", "object": "model"}]})
    content = (folder / "set.json").read_bytes()
    archive = (folder / "toy.zip").read_bytes()
    files = {"toy.json": content, "toy.id": _id_of(folder).encode(), "toy.zip": archive}
    tree = [{"type": "file", "path": p, "size": len(c), "oid": "0" * 40} for p, c in files.items()]
    _response(served / "tree.http", tree)
    for name, path in (("set", "toy.json"), ("id", "toy.id"), ("archive", "toy.zip"), ("other", "toy.id")):
        _response(served / f"{name}.http", files[path])
    _response(served / "validated.http", {"warnings": [], "errors": []})
    _response(served / "created.http", {"url": "https://huggingface.co/me/model"})
    names = ["README.md", *(file.name for file in (folder / "run").iterdir())]
    how = [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in names]
    _response(served / "preupload.http", {"files": how})
    _response(
        served / "commit.http", {"commitUrl": "https://huggingface.co/me/model/commit/1", "commitOid": "1"}
    )


def _id_of(folder: Path) -> str:
    from attrgen.schema import attribute_set

    return attribute_set.load(folder / "set.json").id


def _response(file: Path, value: Any) -> None:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    kind = "application/octet-stream" if isinstance(value, bytes) else "application/json"
    etag = hashlib.sha256(content).hexdigest()
    head = ["HTTP/1.1 200 OK", f"Content-Type: {kind}", f"Content-Length: {len(content)}", f'ETag: "{etag}"']
    head += [f"X-Repo-Commit: {'1' * 40}", "Connection: close"]
    file.write_bytes("\r\n".join((*head, "", "")).encode() + content)
