"""Each rule on examples of its own. The sentences of `test_planted.py` are others."""

from __future__ import annotations

import pytest

from attrgen.checks import all_rules, check_lists, check_texts
from attrgen.checks.rule import Finding
from attrgen.schema.card import Card, CardClass
from attrgen.schema.plan import Slot

CYST = Slot("hepatic cyst", "descriptive")
CYST_APART = Slot("hepatic cyst", "distinctive")
CYST_AS_ABSCESS = Slot("hepatic cyst", "confusion", "abscess")
ABSCESS = Slot("abscess", "descriptive")
ABSCESS_AS_CYST = Slot("abscess", "confusion", "hepatic cyst")
HEMANGIOMA = Slot("hemangioma", "descriptive")
NORMAL_AS_ABSCESS = Slot("normal liver", "confusion", "abscess")

# Sentences that are bad by themselves, by rule.
BAD = {
    "unclean": ["1. a round spot with a smooth edge", "**Description:** a round spot with a smooth edge"],
    "markup": ["a round spot <br with a {smooth} edge"],
    "placeholder": ["a [shape] spot with a smooth edge"],
    "addressed": ["Here are three descriptions of the spot"],
    "gibberish": ["a round spot with a smooth_edge", "asdfgh spot with a round edge"],
    "not-visible": [
        "Findings are suggestive of an early neoplastic process.",
        "A mass that raises concern for invasive carcinoma",
        "appearance most in keeping with a benign process",
        "the lesion probably represents a simple cyst",
        "it could be an abscess or a necrotic tumour",
        "Ruling this out calls for contrast-enhanced imaging.",
        "The radiologist would call this a definite lesion.",
        "seen mostly in smokers over the age of fifty",
        "The patient has had abdominal pain for three weeks.",
        "related to long-term alcohol abuse",
        "the result of an old injury to the joint",
        "arises in people with a family history of the disease",
        "usually asymptomatic and found by chance",
        "tends to spread to the liver in its late stages",
        "A lesion that has doubled in size since the last scan",
        "carries a poor outlook when left alone",
        "has a high chance of coming back after removal",
        "five-year survival is below twenty percent",
        "surgical removal is the only cure",
        "Clinical correlation and repeat ultrasound in six months are advised.",
        "an urgent referral to a specialist is warranted",
        "best managed with antibiotics",
        "usually treated by laser coagulation",
        "One of the most frequent tumours of the kidney",
        "occurs twice as often in men as in women",
        "found in about one in ten elderly adults",
        "The second most common cause of blindness worldwide",
        "This class shows what a healthy organ looks like.",
        "an example of the category used for training",
        "The nodule feels hard and cannot be moved.",
        "warm to the touch and sore",
        "elevated white blood cell counts accompany the shadows",
        "The mutation status drives the growth of the lesion.",
        "intraocular pressure is raised",
        "It impairs kidney function.",
        "Patients present with haematuria.",
        "has a tendency to bleed",
        "the condition worsens with age",
        "requires further work-up",
        "a scan of the abdomen obtained after a fall",
        "this is an incidental finding of no concern",
    ],
    "negated": [
        "the outline shows no lobulation",
        "a mass without a visible capsule",
        "The margin is not sharply defined.",
        "it never crosses the fissure",
        "neither calcified nor septated",
        "the centre lacks any enhancement",
        "There is an absence of surrounding oedema.",
        "the wall doesn't thicken",
        "an interior free of echoes",
        "a shape unlike that of a vessel",
        "a solid rather than fluid interior",
        "devoid of internal structure",
        "None of the vessels is widened.",
        "cannot be separated from the wall",
        "a lung field that is entirely clear of shadows, with no nodules",
        "the capsule fails to enhance",
        "Vessels are absent from its centre.",
        "a smooth surface instead of a rough one",
        "lacking a dark core",
        "nothing bright lies inside",
    ],
    "other-language": [
        "eine runde, scharf begrenzte Raumforderung mit glattem Rand",
        "ein dunkler Bereich im unteren Pol der Niere",
        "une masse arrondie aux contours réguliers",
        "le tissu autour de la lésion est clair",
        "una masa redonda con bordes lisos y bien definidos",
        "la lesión presenta un centro oscuro",
        "una massa rotonda con margini netti e regolari",
        "un'area scura al centro dell'immagine",
        "uma massa arredondada com contornos lisos",
        "een ronde massa met een gladde rand",
        "okrągły guz o gładkich brzegach",
        "yuvarlak ve düzgün kenarlı koyu bir kitle",
        "边缘光滑的圆形低密度区",
        "округлое образование с ровными краями",
        "円形で境界明瞭な腫瘤",
        "كتلة دائرية ذات حواف ملساء",
        "en rund mörk förändring med jämn kant",
        "en rund, mørk masse med glatte kanter",
        "kleine weiße Flecken",
        "masse hypodense avec paroi fine",
        "nódulo sólido de contornos irregulares",
        "pareti sottili e contenuto omogeneo",
    ],
    "cut-off": [
        "a round dark area with a thin wall and",
        "the margin of the lesion is",
        "A well-circumscribed mass that displaces the",
        "small bright spots scattered across the lower",
        "an oval lesion surrounded by a bright halo of",
        "the surface appears smooth, glistening and moder",
        "vessels branching towards the periphery, becoming",
        "bright foci (some with shadowing",
        "The lesion shows a heterogeneous texture with areas of",
        "a ring of enhancement around an irregular",
        "dark bands running along the...",
        "the wall is thick, uneven,",
        "a pale zone whose edges are poorly defi",
        "numerous tiny dots, for example",
        "the mass compresses the neighbouring",
        "an irregular outline with spiculations extending into",
    ],
    "too-short": [
        "dark",
        "round mass",
        "smooth",
        "it is bright",
        "an image of a lesion",
        "kidney",
    ],
    "over-long": [
        "a mottled, heterogeneous, irregularly lobulated mass " * 8,
        "word " * 300,
        "плотное образование с неровными контурами и просветлением в центре, " * 3,
    ],
    "white-space": [" a dark round area", "a dark  round area", "a dark\u00a0round area", "a dark area\n"],
}

GOOD = [
    "a surgical clip shining as a short metallic bar near the hilum",
    "a growth with a cauliflower-like surface",
    "an irregular mass that mimics a clenched fist",
    "moderately differentiated glands fused into sheets",
    "the fluid level divides a dark upper from a grey lower half",
    "well-defined oval nodule with a bright central dot",
    "a lesion confined to the left lower lobe",
    "multiple round dark holes of different sizes",
    "the optic disc has a sharp, pink rim",
    "spiculated margins radiating into the fat",
    "free fluid as a dark crescent behind the liver",
    "non-enhancing dark core inside a bright ring",
    "faint grey shading at both lung bases",
    "an hourglass-shaped mass in the midline",
    "a crescent-shaped collection along the inner table",
    "a fine network of brown lines over a tan patch",
    "pale pink stroma between crowded purple glands",
    "bone spurs at the joint margin",
    "a bright line that curves along the diaphragm",
    "red, swollen mucosa with shallow white-based ulcers",
    "naïve T-cells as small dark round dots",
    "a café-au-lait brown macule with a smooth outline",
    "a vessel that stops abruptly at the lesion's edge",
    "the texture is coarse like wet sand",
    "A large cystic area with layered debris.",
    "two ventricles of equal width",
    "dense white consolidation with dark branching air tubes",
    "the cortex is thinned over the swelling",
    "tapers into a narrow neck below",
    "lies in the middle of the image",
]

# Sentences that are bad beside others: the rule, the list that they are added to, the sentence.
BESIDE = [
    ("duplicate", ABSCESS, "Several small cavities, clustered like grapes."),
    ("near-duplicate", CYST, "a water-dark round area that has a hair-thin, smooth wall"),
    ("near-duplicate", CYST, "the border against the liver is smooth and sharply drawn"),
    ("near-duplicate", CYST_APART, "a single dark sphere, large, near the edge of the liver"),
    ("near-duplicate", ABSCESS, "small clustered cavities like a bunch of grapes"),
    ("same-across-classes", HEMANGIOMA, "a sharply drawn and smooth border against the liver"),
    ("same-across-classes", HEMANGIOMA, "a thick, shaggy enhancing rim around a dark cloudy pool"),
    ("contradiction", CYST, "a bright, hyperdense interior"),
    ("contradiction", CYST_APART, "the inside is white and brighter than the spleen"),
    ("contradiction", CYST_APART, "multiple spheres scattered through both lobes"),
    ("contradiction", CYST, "numerous small round spheres in the right lobe"),
    ("nearer-to-own", CYST_AS_ABSCESS, "a round pocket of dark fluid with a thin wall"),
    ("nearer-to-own", CYST_AS_ABSCESS, "a homogeneous, uniformly dark area with a crisp smooth border"),
    ("nearer-to-own", ABSCESS_AS_CYST, "shaggy enhancing rim with gas bubbles in the cavity"),
    ("own-name", CYST_AS_ABSCESS, "a cyst-like pocket with a thick rim"),
    ("own-name", CYST_AS_ABSCESS, "a Hepatic_Cyst with a shaggy border"),
    ("own-name", CYST_AS_ABSCESS, "thick partitions between cysts and cloudy pools"),
    ("class-name", CYST, "a hepatic cyst with a bright calcified speck"),
    ("class-name", CYST_APART, "darker than the hemangiomas beside it"),
    ("class-name", CYST_AS_ABSCESS, "a cloudy pool next to a hemangioma"),
    ("own-name", NORMAL_AS_ABSCESS, "a cloudy pool in an otherwise normal organ"),
]  # fmt: skip

GOOD_BESIDE = [
    (CYST, "a bright calcified speck in the wall"),
    (CYST_APART, "cortex of the liver bulging over a dark dome"),
    (CYST_AS_ABSCESS, "a dark pool ringed by a swollen hazy zone"),
    (Slot("hepatic cyst", "confusion", "hemangioma"), "nodular bright puddles along the rim of a dark area"),
    (ABSCESS_AS_CYST, "a hair-thin wall around one even shade of dark fluid"),
    (Slot("abscess", "confusion", "normal liver"), "branching dark veins running through even grey tissue"),
    (ABSCESS, "a single bright line between two cavities"),
    (HEMANGIOMA, "a round, bright area with a hair-thin wall"),
]


def rules_on(text: str, slot: Slot, lists: dict[Slot, list[str]], card: Card) -> dict[str, Finding]:
    """What fires on a text that is added at the end of a list."""
    together = {**lists, slot: [*lists.get(slot, []), text]}
    position = len(together[slot]) - 1
    actual = check_lists(together, card)
    return {each.rule: each for each in actual if each.slot == slot and each.position == position}


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule, texts in BAD.items() for text in texts])
def test_fires_on_a_bad_sentence(rule: str, text: str) -> None:
    actual = check_texts([text], class_name="finding", kind="descriptive")
    assert rule in {each.rule for each in actual}


@pytest.mark.parametrize("text", GOOD)
def test_is_silent_on_a_good_sentence(text: str) -> None:
    assert check_texts([text], class_name="finding", kind="descriptive") == []


def test_is_silent_on_the_lists(lists: dict[Slot, list[str]], liver: Card) -> None:
    assert check_lists(lists, liver) == []


@pytest.mark.parametrize(("rule", "slot", "text"), BESIDE)
def test_fires_beside_other_sentences(
    rule: str, slot: Slot, text: str, lists: dict[Slot, list[str]], liver: Card
) -> None:
    assert rule in rules_on(text, slot, lists, liver)


@pytest.mark.parametrize(("slot", "text"), GOOD_BESIDE)
def test_is_silent_beside_other_sentences(
    slot: Slot, text: str, lists: dict[Slot, list[str]], liver: Card
) -> None:
    assert rules_on(text, slot, lists, liver) == {}


def test_every_rule_has_examples() -> None:
    assert {*BAD, *(rule for rule, _, _ in BESIDE), "uneven-end"} == set(all_rules())


def test_one_missing_full_stop_among_many() -> None:
    texts = [f"A {size} round area with a smooth edge." for size in ("small", "large", "pale", "dark")]
    assert check_texts(texts, class_name="finding", kind="ensemble") == []
    (actual,) = check_texts([*texts, "A bright line along the wall"], class_name="finding", kind="ensemble")
    assert (actual.rule, actual.level, actual.position) == ("uneven-end", "warning", 4)


def test_a_name_of_a_class_is_no_verdict(liver: Card) -> None:
    named = "a benign tumor with a smooth edge"
    assert {f.rule for f in check_texts([named], class_name="abscess", kind="descriptive", card=liver)} == {
        "not-visible"
    }
    classes = (liver.classes[0].model_copy(update={"name": "benign tumor"}), *liver.classes[1:])
    other = liver.model_copy(update={"classes": classes})
    assert {f.rule for f in check_texts([named], class_name="abscess", kind="descriptive", card=other)} == {
        "class-name"
    }


def test_a_longer_name_of_another_class_does_not_count_as_the_own(liver: Card) -> None:
    names = ("polyp", "dyed lifted polyp")
    classes = tuple(CardClass(name=name, folder=name) for name in names)
    card = liver.model_copy(update={"classes": classes})
    place = {"class_name": "polyp", "kind": "confusion", "confused": "dyed lifted polyp", "card": card}
    assert check_texts(["blue rim of the dyed lifted polyps"], **place) == []  # type: ignore[arg-type]
    (actual,) = check_texts(["blue rim of a polyp"], **place)  # type: ignore[arg-type]
    assert actual.rule == "own-name"


def test_contrasting_words_make_texts_different(lists: dict[Slot, list[str]], liver: Card) -> None:
    lists[HEMANGIOMA].append("a single large bright sphere near the liver edge")  # the cyst's is dark
    assert check_lists(lists, liver) == []


def test_findings_spell_classes_as_the_lists_do(liver: Card) -> None:
    slot = Slot("Liver_Abscess", "confusion", "CYST")
    (actual,) = check_lists({slot: ["no round dark pocket with a smooth wall"]}, liver)
    assert actual.slot == slot


def test_levels_are_those_that_a_build_may_rely_on() -> None:
    levels = {rule.id: rule.level for rule in all_rules().values()}
    errors = "over-long too-short cut-off other-language not-visible negated own-name duplicate "
    errors += "markup placeholder addressed gibberish"
    assert {id for id, level in levels.items() if level == "error"} == set(errors.split())
