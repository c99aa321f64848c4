"""
What the recurrences of others are given: queries, keys and values as everyone has them, gates and parameters as in
bench/peers/recurrences.ts, to the last bit.
"""

import torch
import torch.nn.functional as F
from inputs import draw, draw_between
from torch_peer import Attention, contestant

SHARE = dict(least=0, most=1)

# By variant; `channels`: one number for each channel of a token, in place of one for each token.
GATES = {
    "retnet": {},
    "lightning": {},
    "gla": {"logDecay": dict(least=-0.1, most=0, channels=True)},
    "mamba2": {"delta": dict(least=0.001, most=0.1)},
    "hgrn2": {"logForget": dict(least=-1.4, most=-0.01, channels=True)},
    "deltanet": {"beta": SHARE},
    "gated-deltanet": {"logDecay": dict(least=-0.04, most=0), "beta": SHARE},
    "kda": {"logDecay": dict(least=-0.04, most=0, channels=True), "beta": SHARE},
}
# One number for each head.
PARAMETERS = {"mamba2": {"A_log": dict(least=0, most=2.77), "D": dict(least=0.5, most=1.5)}}


class Recurrence(Attention):
    """`compute(queries, keys, values, gates and parameters by name)` of a variant, [1, heads, length, headDim]."""

    def __init__(self, variant, compute, task):
        heads, length, width = task["heads"], task["length"], task["headDim"]
        self.training = task["training"]
        shape = (1, heads, length, width)
        inputs = {name: draw(name, shape) for name in ["queries", "keys", "values"]}
        for name, gate in GATES[variant].items():
            gate_shape = shape if gate.get("channels") else shape[:3]
            inputs[name] = draw_between(name, gate_shape, gate["least"], gate["most"])
        for name, parameter in PARAMETERS.get(variant, {}).items():
            inputs[name] = draw_between(name, (heads,), parameter["least"], parameter["most"])
        self.inputs = {name: tensor.requires_grad_(self.training) for name, tensor in inputs.items()}
        self.upstream = draw("upstream", shape)
        names = list(inputs)[3:]
        self.attend = lambda q, k, v, *others: compute(q, k, v, **dict(zip(names, others)))


def recurrence(variant, name, compute):
    """A contestant; `name` is that of the function, as its authors have it."""
    prepare = lambda task, check: Recurrence(variant, compute, task)  # noqa: E731
    return contestant(f"{variant}: {name}", "recurrence", variant, True, prepare)


def swapped(*tensors):
    """[batch, heads, length, …] to [batch, length, heads, …], and back."""
    return [tensor.transpose(1, 2) for tensor in tensors]


def unit(x):
    return F.normalize(x, dim=-1)


def decay_of(delta, a_log):
    """log of the decays of Mamba-2, Δ A with A = −exp(A_log)."""
    return delta * -torch.exp(a_log)[:, None]
