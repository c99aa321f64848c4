"""
The plain PyTorch functions that flash-linear-attention checks its kernels against, on a processor. Each is loaded from its
own file: the package itself looks for a GPU's compiler on import. Where it has no function for a variant, one stands that
computes it with other arguments, as its layers do: lightning attention and retention are `simple_gla` with a constant
decay, Mamba-2 is `simple_gla` with Δ A for decays and Δ x for values, HGRN2 is `gla` with 1 − f for keys.
"""

import importlib.metadata
import importlib.util
import math
import platform
from pathlib import Path

import torch
from recurrences import decay_of, recurrence, swapped, unit


def versions():
    fla = importlib.metadata.version("fla-core")
    return {"fla-core": fla, "torch": torch.__version__, "python": platform.python_version()}


def naive(op):
    """The module fla/ops/OP/naive.py."""
    found = importlib.util.find_spec("fla")
    if found is None:
        raise ModuleNotFoundError("fla-core is not installed (bench/pytorch/README.md)")
    file = Path(found.submodule_search_locations[0]) / "ops" / op / "naive.py"
    spec = importlib.util.spec_from_file_location(f"fla_naive_{op}", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def per_head(q, logarithms):
    """The same decay for all tokens of a head, [1, heads, length]."""
    return q.new_tensor(logarithms)[None, :, None].expand(q.shape[:3])


def simple(function):
    """One of `simple_gla` over [batch, heads, length, …]."""

    def run(q, k, v, decay, **settings):
        return swapped(function(*swapped(q, k, v, decay), **settings)[0])[0]

    return run


def retention(function):
    def run(q, k, v):
        return simple(function)(q, k, v, per_head(q, [math.log1p(-(2 ** (-5 - h))) for h in range(q.shape[1])]))

    return run


def lightning(function):
    def run(q, k, v):
        return simple(function)(q, k, v, per_head(q, [-8 * h / q.shape[1] for h in range(q.shape[1])]))

    return run


def mamba2(function):
    def run(q, k, v, delta, A_log, D):
        # Its scale is 1 / √d.
        output = simple(function)(q, k, delta[..., None] * v, decay_of(delta, A_log), scale=1.0)
        return output + D[:, None, None] * v

    return run


def gla(function):
    def run(q, k, v, logDecay):
        return swapped(function(*swapped(q, k, v, logDecay))[0])[0]

    return run


def hgrn2(function):
    def run(q, k, v, logForget):
        # It divides by √d.
        return gla(function)(q * q.shape[-1] ** 0.5, 1 - logForget.exp(), v, logForget)

    return run


def deltanet(function):
    def run(q, k, v, beta):
        return function(unit(q), unit(k), v, beta)[0]

    return run


def gated(function):
    """Gated DeltaNet and KDA; their functions have decays and β in different orders."""

    def run(q, k, v, logDecay, beta):
        q, k, v, g, beta = swapped(unit(q), unit(k), v, logDecay, beta)
        return swapped(function(q, k, v, g=g, beta=beta)[0])[0]

    return run


FORMS = [
    ("retnet", retention, "simple_gla", "naive_chunk_simple_gla"),
    ("lightning", lightning, "simple_gla", "naive_recurrent_simple_gla"),
    ("lightning", lightning, "simple_gla", "naive_chunk_simple_gla"),
    ("lightning", lightning, "simple_gla", "naive_parallel_simple_gla"),
    ("gla", gla, "gla", "naive_recurrent_gla"),
    ("mamba2", mamba2, "simple_gla", "naive_recurrent_simple_gla"),
    ("mamba2", mamba2, "simple_gla", "naive_chunk_simple_gla"),
    ("mamba2", mamba2, "simple_gla", "naive_parallel_simple_gla"),
    ("hgrn2", hgrn2, "gla", "naive_recurrent_gla"),
    ("deltanet", deltanet, "delta_rule", "delta_rule_recurrence"),
    ("deltanet", deltanet, "delta_rule", "delta_rule_chunkwise"),
    ("deltanet", deltanet, "delta_rule", "delta_rule_parallel"),
    ("gated-deltanet", gated, "gated_delta_rule", "naive_recurrent_gated_delta_rule"),
    ("gated-deltanet", gated, "gated_delta_rule", "naive_chunk_gated_delta_rule"),
    ("kda", gated, "kda", "naive_recurrent_kda"),
    ("kda", gated, "kda", "naive_chunk_kda"),
]

contestants = [
    recurrence("retnet", "naive_retention", naive("retention").naive_retention),
    *(recurrence(variant, name, form(getattr(naive(op), name))) for variant, form, op, name in FORMS),
]
