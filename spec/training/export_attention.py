"""The attention of modeling_efficient.py on the cases of a file, for export-attention.spec.ts.

    python export_attention.py modeling_efficient.py cases.safetensors results.safetensors

A case NAME has NAME/q, k, v, mask (uint8) and direction, NAME/parameters/… and NAME/gates/…; its variant and options are in the file's
metadata. Written are NAME/output, and NAME/q, k and v: the gradients of Σ direction · output.
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
    inputs = [own[key].requires_grad_() for key in ("q", "k", "v")]
    parameters = {key.split("/")[1]: tensor for key, tensor in own.items() if key.startswith("parameters/")}
    mask = own["mask"].bool()
    # As `project` gives them.
    q, k, v = inputs[0], *(module.without(each, mask[:, None]) for each in inputs[1:])
    gates = {key.split("/")[1]: tensor for key, tensor in own.items() if key.startswith("gates/")}
    o = SimpleNamespace(**options, training=False, of_global=(q, k, v), gates=gates)
    output = module.VARIANTS[variant](q, k, v, mask, o, SimpleNamespace(**parameters))
    (own["direction"] * output).sum().backward()
    found[f"{name}/output"] = output.detach().contiguous()
    for key, tensor in zip(("q", "k", "v"), inputs):
        found[f"{name}/{key}"] = torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
save_file(found, results)
