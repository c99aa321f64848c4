import torch
import torch.nn.functional as F

from ..attention import attend, grid


def poolingformer(q, k, v, real, o, p):
    (i, j), length, width = grid(q), q.shape[2], o.poolWidth
    near = real[:, None, None] & ((i - j).abs() <= o.window)
    Y = attend(q, k, v, near)
    # Windows of κ tokens around every ξ-th one                                          (Zhang et al. 2021)
    middles = torch.arange(0, length, o.poolStride, device=q.device)
    before = width // 2
    places = middles[:, None] + torch.arange(width, device=q.device)
    there = F.pad(real, (before, width))[:, places][:, None]
    k, Y0 = (x.masked_fill(~real[:, None, :, None], 0) for x in (k, Y))
    cut = [F.pad(x, (0, 0, before, width))[:, :, places] for x in (k, Y0)]
    if o.pooling == "max":
        K, V = (x.masked_fill(~there[..., None], -1e30).amax(3) * there.any(-1)[..., None] for x in cut)
    else:
        scores = k[:, :, middles] @ p.W if o.pooling == "ldconv" else torch.zeros_like(there).to(k)
        weights = torch.softmax(scores.masked_fill(~there, -1e30), -1)
        K, V = (torch.einsum("bhgp,bhgpc->bhgc", weights.expand(*x.shape[:4]), x) for x in cut)
    held = there[..., before : before + min(o.poolStride, width - before)].any(-1)[:, :, None]
    return Y + attend(q, K, V, held & ((middles - i).abs() <= o.wideWindow))
