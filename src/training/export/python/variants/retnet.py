import math

import torch

from ..scan import per_head, scaled, scan


def retnet(q, k, v, real, o, p):
    if o.rotation:
        q, k = neighbours_turned(q), neighbours_turned(k)
    return scan(scaled(q), k, v, real, per_head(q, lambda h: math.log1p(-(2.0 ** (-5 - h)))))


def neighbours_turned(x):
    """Columns 2i and 2i + 1 turn by position · 10000^(−i/(d/2 − 1)); the last of an odd number stays."""
    half = x.shape[3] // 2
    at, column = torch.arange(x.shape[2]).double()[:, None], torch.arange(half).double()
    angles = at * 10000 ** (-column / max(1, half - 1))
    cos, sin = angles.cos().to(x), angles.sin().to(x)
    first, second = x[..., 0 : 2 * half : 2], x[..., 1 : 2 * half : 2]
    turned = torch.stack([first * cos - second * sin, second * cos + first * sin], -1).flatten(-2)
    return torch.cat([turned, x[..., 2 * half :]], -1)
