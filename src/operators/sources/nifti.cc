// SPDX-License-Identifier: Apache-2.0
#include "formats/nifti/nifti.h"

#include "operators/api/operator.h"
#include "operators/sources/file_reader.h"

namespace varo {

namespace {

class NiftiReader final : public FileReader {
 public:
  explicit NiftiReader(const Args& args)
      : FileReader(args), cache_headers_(args.flag("cache_header_information")) {}

 protected:
  Tensor open(const std::string& path) const override {
    return nifti_tensor(path, cache_headers_ ? headers_.get(path, probe_nifti) : probe_nifti(path));
  }

 private:
  bool cache_headers_;
  mutable HeaderCache<NiftiHeader> headers_;
};

OperatorDef definition() {
  OperatorDef def =
      OperatorDef("readers.nifti",
                  "Reads images from NIfTI-1 and NIfTI-2 files, or regions of them.")
          .doc(
              "Axes come in the order of the file, slowest first: z, y, x with "
              "layout DHW for a volume, "
              "CDHW and CFDHW when there is a fourth and a fifth axis. The "
              "voxel-to-world map (sform, else "
              "qform, else pixdim) goes along as the affine, in millimetres, RAS+. "
              "Voxels keep their stored "
              "type unless the header scales them (scl_slope, scl_inter); scaled "
              "ones are float32.\n\n"
              "Of an uncompressed file only the regions that are needed are read. A "
              "compressed one is "
              "decompressed once per sample.")
          .output("image",
                  "The image, with layout and affine. Of several lists, patterns or columns an "
                  "image each: a tuple, `image, label = fn.readers.nifti(files=...)`.");
  def = with_reader_args(std::move(def),
                         {.name = "file_filters",
                          .type = ArgType::texts,
                          .default_value = std::vector<std::string>{"*.nii", "*.nii.gz"},
                          .doc = "Globs on the names of the files in file_root; case matters."});
  return with_affine_check(std::move(def));
}

}  // namespace

VARO_OPERATORS(sources, nifti) { return {definition().make<NiftiReader>()}; }

}  // namespace varo
