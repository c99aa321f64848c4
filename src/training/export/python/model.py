"""A model of efficient-transformers in PyTorch: reads the folder that `export` has written, and gives the same logits.

    model = EfficientTransformer.from_pretrained("exported")
    logits = model(tokens)              # int64 [batch, length]; mask: bool, True for a real token, False for padding
    loss = loss + model.routing_loss()  # where layers send tokens to experts, in training
    model.save_pretrained("trained")    # what `import` reads

It needs torch and safetensors. Parameters have the names that they have in a checkpoint, and weights stand on the
right, x W + b. Each attention is written plainly, with its weights for all pairs of tokens: to be read, and to be
trained on in any way that PyTorch knows. It therefore takes the O(L²) memory of full attention, which the original does
not. What a variant draws at random (features, rotations, random blocks) comes as buffers and stays as it was drawn.
"""

import json
import math
import shutil
from pathlib import Path
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn


class Part(nn.Module):
    """Tensors by their dotted names, as modules within modules: part.layers["0"].attention.query.weight."""

    def __init__(self, tensors, learned, path=""):
        super().__init__()
        inner = {}
        for name, tensor in tensors.items():
            first, _, rest = name.partition(".")
            if rest:
                inner.setdefault(first, {})[rest] = tensor
            elif path + name in learned:
                self.register_parameter(name, nn.Parameter(tensor))
            else:
                self.register_buffer(name, tensor)
        for name, each in inner.items():
            self.add_module(name, Part(each, learned, f"{path}{name}."))

    def __getitem__(self, name):
        return getattr(self, str(name))


class EfficientTransformer(Part):
    def __init__(self, config, tensors):
        super().__init__(tensors, set(config["learned"]))
        self.config = config
        self.losses = []
        self.handed = {}

    @classmethod
    def from_pretrained(cls, folder):
        config = json.loads(Path(folder, "config.json").read_text())
        return cls(config, load_file(Path(folder, "model.safetensors"))).eval()

    def save_pretrained(self, folder):
        Path(folder).mkdir(parents=True, exist_ok=True)
        Path(folder, "config.json").write_text(json.dumps(self.config, indent=2) + "\n")
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in self.state_dict().items()}
        save_file(tensors, Path(folder, "model.safetensors"), metadata={"format": "pt"})
        if Path(folder).resolve() != Path(__file__).resolve().parent:
            shutil.copy(__file__, folder)

    def forward(self, tokens, mask=None, other=None, other_mask=None):
        """Logits of every token [batch, length, vocabulary], or of every example [batch, classes]; `other` is the
        second text of a pair."""
        self.losses = []
        y = self.body(tokens, mask)
        head = self.config["head"]
        if head in ("causal", "masked"):
            return linear(y, self.output) if hasattr(self, "output") else y @ self.stack.embedding.weight.T
        pooled = self.pool(y, mask)
        if head == "pair classification":
            q = self.pool(self.body(other, other_mask), other_mask)
            pooled = torch.cat([pooled, q, pooled * q, pooled - q], -1)
        return linear(torch.relu(linear(pooled, self.classifier.hidden)), self.classifier.output)

    @property
    def stack(self):
        return self.decoder if hasattr(self, "decoder") else self.encoder

    def pool(self, y, mask):
        if self.config["pooling"] == "first":
            return y[:, 0]
        if self.config["pooling"] == "attention":
            return self.pooled(y, torch.ones_like(y[..., 0], dtype=torch.bool) if mask is None else mask)
        if mask is None:
            return y.mean(1)
        return without(y, mask).sum(1) / mask.sum(1, keepdim=True).clamp(min=1)

    def pooled(self, y, mask):
        """A learned seed attends to the tokens: PMA with k = 1 (Lee et al. 2019, eqs. 6, 7, 11)."""
        part, heads = self.pooling, self.config["heads"]
        x, seed = torch.relu(linear(y, part.tokens)), part.seed.expand(len(y), 1, -1)
        pairs = (seed, part.query), (x, part.key), (x, part.value)
        q, k, v = (linear(rows, each).unflatten(2, (heads, -1)).transpose(1, 2) for rows, each in pairs)
        seen = mask[:, None, None]
        scores = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(~seen, torch.finfo(q.dtype).min)
        mixed = ((torch.softmax(scores, -1) * seen) @ v).transpose(1, 2).flatten(2)
        read = norm(seed + linear(mixed, part.output), part.attentionNorm)
        return norm(read + torch.relu(linear(read, part.feedForward)), part.norm)[:, 0]

    def body(self, tokens, mask):
        """√d · E[token] + position, then the layers: [batch, length, width]."""
        config, stack = self.config, self.stack
        if tokens.shape[1] > config["length"]:
            raise ValueError(f"tokens: expected a length of at most {config['length']}, got {tokens.shape[1]}")
        if mask is None:
            mask = torch.ones_like(tokens, dtype=torch.bool)
        self.handed = {}
        x = stack.embedding.weight[tokens] * math.sqrt(config["width"])
        y = other = self.dropped(self.placed(x))
        pre = config["norm"] == "pre"
        for layer, settings in zip(stack.layers.children(), config["layers"]):

            def f(x):
                return self.dropped(self.attention(norm(x, layer.attentionNorm) if pre else x, layer, settings, mask))

            def g(x):
                return self.dropped(
                    self.feed_forward(norm(x, layer.feedForwardNorm) if pre else x, layer, settings, mask)
                )

            if config["residual"] == "reversible":  # Kitaev et al. 2020, eq. 7
                y = y + f(other)
                other = other + g(y)
            elif pre:
                y = y + f(y)
                y = y + g(y)
            else:
                y = norm(y + f(y), layer.attentionNorm)
                y = norm(y + g(y), layer.feedForwardNorm)
        if config["residual"] == "reversible":
            y = (y + other) / 2
        return norm(y, stack.norm) if pre else y

    def feed_forward(self, x, layer, settings, mask):
        options = {"kind": "dense", **settings.get("feedForward", {})}
        o = SimpleNamespace(**options, training=self.training, losses=self.losses)
        return FEED_FORWARDS[o.kind](x, mask, o, layer.feedForward)

    def routing_loss(self):
        """What layers that route tokens add to the loss, with its weights: of the last forward pass."""
        return sum(self.losses)

    def dropped(self, x):
        return F.dropout(x, self.config["dropout"], self.training)

    def placed(self, x):
        kind, length = self.config["positions"], x.shape[1]
        if kind == "learned":
            return x + self.stack.positions.weight[:length]
        if kind == "axial":
            rows, columns = self.stack.positions.E1, self.stack.positions.E2
            at = torch.arange(length, device=x.device)
            return x + torch.cat([rows[at // len(columns)], columns[at % len(columns)]], -1)
        if kind == "sinusoidal":
            at, column = torch.arange(length).double()[:, None], torch.arange(x.shape[2])
            angles = at / 10000 ** ((column - column % 2) / x.shape[2]).double()
            return x + torch.where(column % 2 == 0, angles.sin(), angles.cos()).to(x)
        return x

    def attention(self, x, layer, settings, mask):
        config = self.config
        batch, length, _ = x.shape

        def projected(part):
            if settings.get("projections", "dense") == "dense":
                return linear(x, part)
            return filtered(without(multiplicative(x, layer.attention.multiplicative), mask), part)

        def split(rows):
            return rows.reshape(batch, length, config["heads"], -1).transpose(1, 2)

        def project(part, parts):
            def before(name, rows):
                # What is projected from values has none of its own.
                if parts.get("shortConvolution") and name not in parts.get("fromValues", []):
                    rows = short_convolution(without(rows, mask[:, None]), part.convolution[name])
                rows = F.silu(rows) if name in parts.get("silu", []) else rows
                return rows.sigmoid() if name in parts.get("sigmoid", []) else rows

            value = projected(part.value)
            v = before("values", split(F.glu(value) if settings["gatedValues"] else value))

            def compared(name, by):
                rows = linear(beside(v), by) if name in parts.get("fromValues", []) else projected(by)
                return self.turned(before(name, split(rows)))

            # What a variant does not read is not projected.
            q = compared("queries", part.query) if hasattr(part, "query") else v
            k = compared("keys", part.key) if hasattr(part, "key") else q
            return q, k, v

        # A variant that was made for one length has shorter sequences filled up to it.
        missing = config["length"] - length if length < settings["unpaddedFrom"] else 0
        parts = settings.get("layer") or {}

        def padded(q, k, v):
            # What is masked has no influence, whatever it holds.
            return [F.pad(each, (0, 0, 0, missing)) for each in (q, without(k, mask[:, None]), without(v, mask[:, None]))]

        q, k, v = project(layer.attention, parts)
        inputs = padded(q, k, v)
        of_global = getattr(layer.attention, "global", None)
        options = SimpleNamespace(**settings["options"], training=self.training, of_global=inputs, gates={})
        if of_global is not None:
            options.of_global = padded(*project(of_global, {}))
        for name, gate in settings.get("gates", {}).items():
            rows = beside(v) if name in parts.get("fromValues", []) else x
            made = activated(linear(rows, layer.attention.gates[name]), gate)
            options.gates[name] = split(made) if gate["wide"] else made.transpose(1, 2)
        shared = settings["sharedParameters"]
        parameters = layer.attention if shared is None else self.stack.sharedAttention[shared]
        parameters, leave = self.handing(settings, layer, parameters)
        heads = VARIANTS[settings["variant"]](*inputs, F.pad(mask, (0, missing)), options, parameters)
        leave(options)
        heads = self.finished(heads[:, :, :length], x, layer.attention, parts, split)
        rows = beside(heads)
        return linear(rows, layer.attention.output) if hasattr(layer.attention, "output") else rows

    def handing(self, settings, layer, parameters):
        """Rows of the layer below in place of a parameter, and what leaves this layer's for the one above, P + Y."""
        handing, variant = settings.get("handing"), settings["variant"]
        if handing is None:
            return parameters, lambda o: None
        heads, name = self.config["heads"], handing["parameter"]
        if handing["takes"]:
            below = self.handed[variant]
            normed = norm(below, layer.attention.handed.norm)
            P = normed if self.config["norm"] == "post" else below
            rows = linear(normed, layer.attention.handed.query).unflatten(2, (heads, -1)).transpose(1, 2)
            own = [*parameters.named_parameters(recurse=False), *parameters.named_buffers(recurse=False)]
            parameters = SimpleNamespace(**{**dict(own), name: rows})
        else:
            P = getattr(parameters, name).transpose(0, 1).flatten(1)

        def leave(o):
            if handing["gives"]:
                self.handed[variant] = P + self.dropped(o.handed.transpose(1, 2).flatten(2))

        return parameters, leave

    def finished(self, heads, x, part, parts, split):
        """The norm and the gate that a variant's paper has after its attention."""

        def normed(rows):
            if "outputNorm" not in parts:
                return rows
            squares = rows.square().mean(3, keepdim=True)
            share = squares if parts["outputNorm"] == "head" else squares.mean(1, keepdim=True)
            return rows * (share + 1e-5).rsqrt() * part.outputNorm.gain

        gate = parts.get("outputGate")
        if gate is None:
            return normed(heads)
        by = split(linear(x, part.outputGate))
        by = {"silu": F.silu, "sigmoid": torch.sigmoid, "none": lambda x: x}[gate["activation"]](by)
        return normed(heads * by) if gate.get("first") else normed(heads) * by

    def turned(self, x):
        """Rotary positions (Su et al. 2021): columns i and i + d/2 turn by position · 10000^(−2i/d)."""
        if self.config["positions"] != "rotary":
            return x
        return rotated(x, torch.arange(x.shape[2], device=x.device)[:, None])


def rotated(x, places, base=10000):
    """Rows of x turned by these places [length, 1]: columns i and i + ⌊d/2⌋ by place · base^(−2i/d)."""
    half = x.shape[-1] // 2
    column = torch.arange(half, device=x.device).double()
    angles = places.double() * base ** (-2 * column / x.shape[-1])
    cos, sin = angles.cos().to(x), angles.sin().to(x)
    first, second, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
    return torch.cat([first * cos - second * sin, second * cos + first * sin, rest], -1)


def beside(heads):
    """[batch, heads, length, width] as [batch, length, heads · width]."""
    return heads.transpose(1, 2).flatten(2)


def linear(x, part):
    y = (x @ part.inner if hasattr(part, "inner") else x) @ part.weight
    return y + part.bias if hasattr(part, "bias") else y


def multiplicative(x, part):
    """y_{s,m} = Σ_i x_i D_{i,s} E_{i,m} (Jaszczur et al. 2021, §3.2): [batch, length, modules · M]."""
    return torch.einsum("bti,is,im->btsm", x, part.D, part.E).flatten(2)


def filtered(y, part):
    """Filters [F, F, M, filters] over the last F tokens and F neighbouring modules: [batch, length, modules, filters]."""
    F_, _, width, _ = part.weight.shape
    image = y.unflatten(2, (-1, width)).permute(0, 3, 1, 2)
    image = F.pad(image, (F_ // 2, F_ // 2, F_ - 1, 0))
    return F.conv2d(image, part.weight.permute(3, 2, 0, 1), part.bias).permute(0, 2, 3, 1)


def short_convolution(rows, taps):
    """Causal and depthwise: taps [count, heads, 1, headDim], the last is the token's own."""
    count, length = len(taps), rows.shape[2]
    rows = F.pad(rows, (0, 0, count - 1, 0))
    return sum(rows[:, :, n : n + length] * taps[n] for n in range(count))


def activated(x, gate):
    kinds = {"none": lambda x: x, "sigmoid": torch.sigmoid, "softplus": F.softplus, "logSigmoid": F.logsigmoid}
    return kinds[gate["activation"]](x) * gate["times"]


def without(rows, mask):
    """Zeros in place of the rows that are masked."""
    return rows.masked_fill(~mask[..., None], 0)


def norm(x, part):
    return F.layer_norm(x, x.shape[-1:], part.gain, part.bias, 1e-5)


# What follows are the variants and the feed-forward layers of this model, and what they share. q, k and v are
# [batch, heads, length, width], x [batch, length, width], `real` bool [batch, length], `o` the options of a variant or of
# a layer, `p` the part that has its parameters. Keys and values that are not real are zeros. A query that may look at
# nothing gets zeros.
