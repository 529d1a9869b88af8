"""The layers, a family a file."""

from .affine import Linear as Linear
from .dropping import AlphaDropout as AlphaDropout
from .dropping import Dropout as Dropout
from .dropping import Dropout1d as Dropout1d
from .dropping import Dropout2d as Dropout2d
from .dropping import Dropout3d as Dropout3d
from .dropping import FeatureAlphaDropout as FeatureAlphaDropout
from .lookup import Embedding as Embedding
from .normalization import LayerNorm as LayerNorm
from .reshaping import Flatten as Flatten
from .reshaping import Identity as Identity
