import math

import torch

from ..model import without


def hyena(q, k, v, real, o, p):
    heads, columns = q.shape[1], q.shape[1] * q.shape[3]
    h = long_filters(q.shape[2], columns, o, p).to(q).mT.unflatten(0, (o.longFilters, heads, -1))
    D = p.D.unflatten(0, (o.longFilters, heads))
    z = v
    for n in range(o.longFilters):
        # The last convolution reads k ∘ z, and q is the gate of the output          (Poli et al. 2023, Definition 3.1)
        z = without(k * z if n == o.longFilters - 1 else z, real[:, None])
        z = convolve_long(h[n].mT, z) + D[n][:, None] * z
    return q * z


def convolve_long(h, z):
    """Σ_{j ≤ i} h_{i−j} z_j for each column, by Fourier transforms in float64."""
    length = z.shape[2]
    spectrum = torch.fft.rfft(h.double(), 2 * length, dim=-2) * torch.fft.rfft(z.double(), 2 * length, dim=2)
    return torch.fft.irfft(spectrum, 2 * length, dim=2)[:, :, :length].to(z)


def long_filters(length, columns, o, p):
    """Window(t) · (FFN ∘ PositionalEncoding)(t), [length, filters · columns] in float64                    (§3.3)"""
    at = torch.arange(length, device=p.W1.device).double()[:, None]
    t = at / max(1, o.filterLength - 1)
    turns = torch.linspace(1e-4, o.bands - 1, o.bands, dtype=torch.float64).to(at) / o.filterLength
    angles = 2 * math.pi * at * turns
    x = torch.cat([t, angles.cos(), -angles.sin()], -1)
    for W, b in ((p.W1, p.b1), (p.W2, p.b2), (p.W3, p.b3)):
        x = (p.freq.double() * (x @ W.double().mT + b.double())).sin()
    decay = torch.linspace(math.log(100) / 1.5, math.log(100) / 0.3, columns, dtype=torch.float64)
    window = (-decay.repeat(o.longFilters).to(at) * t).exp() + o.windowShift
    return (x @ p.W4.double().mT) * window
