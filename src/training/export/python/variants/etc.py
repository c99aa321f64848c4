import math

import torch

from ..attention import grid, softmax


def etc(q, k, v, real, o, p):
    (i, j), n, most = grid(q), o.numGlobals, o.maxDistance
    within = (i < n) == (j < n)
    # A token of the long input, and the global token that summarises it
    own = (torch.maximum(i, j) - n) // o.segmentLength == torch.minimum(i, j)
    label = torch.where(within, (j - i).clamp(-most, most) + most, torch.where(own, 2 * most + 1, 2 * most + 2))
    meets = torch.where(within, (i < n) | ((i - j).abs() <= o.radius), own | (i >= n) | (not o.ownSegment))
    # q_i·a^K of every label, and for each pair that of its own                             (Ainslie et al. 2020)
    by_label = q[:, :, n:] @ p.a_l.mT
    if n > 0:
        by_label = torch.cat([q[:, :, :n] @ p.a_g.mT, by_label], 2)
    by_label = by_label.gather(3, label.expand(*q.shape[:2], -1, -1))
    scores = (q @ k.mT + by_label) / math.sqrt(q.shape[-1])
    return softmax(scores, meets & real[:, None, None]) @ v
