"""The feed-forward layers of modeling_efficient.py on the cases of a file, for the specs of export.

    python export_feed_forward.py modeling_efficient.py cases.safetensors results.safetensors

A case NAME has NAME/x, mask (uint8) and direction, and NAME/parameters/…; its kind, its options and whether it is training
are in the file's metadata. Written are NAME/output and NAME/loss, and the gradients of Σ direction · output + loss.
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
for name, (options, training) in settings.items():
    own = {key[len(name) + 1 :]: tensor for key, tensor in tensors.items() if key.startswith(f"{name}/")}
    mask, direction = own.pop("mask").bool(), own.pop("direction")
    leaves = {key: tensor.requires_grad_() for key, tensor in own.items()}
    parameters = {key.partition("/")[2]: tensor for key, tensor in own.items() if "/" in key}
    o = SimpleNamespace(**options, training=training, losses=[])
    output = module.FEED_FORWARDS[o.kind](own["x"], mask, o, SimpleNamespace(**parameters))
    loss = torch.stack(o.losses).sum() if o.losses and training else torch.zeros((), dtype=output.dtype)
    ((direction * output).sum() + loss).backward()
    found[f"{name}/output"] = output.detach().contiguous()
    found[f"{name}/loss"] = loss.detach()
    for key, tensor in leaves.items():
        found[f"{name}/{key}"] = torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
save_file(found, results)
