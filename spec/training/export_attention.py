"""The attention of modeling_efficient.py on the cases of a file, for the specs of export.

    python export_attention.py modeling_efficient.py cases.safetensors results.safetensors

A case NAME has NAME/q, k, v, mask (uint8) and direction, NAME/parameters/… and NAME/gates/…; its variant and options are
in the file's metadata. Written are NAME/output, and the gradients of Σ direction · output by the names of the inputs.
"""

import importlib.util
import json
import sys
from types import SimpleNamespace

import torch
from safetensors import safe_open
from safetensors.torch import save_file

torch.set_num_threads(1)
loader, cases, results = sys.argv[1:]
spec = importlib.util.spec_from_file_location("modeling_efficient", loader)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)

found = {}
with safe_open(cases, "pt") as file:
    settings = json.loads(file.metadata()["cases"])
    tensors = {name: file.get_tensor(name) for name in file.keys()}
for name, (variant, options) in settings.items():
    own = {key[len(name) + 1 :]: tensor for key, tensor in tensors.items() if key.startswith(f"{name}/")}
    mask, direction = own.pop("mask").bool(), own.pop("direction")
    leaves = {key: tensor.requires_grad_() for key, tensor in own.items() if tensor.is_floating_point()}
    parts = {kind: {} for kind in ("parameters", "gates")}
    for key, tensor in own.items():
        kind, _, part = key.partition("/")
        if part:
            parts[kind][part] = tensor
    # As `project` gives them.
    q, k, v = own["q"], *(module.without(own[key], mask[:, None]) for key in ("k", "v"))
    o = SimpleNamespace(**options, training=False, of_global=(q, k, v), gates=parts["gates"])
    output = module.VARIANTS[variant](q, k, v, mask, o, SimpleNamespace(**parts["parameters"]))
    (direction * output).sum().backward()
    found[f"{name}/output"] = output.detach().contiguous()
    for key, tensor in leaves.items():
        found[f"{name}/{key}"] = torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
save_file(found, results)
