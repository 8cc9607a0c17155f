// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <vector>

#include "operators/api/operator.h"

namespace varo {

namespace {

constexpr int kId = 0, kBegin = 1, kEnd = 2;  // columns of the table of polygons

// Rows of the input's vertices, in the order in which they come out.
struct Range {
  std::int32_t id;
  std::int64_t begin, end;
};
using Plan = std::vector<Range>;

class SelectMasks final : public HostOperator {
 public:
  explicit SelectMasks(const Args& args) : reindex_(args.flag("reindex_masks")) {}

  bool infers_from(const Inference&, int input) const override { return input < 2; }

  void infer(Inference& s) const override {
    const Shape table = s.spec(1).shape, points = s.spec(2).shape;
    if (table[1] != 3)
      throw Error(ErrorKind::shape,
                  "a row of polygons is id, first vertex, one past the last vertex")
          .got(fmt::format("{} columns", table[1]))
          .allowed("3");
    Plan plan = selected(s.number(0), s.number(1), points[0]);
    std::int64_t vertices = 0;
    for (const Range& range : plan) vertices += range.end - range.begin;
    s.set_output(0, {DType::i32, {static_cast<std::int64_t>(plan.size()), 3}, s.spec(1).layout});
    s.set_output(1, {s.spec(2).dtype, {vertices, points[1]}, s.spec(2).layout});
    s.state() = std::move(plan);
  }

  Need need(const Inference&, int input) const override {
    return {input < 2 ? Access::number : Access::dense};
  }

  void run(const HostRun& r) const noexcept override {
    const auto& plan = r.state<Plan>();
    const View &polygons = r.out[0], &to = r.out[1];
    const ConstView from = r.view(2);
    const auto put = [&](std::size_t row, int column, std::int64_t value) {
      polygons.ptr<std::int32_t>()[static_cast<std::int64_t>(row) * polygons.strides[0] +
                                   column * polygons.strides[1]] = static_cast<std::int32_t>(value);
    };
    const std::size_t size = from.element_size();
    const std::int64_t columns = from.shape[1];
    std::int64_t at = 0;
    for (std::size_t row = 0; row < plan.size(); ++row) {
      const auto& [id, begin, end] = plan[row];
      put(row, kId, reindex_ ? static_cast<std::int64_t>(row) : id);
      put(row, kBegin, at);
      put(row, kEnd, at + end - begin);
      for (std::int64_t v = begin; v < end; ++v, ++at)
        for (std::int64_t c = 0; c < columns; ++c)
          std::memcpy(to.ptr<std::byte>() + (at * to.strides[0] + c * to.strides[1]) *
                                                static_cast<std::int64_t>(size),
                      from.ptr<std::byte>() + (v * columns + c) * static_cast<std::int64_t>(size),
                      size);
    }
  }

 private:
  // For each id in turn the vertices of its polygon; of several polygons the last one listed.
  static Plan selected(const ConstView& ids, const ConstView& polygons, std::int64_t vertices) {
    std::vector<Range> all;
    for (std::int64_t p = 0; p < polygons.shape[0]; ++p) {
      const auto* row = polygons.ptr<std::int32_t>() + 3 * p;
      if (row[kBegin] < 0 || row[kBegin] > row[kEnd] || row[kEnd] > vertices)
        throw Error(ErrorKind::index, fmt::format("the vertices of polygon {} are not there", p))
            .got(fmt::format("first {}, end {}", row[kBegin], row[kEnd]))
            .allowed(fmt::format("0 <= first <= end <= {}", vertices));
      all.push_back({row[kId], row[kBegin], row[kEnd]});
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const Range& a, const Range& b) { return a.id < b.id; });
    Plan plan;
    std::vector<std::int32_t> wanted(ids.ptr<std::int32_t>(),
                                     ids.ptr<std::int32_t>() + ids.shape[0]);
    for (const std::int32_t id : wanted) {
      const auto after =
          std::upper_bound(all.begin(), all.end(), id,
                           [](std::int32_t v, const Range& range) { return v < range.id; });
      if (after == all.begin() || after[-1].id != id)
        throw Error(ErrorKind::index, "no polygon has the wanted id")
            .got(fmt::format("id {}", id))
            .allowed(all.empty() ? "nothing: there are no polygons"
                                 : fmt::format("ids of the {} polygons, from {} to {}", all.size(),
                                               all.front().id, all.back().id));
      plan.push_back(after[-1]);
    }
    std::sort(wanted.begin(), wanted.end());
    if (const auto twice = std::adjacent_find(wanted.begin(), wanted.end()); twice != wanted.end())
      throw Error(ErrorKind::param, "an id is selected more than once")
          .got(fmt::format("id {}, {} times", *twice,
                           std::count(wanted.begin(), wanted.end(), *twice)))
          .allowed("each id once");
    return plan;
  }

  const bool reindex_;
};

}  // namespace

VARO_OPERATORS(labels, select_masks) {
  return {
      OperatorDef("segmentation.select_masks", "Polygons of the masks with the given ids.")
          .doc("Of several polygons with one id only the last one is kept, as in DALI.")
          .input({.name = "mask_ids",
                  .doc = "Ids to select, each once.",
                  .dtypes = {DType::i32},
                  .least_rank = 1,
                  .most_rank = 1})
          .input({.name = "polygons",
                  .doc = "One row a polygon: id, first vertex, one past the last vertex.",
                  .dtypes = {DType::i32},
                  .least_rank = 2,
                  .most_rank = 2})
          .input({.name = "vertices",
                  .doc = "One row a vertex; any type.",
                  .least_rank = 2,
                  .most_rank = 2})
          .output("polygons",
                  "The selected rows in the order of mask_ids, with places in the new vertices.")
          .output("vertices", "The vertices of the selected polygons, one after another.")
          .arg({.name = "reindex_masks",
                .type = ArgType::boolean,
                .default_value = false,
                .doc = "Number the selected masks 0, 1, 2, ... in the order of mask_ids.",
                .constant = true})
          .make<SelectMasks>()};
}

}  // namespace varo
