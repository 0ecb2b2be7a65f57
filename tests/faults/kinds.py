"""The kinds of faults: each hits one command, and says what is wrong afterwards."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults import jobs
from tests.faults.child import End, ran, reopen_outputs
from tests.faults.jobs import Job
from tests.faults.world import World

MEGABYTE = 2**20
KILLED = -signal.SIGKILL
SIGNALS = {"sigint": signal.SIGINT, "sigterm": signal.SIGTERM, "sigkill": signal.SIGKILL}
ORPHANED = "EOFError: Ran out of input"  # Python, in a worker whose parent was killed while it started
_ENDS = {  # exit statuses; the negative ones of a command that had ended its work
    "sigint": (130, -signal.SIGINT),
    "sigterm": (143, -signal.SIGTERM),
    "sigkill": (KILLED,),
}
Files = Mapping[str, bytes]


class NoReference(Exception):
    """A command failed without a fault: what is wrong, and its output."""


@dataclass
class Reference:
    """A command without faults: its files, the shortest of its times, and files that differ between runs."""

    files: Files
    seconds: float
    changing: set[str]


@dataclass
class Bench:
    """Where faults happen, and the references that were made so far."""

    world: World
    folder: Path
    references: dict[tuple[str, ...], Reference] = field(default_factory=dict)
    number: int = 0

    def fresh(self, job: Job) -> Path:
        """A new folder, ready for the job."""
        self.number += 1
        folder = self.folder / f"w{self.number}"
        folder.mkdir()
        job.prepare(self.world, folder)
        return folder

    def reference(self, job: Job) -> Reference:
        """The job without a fault."""
        key = tuple(job.continuation)
        if key not in self.references:
            folders = [self.fresh(job) for _ in range(2)]
            ends = [ran(job.continuation, folder) for folder in folders]
            for end in ends:
                allowed = job.statuses if not job.again else (0,)
                if wrong := mistakes(end, allowed):
                    raise NoReference(wrong, end.output)
            one, two = (files(folder) for folder in folders)
            changing = {name for name in {*one, *two} if one.get(name) != two.get(name)}
            self.references[key] = Reference(one, min(end.seconds for end in ends), changing)
            for folder in folders:
                remove(folder)
        return self.references[key]


@dataclass(frozen=True)
class Verdict:
    """The outcome of one fault; `wrong` is empty if nothing failed."""

    outcome: str
    wrong: str = ""
    output: str = ""


def files(folder: Path) -> dict[str, bytes]:
    """Every file that a user sees, but for the cache `c`, which may have more or less."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not any(part.startswith(".") or part == "c" for part in path.relative_to(folder).parts)
    }


def remove(folder: Path) -> None:
    """Remove the folder of a job and its output."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.with_name(f"{folder.name}.output").unlink(missing_ok=True)


def outcome_of(end: End) -> str:
    """How a command ended, in a word."""
    if end.hung:
        return "hung"
    names = {0: "done", 1: "partly", 2: "refused", 130: "interrupted", 141: "pipe closed", 143: "terminated"}
    return names.get(end.status, f"status {end.status}")


def mistakes(end: End, allowed: tuple[int, ...]) -> str:
    """What is wrong with how a command ended."""
    if end.hung:
        return f"no end after {end.seconds:.0f} s"
    orphaned = end.status == KILLED and ORPHANED in end.output
    if ("Traceback" in end.output or "Exception ignored" in end.output) and not orphaned:
        return "traceback"
    if "\x1b[2J" in end.output or "\x07" in end.output:
        return "control characters"
    return "" if end.status in allowed else f"status {end.status}, allowed are {allowed}"


def resumed(bench: Bench, job: Job, folder: Path) -> tuple[str, str]:
    """Run the job again after its fault; what is wrong, and the output."""
    reference = bench.reference(job)
    end = ran(job.continuation, folder)
    if wrong := mistakes(end, job.statuses if not job.again else (0,)):
        return f"resume: {wrong}", end.output
    after = files(folder)
    if after.keys() != reference.files.keys():
        return f"resume: other files: {sorted(after.keys() ^ reference.files.keys())}", end.output
    different = [name for name, content in after.items() if content != reference.files[name]]
    different = [name for name in different if name not in reference.changing]
    return (f"resume: different: {different}" if different else ""), end.output


def kill(bench: Bench, job: Job, draw: random.Random) -> Verdict:
    """A signal at a random moment, to the command alone or with its workers."""
    name = draw.choice(list(SIGNALS))
    number, share, whole = SIGNALS[name], draw.uniform(0, 1.1), draw.random() < 0.5
    folder = bench.fresh(job)
    moment = share * bench.reference(job).seconds
    sent = False

    def strike(pid: int, age: float) -> None:
        nonlocal sent
        if age >= moment and not sent:
            sent = True
            with suppress(ProcessLookupError):
                (os.killpg if whole else os.kill)(pid, number)

    end = ran(job.words, folder, strike=strike)
    return _after(bench, job, folder, end, (*job.statuses, *_ENDS[name]), name)


def kill_unpacking(bench: Bench, job: Job, draw: random.Random) -> Verdict:
    """A signal while an archive is unpacked, after a random number of its files."""
    name, count = draw.choice(list(SIGNALS)), draw.randrange(bench.world.images_in_all)
    folder = bench.fresh(job)
    sent = False

    def before() -> None:  # the files are small: unslowed, the moment would pass between two looks
        from vr.data.download import unpack

        write = unpack._write

        def slowly(*arguments: Any) -> None:
            write(*arguments)
            time.sleep(0.01)

        unpack._write = slowly

    def strike(pid: int, age: float) -> None:
        nonlocal sent
        if not sent and sum(1 for _ in folder.rglob("*.png")) > count:
            sent = True
            os.kill(pid, SIGNALS[name])

    end = ran(job.words, folder, before=before, strike=strike)
    return _after(bench, job, folder, end, (*job.statuses, *_ENDS[name]), f"{name} while unpacking")


def full_disk(bench: Bench, job: Job, draw: random.Random) -> Verdict:
    """A full disk: a small file system, or where none can be made a limit of the size of files."""
    sizes = [len(content) for content in bench.reference(job).files.values()] or [1]
    folder = bench.fresh(job)
    begun = sum(len(content) for content in files(folder).values())
    room = draw.uniform(0, 1.2) * (sum(sizes) - begun)
    with small_disk(folder, begun + 16 * len(sizes) * 1024 + max(0, int(room))) as disk:
        if disk is not None:
            job.prepare(bench.world, folder)
            end = ran(job.words, folder)
            disk(f"size={256 * MEGABYTE}")
            return _after(bench, job, folder, end, (0, 1, 2), "full disk")
    limit = draw.randrange(max(sizes) + 1)
    end = ran(job.words, folder, before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    return _after(bench, job, folder, end, (0, 1, 2), "file limit")


def read_only(bench: Bench, job: Job, draw: random.Random) -> Verdict:
    """A folder that cannot be written."""
    folder = bench.fresh(job)
    before = files(folder)
    with small_disk(folder, 256 * MEGABYTE) as disk:
        if disk is not None:
            job.prepare(bench.world, folder)
            disk("ro")
        else:
            folder.chmod(0o555)
        end = ran(job.words, folder)
        changed = files(folder) != before
        if disk is not None:
            disk("rw")
        folder.chmod(0o755)
        if changed and os.geteuid() != 0:
            return Verdict("changed", "a read-only folder was changed", end.output)
        return _after(bench, job, folder, end, (0, 1, 2), "read-only")


def outputs(bench: Bench, job: Job, draw: random.Random) -> Verdict:
    """Standard output and error that are closed, full, a closed pipe, or in another encoding."""
    chosen = {number: draw.choice(["closed", "full", "pipe", "ascii", "as it is"]) for number in (1, 2)}
    folder = bench.fresh(job)

    def before() -> None:
        for number, how in chosen.items():
            if how in ("full", "pipe"):
                target = os.open("/dev/full", os.O_WRONLY) if how == "full" else _broken_pipe()
                os.dup2(target, number)
                os.close(target)
        reopen_outputs("ascii" if "ascii" in chosen.values() else "utf-8")
        for number, name in ((1, "stdout"), (2, "stderr")):
            if chosen[number] == "closed":
                os.close(number)
                setattr(sys, name, None)

    end = ran(job.words, folder, before=before)
    kind = f"outputs {chosen[1]}/{chosen[2]}"
    return _after(bench, job, folder, end, (*job.statuses, 2, 141), kind)


def surroundings(bench: Bench, job: Job, draw: random.Random) -> Verdict:
    """An environment in which things are missing or wrong."""
    changed = {
        "HOME gone": {"HOME": "/nonexistent/home"},
        "TMPDIR gone": {"TMPDIR": "/nonexistent/tmp"},
        "proxy": {"HTTP_PROXY": "nonsense://[", "ALL_PROXY": "nonsense://["},
        "certificates": {"SSL_CERT_FILE": "/nonexistent.pem", "REQUESTS_CA_BUNDLE": "/nonexistent.pem"},
        "C": {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0"},
        "no VR_CACHE": {"VR_CACHE": "/proc/none/cache", "ATTRGEN_CACHE": "/proc/none/cache"},
    }
    name = draw.choice(["no HOME", "no folder", *changed])
    folder = bench.fresh(job)

    def before() -> None:
        os.environ.update(changed.get(name, {}))
        if name == "no HOME":
            os.environ.pop("HOME", None)
        if name == "no folder":
            Path("gone").mkdir()
            os.chdir("gone")
            Path("../gone").rmdir()

    end = ran(job.words, folder, before=before)
    return _after(bench, job, folder, end, (*job.statuses, 1, 2), name)


def resources(bench: Bench, job: Job, draw: random.Random) -> Verdict:
    """Few open files, or little memory more than there is in use."""
    folder = bench.fresh(job)
    if draw.random() < 0.5:
        kind, limit = "open files", draw.randint(3, 40)
        which = resource.RLIMIT_NOFILE
    else:
        kind, limit = "memory", _virtual_memory() + draw.randrange(300 * MEGABYTE)
        which = resource.RLIMIT_AS
    end = ran(job.words, folder, before=lambda: resource.setrlimit(which, (limit, limit)))
    # A native library that gets no memory may end the process: nothing is lost then, either.
    aborted = (-signal.SIGABRT, -signal.SIGSEGV, 127) if kind == "memory" else ()
    return _after(bench, job, folder, end, (*job.statuses, 1, 2, *aborted), kind)


def bad_server(bench: Bench, job: Job, draw: random.Random) -> Verdict:
    """A server that is slow or lies, then a good one."""
    folder = bench.fresh(job)
    end = ran(job.words, folder)
    return _after(bench, job, folder, end, (0, 1, 2), "server", compare=False)


def _after(
    bench: Bench,
    job: Job,
    folder: Path,
    end: End,
    allowed: tuple[int, ...],
    kind: str,
    *,
    compare: bool = True,
) -> Verdict:
    wrong, output = mistakes(end, allowed), end.output
    if not wrong:
        wrong, output = resumed(bench, job, folder)
        if not compare and wrong.startswith("resume: different"):
            wrong = ""  # texts that a lying server gave stay; the set is complete all the same
    remove(folder)
    return Verdict(f"{kind}: {outcome_of(end)}", wrong, output)


def _broken_pipe() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def _virtual_memory() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


Fault = Callable[[Bench, Job, random.Random], Verdict]


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Callable[[str], None] | None]:
    """A file system of `size` bytes at `folder`; a function that mounts it again with other options.

    None where none can be mounted, which only root can.
    """
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or shutil.which("mount") is None:
        yield None
        return
    if subprocess.run(command, capture_output=True).returncode != 0:
        yield None
        return
    try:
        yield (
            lambda options: (
                subprocess.run(
                    ["mount", "-o", f"remount,{options}", str(folder)], check=True, capture_output=True
                )
                and None
            )
        )
    finally:
        subprocess.run(["umount", "-l", str(folder)], capture_output=True)


def plan(world: World, draw: random.Random) -> tuple[Job, Fault]:
    """The command and the kind of a random fault."""
    long, short = jobs.long_jobs(world), jobs.short_jobs(world)
    kind = draw.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    if kind == "kill workers":
        return jobs.workers_job(world), kill
    if kind == "kill unpacking":
        return long["get"], kill_unpacking
    if kind == "server":
        model = draw.choice(["slow", *[f"lie-{number}" for number in range(1000)]])
        return jobs.bad_server_job(world, model), bad_server
    function = FUNCTIONS[kind]
    every = long if kind in ("kill", "full disk") else {**long, **short}
    return every[draw.choice(list(every))], function


FUNCTIONS: dict[str, Fault] = {
    "kill": kill,
    "full disk": full_disk,
    "read-only": read_only,
    "outputs": outputs,
    "surroundings": surroundings,
    "resources": resources,
}
WEIGHTS = {
    "kill": 36,
    "kill workers": 8,
    "kill unpacking": 6,
    "full disk": 15,
    "read-only": 12,
    "outputs": 12,
    "surroundings": 8,
    "resources": 8,
    "server": 12,
}
