import torch

from ..attention import attend, visible
from ..choice import best


def dsa(q, k, v, real, o, p):
    # I_ts = Σ_h w_th ReLU(q^I_th · k^I_s), for all heads together             (DeepSeek-AI 2025, §2.1, eqs. 1, 2)
    of_queries, of_keys, w = (o.gates[name].double() for name in ("indexQueries", "indexKeys", "indexWeights"))
    scores = (w[..., None] * torch.relu(of_queries @ of_keys.mT)).sum(1, keepdim=True)
    # Of keys that score alike the nearest, which is the last.
    seen = visible(q, real, o)
    return attend(q, k, v, best(scores.flip(-1), seen.flip(-1), o.topKeys).flip(-1))
