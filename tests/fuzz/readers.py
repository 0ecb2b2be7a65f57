"""Functions that read a file, where no command reads it alone."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.fuzz.target import IMAGES


def checkpoint() -> None:
    import torch

    from vr.runs import run as runs
    from vr.training import checkpoint

    run = runs.load_run(Path("run"))
    stored = checkpoint.load(Path("checkpoint.safetensors"), run.config.fingerprint)
    if stored is not None:
        checkpoint.restore(stored.tensors, run.method, torch.optim.SGD(run.method.parameters(), lr=1.0))


def text_cache() -> None:
    from vr.clip import backbone, text_embeddings

    loaded = backbone.load("tiny", "random")
    rows = text_embeddings.embed(loaded, ["a bright spot", "a new text"], folder=Path("cache/text"))
    assert rows.shape == (2, 32)


def feature_cache() -> None:
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


def weights() -> None:
    from vr.clip import backbone

    file = next(Path().glob("weights.*"), Path("older.pth"))
    backbone.load("tiny", str(file))


def content_cache() -> None:
    from vr.data.sampling import content

    content._read(Path("content.json"))


def sweep_error() -> None:
    from vr.training.sweep import cell

    cell.read_error(Path())


def unpack() -> None:
    from vr.data.download.unpack import unpack

    unpack(Path("toy.zip"), Path("unpacked"))


def server_memory() -> None:
    from attrgen.llm.capabilities import Memory

    memory = Memory(Path("cache"))
    memory.get("0123456789ab", "tiny")
    memory.forget("0123456789ab", "tiny")


def resolve() -> None:
    from vr.runs.experiment import Experiment, resolve

    resolve(Experiment(dataset="card.toml", attrs=Path("set.json"), shots=1))


def api_set() -> None:
    import attrgen

    loaded = attrgen.load("set.json")
    loaded._repr_html_()


def edit() -> None:
    """Continue a draft, and save it where that can be."""
    _edit("save")


def edit_and_quit() -> None:
    """Continue a draft, and save nothing."""
    _edit("quit")


def _edit(wish: str) -> None:
    import os

    from attrgen.curation import edit as editing
    from attrgen.schema import attribute_set, card

    os.environ["EDITOR"] = "true"  # the editor changes nothing
    job = editing.job_of(Path("set.json"), card.find("card.toml"), "bright spot")
    editing.edit(job, lambda _, answers: wish if wish in answers else answers[-1], print)
    attribute_set.load(Path("set.json"))


def serve() -> None:
    """What the page of `attrgen serve` asks for, with the draft that is there and with an edit."""
    from attrgen.core.errors import UserError
    from attrgen.curation.serving.app import make_app
    from attrgen.curation.serving.session import Session
    from attrgen.schema import attribute_set

    client = _browser(make_app(Session.open(Path("set.json")), "secret"))
    answers = [client.get("/secret/state")]
    edited = Path("edit.json").read_bytes()
    answers += [client.post(f"/secret/{what}", content=edited) for what in ("draft", "save")]
    answers.append(client.get("/secret/state"))
    attribute_set.load(Path("set.json"))
    for answer in answers:
        if "error" in (told := answer.json()):
            raise UserError(told["error"], code=told["code"])


def vr_serve() -> None:
    """What the page of `vr serve` asks for, with one image."""
    from attrgen.core.errors import UserError
    from vr.report.serving.app import make_app
    from vr.runs import run as runs

    client = _browser(make_app(runs.load_run(Path("run"), device="cpu"), "secret", grid=3))
    client.get("/secret/")
    image = next(Path("formats").iterdir())
    answer = client.post("/secret/answer", params={"name": image.name}, content=image.read_bytes())
    if answer.status_code != 200:
        raise UserError(answer.text, code="answer-refused")


def _browser(app: Any) -> Any:
    from starlette.testclient import TestClient

    return TestClient(app, base_url="http://127.0.0.1:1")


def slurm() -> None:
    """The settings of Slurm, and the script that they give."""
    from vr.training.sweep import slurm as slurms

    slurms.job_script(slurms.read_settings(Path("slurm.toml")), Path("jobs"), 3, 1)


def cells() -> None:
    """The cells of a task of Slurm."""
    from vr.training.sweep.task import cells_of

    assert len(cells_of(Path("cells.jsonl"), 0, 2)) == 2


def study() -> None:
    """The study of `vr tune`, continued."""
    tuning_study(Path("tuning"))


def tuning_study(folder: Path) -> None:
    """A study with one trial at least, in a folder."""
    from vr.runs.experiment import Experiment
    from vr.runs.experiment import resolve as resolved_of
    from vr.training.studies import tuning
    from vr.training.studies.space import space_of

    resolved = resolved_of(Experiment(dataset="card.toml", attrs=Path("set.json"), shots=1))
    space = space_of(resolved.options, resolved.recipe, {"lr": "1..10"})
    record = tuning._record(tuning.Budget(trials=3), space)
    opened = tuning._study(folder, resolved, record, space, 1)
    if tuning._ended(opened) < 2:
        trial = opened.ask()
        trial.set_user_attr("accuracy", 0.5)
        opened.tell(trial, 0.5)
    tuning._best(opened)


def part_of_ray() -> None:
    """A part of a prediction on Ray."""
    from vr.inference.outcome import write_ordered
    from vr.inference.parquet_parts import read_part

    classes = ("bright spot", "dark ring", "plain ground")
    rows = read_part(Path("part.parquet"), classes, sets=True, flags=True)
    write_ordered(Path("table.csv"), classes, rows, sets=True, flags=True)


def head_of_ray() -> None:
    """The settings and the list of a prediction on Ray."""
    from vr.evaluation import calibration
    from vr.inference import on_ray
    from vr.inference.decision import decision
    from vr.runs.run import read_config

    rule = decision(read_config(Path("run")).card.class_names, calibration.load(Path("run")))
    setup = on_ray.Setup(Path("run"), {}, rule, 1, 1)
    chunks = on_ray._prepare(Path("parts"), setup, ["a.png", "b.png"], 0, False)
    assert [list(on_ray._paths_of(Path("parts") / on_ray._LIST, chunk)) for chunk in chunks] == [
        ["a.png", "b.png"]
    ]


def lock_holder() -> None:
    """The note of the process that holds a lock, as the message shows it."""
    from attrgen.core import locks

    print(locks._in_use(Path("set.json"), locks._holder(Path("held.lock"))))


def text_tower() -> None:
    """The configuration of a text tower of Hugging Face's."""
    from vr.clip import text_files

    assert text_files._is_text_config(Path("tower/config.json")) in (True, False)
    if text_files._is_text_config(Path("tower/config.json")):
        configuration = SimpleNamespace(text={"hf_model_name": "me/tower"}, file=Path("tower/config.json"))
        text_files.text_config(configuration, name="tower", folder=Path("tower"))  # type: ignore[arg-type]


def tokenizer() -> None:
    """The tokenizer of a text tower of Hugging Face's."""
    from vr.clip import text_files

    text = {"hf_tokenizer_name": "me/tower", "context_length": 8}
    configuration = SimpleNamespace(text=text, file=Path("tower/open_clip_config.json"))
    made = text_files.tokenizer(configuration, name="tower", folder=Path("tower"))  # type: ignore[arg-type]
    made(["a bright spot"])


def numpy_weights() -> None:
    """Weights in NumPy's form, which only other architectures have."""
    from attrgen.core.errors import UserError
    from vr.clip import backbone

    try:
        backbone.load("tiny", "weights.npz")
    except UserError as error:
        if error.code != "weights-other-architecture":
            raise


def curve_table() -> None:
    """The values of a figure that is drawn again."""
    from vr.report.comparison import curve

    curve._check(Path("curve.svg"), Path("curve.csv"), "accuracy")


def from_store() -> None:
    """Predict what is in a store, by URL."""
    import sys

    from vr.cli import app

    name = next(
        name for name in ("images.tar", "stored.parquet", "toy.zip", "formats") if Path(name).exists()
    )
    sys.argv = ["vr", "predict", "run", (Path.cwd() / name).as_uri(), "--out", "stored.csv"]
    app()
