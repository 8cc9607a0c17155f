// SPDX-License-Identifier: Apache-2.0
#include "formats/stacked_source.h"

#include <gtest/gtest.h>
#include <numeric>

#include "formats/file_source.h"
#include "formats/testing.h"
#include "varo/error.h"

namespace varo {
namespace {

const Shape kShape{3, 4, 5};

template <class T>
Tensor file_of(const testing::TempFolder& folder, const std::string& name, int first,
               Shape shape = kShape) {
  std::vector<T> values(static_cast<std::size_t>(volume(shape)));
  std::iota(values.begin(), values.end(), static_cast<T>(first));
  const std::string path =
      folder.write(name, {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)});
  return Tensor::defer(raw_source(path, file_id(path), {.stored = dtype_of<T>, .shape = shape}));
}

std::vector<float> floats(const Tensor& t) {
  const Tensor dense = testing::read_whole(t, Parallel::serial());
  const ConstView view = dense.view();
  return {view.ptr<float>(), view.ptr<float>() + view.volume()};
}

TEST(stacked_source, is_the_files_one_behind_the_other) {
  const testing::TempFolder folder;
  const int turned[] = {2, 0, 1};
  const Tensor a = file_of<float>(folder, "a", 0);
  const Tensor b = file_of<std::int16_t>(folder, "b", 100);                       // another type
  const Tensor c = file_of<float>(folder, "c", 200, {4, 5, 3}).permuted(turned);  // another order
  const Tensor all = Tensor::defer(stacked_source({a, b, c}, DType::f32));
  ASSERT_EQ(all.shape(), (Shape{3, 3, 4, 5}));
  const auto at = [](int part, int i, int j, int k) {
    return static_cast<float>(part == 2 ? 200 + (j * 5 + k) * 3 + i
                                        : part * 100 + (i * 4 + j) * 5 + k);
  };
  std::vector<float> expected;
  for (int p = 0; p < 3; ++p)
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 4; ++j)
        for (int k = 0; k < 5; ++k) expected.push_back(at(p, i, j, k));
  EXPECT_EQ(floats(all), expected);

  std::vector<float> region;
  for (int p = 1; p < 3; ++p)
    for (int i = 1; i < 3; ++i)
      for (int j = 3; j > 1; --j)
        for (int k = 2; k < 5; ++k) region.push_back(at(p, i, j, k));
  EXPECT_EQ(floats(all.sliced(0, 1, 2).sliced(1, 1, 2).sliced(2, 3, 2, -1).sliced(3, 2, 3)),
            region);
  EXPECT_TRUE(floats(all.sliced(0, 1, 0)).empty());
  EXPECT_TRUE(floats(all.sliced(2, 4, 0)).empty());
}

TEST(stacked_source, reads_no_more_than_the_region) {
  const testing::TempFolder folder;
  const Shape shape{64, 64, 64};
  const Tensor all = Tensor::defer(stacked_source(
      {file_of<float>(folder, "a", 0, shape), file_of<float>(folder, "b", 0, shape)}, DType::f32));
  reset_io_stats();
  testing::read_whole(all.sliced(0, 1, 1).sliced(1, 8, 4), Parallel::serial());
  EXPECT_LE(io_stats().requested_bytes, 4u * 64 * 64 * 4);
}

TEST(stacked_source, tells_a_file_that_changed) {
  const testing::TempFolder folder;
  const Tensor all = Tensor::defer(
      stacked_source({file_of<float>(folder, "a", 0), file_of<float>(folder, "b", 0)}, DType::f32));
  folder.write("b", "short");
  EXPECT_THROW(floats(all), Error);
  EXPECT_EQ(floats(all.sliced(0, 0, 1)).size(), 60u) << "of the other file";
}

}  // namespace
}  // namespace varo
