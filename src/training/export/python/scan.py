import math

import torch


def scan(q, k, v, real, log_decay=None, beta=None):
    """S = (I − β k kᵀ) (a ∘ S) + β k vᵀ, or a ∘ S + k vᵀ without β, and o = Sᵀ q, token by token. Padding changes no S."""
    batch, heads, length, d = q.shape
    state = q.new_zeros(batch, heads, d, v.shape[3])
    outputs = []
    for t in range(length):
        here = real[:, None, t, None]
        if log_decay is not None:
            decay = log_decay[:, :, t].reshape(batch, heads, -1).masked_fill(~here, 0).exp()
            state = decay[..., None] * state
        written = v[:, :, t]
        if beta is not None:
            known = (state * k[:, :, t, :, None]).sum(2)
            written = beta[:, :, t, None].masked_fill(~here, 0) * (written - known)
        state = state + k[:, :, t, :, None] * written[:, :, None]
        outputs.append((state * q[:, :, t, :, None]).sum(2))
    return torch.stack(outputs, 2)


def unit(x):
    """x / ‖x‖; zeros stay zeros."""
    largest = x.abs().amax(-1, keepdim=True)
    scaled = x / torch.where(largest == 0, 1, largest)
    norm = scaled.square().sum(-1, keepdim=True)
    return scaled / torch.where(norm == 0, 1, norm).sqrt()


def scaled(q):
    return q / math.sqrt(q.shape[-1])


def per_head(q, number):
    heads = torch.tensor([number(h) for h in range(q.shape[1])], dtype=torch.float64).to(q)
    return heads[None, :, None].expand(q.shape[:3])
