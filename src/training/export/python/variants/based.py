import math

from ..attention import visible


def based(q, k, v, real, o, p):
    """Weights 1 + s + s²/2 for s = q·k/√d′, which are φ(q)·φ(k)                            (Arora et al. 2024, §4.1)."""
    if hasattr(p, "W_q"):
        q, k = q @ p.W_q.mT, k @ p.W_k.mT
    s = q @ k.mT / math.sqrt(q.shape[-1])
    # None is under ½, and so written none is rounded below it.
    weights = ((1 + s).square() + 1) / 2 * visible(q, real, o)
    sums = weights.sum(-1, keepdim=True)
    return weights / sums.masked_fill(sums == 0, 1) @ v
