import torch

from .mixture import mixture


def top_2(x, real, o, p):
    def by_chance(gates):
        """A second choice asks for room with probability min(1, 2 g) (Lepikhin et al. 2020, algorithm 1)."""
        return torch.cat([torch.zeros_like(gates[:, :1]), (torch.rand_like(gates) >= 2 * gates)[:, 1:]], 1).bool()

    leaves_out = by_chance if o.secondChoice == "random" else None
    return mixture(x, real, o, p, 2, lambda chosen: chosen / chosen.sum(-1, keepdim=True), leaves_out)
