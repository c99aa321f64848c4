import math

import torch
import torch.nn.functional as F

from ..attention import softmax

LEAST = 2.0**-60


def balance(R, allowed, o):
    """S^n(R), of the entries that are there; causally with sums that end with a row    (Tay et al. 2020)"""
    only = lambda x: x.masked_fill(~allowed, -1e30)
    R = only(R)
    for _ in range(o.iterations):
        if o.causal:
            R = only(R - R.logcumsumexp(-2))
            R = only(R - R.logsumexp(-1, keepdim=True))
        else:
            R = only(R - R.logsumexp(-1, keepdim=True))
            R = only(R - R.logsumexp(-2, keepdim=True))
    return R.exp() * allowed


def sinkhorn(q, k, v, real, o, p):
    length, size = q.shape[2], o.blockLength
    count = -(-length // size)
    cut = lambda x: F.pad(x, (0, 0, 0, count * size - length)).unflatten(2, (count, size))
    q, (k, v) = cut(q), (cut(x.masked_fill(~real[:, None, :, None], 0)) for x in (k, v))
    there = F.pad(real, (0, count * size - length)).unflatten(1, (count, size))
    held = there.any(-1)[:, None]
    # X', R and S(R)
    sums = k.double().flatten(2, 3).cumsum(2)[:, :, ::size] if o.causal else k.double().sum(3)
    W_P, b_P, W_B, b_B = (x.double() for x in (p.W_P, p.b_P, p.W_B[..., :count], p.b_B[..., :count]))
    R = torch.relu(torch.relu(sums @ W_P + b_P) @ W_B + b_B)
    if o.training and o.gumbel > 0:
        R = R - o.gumbel * torch.empty_like(R[:1]).exponential_().log()
    R = R / o.temperature
    i = torch.arange(count, device=q.device)
    past = i[None, :] < i[:, None] if o.causal else torch.ones_like(i[None, :] <= i[:, None])
    S = balance(R, held[..., None, :] & (past if o.causal else held[..., None]), o).to(k)
    places = (past[..., None] & there[:, None]).any(2)
    if o.sortCut:
        # The first blocks that hold a token
        rows = torch.argsort((~held).int(), stable=True)[..., : o.sortCut]
        S = S.gather(2, rows[..., None].expand(-1, S.shape[1], -1, count))
        places, past = places[:, : rows.shape[-1]] & held.gather(2, rows)[:, 0, :, None], past[: rows.shape[-1]]
    # Sorted keys and values: of what is there, and as much of a key as is there
    shares = torch.maximum(S, LEAST * past)
    part = torch.einsum("bhij,bjp->bhip", shares, there.to(S)) / shares.sum(-1, keepdim=True).clamp(min=LEAST)
    part = part.clamp(min=LEAST / 4)[..., None]
    K, V = (torch.einsum("bhij,bhjpc->bhipc", shares, x) / part for x in (k, v))
    far, weights = places[:, None, :, None], part.log().mT
    if o.sortCut:
        K, V, far, weights = (x.flatten(-3, -2)[:, :, None] for x in (K, V, far.mT, weights.mT))
        far, weights = far.mT, weights.mT
    scores = q @ K.mT / math.sqrt(q.shape[-1]) + weights
    allowed = far.expand_as(scores)
    if not o.sortCut:
        near = there[:, None, :, None].expand(*scores.shape[:3], size, size)
        if o.causal:
            near = near & torch.ones(size, size, dtype=torch.bool, device=q.device).tril()
        scores = torch.cat([q @ k.mT / math.sqrt(q.shape[-1]), scores], -1)
        allowed, V = torch.cat([near.expand(*scores.shape[:3], size, size), allowed], -1), torch.cat([v, V], 3)
    return (softmax(scores, allowed) @ V).flatten(2, 3)[:, :, :length]
