"""Boltzmann machines, and deep networks whose layers were trained as such, one by one."""

from .dbn import DBN as DBN
from .rbm import RBM as RBM
