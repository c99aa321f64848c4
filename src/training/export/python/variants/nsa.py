import math

import torch

from ..attention import attend, grid, softmax, visible
from ..choice import best


def nsa(q, k, v, real, o, p):
    """o_t = Σ_c g_t^c Attn(q_t, K_t^c, V_t^c)                                                (Yuan et al. 2025, eq. 5)."""
    (i, j), seen = grid(q), visible(q, real, o)
    coarse_k, coarse_v, spans = compressed(k, v, real, o, p)
    # Those that have ended with the query's own token or before, and hold a real one.
    ended = (spans[:, -1] <= i) & real[:, spans].any(-1)[:, None, None]
    selected = selected_blocks(q, coarse_k, ended, spans, o)[..., j[0] // o.selectionBlock]
    branches = {
        "compressed": attend(q, coarse_k, coarse_v, ended),
        "selected": attend(q, k, v, seen & selected),
        "window": attend(q, k, v, seen & (i - j < o.window)),
    }
    return sum(o.gates[name][..., None] * branch for name, branch in branches.items())


def compressed(k, v, real, o, p):
    """A key and a value for l tokens, each d tokens, and which tokens these are: [count, l]                      (eq. 7)."""
    count = max(0, (k.shape[2] - o.compressionBlock) // o.stride + 1)
    starts = torch.arange(count, device=k.device) * o.stride
    spans = starts[:, None] + torch.arange(o.compressionBlock, device=k.device)
    keys, values = k[:, :, spans], v[:, :, spans]  # [batch, heads, count, l, width]
    if o.compressor == "mean":
        return keys.mean(3), values.mean(3), spans
    placed = keys + p.e[:, None]
    hidden = torch.relu(placed.flatten(3) @ p.W1)
    return placed.mean(3) + hidden @ p.W2, (values * p.a[:, None, :, None]).sum(3), spans


def selected_blocks(q, coarse_k, ended, spans, o):
    """[batch, heads, length, blocks]: the first block, the query's own, the one before, and the best others (eqs. 8–12)."""
    (batch, heads, length, width), size = q.shape, o.selectionBlock
    block = torch.arange(math.ceil(length / size), device=q.device)
    weights = softmax(q.detach().double() @ coarse_k.detach().double().mT / math.sqrt(width), ended)
    # A block has the weight of a span once for each d tokens that they share.
    shared = (spans[..., None] // size == block).sum(1) / o.stride
    scores = (weights @ shared.double()).view(batch, -1, o.groupSize, length, len(block)).sum(2)
    own = grid(q)[0] // size
    fixed = (block == 0) | (block == own - 1) | (block == own)
    # Compared in float32, blocks that share the largest terms of their sums are equal.
    others = ((block < own) & ~fixed).expand_as(scores)
    chosen = best(scores.float(), others, o.selectedBlocks - 3) | fixed
    return chosen.repeat_interleave(o.groupSize, 1)
