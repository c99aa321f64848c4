"""PyTorch: its fused attention, the product, and a training step of the small model (bench/peers/us-training-step.ts)."""

import platform

import torch
from decoded_token import DecodedToken
from inputs import draw
from model_step import ModelStep

# As in bench/peers/training-step.ts.
WEIGHTS = ["wq", "wk", "wv", "wo", "wy"]
LEARNING_RATE = 0.1
COMPARED_STEPS = 4


def versions():
    return {"torch": torch.__version__, "python": platform.python_version(), "cpu": torch.backends.cpu.get_cpu_capability()}


class Unable(ValueError):
    """A task that a contestant has no form for, by its authors' design: what it cannot do is no failure."""


class Attention:
    """`attend` of queries, keys and values, [heads, length, headDim] each; with gradients where `training`."""

    def __init__(self, task, attend):
        shape = (task["heads"], task["length"], task["headDim"])
        self.training = task["training"]
        self.inputs = {name: draw(name, shape).requires_grad_(self.training) for name in ["queries", "keys", "values"]}
        self.upstream = draw("upstream", shape)
        self.attend = attend

    def run(self):
        if not self.training:
            with torch.no_grad():
                return self.attend(*self.inputs.values()), ()
        output = self.attend(*self.inputs.values())
        wanted = tuple(self.inputs.values())
        return output, torch.autograd.grad(output, wanted, self.upstream, allow_unused=True)

    def results(self):
        output, gradients = self.run()
        named = {name: gradient for name, gradient in zip(self.inputs, gradients) if gradient is not None}
        return {name: array.detach().contiguous() for name, array in {"output": output, **named}.items()}


class Product:
    def __init__(self, task):
        size = task["size"]
        self.a, self.b = draw("a", (size, size)), draw("b", (size, size))

    def run(self):
        return torch.mm(self.a, self.b)

    def results(self):
        return {"output": self.run()}


class TrainingStep:
    def __init__(self, task):
        length, self.width = task["length"], task["width"]
        self.tokens, self.targets = draw("tokens", (length, self.width)), draw("targets", (length, self.width))
        self.reset()

    def reset(self):
        shape = (self.width, self.width)
        self.weights = [torch.nn.Parameter(draw(name, shape, self.width**-0.5)) for name in WEIGHTS]
        self.optimizer = torch.optim.SGD(self.weights, lr=LEARNING_RATE)

    def run(self):
        wq, wk, wv, wo, wy = self.weights
        x = self.tokens
        heads = [(x @ weight)[None, None] for weight in (wq, wk, wv)]
        attended = torch.nn.functional.scaled_dot_product_attention(*heads)[0, 0]
        loss = torch.nn.functional.mse_loss((x + attended @ wo) @ wy, self.targets)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def results(self):
        self.reset()
        return {"losses": torch.tensor([self.run() for _ in range(COMPARED_STEPS)])}


def fused(queries, keys, values):
    # The kernel that streams over blocks wants a batch.
    return torch.nn.functional.scaled_dot_product_attention(queries[None], keys[None], values[None])[0]


def contestant(name, kind, computes, training, prepare):
    described = {"name": name, "kind": kind, "computes": computes, "training": training, "instructions": "native"}
    return {**described, "prepare": prepare}


def training_step(task, _check):
    return ModelStep(task) if "model" in task else TrainingStep(task)


contestants = [
    contestant("full", "attention", "full", True, lambda task, check: Attention(task, fused)),
    contestant("product", "product", "product", False, lambda task, check: Product(task)),
    contestant("training step", "training-step", "training-step", True, training_step),
    contestant("decoded token", "decoded-token", "decoded-token", False, lambda task, check: DecodedToken(task)),
]
