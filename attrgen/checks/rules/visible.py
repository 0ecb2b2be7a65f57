"""The rule on visibility: a text may say only what the pixels of one still image show."""

from __future__ import annotations

from collections.abc import Mapping

from attrgen.checks.phrases import Phrases
from attrgen.checks.rule import Lists, text_rule
from attrgen.checks.words import quoted, words
from attrgen.schema.plan import Slot

# What a text speaks of → the words that show it, separated by commas; * stands for any ending.
# Words that also describe a look ("mimics a pool", "poorly defined", "a growth") are there in a phrase only.
UNSEEN: Mapping[str, str] = {
    "a diagnosis or its certainty": """
        diagnos*, misdiagnos*, suggest*, suspicio*, suspect*, indicate, indicates, indicating, indicative,
        indication*, imply, implies, implying, consistent with, compatible with, concerning for, raising
        concern, raises concern, concern for, of concern, no concern, in keeping with, rule out, rules out,
        ruled out, ruling, incidental*, worrisome, alarming, confirm, confirms, confirmed, confirming,
        confirmation, likely, unlikely, probable, probably, possible, possibly, presumed, presumably,
        presumptive, potential, potentially, uncertain*, equivocal, inconclusive, hallmark*, pathognomonic,
        characteristic of, characteristic for, uncharacteristic*, typical of, typical for, more typical,
        suspicious, sign of, signs of, evidence of, evidence for, feature of, features of, features typical,
        differential, mistaken for, mistaken as, misinterpret*, confused with, confused for, difficult to,
        hard to tell, hard to distinguish, could represent, may represent, might represent, could be, might
        be, malignan*, benign*, cancer*, precancer*, noncancer*, neoplas*, tumorous, patholog*, abnormal*,
        unremarkable, disease*, syndrome*, disorder, disorders, high-grade, low-grade, early-stage,
        late-stage, end-stage, advanced stage, early stage, late stage, expected finding*, expected anatom*,
        typical anatom*, suspicious feature*, metasta*, differentiates, differentiating, distinguishes it,
        distinguishing it, classified, classification, underlying, sets it apart, sets them apart, easily
        separated, easily distinguished, distinguishing feature*, unique feature*, key feature*, easily
        recogni*
        """,
    "a patient, a cause or a history": """
        patient*, histor*, symptom*, asymptomatic, complain*, pain, painful, painless, itch*, tender,
        tenderness, discomfort, fever*, cough*, years, year-old, months, weeks, elderly, smoker*, smoking,
        familial, genetic*, hereditary, inherited, mutation*, caused by, cause of, causes, due to, result
        of, results from, resulting from, associated with, secondary to, related to, because of, sun
        exposure, uv exposure, exposure to, chronic, chronically, acute, long-standing, longstanding,
        previous, previously, prior, virus*, bacteri*, infection*, infectious, trauma, traumatic, hormon*,
        palpa*, mobile, compressib*, feels, felt, sore, injury, injuries, accident, after a fall, blood cell
        count*, cell count*, intraocular pressure, functional, dysfunction, impair*, when pinched, when
        pressed, with pressure, to the touch, odor*, odour*, smell*, laboratory, blood test*, serum, blood
        pressure, vision loss, visual acuity, loss of vision, dyspnea, immunosuppress*, immunocompromised,
        lifestyle, obesity, in infants, in children, in women, in men, in males, in females, women over, men
        over, women aged, men aged, year old
        """,
    "the future or a change over time": """
        prognos*, surviv*, mortality, fatal, deadly, life-threatening, recur, recurs, recurrence*,
        recurrent, progress, progresses, progression, progressive, progressively, evolves, evolving,
        evolution, develops, developing, over time, slow-growing, fast-growing, rapidly growing, slowly
        growing, grows, growing slowly, growing rapidly, rapid growth, slow growth, growth rate, aggressive,
        aggressively, aggressiveness, indolent, risk*, outcome*, complication*, stable, unchanged,
        stability, lead to, leads to, leading to, transform*, remission, curable, life expectancy,
        eventually, untreated, may bleed, bleeds easily, resolves, resolving, tends to, tend to, tendency,
        doubled in size, outlook, chance of, coming back, comes back, stages, worsen*, deteriorat*,
        improve*, with age, with time, since the last, last scan, earlier scan, spreads to other
        """,
    "advice, treatment or a further test": """
        recommend*, should, must, ought, need to, needs to, needed, require, requires, required, requiring,
        follow-up, follow up, biops*, evaluat*, assess*, treat, treated, treatment*, treatable, therap*,
        chemotherap*, radiotherap*, immunotherap*, surgery, surgeries, surgeon*, referral, be referred,
        consult*, correlat*, clinical, clinically, clinician*, medical attention, medication*, antibiotic*,
        drug, drugs, important to, important for, warrant*, advised, cure, cures, cured, surgical removal,
        advisable, urgent*, emergency, hospital*, doctor*, physician*, radiologist*, pathologist*,
        dermatologist*, specialist*, investigat*, further imaging, further test*, further work*, further
        analysis, further study, additional test*, additional imaging, caution, intervention*, screening,
        lab test*, vaccin*, prescri*, helps visuali*, help visuali*, allows for, allowing for, monitored,
        monitoring, to monitor, managed with, managed by, management of
        """,
    "how often something occurs": """
        most common, commonly, common in, common among, common finding*, common type, common form, common
        cause, rare, rarely, rarity, frequently, frequency of, prevalen*, incidence, epidemiolog*, usually
        affects, often affects, typically affects, usually occurs, often occurs, typically occurs, occurs
        in, occurring in, occurs most, affects men, affects women, in adults, in older, most frequent, one
        of the most, more often, less often, twice as often, than in men, than in women, in younger, in most
        cases, in many cases, in some cases, of cases, age group*, middle-aged, middle age,
        population-based, worldwide, demographic*, gender, ethnic*, percent of, decade of life, in people,
        of people, in individuals, of individuals
        """,
    "itself or its data set": """
        class, classes, category, example of, dataset*, training, data set*, serves as, serve as, reference
        image, baseline for, definition of, defined as, the term, the word, refers to, refer to, i'm sorry,
        i am sorry, as an ai, language model, definitive answer, the question, this question, please
        """,
}


_UNSEEN = {topic: Phrases(line.split(",")) for topic, line in UNSEEN.items()}
_ANY = Phrases(phrase for line in UNSEEN.values() for phrase in line.split(","))


@text_rule("not-visible", "error")
def not_visible(text: str, slot: Slot, lists: Lists) -> str | None:
    """speaks of a diagnosis, history, prognosis, advice or frequency, which no image shows"""
    text_words = lists.names.taken_out(words(text))  # a class may be called "benign tumor"
    if not _ANY.find(text_words):
        return None
    telling_words = {
        topic: quoted(" ".join(text_words[start:end]) for start, end in spans)
        for topic, phrases in _UNSEEN.items()
        if (spans := phrases.find(text_words))
    }
    topics = " and of ".join(f"{topic} ({telling})" for topic, telling in telling_words.items())
    return f"speaks of {topics}, which no image shows; say what is seen"
