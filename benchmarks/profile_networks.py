"""Where a training step of the measured networks goes; ``python -m benchmarks.profile_networks``.

cProfile over some steps; time inside NumPy's own functions counts for the function of this
library that called them, so that a row is a kernel, a rule or a part of the engine. Python's
profiler makes small functions look larger than they are.
"""

import argparse
import cProfile
import pstats
from collections import Counter
from pathlib import Path

from benchmarks.contenders import ours
from benchmarks.machine import facts
from benchmarks.networks import NETWORKS

ROOT = Path(__file__).parent.parent
STEPS = 20


def seconds_by_function(step, steps=STEPS):
    """Seconds a step within each function of this library, what it called elsewhere included."""
    for _ in range(3):
        step()
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(steps):
        step()
    profile.disable()
    found = Counter()
    for (file, line, name), (_, _, own, _, callers) in pstats.Stats(profile).stats.items():
        if _ours(file):
            found[_called(file, line, name)] += own / steps
            continue
        for (file_, line_, name_), (_, _, share, _) in callers.items():
            if _ours(file_):
                found[_called(file_, line_, name_)] += share / steps
    return found


def _ours(file):
    return file.startswith((str(ROOT), "<"))


def _called(file, line, name):
    if file.startswith("<"):
        return f"{file} {name}"
    return f"{Path(file).relative_to(ROOT)}:{line} {name}"


def main(argv=None):
    """Print the largest of each network, and write them if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", nargs="*", help=f"of {', '.join(NETWORKS)}; all by default")
    parser.add_argument("--rows", type=int, default=12)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(argv)
    lines = []
    for name in options.network or NETWORKS:
        title, problem = NETWORKS[name]
        found = seconds_by_function(ours.build(problem()).step)
        total = sum(found.values())
        lines += [f"## {title}", "", f"{total * 1e3:.1f} ms a step under the profiler.", ""]
        lines += ["| function | ms | share |", "| --- | ---: | ---: |"]
        for function, seconds in found.most_common(options.rows):
            lines.append(f"| `{function}` | {seconds * 1e3:.2f} | {seconds / total:.0%} |")
        lines.append("")
    print("\n".join(lines))
    if options.out:
        about = ", ".join(f"{name} {value}" for name, value in facts().items())
        options.out.write_text(f"# Where a step goes\n\n{about}.\n\n" + "\n".join(lines))


if __name__ == "__main__":
    main()
