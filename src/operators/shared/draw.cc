// SPDX-License-Identifier: Apache-2.0
#include "operators/shared/draw.h"

#include <fmt/format.h>

namespace varo {

OperatorDef drawing(OperatorDef def, std::optional<DType> dtype_default) {
  def = std::move(def)
            .input({.name = "shape_like",
                    .doc = "Only its shape is looked at. Excludes shape.",
                    .optional = true})
            .arg({.name = "shape",
                  .type = ArgType::integers,
                  .doc = "Extents of the result. Default: a scalar.",
                  .least = 0.0});
  if (!dtype_default) return def;
  return std::move(def).arg({.name = "dtype",
                             .type = ArgType::dtype,
                             .default_value = static_cast<std::int64_t>(*dtype_default),
                             .doc = "Type of the numbers; conversion rounds and saturates.",
                             .constant = true});
}

Shape drawn_shape(const Inference& sample, int like) {
  const bool has_input = sample.input_count() > like;
  if (has_input && sample.has("shape"))
    throw Error(ErrorKind::param, "the shape is given twice")
        .got("shape_like and shape")
        .allowed("one of them");
  if (has_input) return sample.spec(like).shape;
  if (!sample.has("shape")) return {};
  const std::vector<std::int64_t> extents = sample.integers("shape");
  if (extents.size() > kMaxRank)
    throw Error(ErrorKind::shape, "the shape has too many axes")
        .got(fmt::format("{} axes", extents.size()))
        .allowed(fmt::format("at most {}", kMaxRank));
  return Shape(extents);
}

}  // namespace varo
