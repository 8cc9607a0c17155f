// SPDX-License-Identifier: Apache-2.0
#include "formats/npy/npy.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <fmt/format.h>
#include <numeric>
#include <optional>
#include <vector>

#include "formats/raw_array.h"

namespace varo {

namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
// Generous for any array of numbers; a longer header is a record type with very many fields, or a
// lie.
constexpr std::size_t kMostHeaderBytes = std::size_t{1} << 20;
constexpr std::string_view kTypesAllowed =
    "bool, int8 to int64, uint8 to uint64, float16, float32, float64, of either byte order";

// The few Python literals that a header is made of. Every error says where it is.
class Literal {
 public:
  Literal(std::string_view text, std::string_view file) : text_(text), file_(file) {}

  [[noreturn]] void fail(std::string_view wanted) const {
    const std::string_view rest = text_.substr(at_, 24);
    std::string shown;
    for (const char c : rest) shown += c >= ' ' && c < 127 ? c : '?';
    throw read_error(file_, "the header is not the description of an array")
        .got(rest.empty() ? "the end of the header"
                          : fmt::format("\"{}\" at character {}", shown, at_))
        .allowed(std::string(wanted));
  }

  void skip_blanks() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
  }
  bool take(char c) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail(fmt::format("'{}'", c));
  }
  bool at(char c) {
    skip_blanks();
    return at_ < text_.size() && text_[at_] == c;
  }
  bool ended() {
    skip_blanks();
    return at_ == text_.size();
  }

  std::string_view text() {
    skip_blanks();
    const char quote = at_ < text_.size() ? text_[at_] : 0;
    if (quote != '\'' && quote != '"') fail("a quoted text");
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) fail("a quoted text that ends");
    const std::string_view value = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return value;
  }

  bool boolean() {
    skip_blanks();
    for (const auto& [word, value] : {std::pair{"True", true}, std::pair{"False", false}}) {
      if (text_.substr(at_).starts_with(word)) {
        at_ += std::strlen(word);
        return value;
      }
    }
    fail("True or False");
  }

  std::int64_t extent() {
    skip_blanks();
    const std::size_t start = at_;
    std::int64_t value = 0;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      if (__builtin_mul_overflow(value, 10, &value) ||
          __builtin_add_overflow(value, text_[at_] - '0', &value)) {
        at_ = start;
        fail("an extent below 2^63");
      }
      ++at_;
    }
    if (at_ == start) fail("an extent of at least 0");
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // written by Python 2
    return value;
  }

  Shape shape() {
    Shape extents;
    int count = 0;
    expect('(');
    while (!take(')')) {
      const std::int64_t next = extent();
      if (++count <= kMaxRank) extents.push_back(next);
      if (!take(',') && !at(')')) fail("',' or ')'");
    }
    if (count > kMaxRank)
      throw read_error(file_, "the array has more axes than are supported")
          .got(fmt::format("{} axes", count))
          .allowed(fmt::format("at most {}", kMaxRank))
          .hint("numpy.reshape before numpy.save");
    return extents;
  }

 private:
  std::string_view text_, file_;
  std::size_t at_ = 0;
};

struct ElementType {
  DType dtype;
  bool swapped;
};

ElementType element_type(std::string_view descr, std::string_view name) {
  std::string_view rest = descr;
  char order = '=';
  if (!rest.empty() && std::string_view("<>|=").find(rest[0]) != std::string_view::npos) {
    order = rest[0];
    rest.remove_prefix(1);
  }
  struct {
    std::string_view code;
    DType dtype;
  } const types[] = {{"b1", DType::boolean}, {"i1", DType::i8},  {"i2", DType::i16},
                     {"i4", DType::i32},     {"i8", DType::i64}, {"u1", DType::u8},
                     {"u2", DType::u16},     {"u4", DType::u32}, {"u8", DType::u64},
                     {"f2", DType::f16},     {"f4", DType::f32}, {"f8", DType::f64}};
  for (const auto& [code, dtype] : types) {
    if (code != rest) continue;
    const char own = std::endian::native == std::endian::little ? '<' : '>';
    const bool foreign = (order == '<' || order == '>') && order != own;
    return {dtype, foreign && size_of(dtype) > 1};
  }
  std::string_view what = "elements of a type that is not supported";
  switch (rest.empty() ? 0 : rest[0]) {
    case 'c':
      what = "complex numbers";
      break;
    case 'O':
      what = "pickled Python objects";
      break;
    case 'S':
    case 'U':
    case 'a':
      what = "texts";
      break;
    case 'M':
    case 'm':
      what = "dates or times";
      break;
    case 'V':
      what = "records or raw bytes";
      break;
    default:
      break;
  }
  throw read_error(name, fmt::format("the array holds {}", what))
      .got(fmt::format("descr \"{}\"", descr.substr(0, 40)))
      .allowed(std::string(kTypesAllowed));
}

RawArray stored_array(const NpyHeader& header) {
  RawArray array{.offset = header.data_offset,
                 .stored = header.dtype,
                 .shape = header.shape,
                 .swapped = header.swapped};
  if (header.fortran_order) std::reverse(array.shape.begin(), array.shape.end());
  return array;
}

}  // namespace

std::size_t npy_header_bytes(std::span<const std::byte> start, std::string_view name) {
  const auto byte = [&](std::size_t i) { return std::to_integer<std::size_t>(start[i]); };
  if (start.size() < 10 || std::memcmp(start.data(), kMagic.data(), kMagic.size()) != 0)
    throw read_error(name, "this is not a .npy file")
        .got(start.size() < 10 ? fmt::format("{} bytes", start.size()) : "another beginning")
        .allowed("at least 10 bytes that begin with \\x93NUMPY");
  const std::size_t version = byte(6);
  if (version < 1 || version > 3)
    throw read_error(name, "a version of the .npy format that is not known")
        .got(fmt::format("version {}.{}", version, byte(7)))
        .allowed("versions 1 to 3");
  const std::size_t prefix = version == 1 ? 10 : 12;
  if (start.size() < prefix)
    throw read_error(name, "the file ends inside its header")
        .got(fmt::format("{} bytes", start.size()))
        .allowed(fmt::format("at least {} bytes", prefix));
  std::size_t length = byte(8) | byte(9) << 8;
  if (version > 1) length |= byte(10) << 16 | byte(11) << 24;
  if (length > kMostHeaderBytes)
    throw read_error(name, "the header's length is no sane one")
        .got(fmt::format("{} bytes", length))
        .allowed(fmt::format("at most {} bytes", kMostHeaderBytes));
  return prefix + length;
}

NpyHeader parse_npy(std::span<const std::byte> bytes, std::int64_t size, std::string_view name) {
  const std::size_t end = npy_header_bytes(bytes, name);
  if (end > bytes.size())
    throw read_error(name, "the file ends inside its header")
        .got(fmt::format("{} bytes", bytes.size()))
        .allowed(fmt::format("at least {} bytes", end));
  const std::size_t begin = bytes[6] == std::byte{1} ? 10 : 12;
  Literal literal({reinterpret_cast<const char*>(bytes.data()) + begin, end - begin}, name);

  NpyHeader header;
  header.data_offset = static_cast<std::int64_t>(end);
  bool has_type = false, has_order = false, has_shape = false;
  literal.expect('{');
  while (!literal.take('}')) {
    const std::string_view key = literal.text();
    literal.expect(':');
    if (key == "descr" && !has_type) {
      has_type = true;
      if (literal.at('[') || literal.at('('))
        throw read_error(name, "the array holds records with named fields")
            .got("a structured descr")
            .allowed(std::string(kTypesAllowed));
      const ElementType type = element_type(literal.text(), name);
      header.dtype = type.dtype;
      header.swapped = type.swapped;
    } else if (key == "fortran_order" && !has_order) {
      has_order = true;
      header.fortran_order = literal.boolean();
    } else if (key == "shape" && !has_shape) {
      has_shape = true;
      header.shape = literal.shape();
    } else {
      literal.fail("the keys descr, fortran_order and shape, once each");
    }
    if (!literal.take(',') && !literal.at('}')) literal.fail("',' or '}'");
  }
  if (!has_type || !has_order || !has_shape)
    literal.fail("the keys descr, fortran_order and shape, once each");
  if (!literal.ended()) literal.fail("blanks after the header's closing brace");
  checked_extent(stored_array(header), size, name);
  return header;
}

NpyHeader probe_npy(const std::string& path) {
  const File file(path);
  // NumPy's own headers have 128 bytes; one read is enough for nearly all.
  std::byte first[1024];
  const auto have = static_cast<std::size_t>(std::min<std::int64_t>(file.size(), sizeof first));
  file.read(0, first, have);
  std::span<const std::byte> bytes(first, have);
  const std::size_t need = npy_header_bytes(bytes, path);
  std::vector<std::byte> longer;
  if (need > have && static_cast<std::int64_t>(need) <= file.size()) {
    longer.resize(need);
    file.read(0, longer.data(), need);
    bytes = longer;
  }
  NpyHeader header = parse_npy(bytes, file.size(), path);
  header.path = path;
  header.file = file.id();
  return header;
}

bool NpyHeader::current() const { return file_id(path) == file; }

Tensor npy_tensor(const std::string& path, const NpyHeader& header) {
  Tensor tensor = Tensor::defer(raw_source(path, header.file, stored_array(header)));
  if (header.fortran_order && header.shape.rank() > 1) {
    std::vector<int> reversed(static_cast<std::size_t>(header.shape.rank()));
    std::iota(reversed.rbegin(), reversed.rend(), 0);
    tensor = tensor.permuted(reversed);
  }
  return tensor.with_meta({.source = path, .affine = {}});
}

}  // namespace varo
