// SPDX-License-Identifier: Apache-2.0
#include "operators/labels/component_store.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <span>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <unistd.h>
#include <utility>
#include <vector>

#include "core/hash.h"
#include "formats/file.h"

namespace varo {

namespace {

namespace fs = std::filesystem;

// "VaroObj" and a version, as a number: another byte order makes another one.
constexpr std::uint64_t kMagic = 0x5661726F4F626A01;
constexpr std::int64_t kMostBytes = std::int64_t{64} << 20;  // of a file
constexpr std::uint64_t kSeed = 2;

template <class T>
void put(std::string& bytes, std::span<const T> values) {
  static_assert(std::is_trivially_copyable_v<T>);
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
}
template <class T>
void put(std::string& bytes, const T& value) {
  put(bytes, std::span<const T>(&value, 1));
}

// Takes numbers from the front. Nothing is taken past the end.
class Reader {
 public:
  explicit Reader(std::span<const char> bytes) : left_(bytes) {}
  template <class T>
  bool take(std::span<T> values) {
    if (values.size_bytes() > left_.size()) return false;
    if (!values.empty()) std::memcpy(values.data(), left_.data(), values.size_bytes());
    left_ = left_.subspan(values.size_bytes());
    return true;
  }
  template <class T>
  bool take(T& value) {
    return take(std::span<T>(&value, 1));
  }
  /// `count` values, if that many are there.
  template <class T>
  bool take(std::vector<T>& values, std::uint64_t count) {
    if (count > left_.size() / sizeof(T)) return false;
    values.resize(static_cast<std::size_t>(count));
    return take(std::span<T>(values));
  }
  bool ended() const { return left_.empty(); }

 private:
  std::span<const char> left_;
};

Hash128 fingerprint(std::span<const char> bytes) {
  return hash_bytes(bytes.data(), bytes.size(), kSeed, Parallel::serial());
}

std::string packed(const std::string& key, const ComponentTable& table) {
  std::string bytes;
  put(bytes, kMagic);
  put(bytes, std::uint64_t{key.size()});
  bytes += key;
  put(bytes, static_cast<std::int64_t>(table.rank));
  put(bytes, std::uint64_t{table.classes.size()});
  put(bytes, static_cast<std::uint64_t>(table.size()));
  for (const auto& cls : table.classes)
    put(bytes, std::span<const std::int64_t>({cls.value, cls.begin, cls.end}));
  put(bytes, std::span(table.boxes));
  put(bytes, std::span(table.voxels));
  put(bytes, std::span(table.first));
  const Hash128 hash = fingerprint(bytes);
  put(bytes, hash.lo);
  put(bytes, hash.hi);
  return bytes;
}

// Everything that a draw relies on.
bool sound(const ComponentTable& table, const Shape& labels) {
  if (table.rank != labels.rank()) return false;
  std::int64_t next = 0;
  for (std::size_t i = 0; i < table.classes.size(); ++i) {
    const auto& cls = table.classes[i];
    if (i > 0 && cls.value <= table.classes[i - 1].value) return false;
    if (cls.begin != next || cls.end <= cls.begin || cls.end > table.size()) return false;
    next = cls.end;
  }
  if (next != table.size()) return false;
  const std::int64_t all = volume(labels);
  for (std::int64_t c = 0; c < table.size(); ++c) {
    const auto at = static_cast<std::size_t>(c);
    if (table.voxels[at] < 1 || table.voxels[at] > all) return false;
    if (table.first[at] < 0 || table.first[at] >= all) return false;
    for (int k = 0; k < table.rank; ++k) {
      const auto axis = static_cast<std::size_t>(k);
      const std::int64_t lo = table.lo(c)[axis], hi = table.hi(c)[axis];
      if (lo < 0 || hi <= lo || hi > labels[k]) return false;
    }
  }
  return true;
}

ComponentStore::Table unpacked(std::span<const char> bytes, const std::string& key,
                               const Shape& labels) {
  Hash128 hash;
  constexpr std::size_t kTail = sizeof hash.lo + sizeof hash.hi;
  if (bytes.size() < kTail) return nullptr;
  const auto body = bytes.first(bytes.size() - kTail);
  Reader tail(bytes.last(kTail));
  if (!tail.take(hash.lo) || !tail.take(hash.hi) || !(hash == fingerprint(body))) return nullptr;

  Reader in(body);
  std::uint64_t magic = 0, key_bytes = 0, classes = 0, components = 0;
  std::int64_t rank = 0;
  std::vector<char> own_key;
  if (!in.take(magic) || magic != kMagic || !in.take(key_bytes) || !in.take(own_key, key_bytes))
    return nullptr;
  if (std::string_view(own_key.data(), own_key.size()) != key) return nullptr;
  if (!in.take(rank) || rank != labels.rank() || !in.take(classes) || !in.take(components))
    return nullptr;
  std::vector<std::int64_t> bounds;
  auto table = std::make_shared<ComponentTable>();
  table->rank = static_cast<int>(rank);
  if (classes > components || components > bytes.size() || !in.take(bounds, 3 * classes) ||
      !in.take(table->boxes, components * 2 * static_cast<std::uint64_t>(rank)) ||
      !in.take(table->voxels, components) || !in.take(table->first, components) || !in.ended())
    return nullptr;
  for (std::size_t i = 0; i < bounds.size(); i += 3)
    table->classes.push_back({bounds[i], bounds[i + 1], bounds[i + 2]});
  if (!sound(*table, labels)) return nullptr;
  return table;
}

constexpr std::string_view kEnding = ".objects";
constexpr std::size_t kDigits = 32;  // of a name, before the ending

// Closes, and unless it was renamed removes, a file that is being written. Its name is that of the
// file it will be, the process and a number, the next one where another machine or a process long
// gone has that.
class Draft {
 public:
  explicit Draft(const std::string& target) {
    static std::atomic<std::uint64_t> next{0};
    do {
      path_ = fmt::format("{}.{}-{}", target, ::getpid(), next.fetch_add(1));
      fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (fd_ < 0 && errno == EEXIST);
  }
  ~Draft() {
    if (fd_ >= 0) ::close(fd_);
    if (made_) ::unlink(path_.c_str());
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  /// False, with errno set, when the system refuses.
  bool publish(std::span<const char> bytes, const std::string& path) {
    made_ = fd_ >= 0;
    if (!made_) return false;
    while (!bytes.empty()) {
      const ssize_t wrote = ::write(fd_, bytes.data(), bytes.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) return false;
      bytes = bytes.subspan(static_cast<std::size_t>(wrote));
    }
    if (::close(std::exchange(fd_, -1)) != 0) return false;  // some file systems only tell now
    if (::rename(path_.c_str(), path.c_str()) != 0) return false;
    made_ = false;
    return true;
  }

 private:
  std::string path_;
  int fd_ = -1;
  bool made_ = false;
};

}  // namespace

ComponentStore::ComponentStore(std::string folder) : folder_(std::move(folder)) {
  std::error_code unknown;
  const bool other = fs::exists(folder_, unknown) && !fs::is_directory(folder_, unknown);
  if (folder_.empty() || other)
    throw Error(ErrorKind::param, "cache_dir is not a folder")
        .got(fmt::format("\"{}\"", folder_))
        .allowed("a folder, or a name for one");
}

std::string ComponentStore::key_of(const std::string& origin, std::int64_t background) {
  std::string key = origin;
  put(key, background);
  return key;
}

std::string ComponentStore::path_of(const std::string& key) const {
  const Hash128 hash = fingerprint(key);
  return (fs::path(folder_) / fmt::format("{:016x}{:016x}{}", hash.hi, hash.lo, kEnding)).string();
}

ComponentStore::Table ComponentStore::load(const std::string& key, const Shape& labels) const {
  try {
    const File file(path_of(key));
    if (file.size() > kMostBytes) return nullptr;
    std::vector<char> bytes(static_cast<std::size_t>(file.size()));
    file.read(0, bytes.data(), bytes.size());
    return unpacked(bytes, key, labels);
  } catch (const Error&) {  // no file, mostly
    return nullptr;
  }
}

void ComponentStore::save(const std::string& key, const ComponentTable& table) const {
  const std::string bytes = packed(key, table);
  if (static_cast<std::int64_t>(bytes.size()) <= kMostBytes) write(key, bytes);
}

void ComponentStore::remove_old_drafts() const {
  const auto old = fs::file_time_type::clock::now() - std::chrono::hours(1);
  const std::string after = std::string(kEnding) + '.';
  std::error_code problem;
  for (fs::directory_iterator at(folder_, problem), end; !problem && at != end;
       at.increment(problem)) {
    const std::string name = at->path().filename().string();
    std::error_code ignored;
    if (name.find(after) != kDigits) continue;
    const auto changed = at->last_write_time(ignored);
    if (!ignored && changed < old && at->is_regular_file(ignored)) fs::remove(*at, ignored);
  }
}

void ComponentStore::write(const std::string& key, const std::string& bytes) const {
  const std::string path = path_of(key);
  std::error_code problem;
  fs::create_directories(folder_, problem);
  if (!problem) {
    if (!tidied_.exchange(true)) remove_old_drafts();
    Draft draft(path);
    if (draft.publish(bytes, path)) return;
    problem = std::error_code(errno, std::generic_category());
  }
  if (!warned_.exchange(true))
    std::fputs(fmt::format("varo: warning: the objects of label maps cannot be kept in {}: {}\n",
                           folder_, problem.message())
                   .c_str(),
               stderr);
}

}  // namespace varo
