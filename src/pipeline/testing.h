// SPDX-License-Identifier: Apache-2.0
/// What tests of whole pipelines share.
#pragma once

#include <string>

#include "varo/pipeline.h"

namespace varo::testing {

/// The elements of the next `batches` batches, output by output.
inline std::string bytes_of(Pipeline& pipe, int batches) {
  std::string bytes;
  for (int i = 0; i < batches; ++i)
    for (const Batch& batch : pipe.run())
      for (const Tensor& t : batch.samples)
        bytes.append(static_cast<const char*>(t.view().data),
                     static_cast<std::size_t>(volume(t.shape())) * size_of(t.dtype()));
  return bytes;
}

}  // namespace varo::testing
