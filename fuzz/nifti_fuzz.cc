// SPDX-License-Identifier: Apache-2.0
// Any bytes as a NIfTI file, compressed or not.
#include "formats/fuzzing.h"
#include "formats/nifti/nifti.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return varo::testing::read_file_or_refuse(data, size, [](const std::string& path) {
    return varo::nifti_tensor(path, varo::probe_nifti(path));
  });
}
