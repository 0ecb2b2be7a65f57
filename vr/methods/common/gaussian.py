"""Gaussian discriminant analysis (Wang et al., ICLR 2024): a linear classifier of features in closed form."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def gaussian_classifier(features: Tensor, labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Weights (C, D) and biases (C,) of Gaussian classes with one covariance, from features (N, D).

    A class without images is never predicted. Where no class has two images there is no covariance, and the
    nearest mean decides. Computed in double precision.
    """
    rows = features.double()
    members = F.one_hot(labels, classes).double()
    counts = members.sum(0)
    means = (members.T @ rows) / counts.clamp(min=1)[:, None]
    centred = rows - means[labels]
    covariance = torch.cov(centred.T)
    identity = torch.eye(rows.shape[1], dtype=rows.dtype, device=rows.device)
    shrunk = (len(rows) - 1) * covariance + covariance.trace() * identity
    precision = rows.shape[1] * torch.linalg.pinv(shrunk, hermitian=True) if covariance.any() else identity
    weight = means @ precision
    bias = -math.log(classes) - (weight * means).sum(-1) / 2
    bias = torch.where(counts > 0, bias, bias.new_tensor(-1e4))
    return weight.to(features), bias.to(features)
