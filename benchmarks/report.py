"""The results as JSON, with every raw round, and as a page of tables."""

import json
from pathlib import Path
from typing import Any


def markdown(results: dict[str, Any]) -> str:
    """The page."""
    machine, workloads = results["machine"], results["workloads"]
    lines = [
        f"# Benchmarks of {machine['date'][:10]}, CPU",
        "",
        f"{machine['cpu']}, {machine['cores']} cores (load before the run {machine['load']}), "
        f"{machine['system']}; Python {machine['python']}, BLAS {machine['blas']}; "
        f"commit {machine['commit']}.",
        "",
        f"{results['rounds']} interleaved rounds, each measurement {results['seconds']:g} s in a "
        "process of its own; lower quartiles. `README.md`, one folder up, says how to read this.",
        "",
        "| workload | target | measured | verdict | A/A |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, result in workloads.items():
        aa = "–" if result["aa_ratio"] is None else f"{result['aa_ratio']:.3f}"
        for goal in result["targets"]:
            value = "–" if goal["value"] is None else f"{goal['value']:.3g}"
            lines.append(f"| {name} | {goal['target']} | {value} | {goal['verdict']} | {aa} |")
    for name, result in workloads.items():
        lines += ["", *table(name, result)]
    return "\n".join(lines) + "\n"


def table(name: str, result: dict[str, Any]) -> list[str]:
    """One workload: who took how long, relative to ours."""
    entries = result["entries"]
    ours = entries.get("ours", {}).get("value")
    data = next((e["data"] for e in entries.values() if "data" in e), None)
    lines = [
        f"## {name}",
        "",
        result["title"] + (f"; data: {data}." if data else "."),
        "",
        f"| contender | version | {result['unit']} | range of rounds | over ours | threads |",
        "| --- | --- | ---: | ---: | ---: | --- |",
    ]
    for entry in entries.values():
        ratio = number(entry["value"] / ours) if ours else "–"
        low, high = min(entry["rounds"]), max(entry["rounds"])
        lines.append(
            f"| {entry['title']} | {entry['version']} | {number(entry['value'])} "
            f"| {number(low)} to {number(high)} | {ratio} | {entry['threads']} |"
        )
    lines += [f"| {who} | | skipped: {why} | | | |" for who, why in result["skipped"].items()]
    if result["doubt"]:
        lines += ["", f"**No verdict**: {result['doubt']}."]
    return lines


def number(value: float) -> str:
    """Three digits, without an exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def write(results: dict[str, Any], folder: Path) -> Path:
    """Write both files; gives the page."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / f"{results['machine']['date'][:10]}-cpu.md"
    page.with_suffix(".json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    page.write_text(markdown(results))
    return page
