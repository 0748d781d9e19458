"""The rules of every task once more, cell by cell, in code that shares nothing with the generators.

A rule of ``RULES`` is given what draws grids, a scene's rectangles and its colours 1, 2, 3 ...; it
yields (parameter, X, f(X)) for all that the task can show with these rectangles.
"""

import itertools
from functools import cache


@cache
def cells(r):
    return frozenset((i, j) for i in range(r[0], r[2]) for j in range(r[1], r[3]))


def border(r):
    return {(i, j) for i, j in cells(r) if i in (r[0], r[2] - 1) or j in (r[1], r[3] - 1)}


def neighbours(r):
    beside = {(i + d, j) for i, j in cells(r) for d in (-1, 1)}
    return beside | {(i, j + d) for i, j in cells(r) for d in (-1, 1)}


@cache
def scenes(height, width, count):
    """Every ordered choice of rectangles that do not overlap."""
    spans = [
        [(a, b) for a in range(size) for b in range(a + 3, size + 1)] for size in (height, width)
    ]
    single = [(i1, j1, i2, j2) for i1, i2 in spans[0] for j1, j2 in spans[1]]
    covered = {r: cells(r) for r in single}
    found = [()]
    for _ in range(count):
        found = [
            (*rs, r) for rs in found for r in single if not any(covered[r] & covered[o] for o in rs)
        ]
    return found


class Board:
    """Draws grids of one size as bytes, from (cells, colour) layers, later ones on top."""

    def __init__(self, height, width):
        self.height, self.width = height, width

    def __call__(self, *layers):
        grid = bytearray(self.height * self.width)
        for where, colour in layers:
            for i, j in where:
                grid[i * self.width + j] = colour
        return bytes(grid)

    def holds(self, where):
        return all(0 <= i < self.height and 0 <= j < self.width for i, j in where)


def scene(rs, c):
    return [(cells(r), c[k]) for k, r in enumerate(rs)]


def replace_color(draw, rs, c):
    yield "", draw(*scene(rs, c)), draw(*scene(rs, (c[-1], *c[1:])))


def translate(draw, rs, c):
    *others, last = rs
    for di, dj in itertools.product((-1, 0, 1), repeat=2):
        moved = {(i + di, j + dj) for i, j in cells(last)}
        clear = not any(moved & cells(r) for r in others)
        if (di or dj) and draw.holds(moved) and clear:
            yield (di, dj), draw(*scene(rs, c)), draw(*scene(others, c), (moved, c[len(others)]))


def grow(draw, rs, c):
    *others, last = rs
    small = draw(*scene(others, c), (cells(last) - border(last), c[len(others)]))
    large = draw(*scene(rs, c))
    yield "grows", small, large
    yield "shrinks", large, small


def half_fill(draw, rs, c):
    for towards in ("down", "up", "right", "left"):
        axis = 0 if towards in ("down", "up") else 1
        ahead = towards in ("down", "right")

        def middle(r, axis=axis, ahead=ahead):
            total = r[axis] + r[axis + 2]
            return total // 2 if ahead else (total - 1) // 2

        def line(r, axis=axis, middle=middle):
            return {cell for cell in cells(r) if cell[axis] == middle(r)}

        def filled(r, axis=axis, ahead=ahead, middle=middle):
            beyond = {cell for cell in cells(r) if (cell[axis] > middle(r)) == ahead}
            return beyond | {cell for cell in cells(r) if cell[axis] == middle(r)}

        bodies = [(cells(r), c[2 * k]) for k, r in enumerate(rs)]
        lines = [(line(r), c[2 * k + 1]) for k, r in enumerate(rs)]
        half = (filled(rs[-1]), c[2 * len(rs) - 1])
        yield towards, draw(*bodies, *lines), draw(*bodies, *lines, half)


def frame(draw, rs, c):
    *others, last = rs
    yield "", draw(*scene(rs, c)), draw(*scene(others, c), (border(last), c[len(others)]))


def detect(draw, rs, c):
    if len(rs) > 1:
        marks = {(r[0], r[1]) for r in rs[:-1]}
        yield "", draw(*scene(rs, c)), draw(*scene(rs, c), (marks, c[-1]))


def corners(draw, rs, c):
    def ells(r, falling):
        i1, j1, i2, j2 = r[0], r[1], r[2] - 1, r[3] - 1
        if falling:
            return {(i1, j1), (i1 + 1, j1), (i1, j1 + 1), (i2, j2), (i2 - 1, j2), (i2, j2 - 1)}
        return {(i1, j2), (i1 + 1, j2), (i1, j2 - 1), (i2, j1), (i2 - 1, j1), (i2, j1 + 1)}

    for falling in (True, False):
        parts = [(ells(r, falling), c[k]) for k, r in enumerate(rs)]
        yield falling, draw(*parts), draw(*scene(rs, c))


def contact(draw, rs, c):
    first, *others = rs
    touching = [r for r in others if cells(first) & neighbours(r)]
    if touching:
        rings = [(border(r), c[0]) for r in touching]
        yield "", draw(*scene(rs, c)), draw(*scene(rs, c), *rings)


@cache
def around(cell):
    i, j = cell
    return neighbours((i, j, i + 1, j + 1))


def everywhere(draw):
    return set(itertools.product(range(draw.height), range(draw.width)))


def isometries(height, width):
    """By name, where a cell goes."""
    bottom, right = height - 1, width - 1
    found = {
        "upside down": lambda i, j: (bottom - i, j),
        "mirrored": lambda i, j: (i, right - j),
        "half turn": lambda i, j: (bottom - i, right - j),
    }
    if height == width:
        found |= {
            "transposed": lambda i, j: (j, i),
            "along the other diagonal": lambda i, j: (right - j, bottom - i),
            "right turn": lambda i, j: (j, right - i),
            "left turn": lambda i, j: (bottom - j, i),
        }
    return found


def isometry(draw, rs, c):
    before = [cells(r) for r in rs]
    images = {
        name: [{move(i, j) for i, j in region} for region in before]
        for name, move in isometries(draw.height, draw.width).items()
    }
    if before in images.values():
        return
    for name, after in images.items():
        if not one_small_step(before, after):
            painted = [(region, c[k]) for k, region in enumerate(after)]
            yield name, draw(*scene(rs, c)), draw(*painted)


def one_small_step(before, after):
    """Whether a single region moves, by a cell, straight or diagonally."""
    moved = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    return len(moved) == 1 and any(
        {(i + di, j + dj) for i, j in moved[0][0]} == moved[0][1]
        for di, dj in itertools.product((-1, 0, 1), repeat=2)
    )


def steps_from(start, free):
    """How many steps away the cells are that can be reached through ``free`` ones."""
    found, layer = {start: 0}, {start}
    while layer:
        reached = set().union(*map(around, layer)) & free
        layer = reached - found.keys()
        found |= dict.fromkeys(layer, max(found.values()) + 1)
    return found


def fill(draw, rs, c):
    free = everywhere(draw).difference(*map(cells, rs))
    for seed in free:
        region = steps_from(seed, free).keys()
        if len(region) > 1 and free - region:
            x = draw(*scene(rs, c), ({seed}, c[-1]))
            yield "", x, draw(*scene(rs, c), (region - {seed}, c[-1]))


def path(draw, rs, c):
    free = everywhere(draw).difference(*map(cells, rs))
    steps = {start: steps_from(start, free) for start in free}
    for one, other in itertools.combinations(sorted(free), 2):
        length = steps[one].get(other, 0)
        if length > 2:
            near = steps[one].keys() & steps[other].keys()
            way = {at for at in near if steps[one][at] + steps[other][at] == length}
            ends = ({one, other}, c[-2])
            yield "", draw(*scene(rs, c), ends), draw(*scene(rs, c), (way, c[-1]), ends)


def trajectory(draw, _, c):
    for i, j in everywhere(draw):
        for di, dj in itertools.product(range(-3, 4), repeat=2):
            line = [(i + k * di, j + k * dj) for k in range(draw.height + draw.width)]
            line = list(itertools.takewhile(lambda cell: draw.holds({cell}), line))
            if (di or dj) and len(line) > 2:
                x = draw(({line[0]}, c[0]), ({line[1]}, c[1]))
                yield "", x, draw(({line[0]}, c[0]), (set(line[1:]), c[1]))


def bounce(draw, rs, c):
    free = everywhere(draw).difference(*map(cells, rs))
    for start in free:
        for (i, j), side in itertools.product(around(start) & free, ("right", "left")):
            step = (i - start[0], j - start[1])
            track = roll((i, j), step, side, free - {start})
            straight = all((p - i) * step[1] == (q - j) * step[0] for p, q in track)
            if not straight and len(around(start) & track) == 1:
                before = [*scene(rs, c), ({start}, c[-2])]
                yield side, draw(*before, ({(i, j)}, c[-1])), draw(*before, (track, c[-1]))


def roll(at, step, side, free):
    """The cells a ball comes by that goes straight on while it can and else to one side."""
    track = {at}
    while True:
        aside = (step[1], -step[0]) if side == "right" else (-step[1], step[0])
        open_steps = [s for s in (step, aside) if (at[0] + s[0], at[1] + s[1]) in free - track]
        if not open_steps:
            return track
        step = open_steps[0]
        at = (at[0] + step[0], at[1] + step[1])
        track.add(at)


def scale(draw, _, c):
    height, width = draw.height // 2, draw.width // 2
    spans = [[(a, a + n) for n in (1, 2, 3) for a in range(s - n + 1)] for s in (height, width)]
    for (i1, i2), (j1, j2) in itertools.product(*spans):
        body = cells((i1, j1, i2, j2))
        for dot in set(itertools.product(range(height), range(width))) - body:
            picture = [(body, c[0]), ({dot}, c[1])]
            large = [({at for i, j in where for at in four(i, j)}, n) for where, n in picture]
            for top, left in itertools.product((0, draw.height - height), (0, draw.width - width)):
                small = [({(top + i, left + j) for i, j in where}, n) for where, n in picture]
                yield (top, left), draw(*small), draw(*large)


def four(i, j):
    return cells((2 * i, 2 * j, 2 * i + 2, 2 * j + 2))


def symbols(draw, _, c):
    places = itertools.product(range(draw.height - 2), range(draw.width - 2))
    for four_blocks in itertools.combinations(places, 4):
        pairs = itertools.combinations(four_blocks, 2)
        if any(max(abs(i - p), abs(j - q)) < 4 for (i, j), (p, q) in pairs):
            continue
        for marked in four_blocks:
            yield from pointing(draw, marked, [at for at in four_blocks if at != marked], c)


def pointing(draw, marked, others, c):
    """Every mark on a block that points at one of the others alone."""
    total = [sum(at[axis] for at in (marked, *others)) for axis in (0, 1)]
    towards = [
        tuple((4 * at[k] > total[k]) - (4 * at[k] < total[k]) for k in (0, 1)) for at in others
    ]
    blocks = [(cells((i, j, i + 3, j + 3)), c[k]) for k, (i, j) in enumerate((marked, *others))]
    middle = (marked[0] + 1, marked[1] + 1)
    for k, (down, right) in enumerate(towards):
        if down and right and towards.count((down, right)) == 1:
            corner = (middle[0] + down, middle[1] + right)
            mark = {corner, (corner[0], middle[1]), (middle[0], corner[1])}
            x = [*blocks, (mark, c[4])]
            yield "", draw(*x), draw(*x, ({middle}, c[1 + k]))


def all_of_them(rectangles):
    return rectangles


RULES = {
    "replace_color": (replace_color, lambda n: n + 1, all_of_them),
    "translate": (translate, lambda n: n, all_of_them),
    "grow": (grow, lambda n: n, all_of_them),
    "half_fill": (half_fill, lambda n: 2 * n, all_of_them),
    "frame": (frame, lambda n: n, all_of_them),
    "detect": (detect, lambda n: n + 1, all_of_them),
    "corners": (corners, lambda n: n, all_of_them),
    "contact": (contact, lambda n: n, all_of_them),
    "isometry": (isometry, lambda n: n, all_of_them),
    "fill": (fill, lambda n: n + 1, all_of_them),
    "path": (path, lambda n: n + 2, all_of_them),
    "trajectory": (trajectory, lambda n: 2, lambda n: 0),
    "bounce": (bounce, lambda n: max(n - 1, 1) + 2, lambda n: max(n - 1, 1)),
    "scale": (scale, lambda n: 2, lambda n: 0),
    "symbols": (symbols, lambda n: 5, lambda n: 0),
}
"""By task: the rule, and in a world of n rectangles how many colours and rectangles it shows."""
