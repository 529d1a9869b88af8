"""Optimizers."""

from autodiff import autocast as autocast

from . import schedule as schedule
from .adam import Adam as Adam
from .adam import AdamW as AdamW
from .adam_variants import Adamax as Adamax
from .adam_variants import NAdam as NAdam
from .adam_variants import RAdam as RAdam
from .adaptive import Adadelta as Adadelta
from .adaptive import Adagrad as Adagrad
from .adaptive import RMSprop as RMSprop
from .averages import EMA as EMA
from .averages import SWA as SWA
from .averages import update_bn as update_bn
from .clip import clip_grad_norm_ as clip_grad_norm_
from .clip import clip_grad_value_ as clip_grad_value_
from .clip import max_norm_ as max_norm_
from .decay import l1_decay_ as l1_decay_
from .layerwise import LAMB as LAMB
from .layerwise import Muon as Muon
from .lbfgs import LBFGS as LBFGS
from .optimizer import Optimizer as Optimizer
from .scaler import GradScaler as GradScaler
from .sgd import ASGD as ASGD
from .sgd import SGD as SGD
from .sgd import Momentum as Momentum
from .signs import Lion as Lion
from .signs import Rprop as Rprop
