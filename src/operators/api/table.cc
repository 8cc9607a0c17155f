// SPDX-License-Identifier: Apache-2.0
// The operator table.
#include <algorithm>

#include "operators/api/operator.h"

namespace varo {

// Defined by the build: one entry a file.
std::vector<std::vector<OperatorDef> (*)()> operator_files();

namespace {
const std::vector<OperatorDef>& definitions() {
  static const std::vector<OperatorDef> all = [] {
    std::vector<OperatorDef> defs;
    for (const auto file : operator_files())
      for (OperatorDef& def : file()) defs.push_back(std::move(def));
    std::sort(defs.begin(), defs.end(),
              [](const auto& a, const auto& b) { return a.name() < b.name(); });
    return defs;
  }();
  return all;
}
}  // namespace

const std::vector<const OperatorDef*>& operator_table() {
  static const std::vector<const OperatorDef*> table = [] {
    std::vector<const OperatorDef*> t;
    for (const OperatorDef& def : definitions()) t.push_back(&def);
    return t;
  }();
  return table;
}

const OperatorDef* find_operator(std::string_view name) {
  for (const OperatorDef* def : operator_table())
    if (def->name() == name) return def;
  return nullptr;
}

}  // namespace varo
