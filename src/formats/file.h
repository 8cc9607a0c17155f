// SPDX-License-Identifier: Apache-2.0
/// Files read by position, and the counters that say how much of them was asked for.
///
/// Bytes come by pread, never through a mapping. A mapped file that somebody shortens kills the
/// process. And a mapping is not faster where it matters (bench/npy_read_bench.cc, 136 MiB float32,
/// crop of 4x32^3 / crop of 4x128^3 / all of it): from disk 49 / 125 / 1120 ms against pread's
/// 16 / 160 / 800 ms; from the page cache, processor time, 0.2 / 7 / 13 ms against 0.3 / 8 / 11 ms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "varo/error.h"

namespace varo {

/// What this process asked of files since the last reset. Safe from any thread.
struct IoStats {
  std::uint64_t requested_bytes = 0;  ///< bytes that reads asked for
  std::uint64_t system_calls = 0;     ///< open, stat, read, close and advice together
  std::uint64_t advised_bytes = 0;    ///< bytes that the system was asked to fetch ahead
};
IoStats io_stats();
void reset_io_stats();

/// Tells one state of a file from another. Programs can set the time of modification, and an inode that
/// was freed is soon another file's, so the time of the last change of the inode counts too.
struct FileId {
  std::int64_t size = 0;
  std::int64_t modified_ns = 0;
  std::uint64_t inode = 0;
  std::int64_t changed_ns = 0;
  friend bool operator==(const FileId&, const FileId&) = default;
  /// Equal but for the inode's change: a backup that makes hard links, or a chmod, leaves the bytes.
  bool same_bytes(const FileId& other) const {
    return size == other.size && modified_ns == other.modified_ns && inode == other.inode;
  }
};

/// A regular file, open for reading. Its size is the one it had when it was opened; const calls are
/// safe from any thread.
class File {
 public:
  /// Throws ReadError when there is no such file, or it is not a regular one, or its name holds a NUL.
  explicit File(const std::string& path);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  const std::string& path() const { return path_; }
  const FileId& id() const { return id_; }
  std::int64_t size() const { return id_.size; }
  /// Reads exactly `bytes` bytes at `offset`. Throws ReadError, also when the file ends before.
  void read(std::int64_t offset, void* dst, std::size_t bytes) const;
  /// The byte is known to lie in the page cache, or to be on its way there. Never true on file
  /// systems that keep the bytes under another file's name, as overlayfs does (the root of most
  /// containers).
  bool cached(std::int64_t offset) const;
  /// cached() where the system does not tell (Linux before 6.5, a file of somebody else's): reads
  /// the byte if that needs no waiting. May fetch it, so what was not cached can be soon after.
  bool cached_by_reading(std::int64_t offset) const;
  /// Asks the system to fetch the bytes into the page cache and does not wait for them, unless
  /// more is asked for than the device takes at once. A system call for each 128 KiB; from 4 MiB on
  /// one for each 1 MiB and two more, and those for each 128 KiB only where that does not do. So
  /// the caller bounds `bytes`.
  void will_need(std::int64_t offset, std::int64_t bytes) const;

 private:
  std::string path_;
  int fd_ = -1;
  FileId id_;
};

/// The file's state without opening it. Throws ReadError.
FileId file_id(const std::string& path);

/// Opens `path` for the voxels that a header has promised. Throws ReadError when the file does not hold
/// the bytes (FileId::same_bytes) from which the header was read.
std::unique_ptr<const File> reopen(const std::string& path, const FileId& expected);

/// "cannot read <path>: <problem>"
Error read_error(std::string_view path, std::string_view problem);

}  // namespace varo
