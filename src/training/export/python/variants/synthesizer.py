import math

import torch

from ..attention import softmax, visible


def synthesizer(q, k, v, real, o, p):
    length, parts = q.shape[2], o.kind.split("+")
    shares = torch.softmax(p.alpha, -1) if len(parts) > 1 else [1]
    scores = sum(share * synthesized(part, q, k, p)[..., :length] for share, part in zip(shares, parts))
    return softmax(scores.expand(*q.shape[:3], length), visible(q, real, o)) @ v


def synthesized(part, q, k, p):
    """S(X), with a column for each position that there are parameters for                         (Tay et al. 2020, §3)"""
    length, hidden = q.shape[2], torch.relu(q)
    if part == "dense":
        return hidden @ p.W.mT + p.b[:, None]
    if part == "factorized-dense":
        A, B = hidden @ p.WA.mT + p.bA[:, None], hidden @ p.WB.mT + p.bB[:, None]
        return (B[..., :, None] * A[..., None, :]).flatten(-2)
    if part == "factorized-random":
        return p.R1[:, :length] @ p.R2.mT
    if part == "vanilla":
        return q @ k.mT / math.sqrt(q.shape[-1])
    return (p.R if part == "random" else p.fixedR)[:, :length]
