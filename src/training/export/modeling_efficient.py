"""A model of efficient-transformers in PyTorch: reads the folder that `export` has written, and gives the same logits.

    model = EfficientTransformer.from_pretrained("exported")
    logits = model(tokens)              # int64 [batch, length]; mask: bool, True for a real token, False for padding
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
        if mask is None:
            return y.mean(1)
        return without(y, mask).sum(1) / mask.sum(1, keepdim=True).clamp(min=1)

    def body(self, tokens, mask):
        """√d · E[token] + position, then the layers: [batch, length, width]."""
        config, stack = self.config, self.stack
        if tokens.shape[1] > config["length"]:
            raise ValueError(f"tokens: expected a length of at most {config['length']}, got {tokens.shape[1]}")
        if mask is None:
            mask = torch.ones_like(tokens, dtype=torch.bool)
        x = stack.embedding.weight[tokens] * math.sqrt(config["width"])
        y = other = self.dropped(self.placed(x))
        pre = config["norm"] == "pre"
        for layer, settings in zip(stack.layers.children(), config["layers"]):

            def f(x):
                return self.dropped(self.attention(norm(x, layer.attentionNorm) if pre else x, layer, settings, mask))

            def g(x):
                return self.dropped(feed_forward(norm(x, layer.feedForwardNorm) if pre else x, layer.feedForward))

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

        def split(rows):
            return rows.view(batch, length, config["heads"], -1).transpose(1, 2)

        def project(part, parts):
            def before(name, rows):
                if parts.get("shortConvolution"):
                    rows = short_convolution(without(rows, mask[:, None]), part.convolution[name])
                rows = F.silu(rows) if name in parts.get("silu", []) else rows
                return rows.sigmoid() if name in parts.get("sigmoid", []) else rows

            value = linear(x, part.value)
            v = before("values", split(F.glu(value) if settings["gatedValues"] else value))
            # What a variant does not read is not projected.
            q = self.turned(before("queries", split(linear(x, part.query)))) if hasattr(part, "query") else v
            k = self.turned(before("keys", split(linear(x, part.key)))) if hasattr(part, "key") else q
            # What is masked has no influence, whatever it holds.
            return q, without(k, mask[:, None]), without(v, mask[:, None])

        # A variant that was made for one length has shorter sequences filled up to it.
        missing = config["length"] - length if length < settings["unpaddedFrom"] else 0
        parts = settings.get("layer") or {}
        inputs = [F.pad(each, (0, 0, 0, missing)) for each in project(layer.attention, parts)]
        of_global = getattr(layer.attention, "global", None)
        options = SimpleNamespace(**settings["options"], training=self.training, of_global=inputs, gates={})
        if of_global is not None:
            options.of_global = [F.pad(each, (0, 0, 0, missing)) for each in project(of_global, {})]
        for name, gate in settings.get("gates", {}).items():
            made = activated(linear(x, layer.attention.gates[name]), gate)
            options.gates[name] = split(made) if gate["wide"] else made.transpose(1, 2)
        shared = settings["sharedParameters"]
        parameters = layer.attention if shared is None else self.stack.sharedAttention[shared]
        heads = VARIANTS[settings["variant"]](*inputs, F.pad(mask, (0, missing)), options, parameters)
        heads = self.finished(heads[:, :, :length], x, layer.attention, parts, split)
        return linear(heads.transpose(1, 2).reshape(batch, length, -1), layer.attention.output)

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
        half = x.shape[-1] // 2
        at, column = torch.arange(x.shape[2]).double()[:, None], torch.arange(half).double()
        angles = at * 10000 ** (-column / half)
        cos, sin = angles.cos().to(x), angles.sin().to(x)
        first, second = x[..., :half], x[..., half:]
        return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


def linear(x, part):
    y = x @ part.weight
    return y + part.bias if hasattr(part, "bias") else y


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


def feed_forward(x, part):
    return F.gelu(x @ part.W1 + part.b1, approximate="tanh") @ part.W2 + part.b2


# Attention: q, k and v are [batch, heads, length, width], `real` bool [batch, length], `o` a variant's options, `p` the
# part that has its parameters. Keys and values that are not real are zeros. A query that may look at nothing gets zeros.


def grid(q):
    """Positions i of queries as a column, j of keys as a row."""
    at = torch.arange(q.shape[2], device=q.device)
    return at[:, None], at[None, :]


def visible(q, real, o):
    i, j = grid(q)
    return real[:, None, None, :] & ((j <= i) if o.causal else (j >= 0))


def softmax(scores, allowed):
    return torch.softmax(scores.masked_fill(~allowed, torch.finfo(scores.dtype).min), -1) * allowed


def attend(q, k, v, allowed):
    return softmax(q @ k.mT / math.sqrt(q.shape[-1]), allowed) @ v


def full(q, k, v, real, o, p):
    return attend(q, k, v, visible(q, real, o))


def local_attention(q, k, v, real, o, p):
    i, j = grid(q)
    near = (i // o.chunkLength - j // o.chunkLength).abs() <= 1
    return attend(q, k, v, visible(q, real, o) & near)


def longformer(q, k, v, real, o, p):
    i, j = grid(q)
    step = torch.tensor(o.dilation or [1], device=q.device)[:, None, None]
    band = ((i - j) % step == 0) & ((i - j).abs() <= o.attentionWindow // 2 * step)
    is_global = torch.zeros(q.shape[2], dtype=torch.bool, device=q.device)
    is_global[o.globalPositions] = True
    seen = visible(q, real, o)
    out = attend(q, k, v, seen & (band | is_global))
    return torch.where(is_global[:, None], attend(*o.of_global, seen), out) if o.globalPositions else out


def sparse_transformer(q, k, v, real, o, p):
    i, j = grid(q)
    if o.pattern == "strided":
        near, far = (i - j).abs() <= o.stride, (i - j) % o.stride == 0
    else:
        near, far = i // o.stride == j // o.stride, j % o.stride >= o.stride - o.summaryColumns
    even = torch.arange(q.shape[1], device=q.device)[:, None, None] % 2 == 0
    sets = {"merged": near | far, "split": torch.where(even, near, far), "first": near, "second": far}
    return attend(q, k, v, visible(q, real, o) & sets[o.heads])


def bigbird(q, k, v, real, o, p):
    block = torch.arange(q.shape[2], device=q.device) // o.blockSize
    n = math.ceil(q.shape[2] / o.blockSize)
    ends = 2 if o.construction == "itc" else 1
    if 3 + ends * o.globalBlocks + o.randomBlocks >= n:
        return attend(q, k, v, visible(q, real, o))
    at = torch.arange(n, device=q.device)
    is_global = (at < o.globalBlocks) | ((at >= n - o.globalBlocks) & (ends == 2))
    # Of a sequence of n blocks the lists begin after those of 1, 2, … n − 1 blocks; −1 is none.
    lists = p.randomBlocks[:, n * (n - 1) // 2 :][:, :n].long()
    random = torch.zeros(*lists.shape[:2], n + 1, dtype=torch.bool, device=q.device)
    random = random.scatter(2, lists % (n + 1), True)[:, :, :n]
    meet = random | ((at[:, None] - at).abs() <= 1) | is_global[:, None] | is_global
    return attend(q, k, v, visible(q, real, o) & meet[:, block][:, :, block])


def segments(length, count, device):
    """[count, length]: whether a token is in a segment, and its place there."""
    begins = torch.arange(count + 1, device=device) * length // count
    at = torch.arange(length, device=device)
    place = at - begins[:-1, None]
    return (place >= 0) & (at < begins[1:, None]), place


def means(real, count, like):
    """[batch, 1, count, length]: what takes the mean of the real tokens of each segment."""
    inside, _ = segments(real.shape[1], count, real.device)
    taps = (inside & real[:, None, None, :]).to(like)
    return taps / taps.sum(-1, keepdim=True).clamp(min=1)


def linformer(q, k, v, real, o, p):
    count = o.projectedLength

    def dense(kernel):  # [heads or 1, 1, longest] along every segment
        inside, place = segments(q.shape[2], count, q.device)
        return kernel[:, 0][:, place.clamp(0, kernel.shape[2] - 1)] * inside

    E = means(real, count, q) if o.projection == "mean-pool" else p.E
    G = getattr(p, "F", E)
    if o.projection == "convolution":
        E, G = dense(E), dense(G)
    if o.projection == "learned":
        seen = real.any(1)[:, None, None, None].expand(-1, 1, 1, count)
    else:
        seen = (means(real, count, q).sum(-1) > 0)[:, :, None]
    return attend(q, E @ k, G @ v, seen)


def nystromformer(q, k, v, real, o, p):
    M = means(real, o.landmarks, q)
    there = (M.sum(-1) > 0)[:, :, None]
    q_, k_ = M @ without(q, real[:, None]), M @ k
    A = softmax(q_ @ k_.mT / math.sqrt(q.shape[-1]), there & there.mT)
    # A⁺                                                                             (Xiong et al. 2021, eq. 14)
    one = torch.eye(o.landmarks, device=q.device, dtype=q.dtype)
    norms = A.sum(-2).amax(-1) * A.sum(-1).amax(-1)
    Z = A.mT / norms.clamp(min=1e-30)[..., None, None]
    for _ in range(o.pinvIterations):
        AZ = A @ Z
        Z = Z / 4 @ (13 * one - AZ @ (15 * one - AZ @ (7 * one - AZ)))
    out = attend(q, k_, Z @ attend(q_, k, v, real[:, None, None, :]), there)
    if o.convolutionWidth == 0:
        return out
    return out + convolve(p.convolution[:, None], v, o.convolutionWidth // 2)


def performer(q, k, v, real, o, p):
    m = len(p.omega)

    def features(x):
        """log h(x) and f(ω·x), or log f(ω·x) for those that exp makes        (Choromanski et al. 2021, eq. 5)."""
        x = x * x.shape[-1] ** -0.25
        u, half = x @ p.omega.T, x.square().sum(-1, keepdim=True) / 2
        if o.kernel == "softmax-trigonometric":
            return half, torch.cat([u.sin(), u.cos()], -1)
        if o.kernel == "relu":
            f = torch.relu(u) + o.epsilon
            size = f.detach().amax(-1, keepdim=True).clamp(min=torch.finfo(f.dtype).tiny)
            return size.log(), f / size
        return -half, torch.cat([u, -u], -1) if o.kernel == "softmax-hyperbolic" else u

    # h of a query is in its numerator and its denominator.
    (_, f_q), (log_k, f_k) = features(q), features(k)
    if o.kernel in ("softmax-positive", "softmax-hyperbolic"):
        return by_logarithms(f_q, log_k + f_k, v, real, o)
    # h of keys, divided by their sum, which cancels too.
    weights = f_q @ f_k.mT * softmax(log_k.mT, visible(q, real, o))
    sums = weights.sum(-1, keepdim=True)
    if o.kernel == "softmax-trigonometric":
        # Signs may cancel: the sum is kept at half of its standard error, or above.
        sums = sums.clamp(min=m / math.sqrt(2 * m) / 2)
    return weights @ v / sums.masked_fill(sums == 0, 1)


def linear_transformer(q, k, v, real, o, p):
    def log_phi(x):  # φ(x) = elu(x) + 1
        return torch.where(x > 0, x.clamp(min=0).log1p(), x)

    return by_logarithms(log_phi(q), log_phi(k), v, real, o)


def by_logarithms(a, b, v, real, o):
    """Weights Σ_f exp(a_if + b_jf), for exponents of any size: features stay logarithms until they meet."""
    a, b = a - a.detach().amax(-1, keepdim=True), b.masked_fill(~real[:, None, :, None], -1e30)
    scores = causal_log_weights(a, b) if o.causal else log_weights(a, b)
    return softmax(scores, visible(a, real, o)) @ v


def log_weights(a, b):
    """log Σ_f exp(a_if + b_jf). Each channel f has a scale of its own, its largest b: with one for all, what a query and
    a key have in common could be far below it. In each row the largest is exact, and none is less than `tiny` of it."""
    scale = b.detach().amax(2, keepdim=True)
    largest = (a + scale).detach().amax(-1, keepdim=True)
    weights = (a + scale - largest).exp() @ (b - scale).exp().mT
    return weights.clamp(min=torch.finfo(a.dtype).tiny).log() + largest


def causal_log_weights(a, b):
    """The same where queries see no later keys, which therefore have no part in the scale: the later half of the queries
    and the earlier half of the keys meet as above, and then each half by itself."""
    length = a.shape[2]
    if length <= 16:
        return torch.logsumexp(a[:, :, :, None] + b[:, :, None], -1)
    half = length // 2
    first, second = slice(0, half), slice(half, length)
    early, late = (causal_log_weights(a[:, :, each], b[:, :, each]) for each in (first, second))
    across = log_weights(a[:, :, second], b[:, :, first])
    unseen = torch.zeros_like(across.mT)
    return torch.cat([torch.cat([early, unseen], -1), torch.cat([across, late], -1)], 2)


def reformer(q, k, v, real, o, p):
    # In two steps: squares of what is very small or large are no floats. Zeros have no direction, and stay zeros.
    size = q.detach().abs().amax(-1, keepdim=True)
    k = F.normalize(q / size.clamp(min=torch.finfo(q.dtype).tiny), dim=-1).masked_fill(size == 0, 0)
    length = q.shape[2]
    bucket, count = torch.zeros(*q.shape[:2], o.numHashes, length, dtype=torch.long, device=q.device), 1
    for R in (getattr(p, name) for name in ("R1", "R2") if hasattr(p, name)):
        u = torch.einsum("bhld,hrdn->bhrln", q, R)
        bucket = bucket * 2 * R.shape[3] + torch.cat([u, -u], -1).argmax(-1)
        count *= 2 * R.shape[3]
    bucket = bucket.masked_fill(~real[:, None, None, :], count)
    chunk = bucket.argsort(dim=-1, stable=True).argsort(dim=-1) // o.chunkLength
    ahead = chunk[..., None, :] - chunk[..., :, None]
    meet = (ahead >= -1) & (ahead <= (0 if o.causal else 1))
    if not o.acrossBuckets:
        meet &= bucket[..., None, :] == bucket[..., :, None]
    # Rounds in which a pair meets; how often it counts; itself only for want of others   (Kitaev et al. 2020, eq. 16)
    times = (meet & real[:, None, None, :, None]).sum(2)
    allowed = (times > 0) & visible(q, real, o)
    scores = q @ k.mT / math.sqrt(q.shape[-1]) - 1e5 * torch.eye(length, device=q.device, dtype=q.dtype)
    return softmax(scores if o.countOnce else scores + times.clamp(min=1).log(), allowed) @ v


def transformer_xl(q, k, v, real, o, p):
    (i, j), length, width = grid(q), q.shape[2], p.W_kR.shape[2]
    start = i - i % o.segmentLength
    in_reach = (j >= start - o.memoryLength) & (j < start + o.segmentLength)
    distances = torch.arange(1 - length, length).double()[:, None]
    angles = distances * 10000 ** (-2 * torch.arange(width // 2).double() / width)
    r = torch.cat([angles.sin(), angles.cos()], -1).to(q) @ p.W_kR.mT
    # (q_i + v)·r_{i−j}, out of those for every distance                                  (Dai et al. 2019, §3.3)
    by_distance = (q + p.v[:, None]) @ r.mT
    by_distance = by_distance.gather(3, (i - j + length - 1).expand(*q.shape[:2], -1, -1))

    def scores(k):
        return ((q + p.u[:, None]) @ k.mT + by_distance) / math.sqrt(q.shape[-1])

    allowed = visible(q, real, o) & in_reach
    if not o.stopMemoryGradient:
        return softmax(scores(k), allowed) @ v
    own = j >= start
    weights = softmax(torch.where(own, scores(k), scores(k.detach())), allowed)
    return (weights * own) @ v + (weights * ~own) @ v.detach()


def convolve(kernel, v, before):
    """Σ_t kernel_t v_{i + t − before}, for a kernel [heads, 1, width] or [batch, heads, length, width]."""
    width = kernel.shape[-1]
    windows = F.pad(v, (0, 0, before, width - 1 - before)).unfold(2, width, 1)
    return (windows * kernel[..., None, :]).sum(-1)


def light_conv(q, k, v, real, o, p):
    return convolution(torch.softmax(p.W, -1)[:, None], v, real, o)


def dynamic_conv(q, k, v, real, o, p):
    return convolution(torch.softmax(q @ p.WQ.mT, -1), v, real, o)


def convolution(kernel, v, real, o):
    width = o.kernelWidth
    if o.training and o.dropConnect > 0:
        kernel = kernel * F.dropout(torch.ones(v.shape[1], 1, width, device=v.device), o.dropConnect)
    return convolve(kernel, v, width - 1 if o.causal else width // 2)


def scan(q, k, v, real, log_decay=None, beta=None):
    """S = (I − β k kᵀ) (a ∘ S) + β k vᵀ, or a ∘ S + k vᵀ without β, and o = Sᵀ q, token by token. Padding changes no S."""
    batch, heads, length, d = q.shape
    state = q.new_zeros(batch, heads, d, v.shape[3])
    outputs = []
    for t in range(length):
        here = real[:, None, t, None]
        if log_decay is not None:
            decay = log_decay[:, :, t].reshape(batch, heads, -1).masked_fill(~here, 0).exp()
            state = decay[..., None] * state
        written = v[:, :, t]
        if beta is not None:
            known = (state * k[:, :, t, :, None]).sum(2)
            written = beta[:, :, t, None].masked_fill(~here, 0) * (written - known)
        state = state + k[:, :, t, :, None] * written[:, :, None]
        outputs.append((state * q[:, :, t, :, None]).sum(2))
    return torch.stack(outputs, 2)


def unit(x):
    """x / ‖x‖; zeros stay zeros."""
    largest = x.abs().amax(-1, keepdim=True)
    scaled = x / torch.where(largest == 0, 1, largest)
    norm = scaled.square().sum(-1, keepdim=True)
    return scaled / torch.where(norm == 0, 1, norm).sqrt()


def scaled(q):
    return q / math.sqrt(q.shape[-1])


def per_head(q, number):
    heads = torch.tensor([number(h) for h in range(q.shape[1])], dtype=torch.float64).to(q)
    return heads[None, :, None].expand(q.shape[:3])


def deltanet(q, k, v, real, o, p):
    return scan(scaled(unit(q)), unit(k), v, real, beta=o.gates["beta"])


def gated_deltanet(q, k, v, real, o, p):
    return scan(scaled(unit(q)), unit(k), v, real, o.gates["logDecay"], o.gates["beta"])


def gla(q, k, v, real, o, p):
    return scan(scaled(q), k, v, real, o.gates["logDecay"])


def hgrn2(q, k, v, real, o, p):
    log_sigma, bound = o.gates["logForget"], o.lowerBound
    log_forget = (bound + (1 - bound) * log_sigma.exp()).log() if bound else log_sigma
    return scan(q, without(1 - log_forget.exp(), real[:, None]), v, real, log_forget)


def lightning(q, k, v, real, o, p):
    heads = q.shape[1]
    return scan(scaled(q), k, v, real, per_head(q, lambda h: -(8 * h) / heads * (1 - o.depth)))


def retnet(q, k, v, real, o, p):
    if o.rotation:
        q, k = neighbours_turned(q), neighbours_turned(k)
    return scan(scaled(q), k, v, real, per_head(q, lambda h: math.log1p(-(2.0 ** (-5 - h)))))


def neighbours_turned(x):
    """Columns 2i and 2i + 1 turn by position · 10000^(−i/(d/2 − 1)); the last of an odd number stays."""
    half = x.shape[3] // 2
    at, column = torch.arange(x.shape[2]).double()[:, None], torch.arange(half).double()
    angles = at * 10000 ** (-column / max(1, half - 1))
    cos, sin = angles.cos().to(x), angles.sin().to(x)
    first, second = x[..., 0 : 2 * half : 2], x[..., 1 : 2 * half : 2]
    turned = torch.stack([first * cos - second * sin, second * cos + first * sin], -1).flatten(-2)
    return torch.cat([turned, x[..., 2 * half :]], -1)


def mamba2(q, k, v, real, o, p):
    delta = o.gates["delta"]
    decay = -p.A_log.exp()[:, None] * delta
    return scan(q, k, without(delta[..., None] * v, real[:, None]), real, decay) + p.D[:, None, None] * v


def log_linear(q, k, v, real, o, p):
    """The pairs of the recurrence, which unit vectors for values bring out, each weighed by the level of its bucket."""
    length, gates = q.shape[2], o.gates
    at = torch.arange(length, device=q.device)
    # Binary digits up to the highest in which query and key differ.
    digits = torch.frexp((at[:, None] ^ at).double()).exponent.long()
    index = digits.clamp(max=o.levels - 1).expand(*q.shape[:2], -1, -1)
    weights = gates["lambda"].gather(3, index)
    vectors = torch.eye(length, device=q.device, dtype=q.dtype).expand(*q.shape[:2], -1, -1)
    if o.base == "mamba2":
        delta = gates["delta"]
        pairs = scan(q, k, vectors, real, -p.A_log.exp()[:, None] * delta)
        return (weights * pairs) @ without(delta[..., None] * v, real[:, None]) + p.D[:, None, None] * v
    pairs = scan(scaled(unit(q)), unit(k), vectors, real, gates["logDecay"], gates["beta"])
    return (weights * pairs) @ v


VARIANTS = {
    "full": full,
    "longformer": longformer,
    "bigbird": bigbird,
    "sparse-transformer": sparse_transformer,
    "linformer": linformer,
    "nystromformer": nystromformer,
    "performer": performer,
    "linear-transformer": linear_transformer,
    "reformer": reformer,
    "local-attention": local_attention,
    "transformer-xl": transformer_xl,
    "deltanet": deltanet,
    "retnet": retnet,
    "gla": gla,
    "hgrn2": hgrn2,
    "lightning": lightning,
    "mamba2": mamba2,
    "gated-deltanet": gated_deltanet,
    "kda": gated_deltanet,
    "log-linear": log_linear,
    "light-conv": light_conv,
    "dynamic-conv": dynamic_conv,
}
