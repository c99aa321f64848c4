import torch

from ..model import without
from ..scan import unit


def rwkv7(q, k, v, real, o, p):
    """S = (diag(w) − (a ∘ κ̂) κ̂ᵀ) S + k̃ vᵀ and y = Sᵀ r + (r · (ρ ∘ k̃)) v, token by token    (Peng et al. 2025, §4.1).
    Queries are r, and S is the transpose of the paper's. Gates of padding are zeros, so that it changes no S."""
    log_w, a = (without(o.gates[name], real[:, None]) for name in ("logDecay", "a"))
    removal = unit(k * p.xi[:, None])
    replacement = k * (1 + (a - 1) * p.alpha[:, None])
    inputs = q, log_w.exp(), removal, a * removal, replacement
    state, outputs = k.new_zeros(*k.shape[:2], k.shape[3], v.shape[3]), []
    for t in range(k.shape[2]):
        query, keep, read, erase, write = (rows[:, :, t, :, None] for rows in inputs)
        state = keep * state - erase * (read * state).sum(2, keepdim=True) + write * v[:, :, t, None]
        outputs.append((query * state).sum(2))
    bonus = (q * p.rho[:, None] * replacement).sum(3, keepdim=True)
    return torch.stack(outputs, 2) + bonus * v
