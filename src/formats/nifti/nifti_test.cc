// SPDX-License-Identifier: Apache-2.0
#include "formats/nifti/nifti.h"

#include <cmath>
#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <numeric>
#include <zlib.h>

#include "formats/gzip.h"
#include "formats/testing.h"

namespace varo {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A header as bytes, fields set one by one in either byte order.
class Header {
 public:
  explicit Header(int version = 1, bool big = false) : big_(big), second_(version == 2) {
    bytes_.assign(second_ ? 544 : 352, '\0');
    set<std::int32_t>(0, second_ ? 540 : 348);
    bytes_.replace(second_ ? 4 : 344, second_ ? 8 : 4,
                   second_ ? std::string("n+2\0\r\n\032\n", 8) : std::string("n+1\0", 4));
    type(16).offset(second_ ? 544 : 352);
    for (int i = 1; i < 4; ++i) pixdim(i, i);
  }
  Header& dims(const std::vector<std::int64_t>& xyz) {
    dim(0, std::ssize(xyz));
    for (std::size_t i = 0; i < xyz.size(); ++i) dim(static_cast<int>(i) + 1, xyz[i]);
    return *this;
  }
  Header& dim(int i, std::int64_t v) {
    return second_ ? set<std::int64_t>(16 + 8 * i, v)
                   : set(40 + 2 * i, static_cast<std::int16_t>(v));
  }
  Header& type(int code) {
    return set<std::int16_t>(second_ ? 12 : 70, static_cast<std::int16_t>(code));
  }
  Header& offset(double v) {
    return second_ ? set(168, static_cast<std::int64_t>(v)) : set(108, static_cast<float>(v));
  }
  Header& slope(double v) { return real(112, 176, v); }
  Header& intercept(double v) { return real(116, 184, v); }
  Header& pixdim(int i, double v) { return real(76 + 4 * i, 104 + 8 * i, v); }
  Header& units(int v) {
    if (second_) return set<std::int32_t>(500, v);
    bytes_[123] = static_cast<char>(v);
    return *this;
  }
  Header& sform(int code, const std::vector<double>& rows) {
    if (second_)
      set<std::int32_t>(348, code);
    else
      set(254, static_cast<std::int16_t>(code));
    for (std::size_t i = 0; i < 12; ++i) real(280 + 4 * i, 400 + 8 * i, rows[i]);
    return *this;
  }
  Header& qform(int code, const std::vector<double>& bcd_xyz) {
    if (second_)
      set<std::int32_t>(344, code);
    else
      set(252, static_cast<std::int16_t>(code));
    for (std::size_t i = 0; i < 6; ++i) real(256 + 4 * i, 352 + 8 * i, bcd_xyz[i]);
    return *this;
  }
  Header& magic(const char* text) {
    std::memcpy(bytes_.data() + (second_ ? 4 : 344), text, 4);
    return *this;
  }
  template <class T>
  std::string with(const std::vector<T>& voxels) const {
    std::string out = bytes_;
    for (T v : voxels) {
      char raw[sizeof(T)];
      std::memcpy(raw, &v, sizeof(T));
      if (big_) std::reverse(raw, raw + sizeof(T));
      out.append(raw, sizeof(T));
    }
    return out;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  template <class T>
  Header& set(std::size_t at, T v) {
    std::memcpy(bytes_.data() + at, &v, sizeof(T));
    if (big_)
      std::reverse(bytes_.begin() + static_cast<std::ptrdiff_t>(at),
                   bytes_.begin() + static_cast<std::ptrdiff_t>(at + sizeof(T)));
    return *this;
  }
  Header& real(std::size_t first, std::size_t second, double v) {
    return second_ ? set(second, v) : set(first, static_cast<float>(v));
  }
  bool big_, second_;
  std::string bytes_;
};

std::string gzip(const std::string& bytes) {
  z_stream s{};
  deflateInit2(&s, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&s, bytes.size()) + 64, '\0');
  s.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  s.avail_in = static_cast<uInt>(bytes.size());
  s.next_out = reinterpret_cast<Bytef*>(out.data());
  s.avail_out = static_cast<uInt>(out.size());
  deflate(&s, Z_FINISH);
  out.resize(out.size() - s.avail_out);
  deflateEnd(&s);
  return out;
}

template <class T>
std::vector<T> iota(std::int64_t n) {
  std::vector<T> v(static_cast<std::size_t>(n));
  std::iota(v.begin(), v.end(), T(0));
  return v;
}

class Nifti : public ::testing::Test {
 protected:
  Tensor open(const std::string& bytes, const char* name = "a.nii") {
    const std::string path = folder_.write(name, bytes);
    return nifti_tensor(path, probe_nifti(path));
  }
  template <class T>
  static std::vector<T> values(const Tensor& t) {
    Tensor dense = Tensor::own(t.spec());
    EXPECT_EQ(t.dtype(), dtype_of<T>);
    const View dst = dense.mutable_view();
    const Tensor::Fetch fetch = t.fetch();
    fetch.source->read(fetch.box, t.landing(dst).value(), Parallel::serial());
    return {dst.ptr<T>(), dst.ptr<T>() + dst.volume()};
  }
  // Of opening and reading.
  std::string error_of(const std::string& bytes, const char* name = "bad.nii") {
    try {
      const Tensor t = open(bytes, name);
      Tensor dense = Tensor::own(t.spec());
      t.fetch().source->read(t.fetch().box, dense.mutable_view(), Parallel::serial());
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::read);
      EXPECT_THAT(e.what(), HasSubstr("bad."));
      return e.what();
    }
    return "no error";
  }
  varo::testing::TempFolder folder_;
};

TEST_F(Nifti, reads_both_versions_in_both_byte_orders) {
  for (const int version : {1, 2})
    for (const bool big : {false, true})
      for (const bool zipped : {false, true}) {
        const auto voxels = iota<float>(24);
        const std::string bytes = Header(version, big).dims({4, 3, 2}).with(voxels);
        const Tensor t = open(zipped ? gzip(bytes) : bytes);
        EXPECT_EQ(t.shape(), (Shape{2, 3, 4}));
        EXPECT_EQ(t.layout(), Layout("DHW"));
        EXPECT_EQ(values<float>(t), voxels);
        EXPECT_EQ(values<float>(t.sliced(2, 1, 2).sliced(0, 1, 1)),
                  (std::vector<float>{13, 14, 17, 18, 21, 22}));
      }
}

TEST_F(Nifti, keeps_stored_types) {
  EXPECT_EQ(values<std::int16_t>(open(Header().dims({3}).type(4).with<std::int16_t>({-5, 0, 300}))),
            (std::vector<std::int16_t>{-5, 0, 300}));
  EXPECT_EQ(values<std::uint64_t>(
                open(Header(2, true).dims({1, 1}).type(1280).with<std::uint64_t>({1ULL << 60}))),
            (std::vector<std::uint64_t>{1ULL << 60}));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double slope : {0.0, nan, 1.0})
    EXPECT_EQ(open(Header().dims({3}).type(4).slope(slope).with<std::int16_t>({1, 2, 3})).dtype(),
              DType::i16);
}

TEST_F(Nifti, scales_to_float) {
  for (const bool big : {false, true})
    for (const bool zipped : {false, true}) {
      const std::string bytes =
          Header(1, big).dims({3, 2, 1}).type(4).slope(0.5).intercept(-1).with<std::int16_t>(
              {-5, 0, 300, 1, 2, 3});
      const Tensor t = open(zipped ? gzip(bytes) : bytes);
      EXPECT_EQ(values<float>(t), (std::vector<float>{-3.5f, -1, 149, -0.5f, 0, 0.5f}));
      EXPECT_EQ(values<float>(t.flipped(1).sliced(2, 1, 2)),
                (std::vector<float>{0, 0.5f, -1, 149}));
    }
}

TEST_F(Nifti, names_axes) {
  EXPECT_EQ(open(Header().dims({2, 1}).with<float>({1, 2})).layout(), Layout("HW"));
  EXPECT_EQ(open(Header().dims({2, 1, 1}).with<float>({1, 2})).layout(), Layout("DHW"));
  EXPECT_EQ(open(Header().dims({2, 1, 1, 1, 1}).with<float>({1, 2})).layout(), Layout("DHW"));
  const Tensor four = open(Header().dims({1, 2, 1, 3}).with(iota<float>(6)));
  EXPECT_EQ(four.layout(), Layout("CDHW"));
  EXPECT_EQ(four.shape(), (Shape{3, 1, 2, 1}));
  const Tensor five = open(Header().dims({1, 2, 1, 1, 3}).with(iota<float>(6)));
  EXPECT_EQ(five.layout(), Layout("CFDHW"));
  EXPECT_EQ(five.shape(), (Shape{3, 1, 1, 2, 1}));
}

TEST_F(Nifti, affine_prefers_sform_then_qform_then_pixdim) {
  Header h;
  h.dims({1, 1, 1});
  EXPECT_THAT(*open(h.with<float>({0})).meta().affine,
              ElementsAre(1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0));
  // A quarter turn about z with the z axis reversed.
  h.qform(1, {0, 0, std::sqrt(0.5), 10, 20, 30}).pixdim(0, -1);
  const Affine q = *open(h.with<float>({0})).meta().affine;
  const double expected[] = {0, -2, 0, 10, 1, 0, 0, 20, 0, 0, -3, 30};
  for (std::size_t i = 0; i < 12; ++i) EXPECT_NEAR(q[i], expected[i], 1e-6);
  h.sform(2, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  EXPECT_THAT(*open(h.with<float>({0})).meta().affine,
              ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12));
  h.units(1);  // metres
  EXPECT_EQ((*open(h.with<float>({0})).meta().affine)[3], 4000);
}

TEST_F(Nifti, affine_follows_views) {
  const Tensor t = open(Header().dims({4, 3, 2}).with(iota<float>(24)));
  EXPECT_THAT(*t.sliced(2, 2, 2).flipped(0).meta().affine,
              ElementsAre(1, 0, 0, 2, 0, 2, 0, 0, 0, 0, -3, 3));
}

TEST_F(Nifti, reads_pairs_from_either_name) {
  for (const std::string zip : {"", ".gz"}) {
    const std::string head = Header().magic("ni1").offset(0).dims({2, 2, 1}).bytes().substr(0, 348);
    std::string body(16, '\0');
    const float voxels[] = {1, 2, 3, 4};
    std::memcpy(body.data(), voxels, 16);
    folder_.write("p.hdr" + zip, zip.empty() ? head : gzip(head));
    folder_.write("p.img" + zip, zip.empty() ? body : gzip(body));
    for (const char* name : {"p.hdr", "p.img"}) {
      const std::string path = folder_.at(name + zip);
      EXPECT_EQ(values<float>(nifti_tensor(path, probe_nifti(path))),
                (std::vector<float>{1, 2, 3, 4}));
    }
  }
}

// A pair's header, and the voxels 1 to 4.
std::pair<std::string, std::string> small_pair() {
  std::string body(16, '\0');
  const float voxels[] = {1, 2, 3, 4};
  std::memcpy(body.data(), voxels, 16);
  return {Header().magic("ni1").offset(0).dims({2, 2, 1}).bytes().substr(0, 348), body};
}

TEST_F(Nifti, finds_the_other_file_of_a_pair_in_capitals_or_compressed) {
  const auto [head, body] = small_pair();
  const std::pair<const char*, const char*> names[] = {
      {"P.HDR", "P.IMG"}, {"q.hdr", "q.img.gz"},    {"r.hdr.gz", "r.img"},
      {"s.HDR", "s.img"}, {"T.HDR.gz", "T.IMG.gz"}, {"U.HDR", "U.IMG.GZ"}};
  for (const auto& [header, voxels] : names) {
    const auto zipped = [](const std::string& name) { return name.find('.') != name.rfind('.'); };
    folder_.write(header, zipped(header) ? gzip(head) : head);
    folder_.write(voxels, zipped(voxels) ? gzip(body) : body);
    for (const char* name : {header, voxels}) {
      const std::string path = folder_.at(name);
      EXPECT_EQ(values<float>(nifti_tensor(path, probe_nifti(path))),
                (std::vector<float>{1, 2, 3, 4}))
          << name;
    }
  }
}

TEST_F(Nifti, a_pair_s_header_is_current_while_both_files_are) {
  const auto [head, body] = small_pair();
  for (const char* asked : {"p.hdr", "p.img"})
    for (const char* changed : {"p.hdr", "p.img"}) {
      folder_.write("p.hdr", head);
      folder_.write("p.img", body);
      const NiftiHeader header = probe_nifti(folder_.at(asked));
      EXPECT_TRUE(header.current());
      folder_.write(changed, (changed == std::string("p.hdr") ? head : body) + '\0');
      EXPECT_FALSE(header.current()) << asked << " " << changed;
    }
}

TEST_F(Nifti, voxels_that_should_be_gzip_are_not_taken_raw) {
  const auto [head, body] = small_pair();
  folder_.write("bad.hdr.gz", gzip(head));
  std::string damaged = gzip(body);
  damaged[0] = 'x';
  EXPECT_THAT(error_of(damaged, "bad.img.gz"), HasSubstr("gzip"));
}

TEST_F(Nifti, voxels_that_begin_as_gzip_files_do_are_voxels) {
  const auto [head, body] = small_pair();
  folder_.write("p.hdr", head);
  std::string voxels = body;
  voxels[0] = '\x1F', voxels[1] = '\x8B';
  float first;
  std::memcpy(&first, voxels.data(), sizeof first);
  EXPECT_EQ(values<float>(open(voxels, "p.img")), (std::vector<float>{first, 2, 3, 4}));
  EXPECT_EQ(values<float>(open(gzip(body), "p.img")), (std::vector<float>{1, 2, 3, 4}))
      << "a compressed file without .gz";
}

TEST_F(Nifti, an_extent_of_zero_counts_as_one) {
  const Tensor t = open(Header().dims({2, 3, 0}).with(iota<float>(6)));
  EXPECT_EQ(t.shape(), (Shape{1, 3, 2}));
  EXPECT_EQ(t.layout(), Layout("DHW"));
  EXPECT_EQ(values<float>(t), iota<float>(6));
  EXPECT_EQ(open(Header().dims({2, 3, 1, 0, 0, 0, 0}).with(iota<float>(6))).shape(),
            (Shape{1, 3, 2}));
}

TEST_F(Nifti, reads_members_one_after_another) {
  const std::string bytes = Header().dims({4, 3, 2}).with(iota<float>(24));
  const std::string parts = gzip(bytes.substr(0, 100)) + gzip("") + gzip(bytes.substr(100, 300)) +
                            gzip(bytes.substr(400)) + std::string(512, '\0');
  EXPECT_EQ(values<float>(open(parts)), iota<float>(24));
}

TEST_F(Nifti, decompresses_once_a_source) {
  const Tensor t = open(gzip(Header().dims({4, 3, 2}).with(iota<float>(24))));
  values<float>(t.sliced(0, 0, 1));
  reset_io_stats();
  EXPECT_EQ(values<float>(t.sliced(0, 1, 1))[0], 12);
  EXPECT_EQ(io_stats().system_calls, 0u);
}

TEST_F(Nifti, refuses_headers_that_lie) {
  const auto with = [](Header& h) { return h.with<float>({1, 2, 3, 4}); };
  EXPECT_THAT(error_of(""), HasSubstr("0 bytes"));
  EXPECT_THAT(error_of(std::string(1000, 'x')), HasSubstr("sizeof_hdr"));
  EXPECT_THAT(error_of(Header().magic("xxx").bytes()), HasSubstr("magic"));
  EXPECT_THAT(error_of(Header().dims({2, 2}).bytes().substr(0, 300)), HasSubstr("300 bytes"));
  EXPECT_THAT(error_of(with(Header().dims({5, 1}))),
              AllOf(HasSubstr("16 bytes"), HasSubstr("20 bytes")));
  EXPECT_THAT(error_of(with(Header().dims({2, 2}).dim(0, 9))),
              AllOf(HasSubstr("dim[0] = 9"), HasSubstr("1 to 7")));
  EXPECT_THAT(error_of(with(Header().dims({2, -2}))), HasSubstr("dim[2] = -2"));
  EXPECT_THAT(error_of(with(Header().dims({1, 1, 1, 1, 1, 2}))), HasSubstr("dim[6] = 2"));
  const std::int64_t big = std::int64_t{1} << 40;
  EXPECT_THAT(error_of(with(Header(2).dims({big, big, big}))), HasSubstr("2^63"));
  EXPECT_THAT(error_of(with(Header(2).dims({big, 1024}))), HasSubstr("16 bytes"));
  EXPECT_THAT(error_of(with(Header().dims({2, 2}).offset(100))),
              AllOf(HasSubstr("100"), HasSubstr("352")));
  EXPECT_THAT(error_of(with(Header().dims({2, 2}).offset(1e30))), HasSubstr("vox_offset"));
  EXPECT_THAT(error_of(with(Header().dims({2, 2}).offset(NAN))), HasSubstr("vox_offset"));
  EXPECT_THAT(error_of(with(Header().dims({2, 2}).offset(1e9))), HasSubstr("0 bytes"));
  EXPECT_THAT(error_of(with(Header().dims({2, 2}).type(128))),
              AllOf(HasSubstr("RGB"), HasSubstr("128")));
  EXPECT_THAT(error_of(with(Header().dims({2, 2}).type(32))), HasSubstr("complex"));
  EXPECT_THAT(error_of(with(Header().dims({2, 2}).type(77))), HasSubstr("datatype 77"));
  EXPECT_THAT(error_of(with(Header().dims({2, 2}).slope(2).intercept(NAN))),
              HasSubstr("scl_inter"));
  EXPECT_THAT(error_of(with(Header().dims({2, 2}).magic("ni1"))), HasSubstr(".hdr"));
  std::vector<double> rows(12, 1);
  rows[5] = NAN;
  EXPECT_THAT(error_of(with(Header().dims({2, 2}).sform(1, rows))),
              AllOf(HasSubstr("sform"), HasSubstr("nan")));
  rows[5] = INFINITY;
  EXPECT_THAT(error_of(with(Header().dims({2, 2}).qform(1, rows))), HasSubstr("qform"));
}

TEST_F(Nifti, refuses_damaged_compressed_data) {
  std::vector<float> voxels(5000);
  for (std::size_t i = 0; i < voxels.size(); ++i) voxels[i] = std::sin(static_cast<float>(i * i));
  const std::string bytes = Header().dims({5000}).with(voxels);
  const std::string good = gzip(bytes);
  EXPECT_EQ(error_of(good), "no error");
  EXPECT_THAT(error_of(good.substr(0, good.size() / 2)), HasSubstr("ends early"));
  EXPECT_THAT(error_of(good.substr(0, good.size() - 3)), HasSubstr("ends early"));
  EXPECT_THAT(error_of(good + "garbage"),
              AllOf(HasSubstr("after the compressed data"), HasSubstr("7 bytes")));
  std::string wrong = good;
  wrong[good.size() - 6] ^= 1;
  EXPECT_THAT(error_of(wrong), HasSubstr("CRC-32"));
  wrong = good;
  wrong[good.size() - 2] ^= 1;
  EXPECT_THAT(error_of(wrong), HasSubstr("length"));
  wrong = good;
  for (std::size_t i = good.size() / 2; i < good.size() / 2 + 40; ++i) wrong[i] = '\xFF';
  EXPECT_THAT(error_of(wrong), HasSubstr("cannot read"));
  EXPECT_THAT(error_of(gzip(bytes.substr(0, 10000))),
              AllOf(HasSubstr("10000 decompressed"), HasSubstr("20352 bytes")));
}

TEST_F(Nifti, drops_what_stands_behind_the_voxels) {
  const std::string whole = Header().dims({4, 3, 2}).with(iota<float>(24));
  std::string noise(std::size_t{3} << 20,
                    '\0');  // does not fit into the room for voxels, compressed
  std::uint32_t state = 1;
  for (char& c : noise) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  for (const std::string& more :
       {std::string(1000, '\0'), std::string(std::size_t{8} << 20, '\1'), noise}) {
    EXPECT_EQ(values<float>(open(gzip(whole + more))), iota<float>(24));
    EXPECT_EQ(values<float>(open(gzip(whole.substr(0, 380)) + gzip(whole.substr(380)) + gzip(more) +
                                 std::string(512, '\0'))),
              iota<float>(24));
    std::string damaged = gzip(whole + more);
    damaged[damaged.size() - 6] ^= 1;
    EXPECT_THAT(error_of(damaged), HasSubstr("CRC-32"));
    EXPECT_THAT(error_of(gzip(whole + more) + "garbage"), HasSubstr("7 bytes"));
    EXPECT_THAT(error_of(gzip(whole + more).substr(0, gzip(whole + more).size() - 3)),
                HasSubstr("ends early"));
  }
  // 2^30 voxels out of a few hundred bytes.
  EXPECT_THAT(error_of(gzip(Header(2).dims({1 << 30}).with<float>({1}))),
              HasSubstr("so few bytes"));
}

}  // namespace
}  // namespace varo
