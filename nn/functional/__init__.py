"""Functions of tensors for networks: activations, losses and fused layers."""

from autodiff import one_hot as one_hot
from autodiff import sigmoid as sigmoid
from autodiff import tanh as tanh

from .affine import bilinear as bilinear
from .affine import linear as linear
from .attention import scaled_dot_product_attention as scaled_dot_product_attention
from .channels import batch_norm as batch_norm
from .channels import group_norm as group_norm
from .channels import instance_norm as instance_norm
from .classification import cross_entropy as cross_entropy
from .dropping import alpha_dropout as alpha_dropout
from .dropping import dropout as dropout
from .dropping import dropout1d as dropout1d
from .dropping import dropout2d as dropout2d
from .dropping import dropout3d as dropout3d
from .dropping import feature_alpha_dropout as feature_alpha_dropout
from .grouped import glu as glu
from .grouped import maxout as maxout
from .lookup import embedding as embedding
from .loss import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
from .loss import mse_loss as mse_loss
from .normalization import layer_norm as layer_norm
from .normalization import rms_norm as rms_norm
from .padding import pad as pad
from .piecewise import hardshrink as hardshrink
from .piecewise import hardsigmoid as hardsigmoid
from .piecewise import hardswish as hardswish
from .piecewise import hardtanh as hardtanh
from .piecewise import leaky_relu as leaky_relu
from .piecewise import prelu as prelu
from .piecewise import relu as relu
from .piecewise import relu6 as relu6
from .piecewise import rrelu as rrelu
from .piecewise import softshrink as softshrink
from .piecewise import step as step
from .piecewise import threshold as threshold
from .piecewise import very_leaky_relu as very_leaky_relu
from .similarity import cosine_similarity as cosine_similarity
from .similarity import normalize as normalize
from .simplex import log_softmax as log_softmax
from .simplex import softmax as softmax
from .simplex import softmin as softmin
from .smooth import celu as celu
from .smooth import elu as elu
from .smooth import gelu as gelu
from .smooth import log_sigmoid as log_sigmoid
from .smooth import mish as mish
from .smooth import selu as selu
from .smooth import silu as silu
from .smooth import softplus as softplus
from .smooth import softsign as softsign
from .smooth import tanhshrink as tanhshrink

logsigmoid, swish = log_sigmoid, silu
