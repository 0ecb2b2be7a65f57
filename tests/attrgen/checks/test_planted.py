"""60 sentences that no rule was made for: 20 good ones of a thyroid set, and 40 bad ones planted into it.

They were written after the rules, in the manner of what LLMs send, and the rules are not tuned to them: what
is missed is listed in the output, and at least nine in ten must be right. A bad sentence counts as found only
if the very rule fires that it was planted for.
"""

from __future__ import annotations

import pytest

from attrgen.checks import check_lists
from attrgen.schema.card import Card, CardClass
from attrgen.schema.plan import Slot

COLLOID, CARCINOMA, THYROIDITIS, NORMAL = (
    "colloid nodule",
    "papillary carcinoma",
    "thyroiditis",
    "normal thyroid",
)
CARD = Card(
    name="thyroid",
    title="Thyroid",
    modality="ultrasound",
    shows="an ultrasound image of the thyroid gland",
    classes=tuple(CardClass(name=name, folder=name) for name in (COLLOID, CARCINOMA, THYROIDITIS, NORMAL)),
)

GOOD = {
    Slot(COLLOID, "descriptive"): [
        "an oval nodule with a spongy, honeycomb-like inside",
        "tiny bright dots with a comet-tail streak behind them",
        "a thin dark halo running all the way around the nodule",
        "mostly cystic, with a dark pool and a few fine bright threads",
    ],
    Slot(COLLOID, "distinctive"): [
        "wider than it is tall, with its long axis along the skin",
        "a single nodule with a gentle, rounded margin like that of a pebble",
        "a bright band of sound just behind the cystic part",
    ],
    Slot(COLLOID, "confusion", CARCINOMA): [
        "a solid, dark lump with ragged corners and glinting pinpoint flecks",
    ],
    Slot(CARCINOMA, "descriptive"): [
        "a markedly dark solid nodule, darker than the strap muscles",
        "jagged, angular borders that bite into the tissue around them",
        "pinpoint bright flecks sprinkled through the solid part",
        "a nodule that stands upright, taller than it is wide",
    ],
    Slot(CARCINOMA, "distinctive"): [
        "the bright capsule line is interrupted where the nodule bulges through it",
        "rounded neighbouring lymph nodes with tiny cystic holes and bright specks",
    ],
    Slot(CARCINOMA, "confusion", COLLOID): [
        "a sponge of little dark chambers inside a smooth oval",
    ],
    Slot(THYROIDITIS, "descriptive"): [
        "both lobes swollen, with a coarse, patchy, darkened texture",
        "bright fibrous lines that divide the gland into small dark islands",
        "colour Doppler shows a blaze of red and blue throughout the gland",
    ],
    Slot(NORMAL, "descriptive"): [
        "two slim lobes joined by a thin bridge in front of the windpipe",
        "an even, fine-grained grey, brighter than the muscles in front of it",
    ],
}

BAD = [
    (
        "over-long",
        Slot(COLLOID, "descriptive"),
        "This ultrasound image demonstrates a large, well-circumscribed, predominantly cystic and "
        "partially solid oval nodule located in the mid portion of the right thyroid lobe, surrounded by "
        "a thin, regular, hypoechoic halo, containing multiple tiny echogenic foci with posterior comet- "
        "tail artifacts, thin internal septations, layering debris, and marked posterior acoustic "
        "enhancement, with gentle displacement of the adjacent carotid artery and the trachea",
    ),
    (
        "over-long",
        Slot(CARCINOMA, "distinctive"),
        "A solid, markedly hypoechoic, taller-than-wide nodule with microlobulated and spiculated "
        "margins, numerous punctate echogenic foci, interrupted rim calcification with extruded soft "
        "tissue, broad contact with and bulging of the anterior thyroid capsule, obliteration of the "
        "echogenic fat plane toward the strap muscles, and enlarged, rounded ipsilateral level IV lymph "
        "nodes",
    ),
    ("too-short", Slot(CARCINOMA, "descriptive"), "hypoechoic"),
    ("too-short", Slot(CARCINOMA, "descriptive"), "solid nodule."),
    ("too-short", Slot(CARCINOMA, "distinctive"), "irregular margins"),
    (
        "cut-off",
        Slot(COLLOID, "descriptive"),
        "The nodule shows a well-circumscribed margin and a predominantly",
    ),
    ("cut-off", Slot(CARCINOMA, "descriptive"), "Multiple punctate echogenic foci within the"),
    (
        "cut-off",
        Slot(THYROIDITIS, "descriptive"),
        "The gland is enlarged with a heterogeneous echotexture and increased vascu",
    ),
    (
        "cut-off",
        Slot(CARCINOMA, "distinctive"),
        "A hypoechoic mass with microlobulated borders, extending beyond the thyroid capsule and",
    ),
    (
        "other-language",
        Slot(CARCINOMA, "descriptive"),
        "Ein echoarmer Knoten mit unscharfer Begrenzung und Mikroverkalkungen",
    ),
    (
        "other-language",
        Slot(COLLOID, "descriptive"),
        "Nódulo ovalado de márgenes lisos con contenido quístico",
    ),
    ("other-language", Slot(CARCINOMA, "distinctive"), "Un nodule hypoéchogène aux contours irréguliers"),
    ("other-language", Slot(CARCINOMA, "distinctive"), "甲状腺内可见低回声结节，边界不清"),
    (
        "not-visible",
        Slot(THYROIDITIS, "descriptive"),
        "The patient reports difficulty swallowing and a hoarse voice.",
    ),
    (
        "not-visible",
        Slot(CARCINOMA, "descriptive"),
        "Most commonly seen in women between 30 and 50 years of age.",
    ),
    (
        "not-visible",
        Slot(CARCINOMA, "descriptive"),
        "Fine-needle aspiration is recommended to exclude malignancy.",
    ),
    ("not-visible", Slot(CARCINOMA, "distinctive"), "Findings are consistent with a TI-RADS 5 lesion."),
    (
        "not-visible",
        Slot(CARCINOMA, "distinctive"),
        "Carries an excellent ten-year prognosis after thyroidectomy.",
    ),
    (
        "not-visible",
        Slot(COLLOID, "distinctive"),
        "The nodule has grown slowly since the previous examination two years ago.",
    ),
    (
        "not-visible",
        Slot(THYROIDITIS, "descriptive"),
        "Elevated TSH levels and antithyroid antibodies support this picture.",
    ),
    (
        "not-visible",
        Slot(COLLOID, "confusion", CARCINOMA),
        "Highly suspicious appearance that warrants specialist referral.",
    ),
    ("negated", Slot(COLLOID, "descriptive"), "No calcifications are seen within the nodule."),
    ("negated", Slot(COLLOID, "distinctive"), "The borders are smooth without any lobulation."),
    (
        "negated",
        Slot(COLLOID, "distinctive"),
        "Unlike papillary carcinoma, the nodule stays within the gland.",
    ),
    ("negated", Slot(COLLOID, "distinctive"), "There is no evidence of extension beyond the capsule."),
    ("negated", Slot(NORMAL, "descriptive"), "The normal gland texture isn't disturbed by any mass."),
    (
        "own-name",
        Slot(COLLOID, "confusion", CARCINOMA),
        "A colloid nodule that has sharp corners and bright pinpoint flecks",
    ),
    (
        "own-name",
        Slot(NORMAL, "confusion", THYROIDITIS),
        "An apparently normal thyroid with a faint patchy darkening of one lobe",
    ),
    (
        "own-name",
        Slot(CARCINOMA, "confusion", COLLOID),
        "Papillary carcinoma with a spongy inside and a smooth outline",
    ),
    (
        "duplicate",
        Slot(CARCINOMA, "descriptive"),
        "Jagged, angular borders that bite into the tissue around them.",
    ),
    (
        "duplicate",
        Slot(THYROIDITIS, "descriptive"),
        "both lobes swollen, with a coarse, patchy, darkened texture",
    ),
    (
        "near-duplicate",
        Slot(COLLOID, "descriptive"),
        "the nodule is surrounded on all sides by a thin dark halo",
    ),
    (
        "near-duplicate",
        Slot(NORMAL, "descriptive"),
        "two thin lobes connected by a slim bridge across the front of the windpipe",
    ),
    (
        "same-across-classes",
        Slot(THYROIDITIS, "distinctive"),
        "a fine-grained, even grey that is brighter than the muscles in front",
    ),
    (
        "same-across-classes",
        Slot(NORMAL, "distinctive"),
        "an oval nodule with a spongy inside, like a honeycomb",
    ),
    (
        "contradiction",
        Slot(CARCINOMA, "distinctive"),
        "a bright, hyperechoic nodule that outshines the muscles",
    ),
    ("contradiction", Slot(COLLOID, "distinctive"), "a bright halo around the nodule"),
    ("contradiction", Slot(COLLOID, "distinctive"), "multiple nodules scattered through both lobes"),
    (
        "nearer-to-own",
        Slot(CARCINOMA, "confusion", COLLOID),
        "a dark solid nodule with angular borders and pinpoint bright flecks",
    ),
    (
        "nearer-to-own",
        Slot(COLLOID, "confusion", CARCINOMA),
        "an oval nodule with a honeycomb inside and a thin dark halo",
    ),
]


def fired(text: str, slot: Slot) -> set[str]:
    """The rules that fire on a sentence that is added at the end of its list."""
    lists = {**GOOD, slot: [*GOOD.get(slot, []), text]}
    last = len(lists[slot]) - 1
    return {f.rule for f in check_lists(lists, CARD) if f.slot == slot and f.position == last}


def test_precision_and_recall(capsys: pytest.CaptureFixture[str]) -> None:
    good = [(slot, text) for slot, texts in GOOD.items() for text in texts]
    assert (len(good), len(BAD)) == (20, 40)
    alarms = [(f.rule, f.text) for f in check_lists(GOOD, CARD)]
    false = {text for _, text in alarms}
    actual = [(rule, text, fired(text, slot)) for rule, slot, text in BAD]
    missed = [(rule, text, rules) for rule, text, rules in actual if rule not in rules]
    flagged = sum(bool(rules) for _, _, rules in actual)
    precision = flagged / (flagged + len(false))
    recall = 1 - len(missed) / len(BAD)
    with capsys.disabled():
        print(f"\nplanted sentences: precision {precision:.2f}, recall {recall:.2f} (by the rule planted)")
        for rule, text, rules in missed:
            print(f"  missed by {rule} (fired: {', '.join(sorted(rules)) or 'none'}): {text}")
        for rule, alarm in alarms:
            print(f"  false alarm of {rule}: {alarm}")
    assert precision >= 0.9 and recall >= 0.9
