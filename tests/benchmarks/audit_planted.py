"""How many of ten misplaced attributes `vr audit` has among its worst twelve, on real or drawn images.

    python tests/benchmarks/audit_planted.py CARD... [--data FOLDER] [--backbone NAME] [--plantings 20]

Ten positive texts of the curated set move to a class drawn at random, so many times for each of `--samples`
few-shot samples. FOLDER holds each collection under the folder name of its card; by default the data root.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import numpy as np
import torch

from attrgen.schema import library
from attrgen.schema.card import find
from vr.clip import backbone as backbones
from vr.clip.text_embeddings import embed
from vr.data.sampling import fewshot
from vr.data.sources import open_source
from vr.explanation.audit.assessment import assess
from vr.explanation.audit.run_audit import features

PLANTED, WORST = 10, 12


def measure(name: str, options: argparse.Namespace, backbone: backbones.Backbone) -> None:
    card = find(name)
    attributes = library.find(card)
    assert attributes is not None and card.images is not None
    source = open_source(card, options.data / card.images.folder if options.data else None)
    original = list(attributes.entries())
    texts = embed(backbone, [entry.text for entry in original]).cpu().numpy()
    positive = [i for i, entry in enumerate(original) if entry.confused is None]
    hits = []
    for sample in range(options.samples):
        train = fewshot.draw(source, card, 16, 1 + sample).train
        images = features(backbone, source, train).cpu().numpy()
        labels = np.array([item.label for item in train])
        for seed in range(options.plantings):
            draw, entries, planted = random.Random(seed), list(original), set()
            for i in draw.sample(positive, PLANTED):
                away = draw.choice([other for other in card.class_names if other != entries[i].class_name])
                entries[i] = entries[i]._replace(class_name=away, position=100 + i)
                planted.add(entries[i])
            worst = assess(entries, texts, images, labels, card.class_names)[:WORST]
            hits.append(sum(each.entry in planted for each in worst))
    actual = np.array(hits)
    print(
        f"{name}: of {PLANTED} among {len(original)} texts, {actual.mean():.1f} are in the worst {WORST} "
        f"(at random {PLANTED * WORST / len(original):.1f}); 8 or more in {np.mean(actual >= 8):.0%} of "
        f"{len(actual)} plantings, {actual.min()} at least",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cards", nargs="+")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--backbone", default="mini")
    parser.add_argument("--plantings", type=int, default=20)
    parser.add_argument("--samples", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(1)
    backbone = backbones.load(options.backbone)
    for name in options.cards:
        measure(name, options, backbone)


if __name__ == "__main__":
    main()
