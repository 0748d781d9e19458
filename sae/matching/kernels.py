"""Loops over sparse codes that SciPy has no fast form for, compiled by Numba.

Codes come as the three arrays of a CSR matrix: ``*_start`` int32 or int64 [n + 1], ``*_feature``
int32 or int64 [nnz] and ``*_value`` float32 or float64 [nnz]. All let go of the interpreter, so
threads run them side by side. Indices are trusted: callers check shapes.
"""

from __future__ import annotations

import numpy as np

from sae.compiling import compiler

compiled = compiler()


@compiled
def add_products(x_start, x_feature, x_value, y_start, y_feature, y_value, total):  # type: ignore[no-untyped-def]
    """Add to total float64 [Fx, Fy] the sum over rows of x times y.

    Rows are read in order and the total stays in the processor's cache if it is small enough:
    a product then costs about one addition in it.
    """
    for row in range(len(x_start) - 1):
        first, last = y_start[row], y_start[row + 1]
        for p in range(x_start[row], x_start[row + 1]):
            value = np.float64(x_value[p])
            sums = total[x_feature[p]]
            for q in range(first, last):
                sums[np.uint32(y_feature[q])] += value * y_value[q]


@compiled
def add_pairs(  # type: ignore[no-untyped-def]
    x_start, x_feature, x_value, y_start, y_feature, y_value, match, group, features_y, total
):
    """Add to total float64 [G, Fx], at each row's group, x times its matched feature of y.

    match: int64 [Fx], -1 for none. group: int64 [n]. features_y: Fy.
    """
    row_y = np.zeros(features_y)
    for row in range(len(x_start) - 1):
        for q in range(y_start[row], y_start[row + 1]):
            row_y[y_feature[q]] = y_value[q]
        sums = total[group[row]]
        for p in range(x_start[row], x_start[row + 1]):
            feature = x_feature[p]
            if match[feature] >= 0:
                sums[feature] += np.float64(x_value[p]) * row_y[match[feature]]
        for q in range(y_start[row], y_start[row + 1]):
            row_y[y_feature[q]] = 0.0


@compiled
def add_moments(start, feature, value, group, total, squares):  # type: ignore[no-untyped-def]
    """Add to total and squares, float64 [G, F], at each row's group, values and their squares."""
    for row in range(len(start) - 1):
        sums, sums_of_squares = total[group[row]], squares[group[row]]
        for p in range(start[row], start[row + 1]):
            v = np.float64(value[p])
            sums[feature[p]] += v
            sums_of_squares[feature[p]] += v * v


@compiled
def best_of_tile(  # type: ignore[no-untyped-def]
    products, tokens, mean_x, scale_x, mean_y, scale_y, first_x, first_y, rows, columns
):
    """Fold the correlations of a tile of features into the best ones found so far.

    products: float64 [w, v], sums of products of x's features from ``first_x`` on and y's from
    ``first_y`` on. scale: 1 / standard deviation. rows: (feature, r, second feature, second r)
    of each feature of x; columns: the same of each of y.
    """
    best, best_r, second, second_r = rows
    best_y, best_y_r, second_y, second_y_r = columns
    for i in range(products.shape[0]):
        a = first_x + i
        for j in range(products.shape[1]):
            b = first_y + j
            r = (products[i, j] / tokens - mean_x[a] * mean_y[b]) * scale_x[a] * scale_y[b]
            if r > best_r[a]:
                second[a], second_r[a] = best[a], best_r[a]
                best[a], best_r[a] = b, r
            elif r > second_r[a]:
                second[a], second_r[a] = b, r
            if r > best_y_r[b]:
                second_y[b], second_y_r[b] = best_y[b], best_y_r[b]
                best_y[b], best_y_r[b] = a, r
            elif r > second_y_r[b]:
                second_y[b], second_y_r[b] = a, r
