import math

import torch
import torch.nn.functional as F


def mixture(x, real, o, p, count, gates_of, leaves_out=None):
    """Σ g_e E_e(x) over the `count` most probable experts e that have room (Fedus et al. 2021, eqs. 1 to 3)."""
    rows, real, count = x.flatten(0, 1), real.flatten(), min(count, o.numExperts)
    noise = torch.empty_like(rows).uniform_(1 - o.jitter, 1 + o.jitter) if o.training and o.jitter > 0 else 1
    scores = (rows * noise) @ p.router
    probabilities = torch.softmax(scores, -1)
    best = probabilities.detach().argsort(dim=-1, descending=True, stable=True)[:, :count]
    gates = gates_of(probabilities.gather(1, best))
    asks = real[:, None].expand_as(best)
    if o.training and leaves_out is not None:
        asks = asks & ~leaves_out(gates.detach())
    # First choices of all tokens in order, then second ones, until an expert is full: [choices, tokens, experts].
    asked = (F.one_hot(best, o.numExperts).bool() & asks[..., None]).transpose(0, 1)
    before = asked.flatten(0, 1).cumsum(0).view(asked.shape) - asked.long()
    factor, total = o.capacityFactor if o.training else o.evaluationCapacity, int(real.sum())
    room = len(rows) if factor == 0 else min(len(rows), math.ceil(factor * count * total / o.numExperts))
    enters = asked & (before < room)
    y, b1, b2 = torch.zeros_like(rows), p.b1.view(o.numExperts, -1), p.b2.view(o.numExperts, -1)
    for e in range(o.numExperts):
        choice, token = enters[..., e].nonzero(as_tuple=True)
        inner = F.gelu(rows[token] @ p.W1[e] + b1[e], approximate="tanh")
        y = y.index_add(0, token, (inner @ p.W2[e] + b2[e]) * gates[token, choice, None])
    o.losses.append(router_loss(scores, probabilities, best[:, 0], real.to(x.dtype) / max(1, total), o))
    return y.view_as(x)


def router_loss(scores, probabilities, first, weights, o):
    """α N Σ f_i P_i (Fedus et al. 2021, eqs. 4 to 6), and c_z times the mean of (log Σ exp h)² (Zoph et al. 2022, eq. 5)."""
    shares = weights @ F.one_hot(first, o.numExperts).to(weights)
    balance = o.numExperts * (weights @ probabilities * shares).sum()
    return o.balance * balance + o.zLoss * (weights * torch.logsumexp(scores, -1) ** 2).sum()
