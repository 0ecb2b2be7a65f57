"""A fixed share of the damaged files, and that the harness sees what it looks for."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from attrgen.core.errors import UserError
from tests.fuzz import case as cases
from tests.fuzz import hostile_values, planting, pool
from tests.fuzz.__main__ import chosen_cases
from tests.fuzz.case import Case
from tests.fuzz.pool import Workshop, run_cases
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS
from tests.fuzz.tree_mutations import to_toml

SHARE = 100
SEED = 1

pytestmark = [
    pytest.mark.xdist_group("fuzz"),
    pytest.mark.skipif(
        not Path("/proc/self/clear_refs").exists(), reason="memory is read from Linux's /proc"
    ),
]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("pydicom", "pyarrow"):
            pytest.importorskip(name)
        from vr.clip import backbone

        patch.setattr(backbone, "load", backbone.load)  # it is put back at the end
        yield Workshop(tmp_path_factory.mktemp("fuzz"))


def test_a_share_of_the_damaged_files(workshop: Workshop) -> None:
    results = list(run_cases(workshop, chosen_cases(SHARE, SEED), 1))
    assert len(results) == SHARE
    failures = [(r.outcome, r.where, case.reproduction) for case, r in results if r.outcome in cases.FAILURES]
    assert not failures
    outcomes = [result.outcome for _, result in results]
    assert min(outcomes.count(cases.OK), outcomes.count(cases.REFUSED)) > SHARE / 10


def test_every_sample_is_read_while_it_is_whole(workshop: Workshop, tmp_path: Path) -> None:
    """Otherwise the damaged ones would be refused for another reason."""
    refused = {}
    for target in TARGETS:
        for command in target.commands:
            whole = Target(
                target.name, target.files[:1], [lambda _, content: content], [command], target.uses
            )
            result = cases.run(Case(whole, 0, 0), workshop.samples, tmp_path / "case")
            if result.outcome != cases.OK:
                refused[target.name, str(command)] = (result.outcome, result.code)
    assert not refused


def test_every_kind_of_file_is_planted_with_secrets_and_commands(workshop: Workshop) -> None:
    for target in TARGETS:
        assert planting.plant in target.mutations, target.name
        for file in {path for pattern in target.files for path in workshop.samples.glob(pattern)}:
            texts: list[str] = []

            def text(value: str, texts: list[str] = texts) -> str:
                texts.append(hostile_values.planted(Random(len(texts))))
                return texts[-1]

            content = _unpacked(planting.planted_by(text, file.read_bytes()))
            assert texts and hostile_values.CANARY in content, file
            assert any(secret in content for secret in hostile_values.SECRETS), file


def _unpacked(content: bytes) -> str:
    """What a file says; of a DICOM file that is deflated, what is inside."""
    if content[128:132] == b"DICM":
        import pydicom

        return str(pydicom.dcmread(io.BytesIO(content), force=True))
    return content.decode("latin-1")


def test_every_text_of_a_file_is_planted() -> None:
    tree = {"name": "a", "list": ["b", {"c": "d", "number": 3}]}
    rng = Random(1)
    for content in (json.dumps(tree).encode(), to_toml(tree)):
        planted = planting.planted_by(lambda value: hostile_values.planted(rng), content)
        assert planted.count(hostile_values.CANARY.encode()) >= 3
        assert b'"a"' not in planted and b'"b"' not in planted and b'"d"' not in planted


def damaged_by(command: Callable[[], None]) -> Case:
    target = Target("prices", ("prices.toml",), [lambda rng, content: content + b"\n"], [command])
    return Case(target, 0, 0)


def _raise() -> None:
    raise KeyError("bug")


def _refuse() -> None:
    raise UserError("no", code="a-b")


def _lose() -> None:
    Path("prices.toml").write_text("gone")
    _refuse()


def _run_canary() -> None:
    Path(hostile_values.CANARY).touch()


def _use_memory() -> None:
    bytearray(b"x") * 1_600_000_000


@pytest.mark.parametrize(
    ("command", "outcome"),
    [
        (lambda: None, cases.OK),
        (_refuse, cases.REFUSED),
        (_raise, cases.TRACEBACK),
        (_lose, cases.LOST),
        (_run_canary, cases.CANARY),
        (_use_memory, cases.MEMORY),
        (lambda: sys.stdout.buffer.write(hostile_values.SECRETS[0].encode()), cases.SECRET),
        (lambda: sys.stdout.buffer.write(b"\x1b[2J"), cases.CONTROL),
        (lambda: Path("log.jsonl").write_text(hostile_values.SECRETS[0]) and None, cases.SECRET),
        (lambda: Path("page.html").write_bytes(hostile_values.ELEMENT) and None, cases.CANARY),
    ],
)
def test_outcomes_are_told_apart(
    workshop: Workshop, tmp_path: Path, command: Callable[[], None], outcome: str
) -> None:
    assert cases.run(damaged_by(command), workshop.samples, tmp_path / "case").outcome == outcome


def test_memory_that_the_process_had_before_is_not_counted(workshop: Workshop, tmp_path: Path) -> None:
    had = bytearray(b"x") * (cases.MOST_MEMORY + 100_000_000)
    for command, outcome in ((lambda: None, cases.OK), (_use_memory, cases.MEMORY)):
        assert cases.run(damaged_by(command), workshop.samples, tmp_path / "case").outcome == outcome
    assert len(had) > cases.MOST_MEMORY


def test_a_hang_and_a_death_end_their_worker_alone(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = [lambda: time.sleep(600), lambda: os._exit(3), lambda: None]
    made = [damaged_by(command) for command in commands]
    monkeypatch.setattr(pool, "LONGEST_WAIT", 8.0)  # a busy machine starts a worker slowly
    by_name = {f"{number}": case.target for number, case in enumerate(made)}
    monkeypatch.setattr(cases, "target_named", by_name.__getitem__)
    chosen = [
        Case(Target(name, target.files, target.mutations, target.commands), 0, 0)
        for name, target in by_name.items()
    ]
    outcomes = [result.outcome for _, result in run_cases(workshop, chosen, 1)]
    assert outcomes == [cases.HANG, cases.DIED, cases.OK]


def test_a_case_is_the_same_whenever_it_is_made() -> None:
    first, second = (list(chosen_cases(50, 7)) for _ in range(2))
    assert first == second and first != list(chosen_cases(50, 8))
    content = b"name = 'a'\n[images]\nfolder = 'b'\n" * 3
    for case in first:
        mutation = case.target.mutations[-1]
        assert mutation(Random(1), content) == mutation(Random(1), content)
