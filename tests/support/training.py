"""Writes training runs as Hugging Face's Trainer does, with curves that are known."""

import json
import math
import os
import random
from pathlib import Path
from typing import Any

BEGAN = 1_760_000_000.0
"""When the first checkpoint is written; seconds since the epoch."""


def falling(step: int, *, a: float = 1.2, b: float = 8.0, c: float = 0.45) -> float:
    """Return a loss that falls by a power law."""
    return a + b * math.pow(step, -c)


def history(
    steps: int, *, every: int = 10, noise: float = 0.02, seed: int = 0, turn: int | None = None, **law: float
) -> list[dict[str, Any]]:
    """Return a log: the training loss each `every` steps, an evaluation each ten times that.

    From the step `turn` on, the evaluation's loss rises.
    """
    chance = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for step in range(every, steps + 1, every):
        loss = falling(step, **law) + chance.gauss(0, noise)
        rows.append(
            {
                "epoch": step / 100,
                "grad_norm": 1.5,
                "learning_rate": 5e-5 * (1 - step / 2000),
                "loss": loss,
                "step": step,
            }
        )
        if step % (10 * every) == 0:
            over = 0.0 if turn is None else 0.0008 * max(0, step - turn)
            rows.append(
                {
                    "epoch": step / 100,
                    "eval_accuracy": 1 - 0.5 * falling(step, **law) / falling(1, **law),
                    "eval_loss": falling(min(step, turn or step), **law) + 0.1 + over,
                    "eval_runtime": 3.5,
                    "eval_samples_per_second": 90.1,
                    "eval_steps_per_second": 11.3,
                    "step": step,
                }
            )
    return rows


def state(rows: list[dict[str, Any]], *, max_steps: int | None = 2000, **more: Any) -> dict[str, Any]:
    """Return what `trainer_state.json` holds, as transformers 4.5x writes it."""
    step = max((row["step"] for row in rows), default=0)
    return {
        "best_global_step": None,
        "best_metric": None,
        "best_model_checkpoint": None,
        "epoch": step / 100,
        "eval_steps": 100,
        "global_step": step,
        "is_hyper_param_search": False,
        "is_local_process_zero": True,
        "is_world_process_zero": True,
        "log_history": rows,
        "logging_steps": 10,
        "max_steps": max_steps,
        "num_input_tokens_seen": 0,
        "num_train_epochs": 20,
        "save_steps": 100,
        "stateful_callbacks": {"TrainerControl": {"args": {"should_log": False}, "attributes": {}}},
        "total_flos": 1.0e15,
        "train_batch_size": 8,
        "trial_name": None,
        "trial_params": None,
        **more,
    }


def write_run(
    folder: Path,
    rows: list[dict[str, Any]],
    *,
    each: int = 200,
    seconds: float = 100.0,
    over: bool = False,
    **more: Any,
) -> Path:
    """Write a run with a checkpoint each `each` steps, `seconds` after another; `over` also writes its last state."""
    last = max(row["step"] for row in rows)
    for at, step in enumerate(range(each, last + 1, each)):
        checkpoint = folder / f"checkpoint-{step}"
        checkpoint.mkdir(parents=True)
        put(checkpoint, state([row for row in rows if row["step"] <= step], **more), BEGAN + at * seconds)
    if over:
        ended = [
            *rows,
            {"epoch": last / 100, "step": last, "total_flos": 1e15, "train_loss": 2.0, "train_runtime": 900.0},
        ]
        put(folder, state(ended, **more), BEGAN + (last // each) * seconds)
    return folder


def put(folder: Path, content: Any, at: float) -> None:
    """Write a `trainer_state.json` as if at that time."""
    file = folder / "trainer_state.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
    os.utime(file, (at, at))
