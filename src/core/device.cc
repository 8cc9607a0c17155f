// SPDX-License-Identifier: Apache-2.0
#include "varo/device.h"

namespace varo {

std::string to_string(Device device) {
  if (device.kind == Device::host) return "host";
  if (device.kind == Device::pinned) return "pinned";
  return "cuda:" + std::to_string(device.index);
}

}  // namespace varo
