"""Initial values. Every scaled initializer is `variance_scaling_` with other numbers.

Each function fills the tensor in place, records nothing, returns the tensor, and draws from
``generator``, or from the default one, which ``ad.manual_seed`` sets.
"""

from .choice import Initializer as Initializer
from .choice import initialize as initialize
from .fills import constant_ as constant_
from .fills import normal_ as normal_
from .fills import ones_ as ones_
from .fills import trunc_normal_ as trunc_normal_
from .fills import uniform_ as uniform_
from .fills import zeros_ as zeros_
from .lsuv import lsuv_ as lsuv_
from .matrices import dirac_ as dirac_
from .matrices import eye_ as eye_
from .matrices import orthogonal_ as orthogonal_
from .matrices import sparse_ as sparse_
from .scaling import calculate_fan as calculate_fan
from .scaling import calculate_gain as calculate_gain
from .scaling import glorot_normal_ as glorot_normal_
from .scaling import glorot_uniform_ as glorot_uniform_
from .scaling import he_normal_ as he_normal_
from .scaling import he_uniform_ as he_uniform_
from .scaling import kaiming_normal_ as kaiming_normal_
from .scaling import kaiming_uniform_ as kaiming_uniform_
from .scaling import lecun_normal_ as lecun_normal_
from .scaling import lecun_uniform_ as lecun_uniform_
from .scaling import variance_scaling_ as variance_scaling_
from .scaling import xavier_normal_ as xavier_normal_
from .scaling import xavier_uniform_ as xavier_uniform_
