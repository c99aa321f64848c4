from ..model import without
from ..scan import scan


def hgrn2(q, k, v, real, o, p):
    log_sigma, bound = o.gates["logForget"], o.lowerBound
    log_forget = (bound + (1 - bound) * log_sigma.exp()).log() if bound else log_sigma
    return scan(q, without(1 - log_forget.exp(), real[:, None]), v, real, log_forget)
