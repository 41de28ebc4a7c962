"""The figures as a table: a line a figure, a column a contender, and how many times Lakeferry's a baseline's is."""

from __future__ import annotations

from typing import Any

LINES = (("wall time, s", "wall_s", ".1f"), ("CPU of its processes, s", "cpu_s", ".1f"), ("peak memory of its processes, MiB", "peak_mib", ".0f"),
         ("statements", "statements", ",.0f"), ("bytes to and from the workspace, MB", "bytes", ".1f"),
         ("warehouse busy, s", "busy_s", ".1f"), ("rows wrong", "rows_wrong", ",.0f"), ("rows", "rows", ",.0f"),
         ("CPU of the workspace, s", "workspace_cpu_s", ".1f"), ("peak memory with who sends calls, MiB", "peak_with_sender_mib", ".0f"))
BASELINES = ("dlt", "script")


def table(out: dict[str, Any]) -> str:
    found, machine = out["contenders"], out["machine"]
    loads = ", ".join(f"{name} {one['load_before']:.1f} to {one['load_after']:.1f}" for name, one in found.items())
    lines = [f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, Linux {machine['kernel']}; everything on this machine, "
             "one contender after the other, each on a fresh workspace",
             f"{out['calls']:,} calls ({out['distinct_calls']:,} distinct), {out['input_bytes'] / 2**20:.0f} MiB, seed {out['seed']}; "
             f"load average before and after: {loads}", "",
             f"{'':38}" + "".join(f"{name:>16}" for name in found)]
    for title, key, form in LINES:
        scale = 1e6 if key == "bytes" else 1
        lines.append(f"{title:38}" + "".join(f"{format(one[key] / scale, form):>16}" for one in found.values()))
    for ours in (name for name in found if name.startswith("lakeferry")):
        for theirs in (name for name in found if name in BASELINES):
            ratios = [f"{title.split(',')[0]} {found[theirs][key] / found[ours][key]:.2f}" for title, key, _ in LINES[:6] if found[ours][key]]
            lines.append(f"{theirs} : {ours} = " + ", ".join(ratios))
    remarks = [f"{name}: {remark}" for name, one in found.items() for remark in one["remarks"][:20]]
    return "\n".join(lines + remarks)
