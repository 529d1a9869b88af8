"""One measurement of one contender, in a process of its own: prints one line of JSON.

``python -m benchmarks.worker WORKLOAD CONTENDER SECONDS`` measures;
``python -m benchmarks.worker WORKLOAD CONTENDER check`` compares its first steps with NumPy's.
"""

import json
import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

from benchmarks.contenders import CONTENDERS
from benchmarks.workloads import WORKLOADS, disagreement, first_steps


def main(workload: str, contender: str, what: str) -> None:
    """Measure, or check, and print."""
    task, entry = WORKLOADS[workload], CONTENDERS[contender]
    try:
        module = import_module(entry.package)
    except ModuleNotFoundError as error:
        if error.name != entry.package:
            raise
        print(json.dumps({"missing": f"{entry.package} is not installed"}))
        return
    if what == "check":
        answer = {"version": _version(entry.package, module)}
        if task.problem is not None:
            problem = task.problem()
            reference = first_steps(CONTENDERS[task.reference], problem)
            answer["disagreement"] = disagreement(first_steps(entry, problem), reference)
            answer["data"] = problem.data
        else:
            task.measure(entry, 0.0)  # it works
    else:
        answer = {"value": task.measure(entry, float(what))}
    print(json.dumps(answer))


def _version(package: str, module: object) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # ours, run from its folder
        return str(getattr(module, "__version__", "of this commit"))


if __name__ == "__main__":
    main(*sys.argv[1:])
