// SPDX-License-Identifier: Apache-2.0
#include "formats/npy/npy.h"

#include <bit>
#include <cstring>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <numeric>

#include "core/testing.h"
#include "formats/raw_array.h"
#include "formats/testing.h"

namespace varo {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class Npy : public ::testing::Test {
 protected:
  std::string write(const std::string& bytes) { return folder_.write("a.npy", bytes); }
  static std::string header(const std::string& dict, char version = 1) {
    std::string text = dict;
    std::string out = "\x93NUMPY";
    out += version;
    out += '\0';
    const std::size_t prefix = version == 1 ? 10 : 12;
    while ((text.size() + 1 + prefix) % 64 != 0) text += ' ';
    text += '\n';
    const std::size_t length_bytes = version == 1 ? 2 : 4;
    for (std::size_t i = 0; i < length_bytes; ++i)
      out += static_cast<char>(text.size() >> (8 * i) & 0xFF);
    return out + text;
  }
  static std::string describe(const std::string& descr, bool fortran, const std::string& shape) {
    return "{'descr': '" + descr + "', 'fortran_order': " + (fortran ? "True" : "False") +
           ", 'shape': " + shape + ", }";
  }
  template <class T>
  static std::string raw(const std::vector<T>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
  }
  template <class T>
  static std::vector<T> iota(std::int64_t n) {
    std::vector<T> v(static_cast<std::size_t>(n));
    std::iota(v.begin(), v.end(), T(0));
    return v;
  }
  // What a tensor holds, row-major, the way the pipeline materialises it.
  template <class T>
  static std::vector<T> values_of(const Tensor& t) {
    Tensor dense = Tensor::own(t.spec());
    const View dst = dense.mutable_view();
    const Tensor::Fetch fetch = t.fetch();
    if (const auto landing = t.landing(dst)) {
      fetch.source->read(fetch.box, *landing, Parallel::serial());
      return {dst.ptr<T>(), dst.ptr<T>() + dst.volume()};
    }
    throw std::logic_error("no landing");
  }
  std::string error_of(const std::string& bytes) {
    const std::string path = write(bytes);
    try {
      probe_npy(path);
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::read);
      EXPECT_THAT(e.what(), HasSubstr(path));
      return e.what();
    }
    return "no error";
  }

  varo::testing::TempFolder folder_;
};

TEST_F(Npy, reads_every_version) {
  for (const char version : {1, 2, 3}) {
    const auto values = iota<float>(24);
    const std::string path =
        write(header(describe("<f4", false, "(2, 3, 4)"), version) + raw(values));
    const NpyHeader h = probe_npy(path);
    EXPECT_EQ(h.dtype, DType::f32);
    EXPECT_EQ(h.shape, (Shape{2, 3, 4}));
    const Tensor t = npy_tensor(path, h);
    EXPECT_EQ(t.meta().source, path);
    EXPECT_EQ(values_of<float>(t), values);
  }
}

TEST_F(Npy, reads_fortran_order_as_numpy_shows_it) {
  const std::string path =
      write(header(describe("<i4", true, "(2, 3)")) + raw(iota<std::int32_t>(6)));
  const Tensor t = npy_tensor(path, probe_npy(path));
  EXPECT_EQ(t.shape(), (Shape{2, 3}));
  EXPECT_EQ(values_of<std::int32_t>(t), (std::vector<std::int32_t>{0, 2, 4, 1, 3, 5}));
  EXPECT_EQ(values_of<std::int32_t>(t.sliced(1, 1, 2)), (std::vector<std::int32_t>{2, 4, 3, 5}));
}

TEST_F(Npy, reads_big_endian) {
  std::vector<std::uint32_t> stored;
  for (const float f : {1.5f, -2.0f, 1e20f})
    stored.push_back(__builtin_bswap32(std::bit_cast<std::uint32_t>(f)));
  const std::string path = write(header(describe(">f4", false, "(3,)")) + raw(stored));
  EXPECT_EQ(values_of<float>(npy_tensor(path, probe_npy(path))),
            (std::vector<float>{1.5f, -2.0f, 1e20f}));
}

TEST_F(Npy, reads_scalars_and_empty_arrays) {
  std::string path = write(header(describe("<f8", false, "()")) + raw<double>({2.5}));
  EXPECT_EQ(values_of<double>(npy_tensor(path, probe_npy(path))), std::vector<double>{2.5});
  path = write(header(describe("<f8", false, "(0, 7)")));
  EXPECT_TRUE(values_of<double>(npy_tensor(path, probe_npy(path))).empty());
}

TEST_F(Npy, makes_bools_of_any_byte) {
  const std::string path =
      write(header(describe("|b1", false, "(4,)")) + raw<std::uint8_t>({0, 1, 2, 255}));
  EXPECT_EQ(values_of<std::uint8_t>(npy_tensor(path, probe_npy(path)).retyped(DType::boolean)),
            (std::vector<std::uint8_t>{0, 1, 1, 1}));
}

TEST_F(Npy, reads_regions_into_any_strides) {
  const std::int64_t d = 5, h = 7, w = 9;
  const auto values = iota<std::uint16_t>(d * h * w);
  const std::string path = write(header(describe("<u2", false, "(5, 7, 9)")) + raw(values));
  const Tensor t = npy_tensor(path, probe_npy(path));
  const Box box{{1, 2, 3}, {4, 6, 8}};
  std::vector<std::uint16_t> out(3 * 4 * 5, 0);
  // Backwards along every axis, W slowest.
  const View dst{out.data() + out.size() - 1, DType::u16, {3, 4, 5}, {-4, -1, -12}};
  t.fetch().source->read(box, dst, Parallel::serial());
  for (std::int64_t z = 0; z < 3; ++z)
    for (std::int64_t y = 0; y < 4; ++y)
      for (std::int64_t x = 0; x < 5; ++x)
        EXPECT_EQ(*(dst.ptr<std::uint16_t>() - 4 * z - y - 12 * x),
                  values[static_cast<std::size_t>(((z + 1) * h + y + 2) * w + x + 3)]);
}

TEST_F(Npy, reads_regions_of_many_spans) {
  // Rows of 80 KB: gaps inside of a row are skipped or read over, spans group rows or split them.
  const Shape shape{3, 30, 20000};
  const auto values = iota<std::uint32_t>(volume(shape));
  for (const bool swapped : {false, true}) {
    std::vector<std::uint32_t> stored = values;
    if (swapped) swap_bytes(stored.data(), volume(shape), 4);
    const std::string path =
        write(header(describe(swapped ? ">u4" : "<u4", false, "(3, 30, 20000)")) + raw(stored));
    const Tensor t = npy_tensor(path, probe_npy(path));
    for (const Box& box : {Box{{0, 0, 0}, {3, 30, 20000}}, Box{{0, 3, 0}, {3, 28, 20000}},
                           Box{{1, 0, 5}, {3, 30, 19990}}, Box{{0, 1, 100}, {2, 29, 200}},
                           Box{{2, 7, 19999}, {3, 8, 20000}}, Box{{0, 0, 10}, {3, 30, 11}}}) {
      const Shape region = box.extents();
      std::vector<std::uint32_t> out(static_cast<std::size_t>(volume(region)));
      varo::testing::ShuffledParallel parallel(7);
      t.fetch().source->read(box, dense_view(out.data(), region), parallel);
      std::size_t at = 0;
      for (std::int64_t z = box.lo[0]; z < box.hi[0]; ++z)
        for (std::int64_t y = box.lo[1]; y < box.hi[1]; ++y)
          for (std::int64_t x = box.lo[2]; x < box.hi[2]; ++x, ++at)
            ASSERT_EQ(out[at], values[static_cast<std::size_t>((z * 30 + y) * 20000 + x)])
                << to_string(region) << " " << z << " " << y << " " << x;
    }
  }
}

TEST_F(Npy, crop_touches_few_bytes) {
  // 4x128^3 float32 (32 MiB) of 4x155x240x240 (136 MiB), in a sparse file.
  const std::string path = write(header(describe("<f4", false, "(4, 155, 240, 240)")));
  std::filesystem::resize_file(path, 128 + std::uintmax_t{4} * 155 * 240 * 240 * 4);
  reset_io_stats();
  Tensor t = npy_tensor(path, probe_npy(path));
  for (const int axis : {1, 2, 3}) t = t.sliced(axis, 13, 128);
  values_of<float>(t);
  EXPECT_LE(io_stats().requested_bytes, std::uint64_t{64} << 20);
  EXPECT_LE(io_stats().system_calls, 600u);
}

TEST_F(Npy, refuses_what_lies) {
  const std::string good = header(describe("<f4", false, "(2, 3)"));
  EXPECT_THAT(error_of(good + std::string(23, 'x')),
              AllOf(HasSubstr("23 bytes"), HasSubstr("24 bytes")));
  EXPECT_THAT(error_of(""), HasSubstr("0 bytes"));
  EXPECT_THAT(error_of("PK\3\4 is a zip file"), HasSubstr("not a .npy"));
  EXPECT_THAT(error_of(good.substr(0, 40)), AllOf(HasSubstr("40 bytes"), HasSubstr("128 bytes")));
  EXPECT_THAT(error_of(header(describe("<f4", false, "(2, 3)"), 4)), HasSubstr("version 4"));
  EXPECT_THAT(error_of(std::string("\x93NUMPY\2\0\xff\xff\xff\xff{", 13)), HasSubstr("4294967295"));
}

TEST_F(Npy, refuses_impossible_shapes) {
  EXPECT_THAT(error_of(header(describe("|u1", false, "(1152921504606846976,)"))),
              HasSubstr("1152921504606846976"));
  EXPECT_THAT(error_of(header(describe("<f8", false, "(4294967296, 4294967296)"))),
              HasSubstr("2^63"));
  EXPECT_THAT(error_of(header(describe("<f8", false, "(99999999999999999999,)"))),
              HasSubstr("2^63"));
  EXPECT_THAT(error_of(header(describe("<f8", false, "(-1,)"))), HasSubstr("at least 0"));
  EXPECT_THAT(error_of(header(describe("<f8", false, "(1, 1, 1, 1, 1, 1, 1, 1, 1)"))),
              AllOf(HasSubstr("9 axes"), HasSubstr("at most 8")));
}

TEST_F(Npy, refuses_other_elements) {
  EXPECT_THAT(error_of(header(describe("<c8", false, "(1,)"))),
              AllOf(HasSubstr("complex"), HasSubstr("<c8")));
  EXPECT_THAT(error_of(header(describe("|O", false, "(1,)"))), HasSubstr("Python objects"));
  EXPECT_THAT(error_of(header(describe("<U5", false, "(1,)"))), HasSubstr("texts"));
  EXPECT_THAT(error_of(header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}")),
              HasSubstr("named fields"));
}

TEST_F(Npy, refuses_broken_dicts) {
  for (const char* dict :
       {"", "{", "[]", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': 0, 'shape': ()}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': 3}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3 4)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (), 'x': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': ()} x",
        "{'descr': '<f4, 'fortran_order': False, 'shape': ()}"})
    EXPECT_THAT(error_of(header(dict)), HasSubstr("allowed")) << dict;
}

TEST_F(Npy, notices_a_changed_file) {
  const std::string path = write(header(describe("<f4", false, "(2, 3)")) + raw(iota<float>(6)));
  const Tensor t = npy_tensor(path, probe_npy(path));
  std::filesystem::resize_file(path, 130);
  try {
    values_of<float>(t);
    FAIL();
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), AllOf(HasSubstr("130 bytes"), HasSubstr("152 bytes")));
  }
}

TEST_F(Npy, names_a_missing_file) {
  try {
    probe_npy(folder_.at("none.npy"));
    FAIL();
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), AllOf(HasSubstr("none.npy"), HasSubstr("No such file")));
  }
  EXPECT_THROW(probe_npy(folder_.path()), Error);
}

TEST(SpanPlan, covers_the_region_once) {
  // Every way that a box can lie in small arrays, with spans as the large ones have them.
  for (const Shape& array :
       {Shape{300000}, Shape{3, 1 << 18}, Shape{40, 30, 5000}, Shape{2, 3, 2, 70000}})
    for (const std::int64_t margin : {0, 1}) {
      Shape region = array;
      for (auto& extent : region) extent = std::max<std::int64_t>(extent - margin, 1);
      const SpanPlan plan = plan_spans(array, region, 4);
      std::int64_t outer = 1;
      for (int i = 0; i < plan.split; ++i) outer *= region[i];
      EXPECT_EQ(plan.count, outer * plan.groups);
      EXPECT_GE(plan.groups * plan.group, region[plan.split]);
      EXPECT_LT((plan.groups - 1) * plan.group, region[plan.split]);
      EXPECT_LE(plan.bytes, 1 << 20);
    }
}

}  // namespace
}  // namespace varo
