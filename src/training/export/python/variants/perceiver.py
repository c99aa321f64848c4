import torch
import torch.nn.functional as F

from ..attention import grid, softmax, visible


def perceiver(q, k, v, real, o, p):
    """Latents read the tokens, attend to each other, and are read (Jaegle et al. 2021, §3.1; Perceiver IO, §3.1)."""
    scale = 1 / q.shape[-1] ** 0.5

    def normalized(x):
        return F.layer_norm(x, x.shape[-1:])

    # Causally tokens are the latents of their segment (Perceiver AR).
    latents = q if o.causal else p.Z
    seen = visible(q, real, o)
    A = softmax(latents @ k.mT * scale, seen if o.causal else real[:, None, None])
    K, V = latents + A @ k, A @ v
    for layer in range(o.layers):
        S = normalized(K)
        scores = S @ p.M[layer] @ S.mT * scale
        allowed = torch.ones_like(scores, dtype=torch.bool)
        if o.causal:
            i, j = grid(q)
            allowed = seen & (i // o.latents == j // o.latents)
        A = softmax(scores, allowed)
        K, V = K + A @ K, V + A @ V
    return V if o.causal else torch.softmax(q @ normalized(K).mT * scale, -1) @ V
