"""Quizzes as F. Fleuret's code of August 2024 draws them, a cell at a time: the eight tasks that
the published agents learned, in code that shares nothing with the generators.

A drawer is given a ``random.Random`` and returns A, f(A), B, f(B), each a list of ten rows.
"""

SIDE = 10


def cells(r):
    return [(i, j) for i in range(r[0], r[2]) for j in range(r[1], r[3])]


def rim(r):
    return [(i, j) for i, j in cells(r) if i in (r[0], r[2] - 1) or j in (r[1], r[3] - 1)]


def rectangle(rng):
    """Sides of three at least, half of the grid at most."""
    while True:
        (i1, i2), (j1, j2) = (sorted(rng.randrange(SIDE) for _ in "ab") for _ in "ij")
        r = i1, j1, i2 + 1, j2 + 1
        high, wide = r[2] - r[0], r[3] - r[1]
        if high >= 3 and wide >= 3 and 2 * high * wide <= SIDE * SIDE:
            return r


def three(rng):
    """Three rectangles, none over another."""
    while True:
        rs = [rectangle(rng) for _ in range(3)]
        covered = [cell for r in rs for cell in cells(r)]
        if len(covered) == len(set(covered)):
            return rs


def draw(*layers):
    grid = [[0] * SIDE for _ in range(SIDE)]
    for where, colour in layers:
        for i, j in where:
            grid[i][j] = colour
    return grid


def solid(rs, c):
    return [(cells(r), c[k]) for k, r in enumerate(rs)]


def palette(rng, count):
    return rng.sample(range(1, 11), count)


def both(pair):
    return [*pair(), *pair()]


def replace_color(rng):
    c = palette(rng, 4)

    def pair():
        rs = three(rng)
        return draw(*solid(rs, c)), draw(*solid(rs, [c[3], c[1], c[2]]))

    return both(pair)


def translate(rng):
    c, (di, dj) = palette(rng, 3), (0, 0)
    while not (di or dj):
        di, dj = rng.randrange(3) - 1, rng.randrange(3) - 1

    def pair():
        while True:
            rs = three(rng)
            i1, j1, i2, j2 = rs[2]
            if i1 + di >= 0 and j1 + dj >= 0 and i2 + di < SIDE and j2 + dj < SIDE:
                break
        moved = [(i + di, j + dj) for i, j in cells(rs[2])]
        return draw(*solid(rs, c)), draw(*solid(rs[:2], c), (moved, c[2]))

    return both(pair)


def grow(rng):
    c, shrinks = palette(rng, 3), rng.randrange(2)

    def pair():
        while True:
            rs = three(rng)
            if rs[2][2] - rs[2][0] > 3 and rs[2][3] - rs[2][1] > 3:
                break
        inner = [cell for cell in cells(rs[2]) if cell not in rim(rs[2])]
        small = draw(*solid(rs[:2], c), (inner, c[2]))
        large = draw(*solid(rs, c))
        return (large, small) if shrinks else (small, large)

    return both(pair)


def half_fill(rng):
    c, towards = palette(rng, 6), rng.randrange(4)
    axis, ahead = towards // 2, towards % 2 == 0

    def pair():
        rs = three(rng)
        middle = [(r[axis] + r[axis + 2] - (not ahead)) // 2 for r in rs]
        bodies = [(cells(r), c[2 * k]) for k, r in enumerate(rs)]
        lines = [
            ([cell for cell in cells(r) if cell[axis] == middle[k]], c[2 * k + 1])
            for k, r in enumerate(rs)
        ]
        half = [
            cell
            for cell in cells(rs[2])
            if (cell[axis] >= middle[2] if ahead else cell[axis] <= middle[2])
        ]
        return draw(*bodies, *lines), draw(*bodies, *lines, (half, c[5]))

    return both(pair)


def frame(rng):
    c = palette(rng, 3)

    def pair():
        rs = three(rng)
        return draw(*solid(rs, c)), draw(*solid(rs[:2], c), (rim(rs[2]), c[2]))

    return both(pair)


def detect(rng):
    c = palette(rng, 4)

    def pair():
        rs = three(rng)
        marks = [(r[0] + i, r[1] + j) for r in rs[:2] for i, j in ((0, 0), (1, 0), (0, 1))]
        return draw(*solid(rs, c)), draw(*solid(rs, c), (marks, c[3]))

    return both(pair)


def corners(rng):
    c, rising = palette(rng, 3), rng.randrange(2)

    def ells(r):
        i1, j1, i2, j2 = r[0], r[1], r[2] - 1, r[3] - 1
        if rising:
            return [(i1, j2), (i1 + 1, j2), (i1, j2 - 1), (i2, j1), (i2 - 1, j1), (i2, j1 + 1)]
        return [(i1, j1), (i1 + 1, j1), (i1, j1 + 1), (i2, j2), (i2 - 1, j2), (i2, j2 - 1)]

    def pair():
        rs = three(rng)
        return draw(*((ells(r), c[k]) for k, r in enumerate(rs))), draw(*solid(rs, c))

    return both(pair)


def contact(rng):
    c = palette(rng, 3)

    def beside(one, other):
        sides = ((0, 1), (1, 0), (0, -1), (-1, 0))
        near = {(i + p, j + q) for i, j in cells(one) for p, q in sides}
        return bool(near & set(cells(other)))

    def pair():
        while True:
            rs = three(rng)
            touching = [r for r in rs[1:] if beside(rs[0], r)]
            if touching:
                break
        return draw(*solid(rs, c)), draw(*solid(rs, c), *((rim(r), c[0]) for r in touching))

    return both(pair)


DRAWERS = {
    "replace_color": replace_color,
    "translate_over": translate,
    "grow_large": grow,
    "half_fill": half_fill,
    "frame": frame,
    "detect_ell": detect,
    "corners": corners,
    "contact": contact,
}
"""By the name that the task has here."""
