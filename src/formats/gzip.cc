// SPDX-License-Identifier: Apache-2.0
#include "formats/gzip.h"

#include <algorithm>
#include <fmt/format.h>
#include <libdeflate.h>
#include <memory>
#include <new>
#include <string_view>
#include <zlib.h>

#include "core/pool.h"

namespace varo {

namespace {

constexpr int kGzipOnly = 15 + 16;  // zlib's way of saying so
constexpr std::size_t kChunk = 4096;

// zlib's streaming decompression of one gzip member.
class Inflater {
 public:
  Inflater() {
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  void restart() { inflateReset(&stream_); }
  void give(const void* in, std::size_t bytes) {
    stream_.next_in = static_cast<Bytef*>(const_cast<void*>(in));
    stream_.avail_in = static_cast<uInt>(bytes);
  }
  /// Decompresses to `out`; returns how many bytes came.
  std::size_t step(void* out, std::size_t room) {
    stream_.next_out = static_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(room);
    code_ = inflate(&stream_, Z_NO_FLUSH);
    if (code_ == Z_MEM_ERROR) throw std::bad_alloc();
    return room - stream_.avail_out;
  }
  /// What was given and not taken yet.
  std::span<const std::byte> rest() const {
    return {reinterpret_cast<const std::byte*>(stream_.next_in), stream_.avail_in};
  }
  bool hungry() const { return stream_.avail_in == 0; }
  bool ended() const { return code_ == Z_STREAM_END; }
  bool damaged() const { return code_ != Z_OK && code_ != Z_STREAM_END && code_ != Z_BUF_ERROR; }
  std::string_view message() const {
    return stream_.msg != nullptr ? stream_.msg : "no reason given";
  }

 private:
  z_stream stream_{};
  int code_ = Z_OK;
};

Error damaged(const File& file, std::string_view what) {
  std::string problem = "the compressed data is damaged";
  if (what == "incorrect data check")
    problem = "the checksum (CRC-32) of the decompressed data is wrong";
  if (what == "incorrect length check") problem = "the decompressed length is not the one recorded";
  return read_error(file.path(), problem)
      .got(std::string(what))
      .allowed("a gzip file that gzip -t accepts");
}

Error too_short(const File& file, std::size_t have, std::size_t needed) {
  return read_error(file.path(), "the file holds less than its header says")
      .got(fmt::format("{} decompressed bytes", have))
      .allowed(fmt::format("{} bytes", needed));
}

Error ends_early(const File& file) {
  return read_error(file.path(), "the compressed data ends early")
      .got(fmt::format("the end of the file ({} bytes) inside a gzip member", file.size()))
      .allowed("whole gzip members");
}

Error not_gzip(const File& file, std::int64_t bytes) {
  return read_error(file.path(), "there is something else after the compressed data")
      .got(fmt::format("{} bytes", bytes))
      .allowed("gzip members, and zeros after the last");
}

// Why one member that libdeflate refused is wrong. It does not say; zlib does.
Error diagnosis(const File& file, const std::byte* member, std::size_t bytes) {
  Inflater inflater;
  std::byte out[kChunk];
  while (true) {
    if (inflater.hungry()) {
      const std::size_t piece = std::min<std::size_t>(bytes, std::size_t{1} << 30);
      inflater.give(member, piece);
      member += piece;
      bytes -= piece;
    }
    const std::size_t got = inflater.step(out, sizeof out);
    if (inflater.damaged()) return damaged(file, inflater.message());
    if (inflater.ended()) return damaged(file, "two decoders disagree");
    if (got == 0 && inflater.hungry() && bytes == 0) return ends_early(file);
  }
}

bool all_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

// inflate_whole() piece by piece, for files that hold much more than was promised.
void inflate_in_pieces(const File& file, std::size_t needed, void* dst, std::size_t room) {
  constexpr std::size_t kPiece = std::size_t{256} << 10;
  const auto buffer = BufferPool::host().get(2 * kPiece);
  auto* const in = static_cast<std::byte*>(buffer.get());
  std::byte* const dropped = in + kPiece;
  std::size_t have = 0;
  std::int64_t at = 0;                   // what was given begins behind it
  bool inside = false, padding = false;  // of a member; of the zeros after the last
  Inflater inflater;
  while (true) {
    if (inflater.hungry()) {
      if (at == file.size()) break;
      const auto piece = static_cast<std::size_t>(
          std::min<std::int64_t>(file.size() - at, static_cast<std::int64_t>(kPiece)));
      file.read(at, in, piece);
      at += static_cast<std::int64_t>(piece);
      inflater.give(in, piece);
    }
    if (!inside) {
      const std::span<const std::byte> rest = inflater.rest();
      if (padding || rest[0] != std::byte{0x1F}) {
        padding = true;
        if (!all_zero(rest))
          throw not_gzip(file, file.size() - at + static_cast<std::int64_t>(rest.size()));
        inflater.give(nullptr, 0);
        continue;
      }
      inside = true;
    }
    const bool keep = have < room;
    const std::size_t got =
        keep ? inflater.step(static_cast<std::byte*>(dst) + have, std::min(room - have, kPiece))
             : inflater.step(dropped, kPiece);
    if (inflater.damaged()) throw damaged(file, inflater.message());
    if (keep) have += got;
    if (!inflater.ended()) continue;
    inside = false;
    inflater.restart();
  }
  if (inside) throw ends_early(file);
  if (have < needed) throw too_short(file, have, needed);
}

}  // namespace

bool is_gzip(std::span<const std::byte> start) {
  return start.size() >= 2 && start[0] == std::byte{0x1F} && start[1] == std::byte{0x8B};
}

std::vector<std::byte> inflate_start(const File& file, std::size_t bytes) {
  std::vector<std::byte> out(bytes);
  std::size_t have = 0, whole_members = 0;
  std::int64_t at = 0;
  std::byte in[kChunk];
  Inflater inflater;
  while (have < bytes) {
    if (inflater.hungry()) {
      const auto piece =
          static_cast<std::size_t>(std::min<std::int64_t>(file.size() - at, sizeof in));
      if (piece == 0) break;
      file.read(at, in, piece);
      at += static_cast<std::int64_t>(piece);
      inflater.give(in, piece);
    }
    const std::size_t got = inflater.step(out.data() + have, bytes - have);
    if (inflater.damaged() && whole_members > 0 && got == 0)
      break;  // padding, or inflate_whole's case
    if (inflater.damaged()) throw damaged(file, inflater.message());
    have += got;
    if (!inflater.ended()) continue;
    ++whole_members;
    inflater.restart();
  }
  out.resize(have);
  return out;
}

void inflate_whole(const File& file, std::size_t needed, void* dst, std::size_t room) {
  const auto compressed = static_cast<std::size_t>(file.size());
  // Data that cannot be compressed grows by 5 bytes in 64 KiB, and names and comments are short.
  const std::size_t most = room + room / 1000 + (std::size_t{1} << 20);
  if (compressed > most) return inflate_in_pieces(file, needed, dst, room);
  auto buffer = BufferPool::host().get(compressed);
  file.read(0, buffer.get(), compressed);

  const std::unique_ptr<libdeflate_decompressor, void (*)(libdeflate_decompressor*)> decompressor(
      libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
  if (!decompressor) throw std::bad_alloc();
  const auto* in = static_cast<const std::byte*>(buffer.get());
  std::size_t left = compressed, have = 0;
  while (left > 0) {
    if (!is_gzip({in, left})) {
      if (all_zero({in, left}) && left < compressed) break;
      throw not_gzip(file, static_cast<std::int64_t>(left));
    }
    std::size_t used = 0, got = 0;
    const libdeflate_result result = libdeflate_gzip_decompress_ex(
        decompressor.get(), in, left, static_cast<std::byte*>(dst) + have, room - have, &used,
        &got);
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE) {
      buffer.reset();
      return inflate_in_pieces(file, needed, dst, room);
    }
    if (result != LIBDEFLATE_SUCCESS) throw diagnosis(file, in, left);
    in += used;
    left -= used;
    have += got;
  }
  if (have < needed) throw too_short(file, have, needed);
}

}  // namespace varo
