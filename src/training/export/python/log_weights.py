import torch

from .attention import softmax, visible


def by_logarithms(a, b, v, real, o):
    """Weights Σ_f exp(a_if + b_jf), for exponents of any size: features stay logarithms until they meet."""
    a, b = a - a.detach().amax(-1, keepdim=True), b.masked_fill(~real[:, None, :, None], -1e30)
    scores = causal_log_weights(a, b) if o.causal else log_weights(a, b)
    return softmax(scores, visible(a, real, o)) @ v


def log_weights(a, b):
    """log Σ_f exp(a_if + b_jf). Each channel f has a scale of its own, its largest b: with one for all, what a query and
    a key have in common could be far below it. In each row the largest is exact, and none is less than `tiny` of it."""
    scale = b.detach().amax(2, keepdim=True)
    largest = (a + scale).detach().amax(-1, keepdim=True)
    weights = (a + scale - largest).exp() @ (b - scale).exp().mT
    return weights.clamp(min=torch.finfo(a.dtype).tiny).log() + largest


def causal_log_weights(a, b):
    """The same where queries see no later keys, which therefore have no part in the scale: the later half of the queries
    and the earlier half of the keys meet as above, and then each half by itself."""
    length = a.shape[2]
    if length <= 16:
        return torch.logsumexp(a[:, :, :, None] + b[:, :, None], -1)
    half = length // 2
    first, second = slice(0, half), slice(half, length)
    early, late = (causal_log_weights(a[:, :, each], b[:, :, each]) for each in (first, second))
    across = log_weights(a[:, :, second], b[:, :, first])
    unseen = torch.zeros_like(across.mT)
    return torch.cat([torch.cat([early, unseen], -1), torch.cat([across, late], -1)], 2)
