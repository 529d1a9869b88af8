"""A stand-in for CuPy on machines without a GPU: NumPy inside, CuPy's refusals outside.

`StrictArray` computes with a private NumPy array and refuses what a ``cupy.ndarray`` refuses;
``xp`` has the names and parameters that CuPy has (``cupy_names.txt``) and no others. Where this
differs from CuPy it is stricter: a NumPy function called on a device array works there, and is an
error here, since it shows that ``np.`` slipped into code that should say ``xp.``.

`install` makes it the device ``"strict"``.
"""

import operator
import re
from functools import cache
from pathlib import Path

import numpy as np
from scipy import special

from autodiff import backend
from autodiff._special import Special

NAMES = {}  # "sum" -> its parameters; "pi" -> None
for _line in (Path(__file__).parent / "cupy_names.txt").read_text().splitlines()[1:]:
    _name, _bracket, _listed = _line.partition("(")
    NAMES[_name] = _listed.rstrip(")") if _bracket else None

NUMBERS = (bool, int, float, complex, np.generic)  # as in CuPy 14: NumPy's scalars too

# Parameters of CuPy's functions that hold arrays. So does the first of every function, except of
# those in the sets below.
OPERANDS = {"a", "b", "v", "x", "y", "x1", "x2", "m", "array", "ary", "arr", "condition", "values"}
CONVERT = {"array", "asarray", "asanyarray", "ascontiguousarray"}  # from the host, if need be
CREATE = {"arange", "empty", "eye", "full", "identity", "indices", "linspace", "logspace", "ones"}
CREATE |= {"tri", "zeros"}
LISTS = {"concat", "concatenate", "stack", "vstack", "hstack", "dstack", "column_stack"}
HOST = {"broadcast_shapes", "can_cast", "isdtype", "isscalar", "issubdtype"}  # compute nothing
HOST |= {"ndim", "promote_types", "result_type", "shape", "size"}
AT = {"add", "subtract", "maximum", "minimum"}  # the ufuncs whose method ``at`` CuPy has


def refuse(value, where):
    """Raise CuPy's error, with the place added."""
    raise TypeError(f"Unsupported type {type(value)}: {where} takes arrays of the same device")


def unwrap(value, where):
    """The NumPy value behind an argument that is no operand; host arrays are refused anywhere."""
    if isinstance(value, StrictArray):
        return value._a
    if isinstance(value, np.ndarray):
        refuse(value, where)
    if type(value) in (list, tuple):
        return type(value)(unwrap(item, where) for item in value)
    return value


def operand(value, where, numbers=True):
    """The NumPy value behind an operand: a device array, or a number where those are allowed."""
    if not isinstance(value, StrictArray) and not (numbers and isinstance(value, NUMBERS)):
        refuse(value, where)
    return unwrap(value, where)


def root(a):
    """The NumPy array that owns the memory of ``a``."""
    while isinstance(a.base, np.ndarray):
        a = a.base
    return a


def wrap(result, sources=()):
    """A result on the device: arrays and scalars alike; a view knows whose memory it shows."""
    if isinstance(result, (tuple, list)):
        kind = list if type(result) is list else tuple  # CuPy's are plain, NumPy's have names
        return kind(wrap(item, sources) for item in result)
    if not isinstance(result, (np.ndarray, *NUMBERS)):
        return result
    array = np.asarray(result)
    owner = root(array)
    for source in sources:
        if source._a is array:
            return source
        if root(source._a) is owner:
            return StrictArray(array, source if source.base is None else source.base)
    return StrictArray(array)


def device_arrays(values):
    """Yield the device arrays among arguments, those in lists too."""
    for value in values:
        if isinstance(value, StrictArray):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from device_arrays(value)


class StrictArray:
    """An array that behaves as ``cupy.ndarray`` does, only in the host's memory.

    Attributes
    ----------
    syncs : int
        Of the class: how often a value was brought to the host, by ``float``, ``get`` and such.
    """

    syncs = 0
    __array_ufunc__ = None  # NumPy arrays and scalars leave operators to this class
    __hash__ = None

    def __init__(self, array, base=None):
        self._a = array
        self.base = base

    def __getattr__(self, name):
        if name.startswith("_") or f"ndarray.{name}" not in NAMES:
            raise AttributeError(f"cupy.ndarray has no attribute {name!r}")
        value = getattr(self._a, name)
        if not callable(value):
            return wrap(value, [self]) if isinstance(value, np.ndarray) else value

        def method(*args, **options):
            if NAMES[f"ndarray.{name}"] and name not in ("reshape", "transpose"):  # as tuple or not
                check_parameters(f"ndarray.{name}", args, options)
            args = [unwrap(x, name) for x in args]
            options = {k: unwrap(x, name) for k, x in options.items()}
            return wrap(quiet(value, *args, **options), [self])

        return method

    # To the host
    def _sync(self):
        StrictArray.syncs += 1
        return self._a

    def get(self):
        """A copy in the host's memory."""
        return self._sync().copy()

    def item(self, *index):
        return self._sync().item(*index)

    def tolist(self):
        return self._sync().tolist()

    def __float__(self):
        return float(self._sync())

    def __int__(self):
        return int(self._sync())

    def __bool__(self):
        return bool(self._sync())

    def __complex__(self):
        return complex(self._sync())

    def __index__(self):
        return operator.index(self._sync())

    def __repr__(self):
        return f"strict.{self._a!r}"

    def __array__(self, *args, **options):
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. "
            "Please use `.get()` to construct a NumPy array explicitly."
        )

    def __array_function__(self, function, types, args, options):
        raise TypeError(f"np.{function.__name__} was called on a device array; say xp.")

    # Shape and items
    @property
    def shape(self):
        return self._a.shape

    @property
    def dtype(self):
        return self._a.dtype

    @property
    def ndim(self):
        return self._a.ndim

    @property
    def size(self):
        return self._a.size

    def __len__(self):
        return len(self._a)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index):
        self._count_masks(index)
        return wrap(self._a[unwrap(index, "indexing")], [self])

    def __setitem__(self, index, value):
        self._count_masks(index)
        self._a[unwrap(index, "indexing")] = operand(value, "assignment")

    def _count_masks(self, index):
        """A mask's count of ones must reach the host before the result has a shape."""
        for i in index if isinstance(index, tuple) else (index,):
            StrictArray.syncs += isinstance(i, StrictArray) and i.dtype == bool


def _operators():
    """Give `StrictArray` Python's operators."""

    def leave(other):
        """Whether the other class, a tensor for instance, wants to answer itself."""
        if isinstance(other, (StrictArray, np.ndarray)):
            return False
        return hasattr(other, "__array_ufunc__")  # None, or asked in its turn by NumPy

    def binary(name, function):
        def forward(self, other):
            if leave(other):
                return NotImplemented
            return wrap(quiet(function, self._a, operand(other, f"operator {name}")))

        def reflected(self, other):
            return wrap(quiet(function, operand(other, f"operator {name}"), self._a))

        def inplace(self, other):
            quiet(getattr(operator, f"i{name}"), self._a, operand(other, f"operator {name}="))
            return self

        return forward, reflected, inplace

    for name in "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift".split():
        function = getattr(operator, f"{name}_" if name in ("and", "or") else name)
        methods = binary(name, function)
        for prefix, method in zip(("", "r", "i"), methods, strict=True):
            if (prefix, name) != ("i", "matmul"):  # CuPy has no @=
                setattr(StrictArray, f"__{prefix}{name}__", method)
    for name in "eq ne lt le gt ge".split():
        setattr(StrictArray, f"__{name}__", binary(name, getattr(operator, name))[0])
    for name in "neg pos abs invert".split():
        function = getattr(operator, name)
        method = lambda self, function=function: wrap(quiet(function, self._a))  # noqa: E731
        setattr(StrictArray, f"__{name}__", method)


def quiet(function, *args, **options):
    """Call, without NumPy's warnings of overflow and the like: a GPU gives none."""
    with np.errstate(all="ignore"):
        return function(*args, **options)


_operators()


def check_parameters(name, args, options):
    """The parameters of CuPy's function ``name``; ``TypeError`` if it has none such."""
    parameters = re.findall(r"[\w*]+", NAMES[name].removeprefix("ufunc: "))
    starred = "".join(p[: p.rfind("*") + 1] for p in parameters)  # "", "*", "**" or "***"
    unknown = set() if "**" in starred else options.keys() - set(parameters)
    if unknown or (len(args) > len(parameters) and not starred):
        raise TypeError(
            f"cupy.{name}({', '.join(parameters)}) does not take "
            + (", ".join(sorted(unknown)) or f"{len(args)} arguments")
        )
    return parameters


def arguments(name, args, options):
    """The arguments of CuPy's function ``name`` as NumPy's takes them, or CuPy's ``TypeError``."""
    ufunc = NAMES[name].startswith("ufunc: ")
    parameters = check_parameters(name, args, options)
    out = options.get("out")
    if out is not None:
        operand(out, f"{name}(out=)", numbers=False)

    def raw(position, parameter, value):
        if isinstance(value, str):  # einsum's subscripts, and options
            return value
        if ufunc or (parameter in OPERANDS and position > 0):
            return operand(value, name)
        if name in CREATE or (position > 0 and not parameter.startswith("*")):
            return unwrap(value, name)
        if name in LISTS:
            return [operand(item, name, numbers=False) for item in value]
        return operand(value, name, numbers=False)

    star = next((i for i, p in enumerate(parameters) if re.match(r"\*\w", p)), -1)
    listed = parameters[: star + 1 or None] + parameters[star:][:1] * len(args)
    named = {k: v if k == "out" else raw(1, k, v) for k, v in options.items()}
    if out is not None:
        named["out"] = out._a
    return [raw(i, p, x) for i, (p, x) in enumerate(zip(listed, args, strict=False))], named


def host(value):
    """Data to convert, which may be of any kind."""
    if isinstance(value, (list, tuple)):
        return [host(item) for item in value]
    return value._a if isinstance(value, StrictArray) else value


def on_host(name):
    """NumPy's, or SciPy's, value of a name that CuPy has."""
    if name.startswith("special."):
        return getattr(special, name.removeprefix("special."))
    return operator.attrgetter(name)(np)


def function(name):
    """CuPy's function ``name``, computed by NumPy's."""
    of_numpy = on_host(name)

    def call(*args, **options):
        if name in HOST:
            return of_numpy(*(getattr(a, "_a", a) for a in args), **options)
        if name in CONVERT:
            upload = isinstance(args[0], np.ndarray)
            raw = np.array(args[0]) if upload else host(args[0])
            return wrap(of_numpy(raw, *args[1:], **options), device_arrays(args))
        positional, named = arguments(name, args, options)
        result = quiet(of_numpy, *positional, **named)
        out = options.get("out")
        return wrap(result, device_arrays([*args, *options.values()])) if out is None else out

    def at(target, indices, values):
        positional, _ = arguments(name, [target, values], {})
        of_numpy.at(target._a, unwrap(indices, "indexing"), positional[1])

    call.__name__ = call.__qualname__ = name
    if name in AT:
        call.at = at
    return call


class Namespace:
    """The module ``cupy`` as far as NumPy can stand in for it."""

    def __init__(self, prefix=""):
        self._prefix = prefix

    def __repr__(self):
        return f"<stand-in for cupy.{self._prefix}>"

    def __dir__(self):
        prefix = self._prefix
        return sorted(n[len(prefix) :] for n in NAMES if n.startswith(prefix))

    @cache  # noqa: B019 - two namespaces, which live as long as the program
    def __getattr__(self, name):
        full = self._prefix + name
        if full not in NAMES and full != "special":
            raise AttributeError(f"CuPy has no {full}")
        if full == "linalg":
            return Namespace("linalg.")
        if full == "ndarray":
            return StrictArray
        if full == "asnumpy":
            return backend.to_numpy
        if full == "special":
            return Special(lambda: Namespace("special."))
        try:
            value = on_host(full)
        except AttributeError:
            raise AttributeError(
                f"CuPy has {full}, but NumPy has not: use what both have"
            ) from None
        if NAMES[full] is not None:
            return function(full)
        types = isinstance(value, type) and issubclass(value, (np.generic, Exception))
        if (
            value is None
            or types
            or isinstance(value, float)
            or full in {"finfo", "iinfo", "dtype"}
        ):
            return value
        raise NotImplementedError(f"the stand-in has no {full}")


xp = Namespace()


def install():
    """Make the device ``"strict"`` known to the library; a second call changes nothing."""
    if StrictArray in backend.KINDS:
        return
    kind = backend.Kind(
        type=StrictArray,
        xp=xp,
        device_of=lambda x: "strict",
        put=lambda x, device: StrictArray(np.array(x._a if isinstance(x, StrictArray) else x)),
        get=StrictArray.get,
    )
    backend.register_kind(kind, "strict")
