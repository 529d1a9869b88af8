"""Functions of tensors for networks: activations, losses and fused layers."""

from autodiff import one_hot as one_hot
from autodiff import relu as relu
from autodiff import sigmoid as sigmoid
from autodiff import tanh as tanh

from .activation import elu as elu
from .activation import leaky_relu as leaky_relu
from .activation import selu as selu
from .affine import linear as linear
from .classification import cross_entropy as cross_entropy
from .dropping import alpha_dropout as alpha_dropout
from .dropping import dropout as dropout
from .dropping import dropout1d as dropout1d
from .dropping import dropout2d as dropout2d
from .dropping import dropout3d as dropout3d
from .dropping import feature_alpha_dropout as feature_alpha_dropout
from .lookup import embedding as embedding
from .loss import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
from .loss import mse_loss as mse_loss
from .normalization import layer_norm as layer_norm
