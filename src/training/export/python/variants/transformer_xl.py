import math

import torch

from ..attention import grid, softmax, visible


def transformer_xl(q, k, v, real, o, p):
    (i, j), length, width = grid(q), q.shape[2], p.W_kR.shape[2]
    start = i - i % o.segmentLength
    in_reach = (j >= start - o.memoryLength) & (j < start + o.segmentLength)
    distances = torch.arange(1 - length, length).double()[:, None]
    angles = distances * 10000 ** (-2 * torch.arange(width // 2).double() / width)
    r = torch.cat([angles.sin(), angles.cos()], -1).to(q) @ p.W_kR.mT
    # (q_i + v)·r_{i−j}, out of those for every distance                                  (Dai et al. 2019, §3.3)
    by_distance = (q + p.v[:, None]) @ r.mT
    by_distance = by_distance.gather(3, (i - j + length - 1).expand(*q.shape[:2], -1, -1))

    def scores(k):
        return ((q + p.u[:, None]) @ k.mT + by_distance) / math.sqrt(q.shape[-1])

    allowed = visible(q, real, o) & in_reach
    if not o.stopMemoryGradient:
        return softmax(scores(k), allowed) @ v
    own = j >= start
    weights = softmax(torch.where(own, scores(k), scores(k.detach())), allowed)
    return (weights * own) @ v + (weights * ~own) @ v.detach()
