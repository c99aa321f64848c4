"""The numbers of bench/peers/inputs.ts, bit for bit."""

import math

import torch

NAMES = ["queries", "keys", "values", "upstream", "a", "b", "tokens", "targets", "wq", "wk", "wv", "wo", "wy"]
NAMES += ["logDecay", "logForget", "delta", "beta", "A_log", "D"]
MASK = 0xFFFFFFFF


def draw(name, shape, deviation=1.0):
    """Uniform with mean 0 and variance `deviation` squared, float32."""
    scale = 2 * math.sqrt(3) * deviation
    return ((_shares(name, shape) - 0.5) * scale).float()


def draw_between(name, shape, least, most):
    """Uniform from `least` to `most`, float32."""
    return (least + _shares(name, shape) * (most - least)).float()


def _shares(name, shape):
    """Uniform from 0 to 1, float64."""
    index = torch.arange(math.prod(shape), dtype=torch.int64)
    bits = _hash(index, NAMES.index(name) + 1) >> 8
    return ((bits.double() + 0.5) / 2**24).reshape(shape)


def _hash(index, salt):
    """32-bit arithmetic in 64-bit integers: the low halves of products are right, whatever overflows."""
    x = (index * 0x9E3779B1 & MASK) ^ (salt * 0x85EBCA77 & MASK)
    x = (x ^ (x >> 15)) * 0x2C1B3C6D & MASK
    x = (x ^ (x >> 12)) * 0x297A2D39 & MASK
    return x ^ (x >> 15)
