import math

import torch

from ..attention import attend, grid, softmax, visible


def axial(q, k, v, real, o, p):
    """Attention along the axes of a grid, one after the other or one of them                       (Ho et al. 2019, §3.1)."""
    i, j = grid(q)
    # Rows of padding, which may hold anything, are multiplied by weights of 0.
    q = q.masked_fill(~real[:, None, :, None], 0)
    plane = o.columns * o.rows or max(q.shape[2], o.columns)

    def along(step, span):
        return (i % step == j % step) & (i // span == j // span)

    axes = [along(1, o.columns), along(o.columns, plane)]
    # Without planes a token has none behind it.
    across = along(plane, q.shape[2] + plane) if o.rows else i == j
    if o.layer != "composed":
        own = {"rows": axes[0], "columns": axes[1], "planes": across}[o.layer]
        return attend(q, k, v, visible(q, real, o) & own)
    inner, *outer = [*axes, across] if o.rows else axes
    seen = real[:, None, None, :]
    if not o.causal:
        v = attend(q, k, v, seen & inner)
        for axis in outer:
            v = attend(q, k, v, seen & axis)
        return v
    # Groups that have ended are read whole, the own one up to the token.
    whole, own = v, attend(q, k, v, visible(q, real, o) & inner)
    for axis in outer:
        whole = attend(q, k, whole, seen & inner)
        weights = softmax(q @ k.mT / math.sqrt(q.shape[-1]), visible(q, real, o) & axis)
        own = (weights * (i != j)) @ whole + torch.diagonal(weights, dim1=2, dim2=3)[..., None] * own
        inner = axis
    return own
