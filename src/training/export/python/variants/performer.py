import math

import torch

from ..attention import softmax, visible
from ..log_weights import by_logarithms


def performer(q, k, v, real, o, p):
    m = len(p.omega)

    def features(x):
        """log h(x) and f(ω·x), or log f(ω·x) for those that exp makes        (Choromanski et al. 2021, eq. 5)."""
        x = x * x.shape[-1] ** -0.25
        u, half = x @ p.omega.T, x.square().sum(-1, keepdim=True) / 2
        if o.kernel == "softmax-trigonometric":
            return half, torch.cat([u.sin(), u.cos()], -1)
        if o.kernel == "relu":
            f = torch.relu(u) + o.epsilon
            size = f.detach().amax(-1, keepdim=True).clamp(min=torch.finfo(f.dtype).tiny)
            return size.log(), f / size
        return -half, torch.cat([u, -u], -1) if o.kernel == "softmax-hyperbolic" else u

    # h of a query is in its numerator and its denominator.
    (_, f_q), (log_k, f_k) = features(q), features(k)
    if o.kernel in ("softmax-positive", "softmax-hyperbolic"):
        return by_logarithms(f_q, log_k + f_k, v, real, o)
    # h of keys, divided by their sum, which cancels too.
    weights = f_q @ f_k.mT * softmax(log_k.mT, visible(q, real, o))
    sums = weights.sum(-1, keepdim=True)
    if o.kernel == "softmax-trigonometric":
        # Signs may cancel: the sum is kept at half of its standard error, or above.
        sums = sums.clamp(min=m / math.sqrt(2 * m) / 2)
    return weights @ v / sums.masked_fill(sums == 0, 1)
