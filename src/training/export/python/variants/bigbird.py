import math

import torch

from ..attention import attend, visible


def bigbird(q, k, v, real, o, p):
    block = torch.arange(q.shape[2], device=q.device) // o.blockSize
    n = math.ceil(q.shape[2] / o.blockSize)
    ends = 2 if o.construction == "itc" else 1
    if 3 + ends * o.globalBlocks + o.randomBlocks >= n:
        return attend(q, k, v, visible(q, real, o))
    at = torch.arange(n, device=q.device)
    is_global = (at < o.globalBlocks) | ((at >= n - o.globalBlocks) & (ends == 2))
    # Of a sequence of n blocks the lists begin after those of 1, 2, … n − 1 blocks; −1 is none.
    lists = p.randomBlocks[:, n * (n - 1) // 2 :][:, :n].long()
    random = torch.zeros(*lists.shape[:2], n + 1, dtype=torch.bool, device=q.device)
    random = random.scatter(2, lists % (n + 1), True)[:, :, :n]
    meet = random | ((at[:, None] - at).abs() <= 1) | is_global[:, None] | is_global
    return attend(q, k, v, visible(q, real, o) & meet[:, block][:, :, block])
