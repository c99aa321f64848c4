"""Go on training an exported model of bytes in several processes, on one machine or on many.

    torchrun --nproc_per_node 2 docs/examples/train_distributed.py EXPORTED --text FILE --out TRAINED

It is PyTorch's DistributedDataParallel and nothing else: every process has the model and draws sequences of its own,
and gradients are averaged. Here the processes talk by gloo, which needs no graphics cards; with them it is nccl, and the
model and the sequences go to the process's own, `cuda:$LOCAL_RANK`.
"""

import argparse
import importlib.util
import json
from pathlib import Path

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch.nn.parallel import DistributedDataParallel


def load(folder):
    """The model, by transformers or by the loader that lies beside it, and its length."""
    config = json.loads(Path(folder, "config.json").read_text())
    if config["model_type"] != "efficient-transformer":
        from transformers import AutoModelForCausalLM

        length = config.get("n_positions") or config["max_position_embeddings"]
        return AutoModelForCausalLM.from_pretrained(folder), length
    spec = importlib.util.spec_from_file_location("modeling_efficient", Path(folder, "modeling_efficient.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.EfficientTransformer.from_pretrained(folder), config["length"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="EXPORTED")
    parser.add_argument("--text", required=True, help="a file, whose bytes are predicted")
    parser.add_argument("--out", help="a folder for the trained model")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--batch", type=int, default=8, help="sequences of each process in a step")
    parser.add_argument("--rate", type=float, default=1e-3)
    arguments = parser.parse_args()

    dist.init_process_group("gloo")
    rank, processes = dist.get_rank(), dist.get_world_size()
    torch.set_num_threads(1)
    model, length = load(arguments.folder)
    parallel = DistributedDataParallel(model.train())
    optimizer = torch.optim.AdamW(parallel.parameters(), lr=arguments.rate)
    text = torch.frombuffer(bytearray(Path(arguments.text).read_bytes()), dtype=torch.uint8).long()
    # Not the same sequences in every process.
    random = torch.Generator().manual_seed(rank)

    for step in range(1, arguments.steps + 1):
        starts = torch.randint(len(text) - length, (arguments.batch,), generator=random)
        sequences = text[starts[:, None] + torch.arange(length + 1)]
        answer = parallel(sequences[:, :-1])
        logits = getattr(answer, "logits", answer)
        loss = F.cross_entropy(logits.flatten(0, 1), sequences[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parallel.parameters(), 1.0)
        optimizer.step()
        if step == 1 or step % 20 == 0:
            mean = loss.detach() / processes
            dist.all_reduce(mean)
            if rank == 0:
                print(f"step {step:4d}  loss {mean:.3f}  ({processes} processes)", flush=True)

    if rank == 0 and arguments.out:
        model.save_pretrained(arguments.out)
    # Nobody leaves while another still writes.
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
