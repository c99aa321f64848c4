import torch

from ..log_weights import by_logarithms


def linear_transformer(q, k, v, real, o, p):
    def log_phi(x):  # φ(x) = elu(x) + 1
        return torch.where(x > 0, x.clamp(min=0).log1p(), x)

    def learned(x, weight, bias):  # (exp(Wx + b), exp(−Wx − b)), Hedgehog (Zhang et al. 2024, §4.2)
        y = x @ weight.mT + bias
        return torch.cat([y, -y], -1)

    if o.featureMap == "hedgehog":
        return by_logarithms(learned(q, p.W_q, p.b_q), learned(k, p.W_k, p.b_k), v, real, o)
    return by_logarithms(log_phi(q), log_phi(k), v, real, o)
