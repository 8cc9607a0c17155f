// SPDX-License-Identifier: Apache-2.0
#include "formats/nifti/nifti.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/pool.h"
#include "formats/file_source.h"
#include "formats/gzip.h"

namespace varo {

namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::size_t kNifti1Bytes = 348;
// After the voxels some programs leave a few bytes. Room for so many is kept, which is faster; more
// than that is dropped piece by piece.
constexpr std::size_t kSlackBytes = std::size_t{64} << 10;

// The fields of either version, wherever they lie.
class Fields {
 public:
  Fields(std::span<const std::byte> bytes, std::string_view name) : bytes_(bytes) {
    const auto problem = [&] {
      return read_error(name, "this is not a NIfTI file")
          .got(fmt::format("a header of {} bytes", bytes.size()))
          .allowed("348 bytes for NIfTI-1, 540 for NIfTI-2");
    };
    if (bytes.size() < kNifti1Bytes) throw problem();
    const auto size = read<std::int32_t>(0);
    swapped =
        size == __builtin_bswap32(kNifti1Bytes) || size == __builtin_bswap32(kNiftiHeaderBytes);
    const auto own_size = read<std::int32_t>(0);
    second = own_size == kNiftiHeaderBytes;
    if (own_size != kNifti1Bytes && !second)
      throw read_error(name, "this is not a NIfTI file")
          .got(fmt::format("sizeof_hdr {}", size))
          .allowed("348 or 540, in either byte order");
    if (second && bytes.size() < kNiftiHeaderBytes) throw problem();
  }

  bool swapped = false, second = false;

  std::int64_t dim(int i) const { return integer<std::int16_t, std::int64_t>(40, 16, i); }
  double pixdim(int i) const { return real(76, 104, i); }
  int datatype() const { return read<std::int16_t>(second ? 12 : 70); }
  double vox_offset() const {
    return second ? static_cast<double>(read<std::int64_t>(168)) : read<float>(108);
  }
  double slope() const { return real(112, 176, 0); }
  double intercept() const { return real(116, 184, 0); }
  int units() const { return second ? read<std::int32_t>(500) : std::to_integer<int>(bytes_[123]); }
  std::int64_t qform() const { return integer<std::int16_t, std::int32_t>(252, 344, 0); }
  std::int64_t sform() const { return integer<std::int16_t, std::int32_t>(254, 348, 0); }
  double quaternion(int i) const { return real(256, 352, i); }
  double qoffset(int i) const { return real(268, 376, i); }
  double srow(int i) const { return real(280, 400, i); }
  std::string_view magic() const {
    return {reinterpret_cast<const char*>(bytes_.data()) + (second ? 4 : 344), 4};
  }

 private:
  template <class T>
  T read(std::size_t at) const {
    std::byte raw[sizeof(T)];
    std::memcpy(raw, bytes_.data() + at, sizeof(T));
    if (swapped) std::reverse(raw, raw + sizeof(T));
    T value;
    std::memcpy(&value, raw, sizeof(T));
    return value;
  }
  template <class First, class Second>
  std::int64_t integer(std::size_t first, std::size_t second_at, int i) const {
    const auto n = static_cast<std::size_t>(i);
    return second ? static_cast<std::int64_t>(read<Second>(second_at + n * sizeof(Second)))
                  : static_cast<std::int64_t>(read<First>(first + n * sizeof(First)));
  }
  double real(std::size_t first, std::size_t second_at, int i) const {
    const auto n = static_cast<std::size_t>(i);
    return second ? read<double>(second_at + n * 8)
                  : static_cast<double>(read<float>(first + n * 4));
  }

  std::span<const std::byte> bytes_;
};

DType voxel_type(int code, std::string_view name) {
  struct {
    int code;
    DType dtype;
  } const types[] = {{2, DType::u8},     {4, DType::i16},   {8, DType::i32},   {16, DType::f32},
                     {64, DType::f64},   {256, DType::i8},  {512, DType::u16}, {768, DType::u32},
                     {1024, DType::i64}, {1280, DType::u64}};
  for (const auto& type : types)
    if (type.code == code) return type.dtype;
  struct {
    int code;
    const char* text;
  } const others[] = {{1, "single bits"},        {32, "complex numbers"},
                      {128, "RGB colours"},      {1536, "128-bit floats"},
                      {1792, "complex numbers"}, {2048, "complex numbers"},
                      {2304, "RGBA colours"}};
  std::string_view what = "of a type that is not known";
  for (const auto& other : others)
    if (other.code == code) what = other.text;
  throw read_error(name, fmt::format("the voxels are {}", what))
      .got(fmt::format("datatype {}", code))
      .allowed(
          "2, 4, 8, 16, 64, 256, 512, 768, 1024, 1280: integers of 8 to 64 bits, float32, float64");
}

Shape image_shape(const Fields& f, std::string_view name) {
  const std::int64_t listed = f.dim(0);
  if (listed < 1 || listed > 7)
    throw read_error(name, "the image has no sane number of axes")
        .got(fmt::format("dim[0] = {}", listed))
        .allowed("1 to 7");
  for (int i = 1; i <= listed; ++i)
    if (f.dim(i) < 0)
      throw read_error(name, "an axis of the image has no sane extent")
          .got(fmt::format("dim[{}] = {}", i, f.dim(i)))
          .allowed("at least 0, which counts as 1");
  const auto extent = [&](int i) { return std::max<std::int64_t>(f.dim(i), 1); };
  auto rank = static_cast<int>(listed);
  while (rank > 3 && extent(rank) == 1) --rank;
  if (rank > 5)
    throw read_error(name, "the image has more axes than a layout can name")
        .got(fmt::format("dim[{}] = {}", rank, extent(rank)))
        .allowed("extent 1 for the sixth and seventh axis");
  Shape shape;
  for (int i = rank; i >= 1; --i) shape.push_back(extent(i));
  return shape;
}

std::int64_t voxel_offset(const Fields& f, bool pair, std::string_view name) {
  const double offset = f.vox_offset();
  const std::int64_t least = pair ? 0 : f.second ? 544 : 352;
  if (offset == 0) return least;
  if (!(offset >= static_cast<double>(least) && offset < 0x1p62) || offset != std::floor(offset))
    throw read_error(name, "the voxels begin at no sane place")
        .got(fmt::format("vox_offset = {}", offset))
        .allowed(fmt::format("a whole number, at least {}", least));
  return static_cast<std::int64_t>(offset);
}

// Columns: the world directions of one step along x, y, z; then the position of voxel (0, 0, 0).
Affine quaternion_affine(const Fields& f) {
  double b = f.quaternion(0), c = f.quaternion(1), d = f.quaternion(2);
  double a = 1 - (b * b + c * c + d * d);
  if (a < 1e-7) {  // half a turn, up to rounding
    const double length = std::sqrt(b * b + c * c + d * d);
    b /= length, c /= length, d /= length;
    a = 0;
  } else {
    a = std::sqrt(a);
  }
  const double rotation[3][3] = {
      {a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)},
      {2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)},
      {2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c}};
  Affine affine{};
  for (unsigned column = 0; column < 3; ++column) {
    double step = std::abs(f.pixdim(static_cast<int>(column) + 1));
    if (step == 0) step = 1;
    if (column == 2 && f.pixdim(0) < 0) step = -step;  // qfac
    for (unsigned row = 0; row < 3; ++row) affine[row * 4 + column] = rotation[row][column] * step;
  }
  for (unsigned row = 0; row < 3; ++row) affine[row * 4 + 3] = f.qoffset(static_cast<int>(row));
  return affine;
}

Affine image_affine(const Fields& f, std::string_view name) {
  Affine affine{};
  const char* form = "pixdim";
  if (f.sform() > 0) {
    form = "sform";
    for (unsigned i = 0; i < 12; ++i) affine[i] = f.srow(static_cast<int>(i));
  } else if (f.qform() > 0) {
    form = "qform";
    affine = quaternion_affine(f);
  } else {
    for (unsigned i = 0; i < 3; ++i) {
      const double step = std::abs(f.pixdim(static_cast<int>(i) + 1));
      affine[i * 5] = step == 0 ? 1 : step;
    }
  }
  const int unit = f.units() & 7;
  const double mm = unit == 1 ? 1000 : unit == 3 ? 0.001 : 1;
  for (double& number : affine) {
    if (!std::isfinite(number))
      throw read_error(name, fmt::format("the voxel-to-world map ({}) is not finite", form))
          .got(fmt::format("{}", number))
          .allowed("finite numbers");
    number *= mm;
  }
  return affine;
}

void read_scaling(const Fields& f, RawArray& array, std::string_view name) {
  const double slope = f.slope(), intercept = f.intercept();
  if (!std::isfinite(slope) || slope == 0) return;
  if (!std::isfinite(intercept))
    throw read_error(name, "the intercept of the voxels' values is not finite")
        .got(fmt::format("scl_inter = {} with scl_slope = {}", intercept, slope))
        .allowed("a finite number, or scl_slope = 0 for no scaling");
  array.scaled = !(slope == 1 && intercept == 0);
  array.slope = slope;
  array.intercept = intercept;
}

// The name ends with `ending`, whatever the case; `ending` is in small letters.
bool ends_with(std::string_view name, std::string_view ending) {
  return name.size() >= ending.size() &&
         std::equal(ending.begin(), ending.end(), name.end() - std::ssize(ending),
                    [](char e, char n) { return e == (n >= 'A' && n <= 'Z' ? n - 'A' + 'a' : n); });
}

bool names_gzip(std::string_view name) { return ends_with(name, ".gz"); }

// Where the other file of a pair lies: `from` is "hdr" and `to` "img", or the other way round. Nothing
// where `path` is not named so.
std::optional<std::string> other_file(const std::string& path, std::string_view from,
                                      std::string_view to) {
  const bool zipped = names_gzip(path);
  const std::string name = path.substr(0, path.size() - (zipped ? 3 : 0));
  const std::size_t letters = from.size();
  if (!ends_with(name, '.' + std::string(from))) return std::nullopt;
  const std::string stem = name.substr(0, name.size() - letters);
  const bool capitals = name.back() < 'a';
  std::vector<std::string> suffixes = {"", ".gz", ".GZ"};
  if (zipped) suffixes = {path.substr(name.size()), ""};
  std::vector<std::string> likeliest_first;
  for (const bool upper : {capitals, !capitals}) {
    std::string ending(to);
    if (upper)
      for (char& c : ending) c = static_cast<char>(c - 'a' + 'A');
    for (const std::string& suffix : suffixes) likeliest_first.push_back(stem + ending + suffix);
  }
  for (const std::string& candidate : likeliest_first) {
    std::error_code unknown;
    if (std::filesystem::exists(candidate, unknown)) return candidate;
  }
  return likeliest_first[0];
}

// The first bytes as they lie in the file.
std::vector<std::byte> start_of(const File& file, std::size_t bytes) {
  std::vector<std::byte> start(static_cast<std::size_t>(
      std::min<std::int64_t>(file.size(), static_cast<std::int64_t>(bytes))));
  file.read(0, start.data(), start.size());
  return start;
}

// A compressed file has no offsets to read at: it is decompressed whole, once.
class CompressedSource final : public FileSource {
 public:
  CompressedSource(std::string path, const FileId& id, RawArray array)
      : FileSource(std::move(path), id, std::move(array)) {}

  void read(const Box& box, const View& dst, Parallel& parallel) override {
    if (dst.volume() == 0) return;
    if (!bytes_) load(parallel);
    copy_region(static_cast<const std::byte*>(bytes_.get()) + first_, array_, box, dst, parallel);
  }
  std::int64_t advise(const Box& box, std::int64_t most) const override {
    if (bytes_ || volume(box.extents()) == 0 || id_.size > most) return 0;
    const auto file = reopen(path_, id_);
    const std::int64_t size = file->size();
    if (file->cached(0) && file->cached(size / 2) && file->cached(size - 1)) return 0;
    file->will_need(0, size);
    return size;
  }

 private:
  void load(Parallel& parallel) {
    const std::int64_t count = volume(array_.shape);
    const std::size_t size = size_of(array_.stored);
    const std::size_t needed =
        static_cast<std::size_t>(array_.offset) + static_cast<std::size_t>(count) * size;
    const std::size_t shift = (64 - static_cast<std::size_t>(array_.offset) % 64) % 64;
    auto bytes = BufferPool::host().get(shift + needed + kSlackBytes);
    auto* start = static_cast<std::byte*>(bytes.get()) + shift;
    inflate_whole(*reopen(path_, id_), needed, start, needed + kSlackBytes);
    first_ = shift + static_cast<std::size_t>(array_.offset);
    if (array_.swapped)
      parallel_for(parallel, count, 1 << 18, [&](std::int64_t begin, std::int64_t end) {
        swap_bytes(start + array_.offset + begin * static_cast<std::int64_t>(size), end - begin,
                   size);
      });
    bytes_ = std::move(bytes);
  }

  std::shared_ptr<void> bytes_;
  std::size_t first_ = 0;
};

}  // namespace

NiftiHeader parse_nifti(std::span<const std::byte> bytes, std::string_view name) {
  const Fields f(bytes, name);
  NiftiHeader header;
  const std::string_view single =
      f.second ? std::string_view("n+2\0", 4) : std::string_view("n+1\0", 4);
  const std::string_view pair =
      f.second ? std::string_view("ni2\0", 4) : std::string_view("ni1\0", 4);
  header.pair = f.magic() == pair;
  if (!header.pair && f.magic() != single)
    throw read_error(name, "this is not a NIfTI file (it may be an older ANALYZE 7.5 file)")
        .got("another magic number")
        .allowed("n+1 or ni1 for NIfTI-1, n+2 or ni2 for NIfTI-2");
  header.array = {.offset = voxel_offset(f, header.pair, name),
                  .stored = voxel_type(f.datatype(), name),
                  .shape = image_shape(f, name),
                  .swapped = f.swapped};
  read_scaling(f, header.array, name);
  constexpr const char* kLayouts[] = {"W", "HW", "DHW", "CDHW", "CFDHW"};
  header.layout = kLayouts[header.array.shape.rank() - 1];
  header.affine = image_affine(f, name);
  return header;
}

bool NiftiHeader::current() const {
  return file_id(header_path) == header_file &&
         (voxel_path == header_path || file_id(voxel_path) == voxel_file);
}

namespace {

// Whether the voxels of a pair are compressed. They have no magic number, and may begin as gzip files
// do, so the name and the size count.
bool compressed_voxels(const File& voxels, const RawArray& array) {
  const bool gzip = is_gzip(start_of(voxels, 2));
  if (names_gzip(voxels.path())) {
    if (gzip) return true;
    throw read_error(voxels.path(),
                     "the name says gzip, but the file does not begin as gzip files do")
        .got(fmt::format("{} bytes", voxels.size()))
        .allowed("a gzip file, or a name without .gz");
  }
  const std::int64_t plain =
      checked_extent(array, std::numeric_limits<std::int64_t>::max(), voxels.path());
  return gzip && voxels.size() != array.offset + plain;
}

}  // namespace

NiftiHeader probe_nifti(const std::string& path) {
  const std::string header_path = other_file(path, "img", "hdr").value_or(path);
  const File file(header_path);
  std::vector<std::byte> start = start_of(file, kNiftiHeaderBytes);
  const bool compressed = is_gzip(start);
  if (compressed) start = inflate_start(file, kNiftiHeaderBytes);
  NiftiHeader header = parse_nifti(start, header_path);
  header.header_path = header_path;
  header.header_file = file.id();
  std::int64_t size = file.size();
  if (header.pair) {
    const std::optional<std::string> voxel_path =
        path == header_path ? other_file(path, "hdr", "img") : path;
    if (!voxel_path)
      throw read_error(path, "the header says that the voxels lie in a file of their own")
          .got("a name that does not end with .hdr")
          .allowed("a pair of files, .hdr and .img");
    const File voxels(*voxel_path);
    size = voxels.size();
    header.compressed = compressed_voxels(voxels, header.array);
    header.voxel_path = *voxel_path;
    header.voxel_file = voxels.id();
  } else {
    header.compressed = compressed;
    header.voxel_path = header_path;
    header.voxel_file = file.id();
  }
  if (!header.compressed) {
    checked_extent(header.array, size, header.voxel_path);
  } else if (const std::int64_t most = most_inflated(size);
             checked_extent(header.array, std::numeric_limits<std::int64_t>::max(), path) >
             most - header.array.offset) {
    throw read_error(header.voxel_path, "the header promises more than so few bytes can expand to")
        .got(fmt::format("{} of {} from {} compressed bytes", to_string(header.array.shape),
                         name_of(header.array.stored), size))
        .allowed(fmt::format("{} decompressed bytes", most));
  }
  return header;
}

Tensor nifti_tensor(const std::string& path, const NiftiHeader& header) {
  std::shared_ptr<Source> source;
  if (header.compressed)
    source = std::make_shared<CompressedSource>(header.voxel_path, header.voxel_file, header.array);
  else
    source = raw_source(header.voxel_path, header.voxel_file, header.array);
  return Tensor::defer(std::move(source), header.layout)
      .with_meta({.source = path, .affine = header.affine});
}

}  // namespace varo
