from ..attention import attend, visible


def full(q, k, v, real, o, p):
    return attend(q, k, v, visible(q, real, o))
