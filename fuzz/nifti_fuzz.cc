// SPDX-License-Identifier: Apache-2.0
// Any bytes as a NIfTI file, compressed or not: it is read, or refused with a ReadError.
#include <cstdint>
#include <cstdlib>

#include "core/parallel.h"
#include "formats/nifti/nifti.h"
#include "formats/testing.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const varo::testing::MemoryFile file(data, size);
  try {
    const varo::Tensor whole = varo::nifti_tensor(file.path(), varo::probe_nifti(file.path()));
    varo::testing::read_whole(whole, varo::Parallel::serial());
    varo::Tensor part = whole;
    for (int axis = 0; axis < whole.rank(); ++axis) {
      const std::int64_t extent = whole.shape()[axis];
      part = part.sliced(axis, extent / 3, extent - extent / 3).flipped(axis);
    }
    varo::testing::read_whole(part, varo::Parallel::serial());
  } catch (const varo::Error& e) {
    if (e.kind() != varo::ErrorKind::read) std::abort();
  }
  return 0;
}
