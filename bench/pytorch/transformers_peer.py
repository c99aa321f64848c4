"""
Hugging Face's attention of Longformer, BigBird, Reformer and Nyströmformer. Measured is the attention alone: in place of
the projections stand the queries, keys and values that everyone has. The options are those of
bench/peers/variant-options.ts, dropout is 0. Runs with transformers 4.57 and 5. Its recurrences are in
transformers_recurrences.py.
"""

import logging
import platform

import torch
import transformers
from inputs import draw
from torch_peer import Attention, Unable, contestant
from transformers.models.big_bird.modeling_big_bird import BigBirdBlockSparseAttention, BigBirdModel
from transformers.models.longformer.modeling_longformer import LongformerSelfAttention
from transformers.models.nystromformer.modeling_nystromformer import NystromformerSelfAttention
from transformers.models.reformer.modeling_reformer import LSHSelfAttention
from transformers_recurrences import absent  # noqa: F401, read by serve.py
from transformers_recurrences import contestants as recurrences

logging.disable(logging.WARNING)

WINDOW = 512
BLOCK, RANDOM_BLOCKS = 64, 3
CHUNK, HASHES = 64, 4
LANDMARKS = 64
SEED = 1


def versions():
    return {"transformers": transformers.__version__, "torch": torch.__version__, "python": platform.python_version()}


class Given(torch.nn.Module):
    """Stands where a projection was: gives what it was given."""

    def forward(self, _hidden):
        return self.numbers


def merged(x):
    """[heads, length, headDim] as a model has it: [1, length, heads * headDim]."""
    return x.transpose(0, 1).reshape(1, x.shape[1], -1)


def split(x, heads):
    """The way back."""
    return x.reshape(x.shape[1], heads, -1).transpose(0, 1)


class Layer:
    """A model's attention as a function of queries, keys and values."""

    def __init__(self, task, layer, given, run):
        self.heads = task["heads"]
        self.layer = layer.train()
        self.hidden = torch.zeros(1, task["length"], task["heads"] * task["headDim"])
        self.given = {part: Given() for part in given}
        for part, module in self.given.items():
            setattr(layer, part, module)
        self.run = run

    def __call__(self, queries, keys, values):
        for part, numbers in zip(self.given, (queries, values) if len(self.given) == 2 else (queries, keys, values)):
            self.given[part].numbers = merged(numbers)
        return split(self.run(self.layer, self.hidden), self.heads)


def sizes(task):
    width = task["heads"] * task["headDim"]
    return {"hidden_size": width, "num_attention_heads": task["heads"], "attention_probs_dropout_prob": 0.0}


def longformer(task, _check):
    if task["length"] % WINDOW != 0:
        raise Unable(f"its length must be a multiple of the window, {WINDOW}")
    layer = LongformerSelfAttention(transformers.LongformerConfig(attention_window=[WINDOW], **sizes(task)), 0)
    nothing = torch.zeros(1, task["length"])

    def run(layer, hidden):
        # It has the length in front, and divides the queries in place.
        for part in (layer.query, layer.key, layer.value):
            part.numbers = part.numbers.transpose(0, 1) * 1.0
        # By name: version 4 has one argument more in between.
        marks = {"is_index_masked": nothing.bool(), "is_index_global_attn": nothing.bool(), "is_global_attn": False}
        return layer(hidden, attention_mask=nothing, **marks)[0]

    return Attention(task, Layer(task, layer, ["query", "key", "value"], run))


def bigbird(task, check):
    blocks = task["length"] // BLOCK
    if blocks <= 5 + 2 * RANDOM_BLOCKS:
        raise Unable(f"its block-sparse form needs more than {(5 + 2 * RANDOM_BLOCKS) * BLOCK} tokens")
    config = transformers.BigBirdConfig(block_size=BLOCK, num_random_blocks=RANDOM_BLOCKS, **sizes(task))
    layer = BigBirdBlockSparseAttention(config, seed=SEED)
    names = ["from_blocked_mask", "band_mask", "from_mask", "to_mask"]
    masks = dict(zip(names, BigBirdModel.create_masks_for_block_sparse_attn(torch.ones(1, task["length"]), BLOCK)))
    masks["to_blocked_mask"] = masks["from_blocked_mask"]
    # In training: elsewhere it takes block 0 for every random block. For 1024, 3072 and 4096 tokens it has plans of its
    # own that may draw a block that is there already: as many products as otherwise, but that block counts twice.
    attend = Layer(task, layer, ["query", "key", "value"], lambda layer, hidden: layer(hidden, **masks)[0])
    return OnItsPattern(task, attend) if check else Attention(task, attend)


def reformer(task, check):
    config = transformers.ReformerConfig(
        hidden_size=task["heads"] * task["headDim"],
        num_attention_heads=task["heads"],
        attention_head_size=task["headDim"],
        lsh_attn_chunk_length=CHUNK,
        lsh_attention_probs_dropout_prob=0.0,
        # One round has a pattern that can be looked at; several are a mixture.
        num_hashes=1 if check else HASHES,
        hash_seed=SEED,
        is_decoder=True,
    )
    layer = LSHSelfAttention(config)
    attend = Layer(task, layer, ["query_key", "value"], lambda layer, hidden: layer(hidden).hidden_states)
    return OnItsPattern(task, attend) if check else Attention(task, attend)


def nystromformer(task, _check):
    if task["length"] % LANDMARKS != 0:
        raise Unable(f"its length must be a multiple of the landmarks, {LANDMARKS}")
    config = transformers.NystromformerConfig(
        num_landmarks=LANDMARKS, segment_means_seq_len=task["length"], **sizes(task)
    )
    layer = NystromformerSelfAttention(config)
    # Without the convolution, which ours leaves out by default; the configuration takes no null.
    layer.conv_kernel_size = None
    return Attention(task, Layer(task, layer, ["query", "key", "value"], lambda layer, hidden: layer(hidden)[0]))


class OnItsPattern(Attention):
    """For a pattern that others cannot draw again: results tell also the weights, [heads, length, length]."""

    def results(self):
        queries, keys, _ = (each.detach() for each in self.inputs.values())
        heads, length, width = queries.shape
        # The output is linear in the values: rows of the identity in their place give columns of the weights.
        columns = []
        for identity in torch.eye(length).split(width, dim=1):
            padded = torch.nn.functional.pad(identity, (0, width - identity.shape[1]))
            with torch.no_grad():
                columns.append(self.attend(queries, keys, padded.expand(heads, -1, -1)))
        return {**super().results(), "weights": torch.cat(columns, dim=2)[:, :, :length].contiguous()}


contestants = [
    contestant(name, "attention", name, True, prepare)
    for name, prepare in [
        ("longformer", longformer),
        ("bigbird", bigbird),
        ("reformer", reformer),
        ("nystromformer", nystromformer),
    ]
] + recurrences
