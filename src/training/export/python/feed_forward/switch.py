from .mixture import mixture


def switch(x, real, o, p):
    return mixture(x, real, o, p, 1, lambda chosen: chosen)
