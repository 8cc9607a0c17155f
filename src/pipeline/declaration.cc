// SPDX-License-Identifier: Apache-2.0
#include "pipeline/declaration.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace varo {

namespace {

constexpr std::size_t kLong = 16;  // elements of a list, a text excepted

// FNV-1a: what is stored must not change.
std::uint64_t hash_of(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

template <class T>
std::string list_text(const std::vector<T>& list) {
  std::string text = fmt::format("[{}]", fmt::join(list, ", "));
  if (list.size() <= kLong) return text;
  return fmt::format("{} values, {:016x}", list.size(), hash_of(text));
}

std::string value_text(const ArgValue& value) {
  struct Texts {
    std::string operator()(std::monostate) const { return "none"; }
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::int64_t v) const { return fmt::format("{}", v); }
    std::string operator()(double v) const { return fmt::format("{}", v); }
    std::string operator()(const std::string& v) const { return '"' + v + '"'; }
    std::string operator()(const std::vector<std::int64_t>& v) const { return list_text(v); }
    std::string operator()(const std::vector<double>& v) const { return list_text(v); }
    std::string operator()(const std::vector<std::string>& v) const { return list_text(v); }
  };
  return std::visit(Texts(), value);
}

}  // namespace

std::vector<std::string> declaration_of(const Graph& graph) {
  std::vector<std::string> lines;
  const auto name = [&](const Node& node) {
    const GraphNode& from = graph.nodes[static_cast<std::size_t>(node.id)];
    return from.outputs == 1 ? from.origin.name
                             : fmt::format("{}[{}]", from.origin.name, node.output);
  };
  for (const GraphNode& node : graph.nodes) {
    std::vector<std::string> inputs, args;
    for (const Node& input : node.inputs) inputs.push_back(name(input));
    const bool source = node.def->traits().source && node.def->name() != "external_source";
    for (const ArgDef& arg : node.def->args()) {
      const bool files = source && (arg.type == ArgType::text || arg.type == ArgType::texts);
      const bool drawn = arg.name == "seed" && node.def->traits().random;
      if (arg.ignored || files || drawn || !node.args.given(arg.name)) continue;
      const auto per_sample = node.arg_nodes.find(arg.name);
      args.push_back(arg.name + "=" +
                     (per_sample != node.arg_nodes.end() ? name(per_sample->second)
                                                         : value_text(node.args.value(arg.name))));
    }
    if (node.def->traits().random)
      args.push_back(node.draw >= 0 ? fmt::format("seed {} of the pipeline's", node.draw)
                                    : fmt::format("seed={}", node.seed));
    lines.push_back(fmt::format("{} = {}({}; {})", node.origin.name, node.def->name(),
                                fmt::join(inputs, ", "), fmt::join(args, ", ")));
  }
  std::vector<std::string> outputs;
  for (const Node& output : graph.outputs) outputs.push_back(name(output));
  lines.push_back(fmt::format("outputs {}", fmt::join(outputs, ", ")));
  return lines;
}

}  // namespace varo
