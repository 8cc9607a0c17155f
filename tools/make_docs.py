#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the operator reference: one Markdown page an operator, and an index by group.

    ./dev docs                       (or: tools/make_docs.py FOLDER, with the package importable)

Everything on a page comes from the operator's schema and from its cases with docs=True, which are
run while the page is written.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections import defaultdict
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "tests" / "contract")]
import conformance  # noqa: E402
import registry  # noqa: E402
import schema_text  # noqa: E402

TRAITS = {
    "pointwise": "Works voxel by voxel: chains of such operators become one pass over memory.",
    "random": "Random: the values follow from the seed and the sample's number alone.",
    "source": "Begins a graph: gives one sample each time the pipeline asks.",
    "moves_only": "Moves values and never changes them: any element type passes untouched.",
    "keeps_grid": "Leaves the voxel grid and the affine as they are.",
}
MOST_SHOWN = 64  # elements of an array printed in an example


def table(header: list[str], rows: list[list[str]]) -> str:
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    lines = [header, ["---"] * len(header)] + cells
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def inputs_section(op: dict) -> list[str]:
    rows = []
    for node in op["inputs"]:
        name = f"`{node['name']}`" + (" (any number)" if node["variadic"] else " (optional)" if node["optional"] else "")
        layouts = ", ".join(node["layouts"]) or "any"
        rows.append([name, node["doc"], layouts, ", ".join(node["dtypes"]) or "any"])
    return ["## Inputs", table(["input", "meaning", "layouts", "element types"], rows)] if rows else []


def arguments_section(op: dict) -> list[str]:
    rows = []
    for arg in op["args"]:
        kind = schema_text.type_text(arg) + (", constant" if arg["constant"] else "")
        default = "required" if arg["required"] else f"`{schema_text.default_text(arg)}`"
        doc = arg["doc"] + (f" ({schema_text.range_text(arg)})" if schema_text.range_text(arg) else "")
        rows.append([f"`{arg['name']}`", kind, default, doc])
    if not rows:
        return []
    return ["## Arguments", "Arguments that are not constant may also come from a node: one value for each sample.",
            table(["argument", "type", "default", "meaning"], rows), *schema_text.combination_texts(op)]


def outputs_section(op: dict) -> list[str]:
    rows = [[f"`{out['name']}`", out["doc"]] for out in op["outputs"]]
    return ["## Outputs", table(["output", "meaning"], rows)] if rows else []


def array_text(name: str, array: np.ndarray) -> str:
    head = f"{name}: {array.dtype}, shape {list(array.shape)}"
    if array.size == 0:
        return head
    if array.size <= MOST_SHOWN:
        return f"{head}\n{np.array2string(array, precision=4, suppress_small=True)}"
    values = array.astype(np.float64)
    return f"{head}, values {values.min():g} to {values.max():g}, mean {values.mean():g}"


def example_text(case, op: dict) -> str:
    arrays = conformance.inputs_of(case)
    names = [node["name"] for node in op["inputs"]] or []
    names += [f"{names[-1]}{i}" for i in range(2, 2 + len(arrays) - len(names))] if names else []
    labelled = [f'varo.as_tensor({n}, layout="{layout}")' if layout else n
                for n, layout in zip(names, conformance.layouts_of(case))]
    args = [f"{key}={value!r}" for key, value in case.args.items()]
    lines = [f"### {case.name[0].upper()}{case.name[1:]}",
             f"```python\n{schema_text.python_name(case.op)}({', '.join(labelled + args)})\n```"]
    if case.check is not None:
        outputs = conformance.run_pipeline(case, [arrays])[0]
    else:
        outputs = conformance.run_eager(case, arrays)
    shown = [array_text(n, a) for n, a in zip(names, arrays)]
    shown += [array_text(out["name"], a) for out, a in zip(op["outputs"], outputs)]
    lines.append("```text\n" + "\n".join(shown) + "\n```")
    return "\n\n".join(lines)


def page(op: dict, cases: list) -> str:
    parts = [f"# {op['name']}", op["summary"], f"```python\n{schema_text.call_text(op)}\n```"]
    if op["doc"]:
        parts.append(op["doc"])
    parts += [text for trait, text in TRAITS.items() if op["traits"].get(trait)]
    parts += inputs_section(op) + arguments_section(op) + outputs_section(op)
    shown = [case for case in cases if case.docs]
    if shown:
        parts += ["## Examples"] + [example_text(case, op) for case in shown]
    references = dict.fromkeys(case.reference for case in shown if case.reference is not None)
    if references:
        parts += ["## The same in plain Python", "What the tests compare with:"]
        parts += [f"```python\n{textwrap.dedent(inspect.getsource(ref)).strip()}\n```" for ref in references]
    return "\n\n".join(parts) + "\n"


def index(operators: list[dict], group_of: dict[str, str]) -> str:
    groups = defaultdict(list)
    for op in operators:
        groups[group_of.get(op["name"], "sources" if op["traits"]["source"] else "other")].append(op)
    parts = ["# Operators", f"{len(operators)} operators, by group. Every one works in a pipeline and at once on arrays."]
    for group in sorted(groups):
        rows = [[f"[{op['name']}](operators/{op['name']}.md)", op["summary"]] for op in groups[group]]
        parts += [f"## {group}", table(["operator", "what it does"], rows)]
    return "\n\n".join(parts) + "\n"


def write(folder: Path, operators: list[dict], files: list) -> None:
    group_of, cases_of = {}, defaultdict(list)
    for file in files:
        if file.error is not None:
            raise file.error
        for case in registry.cases_of([file]):
            cases_of[case.op].append(case)
        for case in file.cases:
            group_of.setdefault(case.op, file.path.parent.name)

    (folder / "operators").mkdir(parents=True, exist_ok=True)
    for old in (folder / "operators").glob("*.md"):
        old.unlink()
    (folder / "index.md").write_text(index(operators, group_of))
    for op in operators:
        (folder / "operators" / f"{op['name']}.md").write_text(page(op, cases_of[op["name"]]))


def main() -> int:
    folder = Path(sys.argv[1])
    operators = list(filter(schema_text.is_function, registry.operators()))
    write(folder, operators, registry.load_all())
    print(f"{len(operators)} pages in {folder}, begin at {folder / 'index.md'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
