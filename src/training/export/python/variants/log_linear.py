import torch

from ..model import without
from ..scan import scaled, scan, unit


def log_linear(q, k, v, real, o, p):
    """The pairs of the recurrence, which unit vectors for values bring out, each weighed by the level of its bucket."""
    length, gates = q.shape[2], o.gates
    at = torch.arange(length, device=q.device)
    # Binary digits up to the highest in which query and key differ.
    digits = torch.frexp((at[:, None] ^ at).double()).exponent.long()
    index = digits.clamp(max=o.levels - 1).expand(*q.shape[:2], -1, -1)
    weights = gates["lambda"].gather(3, index)
    vectors = torch.eye(length, device=q.device, dtype=q.dtype).expand(*q.shape[:2], -1, -1)
    if o.base == "mamba2":
        delta = gates["delta"]
        pairs = scan(q, k, vectors, real, -p.A_log.exp()[:, None] * delta)
        return (weights * pairs) @ without(delta[..., None] * v, real[:, None]) + p.D[:, None, None] * v
    pairs = scan(scaled(unit(q)), unit(k), vectors, real, gates["logDecay"], gates["beta"])
    return (weights * pairs) @ v
