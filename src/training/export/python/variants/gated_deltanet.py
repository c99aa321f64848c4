from ..scan import scaled, scan, unit


def gated_deltanet(q, k, v, real, o, p):
    return scan(scaled(unit(q)), unit(k), v, real, o.gates["logDecay"], o.gates["beta"])
