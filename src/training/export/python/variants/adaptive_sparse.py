import math

import torch

from ..attention import visible


def entmax(x, alpha, allowed):
    """[(α − 1) x − τ]₊^{1/(α − 1)}, which sums to 1 over the last axis; zeros where nothing is allowed."""
    excess = (alpha - 1).clamp(min=1e-6).to(x)
    seen = allowed.any(-1, keepdim=True)
    lowest = torch.finfo(x.dtype).min
    s = excess * (x - x.detach().masked_fill(~allowed, lowest).amax(-1, keepdim=True))
    # Where nothing counts, 0 lies below τ by any measure.
    s = s.masked_fill(~allowed, -2)

    def weights(tau):
        return (s - tau).clamp(min=0) ** (1 / excess)

    with torch.no_grad():
        low = torch.full_like(s[..., :1], -1)
        high = torch.zeros_like(low)
        for _ in range(60):
            middle = (low + high) / 2
            above = weights(middle).sum(-1, keepdim=True) >= 1
            low, high = torch.where(above, middle, low), torch.where(above, high, middle)
        u = (s - low).clamp(min=0)
        slope = torch.where(u > 0, u.clamp(min=torch.finfo(x.dtype).tiny) ** (1 / excess - 1), 0).sum(-1, keepdim=True)
        slope = slope / excess
    # A last step towards Σ = 1, through which the gradient of τ goes.
    tau = low + (weights(low).sum(-1, keepdim=True) - 1) / torch.where(slope == 0, 1, slope)
    p = weights(tau)
    total = p.sum(-1, keepdim=True)
    return torch.where(seen, p / torch.where(total == 0, 1, total), 0)


def adaptive_sparse(q, k, v, real, o, p):
    fixed = {"1.5-entmax": 1.5, "sparsemax": 2.0}
    if o.alpha == "learned":
        alpha = 1 + torch.sigmoid(p.a)
    else:
        alpha = torch.full((q.shape[1],), fixed[o.alpha], dtype=q.dtype, device=q.device)
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    return entmax(scores, alpha[:, None, None], visible(q, real, o)) @ v
