import math

import torch

from ..attention import softmax


def compressive(q, k, v, real, o, p):
    """Each segment with [its compressed memory, its memory, itself]                        (Rae et al. 2020, §3.1)."""
    (batch, heads, length, width), size = q.shape, p.W_kR.shape[2]
    outputs = []

    def compressed(x, mask, name, rows):
        x = x.unflatten(2, (rows, o.ratio))
        if o.compression == "convolution":
            return x.flatten(3) @ (p.W_K if name == "keys" else p.W_V)
        hidden = ~mask.reshape(batch, 1, rows, o.ratio, 1)
        if o.compression == "max" and name == "keys":
            return x.masked_fill(hidden, -torch.inf).amax(3).masked_fill(hidden.all(3), 0)
        return x.sum(3) / (~hidden).sum(3).clamp(min=1)

    for start in range(0, length, o.segmentLength):
        end = min(length, start + o.segmentLength)
        groups = max(0, start - o.memoryLength) // o.ratio
        rows, first = min(o.compressedLength, groups), groups * o.ratio
        left = slice(first - rows * o.ratio, first)

        def remembered(x, name):
            x = x * real[:, None, :, None]
            before = [compressed(x[:, :, left], real[:, left], name, rows)] if rows else []
            before = torch.cat([*before, x[:, :, first:start]], 2)
            return torch.cat([before.detach() if o.stopMemoryGradient else before, x[:, :, start:end]], 2)

        keys, values = remembered(k, "keys"), remembered(v, "values")
        seen = [real[:, left].reshape(batch, rows, o.ratio).any(-1)] if rows else []
        seen = torch.cat([*seen, real[:, first:end]], 1)[:, None, None]
        # Rows of [compressed memory, memory, segment] count as distances.
        i = torch.arange(rows + start - first, rows + end - first, device=q.device)[:, None]
        j = torch.arange(keys.shape[2], device=q.device)[None]
        distances = torch.arange(1 - len(i), keys.shape[2]).double()[:, None]
        angles = distances * 10000 ** (-2 * torch.arange(size // 2).double() / size)
        r = torch.cat([angles.sin(), angles.cos()], -1).to(q) @ p.W_kR.mT
        own = q[:, :, start:end]
        by_distance = (own + p.v[:, None]) @ r.mT
        by_distance = by_distance.gather(3, (i - j + len(i) - 1).expand(batch, heads, -1, -1))
        scores = ((own + p.u[:, None]) @ keys.mT + by_distance) / math.sqrt(width)
        outputs.append(softmax(scores, seen & (j <= i) if o.causal else seen.expand_as(scores)) @ values)
    return torch.cat(outputs, 2)
