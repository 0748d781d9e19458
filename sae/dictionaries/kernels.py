"""The parts of a sparse training step that PyTorch has no fast form for, compiled by Numba.

All let go of the interpreter. Shapes are trusted: callers check them.
"""

from __future__ import annotations

import numpy as np

from sae.compiling import compiler

# Sums may be taken in another order, which vector instructions need; NaN and infinity stay.
compiled = compiler(fastmath={"reassoc", "contract", "nsz", "arcp"})


@compiled
def find_above(values, least, place, found):  # type: ignore[no-untyped-def]
    """Where ``values`` float32 [n] exceed ``least``: places int32 and values, in order.

    They are written to the front of ``place`` and ``found`` [n]; returns how many there are.
    """
    count = 0
    for n in range(len(values)):
        # Written always and kept if it counts: cheaper than a branch that cannot be foretold.
        place[count] = n
        found[count] = values[n]
        count += values[n] > least
    return count


@compiled
def add_gradients(  # type: ignore[no-untyped-def]
    centred, start, active, value, norm, encoder, decoder, error, fired, to_decoder, gradients
):
    """Reconstruct a batch from its active features, and add the gradients of the squared error.

    centred: float32 [B, d], activations less the decoder's bias. start: int64 [B + 1], where each
    row's active features begin among all n. active: int32 [n], which they are. value: float32 [n],
    their pre-activations times the length of their decoder. norm: float32 [F], those lengths.
    encoder, decoder: float32 [F, d]. error: float32 [B, d], set to the reconstruction less the
    activations. fired: bool [F], set where a feature is active. to_decoder: whether the decoder has
    gradients. gradients: of the loss, the squared error summed over d in the mean over rows, by the
    decoder's bias where it is added after decoding, the encoder's bias, the encoder and the
    decoder.
    """
    by_bias, by_threshold, by_encoder, by_decoder = gradients
    width = centred.shape[1]
    scale = np.float32(2.0 / len(centred))
    slope = np.empty(width, dtype=np.float32)
    for row in range(len(centred)):
        for c in range(width):
            error[row, c] = -centred[row, c]
        for n in range(start[row], start[row + 1]):
            feature = np.uint32(active[n])
            fired[feature] = True
            raw = value[n] / norm[feature]
            for c in range(width):
                error[row, c] += raw * decoder[feature, c]
        for c in range(width):
            slope[c] = scale * error[row, c]
            by_bias[c] += slope[c]
        for n in range(start[row], start[row + 1]):
            feature = np.uint32(active[n])
            raw = value[n] / norm[feature]
            by_raw = np.float32(0.0)
            for c in range(width):
                by_raw += slope[c] * decoder[feature, c]
            by_threshold[feature] += by_raw
            for c in range(width):
                by_encoder[feature, c] += by_raw * centred[row, c]
            for c in range(width if to_decoder else 0):
                by_decoder[feature, c] += raw * slope[c]


@compiled
def adam(weights, gradient, mean, square, most, rate, beta1, beta2, epsilon, step):  # type: ignore[no-untyped-def]
    """One step of Adam on flat float32 arrays, of gradients scaled to a norm of ``most`` at most.

    step: from 1. The gradient is set to 0.
    """
    total = np.float32(0.0)
    for n in range(len(weights)):
        total += gradient[n] * gradient[n]
    clip = np.float32(min(1.0, most / (np.sqrt(total) + 1e-6)))
    pace = np.float32(rate / (1.0 - beta1**step))
    spread = np.float32(1.0 / np.sqrt(1.0 - beta2**step))
    keep1, add1 = np.float32(beta1), np.float32(1.0 - beta1)
    keep2, add2 = np.float32(beta2), np.float32(1.0 - beta2)
    least = np.float32(epsilon)
    for n in range(len(weights)):
        g = clip * gradient[n]
        mean[n] = keep1 * mean[n] + add1 * g
        square[n] = keep2 * square[n] + add2 * g * g
        weights[n] -= pace * mean[n] / (np.sqrt(square[n]) * spread + least)
        gradient[n] = np.float32(0.0)
