"""The `vr` command line: parse, call, print."""

from __future__ import annotations

from attrgen.core.command import add_command, application, run
from vr.cli import audit as audit_cli
from vr.cli import bench as bench_cli
from vr.cli import calibrate as calibrate_cli
from vr.cli import compare as compare_cli
from vr.cli import controls as controls_cli
from vr.cli import data as data_cli
from vr.cli import data_show as data_show_cli
from vr.cli import evaluate as evaluate_cli
from vr.cli import explain as explain_cli
from vr.cli import methods as methods_cli
from vr.cli import mine as mine_cli
from vr.cli import predict as predict_cli
from vr.cli import report as report_cli
from vr.cli import runs as runs_cli
from vr.cli import serve as serve_cli
from vr.cli import share as share_cli
from vr.cli import sweep as sweep_cli
from vr.cli import table as table_cli
from vr.cli import train as train_cli
from vr.cli import tune as tune_cli

HELP = """Few-shot adaptation of a frozen CLIP to your images, guided by visual attributes.

An attribute set (from `attrgen`) and a few labelled images per class become a trained run: small programs
around the image, metrics, predictions and a report. Other methods train under the same protocol.
"""
TRAIN, USE, COMPARE, SHARE = "Train", "Use and understand a run", "Compare", "Share"
RUN = "runs/kidney-phantom/biomedvr+backbone=mini/16-shot/seed-1"

app = application(HELP)

add_command(
    app,
    "train",
    train_cli.train,
    "vr train --attrs attrs/kidney-phantom.json --backbone mini",
    "vr train --dataset my-images/ --method linear-probe",
    "vr train --attrs attrs/ct-kidney.json --set k=5 --set min_crop=0.5",
    group=TRAIN,
)
add_command(
    app,
    "tune",
    tune_cli.tune,
    "vr tune --dataset kidney-phantom --backbone mini --method zs-lp --trials 20",
    "vr tune --dataset busi --method vp --search lr=1..400 --search min_crop=0.1..1",
    group=TRAIN,
)
add_command(
    app,
    "mine",
    mine_cli.mine,
    f"vr mine {RUN}",
    "vr mine RUN --rounds 2 -- --model gpt-5",
    group=TRAIN,
)
add_command(app, "methods", methods_cli.methods, "vr methods", "vr methods biomedvr", group=TRAIN)
add_command(
    app,
    "audit",
    audit_cli.audit,
    "vr audit --attrs attrs/kidney-phantom.json --backbone mini --prune attrs/pruned.json",
    group=TRAIN,
)
add_command(
    app,
    "eval",
    evaluate_cli.evaluate,
    f"vr eval {RUN}",
    "vr eval RUN --operating-point sensitivity=0.95 --class tumor --curves",
    group=USE,
)
add_command(
    app,
    "predict",
    predict_cli.predict,
    "vr predict RUN images/ --out predictions.csv",
    "find images -name '*.dcm' | vr predict RUN --stdin --jsonl",
    group=USE,
)
add_command(app, "explain", explain_cli.explain, "vr explain RUN scan.png --html explanation.html", group=USE)
add_command(app, "serve", serve_cli.serve, "vr serve RUN", group=USE)
add_command(app, "calibrate", calibrate_cli.calibrate, "vr calibrate RUN --coverage 0.9", group=USE)
add_command(app, "report", report_cli.report, "vr report RUN", "vr report runs/kidney-phantom", group=USE)
add_command(
    app,
    "sweep",
    sweep_cli.sweep,
    "vr sweep kidney-phantom --jobs 2",
    "vr sweep --datasets busi,btmri --methods attrvr,biomedvr --seeds 1,2,3",
    group=COMPARE,
)
add_command(app, "table", table_cli.table, "vr table runs --baseline attrvr --out table.md", group=COMPARE)
add_command(
    app,
    "compare",
    compare_cli.compare,
    "vr compare RUN OTHER-RUN",
    "vr compare runs/busi/attrvr/16-shot runs/busi/linear-probe/16-shot --html comparison.html",
    group=COMPARE,
)
add_command(
    app,
    "controls",
    controls_cli.controls,
    "vr controls --attrs attrs/kidney-phantom.json --backbone mini --method labo",
    "vr controls --dataset busi --method biomedvr --seeds 1,2,3 --jobs 4 --plot controls.png",
    group=COMPARE,
)
add_command(app, "curve", table_cli.curve, "vr curve runs --out curve.png", group=COMPARE)
add_command(
    app, "bench", bench_cli.bench, "vr bench --backbone mini --batch-size 16 --device cpu", group=COMPARE
)
add_command(app, "card", share_cli.card, "vr card RUN", "vr card RUN --out -", group=SHARE)
add_command(app, "push", share_cli.push, "vr push RUN OWNER/NAME --dry-run", group=SHARE)

data = application("List, download, check and preview collections of images.", main=False)
add_command(data, "list", data_cli.list_cards, "vr data list")
add_command(data, "get", data_cli.get, "vr data get busi")
add_command(
    data,
    "check",
    data_cli.check,
    "vr data check busi",
    "vr data check my-images/",
    "vr data check my-images/ --near-duplicates --out pairs.png",
)
add_command(data, "card", data_cli.make_card, "vr data card my-images/")
add_command(data, "preview", data_cli.preview, "vr data preview kidney-phantom --shots 4")
add_command(
    data,
    "show",
    data_show_cli.show,
    "vr data show scan.dcm --out shown",
    "vr data show scans/ --out shown --backbone mini",
)
app.add_typer(data, name="data", rich_help_panel=TRAIN)

stored = application("List and remove run directories.", main=False)
add_command(stored, "list", runs_cli.list_, "vr runs list", "vr runs list runs/kidney-phantom --json")
add_command(stored, "rm", runs_cli.remove, f"vr runs rm {RUN}")
app.add_typer(stored, name="runs", rich_help_panel=USE)


def main() -> None:
    """Entry point of `vr`."""
    run(app)
