"""One case: a damaged file, a command that reads it, and what became of it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
import re
import resource
import shutil
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from attrgen.core.errors import UserError
from tests.fuzz import hostile_values
from tests.fuzz.target import Command, Target
from tests.fuzz.targets import TARGETS

OK, REFUSED = "ok", "refused"
TRACEBACK, HANG, MEMORY, DIED = "traceback", "hang", "memory", "died"
LOST, SECRET, CANARY, CONTROL = "lost", "secret shown", "canary ran", "control characters shown"
OUTCOMES = (OK, REFUSED, TRACEBACK, HANG, MEMORY, DIED, LOST, SECRET, CANARY, CONTROL)
FAILURES = OUTCOMES[2:]
MOST_MEMORY = 1_500_000_000  # bytes that one case may add to what its process had
_CONTROL = re.compile(r"(?!\x1b\[[0-9;]*m|\x1b\[A)[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_HARD_LIMIT = 4_000_000_000  # bytes beyond what the process has, at which the system refuses


@dataclass(frozen=True)
class Result:
    """What became of a case. `where` tells failures of one cause from others."""

    target: str
    number: int
    outcome: str
    where: str = ""
    detail: str = ""
    code: str = ""


@dataclass(frozen=True)
class Case:
    """Everything that is drawn for a case from the seed, the target and the number."""

    target: Target
    seed: int
    number: int

    @property
    def rng(self) -> Random:
        return Random(f"{self.seed}/{self.target.name}/{self.number}")

    @property
    def reproduction(self) -> str:
        return f"python -m tests.fuzz --seed {self.seed} --only '{self.target.name}' --case {self.number}"


def target_named(name: str) -> Target:
    """The target of that name."""
    return next(target for target in TARGETS if target.name == name)


def run(case: Case, samples: Path, folder: Path) -> Result:
    """Damage a file in a fresh copy of the samples in `folder`, and run a command there."""
    rng = case.rng
    file, command = _prepared(case, rng, samples, folder)
    before = {path: _digest(path) for path in _given(folder)}
    planted = _keys_in(before)
    _reset_peak()
    had = peak()
    with _inside(folder):
        outcome = _called(command)
    added = peak() - had
    words = " ".join(command) if isinstance(command, tuple) else command.__name__
    return replace(
        _judged(case, outcome, folder, before, planted, added),
        detail=f"{words}\n{file.relative_to(folder)}\n{outcome.text}",
    )


@dataclass(frozen=True)
class _Outcome:
    """Exit status, printed text, and the traceback of an exception that nobody caught."""

    status: int
    text: str
    trace: str = ""
    where: str = ""
    code: str = ""


def _prepared(case: Case, rng: Random, samples: Path, folder: Path) -> tuple[Path, Command]:
    """A fresh copy with one damaged file; the command to run."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    target = case.target
    choices = sorted(path for pattern in target.files for path in samples.glob(pattern) if path.is_file())
    chosen = rng.choice(choices)
    tops = {chosen.relative_to(samples).parts[0]}
    for pattern in (*target.files, *target.uses):
        tops.add(Path(pattern).parts[0])
    shown = {"formats", "dicom"} & {chosen.relative_to(samples).parts[0]}
    for top in sorted(tops):
        source = samples / top
        if top in shown:  # the other images of the folder say nothing
            (folder / top).mkdir()
        elif source.is_dir() and (top not in target.uses or top == "run"):
            shutil.copytree(source, folder / top)
        elif source.is_dir():
            (folder / top).symlink_to(source)
        elif source.is_file():
            shutil.copy(source, folder / top)
    content = chosen.read_bytes()
    for _ in range(rng.choice((1, 1, 1, 2))):
        mutation = rng.choice(target.mutations)
        try:
            content = mutation(rng, content)
        except Exception:  # the first damage left nothing that the second one can take apart
            break
    file = folder / chosen.relative_to(samples)
    file.write_bytes(content)
    if target.name == "pickled weights" or target.name == "weights":
        for other in folder.glob("*.pth") if chosen.suffix != ".pth" else folder.glob("weights.*"):
            other.unlink()
    return file, rng.choice(target.commands)


def _given(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield path


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """The working folder, and the caches and keys of the environment."""
    before, environment = Path.cwd(), dict(os.environ)
    os.chdir(folder)
    os.environ.update(
        hostile_values.ENVIRONMENT, VR_CACHE=str(folder / "vr-cache"), VR_DATA=str(folder / "data")
    )
    os.environ.update(HF_HUB_OFFLINE="1", NO_PROXY="*", COLUMNS="200", TERM="dumb", NO_COLOR="1")
    try:
        yield
    finally:
        os.chdir(before)
        os.environ.clear()
        os.environ.update(environment)


class _Terminal(io.TextIOWrapper):
    """The bytes that a terminal would get."""

    def isatty(self) -> bool:
        return True


def _called(command: Command) -> _Outcome:
    """Run a command with its output caught, as the console script would."""
    from attrgen import cli as attrgen_cli
    from attrgen.core import command as core
    from vr import cli as vr_cli

    codes: list[str] = []

    def recorded(app: Callable[[], None]) -> Callable[[], None]:
        def call() -> None:
            _log_to_the_terminal()
            try:
                app()
            except UserError as error:
                codes.append(error.code)
                raise

        return call

    if isinstance(command, tuple):
        app = recorded(attrgen_cli.app if command[0] == "attrgen" else vr_cli.app)
        words = list(command)
    else:
        app, words = recorded(command), ["function"]
    stream = io.BytesIO()
    output = _Terminal(stream, "utf-8", errors="strict", write_through=True)
    saved = sys.stdout, sys.stderr, sys.stdin, sys.argv
    sys.stdout = sys.stderr = output
    sys.stdin, sys.argv = io.TextIOWrapper(io.BytesIO(b"")), words
    trace, where, status = "", "", 0
    try:
        core.run(app)
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    except BaseException as error:
        trace, where = traceback.format_exc(), _where(error)
    finally:
        sys.stdout, sys.stderr, sys.stdin, sys.argv = saved
    text = stream.getvalue().decode("utf-8", "backslashreplace")
    return _Outcome(status, text + trace, trace, where, codes[0] if codes else "")


def _log_to_the_terminal() -> None:
    """Let the libraries, which were imported before, log to where a command writes."""
    for logger in list(logging.Logger.manager.loggerDict.values()):
        for handler in getattr(logger, "handlers", ()):
            if type(handler) is logging.StreamHandler:
                handler.setStream(sys.stderr)


def _where(error: BaseException) -> str:
    """Type of an exception, and the last line of this project that it passed."""
    frames = traceback.extract_tb(error.__traceback__)
    root = str(Path(__file__).parents[2])
    own = [f for f in frames if f.filename.startswith((f"{root}/attrgen", f"{root}/vr"))]
    frame = own[-1] if own else frames[-1]
    return f"{type(error).__name__} in {Path(frame.filename).name}:{frame.lineno} {frame.name}"


def _judged(
    case: Case, outcome: _Outcome, folder: Path, before: dict[Path, str], planted: set[bytes], added: int
) -> Result:
    """Judge a case.

    Args:
        before: digests of the files before the command.
        planted: keys of the environment that were in them.
        added: bytes of memory that the command needed beyond what the process had.
    """

    def result(kind: str, where: str = "") -> Result:
        return Result(case.target.name, case.number, kind, where or outcome.where, code=outcome.code)

    if any(path.is_file() for path in folder.rglob(hostile_values.CANARY)):  # no folder of that name
        return result(CANARY, "a planted command ran")
    if page := _page_that_runs(folder, before):
        return result(CANARY, f"{page} would run it in a browser")
    if outcome.trace:
        kind = MEMORY if outcome.where.startswith("MemoryError") else TRACEBACK
        return result(kind)
    if added > MOST_MEMORY:
        return result(MEMORY, f"{added / 1e9:.1f} GB")
    if any(secret in outcome.text for secret in hostile_values.SECRETS):
        return result(SECRET, outcome.code)
    if _keys_in(path for path in _given(folder) if path not in before) - planted:
        return result(SECRET, "written into a file")
    if _CONTROL.search(outcome.text):
        return result(CONTROL, outcome.code)
    changed = [
        path.relative_to(folder)
        for path, digest in before.items()
        if not path.is_file() or _digest(path) != digest
    ]
    lost = [name for name in changed if not any(map(name.match, case.target.may_change))]
    if outcome.status != 0 and lost:
        return result(LOST, str(lost[0]))
    return result(OK if outcome.status in (0, 1) else REFUSED)


def _page_that_runs(folder: Path, before: dict[Path, str]) -> str:
    """A page that was written with a planted element in it, unescaped."""
    for path in _given(folder):
        if path not in before and path.suffix in (".html", ".svg") and hostile_values.ELEMENT in _read(path):
            return path.name
    return ""


def _keys_in(files: Iterable[Path]) -> set[bytes]:
    """The keys of the environment that are in files."""
    keys = [key.encode() for key in hostile_values.ENVIRONMENT.values()]
    return {key for content in map(_read, files) for key in keys if key in content}


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def limit_memory() -> None:
    """Let the system refuse what would fill the machine, rather than kill something else."""
    used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (used + _HARD_LIMIT, used + _HARD_LIMIT))


def _reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """Bytes that this process had resident at most since the case began."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return 0
