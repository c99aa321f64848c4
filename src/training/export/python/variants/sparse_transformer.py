import torch

from ..attention import attend, grid, visible


def sparse_transformer(q, k, v, real, o, p):
    i, j = grid(q)
    if o.pattern == "strided":
        near, far = (i - j).abs() <= o.stride, (i - j) % o.stride == 0
    else:
        near, far = i // o.stride == j // o.stride, j % o.stride >= o.stride - o.summaryColumns
    even = torch.arange(q.shape[1], device=q.device)[:, None, None] % 2 == 0
    sets = {"merged": near | far, "split": torch.where(even, near, far), "first": near, "second": far}
    return attend(q, k, v, visible(q, real, o) & sets[o.heads])
