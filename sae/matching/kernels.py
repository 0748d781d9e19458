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
def add_residual_products(  # type: ignore[no-untyped-def]
    x_start, x_feature, x_value, y_start, y_feature, y_value, match, order, first, group,
    total, sums, squares_x, squares_y,
):  # fmt: skip
    """Add products of what is left of x and of its match in y when each stratum's mean is out.

    order: int64 [n], the rows by stratum; first: int64 [S + 1], where strata begin in it. group:
    int64 [n]. total: float64 [Fx]. sums: float64 [G, Fx], at each row's group, times
    sqrt(n / (n - 1)) for a stratum of n. squares_x, squares_y: float64 [Fx], [Fy], of what is left.
    Nothing that is left is ever formed: it would be dense.
    """
    mean_x, mean_y = np.zeros(len(squares_x)), np.zeros(len(squares_y))
    row_x, row_y = np.zeros(len(squares_x)), np.zeros(len(squares_y))
    in_x, in_y = np.zeros(len(squares_x), np.bool_), np.zeros(len(squares_y), np.bool_)
    held_x, held_y = np.empty(len(squares_x), np.int64), np.empty(len(squares_y), np.int64)
    for stratum in range(len(first) - 1):
        rows = order[first[stratum] : first[stratum + 1]]
        if len(rows) < 2:
            continue
        count_x = add_stratum(rows, x_start, x_feature, x_value, mean_x, squares_x, in_x, held_x)
        count_y = add_stratum(rows, y_start, y_feature, y_value, mean_y, squares_y, in_y, held_y)
        pairs = pairs_first(held_x, count_x, match, in_y)
        spread = np.sqrt(len(rows) / (len(rows) - 1.0))
        for row in rows:
            spread_out(row, x_start, x_feature, x_value, row_x)
            spread_out(row, y_start, y_feature, y_value, row_y)
            of_group = sums[group[row]]
            for k in range(pairs):
                a = held_x[k]
                b = match[a]
                left = (row_x[a] - mean_x[a]) * (row_y[b] - mean_y[b])
                total[a] += left
                of_group[a] += spread * left
            for p in range(x_start[row], x_start[row + 1]):
                row_x[x_feature[p]] = 0.0
            for q in range(y_start[row], y_start[row + 1]):
                row_y[y_feature[q]] = 0.0
        forget(held_x, count_x, mean_x, in_x)
        forget(held_y, count_y, mean_y, in_y)


@compiled
def spread_out(row, start, feature, value, dense):  # type: ignore[no-untyped-def]
    """Write the values of a row into a dense one."""
    for p in range(start[row], start[row + 1]):
        dense[feature[p]] = value[p]


@compiled
def pairs_first(held, count, match, inside):  # type: ignore[no-untyped-def]
    """Bring features whose match is inside to the front, so that the rest is not looked at row by
    row; returns how many they are."""
    pairs = 0
    for k in range(count):
        other = match[held[k]]
        if other >= 0 and inside[other]:
            held[pairs], held[k] = held[k], held[pairs]
            pairs += 1
    return pairs


@compiled
def forget(held, count, mean, inside):  # type: ignore[no-untyped-def]
    """Zeros again where a stratum left something."""
    for k in range(count):
        mean[held[k]], inside[held[k]] = 0.0, False


@compiled
def add_stratum(rows, start, feature, value, mean, squares, inside, held):  # type: ignore[no-untyped-def]
    """Means of the features that fire in a stratum, which features these are, and how many.

    mean, inside: of all features, zeros before. held: int64, filled from the front. squares: sums
    of squares about the mean are added.
    """
    count = 0
    for row in rows:
        for p in range(start[row], start[row + 1]):
            f, v = feature[p], np.float64(value[p])
            if not inside[f]:
                inside[f] = True
                held[count] = f
                count += 1
            mean[f] += v
            squares[f] += v * v
    for k in range(count):
        exact = mean[held[k]] / len(rows)
        squares[held[k]] -= len(rows) * exact**2
        # In the precision of codes, so that a feature that its stratum determines leaves nothing.
        mean[held[k]] = np.float64(np.float32(exact))
    return count


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
