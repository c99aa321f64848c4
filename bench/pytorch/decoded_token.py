"""One more token, as bench/peers/us-decoded-token.ts decodes it, with a cache of keys and values that has room for all."""

import math

import torch
from inputs import draw_between
from model_step import VOCABULARY, ModelStep
from torch.nn.functional import gelu, layer_norm, linear, scaled_dot_product_attention

ROOM = 2048
COMPARED_TOKENS = 4


class DecodedToken(ModelStep):
    def __init__(self, task):
        self.before = task["length"]
        super().__init__({**task, "length": task["length"] + ROOM})
        self.tokens = draw_between("tokens", (self.batch, self.length), 0, VOCABULARY).long()
        self.start()

    @torch.inference_mode()
    def start(self):
        shape = (2, self.batch, self.heads, self.length, self.width // self.heads)
        self.cache = [torch.zeros(shape) for _ in self.blocks]
        self.position = 0
        self.read(self.before)

    def turn(self, x, end):
        first, second = x.chunk(2, -1)
        cosines, sines = self.cosines[self.position : end], self.sines[self.position : end]
        return x * cosines + torch.cat([second, first], -1) * sines

    def read(self, count):
        """The logits after the next tokens."""
        begin, end = self.position, self.position + count
        size = (self.width,)
        x = self.embedding[self.tokens[:, begin:end]] * math.sqrt(self.width)
        for block, (keys, values) in zip(self.blocks, self.cache):
            heads = (self.batch, count, 3, self.heads, self.width // self.heads)
            normed = layer_norm(x, size, *block["first"])
            q, k, v = linear(normed, block["qkv"], block["bqkv"]).view(heads).permute(2, 0, 3, 1, 4)
            keys[:, :, begin:end], values[:, :, begin:end] = self.turn(k, end), v
            # Many tokens at once are the first ones; a single one meets all before it.
            y = scaled_dot_product_attention(
                self.turn(q, end), keys[:, :, :end], values[:, :, :end], is_causal=count > 1
            )
            x = x + linear(y.transpose(1, 2).reshape(x.shape), block["out"], block["bout"])
            hidden = linear(layer_norm(x, size, *block["second"]), block["w1"], block["b1"])
            x = x + linear(gelu(hidden, approximate="tanh"), block["w2"], block["b2"])
        self.position = end
        return linear(layer_norm(x[:, -1], size, *self.last), self.embedding)

    @torch.inference_mode()
    def run(self):
        logits = self.read(1)
        logits.argmax(-1).tolist()
        return logits

    def results(self):
        self.start()
        return {"logits": torch.cat([self.run().flatten() for _ in range(COMPARED_TOKENS)])}
