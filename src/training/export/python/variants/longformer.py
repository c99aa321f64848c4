import torch

from ..attention import attend, grid, visible


def longformer(q, k, v, real, o, p):
    i, j = grid(q)
    step = torch.tensor(o.dilation or [1], device=q.device)[:, None, None]
    band = ((i - j) % step == 0) & ((i - j).abs() <= o.attentionWindow // 2 * step)
    is_global = torch.zeros(q.shape[2], dtype=torch.bool, device=q.device)
    is_global[o.globalPositions] = True
    seen = visible(q, real, o)
    out = attend(q, k, v, seen & (band | is_global))
    return torch.where(is_global[:, None], attend(*o.of_global, seen), out) if o.globalPositions else out
