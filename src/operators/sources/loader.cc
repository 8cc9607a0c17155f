// SPDX-License-Identifier: Apache-2.0
#include "operators/sources/loader.h"

#include <fmt/format.h>
#include <numeric>
#include <utility>

namespace varo {

namespace {

// Ranks need not share a seed to get disjoint shards, so the list's order does not depend on one.
constexpr std::uint64_t kListSeed = 0x5AFEC0DE0F11E5;

std::vector<std::int64_t> permutation(std::int64_t n, std::uint64_t number) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  Rng rng(RandomKey{.seed = kListSeed, .sample = number});
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng.below(i)]);
  return order;
}

// floor(n * part / parts) without overflow.
std::int64_t share(std::int64_t n, std::int64_t part, std::int64_t parts) {
  return static_cast<std::int64_t>(static_cast<__int128>(n) * part / parts);
}

}  // namespace

Loader::Loader(std::int64_t samples, const LoaderOptions& options)
    : options_(options), samples_(samples) {
  const auto contradiction = [](const char* other) {
    throw Error(ErrorKind::param,
                fmt::format("shuffle_after_epoch cannot be combined with {}", other))
        .got(fmt::format("shuffle_after_epoch=True, {}=True", other))
        .allowed("one of the two");
  };
  if (options.shuffle_after_epoch && options.random_shuffle) contradiction("random_shuffle");
  if (options.shuffle_after_epoch && options.stick_to_shard) contradiction("stick_to_shard");
  if (options.num_shards < 1 || options.shard_id < 0 || options.shard_id >= options.num_shards)
    throw Error(ErrorKind::param, "there is no such shard")
        .got(fmt::format("shard_id={} with num_shards={}", options.shard_id, options.num_shards))
        .allowed(fmt::format("shard_id from 0 to num_shards - 1"));
  if (samples < options.num_shards)
    throw Error(ErrorKind::param, "there are fewer samples than shards")
        .got(fmt::format("{} samples", samples))
        .allowed(fmt::format("at least num_shards={}", options.num_shards));
  if (options.shuffle_after_epoch) options_.stick_to_shard = true;
  if (options.random_shuffle) order_ = permutation(samples, 0);
  begin_epoch(0);
}

void Loader::begin_epoch(std::int64_t epoch) {
  epoch_ = epoch;
  returned_ = 0;
  if (options_.shuffle_after_epoch)
    order_ = permutation(samples_, static_cast<std::uint64_t>(epoch) + 1);
  const std::int64_t shards = options_.num_shards;
  const std::int64_t shard =
      options_.stick_to_shard ? options_.shard_id : (options_.shard_id + epoch) % shards;
  next_ = share(samples_, shard, shards);
  shard_end_ = share(samples_, shard + 1, shards);
  reservoir_.clear();
  rng_ = Rng(RandomKey{.seed = options_.seed, .sample = static_cast<std::uint64_t>(epoch)});
}

std::int64_t Loader::next_of_shard() {
  const auto listed = [&] {
    const std::int64_t at = next_++;
    return order_.empty() ? at : order_[static_cast<std::size_t>(at)];
  };
  if (!options_.random_shuffle) return listed();
  while (next_ < shard_end_ && std::ssize(reservoir_) < options_.initial_fill)
    reservoir_.push_back(listed());
  const auto drawn = reservoir_.begin() + static_cast<std::int64_t>(rng_.below(reservoir_.size()));
  const std::int64_t index = *drawn;
  *drawn = reservoir_.back();
  reservoir_.pop_back();
  return index;
}

std::vector<std::int64_t> Loader::next_batch(int batch_size) {
  std::vector<std::int64_t> batch;
  batch.reserve(static_cast<std::size_t>(batch_size));
  const std::int64_t largest_shard = (samples_ - 1) / options_.num_shards + 1;
  const auto exhausted = [&] { return next_ == shard_end_ && reservoir_.empty(); };
  if (options_.pad_last_batch && returned_ >= largest_shard) begin_epoch(epoch_ + 1);
  while (std::ssize(batch) < batch_size) {
    if (!options_.pad_last_batch && exhausted()) begin_epoch(epoch_ + 1);
    if (!exhausted()) last_ = next_of_shard();
    batch.push_back(last_);
    ++returned_;
  }
  return batch;
}

ReaderMeta Loader::meta() const {
  ReaderMeta meta;
  const std::int64_t shards = options_.num_shards;
  meta.epoch_size = samples_;
  meta.epoch_size_padded =
      options_.pad_last_batch ? ((samples_ - 1) / shards + 1) * shards : samples_;
  meta.number_of_shards = static_cast<int>(shards);
  meta.shard_id = static_cast<int>(options_.shard_id);
  meta.pad_last_batch = options_.pad_last_batch;
  meta.stick_to_shard = options_.stick_to_shard;
  return meta;
}

void Loader::restore(const Position& position) {
  begin_epoch(position.epoch);
  for (; returned_ < position.returned && (next_ < shard_end_ || !reservoir_.empty()); ++returned_)
    last_ = next_of_shard();
  returned_ = position.returned;  // what comes after the shard repeats its last sample
}

}  // namespace varo
