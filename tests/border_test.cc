// SPDX-License-Identifier: Apache-2.0
// Programs meet the shared library here: public headers, and only what it exports.
#include <gtest/gtest.h>
#include <string>
#include <varo/pipeline.h>

namespace {

TEST(Border, an_error_of_the_library_is_caught_by_its_class) {
  varo::Pipeline pipe({});
  try {
    pipe.add("no_such_operator");
    FAIL() << "nothing was thrown";
  } catch (const varo::Error& error) {
    EXPECT_EQ(error.kind(), varo::ErrorKind::type);
  }
  EXPECT_THROW(varo::Layout("ABCDEFGHIJ"), std::exception);
}

TEST(Border, a_pinned_tensor_has_no_memory_here) {
  try {
    varo::Tensor::own({varo::DType::f32, {2}, {}}, {varo::Device::pinned});
    FAIL() << "memory from nowhere";
  } catch (const varo::Error& error) {
    EXPECT_EQ(error.kind(), varo::ErrorKind::device);
  }
}

// A source whose class the library does not know.
class Counting final : public varo::Source {
 public:
  varo::DType dtype() const override { return varo::DType::f32; }
  const varo::Shape& shape() const override { return shape_; }
  void read(const varo::Box& box, const varo::View& dst, varo::Parallel&) override {
    for (std::int64_t i = 0; i < box.extents()[0]; ++i)
      dst.ptr<float>()[i * dst.strides[0]] = static_cast<float>(box.lo[0] + i);
  }

 private:
  varo::Shape shape_{100};
};

TEST(Border, a_source_of_the_program_is_read_by_the_library) {
  varo::Pipeline pipe({.batch_size = 1, .num_threads = 1});
  const varo::Node x = pipe.add("external_source");
  const varo::Node y = pipe.add("arithmetic.add", {x, x});
  pipe.set_outputs({y});
  pipe.feed(x, {varo::Tensor::defer(std::make_shared<Counting>()).sliced(0, 40, 3)});
  const varo::Batch batch = pipe.run()[0];
  ASSERT_EQ(batch.samples[0].shape(), varo::Shape{3});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(batch.samples[0].view().ptr<float>()[i], 2 * (40 + i));
}

TEST(Border, all_words_of_the_headers_link) {
  const varo::Tensor t = varo::Tensor::scalar(3.0F);
  EXPECT_TRUE(varo::is_dense(t.view()));
  EXPECT_EQ(varo::to_string(varo::dense_strides({2, 3})), "[3, 1]");
  EXPECT_EQ(varo::dtype_named(varo::name_of(varo::DType::f16)), varo::DType::f16);
  EXPECT_EQ(varo::to_string(t.device()), "host");
}

}  // namespace
