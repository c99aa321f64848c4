from ..scan import scan, scaled, unit


def kda(q, k, v, real, o, p):
    """As Gated DeltaNet, with a decay for each channel."""
    return scan(scaled(unit(q)), unit(k), v, real, o.gates["logDecay"], o.gates["beta"])
