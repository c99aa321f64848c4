"""
The process of a Python peer, `serve.py NAME THREADS`: answers the requests of bench/peers/protocol.ts, a JSON object a
line, until stdin ends. NAME is pytorch, transformers or fla.
"""

import base64
import json
import os
import sys
import time

MARK = "@peer "
WARM_RUNS = 3
WARM_SECONDS = 0.3

# What libraries print must not come between the answers.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


class Peer:
    def __init__(self, name, threads):
        self.name, self.threads = name, threads
        self.contestants, self.prepared = {}, {}

    def hello(self, _request):
        import torch

        torch.set_num_threads(self.threads)
        torch.set_num_interop_threads(1)
        if self.name == "pytorch":
            import torch_peer as peer
        elif self.name == "transformers":
            import transformers_peer as peer
        elif self.name == "fla":
            import fla_peer as peer
        else:
            raise ValueError(f"no Python peer is called '{self.name}'")
        self.contestants = {each["name"]: each for each in peer.contestants}
        described = [{key: each[key] for key in each if key != "prepare"} for each in peer.contestants]
        hello = {"versions": peer.versions(), "threads": torch.get_num_threads(), "contestants": described}
        # Those that this version of the library does not have, with the reason.
        return {"hello": {**hello, "absent": getattr(peer, "absent", [])}}

    def prepare(self, request):
        name = request["contestant"]
        self.prepared.pop(name, None)
        fresh = self.contestants[name]["prepare"](request["task"], request["check"])
        self.prepared[name] = fresh
        best, total = float("inf"), 0.0
        for _ in range(WARM_RUNS):
            seconds = timed(fresh, 1)
            best, total = min(best, seconds), total + seconds
            if total >= WARM_SECONDS:
                break
        return {"milliseconds": 1000 * best}

    def measure(self, request):
        return {"milliseconds": 1000 * timed(self.prepared[request["contestant"]], request["repeats"])}

    def results(self, request):
        arrays = self.prepared[request["contestant"]].results()
        encoded = {name: base64.b64encode(array.numpy().tobytes()).decode() for name, array in arrays.items()}
        return {"results": encoded}

    def release(self, request):
        self.prepared.pop(request["contestant"], None)
        return {}


def timed(prepared, repeats):
    """Mean seconds of a run."""
    start = time.perf_counter()
    for _ in range(repeats):
        prepared.run()
    return (time.perf_counter() - start) / repeats


def main():
    peer = Peer(sys.argv[1], int(sys.argv[2]))
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"ok": True, **getattr(peer, request["do"])(request)}
        except Exception as error:  # whatever it is, it is an answer
            unable = type(error).__name__ == "Unable"
            text = str(error) if unable else f"{type(error).__name__}: {error}"
            answer = {"ok": False, "error": text, "unable": unable}
        answers.write(f"{MARK}{json.dumps(answer)}\n")
        answers.flush()


main()
