"""Whether a model can do the work at all, judged by its first lists."""

from __future__ import annotations

from attrgen.llm.errors import Failed, Fatal

_LISTS = 5  # without a good text until the build ends; several classes, so that none alone decides
_BAD_ANSWERS = ("answer-invalid", "answer-cut-off", "answer-fails-checks")


class Suitability:
    """Ends a build whose model gave nothing of use so far, instead of asking it to the end.

    Args:
        model: its name, for the message.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._is_proven = False
        self._failures: list[Failed] = []

    def proven(self) -> None:
        """There is a list of which at least half was good."""
        self._is_proven = True

    def failed(self, error: Failed) -> Fatal | None:
        """Count a list that failed; gives the error that ends the build, or None."""
        if error.code in _BAD_ANSWERS:
            self._failures.append(error)
        if self._is_proven or len(self._failures) < _LISTS:
            return None
        return Fatal(
            f"'{self._model}' gave no usable text in the first {_LISTS} lists; the last: {error.what}",
            code="model-unsuitable",
            remedy="Choose a larger or an instruction-tuned --model, or, where there is a curated library, "
            "copy it with --offline. --log FILE keeps what the model writes.",
        )
