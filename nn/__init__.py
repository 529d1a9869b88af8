"""Neural networks: modules, layers, losses, initial values, optimizers and data."""

from . import data as data
from . import datasets as datasets
from . import functional as functional
from . import init as init
from . import optim as optim
from .activations import ELU as ELU
from .activations import SELU as SELU
from .activations import LeakyReLU as LeakyReLU
from .activations import ReLU as ReLU
from .activations import Sigmoid as Sigmoid
from .activations import Tanh as Tanh
from .containers import ModuleDict as ModuleDict
from .containers import ModuleList as ModuleList
from .containers import Sequential as Sequential
from .layers import Flatten as Flatten
from .layers import Identity as Identity
from .layers import Linear as Linear
from .losses import BCEWithLogitsLoss as BCEWithLogitsLoss
from .losses import CrossEntropyLoss as CrossEntropyLoss
from .losses import MSELoss as MSELoss
from .module import Module as Module
from .parameter import Buffer as Buffer
from .parameter import Parameter as Parameter
from .swap import functional_call as functional_call
