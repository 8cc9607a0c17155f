// SPDX-License-Identifier: Apache-2.0
#include "core/simd.h"

#include <cstdlib>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <hwy/targets.h>

#include "varo/error.h"

namespace varo {

namespace {

std::string name_of(std::int64_t target) {
  std::string name = hwy::TargetName(target);
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return name;
}

bool limited() {
  const char* const limit = std::getenv("VARO_SIMD");
  if (limit == nullptr || *limit == '\0') return false;
  // Bits of better targets are lower.
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    if (name_of(target) != limit) continue;
    hwy::DisableTargets(target - 1);
    return true;
  }
  throw Error(ErrorKind::param,
              "the environment variable VARO_SIMD names no instruction set that can be used")
      .got(limit)
      .allowed(fmt::format("{}", fmt::join(simd_targets(), ", ")));
}

}  // namespace

std::vector<std::string> simd_targets() {
  std::vector<std::string> names;
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets())
    names.push_back(name_of(target));
  return names;
}

void limit_simd() { [[maybe_unused]] static const bool once = limited(); }

}  // namespace varo
