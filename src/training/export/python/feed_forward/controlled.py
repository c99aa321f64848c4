import torch
import torch.nn.functional as F


def controlled(x, real, o, p):
    """max(0, x W₁ + b₁), of each block of N units the one that the controller chooses, times W₂ (Jaszczur et al. 2021, §3.1)."""
    shares = torch.softmax((x @ p.C1 @ p.C2).unflatten(-1, (-1, o.blockSize)), -1)
    noise = 0
    if o.training and o.temperature > 0:
        drawn = torch.rand_like(shares).clamp(1e-30, 1 - torch.finfo(x.dtype).eps)
        noise = -o.temperature * torch.log(-torch.log(drawn))
    best = (shares.detach().log() + noise).argmax(-1)
    units = F.one_hot(best, o.blockSize).to(x)
    if o.training:
        is_hard = torch.rand(()).item() < o.hardShare
        units = shares + (units - shares).detach() if is_hard else shares
    inner = torch.relu(x @ p.W1.T + p.b1) * units.flatten(-2)
    return (inner @ p.W2 + p.b2).masked_fill(~real[..., None], 0)
