// SPDX-License-Identifier: Apache-2.0
#include <pybind11/stl.h>

#include "operators/api/operator.h"
#include "python/bind.h"

namespace varo::python {

namespace {

py::list layouts_of_input(const InputDef& input) {
  py::list layouts;
  for (const Layout& layout : input.layouts) layouts.append(std::string(layout.str()));
  return layouts;
}

py::dict described(const OperatorDef& def) {
  py::list inputs, args, outputs, exclusive;
  for (const InputDef& input : def.inputs()) {
    py::dict d;
    d["name"] = input.name;
    d["doc"] = input.doc;
    py::list dtypes;
    for (const DType t : input.dtypes) dtypes.append(std::string(name_of(t)));
    d["dtypes"] = dtypes;
    d["layouts"] = layouts_of_input(input);
    d["least_rank"] = input.least_rank;
    d["most_rank"] = input.most_rank;
    d["optional"] = input.optional;
    d["variadic"] = input.variadic;
    inputs.append(d);
  }
  for (const ArgDef& arg : def.args()) {
    py::dict d;
    d["name"] = arg.name;
    d["type"] = std::string(name_of(arg.type));
    d["default"] = arg.default_value;
    d["doc"] = arg.doc;
    d["required"] = arg.required;
    d["constant"] = arg.constant;
    d["least"] = arg.least;
    d["most"] = arg.most;
    d["choices"] = arg.choices;
    d["ignored"] = arg.ignored;
    args.append(d);
  }
  for (const auto& output : def.outputs())
    outputs.append(py::dict(py::arg("name") = output.name, py::arg("doc") = output.doc));
  for (const ExclusiveArgs& group : def.exclusive_args()) {
    py::list alternatives;
    for (const Alternative& alternative : group.alternatives)
      alternatives.append(alternative.names);
    exclusive.append(
        py::dict(py::arg("alternatives") = alternatives, py::arg("required") = group.required));
  }
  const Traits& t = def.traits();
  py::dict traits;
  traits["pointwise"] = t.pointwise;
  traits["random"] = t.random;
  traits["source"] = t.source;
  traits["moves_only"] = t.moves_only;
  traits["keeps_grid"] = t.keeps_grid;
  py::dict d;
  d["name"] = def.name();
  d["summary"] = def.summary();
  d["doc"] = def.details();
  d["inputs"] = inputs;
  d["args"] = args;
  d["exclusive"] = exclusive;
  d["together"] = def.args_together();
  d["outputs"] = outputs;
  d["outputs_vary"] = def.outputs().size() > 1 &&
                      def.output_count(Args(def)) != static_cast<int>(def.outputs().size());
  d["traits"] = traits;
  d["hidden"] = def.is_hidden();
  return d;
}

}  // namespace

void bind_schema(py::module_& m) {
  m.def(
      "operators",
      [] {
        py::list all;
        for (const OperatorDef* def : operator_table()) all.append(described(*def));
        return all;
      },
      "The schema of every operator: name, summary, doc, inputs, args, exclusive, together, outputs, "
      "outputs_vary (with the arguments), traits, hidden.");
}

}  // namespace varo::python
