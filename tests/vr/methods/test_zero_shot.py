"""Zero-shot scores, by a sentence and by attributes, against the plain formula."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from attrgen.core.errors import UserError
from vr.methods.common.base import Context
from vr.methods.zero_shot import ZeroShot, ZeroShotOptions


def test_by_name(context, plain_text) -> None:
    z = F.normalize(torch.randn(4, 32, generator=torch.Generator().manual_seed(0)), dim=-1)
    method = ZeroShot(context, ZeroShotOptions(template="A scan with {}!"))
    text = plain_text([f"A scan with {name}!" for name in context.card.class_names])
    torch.testing.assert_close(method.scores(z).fused, context.backbone.tau * z @ text.T)
    assert method.learned(6) == 0


def test_by_attributes(context, plain_text) -> None:
    z = F.normalize(torch.randn(4, 32, generator=torch.Generator().manual_seed(0)), dim=-1)
    method = ZeroShot(context, ZeroShotOptions(text="attributes", k=3))
    for c, name in enumerate(context.card.class_names):
        entry = context.attributes.classes[name]
        expected = 0.0
        for kind in ("descriptive", "distinctive"):
            similar = (
                (context.backbone.tau * z @ plain_text(entry.texts(kind)).T).sort(descending=True).values
            )
            expected = expected + similar[:, :3].mean(1) / 2  # the last class has but two
        torch.testing.assert_close(method.scores(z).fused[:, c], expected)


def test_a_class_without_a_kind_is_named(tiny, card, attributes) -> None:
    attributes.classes["dark ring"] = attributes.classes["dark ring"].model_copy(update={"distinctive": None})
    with pytest.raises(UserError) as caught:
        ZeroShot(Context(tiny, card, attributes), ZeroShotOptions(text="attributes"))
    assert caught.value.code == "set-missing-kind"
    assert caught.value.class_name == "dark ring" and "distinctive" in caught.value.what
