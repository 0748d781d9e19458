"""Variables of the environment: what would decide results is taken away, the rest stays."""

from __future__ import annotations

import pytest

from culture_sim.run import variables
from culture_sim.run.environment import environment
from culture_sim.run.variables import MACHINE, leaking, limit_threads, settle
from world.core.errors import UserError


@pytest.mark.parametrize(
    "variable",
    [
        "ACCELERATE_MIXED_PRECISION=bf16",
        "ACCELERATE_GRADIENT_ACCUMULATION_STEPS=4",
        "ACCELERATE_DYNAMO_BACKEND=INDUCTOR",
        "ACCELERATE_TORCH_DEVICE=cuda:1",
        "ACCELERATE_USE_DEEPSPEED=true",
        "ACCELERATE_USE_FSDP=true",
        "ACCELERATE_USE_MEGATRON_LM=true",
        "ACCELERATE_USE_PARALLELISM_CONFIG=true",
        "ACCELERATE_WHAT_A_LATER_VERSION_READS=yes",
        "FSDP_SHARDING_STRATEGY=FULL_SHARD",
        "MEGATRON_LM_GRADIENT_CLIPPING=0.1",
        "PARALLELISM_CONFIG_TP_SIZE=2",
        "TORCHDYNAMO_DISABLE=1",
        "TORCHINDUCTOR_USE_FAST_MATH=1",
        "TORCH_COMPILE_BACKEND=eager",
        "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE=1",
        "TORCH_BLAS_PREFER_CUBLASLT=1",
        "TORCH_CUDNN_V8_API_DISABLED=1",
        "PYTORCH_JIT=0",
        "TRITON_INTERPRET=1",
        "NVIDIA_TF32_OVERRIDE=1",
        "CUBLAS_WORKSPACE_CONFIG=:4096:8",
        "ONEDNN_DEFAULT_FPMATH_MODE=BF16",
        "DNNL_DEFAULT_FPMATH_MODE=BF16",
        "MKL_NUM_THREADS=3",
        "MKL_DYNAMIC=FALSE",
        "OMP_DYNAMIC=true",
        "OMP_THREAD_LIMIT=1",
        "KMP_DETERMINISTIC_REDUCTION=1",
        "OPENBLAS_NUM_THREADS=3",
        "NUMBA_DISABLE_JIT=1",
        "NUMBA_OPT=0",
    ],
)
def test_what_would_decide_results_is_taken_and_said(variable):
    name, value = variable.split("=")
    environ = {name: value, "HOME": "/home/me"}
    (line,) = settle(environ)
    assert name not in environ
    assert environ["HOME"] == "/home/me"
    assert variable in line
    assert "\n" not in line


@pytest.mark.parametrize(
    "name",
    [
        *MACHINE,
        "OMP_PROC_BIND",
        "OMP_PLACES",
        "KMP_AFFINITY",
        "KMP_INIT_AT_FORK",  # scikit-learn sets it where it is imported
        "MKL_THREADING_LAYER",
        "PYTORCH_CUDA_ALLOC_CONF",
        "PYTORCH_ALLOC_CONF",
        "TORCH_HOME",
        "TORCH_LOGS",
        "TORCH_CPP_LOG_LEVEL",
        "TORCH_NCCL_ASYNC_ERROR_HANDLING",
        "TORCH_DISTRIBUTED_DEBUG",
        "TORCH_CUDA_ARCH_LIST",
        "TORCHINDUCTOR_CACHE_DIR",
        "TORCHELASTIC_USE_AGENT_STORE",
        "TRITON_CACHE_DIR",
        "NUMBA_CACHE_DIR",
        "NCCL_SOCKET_IFNAME",
        "PYTHONPATH",
        "LD_LIBRARY_PATH",
        "HF_HOME",
        "WANDB_MODE",
    ],
)
def test_what_chooses_the_machine_places_or_prints_stays(name):
    environ = {name: "1"}
    assert settle(environ) == []
    assert environ[name] == "1"


def test_several_are_one_line():
    (line,) = settle({"MKL_NUM_THREADS": "2", "ACCELERATE_MIXED_PRECISION": "fp16"})
    assert "ACCELERATE_MIXED_PRECISION=fp16, MKL_NUM_THREADS=2" in line


def test_what_a_launcher_sets_where_nothing_was_asked_is_taken_silently():
    """As `accelerate launch --multi_gpu` of accelerate 1.15 sets them."""
    environ = {
        "ACCELERATE_USE_CPU": "False",
        "ACCELERATE_MIXED_PRECISION": "no",
        "ACCELERATE_DYNAMO_BACKEND": "NO",
        "ACCELERATE_DYNAMO_MODE": "default",
        "ACCELERATE_DYNAMO_USE_FULLGRAPH": "False",
        "ACCELERATE_DYNAMO_USE_DYNAMIC": "False",
        "ACCELERATE_DYNAMO_USE_REGIONAL_COMPILATION": "False",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
    assert settle(environ) == []
    assert leaking(environ) == ["USE_TORCH_XLA"]
    assert environ == {"OMP_NUM_THREADS": "1", "USE_TORCH_XLA": "0"}


@pytest.mark.parametrize("asked", ["true", "True", "1", "yes"])
def test_a_gpu_is_hidden_where_the_processor_is_asked_for(asked):
    environ = {"ACCELERATE_USE_CPU": asked, "CUDA_VISIBLE_DEVICES": "0,1"}
    assert settle(environ) == []
    assert environ["CUDA_VISIBLE_DEVICES"] == ""


@pytest.mark.parametrize("asked", ["0", "-1", "many", "4,2", "", "1.5", "²"])
def test_a_number_of_threads_that_is_none_is_refused(asked):
    with pytest.raises(UserError, match="is no number of threads"):
        settle({"OMP_NUM_THREADS": asked})


@pytest.mark.parametrize(
    ("affine", "usable", "processes", "expected"),
    [(8, 8, 1, None), (8, 2, 1, "2"), (8, 8, 2, "4"), (8, 2, 4, "1")],
)
def test_threads_are_of_what_a_process_may_use(monkeypatch, affine, usable, processes, expected):
    monkeypatch.setattr(variables, "affine_cores", lambda: affine)
    monkeypatch.setattr(variables, "usable_cores", lambda: usable)
    environ: dict[str, str] = {}
    limit_threads(environ, processes)
    assert environ.get("OMP_NUM_THREADS") == expected
    environ = {"OMP_NUM_THREADS": "5"}
    limit_threads(environ, processes)
    assert environ == {"OMP_NUM_THREADS": "5"}


@pytest.mark.slow  # the platform is asked of a process
def test_what_chose_the_machine_is_kept_with_the_run(monkeypatch):
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    kept = environment()["variables"]
    assert kept["ATEN_CPU_CAPABILITY"] == "avx2"
    assert kept["OMP_NUM_THREADS"] == "3"
    assert "CUDA_VISIBLE_DEVICES" not in kept
