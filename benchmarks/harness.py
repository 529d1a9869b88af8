"""Runs the contenders: a fresh process for each measurement, round after round."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.contenders import CONTENDERS, Threads
from benchmarks.stats import doubt, lower_quartile, rotated
from benchmarks.workloads import ROOT, WORKLOADS, Target

TOLERANCE = 1e-3  # of losses and movements, relative: float32 in another order of summation
TRIALS = 2  # of each thread setting
GAIN = 0.02  # what more threads must bring to be worth it
# What may decide the number of threads is ours to set, whatever the caller's shell says.
_SETTINGS = ("OMP_", "GOMP_", "KMP_", "OPENBLAS_", "MKL_", "NPROC", "XLA_FLAGS")
_BASE = {k: v for k, v in os.environ.items() if not k.startswith(_SETTINGS)} | {
    "JAX_PLATFORMS": "cpu"
}

Say = Callable[[str], None]


def worker(workload: str, name: str, what: str, env: dict[str, str]) -> dict[str, Any]:
    """What one worker process answers; {"failed": why} if it broke."""
    command = [sys.executable, "-m", "benchmarks.worker", workload, name, what]
    done = subprocess.run(command, cwd=ROOT, env=_BASE | env, capture_output=True, text=True)
    if done.returncode:
        errors = re.findall(r"^\S*(?:Error|Exception|Interrupt)\b.*", done.stderr, re.MULTILINE)
        return {"failed": errors[-1] if errors else f"exit status {done.returncode}"}
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


class Broken(Exception):
    """A contender failed after it was admitted."""


def value(workload: str, name: str, seconds: float, env: dict[str, str]) -> float:
    """One measurement."""
    answer = worker(workload, name, str(seconds), env)
    if "value" not in answer:
        raise Broken(answer.get("failed", answer))
    return float(answer["value"])


def admit(workload: str, names: Sequence[str], say: Say) -> tuple[dict[str, Any], dict[str, str]]:
    """Those who are installed and compute the same thing; why the others are not measured."""
    entries: dict[str, Any] = {}
    skipped: dict[str, str] = {}
    for name in names:
        answer = worker(workload, name, "check", {})
        off = answer.get("disagreement", 0.0)
        if "missing" in answer:
            skipped[name] = answer["missing"]
        elif "failed" in answer:
            skipped[name] = f"failed: {answer['failed']}"
        elif not off <= TOLERANCE:
            skipped[name] = (
                f"failed: its first steps differ from {_reference(workload)} by {off:.1e}"
            )
        else:
            entries[name] = {"title": CONTENDERS[name].title, **answer}
        if name in skipped:
            say(f"{workload}: {name} skipped, {skipped[name]}")
    return entries, skipped


def _reference(workload: str) -> str:
    return CONTENDERS[WORKLOADS[workload].reference].title


def settle_threads(workload: str, name: str, seconds: float) -> tuple[str, dict[str, Any]]:
    """The fastest thread setting of a contender, and what each took."""
    if WORKLOADS[workload].problem is None:  # nothing there runs in parallel
        return "as installed", {}
    settings = CONTENDERS[name].threads
    taken: dict[str, list[float]] = {setting: [] for setting in settings}
    for _ in range(TRIALS):
        for setting, env in settings.items():
            taken[setting].append(value(workload, name, seconds, env))
    trials = {setting: min(values) for setting, values in taken.items()}
    best = next(iter(trials))
    for setting in trials:
        if trials[setting] < trials[best] * (1 - GAIN):
            best = setting
    return best, trials


def measure(
    workload: str, names: Sequence[str], rounds: int, seconds: float, say: Say
) -> dict[str, Any]:
    """One workload, all its contenders, interleaved."""
    task = WORKLOADS[workload]
    entries, skipped = admit(workload, [n for n in names if enters(n, workload)], say)

    def drop(name: str, why: str) -> None:  # one failure must not cost the others their rounds
        del entries[name]
        skipped[name] = f"failed: {why}"
        say(f"{workload}: {name} {skipped[name]}")

    for name, entry in list(entries.items()):
        if name == "ours-again" and "ours" in entries:  # the same twice, to the last setting
            entry |= {k: entries["ours"][k] for k in ("threads", "trials")}
        else:
            try:
                entry["threads"], entry["trials"] = settle_threads(workload, name, seconds)
            except Broken as error:
                drop(name, str(error))
                continue
        entry["rounds"] = []
        say(f"{workload}: {name}, {entry['threads']}")

    for round_ in range(rounds):
        for name in rotated(list(entries), round_):
            settings: Threads = CONTENDERS[name].threads
            env = settings.get(entries[name]["threads"], {})
            try:
                entries[name]["rounds"].append(value(workload, name, seconds, env))
            except Broken as error:
                drop(name, str(error))
        say(f"{workload}: round {round_ + 1} of {rounds}")
    for entry in entries.values():
        entry["value"] = lower_quartile(entry["rounds"])

    values = {name: entry["value"] for name, entry in entries.items()}
    aa = values["ours-again"] / values["ours"] if {"ours", "ours-again"} <= set(values) else None
    why_not = doubt(aa, rounds)
    return {
        "title": task.title,
        "unit": task.unit,
        "entries": entries,
        "skipped": skipped,
        "aa_ratio": aa,
        "doubt": why_not,
        "targets": [judge(target, values, why_not) for target in task.targets],
    }


def enters(name: str, workload: str) -> bool:
    """Whether a contender takes part in a workload."""
    return workload in CONTENDERS[name].workloads


def judge(target: Target, values: dict[str, float], why_not: str | None) -> dict[str, Any]:
    """A target, what was measured, and the verdict in words."""
    text = target.contender + (f" / {target.over}" if target.over else "")
    text += f" ≥ {target.low:g}" if target.low else f" ≤ {target.high:g}"
    absent = [n for n in (target.contender, target.over) if n and n not in values]
    if absent:
        return {"target": text, "value": None, "verdict": f"no verdict: no {absent[0]}"}
    measured = values[target.contender] / (values[target.over] if target.over else 1)
    verdict = "met" if target.low <= measured <= target.high else "missed"
    if why_not:
        verdict = f"no verdict: {why_not}"
    return {"target": text, "value": measured, "verdict": verdict}
