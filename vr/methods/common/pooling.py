"""Texts pooled to a class score by weights, counted or learned, instead of the mean of the nearest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from vr.clip.bank import Bank


def counted_weights(similarities: Tensor, labels: Tensor, k: int) -> Tensor:
    """`w[c, j]`: how often text j is among the k nearest of class c's own images, divided by the sum over j.

    After the reweighting matrix of DVP (Cai et al., ICML 2025). Texts of a class without images weigh alike.

    Args:
        similarities: (N, C, m) of images and texts; -inf where there is no text.
        labels: (N,) of the images.

    Returns:
        (C, m); each row sums to 1.
    """
    classes, count = similarities.shape[1:]
    present = torch.isfinite(similarities[0])
    own = similarities[torch.arange(len(labels), device=labels.device), labels]
    nearest = own.topk(min(k, count), dim=-1)
    hits = torch.zeros_like(own).scatter_(1, nearest.indices, torch.isfinite(nearest.values).to(own))
    counts = F.one_hot(labels, classes).to(own).T @ hits
    counts = torch.where(counts.sum(-1, keepdim=True) > 0, counts, present.to(own))
    return counts / counts.sum(-1, keepdim=True)


def over_all_classes(bank: Bank) -> tuple[Bank, Tensor]:
    """One list of the texts of all classes, and weights (C, n) that give each class the mean of its own."""
    texts = tuple(text for lines in bank.texts for text in lines)
    owners = bank.present.nonzero()[:, 0]
    joined = Bank(bank.embeddings[bank.present][None], bank.present.new_ones(1, len(owners)), (texts,))
    members = F.one_hot(owners, len(bank.present)).to(bank.embeddings).T
    return joined, (members / members.sum(1, keepdim=True)).contiguous()


def keyed(bank: Bank, described: Sequence[Sequence[int | None]]) -> tuple[Bank, Tensor]:
    """Confusion attributes as evidence between pairs of classes: one list of all texts, and weights (C, n).

    The texts of class c that describe class d are evidence for d against c: each has +1 / (m P_d) in the
    score of d and -1 / (m P_c) in that of c, m the number of texts of that pair, P the number of pairs that a
    class is in. So the score of a class is the mean, over its pairs, of the mean evidence for it. Texts that
    describe no class (None) are evidence against c alone, as one more pair.

    Args:
        described: of each class's texts in the order of `bank`, the class that the text describes.
    """
    joined, members = over_all_classes(bank)
    pairs = [(label, other) for label, others in enumerate(described) for other in others]
    involved = [{pair for pair in pairs if label in pair} for label in range(len(members))]
    weights = torch.zeros_like(members)
    for text, (label, other) in enumerate(pairs):
        share = 1 / pairs.count((label, other))
        weights[label, text] = -share / len(involved[label])
        if other is not None:
            weights[other, text] = share / len(involved[other])
    return joined, weights


def clustered(banks: Mapping[str, Bank], clusters: int, seed: int) -> dict[str, Tensor]:
    """For every text (C, m) of each bank its cluster, from 0, by k-means over the embeddings of all banks.

    After the clustered description sets of DVP (Cai et al., ICML 2025). With fewer texts than clusters, some
    clusters are empty.
    """
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    rows = torch.cat([bank.embeddings[bank.present] for bank in banks.values()])
    with threadpool_limits(1):
        model = KMeans(min(clusters, len(rows)), n_init=10, random_state=seed).fit(
            rows.double().cpu().numpy()
        )
    assigned = torch.from_numpy(model.labels_).long().to(rows.device)
    result = {}
    for name, bank in banks.items():
        count = int(bank.present.sum())
        result[name] = torch.zeros_like(bank.present, dtype=torch.long)
        result[name][bank.present], assigned = assigned[:count], assigned[count:]
    return result
