// SPDX-License-Identifier: Apache-2.0
/// Which sample comes next: sharding, shuffling and padding, as pure arithmetic on indices.
#pragma once

#include <cstdint>
#include <vector>

#include "operators/api/operator.h"

namespace varo {

struct LoaderOptions {
  std::int64_t num_shards = 1;
  std::int64_t shard_id = 0;
  bool stick_to_shard = false;
  bool pad_last_batch = false;
  bool random_shuffle = false;
  bool shuffle_after_epoch = false;
  std::int64_t initial_fill = 1024;
  std::uint64_t seed = 0;  ///< of the reservoir alone
};

/// Hands out the indices of a data set, epoch after epoch.
///
///   shard s of S     indices floor(N*s/S) up to floor(N*(s+1)/S)
///   next epoch       shard s+1 (mod S), or s again with stick_to_shard
///   pad_last_batch   an epoch is ceil(P/B) whole batches with P = ceil(N/S), so that every shard
///                    has equally many; the shard's last sample is repeated
///   random_shuffle   the list is permuted once, the same on every shard; then each sample is drawn
///                    from the next initial_fill ones of the shard
///   shuffle_after_epoch   the list is permuted anew for each epoch, also the first, the same on
///                         every shard; shards are stuck to
///
/// The order depends on nothing but the options, the number of samples and the number of the epoch.
class Loader {
 public:
  /// Throws ParamError when the options contradict each other or there are fewer samples than
  /// shards.
  Loader(std::int64_t samples, const LoaderOptions& options);

  std::vector<std::int64_t> next_batch(int batch_size);
  ReaderMeta meta() const;

  /// Where the loader stands. restore() brings another one with the same options there, in time that
  /// grows with `returned`.
  struct Position {
    std::int64_t epoch = 0;
    std::int64_t returned = 0;  ///< samples of this epoch, repeated ones included
  };
  Position position() const { return {epoch_, returned_}; }
  void restore(const Position& position);

 private:
  void begin_epoch(std::int64_t epoch);
  std::int64_t next_of_shard();

  LoaderOptions options_;
  std::int64_t samples_;
  std::vector<std::int64_t> order_;  // the permuted list; empty: as it is
  std::int64_t epoch_ = 0, returned_ = 0;
  std::int64_t next_ = 0, shard_end_ = 0;  // what the reservoir has not taken yet, in order_
  std::vector<std::int64_t> reservoir_;
  std::int64_t last_ = 0;
  Rng rng_{RandomKey{}};
};

}  // namespace varo
