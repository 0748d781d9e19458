"""Variables of the environment that libraries read: what they would decide, options decide.

accelerate, PyTorch and what they stand on read hundreds of variables. One left in a shell would
give other weights under the same command, and nothing would say so. So those of their families are
taken away before the libraries load, but for the ones that choose this machine's devices,
instructions and threads (noted with every run), caches, folders and what is printed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from fnmatch import fnmatchcase

from world.core.cores import affine_cores, usable_cores
from world.core.errors import UserError

MACHINE = (
    "OMP_NUM_THREADS",
    "CUDA_VISIBLE_DEVICES",
    "ATEN_CPU_CAPABILITY",
    "ONEDNN_MAX_CPU_ISA",
    "DNNL_MAX_CPU_ISA",
    "MKL_ENABLE_INSTRUCTIONS",
    "MKL_CBWR",
    "OPENBLAS_CORETYPE",
    "NPY_DISABLE_CPU_FEATURES",
    "NPY_ENABLE_CPU_FEATURES",
)
"""What makes this machine one with fewer threads, devices or instructions."""
FAMILIES = (
    # accelerate, and the plugins that it sets up from variables
    "ACCELERATE_*", "FSDP_*", "MEGATRON_LM_*", "PARALLELISM_CONFIG_*", "USE_TORCH_XLA",
    "FORK_LAUNCHED",
    # PyTorch and its compilers
    "TORCH_*", "PYTORCH_*", "TORCHDYNAMO_*", "TORCHINDUCTOR_*", "AOT_INDUCTOR_*", "TRITON_*",
    "TENSORIFY_*", "ATEN_*", "DISABLE_ADDMM_*", "USE_NNPACK",
    # kernels on a GPU
    "NVIDIA_TF32_OVERRIDE", "CUBLAS_*", "CUBLASLT_*", "CUDNN_*", "CUTLASS_*", "MIOPEN_*",
    "ROCBLAS_*", "HIPBLASLT_*",
    # kernels and threads on a processor
    "DNNL_*", "ONEDNN_*", "MKL_*", "OMP_*", "KMP_*", "GOMP_*", "GOTO_NUM_THREADS", "OPENBLAS_*",
    "BLIS_*", "VECLIB_*", "NUMBA_*", "NPY_*",
)  # fmt: skip
"""Names of variables that libraries read."""
HARMLESS = (
    *MACHINE,
    # where things are, and what is printed
    "*CACHE*", "*_DIR", "*_HOME", "*_HUB", "*_PATH", "*_ROOT", "*_LIBRARY", "*_VERSION", "*_ARCH",
    "*_ARCH_LIST", "*LOG*", "*VERBOSE*", "*TRACE*", "*DEBUG*", "TORCH_SHOW_*", "OMP_DISPLAY_*",
    "OMP_AFFINITY_FORMAT", "NUMBA_*WARNING*", "NUMBA_*COLOR*",
    # where threads run and how they wait, memory, how processes talk, which library is loaded
    "OMP_PLACES", "OMP_PROC_BIND", "OMP_WAIT_POLICY", "*_STACKSIZE", "*_AFFINITY", "KMP_BLOCKTIME",
    "KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK", "GOMP_SPINCOUNT", "OPENBLAS_THREAD_TIMEOUT",
    "*ALLOC_CONF", "MKL_DISABLE_FAST_MM", "MKL_FAST_MEMORY_LIMIT", "MKL_*_LAYER", "PYTORCH_NVML_*",
    "TORCH_NCCL_*", "TORCH_GLOO_*", "TORCH_FR_*", "TORCH_ELASTIC_*",
    "TORCH_DEVICE_BACKEND_AUTOLOAD", "TORCH_USE_RTLD_GLOBAL", "TORCHINDUCTOR_COMPILE_THREADS",
    "TRITON_PTXAS_*",
)  # fmt: skip
"""Of them, those that change nothing but where, how loud, and how fast."""
ON_CPU = "ACCELERATE_USE_CPU"
THREADS = "OMP_NUM_THREADS"
TRUE = ("1", "true", "yes", "y", "t", "on")
NOTHING = ("", "0", "1", "no", "false", "default", "none")
"""What `accelerate launch` sets its variables to where nothing was asked of it."""


def settle(environ: MutableMapping[str, str]) -> list[str]:
    """Take away what would decide results; returns lines that say so.

    Call it before the libraries are loaded. Raises UserError for a number of threads that is none.
    """
    _check_threads(environ)
    _choose_device(environ)
    taken = {name: environ.pop(name) for name in leaking(environ)}
    # accelerate would join processes by XLA wherever that is installed.
    environ["USE_TORCH_XLA"] = "0"
    said = {name: value for name, value in taken.items() if _said(name, value, environ)}
    named = sorted(f"{name}={value}" for name, value in said.items())
    if not named:
        return []
    return [
        f"not used, since a run's options decide and the environment does not: {', '.join(named)} "
        f'(docs/run.md, "What the environment decides")'
    ]


def leaking(environ: Iterable[str]) -> list[str]:
    """The names among these that would decide results."""
    return [name for name in environ if _is(name, FAMILIES) and not _is(name, HARMLESS)]


def of_machine(environ: Mapping[str, str]) -> dict[str, str]:
    """What is set of the variables that choose devices, instructions and threads."""
    return {name: environ[name] for name in MACHINE if name in environ}


def limit_threads(environ: MutableMapping[str, str], processes: int = 1) -> None:
    """Threads by what this process may use, where nobody has said how many.

    Libraries count the cores of its affinity and know nothing of a container's quota. processes:
    that work side by side on this machine.
    """
    cores = usable_cores()
    if processes > 1 or cores < affine_cores():
        environ.setdefault(THREADS, str(max(1, cores // processes)))


def _is(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _check_threads(environ: Mapping[str, str]) -> None:
    threads = environ.get(THREADS, "1")
    if not (threads.isascii() and threads.isdigit() and int(threads) > 0):
        raise UserError(
            f"{THREADS}={threads} in the environment is no number of threads; set it to a whole "
            f"number from 1, or unset it"
        )


def _choose_device(environ: MutableMapping[str, str]) -> None:
    """A GPU that accelerate is told to leave alone is hidden from all libraries."""
    if environ.pop(ON_CPU, "").lower() in TRUE:
        environ["CUDA_VISIBLE_DEVICES"] = ""


def _said(name: str, value: str, environ: Mapping[str, str]) -> bool:
    """Whether taking it away may change something for whoever set it."""
    if name.startswith("ACCELERATE_"):
        return value.lower() not in NOTHING
    if name.endswith("_NUM_THREADS"):
        return value != environ.get(THREADS)
    return (name, value) != ("USE_TORCH_XLA", "0")
