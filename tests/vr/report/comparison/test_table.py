"""Tables of runs: their numbers are those of the runs, and nothing is hidden."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from attrgen.core.errors import UserError
from vr.evaluation.significance import holm, mcnemar
from vr.report.comparison import class_table, formats, results, table
from vr.report.comparison.caption import caption, verdicts
from vr.report.comparison.results import Result

GOOD, FAIR, POOR = [1] * 36 + [0] * 4, [1] * 30 + [0] * 10, [0] * 20 + [1] * 20
Finished = Callable[..., Result]


@pytest.fixture
def sweep(finished: Finished) -> list[Result]:
    """Two seeds of three methods."""
    correct = {"zero-shot": FAIR, "attrvr": GOOD, "vp": POOR}
    return [
        finished(method, rows[seed:] + rows[:seed], seed=seed)
        for method, rows in correct.items()
        for seed in (1, 2)
    ]


def rows_of(text: str) -> dict[str, dict[str, str]]:
    return {row["method"]: row for row in csv.DictReader(io.StringIO(text))}


def test_numbers_are_those_of_the_runs(sweep: list[Result]) -> None:
    (made,) = table.make_tables(sweep, baseline="zero-shot")
    assert made.rows == ("zero-shot", "vp", "attrvr")
    for label in made.rows:
        cell = made.cells[label, "toy"]
        values = [run.metrics["overall"]["accuracy"] for run in sweep if run.label == label]
        assert cell.spread is not None and cell.spread.seeds == 2
        assert cell.spread.mean == pytest.approx(sum(values) / 2)
        if label == "zero-shot":
            assert cell.difference is None and cell.p is None
        else:
            base = made.cells["zero-shot", "toy"].spread
            assert base is not None and cell.difference is not None
            assert cell.difference.mean == pytest.approx(cell.spread.mean - base.mean)


def test_p_values_are_adjusted_for_all_differences_of_the_table(sweep: list[Result]) -> None:
    (made,) = table.make_tables(sweep, baseline="zero-shot")
    cells = [made.cells[label, "toy"] for label in ("attrvr", "vp")]
    raw = [cell.difference.p for cell in cells if cell.difference is not None]
    assert [cell.p for cell in cells] == pytest.approx(holm(raw))
    assert max(cell.p or 0 for cell in cells) > min(raw)
    written = rows_of(formats.to_csv([made]))
    assert float(written["vp"]["p"]) == pytest.approx(raw[1], rel=1e-5)
    assert float(written["vp"]["p_holm"]) == pytest.approx(cells[1].p, rel=1e-5)


def test_a_star_is_for_the_adjusted_p(finished: Finished) -> None:
    """A p below 0.05 that is above it once corrected for three tests gets no star."""
    base = [1] * 30 + [0] * 30
    near = [1] * 30 + [1] * 6 + [0] * 24
    others = [finished(method, base) for method in ("attrvr", "vp")]
    runs = [finished("zero-shot", base), finished("biomedvr", near), *others]
    (alone,) = table.make_tables(runs[:2], baseline="zero-shot")
    (together,) = table.make_tables(runs, baseline="zero-shot")
    raw = mcnemar(
        *(run.predictions().predicted.numpy() == run.predictions().labels.numpy() for run in runs[:2])
    )
    assert raw < table.SIGNIFICANT < 3 * raw
    assert "*:" in formats.to_markdown(alone).split("\n\n")[1]
    assert "*:" not in formats.to_markdown(together).split("\n\n")[1]


def test_a_missing_cell_is_shown_as_missing(sweep: list[Result], finished: Finished) -> None:
    (made,) = table.make_tables([*sweep, finished("vp", GOOD, dataset="other")])
    lines = formats.to_markdown(made).splitlines()
    cells = [cell.strip() for cell in lines[-1].split("|")[1:-1]]
    assert cells == ["attrvr", "missing", "**90.0 ± 0.0**", "missing", "missing"]
    assert "missing" in formats.latex(made)
    row = next(
        row
        for row in csv.DictReader(io.StringIO(formats.to_csv([made])))
        if (row["method"], row["dataset"]) == ("attrvr", "other")
    )
    assert row["mean"] == "missing" and row["seeds"] == "0"


def test_the_best_value_is_bold_the_lowest_where_lower_is_better(sweep: list[Result]) -> None:
    for metric, best in (("accuracy", "attrvr"), ("ece", "zero-shot")):
        (made,) = table.make_tables(sweep, metric=metric)
        bold = [line for line in formats.to_markdown(made).splitlines() if "**" in line]
        assert len(bold) == 1 and best in bold[0]
        assert formats.latex(made).count(r"\textbf") == 1


def test_latex_is_escaped(finished: Finished) -> None:
    (made,) = table.make_tables([finished("zero-shot", GOOD, dataset="a_b", text="attributes")])
    text = formats.latex(made)
    assert r"a\_b" in text and "a_b" not in text and r"\toprule" in text
    assert r"1 seed." in text and "accuracy, \\%" in text


def test_csv_has_no_float_noise(sweep: list[Result]) -> None:
    (made,) = table.make_tables(sweep, baseline="zero-shot")
    for row in rows_of(formats.to_csv([made])).values():
        for name, cell in row.items():
            digits = cell.partition("e")[0].replace("-", "").replace(".", "").lstrip("0")
            assert name in ("dataset", "method", "backbone") or len(digits) <= 8, (name, cell)


def test_published_numbers_stand_apart(sweep: list[Result]) -> None:
    (made,) = table.make_tables(sweep, published={("attrvr", "toy"): 0.123})
    text = formats.to_markdown(made)
    assert "published (ViT-B/16, 16 shots)" in text and "toy 12.3" in text
    published = table.read_published()
    assert published["biomedvr", "busi"] == pytest.approx(0.826) and len(published) == 77


def test_oracle_is_labelled_as_selected_on_the_test_set(sweep: list[Result]) -> None:
    (made,) = table.make_tables(sweep, metric="oracle")
    assert "SELECTED ON THE TEST SET" in formats.to_markdown(made)
    assert "missing" in formats.to_markdown(made)  # no run recorded one


def test_ranks_are_means_over_the_columns_of_complete_rows(finished: Finished) -> None:
    correct = {  # accuracies on two datasets: 30 and 36, 36 and 36, 20 and 20; biomedvr has one only
        "zero-shot": (FAIR, GOOD),
        "attrvr": (GOOD, GOOD),
        "vp": (POOR, POOR),
    }
    runs = [
        finished(method, rows, dataset=dataset)
        for method, both in correct.items()
        for dataset, rows in zip(("one", "two"), both, strict=True)
    ]
    (made,) = table.make_tables([*runs, finished("biomedvr", GOOD, dataset="one")])
    assert made.ranks() == {"zero-shot": 1.75, "attrvr": 1.25, "vp": 3.0}
    rows = [row.split("|")[-2].strip() for row in formats.to_markdown(made).split("\n\n")[1].splitlines()[2:]]
    assert rows == ["1.8", "3.0", "1.2", "missing"]
    assert "3 rows without missing cells" in caption(made)
    (single,) = table.make_tables(runs[:3])  # the second row has one dataset only
    assert "the only row without missing cells" in caption(single)
    (calibration,) = table.make_tables(runs, metric="nll")  # where the lowest is the best
    assert calibration.ranks()["attrvr"] == 1.25 and calibration.ranks()["vp"] == 3.0


def test_the_linear_probe_is_the_baseline_unless_another_is_named(finished: Finished) -> None:
    probe = finished("linear-probe", FAIR)
    assert table.default_baseline([probe, finished("vp", POOR)]) == "linear-probe"
    assert table.default_baseline([probe]) is None
    assert table.default_baseline([finished("ar", POOR), finished("attrvr", POOR)]) is None


def test_what_beats_the_baseline_beyond_chance_is_said(finished: Finished) -> None:
    runs = [
        finished(method, rows, dataset=dataset)
        for dataset, better in (("one", GOOD), ("two", FAIR))
        for method, rows in (("linear-probe", FAIR), ("attrvr", better[::-1]), ("ar", POOR))
    ]
    runs += [
        finished("biomedvr", GOOD * 4, dataset="three"),
        finished("linear-probe", FAIR * 4, dataset="three"),
    ]
    (made,) = table.make_tables(runs, baseline="linear-probe")
    better, worse, rest = verdicts(made)
    assert "biomedvr (three)" in better and "attrvr" not in better
    assert worse.endswith("none.") or "ar" in worse
    compared = [cell for cell in made.cells.values() if cell.difference is not None]
    assert len(compared) == 5
    assert rest.startswith(str(sum(cell.verdict == 0 for cell in compared)))
    assert made.cells["biomedvr", "three"].verdict == 1
    assert better in formats.to_markdown(made)


def test_a_table_by_class_has_the_numbers_of_the_runs(finished: Finished) -> None:
    runs = [finished("vp", POOR[seed:] + POOR[:seed], seed=seed) for seed in (1, 2)]
    for metric, key in (("accuracy", "recall"), ("macro_f1", "f1"), ("precision", "precision")):
        (made,) = class_table.make_class_tables(runs, metric=metric)
        assert made.columns == ("cyst", "stone") and made.rows == ("vp",)
        for name in made.columns:
            values = [run.metrics["per_class"][name][key] for run in runs]
            spread = made.cells["vp", name].spread
            assert spread is not None and spread.seeds == 2
            assert spread.mean == pytest.approx(sum(values) / 2)
    written = list(csv.DictReader(io.StringIO(formats.to_csv([made]))))
    assert [(row["dataset"], row["class"], row["metric"]) for row in written] == [
        ("toy", "cyst", "precision"),
        ("toy", "stone", "precision"),
    ]
    with pytest.raises(UserError) as caught:
        class_table.make_class_tables(runs, metric="nll")
    assert caught.value.code == "table-metric-not-per-class"


@pytest.mark.parametrize(
    ("name", "path", "form"),
    [(None, None, "md"), (None, "x.tex", "latex"), (None, "x.csv", "csv"), ("csv", "x.md", "csv")],
)
def test_the_form_is_that_of_the_option_or_the_suffix(name: str | None, path: str | None, form: str) -> None:
    assert formats.form_of(name, Path(path) if path else None) == form


def test_error_codes(sweep: list[Result], tmp_path: Path) -> None:
    def code(function: Callable[[], object]) -> str:
        with pytest.raises(UserError) as caught:
            function()
        return caught.value.code

    empty = tmp_path / "empty"
    assert code(lambda: results.find([empty])) == "compare-no-runs"
    assert code(lambda: results.grouped([*sweep, sweep[0]])) == "compare-same-seed"
    assert code(lambda: table.make_tables(sweep, baseline="coop")) == "table-unknown-baseline"
    assert code(lambda: table.make_tables(sweep, metric="acuracy")) == "metric-unknown"
    assert code(lambda: formats.form_of(None, Path("x.pdf"))) == "table-unknown-form"


def test_a_run_on_other_test_images_does_not_stop_the_table(sweep: list[Result], finished: Finished) -> None:
    """A quick try (--limit), or a run from before the groups were known, is named and not compared."""
    fewer = finished("ar", [1] * 10, seed=1)
    (made,) = table.make_tables([*sweep, fewer], baseline="zero-shot")
    cell = made.cells["ar", "toy"]
    assert cell.spread is not None and cell.spread.mean == 1
    assert cell.other_images and cell.difference is None
    assert not made.cells["vp", "toy"].other_images and made.cells["vp", "toy"].difference is not None
    assert verdicts(made)[0].startswith("Measured on other test images than zero-shot")
    assert verdicts(made)[0].endswith("not compared: ar.")
    bold = [line for line in formats.to_markdown(made).splitlines() if "**" in line]
    assert len(bold) == 1 and "attrvr" in bold[0]  # not the row of ten images that are all right
    (alone,) = table.make_tables([fewer, finished("ar", [1] * 12, seed=2)])
    assert alone.cells["ar", "toy"].interval is None and "ar" in verdicts(alone)[0]


def test_one_run_has_no_deviation(finished: Finished, sweep: list[Result]) -> None:
    (one,) = table.make_tables([finished("ar", GOOD)])
    assert "one run each, of 1 seed." in caption(one)
    assert "standard deviation over 2 seeds" in caption(table.make_tables(sweep)[0])
