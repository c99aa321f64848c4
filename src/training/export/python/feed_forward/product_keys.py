import torch
import torch.nn.functional as F


def product_keys(x, real, o, p):
    """Σ softmax(q₁·c_i + q₂·c'_j) v_{n i + j} over the k best pairs of halves of keys (Lample et al. 2019, eqs. 1 to 3)."""
    n, k = o.numKeys, min(o.topKeys, o.numKeys)
    q = (x @ p.W_q + p.b_q).unflatten(-1, (o.memoryHeads, 2, -1))
    q = F.layer_norm(q, q.shape[-1:], p.gain, p.bias, 1e-5)
    first, i = largest(torch.einsum("blhd,hnd->blhn", q[..., 0, :], p.keys1), k)
    second, j = largest(torch.einsum("blhd,hnd->blhn", q[..., 1, :], p.keys2), k)
    sums, at = largest((first[..., :, None] + second[..., None, :]).flatten(-2), k)
    read = n * i.gather(-1, at // k) + j.gather(-1, at % k)
    y = torch.einsum("blhk,blhkw->blw", torch.softmax(sums, -1), p.values[read])
    return y.masked_fill(~real[..., None], 0)


def largest(scores, k):
    """The k largest and their places, of equals the first, which `topk` does not promise."""
    at = scores.detach().argsort(dim=-1, descending=True, stable=True)[..., :k]
    return scores.gather(-1, at), at
