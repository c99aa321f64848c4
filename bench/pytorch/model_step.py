"""A step of training a whole language model, as bench/peers/us-model-step.ts takes it, in PyTorch's own functions."""

import math

import torch
from inputs import draw, draw_between
from torch.nn.functional import cross_entropy, gelu, layer_norm, linear, scaled_dot_product_attention

VOCABULARY = 256
RATE = 1e-3
LARGEST_NORM = 1.0
COMPARED_STEPS = 4


class ModelStep:
    def __init__(self, task):
        self.length, self.width = task["length"], task["width"]
        self.layers, self.heads, self.batch = (task["model"][name] for name in ("layers", "heads", "batch"))
        shape = (self.batch, self.length)
        self.tokens = draw_between("tokens", shape, 0, VOCABULARY).long()
        self.targets = draw_between("targets", shape, 0, VOCABULARY).long()
        half = self.width // self.heads // 2
        angles = torch.arange(self.length)[:, None] * 10000.0 ** (-torch.arange(half) / half)
        self.cosines, self.sines = torch.cat([angles.cos()] * 2, 1), torch.cat([-angles.sin(), angles.sin()], 1)
        self.reset()

    def reset(self):
        width, hidden = self.width, 4 * self.width
        parameter = torch.nn.Parameter

        def matrix(name, inputs, outputs):
            # Ours are [inputs, outputs]; PyTorch's the other way round.
            return draw(name, (inputs, outputs), inputs**-0.5).T.contiguous()

        def norm():
            return [parameter(torch.ones(width)), parameter(torch.zeros(width))]

        def layer():
            return {
                "first": norm(),
                # One product for all three, which is faster than one each.
                "qkv": parameter(torch.cat([matrix(name, width, width) for name in ("wq", "wk", "wv")])),
                "bqkv": parameter(torch.zeros(3 * width)),
                "out": parameter(matrix("wo", width, width)),
                "bout": parameter(torch.zeros(width)),
                "second": norm(),
                "w1": parameter(matrix("a", width, hidden)),
                "b1": parameter(torch.zeros(hidden)),
                "w2": parameter(matrix("b", hidden, width)),
                "b2": parameter(torch.zeros(width)),
            }

        self.embedding = parameter(draw("wy", (VOCABULARY, width), width**-0.5))
        self.blocks = [layer() for _ in range(self.layers)]
        self.last = norm()
        self.parameters = [self.embedding, *self.last]
        for block in self.blocks:
            for each in block.values():
                self.parameters += each if isinstance(each, list) else [each]
        decayed = [each for each in self.parameters if each.dim() > 1]
        others = [each for each in self.parameters if each.dim() == 1]
        groups = [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=RATE)

    def rotate(self, x):
        first, second = x.chunk(2, -1)
        return x * self.cosines + torch.cat([second, first], -1) * self.sines

    def attention(self, x, block):
        heads = (self.batch, self.length, 3, self.heads, self.width // self.heads)
        q, k, v = linear(x, block["qkv"], block["bqkv"]).view(heads).permute(2, 0, 3, 1, 4)
        y = scaled_dot_product_attention(self.rotate(q), self.rotate(k), v, is_causal=True)
        return linear(y.transpose(1, 2).reshape(x.shape), block["out"], block["bout"])

    def loss(self):
        size = (self.width,)
        x = self.embedding[self.tokens] * math.sqrt(self.width)
        for block in self.blocks:
            x = x + self.attention(layer_norm(x, size, *block["first"]), block)
            hidden = linear(layer_norm(x, size, *block["second"]), block["w1"], block["b1"])
            x = x + linear(gelu(hidden, approximate="tanh"), block["w2"], block["b2"])
        logits = linear(layer_norm(x, size, *self.last), self.embedding)
        return cross_entropy(logits.view(-1, VOCABULARY), self.targets.view(-1))

    def run(self):
        self.optimizer.zero_grad()
        loss = self.loss()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, LARGEST_NORM)
        self.optimizer.step()
        return loss.item()

    def results(self):
        self.reset()
        return {"losses": torch.tensor([self.run() for _ in range(COMPARED_STEPS)])}
