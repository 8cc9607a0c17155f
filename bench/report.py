# SPDX-License-Identifier: Apache-2.0
"""Results as a text table and as an SVG bar chart."""

from __future__ import annotations

import math
from html import escape


def _columns(lines, widths=()):
    """Rows of cells as text: the first column to the left, the others to the right; at least so wide."""
    count = max(map(len, lines))
    widths = [max([w, *(len(line[i]) for line in lines if len(line) > i)]) for i, w in zip(range(count), [*widths, *[0] * count])]
    return "\n".join("  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))).rstrip()
                     for line in lines)


def _times(value):
    return f"{value:.2g}x" if value < 1 else f"{value:.1f}x" if value < 100 else f"{value:.0f}x"


def _against(peer, ratio):
    """How Varo stands to a peer: times faster; to a plain copy: the time of how many copies it takes."""
    return f"{1 / ratio:.1f} copies" if peer == "copy" else _times(ratio)


def _reached(result, peer):
    """Whether the goal is reached; 15 % off counts."""
    goal = result["goal"].get(peer)
    if not goal:
        return ["", ""]
    ratio, wanted = result["ratios"][peer], 1 / goal if peer == "copy" else goal
    return [_against(peer, wanted), "yes" if ratio * 1.15 >= wanted else "no"]


class KernelTable:
    """Text of the kernel table, a row at a time. `clock` says what the milliseconds are of."""

    def __init__(self, names, clock):
        self._title = f"work, one thread, {clock}"
        self._widths = [max(map(len, [*names, self._title])), 8, 6, 14, 8, 6, 12, 10, 7]

    def head(self):
        return _columns([[self._title, "Varo ms", "spread", "peer", "peer ms", "spread", "Varo is", "goal", "reached"]],
                        self._widths)

    def row(self, result):
        if "error" in result:
            return f"{result['name']}  failed: {result['error'].splitlines()[0]}"
        lines, first = [], [result["name"], f"{result['ms']['Varo']:.2f}", f"{result['spread']['Varo']:.0%}"]
        for peer, ratio in result["ratios"].items():
            lines.append([*first, peer, f"{result['ms'][peer]:.2f}", f"{result['spread'][peer]:.0%}", _against(peer, ratio),
                          *_reached(result, peer)])
            first = ["", "", ""]
        return _columns(lines, self._widths)


TWO_THREADS = 1.8  # times one thread, of what the memory does not bound


def bounds_table(results, rates):
    """What the memory and the arithmetic allow, what is reached of that, and what a second thread gives."""
    threads = any(r.get("two_threads") for r in results)
    lines = [["bounds of one thread" + ", and two threads" * threads, "Varo ms", "MB", "GB/s", "Mop", "bytes ms", "ops ms", "of bound",
              *["1 thread", "2 threads", "ratio", "cores", "goal", "reached"] * threads]]
    for r in results:
        if "error" in r:
            continue
        ms, by_bytes, by_operations = r["ms"]["Varo"], r["bound_ms"]["bytes"], r["bound_ms"]["operations"]
        needs = r["needs"]
        if isinstance(needs, str):
            operations = f"as {needs}"
        else:
            slowest = max(needs, key=lambda kind: needs[kind] / rates.get(kind, 1), default=None)
            operations = f"{needs[slowest] / 1e6:.1f} {slowest}" if needs else "-"
        line = [r["name"], f"{ms:.2f}", f"{r['touched_bytes'] / 1e6:.1f}", f"{r['touched_bytes'] / by_bytes / 1e6:.1f}",
                operations, f"{by_bytes:.2f}", f"{by_operations:.2f}" if by_operations else "-",
                f"{max(by_bytes, by_operations or 0) / ms:.0%}"]
        two = r["two_threads"]
        if two:
            line += [f"{two['ms'][1]:.2f}", f"{two['ms'][2]:.2f}", f"{two['ratio']:.2f}", f"{two['cores']:.2f}"]
            if by_bytes < ms / 2:  # else the memory is most of it
                line += [f"{TWO_THREADS:.1f}", "yes" if two["ratio"] * 1.15 >= TWO_THREADS else "no"]
        lines.append(line)
    return _columns(lines)


def rates_text(rates):
    if not rates:
        return ""
    billions = {kind: value / 1e9 for kind, value in rates.items()}
    return ("one thread of this machine: " + ", ".join(f"{kind} {billions[kind]:.1f} G/s" for kind in ("flop", "int", "wide", "load"))
            + f"; 64 MiB: copy {billions['copy']:.1f} GB/s read and written, read {billions['read']:.1f} GB/s")


def pipeline_table(results):
    lines = [["pipeline", "loader", "batch", "threads", "samples/s", "spread", "to first peer", "CPU s/sample", "cores busy",
              "waits / T", "at depth 2", "faults/batch", "peak MiB"]]
    for result in results:
        key = [result["pipeline"], result["contender"], str(result["batch"]), str(result["threads"])]
        if "error" in result:
            lines.append([*key, "failed: " + result["error"].splitlines()[-1]])
            continue
        shallow = result.get("waits_at_2")
        lines.append([*key, f"{result['rate']:.1f}", f"{result['spread']:.0%}",
                      _times(result["times_peer"]) if result.get("times_peer") else "",
                      f"{result['cpu_s']:.4f}", f"{result['cores']:.2f}", f"{result['waits']:.1%}",
                      f"{shallow:.1%}" if shallow is not None else "", f"{result['faults']:.0f}", f"{result['peak_mib']:.0f}"])
    return _columns(lines)


def goals_table(goals):
    """goals: [(what, measured, goal, reached)]."""
    return _columns([["goals of whole pipelines", "measured", "goal", "reached"], *map(list, goals)])


COLOURS = {"Varo": "#1f77b4", "SciPy": "#ff7f0e", "torch": "#d62728", "copy": "#999999"}
OTHERS = ("#2ca02c", "#9467bd", "#8c564b", "#e377c2", "#17becf")
BAR, GAP, LEFT, WIDTH = 13, 9, 450, 430


def _colour(name):
    return COLOURS.get(name) or ("#1f77b4" if name.startswith("Varo") else OTHERS[sum(map(ord, name)) % len(OTHERS)])


def _panel(title, groups, y, unit):
    """Bars on a logarithmic axis. groups: [(name, [(contender, value, text)])]. Returns SVG lines and the next y."""
    values = [v for _, bars in groups for _, v, _ in bars if v > 0]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)) + 1e-9)
    span = max(high - low, 1)
    place = lambda v: WIDTH * (math.log10(v) - low) / span
    out = [f'<text x="10" y="{y}" class="title">{escape(title)}</text>']
    top, y = y + 14, y + 22
    bottom = y + sum(len(bars) * BAR + GAP for _, bars in groups)
    for power in range(low, low + span + 1):
        x = LEFT + place(10.0**power)
        out.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}" class="grid"/>'
                   f'<text x="{x:.1f}" y="{bottom + 12}" class="tick">{10.0**power:g} {unit}</text>')
    for name, bars in groups:
        out.append(f'<text x="{LEFT - 90}" y="{y + BAR - 3}" class="name">{escape(name)}</text>')
        for contender, value, text in bars:
            out.append(f'<text x="{LEFT - 6}" y="{y + BAR - 3}" class="who">{escape(contender)}</text>'
                       f'<rect x="{LEFT}" y="{y + 1}" width="{max(place(value), 1):.1f}" height="{BAR - 2}" '
                       f'fill="{_colour(contender)}"/>'
                       f'<text x="{LEFT + place(value) + 4:.1f}" y="{y + BAR - 3}" class="value">{escape(text)}</text>')
            y += BAR
        y += GAP
    return out, bottom + 40


def svg(kernels, pipelines, heading):
    parts, y = [], 46
    groups = [(r["name"], [(who, ms, f"{ms:.2f}") for who, ms in r["ms"].items()]) for r in kernels if "error" not in r]
    if groups:
        lines, y = _panel("Milliseconds, one thread (less is better)", groups, y, "ms")
        parts += lines
    by_work = {}
    for r in pipelines:
        if "error" not in r:
            label = f"{r['pipeline']}, {r['threads']} thread{'s' if r['threads'] > 1 else ''}" + ", one volume" * (r["batch"] == 1)
            by_work.setdefault(label, []).append((r["contender"], r["rate"], f"{r['rate']:.1f}"))
    if by_work:
        lines, y = _panel("Samples per second (more is better)", list(by_work.items()), y, "/s")
        parts += lines
    style = ("text{font:11px sans-serif;fill:#222}.title{font-weight:bold;font-size:13px}.name{text-anchor:end}"
             ".who{text-anchor:end;fill:#666}.tick{text-anchor:middle;fill:#666}.grid{stroke:#ddd}")
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 70}" height="{y}">',
                      f"<style>{style}</style>", '<rect width="100%" height="100%" fill="white"/>',
                      f'<text x="10" y="20">{escape(heading)}</text>', *parts, "</svg>", ""])


def comparison_table(results, revision):
    """Costs in ms a call or a sample."""
    lines = [["work", f"{revision} ms", "here ms", "here / there", "noise band", ""]]
    for r in results:
        if "error" in r:
            lines.append([r["name"], "failed " + r["error"].splitlines()[0]])
            continue
        lines.append([r["name"], f"{1e3 * r['there']:.2f}", f"{1e3 * r['here']:.2f}", f"{r['ratio']:.3f}",
                      f"+-{r['band']:.1%}", r["verdict"]])
    return _columns(lines)
