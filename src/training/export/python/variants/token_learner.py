import torch
import torch.nn.functional as F


def token_learner(q, k, v, real, o, p):
    # A = softmax over tokens of W_2ᵀ GELU(X W_1 + b_1)ᵀ                                        (Ryoo et al. 2021)
    seen = real[:, None, None]
    # Rows of padding, which may hold anything, are multiplied by weights of 0.
    q = q.masked_fill(~real[:, None, :, None], 0)
    scores = p.W_2 @ F.gelu(q @ p.W_1 + p.b_1, approximate="tanh").mT
    A = torch.softmax(scores.masked_fill(~seen, torch.finfo(q.dtype).min), -1) * seen
    Y = A @ v
    if o.attends:
        Y = torch.softmax(A @ q @ (A @ k).mT / q.shape[-1] ** 0.5, -1) @ Y
    return torch.sigmoid(q @ p.W_B + p.b_B) @ (p.M @ Y)
