import math

import torch

from ..attention import attend, softmax
from ..convolution import convolve
from ..model import without
from ..segments import means


def nystromformer(q, k, v, real, o, p):
    M = means(real, o.landmarks, q)
    there = (M.sum(-1) > 0)[:, :, None]
    q_, k_ = M @ without(q, real[:, None]), M @ k
    A = softmax(q_ @ k_.mT / math.sqrt(q.shape[-1]), there & there.mT)
    # A⁺                                                                             (Xiong et al. 2021, eq. 14)
    one = torch.eye(o.landmarks, device=q.device, dtype=q.dtype)
    norms = A.sum(-2).amax(-1) * A.sum(-1).amax(-1)
    Z = A.mT / norms.clamp(min=1e-30)[..., None, None]
    for _ in range(o.pinvIterations):
        AZ = A @ Z
        Z = Z / 4 @ (13 * one - AZ @ (15 * one - AZ @ (7 * one - AZ)))
    out = attend(q, k_, Z @ attend(q_, k, v, real[:, None, None, :]), there)
    if o.convolutionWidth == 0:
        return out
    return out + convolve(p.convolution[:, None], v, o.convolutionWidth // 2)
