import torch

from ..convolution import convolution


def dynamic_conv(q, k, v, real, o, p):
    return convolution(torch.softmax(q @ p.WQ.mT, -1), v, real, o)
