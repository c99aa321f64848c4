import math

import torch


def grid(q):
    """Positions i of queries as a column, j of keys as a row."""
    at = torch.arange(q.shape[2], device=q.device)
    return at[:, None], at[None, :]


def visible(q, real, o):
    i, j = grid(q)
    return real[:, None, None, :] & ((j <= i) if o.causal else (j >= 0))


def softmax(scores, allowed):
    return torch.softmax(scores.masked_fill(~allowed, torch.finfo(scores.dtype).min), -1) * allowed


def attend(q, k, v, allowed):
    return softmax(q @ k.mT / math.sqrt(q.shape[-1]), allowed) @ v
