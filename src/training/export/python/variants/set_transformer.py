import torch
import torch.nn.functional as F


def set_transformer(q, k, v, real, o, p):
    scale = 1 / q.shape[-1] ** 0.5
    seen = real[:, None, None]
    scores = (p.I @ k.mT * scale).masked_fill(~seen, torch.finfo(q.dtype).min)
    A = torch.softmax(scores, -1) * seen

    def normalized(x, n):
        return F.layer_norm(x, x.shape[-1:], getattr(p, f"g_{n}"), getattr(p, f"b_{n}")) if o.block == "norms" else x

    def block(read):
        """LayerNorm(O + rFF(O)), O = LayerNorm(I + A [K, V])                              (Lee et al. 2019, eqs. 6, 7)."""
        read = normalized(p.I + read, 0)
        return normalized(read + torch.relu(read @ p.W + p.b), 1)

    keys = A @ k if o.block == "none" else block(A @ k)
    values = block(A @ v) if o.block != "none" and o.blockOf == "both" else A @ v
    # Eq. 9; nothing reads the points of a set without elements.
    return torch.softmax(q @ keys.mT * scale, -1) @ (values * seen.any(-1, keepdim=True))
