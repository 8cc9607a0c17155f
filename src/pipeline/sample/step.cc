// SPDX-License-Identifier: Apache-2.0
#include "pipeline/sample/step.h"

namespace varo {

void Step::reset() {
  node = -1;
  in.clear();
  out.clear();
  deferred = {};
  tensors.clear();
  program = {};
  nodes.clear();
  reductions.clear();
  streams = false;
  frees.clear();
  completes = 0;
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
