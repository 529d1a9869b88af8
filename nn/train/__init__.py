"""A training loop, for those who want none of their own; docs/nn-training.md has both."""

from .averaging import Averaging as Averaging
from .callback import Callback as Callback
from .checkpoint import Checkpoint as Checkpoint
from .classification import accuracy as accuracy
from .classification import confusion_matrix as confusion_matrix
from .classification import f1 as f1
from .classification import precision as precision
from .classification import recall as recall
from .classification import top_k as top_k
from .counting import Metric as Metric
from .counting import metric as metric
from .finder import RangeTest as RangeTest
from .finder import find_lr as find_lr
from .history import CSVLogger as CSVLogger
from .history import History as History
from .progress import Progress as Progress
from .regression import mae as mae
from .regression import mse as mse
from .regression import r2 as r2
from .stopping import EarlyStopping as EarlyStopping
from .stopping import LRScheduler as LRScheduler
from .tensorboard import TensorBoard as TensorBoard
from .trainer import Trainer as Trainer
