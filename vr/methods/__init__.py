"""The systems of the table, one file each, found by name."""

from __future__ import annotations

from attrgen.card import did_you_mean
from attrgen.errors import UserError
from vr.methods.attrvr import AttrVR
from vr.methods.base import Method
from vr.methods.biomedvr import BioMedVR
from vr.methods.zero_shot import ZeroShot

METHODS: dict[str, type[Method]] = {method.name: method for method in (ZeroShot, AttrVR, BioMedVR)}


def find_method(name: str) -> type[Method]:
    """The method of that name.

    Raises:
        UserError: there is none; the message lists the nearest names.
    """
    if name not in METHODS:
        raise UserError(f"unknown method '{name}'", remedy=did_you_mean(name, METHODS))
    return METHODS[name]
