"""CoOp (Zhou et al., IJCV 2022): context vectors in the text tower's input, shared by all classes.

The prompt of a class is `v1 ... v16 class name.`, the vectors start from N(0, 0.02 ** 2), and scores are
`tau * <f(x), t_c>` under cross-entropy: the paper's unified context with the name at the end. Weight decay
5e-4 and the one warm-up epoch at 1e-5 are those of the public code.

The paper crops and flips training images at random, and so does the `paper` preset. By default images are
taken as they are, so that their features are computed once and shared with the other methods that read them.
"""

from __future__ import annotations

from vr.methods.common.base import Context
from vr.methods.common.prompts import PromptMethod
from vr.methods.declared.coop import CoOpDeclaration, CoOpOptions


class CoOp(CoOpDeclaration, PromptMethod):
    """Context vectors that all classes share, read against image features."""

    def __init__(self, context: Context, options: CoOpOptions | None = None) -> None:
        super().__init__(context, options or CoOpOptions())
