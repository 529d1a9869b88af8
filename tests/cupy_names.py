"""Print what CuPy offers: ``python -m tests.cupy_names > tests/cupy_names.txt``.

Needs CuPy to import, not a GPU. Each line is a name under ``cupy``, with the parameters of a
function, so that `tests.strict` can refuse keywords that NumPy has and CuPy has not. What begins
with ``special.`` is under ``cupyx.scipy.special``.
"""

import inspect
import re


def parameters(function):
    """The parameter names of a function as text, or None for what is no function."""
    if not callable(function) or isinstance(function, type):
        return None
    try:
        listed = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # compiled; the documentation begins with the signature
        match = re.match(r"[\w. ]+\((?:self, )?([^)]*)\)", function.__doc__ or "")
        if not match:
            return None
        ufunc = type(function).__name__ in ("ufunc", "_GUFunc")
        names = re.findall(r"(?:^|, )(?:\w+ )?(\w+)(?=[,=[]|$)", match[1])
        return "ufunc: " * ufunc + ", ".join(name for name in names if name != "self")
    marks = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    return ", ".join(marks.get(p.kind, "") + p.name for p in listed if p.name != "self")


def lines(prefix, namespace):
    """Yield one line per public name."""
    for name in sorted(dir(namespace)):
        if not name.startswith("_") and name != "annotations":
            listed = parameters(getattr(namespace, name))
            yield f"{prefix}{name}" + ("" if listed is None else f"({listed})")


if __name__ == "__main__":
    import cupy
    import cupyx.scipy.special

    print(f"# The names of CuPy {cupy.__version__}, made by: python -m tests.cupy_names")
    print(*lines("", cupy), sep="\n")
    print(*lines("linalg.", cupy.linalg), sep="\n")
    print(*lines("ndarray.", cupy.ndarray), sep="\n")
    print(*lines("special.", cupyx.scipy.special), sep="\n")
