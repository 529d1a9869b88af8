"""``python -m benchmarks``: run them, print the tables, keep the results."""

import argparse
import sys
from pathlib import Path

from benchmarks import harness, machine, report
from benchmarks.contenders import CONTENDERS
from benchmarks.stats import ROUNDS
from benchmarks.workloads import WORKLOADS

ALWAYS = ("ours", "ours-again")  # everything is relative to the one, and judged by both


def main(argv: list[str] | None = None) -> int:
    """The command line; 1 if a contender failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("workload", nargs="*", help=f"of {', '.join(WORKLOADS)}; all by default")
    parser.add_argument(
        "--contender", action="append", choices=CONTENDERS, help="besides ours; all by default"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"{ROUNDS} by default")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--quick", action="store_true", help="2 rounds of 0.1 s: no verdict")
    parser.add_argument("--out", type=Path, help="folder; benchmarks/results unless partial")
    options = parser.parse_args(argv)
    unknown = [w for w in options.workload if w not in WORKLOADS]
    if unknown:
        parser.error(f"no workload {unknown[0]!r}; there are {', '.join(WORKLOADS)}")
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")

    rounds, seconds = (2, 0.1) if options.quick else (options.rounds, options.seconds)
    names = [n for n in CONTENDERS if not options.contender or n in (*ALWAYS, *options.contender)]
    partial = options.quick or options.workload or options.contender
    out = options.out or (None if partial else Path(__file__).parent / "results")

    results = {
        "machine": machine.facts(),
        "rounds": rounds,
        "seconds": seconds,
        "workloads": {
            workload: harness.measure(workload, names, rounds, seconds, say)
            for workload in options.workload or WORKLOADS
        },
    }
    print(report.markdown(results))
    if out:
        say(f"written: {report.write(results, out)} and .json")
    reasons = [why for w in results["workloads"].values() for why in w["skipped"].values()]
    return int(any(why.startswith("failed") for why in reasons))


def say(line: str) -> None:
    """Progress, apart from the tables."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
