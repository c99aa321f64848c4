import math

import torch
import torch.nn.functional as F

from ..attention import attend, grid, softmax, visible


def attention_sinks(q, k, v, real, o, p):
    i, j = grid(q)
    allowed = visible(q, real, o) & ((j < o.numSinks) | (i - j < o.windowLength))
    if o.sinkLogit == "none":
        return attend(q, k, v, allowed)
    # One more key, which all queries see; its value is 0                                    (Xiao et al. 2024, eq. 2)
    logits = p.sinkLogits if o.sinkLogit == "learned" else q.new_zeros(q.shape[1])
    column = logits[:, None, None].expand(*q.shape[:3], 1)
    scores = torch.cat([q @ k.mT / math.sqrt(q.shape[-1]), column], -1)
    return softmax(scores, F.pad(allowed, (0, 1), value=True))[..., :-1] @ v
