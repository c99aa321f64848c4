from ..attention import attend
from ..segments import means, segments


def linformer(q, k, v, real, o, p):
    count = o.projectedLength

    def dense(kernel):  # [heads or 1, 1, longest] along every segment
        inside, place = segments(q.shape[2], count, q.device)
        return kernel[:, 0][:, place.clamp(0, kernel.shape[2] - 1)] * inside

    E = means(real, count, q) if o.projection == "mean-pool" else p.E
    G = getattr(p, "F", E)
    if o.projection == "convolution":
        E, G = dense(E), dense(G)
    if o.projection == "learned":
        seen = real.any(1)[:, None, None, None].expand(-1, 1, 1, count)
    else:
        seen = (means(real, count, q).sum(-1) > 0)[:, :, None]
    return attend(q, E @ k, G @ v, seen)
