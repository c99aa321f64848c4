import math

import torch

from ..attention import visible
from ..scan import unit


def rfa(q, k, v, real, o, p):
    count = p.omega.shape[1]

    def features(x):
        """φ(x/‖x‖)                                                                    (Peng et al. 2021, §2.2, §3.1)."""
        u = unit(x) @ (p.omega * p.sigma[:, None]).mT
        features = torch.cat([u.sin(), u.cos()], -1) if o.kernel == "gaussian" else u.relu()
        return features / math.sqrt(count)

    # What a query takes of each key, where all meet: the share that was written, decayed since then      (§3.2)
    shares = visible(q, real, o).to(q)
    if o.causal and o.gated:
        log_g = o.gates["logDecay"].masked_fill(~real[:, None], 0)
        since = log_g.cumsum(-1)
        decays = (since[..., None] - since[:, :, None]).masked_fill(shares == 0, -math.inf).exp()
        shares = shares * decays * -log_g.expm1()[:, :, None]
    weights = features(q) @ features(k).mT * shares
    # Signs may cancel: the sum is kept at half of its standard error, or above; one of relu at a millionth of what is usual.
    usual = 1e-6 * p.sigma.square().mean(-1)[:, None, None]
    least = shares.sum(-1, keepdim=True) * (0.5 / math.sqrt(2 * count) if o.kernel == "gaussian" else usual)
    sums = torch.maximum(weights.sum(-1, keepdim=True), least)
    return weights @ v / sums.masked_fill(sums == 0, 1)
