import math

import torch
import torch.nn.functional as F

from ..attention import attend, grid, visible


def memory_compressed(q, k, v, real, o, p):
    """softmax(Q K̃ᵀ/√d) Ṽ, or softmax(QKᵀ/√d) V within blocks                            (Liu et al. 2018, §4.2.3)."""
    i, j = grid(q)
    if o.layer == "local":
        return attend(q, k, v, visible(q, real, o) & (i // o.blockLength == j // o.blockLength))
    length, size, width = q.shape[2], o.stride, o.kernelWidth
    own = min(size, width)
    count = length // size if o.causal else math.ceil((length + own) / size) - 1
    ends = (torch.arange(count, device=q.device) + 1) * size
    # Tokens that a group is made of, among `width` in front of the first and some behind the last, which are zeros.
    spans = ends[:, None] + torch.arange(width, device=q.device)
    behind = max(0, count * size - length)

    def shortened(x, kernel):
        x = F.pad(x * real[:, None, :, None], (0, 0, width, behind))
        return x[:, :, spans].flatten(3) @ kernel

    holds = F.pad(real, (width, behind))[:, spans[:, width - own :]].any(-1)
    ended = (ends[None, :] <= i + 1) if o.causal else torch.ones_like(ends[None, :] <= i)
    allowed = holds[:, None, None] & ended
    keys, values = shortened(k, p.W_K), shortened(v, p.W_V)
    if o.nullKey:
        keys = torch.cat([p.nullKey.expand(len(q), -1, -1, -1), keys], 2)
        values, allowed = F.pad(values, (0, 0, 1, 0)), F.pad(allowed, (1, 0), value=True)
    return attend(q, keys, values, allowed)
