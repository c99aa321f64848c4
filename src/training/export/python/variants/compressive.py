import math

import torch
import torch.nn.functional as F

from ..attention import softmax


def most_used(usage, real, count):
    """Places of the tokens used most, in their order: padding comes last, and of equals the earlier tokens."""
    usage = torch.round(usage * 2.0**40).masked_fill(~real, -1)
    order = usage.flip(1).argsort(dim=1, descending=True, stable=True)
    return (usage.shape[1] - 1 - order[:, :count]).sort(dim=1).values


def compressive(q, k, v, real, o, p):
    """Each segment with [its compressed memory, its memory, itself]                        (Rae et al. 2020, §3.1)."""
    (batch, heads, length, width), size, c = q.shape, p.W_kR.shape[2], o.ratio
    keeps = o.compressedLength > 0
    k, v = (x.masked_fill(~real[:, None, :, None], 0) for x in (k, v))
    # Compressed keys and values, which of them are real, and the attention that tokens have received in the memory.
    rows = [x[:, :, :0] for x in (k, v)]
    seen, used = real[:, :0], torch.zeros(batch, length, dtype=torch.double, device=q.device)
    met = torch.zeros_like(used)
    outputs = []

    def compressed(x, mask, name):
        tokens = x.shape[2]
        if o.compression == "convolution":
            back = (o.dilation - 1) * (c - 1)
            taps = torch.arange(tokens, device=x.device)
            taps = (taps // c + 1) * c - 1 - o.dilation * (c - 1 - taps % c) + back
            x = F.pad(x, (0, 0, back, 0))[:, :, taps].unflatten(2, (-1, c))
            mask = F.pad(mask, (back, 0))[:, taps].unflatten(1, (-1, c))
            return x.flatten(3) @ (p.W_K if name == "keys" else p.W_V), mask.any(2)
        x, mask = x.unflatten(2, (-1, c)), mask.unflatten(1, (-1, c))
        hidden = ~mask[:, None, :, :, None]
        if o.compression == "max" and name == "keys":
            return x.masked_fill(hidden, -torch.inf).amax(3).masked_fill(hidden.all(3), 0), mask.any(2)
        return x.sum(3) / (~hidden).sum(3).clamp(min=1), mask.any(2)

    def first_of(start):
        return max(0, start - o.memoryLength) // c * c

    for start in range(0, length, o.segmentLength):
        end, first = min(length, start + o.segmentLength), first_of(start)
        held = min(o.compressedLength, rows[0].shape[2])

        def remembered(x, old):
            before = torch.cat([old[:, :, old.shape[2] - held :], x[:, :, first:start]], 2)
            return torch.cat([before.detach() if o.stopMemoryGradient else before, x[:, :, start:end]], 2)

        keys, values = remembered(k, rows[0]), remembered(v, rows[1])
        visible = torch.cat([seen[:, seen.shape[1] - held :], real[:, first:end]], 1)[:, None, None]
        # Rows of [compressed memory, memory, segment] count as distances.
        i = torch.arange(held + start - first, held + end - first, device=q.device)[:, None]
        j = torch.arange(keys.shape[2], device=q.device)[None]
        visible = visible & (j <= i) if o.causal else visible.expand(-1, -1, len(i), -1)
        distances = torch.arange(1 - len(i), keys.shape[2]).double()[:, None]
        angles = distances * 10000 ** (-2 * torch.arange(size // 2).double() / size)
        r = torch.cat([angles.sin(), angles.cos()], -1).to(q) @ p.W_kR.mT
        own = q[:, :, start:end]

        def weights(own, keys, u, v, r):
            by_distance = (own + v[:, None]) @ r.mT
            by_distance = by_distance.gather(3, (i - j + len(i) - 1).expand(batch, heads, -1, -1))
            scores = ((own + u[:, None]) @ keys.mT + by_distance) / math.sqrt(width)
            return softmax(scores, visible.expand_as(scores))

        outputs.append(weights(own, keys, p.u, p.v, r) @ values)
        leaving = slice(first, first_of(start + o.segmentLength))
        if end == length or not keeps:
            continue
        if o.compression == "most-used":
            exact = weights(*(x.detach().double() for x in (own, keys, p.u, p.v, r)))
            exact = exact.masked_fill(~real[:, None, start:end, None], 0).sum((1, 2))
            used[:, first:start] += exact[:, held : held + start - first]
            met[:, first:start] += real[:, start:end].sum(1, keepdim=True)
        if leaving.stop == leaving.start:
            continue
        if o.compression == "most-used":
            usage = (used / met.clamp(min=1))[:, leaving]
            places = most_used(usage, real[:, leaving], usage.shape[1] // c)
            index = places[:, None, :, None].expand(-1, heads, -1, -1)
            made = [x[:, :, leaving].gather(2, index.expand(-1, -1, -1, x.shape[3])) for x in (k, v)]
            mask = real[:, leaving].gather(1, places)
        else:
            (made_keys, mask), (made_values, _) = (
                compressed(x[:, :, leaving], real[:, leaving], name) for x, name in ((k, "keys"), (v, "values"))
            )
            made = [made_keys, made_values]
        rows = [torch.cat(each, 2) for each in zip(rows, made)]
        seen = torch.cat([seen, mask], 1)
    return torch.cat(outputs, 2)
