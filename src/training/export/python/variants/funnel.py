import torch.nn.functional as F

from ..attention import attend


def funnel(q, k, v, real, o, p):
    # The means of s queries, of real tokens alone                                               (Dai et al. 2020)
    length, seen = q.shape[2], real[:, None, :, None].to(q.dtype)
    margin = (0, 0, 0, -length % o.stride)

    def grouped(x):
        return F.pad(x, margin).unflatten(2, (-1, o.stride)).sum(3)

    pooled = grouped(q.masked_fill(~real[:, None, :, None], 0)) / grouped(seen).clamp(min=1)
    output = attend(pooled, k, v, real[:, None, None].expand(-1, -1, pooled.shape[2], -1))
    return output.repeat_interleave(o.stride, 2)[:, :, :length]
