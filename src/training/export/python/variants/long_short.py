import torch
import torch.nn.functional as F

from ..attention import grid, softmax, visible


def long_short(q, k, v, real, o, p):
    """softmax(Q [LN_L(K̃) ; LN_G(K̄)]ᵀ/√d) [LN_L(Ṽ) ; LN_G(V̄)]                            (Zhu et al. 2021, eq. 6)."""
    (i, j), (batch, heads, length, width) = grid(q), q.shape
    segment = i // o.window * o.window
    near = (j >= segment - o.reach) & (j < segment + o.window + o.reach)
    allowed = (visible(q, real, o) & near).expand(batch, heads, -1, -1)
    k, v = (x.masked_fill(~real[:, None, :, None], 0) for x in (k, v))

    def normalized(x, kind, is_key):
        if o.dualNorm == "none" or (o.dualNorm == "keys" and not is_key):
            return x
        return F.layer_norm(x, (width,), getattr(p, f"g_{kind}"), getattr(p, f"b_{kind}"))

    keys, values = normalized(k, "L", True), normalized(v, "L", False)
    size = o.segmentLength if o.causal else length
    count = length // size
    if o.rank > 0 and count > 0:

        def cut(x):  # [batch, heads, segments, tokens, …]
            return x[:, :, : count * size].unflatten(2, (count, size))

        scores = o.gates["projection"].masked_fill(~real[:, None, :, None], 0)
        P = softmax(cut(scores).mT, cut(real[:, None]).unsqueeze(-2))  # eq. 3
        far_k, far_v = (normalized((P @ cut(x)).flatten(2, 3), "G", x is k) for x in (k, v))
        ends = (torch.arange(count, device=q.device).repeat_interleave(o.rank) + 1) * size
        holds = cut(real[:, None]).any(-1).repeat_interleave(o.rank, -1)[:, :, None]
        met = holds & (ends <= i + 1 if o.causal else torch.ones_like(ends <= i))
        keys, values = torch.cat([keys, far_k], 2), torch.cat([values, far_v], 2)
        allowed = torch.cat([allowed, met.expand(batch, heads, -1, -1)], -1)
    return softmax(q @ keys.mT / width**0.5, allowed) @ values
