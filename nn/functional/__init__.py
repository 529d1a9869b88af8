"""Functions of tensors for networks: activations, losses and fused layers."""

from autodiff import relu as relu
from autodiff import sigmoid as sigmoid
from autodiff import tanh as tanh

from .activation import elu as elu
from .activation import leaky_relu as leaky_relu
from .activation import selu as selu
from .affine import linear as linear
from .classification import cross_entropy as cross_entropy
from .loss import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
from .loss import mse_loss as mse_loss
