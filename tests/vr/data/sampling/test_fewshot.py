"""The few-shot sample: it depends on content, shots and seed, and is a file that a person can read."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attrgen.core.errors import UserError
from attrgen.schema.card import Card, CardClass
from vr.data.formats.source import ImageSource
from vr.data.sampling import fewshot
from vr.data.sampling.content import content_ids
from vr.data.sources import open_source

CARD = Card(
    name="toy",
    title="Toy",
    modality="CT",
    shows="a toy",
    classes=(
        CardClass(name="a b", folder="a_b"),
        CardClass(name="c", folder="c"),
        CardClass(name="d", folder="d"),
    ),
)
COUNTS = {"train": 20, "val": 6, "test": 3}


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("VR_CACHE", str(tmp_path_factory.mktemp("cache")))


def write(
    root: Path, *, name: Callable[[int], str] = str, counts: dict[str, int] = COUNTS, backwards: bool = False
) -> Path:
    """The same images whatever they are called and in whatever order they are written."""
    jobs = [
        (split, folder, number, 100 * place + 1000 * label + number)
        for place, (split, count) in enumerate(counts.items())
        for label, folder in enumerate(("a_b", "c", "d"))
        for number in range(count)
    ]
    for split, folder, number, seed in reversed(jobs) if backwards else jobs:
        path = root / split / folder / f"{name(number)}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(seed).integers(0, 256, (6, 7, 3), dtype=np.uint8)).save(path)
    return root


@pytest.fixture
def source(tmp_path: Path) -> ImageSource:
    return open_source(CARD, write(tmp_path / "toy"))


def ids(sample: fewshot.FewShot) -> list[str]:
    return [sample.ids[item.path] for item in (*sample.train, *sample.val)]


def test_counts(source: ImageSource) -> None:
    for shots, validation in ((1, 1), (2, 2), (4, 4), (16, 4)):
        sample = fewshot.draw(source, CARD, shots, seed=1)
        assert [item.label for item in sample.train] == [0] * shots + [1] * shots + [2] * shots
        assert [item.label for item in sample.val] == [0] * validation + [1] * validation + [2] * validation
        assert {item.path.split("/")[0] for item in sample.train} == {"train"}
        assert {item.path.split("/")[0] for item in sample.val} == {"val"}
        assert len({item.path for item in (*sample.train, *sample.val)}) == 3 * (shots + validation)


def test_fewer_shots_are_a_prefix_and_seeds_differ(source: ImageSource) -> None:
    def by_class(shots: int, seed: int) -> list[list[str]]:
        sample = fewshot.draw(source, CARD, shots, seed)
        return [[item.path for item in sample.train if item.label == label] for label in range(3)]

    for seed in range(3):
        for shots in (1, 2, 4, 8):
            assert by_class(shots, seed) == [paths[:shots] for paths in by_class(2 * shots, seed)]
    assert by_class(8, 0) != by_class(8, 1)


def test_names_and_order_of_files_do_not_matter(source: ImageSource, tmp_path: Path) -> None:
    renamed = write(tmp_path / "renamed", name=lambda number: f"x{99 - number}", backwards=True)
    other = open_source(CARD, renamed)
    assert ids(fewshot.draw(other, CARD, 5, 1)) == ids(fewshot.draw(source, CARD, 5, 1))


def test_a_subset_of_the_classes_has_the_same_images(source: ImageSource) -> None:
    subset = CARD.subset(["d", "a b"])
    sample = fewshot.draw(open_source(subset, source.root), subset, 4, 1)
    whole = [item.path for item in fewshot.draw(source, CARD, 4, 1).train if item.label != 1]
    assert [item.path for item in sample.train] == whole


@pytest.mark.parametrize("shots", [1, 4, 8])
def test_without_a_val_split_validation_is_held_out_of_train(shots: int, tmp_path: Path) -> None:
    source = open_source(CARD, write(tmp_path, counts={"train": 10, "test": 2}))
    sample = fewshot.draw(source, CARD, shots, 1)
    validation = min(shots, 4, 10 - shots)
    assert [item.label for item in sample.val] == [0] * validation + [1] * validation + [2] * validation
    assert not {item.path for item in sample.train} & {item.path for item in sample.val}
    more = fewshot.draw(source, CARD, min(2 * shots, 10), 1)
    assert {item.path for item in sample.train} <= {item.path for item in more.train}


STABLE = """
import sys
from pathlib import Path
from attrgen.schema import card as cards
from vr.data.sampling import fewshot
from vr.data.sampling.content import content_ids
from vr.data.sources import open_source
card = cards.load(Path(sys.argv[1]))
print(fewshot.dumps(fewshot.draw(open_source(card, Path(sys.argv[2])), card, 4, 7)), end="")
"""


def test_two_processes_and_hash_seeds_give_the_same_file(tmp_path: Path) -> None:
    card = tmp_path / "toy.toml"
    card.write_text(
        'name = "toy"\ntitle = "T"\nmodality = "CT"\nshows = "a toy"\n'
        + "".join(
            f'[[classes]]\nname = "{n}"\nfolder = "{f}"\n'
            for n, f in (("a b", "a_b"), ("c", "c"), ("d", "d"))
        )
    )
    texts = set()
    for hash_seed, backwards in (("0", False), ("4242", True)):
        write(tmp_path / hash_seed, backwards=backwards)
        environment = {
            **os.environ,
            "PYTHONHASHSEED": hash_seed,
            "VR_CACHE": str(tmp_path / f"cache{hash_seed}"),
        }
        command = [sys.executable, "-c", STABLE, str(card), str(tmp_path / hash_seed)]
        texts.add(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    assert len(texts) == 1
    assert '"shots": 4' in texts.pop()


def test_the_order_is_as_documented(source: ImageSource) -> None:
    """Written down a second time: whoever changes the order of drawing breaks every published sample."""

    def rank(number: int) -> str:
        pixels = np.random.default_rng(1000 + number).integers(0, 256, (6, 7, 3), dtype=np.uint8)
        content = hashlib.sha256(b"7x6|" + pixels.tobytes()).hexdigest()
        return hashlib.sha256(f"5|train|{content}".encode()).hexdigest()

    sample = fewshot.draw(source, CARD, 3, 5)
    expected = [f"train/c/{number}.png" for number in sorted(range(20), key=rank)[:3]]
    assert [item.path for item in sample.train if item.label == 1] == expected


def test_the_cached_ids_are_those_of_the_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vr.data.sampling import content

    monkeypatch.setattr(content, "_CACHED_FROM", 1)
    source = open_source(CARD, write(tmp_path / "toy"))
    first = fewshot.draw(source, CARD, 4, 1)
    cached = list((Path(os.environ["VR_CACHE"]) / "content").iterdir())
    assert len(cached) == 1
    with monkeypatch.context() as patch:
        patch.setattr(content, "content_id", lambda image: pytest.fail("decoded again"))
        assert fewshot.draw(source, CARD, 4, 1) == first
    changed = first.train[0].path
    Image.new("RGB", (9, 9)).save(source.root / changed)
    assert changed not in [item.path for item in fewshot.draw(source, CARD, 4, 1).train] or ids(
        fewshot.draw(source, CARD, 4, 1)
    ) != ids(first)
    for damage in ("{", '{"a": 3}', "[]", "\x00"):
        cached[0].write_text(damage)
        fewshot.draw(source, CARD, 4, 1)


def test_the_file_reads_back_and_is_stable(source: ImageSource, tmp_path: Path) -> None:
    sample = fewshot.draw(source, CARD, 4, 1)
    path = tmp_path / "out" / "fewshot.json"
    fewshot.save(sample, path)
    assert fewshot.load(path, source, CARD) == sample
    again = tmp_path / "again.json"
    fewshot.save(fewshot.load(path, source, CARD), again)
    assert again.read_bytes() == path.read_bytes()
    lines = path.read_text().splitlines()
    assert sum("train/a_b/" in line for line in lines) == 4  # one image per line
    assert json.loads(path.read_text())["dataset"] == "toy"


def edited(path: Path, change: Callable[[dict], None]) -> Path:
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))
    return path


BAD_FILES: list[tuple[str, Callable[[dict], object], str]] = [
    ("another format", lambda v: v.update(format="x/1"), "fewshot-value"),
    ("no shots", lambda v: v.pop("shots"), "fewshot-missing-key"),
    ("train is a list", lambda v: v.update(train=[]), "fewshot-value"),
    ("rows without an id", lambda v: v["train"].update({"c": ["a.png"]}), "fewshot-value"),
    ("unknown class", lambda v: v["train"].update({"cc": []}), "card-unknown-class"),
    ("unknown image", lambda v: v["train"]["c"].append(["no.png", "0"]), "fewshot-unknown-image"),
    ("test image", lambda v: v["val"]["c"].append(["test/c/0.png", "0"]), "fewshot-test-image"),
    ("twice", lambda v: v["train"]["c"].append(v["train"]["c"][0]), "fewshot-image-listed-twice"),
    ("wrong class", lambda v: v["train"]["c"].append(v["train"]["d"].pop()), "fewshot-wrong-class"),
    ("another image", lambda v: v["train"]["c"][0].__setitem__(1, "0" * 16), "fewshot-image-changed"),
    ("class without images", lambda v: v["train"].update(c=[]), "fewshot-class-without-images"),
]


@pytest.mark.parametrize(("name", "change", "code"), BAD_FILES, ids=[case[0] for case in BAD_FILES])
def test_a_bad_file(
    name: str, change: Callable[[dict], object], code: str, source: ImageSource, tmp_path: Path
) -> None:
    path = tmp_path / "fewshot.json"
    fewshot.save(fewshot.draw(source, CARD, 2, 1), path)
    with pytest.raises(UserError) as caught:
        fewshot.load(edited(path, change), source, CARD)
    assert caught.value.code == code


def test_a_file_that_is_no_json(source: ImageSource, tmp_path: Path) -> None:
    (tmp_path / "f.json").write_text("{")
    for name in ("f.json", "g.json"):
        with pytest.raises(UserError) as caught:
            fewshot.load(tmp_path / name, source, CARD)
        assert caught.value.file == str(tmp_path / name)


def test_fewer_images_than_shots(source: ImageSource) -> None:
    with pytest.raises(UserError) as caught:
        fewshot.draw(source, CARD, 21, 1)
    assert caught.value.code == "fewshot-too-few-images"
    assert caught.value.class_name == "a b"
    assert "--shots 20" in caught.value.remedy


@pytest.mark.parametrize("shots", [0, -1])
def test_no_shots(shots: int, source: ImageSource) -> None:
    with pytest.raises(UserError) as caught:
        fewshot.draw(source, CARD, shots, 1)
    assert caught.value.code == "fewshot-no-shots"


def test_no_training_split(tmp_path: Path) -> None:
    source = open_source(CARD, write(tmp_path, counts={"test": 3}))
    assert set(source.splits) == {"test"}
    with pytest.raises(UserError) as caught:
        fewshot.draw(source, CARD, 1, 1)
    assert caught.value.code == "fewshot-no-train-split"


def test_an_unreadable_image_is_named(source: ImageSource) -> None:
    path = source.root / "train" / "c" / "3.png"
    path.write_bytes(b"broken")
    with pytest.raises(UserError) as caught:
        fewshot.draw(source, CARD, 1, 1)
    assert caught.value.file == str(path)


@pytest.mark.parametrize("shots", [1, 2, 3, 5, 9, 12])
def test_without_groups_the_sample_is_the_start_and_the_end_of_one_order(tmp_path: Path, shots: int) -> None:
    source = open_source(CARD, write(tmp_path / "toy", counts={"train": 12, "test": 3}))
    sample = fewshot.draw(source, CARD, shots, seed=7)
    content = content_ids(source, source.splits["train"])
    for label in range(3):
        pool = [item for item in source.splits["train"] if item.label == label]
        pool.sort(key=lambda item: hashlib.sha256(f"7|train|{content[item.path]}".encode()).hexdigest())
        assert [item for item in sample.train if item.label == label] == pool[:shots]
        rest = pool[shots:][::-1][: min(shots, 4)]
        assert [item for item in sample.val if item.label == label] == rest
