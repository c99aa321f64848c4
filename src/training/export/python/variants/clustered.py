import math

import torch
import torch.nn.functional as F

from ..attention import softmax
from ..choice import best


def hamming_clusters(q, R, real, count, iterations):
    """The cluster of each query, by Lloyd's algorithm on signs of projections; padding goes to the nearest."""
    signs = (2.0 * (q.detach().double() @ R.double() > 0)) - 1
    clusters = torch.zeros(q.shape[:3], dtype=torch.long, device=q.device)
    for b, own in enumerate(signs):
        places = real[b].nonzero()[:, 0]
        n, filled = len(places), min(count, len(places))
        if n == 0:
            continue
        centroids = own[:, places[torch.arange(filled, device=q.device) * n // filled]]
        for step in range(iterations):
            nearest = (own @ centroids.mT).argmax(-1)
            members = F.one_hot(nearest[:, places], filled).to(own)
            most = 2.0 * (members.mT @ own[:, places] > 0) - 1
            if step + 1 < iterations:
                centroids = torch.where(members.sum(1)[..., None] > 0, most, centroids)
        if n <= count:
            nearest[:, places] = torch.arange(n, device=q.device)
        clusters[b] = nearest
    return clusters


def clustered(q, k, v, real, o, p):
    count, visible = min(o.numClusters, q.shape[2]), real[:, None, None]
    # Padding, which may hold anything, is multiplied by shares of 0.
    q = q.masked_fill(~real[:, None, :, None], 0)
    clusters = hamming_clusters(q, p.R, real, count, o.iterations)
    members = F.one_hot(clusters, count) * real[:, None, :, None]
    # Whole numbers divide to float32, whatever the model's type.
    shares = (members.double() / members.sum(2, keepdim=True).clamp(min=1)).mT
    # The means of clusters, and their weights                                              (Vyas et al. 2020, eqs. 3, 4)
    centroids = shares.to(q) @ q
    weights = softmax(centroids @ k.mT / math.sqrt(q.shape[-1]), visible)
    scores = shares @ q.detach().double() @ k.detach().double().mT
    taken = best(scores, visible.expand_as(scores), o.topKeys)
    # The weight of the top keys of its cluster, shared out by each query anew                               (eqs. 9, 10)
    own = clusters[..., None].expand(-1, -1, -1, k.shape[2])
    mass = (weights * taken).sum(-1).gather(2, clusters)[..., None]
    taken, weights = taken.gather(2, own), weights.gather(2, own)
    again = softmax(q @ k.mT / math.sqrt(q.shape[-1]), taken)
    return torch.where(taken, mass * again, weights) @ v
