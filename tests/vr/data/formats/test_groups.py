"""Groups of images: where they are read, and that hold-out and few-shot draws never split one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attrgen.core.errors import UserError
from attrgen.core.validation import validate
from attrgen.schema.card import Card, CardClass, CardImages
from vr.data.formats.groups import shared_groups, shared_groups_note, unknown_groups_note, unmatched_groups
from vr.data.formats.source import ImageSource, Item
from vr.data.formats.splits import HeldOut, make_splits
from vr.data.inspection.check import check
from vr.data.sampling import fewshot
from vr.data.sources import open_dataset, open_source

Make = Callable[..., Path]


def card(layout: str = "folder", **images: object) -> Card:
    values = {
        "name": "toy",
        "title": "Toy",
        "modality": "CT",
        "shows": "a toy",
        "images": {"folder": "set", "layout": layout, **images},
        "classes": [{"name": "a", "folder": "a"}, {"name": "b", "folder": "b"}],
    }
    return validate(Card, values, what="dataset card", code="card")


def groups(source: ImageSource) -> dict[str, set[str | None]]:
    return {split: {item.group for item in items} for split, items in source.splits.items()}


def manifest(make: Make, patients: int = 12, images: int = 3, header: str = "path,label,Patient ID") -> Path:
    """A table with `images` images per patient and no splits; half of the patients are of each class."""
    names = [f"i/{patient}-{image}.png" for patient in range(patients) for image in range(images)]
    rows = [
        f"i/{patient}-{image}.png,{'ab'[patient % 2]},P{patient:02d}"
        for patient in range(patients)
        for image in range(images)
    ]
    return make(*names, files={"t.csv": "\n".join([header, *rows])}) / "t.csv"


def test_a_column_is_recognised_and_no_patient_is_split_by_the_hold_out(make: Make) -> None:
    source = open_source(card("manifest"), manifest(make))
    by_split = groups(source)
    assert not by_split["train"] & by_split["test"]
    assert Counter(item.group for item in source.splits["test"]).most_common()[0][1] == 3
    # A fifth of 18 images is 3.6: one patient of 3 images per class fits into 4.
    assert Counter(item.label for item in source.splits["test"]) == {0: 3, 1: 3}


def test_without_groups_the_hold_out_is_the_one_by_path(make: Make) -> None:
    path = manifest(make, header="path,label,nothing")
    source = open_source(card("manifest"), path)
    assert groups(source) == {"train": {None}, "test": {None}}
    assert Counter(item.label for item in source.splits["test"]) == {0: 4, 1: 4}


@pytest.mark.parametrize("shots", [1, 2, 4, 6])
def test_a_draw_never_splits_a_patient(make: Make, shots: int) -> None:
    source = open_source(card("manifest"), manifest(make))
    for seed in range(5):
        sample = fewshot.draw(source, card("manifest"), shots, seed)
        train, val = ({item.group for item in part} for part in (sample.train, sample.val))
        assert not train & val
        assert len(sample.train) == 2 * shots
        assert len(sample.val) == 2 * min(shots, 4)
        # As many patients as possible: three of a class are left beside two that validate.
        assert len(train) == 2 * min(shots, 3)


def test_a_smaller_grouped_sample_begins_a_larger_one(make: Make) -> None:
    source = open_source(card("manifest"), manifest(make))
    large = fewshot.draw(source, card("manifest"), 12, 3)
    for shots in range(1, 12):
        small = fewshot.draw(source, card("manifest"), shots, 3)
        for label in range(2):
            order = [item.path for item in large.train if item.label == label]
            assert [item.path for item in small.train if item.label == label] == order[:shots]


def test_shots_come_before_validation(make: Make) -> None:
    source = open_source(card("manifest"), manifest(make))
    sample = fewshot.draw(source, card("manifest"), 15, 1)
    assert len(sample.train) == 30
    assert sample.val == ()


def test_the_pattern_of_the_card_finds_groups_in_paths(make: Make) -> None:
    names = [f"{split}/{kind}/patient{p}/{i}.png" for split, ps in (("train", "123"), ("test", "345"))
             for kind in "ab" for p in ps for i in range(2)]  # fmt: skip
    source = open_source(card(group=r"patient(\d+)"), make(*names, "train/a/stray.png"))
    assert groups(source) == {"train": {"1", "2", "3", None}, "test": {"3", "4", "5"}}
    (shared,) = shared_groups(source.splits)
    assert (shared.name, shared.counts) == ("3", {"train": 4, "test": 4})
    assert "3 (train 4, test 4)" in str(shared_groups_note(source.splits))
    assert shared_groups_note({"train": source.splits["train"]}) is None


def test_a_pattern_without_brackets_is_the_whole_match_and_several_are_joined(make: Make) -> None:
    root = make("a/p1-left.png", "b/p1-right.png")
    whole = open_source(card(group=r"p\d"), root)
    assert {item.group for items in whole.splits.values() for item in items} == {"p1"}
    joined = open_source(card(group=r"p(\d)-(\w)"), root)
    assert {item.group for items in joined.splits.values() for item in items} == {"1/l", "1/r"}


def test_a_pattern_that_matches_nothing_is_reported(make: Make) -> None:
    described = card(group="patient")
    source = open_source(described, make("a/1.png", "b/2.png"))
    told = unmatched_groups(source.splits, described)
    assert told is not None and "'patient'" in told and ".png" in told
    assert unknown_groups_note(source.splits, described) is None  # it would say to name what is named
    assert told in check(source, described).problems()
    matched = card(group="[ab]/")
    assert unmatched_groups(open_source(matched, source.root).splits, matched) is None


@pytest.mark.parametrize("title", ["MRN", "pid", "Patient_Number", "Patient No.", "participant"])
def test_other_titles_of_a_patient_s_column_are_recognised_and_named(make: Make, title: str) -> None:
    source = open_source(card("manifest"), manifest(make, header=f"path,label,{title}"))
    assert source.notes[0] == f"36 images are of 12 groups, by the column '{title}'."


@pytest.mark.parametrize("folder", ["C:/Users/me/set/", "/mnt/other/set/", "{root}/"])
def test_absolute_paths_are_matched_by_their_end(make: Make, folder: str) -> None:
    names = [f"{part}/{number}.png" for part in ("one", "two") for number in range(4)]
    root = make(*names)
    paths = [folder.format(root=root) + name for name in names]
    if folder.startswith("C:"):
        paths = [path.replace("/", "\\") for path in paths]
    rows = [f"{path},{'ab'[number % 2]}" for number, path in enumerate(paths)]
    (root / "t.csv").write_text("\n".join(["path,label", *rows]))
    source = open_source(card("manifest"), root / "t.csv")
    assert sorted(item.path for members in source.splits.values() for item in members) == names
    assert any("8 absolute paths" in remark and "'one/0.png'" in remark for remark in source.remarks)
    for outside in ("/etc/hostname", f"{root}/../set/one/0.png"):
        (root / "t.csv").write_text(f"path,label\n{outside},a\n")
        with pytest.raises(UserError) as caught:
            open_source(card("manifest"), root / "t.csv")
        assert caught.value.code == "manifest-path-outside"


def test_an_empty_cell_is_no_patient_however_it_is_spelled(make: Make) -> None:
    names = [f"{number}.png" for number in range(8)]
    cells = ["", "nan", "NA", "None", "null", "n/a", "P1", "P1"]
    rows = [f"{name},{'ab'[number % 2]},{cells[number]}" for number, name in enumerate(names)]
    path = make(*names, files={"t.csv": "\n".join(["path,label,patient_id", *rows])}) / "t.csv"
    items = [item for members in open_source(card("manifest"), path).splits.values() for item in members]
    assert Counter(item.group for item in items) == {None: 6, "P1": 2}


def test_the_note_on_a_held_out_split_says_its_true_share(make: Make) -> None:
    alone = open_source(card("manifest"), manifest(make, header="path,label,nothing"))
    assert "8 of 36 images" in alone.notes[0] and isinstance(alone.notes[0], HeldOut)
    grouped = open_source(card("manifest"), manifest(make, patients=4, images=6))
    assert "2 groups with 12 of 24 images (50%)" in grouped.notes[1]


def test_without_a_patient_to_spare_nothing_is_trained(make: Make) -> None:
    from vr.runs.experiment import Experiment
    from vr.training.plan import plan

    path = manifest(make, patients=2)  # one of each class
    said: list[str] = []
    with pytest.raises(UserError) as caught:
        list(plan(Experiment(dataset=str(path), method="zero-shot", backbone="mini", shots=1), said.append))
    assert caught.value.code == "experiment-no-test-images"
    assert any("no class has a group to spare" in line for line in said)
    enough = Experiment(dataset=str(manifest(make)), method="zero-shot", backbone="mini", shots=1)
    assert list(plan(enough))


def test_labels_that_are_taken_for_one_class_are_told(make: Make) -> None:
    names = [f"{number}.png" for number in range(6)]
    rows = [f"{name},{label}" for name, label in zip(names, ("a", "A", "b", "b", " b", "a"), strict=True)]
    path = make(*names, files={"t.csv": "\n".join(["path,label", *rows])}) / "t.csv"
    remarks = open_source(card("manifest"), path).remarks
    assert remarks == ("The labels 'a', 'A' are taken for one class, 'a'.",)


def test_a_cross_validation_does_not_speak_of_a_held_out_split(make: Make) -> None:
    from vr.runs.experiment import Experiment, resolve

    path = manifest(make)
    for folds, fold, spoken in ((None, None, 1), (3, 1, 0), (3, 2, 0)):
        said: list[str] = []
        asked = Experiment(dataset=str(path), method="zero-shot", backbone="mini", folds=folds, fold=fold)
        resolve(asked, said.append)
        assert sum("held out" in line for line in said) == spoken
        assert sum("36 images are of 12 groups" in line for line in said) == (fold != 2)


def test_the_card_names_a_column(make: Make) -> None:
    path = manifest(make, header="path,label,examination")
    source = open_source(card("manifest", group_column="Examination"), path)
    assert len(groups(source)["train"]) == 10
    with pytest.raises(UserError) as caught:
        open_source(card("manifest", group_column="exam"), path)
    assert caught.value.code == "manifest-no-group-column"


@pytest.mark.parametrize(
    "images", [{"group": "("}, {"group": "x", "group_column": "y"}, {"group_dicom": True, "group": "x"}]
)
def test_wrong_rules_for_groups_are_errors_of_the_card(images: dict[str, object]) -> None:
    with pytest.raises(UserError) as caught:
        card(**images)
    assert caught.value.code == "card-value"


def test_the_patient_of_a_dicom_file_is_kept_as_a_hash_only(make: Make) -> None:
    pydicom = pytest.importorskip("pydicom")
    files = {}
    for number, (folder, patient) in enumerate([("a", "ID-7"), ("a", "ID-8"), ("b", "ID-7"), ("b", "")]):
        files[f"{folder}/{number}"] = dicom_file(pydicom, patient, number)
    source = open_source(card("dicom", group_dicom=True), make(files=files))
    actual = {item.path: item.group for items in source.splits.values() for item in items}
    assert actual["a/0"] == actual["b/2"] != actual["a/1"]
    assert actual["b/3"] is None
    assert "ID-7" not in repr(source) and len(str(actual["a/0"])) == 16
    # Another collection has another salt, so that patients cannot be matched across collections.
    other = open_source(
        card("dicom", group_dicom=True), make(name="other", files={**files, "b/4": files["b/3"]})
    )
    assert actual["a/0"] not in groups(other)["train"] | groups(other)["test"]


def dicom_file(pydicom: object, patient: str, value: int) -> bytes:
    import io

    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    header.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    header.PatientID = patient
    header.Rows, header.Columns, header.SamplesPerPixel = 4, 4, 1
    header.BitsAllocated = header.BitsStored = 8
    header.HighBit, header.PixelRepresentation, header.PhotometricInterpretation = 7, 0, "MONOCHROME2"
    header.PixelData = bytes(range(value, value + 16))
    stream = io.BytesIO()
    header.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def test_a_large_group_is_held_out_only_where_nothing_smaller_is_left() -> None:
    def rows(sizes: dict[str, int], label: int) -> list[tuple[str, Item]]:
        return [
            ("train", Item(f"{label}/{group}/{i}", label, f"{label}{group}"))
            for group, size in sizes.items()
            for i in range(size)
        ]

    splits, _ = make_splits([*rows({"x": 30, "y": 10}, 0), *rows({"z": 5}, 1)], card(), Path())
    assert {item.group for item in splits["test"]} == {"0y"}
    assert {item.group for item in splits["train"]} == {"0x", "1z"}


def test_a_group_with_several_classes_stays_together() -> None:
    rng = np.random.default_rng(0)
    rows = [("train", Item(f"{i}", int(rng.integers(2)), str(i // 4))) for i in range(80)]
    splits, _ = make_splits(rows, card(), Path())
    train, test = ({item.group for item in splits[split]} for split in ("train", "test"))
    assert not train & test
    assert 0.1 < len(splits["test"]) / 80 <= 0.25


def test_groups_are_announced_and_a_shared_one_is_a_warning(make: Make) -> None:
    from vr.runs.experiment import Experiment, resolve

    names = [f"{split}/{kind}/p{p}_{i}.png" for split, ps in (("train", "12"), ("test", "23"))
             for kind in "ab" for p in ps for i in range(2)]  # fmt: skip
    root = make(*names)
    text = 'name="toy"\ntitle="t"\nmodality="CT"\nshows="s"\n[images]\nfolder="set"\nlayout="folder"\n'
    text += 'group="p(\\\\d)_"\n[[classes]]\nname="a"\nfolder="a"\n[[classes]]\nname="b"\nfolder="b"\n'
    (root.parent / "toy.toml").write_text(text)
    said: list[str] = []
    resolve(Experiment(dataset=str(root.parent / "toy.toml"), data=root, method="zero-shot"), said.append)
    assert [line for line in said if line.startswith("warning: 1 group with 8 images")]
    _, source = open_dataset(str(root.parent / "toy.toml"), root)
    assert "16 images are of 3 groups, by images.group of the card." in source.notes


def test_a_pattern_that_tries_every_way_to_match_is_stopped(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (8, 8)).save(tmp_path / name / f"{'a' * 60}.png")
    card = Card(
        name="slow",
        title="Slow",
        modality="CT",
        shows="a toy",
        images=CardImages(folder="x", group="(a|aa)+$"),
        classes=tuple(CardClass(name=name, folder=name) for name in ("one", "two")),
    )
    with pytest.raises(UserError) as caught:
        open_source(card, tmp_path)
    assert caught.value.code == "card-slow-pattern"
