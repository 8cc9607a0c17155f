// SPDX-License-Identifier: Apache-2.0
#include "pipeline/sample/step.h"

namespace varo {

void Step::reset() {
  node = -1;
  streams = false;
  completes = 0;
  frees.clear();
  if (kind == Kind::view) return;
  in.clear();
  out.clear();
  if (kind == Kind::read) deferred = {};
  tensors.clear();
  nodes.clear();
  if (kind == Kind::fused) program = {};
  reductions.clear();
}

std::string_view name_of(Step::Kind kind) {
  switch (kind) {
    case Step::Kind::view:
      return "view";
    case Step::Kind::read:
      return "read";
    case Step::Kind::copy:
      return "copy";
    case Step::Kind::run:
      return "run";
    case Step::Kind::call:
      return "call";
    case Step::Kind::fused:
      return "fused";
    case Step::Kind::reduce:
      return "reduce";
  }
  return "";
}

}  // namespace varo
