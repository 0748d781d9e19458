"""What Numba loads before the first of its functions runs."""

import numpy as np

from sae.matching.kernels import forget

NONE = np.zeros(0, dtype=np.int64)

forget(NONE, 0, NONE.astype(np.float64), NONE.astype(np.bool_))
