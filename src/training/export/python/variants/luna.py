import math

import torch
import torch.nn.functional as F


def luna(q, k, v, real, o, p):
    scale = 1 / math.sqrt(q.shape[-1])
    pack = p.P @ k.mT * scale
    seen = real[:, None, None]
    if not o.causal:
        # K̃, Ṽ = softmax(P Kᵀ/√d) [K, V]                                                         (Ma et al. 2021, §3.1)
        A = torch.softmax(pack.masked_fill(~seen, torch.finfo(pack.dtype).min), -1) * seen
        o.handed = A @ v
        return torch.softmax(q @ (A @ k).mT * scale, -1) @ o.handed
    softplus = F.softplus(pack, beta=math.log(2), threshold=40)
    A = (softplus if o.activation == "softplus" else F.elu(pack) + 1) * seen
    # (1/t) x_t Σ_{j ≤ t} y_jᵀ z_j over real tokens, where pairs meet: y_j z_jᵀ is never summed     (§3.4)
    share = 1 / real.cumsum(1).clamp(min=1).to(q)[:, None, :, None]
    scores = (q @ k.mT * scale).tril() @ A.mT * share
    return (torch.softmax(scores, -1) @ A).tril() @ v * share
