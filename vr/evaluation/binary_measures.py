"""Sensitivity, specificity and predictive values at a threshold, with intervals; net benefit."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vr.evaluation.intervals import share_percentiles, wilson
from vr.evaluation.measurement import RESAMPLES

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
# Of true and false positives, false and true negatives: the count and the total of each share.
SHARES: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "sensitivity": ((0,), (0, 2)),
    "specificity": ((3,), (3, 1)),
    "ppv": ((0,), (0, 1)),
    "npv": ((3,), (3, 2)),
}
NAMES = {
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "ppv": "positive predictive value (PPV)",
    "npv": "negative predictive value (NPV)",
}
PREVALENCES = (0.01, 0.05, 0.1, 0.2, 0.5)
THRESHOLDS = np.linspace(0.01, 0.99, 99)  # of the decision curve


def measures(flagged: Flags, positive: Flags, groups: Sequence[Hashable] | None = None) -> dict[str, Any]:
    """The four shares at an operating point; None where one is not defined.

    Args:
        flagged, positive: (N,) what counts as the class, and what is.
        groups: (N,) what images belong to that are not independent; then the intervals are of the cluster
            bootstrap over groups, else Wilson's. (Davison and Hinkley 1997; Brown, Cai and DasGupta 2001.)

    Returns:
        counts (true_positive, false_positive, false_negative, true_negative), prevalence, the shares,
        their `intervals` at 95%, the `method` of these, and `at_prevalence`: PPV and NPV by Bayes' rule.
    """
    rows = np.stack([flagged & positive, flagged & ~positive, ~flagged & positive, ~flagged & ~positive], 1)
    counts = rows.sum(0)
    values = {name: _share(counts, name) for name in SHARES}
    return {
        "counts": dict(
            zip(
                ("true_positive", "false_positive", "false_negative", "true_negative"),
                counts.tolist(),
                strict=True,
            )
        ),
        "prevalence": float(positive.mean()),
        **values,
        "intervals": _wilson(counts) if groups is None else _bootstrap(rows, groups),
        "method": "Wilson" if groups is None else "bootstrap over groups",
        "at_prevalence": [
            {"prevalence": share, **predictive_values(values["sensitivity"], values["specificity"], share)}
            for share in PREVALENCES
        ],
    }


def predictive_values(
    sensitivity: float | None, specificity: float | None, prevalence: float
) -> dict[str, float | None]:
    """PPV and NPV at another prevalence, by Bayes' rule. (Altman and Bland, BMJ 1994; 309: 102.)"""
    if sensitivity is None or specificity is None:
        return {"ppv": None, "npv": None}
    true, missed = sensitivity * prevalence, (1 - sensitivity) * prevalence
    false, rejected = (1 - specificity) * (1 - prevalence), specificity * (1 - prevalence)
    return {
        "ppv": true / (true + false) if true + false else None,
        "npv": rejected / (rejected + missed) if rejected + missed else None,
    }


def net_benefit(scores: Floats, positive: Flags, thresholds: Floats = THRESHOLDS) -> Floats:
    """Net benefit (T,) of calling images positive from each probability.

    True positives per image, minus false positives weighted by the odds of the threshold. (Vickers and Elkin,
    Medical Decision Making 2006; 26: 565.)
    """
    flagged = scores[None, :] >= thresholds[:, None]
    true, false = (flagged & positive).mean(1), (flagged & ~positive).mean(1)
    benefit: Floats = true - false * thresholds / (1 - thresholds)
    return benefit


def net_benefit_of_all(positive: Flags, thresholds: Floats = THRESHOLDS) -> Floats:
    """Net benefit (T,) of calling every image positive."""
    return net_benefit(np.ones(len(positive)), positive, thresholds)


def _share(counts: NDArray[Any], name: str) -> float | None:
    part, whole = SHARES[name]
    total = counts[list(whole)].sum()
    return float(counts[list(part)].sum() / total) if total else None


def _wilson(counts: NDArray[Any]) -> dict[str, list[float] | None]:
    intervals: dict[str, list[float] | None] = {}
    for name, (part, whole) in SHARES.items():
        hits, total = int(counts[list(part)].sum()), int(counts[list(whole)].sum())
        intervals[name] = list(wilson(hits, total)) if total else None
    return intervals


def _bootstrap(
    rows: Flags, groups: Sequence[Hashable], seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, list[float] | None]:
    """Percentile intervals over groups drawn with replacement; resamples without a share are left out."""
    number = {group: index for index, group in enumerate(dict.fromkeys(groups))}
    of_group = np.zeros((len(number), 4))
    np.add.at(of_group, [number[group] for group in groups], rows)
    draws = np.random.default_rng(seed).multinomial(
        len(number), np.full(len(number), 1 / len(number)), size=resamples
    )
    counts = draws @ of_group
    intervals: dict[str, list[float] | None] = {}
    for name, (part, whole) in SHARES.items():
        hits, totals = counts[:, list(part)].sum(1), counts[:, list(whole)].sum(1)
        defined = totals > 0
        units = int((of_group[:, list(whole)].sum(1) > 0).sum())
        intervals[name] = list(share_percentiles(hits[defined] / totals[defined], units)) if units else None
    return intervals
