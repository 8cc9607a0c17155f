// SPDX-License-Identifier: Apache-2.0
#include "formats/file.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <system_error>
#include <unistd.h>

namespace varo {

namespace {

std::atomic<std::uint64_t> requested_bytes{0}, system_calls{0}, advised_bytes{0};

// What Linux fetches for one piece of advice at least; it forgets what goes beyond the device's
// setting (read_ahead_kb), which is this by default.
constexpr std::int64_t kAdvice = std::int64_t{128} << 10;

// cachestat(2), of Linux 6.5: unlike a read that does not wait, it fetches nothing by itself.
constexpr long kCachestat = 451;
struct CacheRange {
  std::uint64_t offset, bytes;
};
struct CacheState {
  std::uint64_t pages, dirty, written_back, evicted, recently_evicted;
};

// A read that does not wait is advice too, and a better one for long stretches: Linux puts what
// advice fetches into pages of 4 KiB, what reads fetch into larger ones where the file system has
// them. Of 32 MiB that saves a third of the processor time to fetch, and as much of every later
// read (Linux 6.18, ext4, read_ahead_kb 8192). But it may fetch as much again as was asked for, so
// short stretches are left to advice.
constexpr std::int64_t kPage = 4096;
constexpr std::int64_t kStretch = std::int64_t{4} << 20, kRead = std::int64_t{1} << 20;

void count_call(std::size_t bytes = 0) {
  system_calls.fetch_add(1, std::memory_order_relaxed);
  requested_bytes.fetch_add(bytes, std::memory_order_relaxed);
}

// The bytes of the range that are cached or on their way, by whole pages; -1: the system does not
// tell.
std::int64_t cached_bytes(int fd, std::int64_t offset, std::int64_t bytes) {
  static const std::int64_t page = ::sysconf(_SC_PAGESIZE);
  const CacheRange range{static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(bytes)};
  CacheState state{};
  count_call();
  if (::syscall(kCachestat, fd, &range, &state, 0U) != 0) return -1;
  return static_cast<std::int64_t>(state.pages) * page;
}

// Of up to kRead bytes; what is there already is thrown away. False: the file system cannot.
bool start_to_read(int fd, std::int64_t offset, std::int64_t bytes) {
  constexpr std::size_t kPart = std::size_t{16} << 10;
  static_assert(kRead % kPart == 0);
  std::array<char, kPart> nowhere;
  std::array<iovec, kRead / kPart> parts;
  const auto whole = static_cast<std::size_t>(bytes);
  std::size_t count = 0;
  for (std::size_t at = 0; at < whole; at += kPart)
    parts[count++] = {nowhere.data(), std::min(kPart, whole - at)};
  count_call();
  return ::preadv2(fd, parts.data(), static_cast<int>(count), offset, RWF_NOWAIT) >= 0 ||
         errno == EAGAIN;
}

// False: not all of it is known to be on its way. Of such a read Linux starts no more than the
// larger of the device's read_ahead_kb and max_sectors_kb.
bool fetch_by_reading(int fd, std::int64_t offset, std::int64_t bytes) {
  if (cached_bytes(fd, offset, 1) < 0) return false;
  bytes += offset % kPage;
  offset -= offset % kPage;
  for (std::int64_t at = 0; at < bytes; at += kRead)
    if (!start_to_read(fd, offset + at, std::min(bytes - at, kRead))) return false;
  return cached_bytes(fd, offset, bytes) >= bytes;
}

Error system_error(std::string_view path, int code) {
  return read_error(path, std::generic_category().message(code));
}

FileId id_of(std::string_view path, const struct stat& s) {
  if (!S_ISREG(s.st_mode)) throw read_error(path, "it is not a regular file");
  const auto ns = [](const struct timespec& t) { return t.tv_sec * 1'000'000'000 + t.tv_nsec; };
  return {s.st_size, ns(s.st_mtim), s.st_ino, ns(s.st_ctim)};
}

// The name as the system takes it, which would stop at a NUL.
const char* system_name(const std::string& path) {
  if (const std::size_t nul = path.find('\0'); nul != std::string::npos)
    throw read_error(path.substr(0, nul), "the name goes on after a NUL character");
  return path.c_str();
}

}  // namespace

IoStats io_stats() { return {requested_bytes.load(), system_calls.load(), advised_bytes.load()}; }

void reset_io_stats() {
  requested_bytes = 0;
  system_calls = 0;
  advised_bytes = 0;
}

Error read_error(std::string_view path, std::string_view problem) {
  return Error(ErrorKind::read, fmt::format("cannot read {}: {}", path, problem));
}

File::File(const std::string& path) : path_(path) {
  // Without O_NONBLOCK, opening a pipe that nobody writes to would never return.
  count_call();
  fd_ = ::open(system_name(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd_ < 0) throw system_error(path, errno);
  struct stat s;
  count_call();
  try {
    if (::fstat(fd_, &s) != 0) throw system_error(path, errno);
    id_ = id_of(path, s);
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

File::~File() {
  count_call();
  ::close(fd_);
}

void File::read(std::int64_t offset, void* dst, std::size_t bytes) const {
  auto* at = static_cast<std::byte*>(dst);
  std::size_t left = bytes;
  while (left > 0) {
    count_call(left);
    const ssize_t got = ::pread(fd_, at, left, offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error(path_, errno);
    if (got == 0)
      throw read_error(path_, "the file ended early")
          .got(fmt::format("the end of the file at byte {}", offset))
          .allowed(fmt::format("{} more bytes there (the file had {} bytes when it was opened)",
                               left, size()));
    at += got;
    offset += got;
    left -= static_cast<std::size_t>(got);
  }
}

bool File::cached(std::int64_t offset) const {
  const std::int64_t bytes = cached_bytes(fd_, offset, 1);
  return bytes < 0 ? cached_by_reading(offset) : bytes > 0;
}

bool File::cached_by_reading(std::int64_t offset) const {
  char nowhere;
  const iovec to{&nowhere, 1};
  count_call();
  return ::preadv2(fd_, &to, 1, offset, RWF_NOWAIT) == 1;
}

void File::will_need(std::int64_t offset, std::int64_t bytes) const {
  advised_bytes.fetch_add(static_cast<std::uint64_t>(bytes), std::memory_order_relaxed);
  if (bytes >= kStretch && fetch_by_reading(fd_, offset, bytes)) return;
  for (; bytes > 0; offset += kAdvice, bytes -= kAdvice) {
    count_call();
    ::posix_fadvise(fd_, offset, std::min(bytes, kAdvice), POSIX_FADV_WILLNEED);
  }
}

FileId file_id(const std::string& path) {
  struct stat s;
  count_call();
  if (::stat(system_name(path), &s) != 0) throw system_error(path, errno);
  return id_of(path, s);
}

std::unique_ptr<const File> reopen(const std::string& path, const FileId& expected) {
  auto file = std::make_unique<const File>(path);
  if (!file->id().same_bytes(expected))
    throw read_error(path, "the file was changed after its header was read")
        .got(fmt::format("{} bytes", file->size()))
        .allowed(fmt::format("the file of {} bytes that was there before", expected.size));
  return file;
}

}  // namespace varo
