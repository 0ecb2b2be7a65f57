"""The commands that faults hit: how their folder looks before, and how they are run again after a fault."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.world import CLASSES, World

Prepare = Callable[[World, Path], None]


def _nothing(world: World, folder: Path) -> None:
    pass


@dataclass(frozen=True)
class Job:
    """A command.

    Attributes:
        words: its command line, run in a folder of its own.
        again: the command line that continues it; by default the same.
        prepare: puts files into the folder.
        statuses: exit statuses without a fault.
    """

    words: Sequence[str]
    again: Sequence[str] = ()
    prepare: Prepare = _nothing
    statuses: tuple[int, ...] = (0,)

    @property
    def name(self) -> str:
        """The command in two or three words."""
        return " ".join(word for word in self.words[:3] if word.isalpha())

    @property
    def continuation(self) -> Sequence[str]:
        """What is run after a fault."""
        return self.again or self.words


def long_jobs(world: World) -> dict[str, Job]:
    """Commands that write for a while: these are killed at random moments."""
    training = _training(world)
    build = ["attrgen", "build", "--dataset", str(world.card), "--base-url", world.url, "--concurrency", "3"]
    build += ["--out", "s.json", "--cache", "c", "--retries", "1", "--timeout", "5", "--model"]
    sweep = ["vr", "sweep", str(_recipe(world)), "--jobs"]
    predict = ["vr", "predict", "run", str(world.images), "--out", "p.csv", "--batch-size", "4"]
    return {
        "build": Job([*build, "good"]),
        "train": Job([*training, "--resume"]),
        "sweep": Job([*sweep, "1"], again=[*sweep, "1", "--retry"]),  # a full disk fails cells
        "predict": Job([*predict, "--resume"], prepare=_with_run),
        "get": Job(["vr", "data", "get", str(world.card)]),
        "eval": Job(["vr", "eval", "run", "--device", "cpu"], prepare=_with_run),
        "report": Job(["vr", "report", "run", "--device", "cpu"], prepare=_with_run),
    }


def workers_job(world: World) -> Job:
    """A sweep with two worker processes."""
    return Job(["vr", "sweep", str(_recipe(world)), "--jobs", "2"])


def bad_server_job(world: World, model: str) -> Job:
    """A build with a server that is slow or wrong, and the same with a good one."""
    build = list(long_jobs(world)["build"].words[:-1])
    return Job([*build, model], again=[*build, "good"], statuses=(0, 1, 2))


def short_jobs(world: World) -> dict[str, Job]:
    """The other commands, once each."""
    attrs, card, images = str(world.attrs), str(world.card), str(world.images)
    scan = str(world.images / "test" / CLASSES[0].replace(" ", "_") / "test-0.png")
    return {
        "check": Job(["attrgen", "check", attrs, "--dataset", card], statuses=(0, 1)),
        "fix": Job(
            ["attrgen", "check", "s.json", "--dataset", card, "--fix"], prepare=_with_spaces, statuses=(0, 1)
        ),
        "show": Job(["attrgen", "show", attrs, "--dataset", card]),
        "status": Job(["attrgen", "status", attrs, "--dataset", card, "--cache", "c"]),
        "diff": Job(["attrgen", "diff", attrs, attrs, "--dataset", card]),
        "cite": Job(["attrgen", "cite", attrs]),
        "export": Job(["attrgen", "export", attrs, "--to", "biomedvr", "--out", "e", "--dataset", card]),
        "adapt": Job(["attrgen", "adapt", attrs, "--dataset", card, "--out", "a.json"]),
        "merge": Job(["attrgen", "merge", attrs, attrs, "--out", "m.json", "--dataset", card]),
        "import": Job(["attrgen", "import", str(_table(world)), "--out", "i.json", "--dataset", card]),
        "schema": Job(["attrgen", "schema"]),
        "prompts": Job(["attrgen", "prompts", "list"]),
        "cache": Job(["attrgen", "cache", "list", "--cache", "c"]),
        "doctor": Job(["attrgen", "doctor", "--base-url", world.url, "--model", "good", "--cache", "c"]),
        "offline": Job(
            ["attrgen", "build", "--dataset", "busi", "--offline", "--out", "b.json", "--cache", "c"]
        ),
        "dry": Job(["attrgen", "build", "--dataset", card, "--dry-run", "--out", "b.json", "--cache", "c"]),
        "methods": Job(["vr", "methods"]),
        "list": Job(["vr", "data", "list"]),
        "data-check": Job(["vr", "data", "check", card, "--data", images]),
        "data-card": Job(["vr", "data", "card", images], statuses=(0, 2)),  # a card there is never replaced
        "preview": Job(["vr", "data", "preview", card, "--data", images, "--shots", "2", "--out", "p.png"]),
        "data-show": _forced(["vr", "data", "show", scan, "--out", "shown"]),
        "explain": _forced(["vr", "explain", "run", scan, "--html", "e.html"], prepare=_with_run),
        "calibrate": _forced(["vr", "calibrate", "run", "--data", images], prepare=_with_run),
        "table": Job(["vr", "table", "run", "--out", "t.md"], prepare=_with_run),
        "curve": Job(["vr", "curve", "run", "--out", "c.png"], prepare=_with_run),
        "card": _forced(["vr", "card", "run"], prepare=_with_run),
        "runs": Job(["vr", "runs", "list", "run"], prepare=_with_run),
        "push": Job(["vr", "push", "run", "me/it", "--dry-run"], prepare=_with_run),
        "audit": Job(["vr", "audit", *_audit(world)]),
        "version": Job(["vr", "--version"]),
        "help": Job(["attrgen", "build", "--help"]),
    }


def _forced(words: list[str], prepare: Prepare = _nothing) -> Job:
    """A command that does not overwrite unasked what it wrote before the fault."""
    return Job(words, again=[*words, "--force"], prepare=prepare)


def _training(world: World) -> list[str]:
    words = ["vr", "train", "--dataset", str(world.card), "--data", str(world.images)]
    words += ["--attrs", str(world.attrs), "--backbone", str(world.backbone), "--weights", "random"]
    words += ["--device", "cpu", "--shots", "2", "--epochs", "3", "--batch-size", "4", "--lr", "5"]
    return [*words, "--out", "run"]


def _audit(world: World) -> list[str]:
    words = ["--dataset", str(world.card), "--data", str(world.images), "--attrs", str(world.attrs)]
    return [
        *words,
        "--backbone",
        str(world.backbone),
        "--weights",
        "random",
        "--device",
        "cpu",
        "--shots",
        "2",
    ]


def training(world: World) -> Job:
    """The training of the run that the world has."""
    return Job(_training(world))


def _recipe(world: World) -> Path:
    path = world.root / "recipe.toml"
    path.write_text(
        f'datasets = [{{ dataset = "{world.card}", data = "{world.images}", attrs = "{world.attrs}" }}]\n'
        'methods = ["zero-shot", "attrvr"]\nshots = [2]\nseeds = [1]\n[common]\n'
        f'backbone = "{world.backbone}"\nweights = "random"\ndevice = "cpu"\nruns = "runs"\n'
        "[common.recipe]\nepochs = 3\nbatch_size = 4\nlr = 5.0\n"
    )
    return path


def _table(world: World) -> Path:
    path = world.root / "texts.csv"
    path.write_text(
        "class,kind,confused,text\n" + "".join(f"{name},descriptive,,a {name} seen\n" for name in CLASSES)
    )
    return path


def _with_run(world: World, folder: Path) -> None:
    shutil.copytree(world.run, folder / "run")


def _with_spaces(world: World, folder: Path) -> None:
    (folder / "s.json").write_text(world.attrs.read_text().replace("drawn in", "drawn  in "))
