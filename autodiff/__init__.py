"""Reverse-mode automatic differentiation, one number or one array at a time.

``Tensor`` computes on NumPy or CuPy arrays, ``Scalar`` on Python floats; both record what is
done with them, so that ``backward`` can say how the result depends on every input.
"""

from numpy import bool_ as bool
from numpy import float16, float32, float64, int8, int16, int32, int64, uint8

from . import backend, cuda, linalg, random
from ._anomaly import detect_anomaly
from ._creation import arange, empty, eye, full, ones, ones_like, zeros, zeros_like
from ._files import load, save
from ._gradcheck import gradcheck
from ._op import REGISTRY, Op, op
from ._products import dot, einsum, inner, kron, outer, tensordot, trace, vecdot
from ._tensor import Tensor, asarray, tensor
from ._variable import gradients
from .backend import (
    default_device,
    device,
    get_default_dtype,
    set_default_device,
    set_default_dtype,
)
from .cuda import synchronize
from .linalg import matrix_transpose
from .mode import (
    Scope,
    enable_grad,
    is_grad_enabled,
    no_grad,
    pop_scope,
    push_scope,
    saved_tensors_hooks,
    scope,
    tap,
)
from .nodes import Node
from .ops.arithmetic import (
    absolute,
    add,
    divide,
    equal,
    greater,
    greater_equal,
    isfinite,
    isnan,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    maximum,
    minimum,
    multiply,
    negative,
    not_equal,
    power,
    sign,
    square,
    subtract,
)
from .ops.cast import astype
from .ops.elementwise import clip, exp, expm1, log, log1p, relu, sigmoid, sqrt, tanh, where
from .ops.join import concatenate
from .ops.linalg import matmul
from .ops.normalization import layer_norm
from .ops.reduce import all, any, argmax, argmin, logsumexp, max, mean, min, sum
from .ops.shape import (
    broadcast_to,
    expand_dims,
    reshape,
    squeeze,
    swapaxes,
    transpose,
)
from .random import manual_seed
from .scalar import Scalar

abs = absolute

__all__ = [
    "Node",
    "Op",
    "REGISTRY",
    "Scalar",
    "Scope",
    "Tensor",
    "abs",
    "absolute",
    "add",
    "all",
    "any",
    "arange",
    "argmax",
    "argmin",
    "asarray",
    "astype",
    "backend",
    "bool",
    "broadcast_to",
    "clip",
    "concatenate",
    "cuda",
    "default_device",
    "detect_anomaly",
    "device",
    "divide",
    "dot",
    "einsum",
    "empty",
    "enable_grad",
    "equal",
    "exp",
    "expand_dims",
    "expm1",
    "eye",
    "float16",
    "float32",
    "float64",
    "full",
    "get_default_dtype",
    "gradcheck",
    "gradients",
    "greater",
    "greater_equal",
    "inner",
    "int16",
    "int32",
    "int64",
    "int8",
    "is_grad_enabled",
    "isfinite",
    "isnan",
    "kron",
    "layer_norm",
    "less",
    "less_equal",
    "linalg",
    "load",
    "log",
    "log1p",
    "logical_and",
    "logical_not",
    "logical_or",
    "logsumexp",
    "manual_seed",
    "matmul",
    "matrix_transpose",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "multiply",
    "negative",
    "no_grad",
    "not_equal",
    "ones",
    "ones_like",
    "op",
    "outer",
    "pop_scope",
    "power",
    "push_scope",
    "random",
    "relu",
    "reshape",
    "save",
    "saved_tensors_hooks",
    "scope",
    "set_default_device",
    "set_default_dtype",
    "sigmoid",
    "sign",
    "sqrt",
    "square",
    "squeeze",
    "subtract",
    "sum",
    "swapaxes",
    "tanh",
    "synchronize",
    "tap",
    "tensor",
    "tensordot",
    "trace",
    "transpose",
    "uint8",
    "vecdot",
    "where",
    "zeros",
    "zeros_like",
]
