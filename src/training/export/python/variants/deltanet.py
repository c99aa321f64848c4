from ..scan import scaled, scan, unit


def deltanet(q, k, v, real, o, p):
    return scan(scaled(unit(q)), unit(k), v, real, beta=o.gates["beta"])
