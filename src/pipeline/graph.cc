// SPDX-License-Identifier: Apache-2.0
#include "pipeline/graph.h"

#include <algorithm>
#include <fmt/format.h>

#include "core/philox.h"

namespace varo {

namespace {

// The name in `names` closest to `name` by edit distance, if it is close at all.
std::string nearest(const std::string& name, const std::vector<std::string>& names) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const std::string& other : names) {
    std::vector<std::size_t> row(other.size() + 1);
    for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= name.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i;
      for (std::size_t j = 1; j < row.size(); ++j) {
        const std::size_t substitute = diagonal + (name[i - 1] != other[j - 1]);
        diagonal = row[j];
        row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
      }
    }
    if (row.back() < best_distance) {
      best_distance = row.back();
      best = other;
    }
  }
  return best;
}

Error unknown(ErrorKind kind, std::string what, const std::string& name,
              const std::vector<std::string>& known) {
  Error error(kind, fmt::format("unknown {} {}", what, name));
  const std::string close = nearest(name, known);
  if (!close.empty()) return std::move(error).hint(close);
  return std::move(error).allowed(fmt::format("{}", fmt::join(known, ", ")));
}

void check_input_count(const OperatorDef& def, std::size_t count) {
  const auto& inputs = def.inputs();
  const auto least = static_cast<std::size_t>(
      std::count_if(inputs.begin(), inputs.end(), [](const InputDef& i) { return !i.optional; }));
  const bool endless = !inputs.empty() && inputs.back().variadic;
  if (count >= least && (endless || count <= inputs.size())) return;
  std::string allowed = endless                  ? fmt::format("at least {}", least)
                        : least == inputs.size() ? fmt::format("{}", least)
                                                 : fmt::format("{} to {}", least, inputs.size());
  throw Error(ErrorKind::param, "wrong number of inputs")
      .got(fmt::format("{}", count))
      .allowed(std::move(allowed));
}

// Arguments that every operator takes and that say nothing about what it computes.
bool is_common(const std::string& name) {
  return name == "bytes_per_sample_hint" || name == "preserve" || name == "seed";
}

constexpr std::string_view kDevices[] = {"cpu", "gpu", "mixed"};

NodeDevice device_named(const std::string& name) {
  for (int i = 0; i < 3; ++i)
    if (kDevices[i] == name) return static_cast<NodeDevice>(i);
  throw Error(ErrorKind::param, "unknown device")
      .got(fmt::format("\"{}\"", name))
      .allowed(R"("cpu", "gpu" or "mixed")");
}

std::uint64_t drawn_seed(std::uint64_t pipeline_seed, std::int64_t draw) {
  return mix64(pipeline_seed + mix64(static_cast<std::uint64_t>(draw)));
}

void set_seed(GraphNode& node, std::uint64_t seed) {
  node.seed = seed;
  if (node.def->find_arg("seed") != nullptr)
    node.args.set("seed", static_cast<std::int64_t>(seed & 0x7fff'ffff'ffff'ffffU));
}

}  // namespace

std::string_view name_of(NodeDevice device) { return kDevices[static_cast<int>(device)]; }

bool Graph::on_gpu(Node node) const {
  if (node.transfer != Transfer::none) return node.transfer == Transfer::to_gpu;
  return nodes[static_cast<std::size_t>(node.id)].device != NodeDevice::cpu;
}

void Graph::reseed(std::uint64_t pipeline_seed) {
  for (GraphNode& node : nodes)
    if (node.draw >= 0) set_seed(node, drawn_seed(pipeline_seed, node.draw));
}

void Graph::put_on_cpu() {
  for (GraphNode& node : nodes) {
    node.device = NodeDevice::cpu;
    for (Node& input : node.inputs) input.transfer = Transfer::none;
    for (auto& [name, source] : node.arg_nodes) source.transfer = Transfer::none;
  }
  for (Node& output : outputs) output.transfer = Transfer::none;
}

Node Graph::add(const std::string& op, std::vector<Node> inputs, Arguments args, Origin origin,
                std::uint64_t pipeline_seed, const std::string& device) {
  try {
    const OperatorDef* def = find_operator(op);
    if (def == nullptr) {
      std::vector<std::string> names;
      for (const OperatorDef* known : operator_table()) names.push_back(known->name());
      throw unknown(ErrorKind::type, "operator", op, names);
    }
    check_input_count(*def, inputs.size());
    GraphNode node{.def = def,
                   .inputs = std::move(inputs),
                   .args = Args(*def),
                   .arg_nodes = {},
                   .origin = origin};
    const auto check_node = [&](const Node& from, const std::string& what) {
      if (from.id < 0 || from.id >= static_cast<int>(nodes.size()))
        throw Error(ErrorKind::param, what + " belongs to another pipeline");
      const GraphNode& source = nodes[static_cast<std::size_t>(from.id)];
      if (from.output < 0 || from.output >= source.outputs)
        throw Error(ErrorKind::param, what + " is an output that there is not")
            .got(fmt::format("output {} of {}", from.output, source.origin.name))
            .allowed(fmt::format("0 to {}", source.outputs - 1));
    };
    for (const Node& input : node.inputs) check_node(input, "an input");
    if (!device.empty())
      node.device = device_named(device);
    else if (std::any_of(node.inputs.begin(), node.inputs.end(),
                         [this](const Node& input) { return on_gpu(input); }))
      node.device = NodeDevice::gpu;
    for (auto& [name, argument] : args) {
      if (def->find_arg(name) == nullptr && !is_common(name)) {
        std::vector<std::string> names;
        for (const ArgDef& arg : def->args()) names.push_back(arg.name);
        throw unknown(ErrorKind::type, "argument", name, names);
      }
      if (const Node* per_sample = std::get_if<Node>(static_cast<Argument::Base*>(&argument))) {
        if (is_common(name))
          throw Error(ErrorKind::type, fmt::format("argument {} must be a constant", name));
        check_node(*per_sample, fmt::format("argument {}", name));
        node.args.set_per_sample(name);
        node.arg_nodes.emplace(name, *per_sample);
      } else if (!is_common(name)) {
        node.args.set(name, std::get<ArgValue>(argument));
      }
    }
    const auto common = [&](const char* name) -> const ArgValue* {
      const auto at = args.find(name);
      return at == args.end() ? nullptr
                              : std::get_if<ArgValue>(static_cast<Argument::Base*>(&at->second));
    };
    if (const ArgValue* v = common("preserve"))
      if (const bool* keep = std::get_if<bool>(v)) node.preserve = *keep;
    node.args.check();
    if (def->traits().random) {
      // Declaration order decides, so that a graph's streams do not depend on what is pruned.
      node.draw = static_cast<std::int64_t>(seeds_drawn_++);
      std::uint64_t own = drawn_seed(pipeline_seed, node.draw);
      if (const ArgValue* v = common("seed"))
        if (const auto* seed = std::get_if<std::int64_t>(v); seed != nullptr && *seed >= 0) {
          node.draw = -1;
          own = static_cast<std::uint64_t>(*seed);
        }
      set_seed(node, own);
    }
    node.outputs = def->output_count(node.args);
    if (node.origin.name.empty()) node.origin.name = fmt::format("{}_{}", op, nodes.size());
    for (const GraphNode& other : nodes)
      if (other.origin.name == node.origin.name)
        throw Error(ErrorKind::param, fmt::format("the name {} is taken", node.origin.name))
            .got(fmt::format("first used at {}", other.origin.defined));
    node.declared = static_cast<int>(nodes.size());
    nodes.push_back(std::move(node));
    return {static_cast<int>(nodes.size()) - 1, 0};
  } catch (Error& error) {
    error.set_operator(op);
    error.set_defined(origin.defined);
    throw;
  }
}

}  // namespace varo
