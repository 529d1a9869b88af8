"""Optimizers."""

from autodiff import autocast as autocast

from . import schedule as schedule
from .adam import Adam as Adam
from .adam import AdamW as AdamW
from .clip import clip_grad_norm_ as clip_grad_norm_
from .clip import clip_grad_value_ as clip_grad_value_
from .optimizer import Optimizer as Optimizer
from .sgd import SGD as SGD
from .sgd import Momentum as Momentum
