import math

import torch
import torch.nn.functional as F

from ..attention import grid, softmax, visible
from ..model import rotated


def attention_sinks(q, k, v, real, o, p):
    i, j = grid(q)
    allowed = visible(q, real, o) & ((j < o.numSinks) | (i - j < o.windowLength))
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    if o.sinkPositions == "cache":
        # Sinks are met from the query's place in the cache, min(i, s + w − 1)                 (Xiao et al. 2024, §3.2)
        turned = rotated(q, (o.numSinks + o.windowLength - 1 - i).clamp(max=0), o.rotaryBase)
        scores = torch.where(j < o.numSinks, turned @ k.mT / math.sqrt(q.shape[-1]), scores)
    if o.sinkLogit == "none":
        return softmax(scores, allowed) @ v
    # One more key, which all queries see; its value is 0                                    (Xiao et al. 2024, eq. 2)
    logits = p.sinkLogits if o.sinkLogit == "learned" else q.new_zeros(q.shape[1])
    column = logits[:, None, None].expand(*q.shape[:3], 1)
    scores = torch.cat([scores, column], -1)
    return softmax(scores, F.pad(allowed, (0, 1), value=True))[..., :-1] @ v
