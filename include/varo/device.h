// SPDX-License-Identifier: Apache-2.0
/// Where memory lies.
#pragma once

#include <cstdint>
#include <string>

#include "varo/api.h"

namespace varo {

/// A kind of memory and, for kinds that there may be several of, which one.
///
/// host    memory of this process, as malloc gives it
/// pinned  memory of the host that devices read and write too; it never moves
/// cuda    memory of the CUDA device `index`: the host must not follow a pointer into it
struct Device {
  enum Kind : std::uint8_t { host, pinned, cuda } kind = host;
  std::int8_t index = 0;

  /// Whether the host can follow a pointer into it.
  constexpr bool on_host() const { return kind != cuda; }
  friend constexpr bool operator==(const Device&, const Device&) = default;
};

/// "host", "pinned", "cuda:1"
VARO_API std::string to_string(Device device);

}  // namespace varo
