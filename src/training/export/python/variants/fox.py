import math

from ..attention import softmax, visible


def fox(q, k, v, real, o, p):
    """softmax(QKᵀ/√d + D) V, D_ij = G_i − G_j, G_i = Σ_{l ≤ i} log f_l                       (Lin et al. 2025)."""
    G = o.gates["logForget"].masked_fill(~real[:, None], 0).double().cumsum(2)
    D = (G[..., :, None] - G[..., None, :]).to(q)
    return softmax(q @ k.mT / math.sqrt(q.shape[-1]) + D, visible(q, real, o)) @ v
