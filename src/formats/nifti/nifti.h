// SPDX-License-Identifier: Apache-2.0
/// NIfTI-1 and NIfTI-2 files: .nii, .nii.gz, and pairs .hdr/.img.
///
///   pairs       either name may be given. The other file's name differs in hdr or img, perhaps also in
///               .gz or in capitals (x.HDR, x.img.gz); the one most alike is taken
///   axes        x is W and varies fastest in the file, so nothing is transposed:
///               1-D W, 2-D HW, 3-D DHW, 4-D CDHW (the fourth axis is C), 5-D CFDHW (the fifth is
///               C, the fourth F). Axes of extent 1 after the third are dropped from the end. An
///               extent of 0 counts as 1, as writers leave it for axes that they do not use.
///   scaling     value = stored * scl_slope + scl_inter as float32, computed in double. The stored
///               type is kept when the slope is 0, NaN or infinite (that means: none), or when the
///               slope is 1 and the intercept 0.
///   affine      of (x, y, z) indices to RAS+ millimetres: sform if its code is positive, else
///               qform if its code is positive, else pixdim on the diagonal. Metres and
///               micrometres (xyzt_units) are converted; unknown units are taken for millimetres.
///
/// source  R. Cox et al., nifti1.h and nifti2.h, nifti.nimh.nih.gov
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "formats/file.h"
#include "formats/raw_array.h"
#include "varo/tensor.h"

namespace varo {

struct NiftiHeader {
  RawArray array;
  Layout layout;
  Affine affine{};
  bool pair = false;        ///< voxels lie in a file of their own
  bool compressed = false;  ///< the file with the voxels is gzip
  std::string header_path;  ///< the file with the header
  FileId header_file;       ///< its state
  std::string voxel_path;   ///< the file with the voxels
  FileId voxel_file;        ///< its state

  /// Both files are (still) in these states. Throws ReadError where one is missing.
  bool current() const;
};

/// Size of the longest header, NIfTI-2's.
inline constexpr std::size_t kNiftiHeaderBytes = 540;

/// Reads the header that `bytes` begins with: what it says, not whether the voxels are there. The
/// paths and states of files are left alone. Throws ReadError; `name` is the file's in messages.
NiftiHeader parse_nifti(std::span<const std::byte> bytes, std::string_view name);

/// Opens the file and reads no more than its header. Refuses headers that promise more voxels than
/// the file can hold. Throws ReadError.
NiftiHeader probe_nifti(const std::string& path);

/// The image as a deferred tensor with layout, affine and source name. Of an uncompressed file only
/// the regions asked for are read; a compressed one is decompressed at the first read, and its
/// bytes are kept as long as the source.
Tensor nifti_tensor(const std::string& path, const NiftiHeader& header);

}  // namespace varo
