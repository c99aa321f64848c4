import math

import torch

from ..attention import attend, grid, visible
from ..choice import best


def moba(q, k, v, real, o, p):
    (i, j), size = grid(q), o.blockSize
    block = torch.arange(math.ceil(q.shape[2] / size), device=q.device)
    # ⟨q, mean(K[I])⟩ over the real keys of each block                                            (Lu et al. 2025, eq. 6)
    keys_of = (j // size == block[:, None]) & real[:, None]
    counts = keys_of.sum(-1)
    means = keys_of[:, None].double() @ k.detach().double() / counts[:, None, :, None].clamp(min=1)
    scores = q.detach().double() @ means.mT
    past = ((block < i // size) & (counts > 0)[:, None, None]).expand_as(scores)
    chosen = best(scores, past, o.topK - 1)
    meet = (i // size == j // size) | chosen[..., j[0] // size]
    return attend(q, k, v, visible(q, real, o) & meet)
