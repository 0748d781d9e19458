"""The agent as sae_lens's own tools take it: a HookedTransformer and a dataset of tokens."""

from __future__ import annotations

from typing import Any

import torch
from datasets import Dataset
from sae_lens import (
    BatchTopKTrainingSAEConfig,
    LanguageModelSAERunnerConfig,
    LanguageModelSAETrainingRunner,
    LoggingConfig,
)
from transformer_lens import HookedTransformer

from agents.model import AgentModel, shift
from benchmarks.measure import device
from sae.config import DictionaryConfig
from world import QuizBatch


def runner(
    model: AgentModel, quizzes: QuizBatch, config: DictionaryConfig
) -> LanguageModelSAETrainingRunner:
    """sae_lens's runner, set to the options of ours where it has them."""
    hooked: HookedTransformer = model.to_transformer_lens()
    tokens = shift(torch.from_numpy(quizzes.tokens).long())
    dataset = Dataset.from_dict({"input_ids": tokens.numpy()})
    options: dict[str, Any] = {
        "sae": BatchTopKTrainingSAEConfig(d_in=model.d_model, d_sae=config.d_sae, k=config.k),
        "hook_name": config.site,
        "dataset_path": "",
        "is_dataset_tokenized": True,
        "streaming": False,
        "context_size": model.seq_len,
        "prepend_bos": False,
        "training_tokens": config.training_tokens,
        "train_batch_size_tokens": config.batch_size,
        "store_batch_size_prompts": 128,
        "n_batches_in_buffer": 8,
        "lr": config.learning_rate,
        "dead_feature_window": config.dead_after,
        "device": str(device()),
        "logger": LoggingConfig(log_to_wandb=False),
        "n_checkpoints": 0,
        "output_path": None,
        "checkpoint_path": None,
        "save_final_checkpoint": False,
    }
    return LanguageModelSAETrainingRunner(
        LanguageModelSAERunnerConfig(**options), override_dataset=dataset, override_model=hooked
    )
