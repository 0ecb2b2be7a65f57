"""Options, recipe and presets of clap; see `vr.methods.clap`."""

from __future__ import annotations

from vr.methods.declared.zs_lp import ZSLPDeclaration


class CLAPDeclaration(ZSLPDeclaration):
    """`clap`."""

    name = "clap"
    title = "CLAP: ZS-LP with a penalty on the distance to the class names"
