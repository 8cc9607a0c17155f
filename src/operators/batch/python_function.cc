// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <fmt/format.h>

#include "operators/api/python_caller.h"

namespace varo {

namespace {

std::atomic<PythonCaller> g_caller{nullptr};

class PythonFunction final : public BatchOperator {
 public:
  explicit PythonFunction(const Args& args)
      : function_(args.integer("function")), layouts_(args.texts("output_layouts")) {}

  bool calls_foreign_code() const override { return true; }
  BatchNeed batch_need() const override { return BatchNeed::own; }

  void run_batch(std::span<const BatchItem> items, std::span<Outputs> outputs) const override {
    const PythonCaller caller = g_caller.load();
    if (caller == nullptr)
      throw Error(ErrorKind::state, "there is no Python in this process to call the function in");
    caller(function_, items, outputs);
    for (std::size_t o = 0; o < outputs[0].size(); ++o) {
      const Tensor& first = outputs[0][o];
      for (std::size_t i = 0; i < outputs.size(); ++i) {
        Tensor& output = outputs[i][o];
        if (output.dtype() != first.dtype() || output.rank() != first.rank())
          throw Error(output.dtype() != first.dtype() ? ErrorKind::type : ErrorKind::shape,
                      fmt::format("the function returned arrays that differ in output {}", o))
              .got(fmt::format("{} {} for sample {} of the batch, {} {} for the first",
                               varo::name_of(output.dtype()), to_string(output.shape()), i,
                               varo::name_of(first.dtype()), to_string(first.shape())))
              .allowed("one element type and number of axes; extents may differ");
        if (layouts_.empty()) continue;
        const Layout layout(layouts_[layouts_.size() == 1 ? 0 : o]);
        if (!layout.empty() && layout.rank() != output.rank())
          throw Error(ErrorKind::layout,
                      fmt::format("argument output_layouts does not fit what the function returned "
                                  "as output {}",
                                  o))
              .got(to_string(output.shape()))
              .allowed(fmt::format("\"{}\", {} axes", layout.str(), layout.rank()));
        output = output.relabelled(layout);
      }
    }
  }

 private:
  const std::int64_t function_;
  const std::vector<std::string> layouts_;
};

}  // namespace

void set_python_caller(PythonCaller caller) { g_caller.store(caller); }

VARO_OPERATORS(batch, python_function) {
  return {
      OperatorDef("python_function", "A function of the user's, in Python.")
          .input({.name = "inputs",
                  .doc = "What the function is given.",
                  .optional = true,
                  .variadic = true})
          .output("outputs", "What the function returned.")
          .arg({.name = "function",
                .type = ArgType::integer,
                .doc = "Number under which the Python face knows the function.",
                .required = true,
                .constant = true})
          .arg({.name = "num_outputs",
                .type = ArgType::integer,
                .default_value = std::int64_t{1},
                .doc = "How many outputs the function returns.",
                .constant = true,
                .least = 0,
                .most = 64})
          .arg({.name = "output_layouts",
                .type = ArgType::texts,
                .default_value = std::vector<std::string>{},
                .doc = "Axis letters of each output, or of all.",
                .constant = true})
          .arg(
              {.name = "when",
               .type = ArgType::boolean,
               .doc =
                   "Where nobody reads the outputs: whether the function is called for the sample."})
          .hidden()
          .outputs_by(
              [](const Args& args) { return static_cast<int>(args.integer("num_outputs")); })
          .make<PythonFunction>()};
}

}  // namespace varo
