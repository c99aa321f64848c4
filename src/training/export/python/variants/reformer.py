import math

import torch
import torch.nn.functional as F

from ..attention import softmax, visible


def reformer(q, k, v, real, o, p):
    # In two steps: squares of what is very small or large are no floats. Zeros have no direction, and stay zeros.
    size = q.detach().abs().amax(-1, keepdim=True)
    k = F.normalize(q / size.clamp(min=torch.finfo(q.dtype).tiny), dim=-1).masked_fill(size == 0, 0)
    length = q.shape[2]
    bucket, count = torch.zeros(*q.shape[:2], o.numHashes, length, dtype=torch.long, device=q.device), 1
    for R in (getattr(p, name) for name in ("R1", "R2") if hasattr(p, name)):
        u = torch.einsum("bhld,hrdn->bhrln", q, R)
        bucket = bucket * 2 * R.shape[3] + torch.cat([u, -u], -1).argmax(-1)
        count *= 2 * R.shape[3]
    bucket = bucket.masked_fill(~real[:, None, None, :], count)
    chunk = bucket.argsort(dim=-1, stable=True).argsort(dim=-1) // o.chunkLength
    ahead = chunk[..., None, :] - chunk[..., :, None]
    meet = (ahead >= -1) & (ahead <= (0 if o.causal else 1))
    if not o.acrossBuckets:
        meet &= bucket[..., None, :] == bucket[..., :, None]
    # Rounds in which a pair meets; how often it counts; itself only for want of others   (Kitaev et al. 2020, eq. 16)
    times = (meet & real[:, None, None, :, None]).sum(2)
    allowed = (times > 0) & visible(q, real, o)
    scores = q @ k.mT / math.sqrt(q.shape[-1]) - 1e5 * torch.eye(length, device=q.device, dtype=q.dtype)
    return softmax(scores if o.countOnce else scores + times.clamp(min=1).log(), allowed) @ v
