"""The rule on language: CLIP's text encoder was trained on English captions."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from attrgen.checks.rule import Lists, text_rule
from attrgen.checks.words import word_set, words
from attrgen.schema.plan import Slot

# The commonest words of other languages, and those that their descriptions of images are full of.
_ALSO_ENGLISH = word_set("rand den do e is o or plus bad café naïve façade")
_FOREIGN: Mapping[str, str] = {
    "German": """
        der das und ist mit dem den des ein eine einer einem eines einen auf für im nicht sich aus bei zur zum
        wie oder durch über unter zwischen ohne sind wird rund runde runder dunkel dunkle heller helle glatt
        glatte glatten klein kleine kleiner grosse bereich weist zeigt läsion flecken gewebe umgebende teil
        innen aussen
    """,
    "French": """
        le la les un une des du et est dans avec sur aux qui sont pas ou par leur sans ces cette entre autour
        de se tissu bords masse paroi claire sombre taches petite petites grande bien définie limite
    """,
    "Spanish": """
        el los las una unos unas del al es con por su que lo como más sin sus esta este entre sobre muy y masa
        bordes definidos definido redonda redondo oscura oscuro imagen tejido manchas pequeñas pared contorno
    """,
    "Italian": """
        il gli uno della dello delle degli nel nella che sono dal dalla sul sulla più alla allo tra fra di da
        con massa margini margine netti rotonda scura pareti sottili contenuto tessuto macchie piccole bordo
        parete chiara
    """,
    "Portuguese": """
        os uma umas dos das em nos nas com pelo pela são não mais ao à sem bordas imagem mancha arredondada
        tecido
    """,
    "Dutch": """
        het een en van de met zonder ronde aan op voor bij naar zijn wordt niet ook uit door gladde donker
        kleine vlekken
    """,
    "a Scandinavian language": """
        og med av til som på är ett och det från utan inte eller mörk ljus jämn jevn jævn glatte uden uten
        ikke
    """,
    "Polish": "nie jest są przez bez oraz się guz brzegach jasny ciemny",
    "Turkish": "ve bir ile için olan gibi kenarlı koyu açık kitle",
}
FOREIGN = frozenset().union(*map(word_set, _FOREIGN.values())) - _ALSO_ENGLISH

# The commonest English words that the other languages lack.
ENGLISH = word_set(
    """
    the of with and that this which from its are has have by to around through over at into along between
    toward across where while than like for both each inside outside within near shape shaped edge edges
    dark bright smooth small large thin thick round white black
    """
)
_LEAST = 2  # foreign words that are no accident, as one in "en plaque" or "café-au-lait" is
_OTHER_SCRIPT = 0.3  # share of letters; some Greek ones are units and names


@text_rule("other-language", "error")
def other_language(text: str, slot: Slot, lists: Lists) -> str | None:
    """not in English, the language of CLIP's captions"""
    if not other_script(text):
        text_words = words(text)
        foreign = [word for word in text_words if _is_foreign(word)]
        english = [word for word in text_words if word in ENGLISH]
        if len(set(foreign)) < _LEAST or len(foreign) <= len(english):
            return None
    return "is not in English, and CLIP reads English; translate it"


def _is_foreign(word: str) -> bool:
    return word in FOREIGN or not (word.isascii() or word in _ALSO_ENGLISH)


def other_script(text: str) -> bool:
    """Whether much of a text is in letters that are not Latin."""
    if text.isascii():
        return False
    letters = [character for character in text if character.isalpha()]
    other = [letter for letter in letters if not _is_latin(letter)]
    return len(other) > _OTHER_SCRIPT * len(letters)


def _is_latin(letter: str) -> bool:
    return letter.isascii() or unicodedata.name(letter, "").startswith("LATIN")
