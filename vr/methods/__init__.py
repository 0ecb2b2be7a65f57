"""The systems of the table, one file each, found by name."""

from __future__ import annotations

from attrgen.core.errors import UserError
from attrgen.schema.card import did_you_mean
from vr.methods.ar import AR
from vr.methods.attrvr import AttrVR
from vr.methods.biomedcoop import BiomedCoOp
from vr.methods.biomedvr import BioMedVR
from vr.methods.cocoop import CoCoOp
from vr.methods.common.base import Method
from vr.methods.coop import CoOp
from vr.methods.linear_probe import LinearProbe
from vr.methods.tip_adapter import TipAdapter, TipAdapterF
from vr.methods.vp import VP
from vr.methods.zero_shot import ZeroShot

METHODS: dict[str, type[Method]] = {
    method.name: method
    for method in (
        ZeroShot,
        LinearProbe,
        TipAdapter,
        TipAdapterF,
        CoOp,
        CoCoOp,
        BiomedCoOp,
        VP,
        AR,
        AttrVR,
        BioMedVR,
    )
}


def find_method(name: str) -> type[Method]:
    """The method of that name.

    Raises:
        UserError: there is none; the message lists the nearest names.
    """
    if name not in METHODS:
        raise UserError(f"unknown method '{name}'", remedy=did_you_mean(name, METHODS))
    return METHODS[name]
