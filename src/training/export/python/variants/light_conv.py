import torch

from ..convolution import convolution


def light_conv(q, k, v, real, o, p):
    return convolution(torch.softmax(p.W, -1)[:, None], v, real, o)
