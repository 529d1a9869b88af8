"""The whole state of a training run, from which it goes on to the same bits."""

import random
from collections.abc import Mapping
from typing import Any

import numpy as np

import autodiff as ad

VERSION = 1


def random_state() -> dict[str, Any]:
    """The states of this library's default generator, of NumPy's and of Python's, to be saved."""
    version, words, gauss = random.getstate()
    return {
        "autodiff": ad.random.default_generator.state,
        "numpy": np.random.get_state(),
        "python": (version, np.array(words, np.uint32), gauss),
    }


def set_random_state(state: Mapping[str, Any]) -> None:
    """Draw on from where `random_state` was."""
    ad.random.default_generator.state = state["autodiff"]
    np.random.set_state(state["numpy"])
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words.tolist()), gauss))


def places(trainer: Any) -> dict[str, Any]:
    """Where the loaders are, of those that can say so."""
    loaders = {"train": trainer.loader, "val": trainer.val}
    return {name: it.state_dict() for name, it in loaders.items() if hasattr(it, "state_dict")}


def go_on(trainer: Any) -> None:
    """Put the loaders where they were, after `restore`."""
    loaders = {"train": trainer.loader, "val": trainer.val}
    for name, place in trainer.places.items():
        if hasattr(loaders[name], "load_state_dict"):
            loaders[name].load_state_dict(place)
    trainer.places = {}


def saved(trainer: Any) -> dict[str, Any]:
    """What `Trainer.state_dict` gives."""
    return {
        "version": VERSION,
        "model": trainer.model.state_dict(),
        "optimizer": trainer.optimizer.state_dict(),
        "scaler": None if trainer.scaler is None else trainer.scaler.state_dict(),
        "callbacks": trainer.events.state_dict(),
        "places": trainer.places or places(trainer),
        "tally": trainer.tally.state_dict(),
        "random": random_state(),
        "epoch": trainer.epoch, "batch": trainer.batch, "step": trainer.step,
        "seconds": trainer.seconds, "logs": trainer.logs,
        "stopped": "" if trainer.unfinished else trainer.stopped,
    }  # fmt: skip


def restore(trainer: Any, state: Mapping[str, Any]) -> None:
    """What `Trainer.load_state_dict` does."""
    if state.get("version") != VERSION:
        raise ValueError(
            f"Trainer: this is no state of a trainer of version {VERSION}; it has "
            f"{', '.join(map(str, state))}"
        )
    if (state["scaler"] is None) != (trainer.scaler is None):
        had = "no" if state["scaler"] is None else "a"
        raise ValueError(f"Trainer: the training that was saved had {had} scaler")
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    trainer.model.load_state_dict(state["model"])
    try:
        trainer.optimizer.load_state_dict(state["optimizer"])
    except Exception:
        trainer.model.load_state_dict(before)
        raise
    if trainer.scaler is not None:
        trainer.scaler.load_state_dict(state["scaler"])
    trainer.events.load_state_dict(state["callbacks"])
    where = next((p.device for p in trainer.model.parameters()), "cpu")
    trainer.tally.load_state_dict(state["tally"], where)
    set_random_state(state["random"])
    for name in ("places", "epoch", "batch", "step", "seconds", "logs", "stopped"):
        setattr(trainer, name, state[name])
