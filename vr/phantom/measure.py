"""Measure what a CLIP recognises in drawn pictures that it was not trained on."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from vr.clip.backbone import Backbone
from vr.phantom.captions import Caption, write_caption
from vr.phantom.finding import ATTRIBUTES, Finding
from vr.phantom.pool import truth
from vr.phantom.scene import Scene, draw_scene
from vr.phantom.words import Phrase, phrases

HELD_OUT = 977  # the first number of seeds that no training uses
ASKED = ("shape", "border", "density", "texture", "size")


def held_out(count: int) -> list[Scene]:
    """Pictures that no training has seen."""
    return [draw_scene(np.random.default_rng((HELD_OUT, number))) for number in range(count)]


def encode_scenes(scenes: list[Scene], backbone: Backbone) -> Tensor:
    """Unit embeddings (N, D) of scenes, resized to what the model takes."""
    grey = torch.from_numpy(np.stack([scene.picture for scene in scenes]))[:, None].float() / 255
    side = backbone.image_size
    sized = torch.nn.functional.interpolate(grey, (side, side), mode="bicubic", antialias=True).clamp(0, 1)
    with torch.no_grad():
        return torch.cat([backbone.encode_image(part.expand(-1, 3, -1, -1)) for part in sized.split(128)])


def retrieval(scenes: list[Scene], backbone: Backbone, *, seed: int = 0) -> dict[str, float]:
    """How well true captions are separated from untrue ones, one caption per scene.

    Returns:
        `auroc` over all pairs of picture and caption; `nearest`, the share of pictures whose nearest of all
        captions is true; `chance`, the share of all pairs that are true.
    """
    words = random.Random(seed)
    values = [[finding.values for finding in scene.findings] for scene in scenes]
    captions: list[Caption] = [write_caption(findings, words) for findings in values]
    true = truth(values, captions)
    similar = encode_scenes(scenes, backbone) @ backbone.encode_text([caption.text for caption in captions]).T
    nearest = true[torch.arange(len(scenes)), similar.argmax(1)]
    return {
        "auroc": _auroc(similar.flatten(), true.flatten()),
        "nearest": float(nearest.float().mean()),
        "chance": float(true.float().mean()),
    }


def attributes(scenes: list[Scene], backbone: Backbone, *, k: int = 3) -> dict[str, tuple[float, float]]:
    """Zero-shot accuracy by attribute on pictures that hold one finding, mean over values, and its chance.

    A value's score is the mean of its k nearest phrases, as a class's is in the method.
    """
    single = [
        (scene, findings[0])
        for scene in scenes
        if len(findings := [f for f in scene.findings if f.kind == "finding"]) == 1
    ]
    features = encode_scenes([scene for scene, _ in single], backbone)
    result = {}
    for attribute in ASKED:
        rows = {value: _phrases_for(attribute, value) for value in ATTRIBUTES[attribute]}
        names = [value for value, texts in rows.items() if texts]
        scores = torch.stack(
            [
                (features @ backbone.encode_text(rows[name]).T)
                .topk(min(k, len(rows[name])), dim=1)
                .values.mean(1)
                for name in names
            ],
            dim=1,
        )
        predicted = [names[i] for i in scores.argmax(1).tolist()]
        actual = [_value(finding, attribute) for _, finding in single]
        rates = [
            np.mean([guess == name for guess, value in zip(predicted, actual, strict=True) if value == name])
            for name in names
            if name in actual
        ]
        result[attribute] = (float(np.mean(rates)), 1 / len(names))
    return result


def _value(finding: Finding, attribute: str) -> str:
    return str(getattr(finding, attribute))


def _phrases_for(attribute: str, value: str) -> list[str]:
    """Noun phrases that claim this value of a finding and nothing else."""
    return list(_texts(f"{attribute}:{value}"))


def _texts(claim: str) -> Iterator[str]:
    for phrase in phrases():
        if phrase.claims <= {claim, "is:finding"} and claim in phrase.claims:
            yield _alone(phrase)


def _alone(phrase: Phrase) -> str:
    match phrase.role:
        case "adj":
            return f"a {phrase.text} area"
        case "clause":
            return f"an area {phrase.text}"
        case "noun":
            return f"a {phrase.text}"
        case _:
            return phrase.text


def _auroc(scores: Tensor, positive: Tensor) -> float:
    """Area under the ROC curve, by ranks (Mann and Whitney, 1947)."""
    ranks = scores.argsort().argsort().double() + 1
    count = int(positive.sum())
    others = len(scores) - count
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))


def main() -> None:
    """Print the figures of `mini`."""
    import argparse

    from vr.clip import backbone

    parser = argparse.ArgumentParser(prog="python -m vr.phantom.measure", description=__doc__)
    parser.add_argument(
        "--model",
        default="mini",
        help="backbone, as for `vr train --backbone`; default mini",
    )
    parser.add_argument("--pictures", type=int, default=1000, help="how many are drawn; default 1000")
    given = parser.parse_args()
    model, scenes = backbone.load(given.model), held_out(given.pictures)
    figures = retrieval(scenes, model)
    print(f"captions: AUROC {figures['auroc']:.3f}; nearest is true {100 * figures['nearest']:.1f}%, "
          f"by chance {100 * figures['chance']:.1f}%")  # fmt: skip
    for attribute, (accuracy, chance) in attributes(scenes, model).items():
        print(f"{attribute}: {100 * accuracy:.1f}%, by chance {100 * chance:.1f}%")


if __name__ == "__main__":
    main()
