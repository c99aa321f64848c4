import math

import torch
import torch.nn.functional as F

from ..attention import attend, grid, softmax, visible
from ..choice import best


def routing(q, k, v, real, o, p):
    (i, j), local = grid(q), o.localHeads
    q = F.layer_norm(q, q.shape[-1:])
    blocks = j // o.localWindow - i // o.localWindow
    near = visible(q, real, o) & (blocks.abs() <= 1)
    outputs = [attend(q[:, :local], q[:, :local], v[:, :local], near)]
    if local < q.shape[1]:
        q, v = q[:, local:], v[:, local:]
        # The tokens that each cluster takes, and the mean over the clusters of a token     (Roy et al. 2020, Algorithm 1)
        products = p.mu @ q.detach().mT
        taken = best(products, real[:, None, None].expand_as(products), o.window)
        meet = taken[..., :, None] & taken[..., None, :] & visible(q, real, o)[:, :, None]
        if not o.attendSelf:
            meet &= (i != j) | (meet.sum(-1, keepdim=True) == 1)
        weights = softmax((q @ q.mT / math.sqrt(q.shape[-1]))[:, :, None], meet).sum(2)
        outputs.append(weights @ v / taken.sum(2)[..., None].clamp(min=1))
    return torch.cat(outputs, 1)
