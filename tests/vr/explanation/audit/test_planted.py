"""Ten attributes of kidney-phantom moved to a wrong class: eight of them are among the worst twelve."""

from __future__ import annotations

import random

import numpy as np
import torch
from PIL import Image

from attrgen.schema import library
from attrgen.schema.card import find
from vr.clip import backbone
from vr.clip.text_embeddings import embed
from vr.data.decoding.resize import to_square
from vr.explanation.audit.assessment import assess
from vr.phantom.dataset import picture_of

PLANTINGS, SAMPLES, SHOTS = 20, 2, 16


def test_misplaced_attributes_are_found() -> None:
    card, mini = find("kidney-phantom"), backbone.load("mini")
    attributes = library.find(card)
    assert attributes is not None
    original = list(attributes.entries())
    texts = embed(mini, [entry.text for entry in original]).numpy()
    labels = np.repeat(np.arange(len(card.classes)), SHOTS)
    positive = [i for i, entry in enumerate(original) if entry.kind in ("descriptive", "distinctive")]
    hits = []
    for sample in range(SAMPLES):
        pictures = [
            Image.fromarray(picture_of("train", label, name, sample * SHOTS + number).picture).convert("RGB")
            for label, name in enumerate(card.class_names)
            for number in range(SHOTS)
        ]
        pixels = torch.stack([to_square(picture, mini.image_size) for picture in pictures])
        with torch.inference_mode():
            features = mini.encode_image(pixels.float() / 255).numpy()
        for seed in range(PLANTINGS):
            draw, entries, planted = random.Random(seed), list(original), set()
            for i in draw.sample(positive, 10):
                away = draw.choice([name for name in card.class_names if name != entries[i].class_name])
                entries[i] = entries[i]._replace(class_name=away, position=100 + i)
                planted.add(entries[i])
            worst = assess(entries, texts, features, labels, card.class_names)[:12]
            hits.append(sum(each.entry in planted for each in worst))
    assert sum(hit >= 8 for hit in hits) >= 0.9 * len(hits), hits
    assert np.mean(hits) >= 9
