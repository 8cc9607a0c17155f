// SPDX-License-Identifier: Apache-2.0
#include "varo/tensor.h"

#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <vector>

#include "core/parallel.h"
#include "core/pool.h"
#include "varo/error.h"

namespace varo {
namespace {

constexpr std::int32_t kFill = -7;
constexpr std::uint64_t kFillBits = 0xfffffff9U;
constexpr Affine kAffine = {2, 0.5, 0, 10, 0, 3, 0.25, -20, -1, 0, 4, 30};

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

// Element k of the source is k; says what was read.
class Counting final : public Source {
 public:
  explicit Counting(Shape shape) : shape_(shape) {}
  DType dtype() const override { return DType::i32; }
  const Shape& shape() const override { return shape_; }
  void read(const Box& box, const View& dst, Parallel&) override {
    ASSERT_TRUE(box.extents() == dst.shape)
        << to_string(box.extents()) << " " << to_string(dst.shape);
    const Strides dense = dense_strides(shape_);
    for_indices(dst.shape, [&](const Dims& index) {
      Dims at = index;
      for (int i = 0; i < at.rank(); ++i) {
        at[i] += box.lo[i];
        ASSERT_TRUE(at[i] >= 0 && at[i] < shape_[i]) << "read outside of the source";
      }
      dst.ptr<std::int32_t>()[offset(index, dst.strides)] =
          static_cast<std::int32_t>(offset(at, dense));
    });
    last = box;
  }
  Box last;

 private:
  Shape shape_;
};

Tensor counted(const Shape& shape, Layout layout = {}) {
  Tensor t = Tensor::own({DType::i32, shape, layout});
  for (std::int64_t i = 0; i < volume(shape); ++i)
    t.mutable_view().ptr<std::int32_t>()[i] = static_cast<std::int32_t>(i);
  return t;
}

Tensor in_memory(const Tensor& t) {
  if (!t.deferred()) return t;
  const auto [source, box] = t.fetch();
  const Tensor whole = Tensor::own({source->dtype(), box.extents(), {}});
  source->read(box, whole.mutable_view(), Parallel::serial());
  return t.fetched(whole);
}

// Every element in row-major order.
std::vector<std::int32_t> elements(const Tensor& tensor) {
  const Tensor t = in_memory(tensor);
  const Box box = t.valid();
  const ConstView inside = t.padded_view().inside;
  std::vector<std::int32_t> list;
  for_indices(t.shape(), [&](const Dims& index) {
    std::int64_t at = 0;
    bool valid = true;
    for (int i = 0; i < t.rank(); ++i) {
      valid = valid && index[i] >= box.lo[i] && index[i] < box.hi[i];
      at += (index[i] - box.lo[i]) * inside.strides[i];
    }
    list.push_back(valid ? inside.ptr<std::int32_t>()[at]
                         : static_cast<std::int32_t>(t.fill_bits()));
  });
  return list;
}

// What NumPy would hold: an array of its own, elements moved one by one.
struct Model {
  Shape shape;
  std::vector<std::int32_t> values;

  // out[index] = in[source(index)], fill where source gives nothing.
  template <class Map>
  Model gathered(const Shape& out, const Map& source) const {
    Model m{out, {}};
    const Strides dense = dense_strides(shape);
    for_indices(out, [&](const Dims& index) {
      const Dims from = source(index);
      bool inside = true;
      for (int i = 0; i < from.rank(); ++i) inside = inside && from[i] >= 0 && from[i] < shape[i];
      m.values.push_back(inside ? values[static_cast<std::size_t>(offset(from, dense))] : kFill);
    });
    return m;
  }
  Model sliced(int axis, std::int64_t start, std::int64_t count, std::int64_t step) const {
    Shape out = shape;
    out[axis] = count;
    return gathered(out, [&](Dims index) {
      index[axis] = start + step * index[axis];
      return index;
    });
  }
};

struct Chain {
  std::mt19937 rng;
  Tensor tensor;
  Model model;
  std::string story;

  std::int64_t in(std::int64_t lo, std::int64_t hi) {
    return std::uniform_int_distribution<std::int64_t>(lo, hi)(rng);
  }

  void slice(int axis) {
    const std::int64_t extent = tensor.shape()[axis];
    const std::int64_t step = in(0, 1) != 0 ? 1 : in(1, 3) * (in(0, 1) != 0 ? 1 : -1);
    const std::int64_t count = extent == 0 ? 0 : in(0, (extent - 1) / std::abs(step) + 1);
    const std::int64_t reach = std::max<std::int64_t>(count - 1, 0) * std::abs(step);
    std::int64_t start = extent == 0 ? 0 : in(0, extent - 1 - reach);
    if (step < 0) start += reach;
    story += " slice " + std::to_string(axis) + ":" + std::to_string(start) + "," +
             std::to_string(count) + "," + std::to_string(step);
    tensor = tensor.sliced(axis, start, count, step);
    model = model.sliced(axis, start, count, step);
  }
  void window(int axis) {
    const std::int64_t start = in(-4, 4), count = in(0, 8);
    const std::uint64_t bits = in(0, 5) == 0 ? 0 : kFillBits;
    const bool outside = start < 0 || start + count > tensor.shape()[axis];
    if (bits == 0) {
      EXPECT_EQ(tensor.windowed(axis, start, count, bits).has_value(),
                !(outside && tensor.padded()));
      return;
    }
    story += " window " + std::to_string(axis) + ":" + std::to_string(start) + "," +
             std::to_string(count);
    tensor = *tensor.windowed(axis, start, count, bits);
    model = model.sliced(axis, start, count, 1);
  }
  void permute() {
    std::vector<int> perm;
    for (int i = 0; i < tensor.rank(); ++i) perm.push_back(i);
    std::shuffle(perm.begin(), perm.end(), rng);
    Shape out;
    for (const int from : perm) out.push_back(model.shape[from]);
    story += " permute";
    tensor = tensor.permuted(perm);
    model = model.gathered(out, [&](const Dims& index) {
      Dims from = index;
      for (int i = 0; i < index.rank(); ++i) from[perm[static_cast<unsigned>(i)]] = index[i];
      return from;
    });
  }
  void expand() {
    if (tensor.rank() >= 6) return;
    const auto axis = static_cast<int>(in(0, tensor.rank()));
    char letter = static_cast<char>('a' + in(0, 25));
    if (in(0, 3) == 0 || tensor.layout().has(letter)) letter = 0;
    story += " expand " + std::to_string(axis) + (letter != 0 ? std::string(1, letter) : "");
    tensor = tensor.expanded(axis, letter);
    model.shape.insert(axis, 1);
  }
  void relabel() {
    std::string letters = "DHWCF";
    std::shuffle(letters.begin(), letters.end(), rng);
    if (in(0, 1) == 0 || tensor.rank() > 5)
      letters = "";
    else
      letters.resize(static_cast<std::size_t>(tensor.rank()));
    story += " relabel " + letters;
    tensor = tensor.relabelled(Layout(std::string_view(letters)));
  }
  void squeeze() {
    for (int i = 0; i < tensor.rank(); ++i) {
      if (tensor.shape()[i] != 1) continue;
      story += " squeeze " + std::to_string(i);
      tensor = tensor.squeezed(i);
      model.shape.erase(i);
      return;
    }
  }
  void broadcast() {
    if (tensor.deferred()) return;
    for (int i = 0; i < tensor.rank(); ++i) {
      if (tensor.shape()[i] != 1) continue;
      const std::int64_t count = in(0, 3);
      story += " broadcast " + std::to_string(i) + ":" + std::to_string(count);
      tensor = tensor.broadcast(i, count);
      Shape out = model.shape;
      out[i] = count;
      model = model.gathered(out, [i](Dims index) {
        index[i] = 0;
        return index;
      });
      return;
    }
  }
  void reshape() {
    Shape out = tensor.shape();
    if (in(0, 1) == 0 && out.rank() >= 2) {
      const auto axis = static_cast<int>(in(0, out.rank() - 2));
      out[axis] *= out[axis + 1];
      out.erase(axis + 1);
    } else if (out.rank() > 0 && out.rank() < 6) {
      const auto axis = static_cast<int>(in(0, out.rank() - 1));
      const std::int64_t part = out[axis] % 2 == 0 ? 2 : 1;
      out[axis] /= part;
      out.insert(axis + 1, part);
    }
    const std::optional<Tensor> reshaped = tensor.reshaped(out);
    if (!reshaped) {
      refused = true;
      return;
    }
    story += " reshape " + to_string(out);
    tensor = *reshaped;
    model.shape = out;
  }
  bool refused = false;

  void step() {
    const auto axis = tensor.rank() > 0 ? static_cast<int>(in(0, tensor.rank() - 1)) : -1;
    switch (in(0, 8)) {
      case 0:
        if (axis >= 0) slice(axis);
        break;
      case 1:
        if (axis >= 0) window(axis);
        break;
      case 2:
        permute();
        break;
      case 3:
        expand();
        break;
      case 4:
        squeeze();
        break;
      case 5:
        broadcast();
        break;
      case 6:
        reshape();
        break;
      case 7:
        relabel();
        break;
      default:
        if (axis >= 0) {
          story += " flip " + std::to_string(axis);
          tensor = tensor.flipped(axis);
          const std::int64_t extent = model.shape[axis];
          model = model.sliced(axis, extent - 1, extent, -1);
        }
    }
  }
};

std::array<double, 3> world(const Affine& affine, double x, double y, double z) {
  std::array<double, 3> out{};
  for (unsigned r = 0; r < 3; ++r)
    out[r] = affine[r * 4] * x + affine[r * 4 + 1] * y + affine[r * 4 + 2] * z + affine[r * 4 + 3];
  return out;
}

// Every voxel that came from the source lies where it lay. Returns how many were looked at.
int check_affine(const Tensor& t, const Model& model, const Shape& source) {
  if (!t.meta().affine || t.layout().empty()) return 0;
  int looked_at = 0;
  std::size_t k = 0;
  for_indices(model.shape, [&](const Dims& index) {
    const std::int64_t value = model.values[k++];
    if (value == kFill) return;
    const auto along = [&](char letter) {
      const int at = t.layout().find(letter);
      return at < 0 ? 0.0 : static_cast<double>(index[at]);
    };
    const std::int64_t w = value % source[3], h = value / source[3] % source[2],
                       d = value / source[3] / source[2] % source[1];
    const auto now = world(*t.meta().affine, along('W'), along('H'), along('D'));
    const auto before =
        world(kAffine, static_cast<double>(w), static_cast<double>(h), static_cast<double>(d));
    for (unsigned r = 0; r < 3; ++r) EXPECT_NEAR(now[r], before[r], 1e-9);
    ++looked_at;
  });
  return looked_at;
}

TEST(Tensor, chains_of_view_operations_agree_with_numpy_like_arrays) {
  int affines = 0, padded = 0, landed = 0, refused = 0;
  for (unsigned seed = 0; seed < 20000; ++seed) {
    Chain chain{std::mt19937(seed), {}, {}, {}};
    const Shape shape{chain.in(1, 3), chain.in(0, 12) == 0 ? 0 : chain.in(1, 5), chain.in(1, 5),
                      chain.in(1, 6)};
    chain.tensor = seed % 2 == 0 ? counted(shape, "CDHW")
                                 : Tensor::defer(std::make_shared<Counting>(shape), "CDHW");
    chain.tensor = chain.tensor.with_meta({"file", kAffine});
    chain.model = {shape, elements(counted(shape))};
    for (auto steps = chain.in(1, 7); steps > 0; --steps) chain.step();
    const Tensor& t = chain.tensor;
    ASSERT_TRUE(t.shape() == chain.model.shape) << "seed " << seed << chain.story;
    ASSERT_EQ(elements(t), chain.model.values)
        << "seed " << seed << " " << to_string(shape) << chain.story;
    EXPECT_EQ(t.meta().source, "file");
    affines += check_affine(t, chain.model, shape);
    padded += t.padded() ? 1 : 0;
    refused += chain.refused ? 1 : 0;
    ASSERT_FALSE(::testing::Test::HasFailure())
        << "seed " << seed << " " << to_string(shape) << chain.story;
    if (!t.deferred()) continue;
    const Tensor direct = Tensor::own(t.spec());
    if (const auto landing = t.landing(direct.mutable_view())) {
      ++landed;
      const auto [source, box] = t.fetch();
      source->read(box, *landing, Parallel::serial());
      ASSERT_EQ(elements(direct), chain.model.values) << "seed " << seed << chain.story;
    }
  }
  EXPECT_GT(affines, 10000);
  EXPECT_GT(padded, 1000);
  EXPECT_GT(landed, 1000);
  EXPECT_GT(refused, 500);
}

TEST(Tensor, crop_of_a_deferred_source_reads_the_region_only) {
  const auto source = std::make_shared<Counting>(Shape{10, 20, 30});
  const Tensor crop =
      Tensor::defer(source, "DHW").sliced(0, 2, 3).sliced(1, 5, 4).sliced(2, 29, 6, -2);
  const Box box = crop.fetch().box;
  EXPECT_EQ(to_string(box.lo), "[2, 5, 19]");
  EXPECT_EQ(to_string(box.hi), "[5, 9, 30]");
  const Tensor padded = *Tensor::defer(source, "DHW").windowed(2, -5, 10, kFillBits);
  EXPECT_EQ(to_string(padded.fetch().box.hi), "[10, 20, 5]");
  const Tensor outside = *Tensor::defer(source, "DHW").windowed(0, 50, 10, kFillBits);
  EXPECT_TRUE(outside.fetch().box.empty());
}

TEST(Tensor, padding_that_is_cut_off_again_is_forgotten) {
  const Tensor t = *counted({4, 5}).windowed(0, -2, 9, kFillBits);
  EXPECT_TRUE(t.padded());
  const Tensor inside = t.sliced(0, 2, 4);
  EXPECT_FALSE(inside.padded());
  EXPECT_EQ(elements(inside), elements(counted({4, 5})));
}

TEST(Tensor, squeezing_an_axis_of_padding_leaves_fill) {
  const Tensor t = counted({4, 5}).windowed(0, -3, 1, kFillBits)->squeezed(0);
  EXPECT_EQ(elements(t), std::vector<std::int32_t>(5, kFill));
}

TEST(Tensor, constant_repeats_one_element) {
  const Tensor t = Tensor::constant({DType::i32, {2, 3}, "HW"}, kFillBits);
  EXPECT_EQ(elements(t), std::vector<std::int32_t>(6, kFill));
  EXPECT_EQ(t.layout().str(), "HW");
  EXPECT_EQ(t.kept_bytes(), 4U);
}

TEST(Tensor, layouts_follow) {
  const Tensor t = counted({2, 3, 4}, "DHW");
  EXPECT_EQ(t.permuted(std::array{2, 0, 1}).layout().str(), "WDH");
  EXPECT_EQ(t.expanded(3, 'C').layout().str(), "DHWC");
  EXPECT_EQ(t.expanded(0, 0).layout().str(), "");
  EXPECT_EQ(counted({2, 3}).expanded(1, 'C').layout().str(), "");
  EXPECT_EQ(counted({}).expanded(0, 'C').layout().str(), "C");
  EXPECT_EQ(t.sliced(1, 0, 1).squeezed(1).layout().str(), "DW");
  EXPECT_EQ(t.reshaped({4, 3, 2})->layout().str(), "DHW");
  EXPECT_EQ(t.reshaped({24})->layout().str(), "");
}

TEST(Tensor, affine_is_dropped_where_it_cannot_follow) {
  const Tensor t = counted({2, 3, 4}, "DHW").with_meta({"file", kAffine});
  EXPECT_TRUE(t.relabelled("DHW").meta().affine);
  EXPECT_FALSE(t.relabelled("HWC").meta().affine);
  EXPECT_FALSE(t.reshaped({4, 3, 2})->meta().affine);
  EXPECT_FALSE(t.relabelled("").relabelled("WHD").meta().affine);
  EXPECT_FALSE(t.relabelled("").permuted(std::array{2, 1, 0}).relabelled("DHW").meta().affine);
  EXPECT_TRUE(t.relabelled("").permuted(std::array{2, 1, 0}).relabelled("WHD").meta().affine);
  EXPECT_FALSE(t.relabelled("")
                   .broadcast(0, 2)
                   .permuted(std::array{1, 0, 2})
                   .relabelled("DHW")
                   .meta()
                   .affine);
  // One that nobody said the axes of stays until they move.
  const Tensor bare = counted({2, 3, 4}).with_meta({"file", kAffine});
  EXPECT_TRUE(bare.relabelled("DHW").meta().affine);
  EXPECT_FALSE(bare.sliced(0, 1, 1).meta().affine);
  EXPECT_FALSE(bare.permuted(std::array{0, 2, 1}).meta().affine);
  EXPECT_FALSE(bare.expanded(0, 0).meta().affine);
  EXPECT_TRUE(t.reshaped({1, 2, 3, 4})->meta().affine);
  EXPECT_EQ(t.relabelled("HWC").meta().source, "file");
}

TEST(Tensor, relabelled_wants_a_letter_an_axis) {
  try {
    counted({2, 3}).relabelled("DHW");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::layout);
    EXPECT_NE(std::string(e.what()).find("DHW"), std::string::npos);
    EXPECT_NE(std::string(e.what()).find("2 letters"), std::string::npos);
  }
}

// Memory of the host stands in for a device's: nobody looks at it.
TEST(Device, stays_with_a_tensor_through_view_operations) {
  constexpr Device kDevice{Device::cuda, 1};
  std::vector<float> memory(24);
  ConstView view = dense_view(static_cast<const float*>(memory.data()), {2, 1, 12});
  EXPECT_EQ(view.device, Device{});
  view.device = kDevice;
  const Tensor t = Tensor::wrap(view, std::make_shared<int>(), "DHW");
  const int order[] = {2, 0, 1};
  const Tensor moved[] = {t,
                          t.sliced(2, 11, 6, -2),
                          *t.windowed(2, -3, 20, 0),
                          t.permuted(order),
                          t.flipped(0),
                          t.expanded(0, 'C'),
                          t.squeezed(1),
                          t.broadcast(1, 5),
                          *t.reshaped({4, 6}),
                          *t.reshaped({2, 12}),
                          t.relabelled("CHW"),
                          t.retyped(DType::i32),
                          t.with_meta({})};
  for (const Tensor& other : moved) {
    EXPECT_EQ(other.device(), kDevice);
    EXPECT_EQ(other.padded_view().inside.device, kDevice);
    if (other.padded()) continue;
    EXPECT_EQ(other.view().device, kDevice);
    EXPECT_EQ(ConstView(other.mutable_view()).device, kDevice);
  }
  const Batch batch{{t, t}, DType::f32, "DHW", kDevice};
  EXPECT_EQ(batch.as_tensor().device(), kDevice);
}

TEST(Device, has_a_name_and_costs_a_view_one_word) {
  EXPECT_EQ(to_string(Device{}), "host");
  EXPECT_EQ(to_string(Device{Device::pinned}), "pinned");
  EXPECT_EQ(to_string(Device{Device::cuda, 2}), "cuda:2");
  static_assert(Device{Device::pinned}.on_host() && !Device{Device::cuda}.on_host());
  static_assert(Device{Device::cuda, 1} != Device{Device::cuda, 2});
  static_assert(sizeof(Device) == 2 && sizeof(View) == 168 && sizeof(ConstView) == 168);
}

TEST(Device, memory_of_others_than_the_host_has_no_back_end) {
  EXPECT_EQ(&BufferPool::of({}), &BufferPool::host());
  for (const Device device : {Device{Device::pinned}, Device{Device::cuda, 3}}) {
    try {
      Tensor::own({DType::u8, {2}, {}}, device);
      FAIL() << "memory from nowhere";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::device);
      const std::string text = error.what();
      EXPECT_NE(text.find(to_string(device)), std::string::npos) << text;
      EXPECT_NE(text.find("allowed  host"), std::string::npos) << text;
    }
  }
}

TEST(Batch, as_tensor_spans_equal_samples) {
  const Tensor all = counted({3, 2, 2});
  Batch batch{{all.sliced(0, 0, 1).squeezed(0), all.sliced(0, 1, 1).squeezed(0),
               all.sliced(0, 2, 1).squeezed(0)},
              DType::i32,
              {}};
  ASSERT_TRUE(batch.dense());
  EXPECT_EQ(elements(batch.as_tensor()), elements(all));
  batch.samples[1] = batch.samples[1].sliced(0, 0, 1);
  EXPECT_FALSE(batch.dense());
}

}  // namespace
}  // namespace varo
