"""Datasets, and what makes batches of them."""

from . import transforms as transforms
from .collating import collate as collate
from .loader import DataLoader as DataLoader
from .sampling import DistributedSampler as DistributedSampler
from .sampling import RandomSampler as RandomSampler
from .sampling import Sampler as Sampler
from .sampling import SequentialSampler as SequentialSampler
from .sampling import SubsetRandomSampler as SubsetRandomSampler
from .sampling import WeightedRandomSampler as WeightedRandomSampler
from .sets import ConcatDataset as ConcatDataset
from .sets import Dataset as Dataset
from .sets import Subset as Subset
from .sets import TensorDataset as TensorDataset
from .sets import TransformDataset as TransformDataset
from .sets import bootstrap as bootstrap
from .sets import random_split as random_split
