import torch
import torch.nn.functional as F


def convolve(kernel, v, before):
    """Σ_t kernel_t v_{i + t − before}, for a kernel [heads, 1, width] or [batch, heads, length, width]."""
    width = kernel.shape[-1]
    windows = F.pad(v, (0, 0, before, width - 1 - before)).unfold(2, width, 1)
    return (windows * kernel[..., None, :]).sum(-1)


def convolution(kernel, v, real, o):
    width = o.kernelWidth
    if o.training and o.dropConnect > 0:
        kernel = kernel * F.dropout(torch.ones(v.shape[1], 1, width, device=v.device), o.dropConnect)
    return convolve(kernel, v, width - 1 if o.causal else width // 2)
