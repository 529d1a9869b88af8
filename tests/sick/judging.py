"""How well the diagnosis does: precision and recall of each rule, and whether remedies help.

Precision is reported twice: *strict* counts a finding as right only if it names the fault that was
put in, *right* also if it is a declared consequence. *First* says how often the finding at the top
names the fault.
"""

import warnings
import zlib

import numpy as np

import autodiff as ad
import viz

from .parts import CASES

TUNED, HELD_OUT = (0, 1), (2000, 2001)
"""Seeds that were looked at while thresholds were chosen, and seeds that were not."""
COLUMNS = "sick found first | alarms strict right | tried better cured"


def made(network, seed):
    """A network of a seed; a healthy one after its first ten steps."""
    rng = np.random.default_rng([seed, zlib.crc32(network.name.encode())])
    ad.manual_seed(seed)
    loss_of, model, optimizer = network.build(rng)
    for _ in range(0 if network.cause else 10):
        optimizer.zero_grad()
        loss_of(model).backward()
        optimizer.step()
    model.zero_grad()
    return loss_of, model, optimizer


def judged(network, seed, fix=True):
    """Findings, and of the one that names the fault the trial of its first remedy (or an error)."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        loss_of, model, optimizer = made(network, seed)
        found = viz.diagnose(loss_of, model, optimizer)
        named = next((f for f in found if f.rule == network.cause), None)
        if not fix or named is None:
            return found, None
        try:
            return found, named.try_fix()
        except ValueError as error:
            return found, error


def table(rows):
    """The numbers of `COLUMNS` for each rule; rows of (network, seed, findings, trial)."""
    lines = {}
    for rule in dict.fromkeys(n.cause for n, *_ in rows if n.cause):
        own = [r for r in rows if r[0].cause == rule]
        hits = [r for r in own if any(f.rule == rule for f in r[2])]
        first = [r for r in own if r[2] and r[2][0].rule in r[0].causes]
        alarms = [r[0] for r in rows if any(f.rule == rule for f in r[2])]
        strict = [n for n in alarms if rule in n.causes]
        right = [n for n in alarms if rule in n.causes | set(n.besides)]
        tried = [r[3] for r in hits if r[3] is not None]
        better = [t for t in tried if getattr(t, "improved", False)]
        cured = [t for t in tried if getattr(t, "cured", False)]
        lines[rule] = [
            len(x) for x in (own, hits, first, alarms, strict, right, tried, better, cured)
        ]
    return lines


def report(seeds):
    """Print the table, and what went wrong."""
    rows = [(n, seed, *judged(n, seed)) for n in CASES for seed in seeds]
    healthy = [r for r in rows if not r[0].cause]
    print(f"seeds {seeds}: {len(rows)} networks, {len(healthy)} of them healthy")
    print(f"{'rule':<20} {COLUMNS}")
    lines = table(rows)
    lines["all"] = np.sum(list(lines.values()), axis=0)
    for rule, (a, b, c, d, e, f, g, h, i) in lines.items():
        print(f"{rule:<20} {a:4d} {b:5d} {c:5d} | {d:6d} {e:6d} {f:5d} | {g:5d} {h:6d} {i:5d}")
    for network, seed, found, trial in rows:
        where = f"{network.name} {seed}"
        rules = [f.rule for f in found]
        if network.cause and network.cause not in rules:
            print(f"  missed: {where}: {network.cause}, found {rules}")
        elif network.cause and rules[0] not in network.causes:
            print(f"  not first: {where}: {network.cause}, but {rules}")
        for f in found:
            if f.rule not in network.causes | set(network.besides):
                print(f"  false: {where}: {str(f).splitlines()[0]}")
        if trial is not None and not getattr(trial, "improved", False):
            print(f"  not fixed: {where}: {trial}")
