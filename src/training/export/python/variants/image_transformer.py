import torch

from ..attention import attend, visible


def image_transformer(q, k, v, real, o, p):
    at = torch.arange(q.shape[2], device=q.device)
    row, column = at // o.gridWidth, at % o.gridWidth
    if o.order == "blocks":
        band = o.blockHeight * o.gridWidth
        left = at % band // (o.blockHeight * o.blockWidth) * o.blockWidth
        inside, width = at % band - left * o.blockHeight, (o.gridWidth - left).clamp(max=o.blockWidth)
        row, column = at // band * o.blockHeight + inside // width, left + inside % width
    # The memory block of a query's block                                                       (Parmar et al. 2018, §3.3)
    top, left = (row - row % o.blockHeight)[:, None], (column - column % o.blockWidth)[:, None]
    below = 0 if o.causal else o.reachRows
    near = (row >= top - o.reachRows) & (row < top + o.blockHeight + below)
    near = near & (column >= left - o.reachColumns) & (column < left + o.blockWidth + o.reachColumns)
    return attend(q, k, v, visible(q, real, o) & near)
