"""Every optimizer with every option at least once: what the tests of `nn.optim` run through."""

import numpy as np

import nn
from nn import optim


class Plain(optim.Optimizer):
    """A subclass with nothing but the pure update, and state of its own."""

    def __init__(self, params, lr=0.1):
        super().__init__(params, {"lr": lr})

    def state_names(self, hyper):
        return ("total",)

    def init_state(self, xp, w, hyper):
        return (xp.zeros_like(w),)

    def update(self, xp, w, g, state, hyper):
        total = 0.5 * state[0] + g * (1 + 1 / hyper.t)
        return w - hyper.lr * total, (total,)


class Variant:
    """An optimizer's class with options, and parameters that it can step."""

    def __init__(self, cls, **options):
        self.cls = cls
        self.options = {"lr": 0.1} | options
        self.sign = -1 if options.get("maximize") else 1  # of a loss that it improves

    def __call__(self, params):
        return self.cls(params, **self.options)

    def __str__(self):
        return self.cls.__name__ + "".join(f"-{k}={v}" for k, v in self.options.items())

    def parameters(self, *shapes, dtype=np.float32, seed=0):
        """Random parameters; matrices in the place of others if the class needs them."""
        if self.cls is optim.Muon:
            shapes = [(*np.broadcast_shapes(shape), 1, 1)[:2] for shape in shapes]
        return parameters(*shapes, dtype=dtype, seed=seed)


def parameters(*shapes, dtype=np.float32, seed=0):
    """Random parameters."""
    rng = np.random.default_rng(seed)
    return [nn.Parameter(rng.standard_normal(shape).astype(dtype)) for shape in shapes]


DECAY = {"weight_decay": 0.3}
UP = {"maximize": True}

VARIANTS = [
    Variant(Plain),
    Variant(optim.SGD),
    Variant(optim.SGD, **DECAY),
    Variant(optim.SGD, **UP, **DECAY),
    Variant(optim.SGD, momentum=0.9),
    Variant(optim.SGD, momentum=0.9, dampening=0.5, weight_decay=0.1, **UP),
    Variant(optim.SGD, momentum=0.9, nesterov=True, weight_decay=0.1),
    Variant(optim.Momentum),
    Variant(optim.ASGD),
    Variant(optim.ASGD, t0=2, lambd=0.1, alpha=0.5, **DECAY),
    Variant(optim.ASGD, t0=0, **UP),
    Variant(optim.Adagrad, lr=0.5),
    Variant(optim.Adagrad, lr=0.5, lr_decay=0.1, initial_accumulator_value=0.2, **DECAY),
    Variant(optim.Adagrad, lr=0.5, **UP),
    Variant(optim.Adadelta, lr=10.0),
    Variant(optim.Adadelta, lr=1.0, rho=0.5, eps=1e-2, **DECAY, **UP),
    Variant(optim.RMSprop),
    Variant(optim.RMSprop, centered=True, alpha=0.9, **DECAY),
    Variant(optim.RMSprop, lr=0.01, momentum=0.9, **UP),
    Variant(optim.RMSprop, lr=0.01, momentum=0.9, centered=True, eps=1e-2),
    Variant(optim.Adam),
    Variant(optim.Adam, betas=(0.5, 0.7), **DECAY),
    Variant(optim.Adam, amsgrad=True, **UP),
    Variant(optim.Adam, amsgrad=True, decoupled_weight_decay=True, **DECAY),
    Variant(optim.AdamW, **DECAY),
    Variant(optim.AdamW, amsgrad=True, **UP),
    Variant(optim.Adamax),
    Variant(optim.Adamax, betas=(0.5, 0.7), eps=1e-3, **DECAY, **UP),
    Variant(optim.NAdam),
    Variant(optim.NAdam, momentum_decay=0.1, **DECAY, **UP),
    Variant(optim.NAdam, decoupled_weight_decay=True, **DECAY),
    Variant(optim.RAdam),
    Variant(optim.RAdam, betas=(0.8, 0.9), **DECAY),
    Variant(optim.RAdam, decoupled_weight_decay=True, **DECAY, **UP),
    Variant(optim.Rprop),
    Variant(optim.Rprop, etas=(0.4, 1.5), step_sizes=(0.05, 0.3), **UP),
    Variant(optim.Lion),
    Variant(optim.Lion, betas=(0.5, 0.7), **DECAY, **UP),
    Variant(optim.LAMB),
    Variant(optim.LAMB, weight_decay=0.0),
    Variant(optim.LAMB, betas=(0.5, 0.7), eps=1e-3, **DECAY, **UP),
    Variant(optim.Muon),
    Variant(optim.Muon, momentum=0.5, nesterov=False, weight_decay=0.0, adjust_lr_fn="original"),
    Variant(optim.Muon, adjust_lr_fn="match_rms_adamw", ns_steps=3, eps=1e-2),
]
CLASSES = {variant.cls for variant in VARIANTS}
WITH_CLOSURE = {optim.LBFGS}  # which `test_lbfgs.py` tries
