from ..attention import attend, grid, visible


def local_attention(q, k, v, real, o, p):
    i, j = grid(q)
    near = (i // o.chunkLength - j // o.chunkLength).abs() <= 1
    return attend(q, k, v, visible(q, real, o) & near)
