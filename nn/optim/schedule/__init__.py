"""Learning rates as functions of the step number."""

from .base import Schedule as Schedule
from .composed import ChainedScheduler as ChainedScheduler
from .composed import SequentialLR as SequentialLR
from .composed import Warmup as Warmup
from .cycles import CyclicLR as CyclicLR
from .cycles import OneCycleLR as OneCycleLR
from .decays import SWALR as SWALR
from .decays import ConstantLR as ConstantLR
from .decays import CosineAnnealingLR as CosineAnnealingLR
from .decays import CosineAnnealingWarmRestarts as CosineAnnealingWarmRestarts
from .decays import ExponentialLR as ExponentialLR
from .decays import LambdaLR as LambdaLR
from .decays import LinearLR as LinearLR
from .decays import MultiplicativeLR as MultiplicativeLR
from .decays import MultiStepLR as MultiStepLR
from .decays import PolynomialLR as PolynomialLR
from .decays import StepLR as StepLR
from .plateau import ReduceLROnPlateau as ReduceLROnPlateau
