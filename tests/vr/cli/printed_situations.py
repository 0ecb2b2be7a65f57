"""The situations in which messages print commands, by the call that prints; see `test_printed_commands`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from printed_user import User

from attrgen.core.errors import UserError
from attrgen.schema import attribute_set
from attrgen.schema.attribute_set import AttributeSet, ClassAttributes

Situation = Callable[[User], str]
SITUATIONS: dict[str, Situation] = {}
PART = ClassAttributes(descriptive=["a small bright spot on dark ground"])


def situation(*keys: str) -> Callable[[Situation], Situation]:
    """Register a function as the situation in which the calls of these keys print."""

    def register(function: Situation) -> Situation:
        SITUATIONS.update(dict.fromkeys(keys, function))
        return function

    return register


def _raised(call: Callable[[], Any]) -> str:
    try:
        call()
    except UserError as error:
        return str(error)
    raise AssertionError("no error")


@situation("attrgen.cli.adapt.adapt: attrgen build --dataset * --out *")
def _adapted_set_is_incomplete(user: User) -> str:
    card = user.folder / "larger card.toml"
    card.write_text(user.toy.card.read_text() + '[[classes]]\nname = "star"\nfolder = "star"\n')
    return user.sees("attrgen", "adapt", "--dataset", card, user.own_set(), "--out", "new set.json")


@situation("attrgen.cli.check.check: attrgen check *")
def _check_without_a_file(user: User) -> str:
    (user.folder / "attrs").mkdir()
    shutil.copy(user.toy.attrs, user.folder / "attrs" / "my toy.json")
    return user.sees("attrgen", "check")


@situation("attrgen.cli.edit._require_terminal: attrgen check *")
def _edit_without_a_terminal(user: User) -> str:
    user.patch.setattr("sys.stdin", None)
    user.patch.setattr("attrgen.cli.edit.sys.stdin", _Pipe())
    return user.sees("attrgen", "edit", "dark ring", "--attrs", user.own_set())


class _Pipe:
    def isatty(self) -> bool:
        return False


@situation("attrgen.cli.import_.import_: attrgen check *")
def _imported(user: User) -> str:
    file = user.folder / "busi_des.json"
    file.write_text(json.dumps({"normal": ["even grey tissue in wavy layers"]}))
    return user.sees("attrgen", "import", file, "--out", "my import.json")


@situation("attrgen.curation.edit._kept: attrgen edit * --attrs * *")
def _draft_is_kept(user: User) -> str:
    editor = user.patch
    editor.setenv("VISUAL", 'python -c \'import sys; open(sys.argv[1], "a").write("[no kind]\\nx\\n")\'')
    printed = user.sees("attrgen", "edit", "dark ring", "--dataset", user.toy.card, "--attrs", user.own_set())
    editor.setenv(
        "VISUAL", 'python -c \'import sys; open(sys.argv[1], "w").write("[descriptive]\\na pale oval\\n")\''
    )
    return printed


@situation("attrgen.curation.formats.importing._add: attrgen merge --help")
def _two_files_of_one_kind(user: User) -> str:
    for name in ("a_des.json", "b_des.json"):
        (user.folder / name).write_text(json.dumps({"normal": ["even grey tissue in wavy layers"]}))
    return user.sees("attrgen", "import", "a_des.json", "b_des.json", "--dataset", "busi")


@situation(
    "attrgen.generation.report._by_hand: attrgen edit * --dataset * *",
    "attrgen.generation.report.raise_for: attrgen import --help",
    "attrgen.generation.report.raise_for: attrgen cache import --help",
)
def _no_key(user: User) -> str:
    return user.sees("attrgen", "build", "--dataset", user.collection(), "--out", "my set.json")


@situation("attrgen.generation.report._by_hand: attrgen edit --help")
def _no_key_for_a_card_in_memory(user: User) -> str:
    import attrgen as api
    from attrgen.schema import card

    return _raised(lambda: api.build(card.load(user.toy.card), offline=True))


@situation("attrgen.llm.cache.find: attrgen cache list --cache *")
def _no_such_answer(user: User) -> str:
    return user.sees("attrgen", "cache", "show", "abc", "--cache", user.folder / "my cache")


@situation("attrgen.llm.cache.find: attrgen cache verify --cache *")
def _damaged_answer(user: User) -> str:
    from attrgen.llm.cache import Cache

    user.patch.setattr(Cache, "keys", lambda self: ["abcdef"])
    printed = user.sees("attrgen", "cache", "show", "abc", "--cache", user.folder / "my cache")
    user.patch.undo()
    user.patch.chdir(user.folder)
    return printed


@situation("attrgen.llm.errors._doctor: attrgen doctor --base-url * --model *")
def _unknown_model(user: User) -> str:
    normal = user.server.script

    def refuse(received: Any) -> Any:
        import scripted_server

        body = json.dumps({"error": {"message": "no such model", "code": "model_not_found"}})
        return scripted_server.Reply(body, 404)

    user.server.script = refuse
    words = ("--base-url", user.server.url, "--model", "a model's name", "--cache", user.folder / "cache")
    printed = user.sees("attrgen", "build", "--dataset", "kidney-phantom", "--kinds", "ensemble", *words)
    user.server.script = normal
    return printed


@situation("attrgen.schema.attribute_set._how_to_make: attrgen build --dataset * --out *")
def _no_set_of_a_known_dataset(user: User) -> str:
    return user.sees("attrgen", "show", "my sets/kidney-phantom.json")


@situation("attrgen.schema.attribute_set._how_to_make: attrgen build --help")
def _no_set_of_an_unknown_dataset(user: User) -> str:
    return user.sees("attrgen", "show", "my set.json")


@situation("attrgen.schema.attribute_set._wording: attrgen import *")
def _a_file_of_another_program(user: User) -> str:
    file = user.folder / "busi's_des.json"
    texts = {"normal": ["even grey tissue in wavy layers"]}
    file.write_text(json.dumps({**texts, "format": "x"}))
    printed = user.sees("attrgen", "show", file)
    file.write_text(json.dumps(texts))
    return printed


@situation("attrgen.schema.attribute_set._duplicates: attrgen check --fix *")
def _a_text_twice(user: User) -> str:
    file = user.own_set()
    value = json.loads(file.read_text())
    value["classes"]["dark ring"]["descriptive"] *= 2
    file.write_text(json.dumps(value))
    return user.sees("attrgen", "show", file)


@situation("attrgen.schema.card.find: vr data card *")
def _build_for_a_collection_in_one_file(user: User) -> str:
    shutil.make_archive("my scans", "zip", user.collection())
    return user.sees("attrgen", "build", "--dataset", "my scans.zip")


@situation("attrgen.schema.confusers.from_run: vr eval *")
def _confusers_of_a_damaged_run(user: User) -> str:
    run = user.run_copy()
    (run / "predictions.csv").write_text('"\n' + "x" * 200_000)
    words = ("--confusers", "1", "--from-run", run, "--base-url", user.server.url)
    return user.sees("attrgen", "build", "--dataset", user.toy.card, *words)


@situation(
    "attrgen.schema.filling.how_to_fill: attrgen build *",
    "attrgen.schema.filling.how_to_fill: attrgen edit * *",
)
def _a_class_is_missing(user: User) -> str:
    file = user.own_set(**{"dark ring": None})
    return user.sees("vr", "train", *user.toy_words(), "--attrs", file)


@situation("attrgen.schema.filling._without_card: vr data card *")
def _no_set_for_a_collection_in_one_file(user: User) -> str:
    shutil.make_archive("my scans", "zip", user.collection())
    return user.sees("vr", "train", "--dataset", "my scans.zip", "--backbone", "mini", "--shots", "4")


@situation("attrgen.schema.filling._without_card: attrgen build --help")
def _an_incomplete_set_of_nobody(user: User) -> str:
    file = user.folder / "my set.json"
    one = PART.model_copy(update={"distinctive": ["unlike others, it has a sharp rim"]})
    attribute_set.save(AttributeSet(dataset="nobody's", classes={"spot": PART, "ring": one}), file)
    return user.sees("attrgen", "check", file)


@situation("attrgen.schema.folder_card.from_folder: vr data card *")
def _labels_in_a_table(user: User) -> str:
    folder = user.collection()
    for path in folder.rglob("*.png"):
        path.rename(folder / f"{path.parent.name}-{path.name}")
    rows = [f"{path.name},{path.name.split('-')[0]}" for path in sorted(folder.glob("*.png"))]
    (folder / "labels.csv").write_text("\n".join(["image,label", *rows]))
    return user.sees("attrgen", "build", "--dataset", folder)


@situation("attrgen.schema.matching.require: vr methods")
def _a_kind_is_missing(user: User) -> str:
    return user.sees("vr", "train", *user.toy_words(), "--attrs", user.own_set(**{"dark ring": PART}))


@situation("vr.api.model._as_list: vr predict * *")
def _predict_a_folder_from_python(user: User) -> str:
    import vr

    model, folder = vr.load(user.run_copy(), device="cpu"), user.collection()
    return _raised(lambda: model.predict(folder))


@situation("vr.cli.calibrate._show: vr report *")
def _calibrated(user: User) -> str:
    return user.sees("vr", "calibrate", user.run_copy(), "--device", "cpu")


@situation(
    "vr.cli.data.make_card: attrgen build --dataset *",
    "vr.cli.data.make_card: vr train --dataset * --data * --attrs *",
)
def _card_of_a_collection(user: User) -> str:
    printed = user.sees("vr", "data", "card", user.collection(), "--out", "my card.toml")
    user.own_set()
    user.sees(
        *("attrgen", "build", "--dataset", "my card.toml", "--base-url", user.server.url),
        *("--cache", user.folder / "cache"),
    )
    return printed


@situation("vr.cli.measured.show_folds: vr table *")
def _folds(user: User) -> str:
    words = ("--attrs", user.toy.attrs, "--folds", 2, "--out", "my folds", "--shots", 2)
    return user.sees("vr", "train", *user.toy_words(), *words)


@situation("vr.cli.sweep._end: vr table *")
def _swept(user: User) -> str:
    words = ("--backbone", user.toy.backbone, "--weights", "random", "--runs", "my runs", "--shots", 2)
    recipe = user.folder / "grid.toml"
    recipe.write_text(
        f'methods = ["linear-probe"]\nseeds = [1]\n[[datasets]]\ndataset = "{user.toy.card}"\n'
        f'data = "{user.toy.data}"\n'
    )
    return user.sees("vr", "sweep", recipe, *words)


@situation("vr.cli.train._check_attributes: attrgen check * *")
def _the_set_has_errors(user: User) -> str:
    bad = PART.model_copy(
        update={
            "descriptive": ["no spot"],
            "distinctive": ["unlike others, it has a sharp rim"],
            "confusion": {"bright spot": ["a bright spot"]},
        }
    )
    return user.sees("vr", "train", *user.toy_words(), "--attrs", user.own_set(**{"dark ring": bad}))


@situation("vr.data.inspection.structure._tables: vr data card *")
def _a_table_beside_class_folders(user: User) -> str:
    folder = user.collection()
    rows = [f"{path.relative_to(folder)},{path.parent.name}" for path in sorted(folder.rglob("*.png"))]
    (folder / "my labels.csv").write_text("\n".join(["image,label", *rows]))
    return user.sees("vr", "data", "check", folder)


@situation("vr.data.sources._default_path: vr data get *")
def _not_downloaded(user: User) -> str:
    printed = user.sees("vr", "data", "check", "busi")

    def download(card: Any, root: Path, say: Any) -> Path:
        folder = root / card.images.folder
        for entry in card.classes:
            shutil.copytree(user.toy.data / "train" / "dark_ring", folder / entry.folder)
        return folder

    user.patch.setattr("vr.data.download.images.download_images", download)
    return printed


@situation("vr.evaluation.calibration.threshold_for: vr calibrate *")
def _another_coverage(user: User) -> str:
    run = user.run_copy()
    user.sees("vr", "calibrate", run, "--device", "cpu")
    return user.sees("vr", "predict", run, user.toy.data / "test", "--coverage", 0.123)


@situation("vr.evaluation.calibration.load: vr calibrate * --force")
def _a_damaged_calibration(user: User) -> str:
    run = user.run_copy()
    (run / "calibration.json").write_text("{")
    return user.sees("vr", "predict", run, user.toy.data / "test")


@situation("vr.inference.decision.decision: vr calibrate *")
def _sets_without_calibration(user: User) -> str:
    return user.sees("vr", "predict", user.run_copy(), user.toy.data / "test", "--sets", 0.9)


@situation("vr.methods.__init__.find_declaration: vr methods")
def _misspelled_method(user: User) -> str:
    return user.sees("vr", "train", *user.toy_words(), "--method", "biomedvt")


@situation("vr.report.comparison.results.find: vr train --help")
def _nothing_to_compare(user: User) -> str:
    return user.sees("vr", "table")


@situation("vr.runs.attributes._none: vr methods")
def _no_set(user: User) -> str:
    return user.sees("vr", "train", *user.toy_words())


@situation("vr.runs.predictions.load: vr eval *")
def _damaged_predictions(user: User) -> str:
    run = user.run_copy()
    (run / "predictions.csv").write_text("a,b\n")
    return user.sees("vr", "report", run)


@situation("vr.runs.run.read_config: vr runs list")
def _not_a_run(user: User) -> str:
    return user.sees("vr", "eval", "nowhere")


@situation("vr.runs.files.resume_command: vr train --config * --resume")
def _unfinished(user: User) -> str:
    return user.sees("vr", "eval", user.run_copy("model.safetensors", "metrics.json"))


@situation("vr.runs.files.how_to_measure: vr eval *")
def _trained_and_not_measured(user: User) -> str:
    return user.sees("vr", "card", user.run_copy("metrics.json"))


@situation("vr.runs.run.read_metrics: vr eval *")
def _damaged_metrics(user: User) -> str:
    run = user.run_copy()
    (run / "metrics.json").write_text("{")
    return user.sees("vr", "table", run)


@situation("vr.cli.mine.mine: vr compare * *")
def _mined(user: User) -> str:
    run = user.run_copy()
    best = shutil.copytree(run, run.with_name("mined run's"))
    mined = SimpleNamespace(reason="validation no longer improves", best=best)
    user.patch.setattr("vr.training.studies.mining.Miner.mine", lambda miner, rounds: mined)
    return user.sees("vr", "mine", run)


@situation("vr.evaluation.operating_point.load: vr eval --help")
def _a_damaged_operating_point(user: User) -> str:
    run = user.run_copy()
    (run / "operating_point.json").write_text("{")
    return user.sees("vr", "predict", run, user.toy.data / "test")
