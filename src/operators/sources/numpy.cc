// SPDX-License-Identifier: Apache-2.0
#include "formats/npy/npy.h"
#include "operators/api/operator.h"
#include "operators/sources/file_reader.h"

namespace varo {

namespace {

class NumpyReader final : public FileReader {
 public:
  explicit NumpyReader(const Args& args)
      : FileReader(args), cache_headers_(args.flag("cache_header_information")) {
    if (args.flag("use_o_direct") && !args.flag("dont_use_mmap"))
      throw Error(ErrorKind::param, "use_o_direct needs plain reads")
          .got("use_o_direct=True, dont_use_mmap=False")
          .allowed("use_o_direct=True with dont_use_mmap=True");
  }

 protected:
  Tensor open(const std::string& path) const override {
    return npy_tensor(path, cache_headers_ ? headers_.get(path, probe_npy) : probe_npy(path));
  }

 private:
  bool cache_headers_;
  mutable HeaderCache<NpyHeader> headers_;
};

OperatorDef definition() {
  OperatorDef def =
      OperatorDef("readers.numpy", "Reads arrays from .npy files, or regions of them.")
          .doc(
              "Nothing but the header is read until an operator needs elements, and then only the "
              "region that "
              "it needs: a crop or slice of the output costs no more than the same region given by "
              "roi_start "
              "and roi_shape. Files in Fortran order come out with the axes that NumPy shows, "
              "big-endian ones "
              "in this machine's byte order.")
          .output("array",
                  "The array; no layout. Of several lists, patterns or columns an array each: a "
                  "tuple, `image, label = fn.readers.numpy(files=...)`.")
          .ignored({{"register_buffers", true, "Concerns transfers to a device only."},
                    {"use_o_direct", false, "Needs dont_use_mmap."}});
  def = with_reader_args(std::move(def),
                         {.name = "file_filter",
                          .type = ArgType::text,
                          .default_value = std::string("*.npy"),
                          .doc = "Glob on the names of the files in file_root; case matters."});
  return def;
}

}  // namespace

VARO_OPERATORS(sources, numpy) { return {definition().make<NumpyReader>()}; }

}  // namespace varo
