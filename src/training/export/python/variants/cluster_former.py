import torch

from ..attention import attend


def cluster_former(q, k, v, real, o, p):
    (batch, heads, length, d), size = q.shape, min(o.windowLength, q.shape[2])
    place = torch.arange(length, device=q.device).expand(batch, length)
    if o.order == "cluster":
        # The nearest centroid, the first of equally near ones; padding behind all               (Wang et al. 2020)
        states = q.detach().double().transpose(1, 2).reshape(batch, length, heads * d)
        products = states.masked_fill(~real[..., None], 0) @ p.C.double().mT
        numbers = torch.arange(products.shape[-1], device=q.device)
        nearest = torch.where(products == products.amax(-1, keepdim=True), numbers, products.shape[-1]).amin(-1)
        order = nearest.masked_fill(~real, products.shape[-1]).sort(dim=-1, stable=True).indices
        place = order.argsort(-1)
    # (1 − m/l)·l may be rounded to just below l − m.
    stride = size - int(o.overlap * size + 1e-9)
    total = count = 0
    for first in range(0, max(1, length - size + stride), stride):
        inside = (place >= first) & (place < first + size)
        met = (inside[:, :, None] & inside[:, None] & real[:, None])[:, None]
        total = total + attend(q, k, v, met)
        count = count + met.any(-1, keepdim=True)
    # The mean of a token's windows, as far as it meets a token in them
    return total / count.clamp(min=1)
