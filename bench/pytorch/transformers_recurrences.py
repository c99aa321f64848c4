"""
Hugging Face's recurrences in PyTorch: the chunked scan of Mamba-2's mixer, and the delta rules of Qwen3-Next and Kimi Linear,
both by chunks and token by token. They are functions there, without the projections, convolutions and norms around them.
"""

import importlib
import inspect

import torch
from recurrences import recurrence, swapped

# Mamba2Config's.
CHUNK = 256


def plain(function):
    """Its own code: where flash-linear-attention is installed, a decorator puts that one's kernels for a GPU in its place."""
    return inspect.unwrap(function)


def mamba2(function):
    def run(q, k, v, delta, A_log, D):
        x, dt, b, c = swapped(v, delta, k, q)
        return swapped(function(x, dt, -torch.exp(A_log), b, c, chunk_size=CHUNK, D=D))[0]

    return run


def delta_rule(function):
    def run(q, k, v, logDecay, beta):
        q, k, v, g, beta = swapped(q, k, v, logDecay, beta)
        settings = dict(initial_state=None, output_final_state=False, use_qk_l2norm_in_kernel=True)
        return swapped(function(q, k, v, g=g, beta=beta, **settings)[0])[0]

    return run


FORMS = [
    ("mamba2", mamba2, "mamba2", "mamba2_chunk_scan"),
    ("gated-deltanet", delta_rule, "qwen3_next", "torch_recurrent_gated_delta_rule"),
    ("gated-deltanet", delta_rule, "qwen3_next", "torch_chunk_gated_delta_rule"),
    ("kda", delta_rule, "kimi_linear", "recurrent_kimi_delta_attention"),
    ("kda", delta_rule, "kimi_linear", "chunk_kimi_delta_attention"),
]

contestants, absent = [], []
for variant, form, model, name in FORMS:
    try:
        module = importlib.import_module(f"transformers.models.{model}.modeling_{model}")
        contestants.append(recurrence(variant, name, form(plain(getattr(module, name)))))
    except (ImportError, AttributeError) as error:
        absent.append({"name": f"{variant}: {name}", "kind": "recurrence", "reason": f"{type(error).__name__}: {error}"})
