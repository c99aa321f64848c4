import torch


def best(scores, candidates, count):
    """Which `count` of the candidates score highest, bool; of equal ones the first. No gradient flows through a choice."""
    scores = scores.detach().masked_fill(~candidates, -torch.inf)
    order = scores.argsort(dim=-1, descending=True, stable=True)[..., :count]
    return torch.zeros_like(candidates).scatter(-1, order, True) & candidates
