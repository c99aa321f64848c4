from ..scan import scaled, scan


def gla(q, k, v, real, o, p):
    return scan(scaled(q), k, v, real, o.gates["logDecay"])
