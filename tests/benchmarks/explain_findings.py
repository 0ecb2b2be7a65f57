"""Whether explanations name what was drawn: `python tests/benchmarks/explain_findings.py RUN...`.

For runs on kidney-phantom, whose pictures come with the values of what was drawn (`findings.json`). Each
attribute of the library is read with the phrases of `data/mini/words.toml`; it is true of a picture if all
values that it claims were drawn: for the classes with a finding in that finding, for the normal kidney in the
organ or something incidental. For each correctly classified test image the three positive attributes that
gave most to its class are looked at.

Printed are, as shares of the correctly classified images: how often a true attribute is among the three; how
often three attributes of the class drawn at random would have one; how often the class has a true one at all;
and how often the first of the three is true, against one drawn at random.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from pathlib import Path

import torch

from vr.data.loading.stream import stream
from vr.data.sources import open_source
from vr.explanation.explanation import explain
from vr.phantom.words import phrases, plural
from vr.runs.run import load_run

TOP = 3


def claims(text: str) -> frozenset[str]:
    """The attribute values that a text claims: of its longest known phrases, each word read once."""
    known = {phrase.text: phrase.claims for phrase in phrases()}
    known |= {plural(phrase.text): phrase.claims for phrase in phrases() if phrase.role == "noun"}
    actual: set[str] = set()
    for words in sorted(known, key=len, reverse=True):
        pattern = rf"(?<![\w-]){re.escape(words)}(?![\w-])"
        if re.search(pattern, text):
            actual |= known[words]
            text = re.sub(pattern, "#", text)
    return frozenset(value for value in actual if not value.startswith("is:"))


def drawn(picture: dict[str, list]) -> frozenset[str]:
    """The values of the class's finding; of organ and incidental things where there is none."""
    things = picture["findings"] or [picture["organ"], *picture["incidental"]]
    return frozenset(value for thing in things for value in thing)


def chance(true: int, count: int, drawn_at_random: int) -> float:
    """Probability that some of `drawn_at_random` of `count` texts is one of the `true`."""
    return 1 - math.comb(count - true, drawn_at_random) / math.comb(count, drawn_at_random)


def measure(path: Path) -> None:
    """Print a run's line."""
    run = load_run(path)
    source = open_source(run.card, Path(run.config.data) if run.config.data else None)
    assert run.attributes is not None
    pictures = json.loads((source.root / "findings.json").read_text("utf-8"))["pictures"]
    known = {entry.text: claims(entry.text) for entry in run.attributes.entries()}
    rows = []
    for batch in stream(
        source, source.splits["test"], run.method.image_size, run.method.context.backbone.preprocessing
    ):
        explained = explain(run, batch.images.float() / 255)
        for image, label, classes in zip(batch.paths, batch.labels.tolist(), explained, strict=True):
            best = classes[0]
            if best.name != run.card.class_names[label]:
                continue
            values = drawn(pictures[image.removeprefix("KidneyPhantom/")])
            texts = [t for e in best.experts if e.name == "positive" for b in e.banks for t in b.texts]
            texts.sort(key=lambda text: -text.contribution)
            whole = run.attributes.classes[best.name]
            own = [*whole.texts("descriptive"), *whole.texts("distinctive")]
            true = sum(bool(known[text]) and known[text] <= values for text in own)
            hits = [bool(known[text.text]) and known[text.text] <= values for text in texts[:TOP]]
            rows.append((any(hits), chance(true, len(own), TOP), true > 0, hits[0], true / len(own), label))
    total = len(source.splits["test"])
    actual = torch.tensor(rows, dtype=torch.float64)
    named, by_chance, there, first, first_chance = (100 * actual[:, :5].mean(0)).tolist()
    print(
        f"{path}: {len(rows)} of {total} right; a true attribute is among the first three of "
        f"{named:.1f}% (at random {by_chance:.1f}%, the class has one for {there:.1f}%); "
        f"the first is true for {first:.1f}% (at random {first_chance:.1f}%)"
    )
    for label, name in enumerate(run.card.class_names):
        own = actual[actual[:, 5] == label]
        named, by_chance, there = (100 * own[:, :3].mean(0)).tolist()
        print(f"  {name}: {len(own)} right, {named:.1f}% (at random {by_chance:.1f}%, has {there:.1f}%)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path)
    for each in parser.parse_args().runs:
        measure(each)
