// SPDX-License-Identifier: Apache-2.0
#include "kernels/copy/copy.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "core/convert.h"
#include "core/dispatch.h"
#include "varo/tensor.h"

namespace varo {
namespace {

// Runs blocks one by one in a shuffled order.
class Shuffled final : public Parallel {
 public:
  void run(std::int64_t blocks, FunctionRef<void(std::int64_t)> body) override {
    std::vector<std::int64_t> order(static_cast<std::size_t>(blocks));
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), rng_);
    for (const auto block : order) body(block);
  }
  int width() const override { return 3; }

 private:
  std::mt19937 rng_{7};
};

class Random {
 public:
  explicit Random(unsigned seed) : rng_(seed) {}
  std::int64_t in(std::int64_t lo, std::int64_t hi) {
    return std::uniform_int_distribution<std::int64_t>(lo, hi)(rng_);
  }
  bool one_in(int n) { return in(1, n) == 1; }
  std::vector<int> permutation(int rank) {
    std::vector<int> p(static_cast<std::size_t>(rank));
    std::iota(p.begin(), p.end(), 0);
    std::shuffle(p.begin(), p.end(), rng_);
    return p;
  }

 private:
  std::mt19937 rng_;
};

// Memory with canaries, and a view of random strides into it.
struct Field {
  std::vector<std::uint8_t> bytes;
  View view;

  Field(Random& random, DType dtype, const Shape& shape, bool may_repeat) {
    const int rank = shape.rank();
    view.dtype = dtype;
    view.shape = shape;
    view.strides = Dims::filled(rank, 0);
    std::int64_t step = random.one_in(4) ? 2 : 1, origin = 0;
    for (const int axis : random.permutation(rank)) {
      if (may_repeat && random.one_in(8)) continue;
      view.strides[axis] = step;
      step *= std::max<std::int64_t>(shape[axis], 1);
      if (random.one_in(4)) step += random.in(1, 5);
      if (random.one_in(4)) {
        origin += view.strides[axis] * std::max<std::int64_t>(shape[axis] - 1, 0);
        view.strides[axis] *= -1;
      }
    }
    const std::int64_t margin = 40;
    bytes.resize((static_cast<std::size_t>(step + 2 * margin)) * size_of(dtype));
    for (auto& b : bytes)
      b = static_cast<std::uint8_t>(random.in(0, dtype == DType::boolean ? 1 : 255));
    view.data = bytes.data() + static_cast<std::size_t>(origin + margin) * size_of(dtype);
  }
};

// Calls body(index) for every index of the shape.
template <class Body>
void for_indices(const Shape& shape, const Body& body) {
  Dims index = Dims::filled(shape.rank(), 0);
  for (std::int64_t n = volume(shape); n > 0; --n) {
    body(index);
    for (int i = shape.rank() - 1; i >= 0; --i) {
      if (++index[i] < shape[i]) break;
      index[i] = 0;
    }
  }
}

std::int64_t offset(const Dims& index, const Strides& strides) {
  std::int64_t at = 0;
  for (int i = 0; i < index.rank(); ++i) at += index[i] * strides[i];
  return at;
}

Shape random_shape(Random& random) {
  Shape shape;
  for (std::int64_t rank = random.in(0, 5), limit = 20000; rank > 0; --rank) {
    std::int64_t extent = random.in(1, 5);
    if (random.one_in(3)) extent = random.in(6, 150);
    if (random.one_in(40)) extent = 0;
    extent = std::min(extent, std::max<std::int64_t>(limit, 1));
    limit /= std::max<std::int64_t>(extent, 1);
    shape.push_back(extent);
  }
  return shape;
}

TEST(Copy, agrees_with_an_index_walk_and_writes_nothing_else) {
  Shuffled shuffled;
  for (unsigned seed = 0; seed < 3000; ++seed) {
    Random random(seed);
    const auto dtype = static_cast<DType>(random.in(0, kDTypeCount - 1));
    const Shape shape = random_shape(random);
    Field from(random, dtype, shape, true), to(random, dtype, shape, false);
    std::vector<std::uint8_t> expected = to.bytes;
    const std::ptrdiff_t base = to.view.ptr<std::uint8_t>() - to.bytes.data();
    const auto size = static_cast<std::int64_t>(size_of(dtype));
    for_indices(shape, [&](const Dims& index) {
      std::memcpy(expected.data() + base + offset(index, to.view.strides) * size,
                  from.view.ptr<std::uint8_t>() + offset(index, from.view.strides) * size,
                  static_cast<std::size_t>(size));
    });
    copy(from.view, to.view, shuffled);
    ASSERT_TRUE(to.bytes == expected) << "seed " << seed << " shape " << to_string(shape)
                                      << " from " << to_string(from.view.strides) << " to "
                                      << to_string(to.view.strides) << " " << name_of(dtype);
  }
}

TEST(Copy, turns_volumes_over) {
  Shuffled shuffled;
  const Shape shapes[] = {{4, 37, 41, 43}, {65, 64, 63},  {16, 129, 2},
                          {3, 70, 200},    {128, 128, 8}, {5000, 3}};
  for (const Shape& shape : shapes) {
    for (const DType dtype : {DType::u8, DType::i16, DType::f32, DType::f64}) {
      Random random(static_cast<unsigned>(volume(shape)));
      std::vector<int> perm = random.permutation(shape.rank());
      do {
        Shape out_shape = shape;
        const Strides dense = dense_strides(shape);
        ConstView in{nullptr, dtype, shape, dense};
        for (int i = 0; i < shape.rank(); ++i) {
          out_shape[i] = in.shape[i] = shape[perm[static_cast<unsigned>(i)]];
          in.strides[i] = dense[perm[static_cast<unsigned>(i)]];
        }
        const std::size_t size = size_of(dtype);
        std::vector<std::uint8_t> from(static_cast<std::size_t>(volume(shape)) * size),
            to(from.size());
        for (auto& b : from) b = static_cast<std::uint8_t>(random.in(0, 255));
        in.data = from.data();
        copy(in, {to.data(), dtype, out_shape, dense_strides(out_shape)}, shuffled);
        std::size_t at = 0;
        bool same = true;
        for_indices(out_shape, [&](const Dims& index) {
          same =
              same && std::memcmp(&to[at],
                                  &from[static_cast<std::size_t>(offset(index, in.strides)) * size],
                                  size) == 0;
          at += size;
        });
        ASSERT_TRUE(same) << to_string(out_shape) << " " << to_string(in.strides) << " "
                          << name_of(dtype);
      } while (std::next_permutation(perm.begin(), perm.end()));
    }
  }
}

TEST(Copy, long_rows_are_split) {
  Shuffled shuffled;
  std::vector<std::uint16_t> from(300001), to(300001, 0);
  std::iota(from.begin(), from.end(), 0);
  copy({from.data() + 300000, DType::u16, {300001}, {-1}}, dense_view(to.data(), {300001}),
       shuffled);
  std::reverse(from.begin(), from.end());
  EXPECT_EQ(from, to);
}

TEST(Fill, sets_exactly_the_view) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    Random random(seed);
    const auto dtype = static_cast<DType>(random.in(0, kDTypeCount - 1));
    const Shape shape = random_shape(random);
    Field to(random, dtype, shape, false);
    std::vector<std::uint8_t> expected = to.bytes;
    const std::uint64_t bits = 0x0102030405060701U;
    const std::ptrdiff_t base = to.view.ptr<std::uint8_t>() - to.bytes.data();
    for_indices(shape, [&](const Dims& index) {
      std::memcpy(expected.data() + base +
                      offset(index, to.view.strides) * static_cast<std::int64_t>(size_of(dtype)),
                  &bits, size_of(dtype));
    });
    fill(to.view, bits, Parallel::serial());
    ASSERT_TRUE(to.bytes == expected) << "seed " << seed;
  }
}

TEST(CopyPadded, writes_fill_around_the_valid_box) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    Random random(seed);
    Shape shape;
    for (std::int64_t rank = random.in(1, 4); rank > 0; --rank) shape.push_back(random.in(0, 7));
    Tensor t = Tensor::own({DType::i16, shape, {}});
    std::vector<std::int16_t> values(static_cast<std::size_t>(volume(shape)));
    std::iota(values.begin(), values.end(), 1);
    std::copy(values.begin(), values.end(), t.mutable_view().ptr<std::int16_t>());
    Dims start, extent;
    for (int i = 0; i < shape.rank(); ++i) {
      start.push_back(random.in(-9, 9));
      extent.push_back(random.in(0, 12));
      t = *t.windowed(i, start[i], extent[i], 0xfff9);
    }
    std::vector<std::int16_t> to(static_cast<std::size_t>(volume(extent)));
    copy_padded(t.padded_view(), dense_view(to.data(), extent), Parallel::serial());
    const Strides dense = dense_strides(shape);
    std::size_t k = 0;
    for_indices(extent, [&](const Dims& index) {
      std::int64_t at = 0;
      bool inside = true;
      for (int i = 0; i < shape.rank(); ++i) {
        const std::int64_t j = index[i] + start[i];
        inside = inside && j >= 0 && j < shape[i];
        at += j * dense[i];
      }
      ASSERT_EQ(to[k++], inside ? values[static_cast<std::size_t>(at)] : -7) << "seed " << seed;
    });
  }
}

// Values at which a conversion may go wrong.
template <class T>
std::vector<T> edges() {
  std::vector<T> list;
  if constexpr (std::is_same_v<T, bool>) {
    list = {false, true};
  } else if constexpr (std::is_same_v<T, Half>) {
    for (unsigned bits = 0; bits < 65536; ++bits)
      list.push_back({static_cast<std::uint16_t>(bits)});
  } else if constexpr (std::is_floating_point_v<T>) {
    for (const double at :
         {0.0,       0.5,       1.0,       1.5,        2.5,          127.0,        127.5,
          128.0,     128.5,     254.5,     255.0,      255.5,        256.0,        32767.5,
          32768.5,   65535.5,   65536.0,   65504.0,    65519.0,      65520.0,      8388607.5,
          4194303.5, 4194304.5, 8388608.0, 16777215.0, 2147483647.0, 2147483648.0, 4294967296.0,
          0x1p63,    0x1p64,    1e30,      6e-8,       3e-8,         1e-30})
      for (const T v : {static_cast<T>(at), std::nextafter(static_cast<T>(at), T(-1e30)),
                        std::nextafter(static_cast<T>(at), T(1e30))}) {
        list.push_back(v);
        list.push_back(-v);
      }
    list.push_back(std::numeric_limits<T>::infinity());
    list.push_back(-std::numeric_limits<T>::infinity());
    list.push_back(std::numeric_limits<T>::quiet_NaN());
    std::mt19937 rng(1);
    for (int i = 0; i < 3000; ++i)
      list.push_back(static_cast<T>(std::uniform_real_distribution<double>(-300, 300)(rng)));
    for (int i = 0; i < 3000; ++i)
      list.push_back(static_cast<T>(std::uniform_real_distribution<double>(-7e4, 7e4)(rng)));
    for (int i = 0; i < 3000; ++i)
      list.push_back(static_cast<T>(std::bit_cast<float>(static_cast<std::uint32_t>(rng()))));
  } else {
    for (int bit = 0; bit < static_cast<int>(8 * sizeof(T)); ++bit)
      for (int d = -2; d <= 2; ++d) {
        list.push_back(static_cast<T>((std::uint64_t{1} << bit) + static_cast<std::uint64_t>(d)));
        list.push_back(
            static_cast<T>(0 - (std::uint64_t{1} << bit) + static_cast<std::uint64_t>(d)));
      }
  }
  return list;
}

TEST(Convert, every_pair_of_types_saturates_alike_in_vector_and_tail) {
  for (int a = 0; a < kDTypeCount; ++a)
    dispatch_all(static_cast<DType>(a), [&](auto from_tag) {
      using From = typename decltype(from_tag)::type;
      const std::vector<From> list = edges<From>();
      const auto n = static_cast<std::int64_t>(list.size());
      const std::unique_ptr<From[]> in(new From[list.size()]);
      std::copy(list.begin(), list.end(), in.get());
      for (int b = 0; b < kDTypeCount; ++b)
        dispatch_all(static_cast<DType>(b), [&](auto to_tag) {
          using To = typename decltype(to_tag)::type;
          const std::unique_ptr<To[]> whole(new To[list.size()]), single(new To[list.size()]);
          convert(dense_view(in.get(), {n}), dense_view(whole.get(), {n}), Parallel::serial());
          for (std::int64_t i = 0; i < n; ++i)
            convert(dense_view(in.get() + i, {1}), dense_view(single.get() + i, {1}),
                    Parallel::serial());
          for (std::int64_t i = 0; i < n; ++i) {
            const To want = saturate<To>(in[static_cast<std::size_t>(i)]);
            bool nan = false;
            if constexpr (std::is_floating_point_v<To>) nan = want != want;
            const bool same =
                std::memcmp(&want, &whole[static_cast<std::size_t>(i)], sizeof(To)) == 0 &&
                std::memcmp(&want, &single[static_cast<std::size_t>(i)], sizeof(To)) == 0;
            if (nan) {
              EXPECT_NE(whole[static_cast<std::size_t>(i)], whole[static_cast<std::size_t>(i)]);
            } else {
              ASSERT_TRUE(same) << name_of(dtype_of<From>) << " to " << name_of(dtype_of<To>)
                                << " element " << i << " is "
                                << static_cast<double>(
                                       saturate<double>(in[static_cast<std::size_t>(i)]));
            }
          }
        });
    });
}

TEST(Convert, any_strides_and_nothing_else) {
  for (unsigned seed = 0; seed < 1000; ++seed) {
    Random random(seed);
    const Shape shape = random_shape(random);
    Field from(random, DType::i16, shape, true), to(random, DType::f32, shape, false);
    std::vector<std::uint8_t> expected = to.bytes;
    const std::ptrdiff_t base = to.view.ptr<std::uint8_t>() - to.bytes.data();
    for_indices(shape, [&](const Dims& index) {
      const auto value =
          static_cast<float>(from.view.ptr<std::int16_t>()[offset(index, from.view.strides)]);
      std::memcpy(expected.data() + base + offset(index, to.view.strides) * 4, &value, 4);
    });
    convert(from.view, to.view, Parallel::serial());
    ASSERT_TRUE(to.bytes == expected) << "seed " << seed;
  }
}

}  // namespace
}  // namespace varo
