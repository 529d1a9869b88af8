"""Datasets to try things on, and readers for files of one's own."""

from .images import Images as Images
from .images import digits as digits
from .images import fashion_mnist as fashion_mnist
from .images import idx as idx
from .images import mnist as mnist
from .images import read_idx as read_idx
from .sequences import Vocabulary as Vocabulary
from .sequences import Windows as Windows
from .sequences import names as names
from .sequences import text as text
from .sequences import tiny_shakespeare as tiny_shakespeare
from .tables import Table as Table
from .tables import csv as csv
from .toy import gates as gates
from .toy import moons as moons
from .toy import spiral as spiral
from .toy import xor as xor
