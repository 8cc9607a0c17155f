// SPDX-License-Identifier: Apache-2.0
#include "formats/file_source.h"

#include <chrono>
#include <gtest/gtest.h>
#include <set>
#include <thread>

#include "formats/testing.h"

namespace varo {
namespace {

namespace fs = std::filesystem;

const Shape kShape{4, 5, 6};

Tensor opened(const std::string& path, RawArray array = {.stored = DType::u8, .shape = kShape}) {
  return Tensor::defer(raw_source(path, file_id(path), std::move(array)));
}

// A file of 4x5x6 bytes, `age` seconds old.
std::string written(const testing::TempFolder& folder, const std::string& name, int age) {
  const std::string path = folder.write(name, std::string(4 * 5 * 6, '\1'));
  fs::last_write_time(path, fs::last_write_time(path) - std::chrono::seconds(age));
  return path;
}

TEST(origin, is_equal_for_equal_views_only) {
  const testing::TempFolder folder;
  const std::string path = written(folder, "a", 60), other = written(folder, "b", 60);
  const Tensor t = opened(path);
  const RawArray later{.offset = 1, .stored = DType::u8, .shape = {4, 5, 5}};
  const RawArray turned{.stored = DType::u8, .shape = {5, 4, 6}};
  const RawArray bools{.stored = DType::boolean, .shape = kShape};
  const RawArray scaled{.stored = DType::u8, .shape = kShape, .scaled = true, .slope = 2};
  const int perm[] = {0, 2, 1};
  const std::vector<Tensor> views = {
      t,
      opened(other),
      opened(path, later),
      opened(path, turned),
      opened(path, bools),
      opened(path, scaled),
      t.flipped(1),
      t.flipped(2),
      t.permuted(perm),
      t.sliced(0, 0, 3),
      t.sliced(0, 1, 3),
      t.sliced(2, 0, 3, 2),
      t.sliced(2, 1, 3, 2),
      t.retyped(DType::i8),
      t.expanded(0, 0),
      *t.windowed(1, -1, 5, 0),
      *t.windowed(1, -1, 5, 7),
      *t.windowed(1, 1, 5, 0),
      *t.windowed(1, -1, 7, 0),
  };
  std::set<std::string> keys;
  for (const Tensor& view : views) {
    const auto origin = origin_of(view);
    ASSERT_TRUE(origin.has_value());
    EXPECT_TRUE(keys.insert(origin->key).second) << keys.size() << " keys before";
  }
  EXPECT_EQ(origin_of(opened(path))->key, origin_of(t)->key);
  EXPECT_EQ(origin_of(t.flipped(1).flipped(1))->key, origin_of(t)->key);
  EXPECT_EQ(origin_of(t.relabelled("DHW"))->key, origin_of(t)->key);
  fs::last_write_time(path, fs::last_write_time(path) - std::chrono::seconds(60));
  EXPECT_NE(origin_of(opened(path))->key, origin_of(t)->key) << "modified at another time";
}

TEST(origin, knows_what_sees_the_whole_file) {
  const testing::TempFolder folder;
  const Tensor t = opened(written(folder, "a", 60));
  const int perm[] = {2, 0, 1};
  for (const Tensor& view : {t, t.flipped(0), t.permuted(perm), t.expanded(1, 0)})
    EXPECT_TRUE(origin_of(view)->whole);
  for (const Tensor& view : {t.sliced(0, 0, 3), t.sliced(0, 1, 0), t.sliced(2, 0, 3, 2),
                             *t.windowed(0, 0, 5, 0), *t.windowed(0, 1, 4, 0)})
    EXPECT_FALSE(origin_of(view)->whole);
}

TEST(origin, is_unknown_in_memory_and_for_a_file_just_written) {
  const testing::TempFolder folder;
  EXPECT_FALSE(origin_of(Tensor::own({DType::u8, kShape, {}})).has_value());
  EXPECT_FALSE(origin_of(opened(written(folder, "new", 0))).has_value());
  EXPECT_FALSE(origin_of(opened(written(folder, "of tomorrow", -86400))).has_value());
}

TEST(origin, tells_a_file_from_another_with_its_size_times_and_inode) {
  const testing::TempFolder folder;
  const std::string path = written(folder, "a", 60);
  const Tensor before = opened(path);
  const auto modified = fs::last_write_time(path);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  folder.write("a", std::string(4 * 5 * 6, '\2'));
  fs::last_write_time(path, modified);
  const Tensor after = opened(path);
  const FileId &a = origin_of(before)->source->id(), &b = origin_of(after)->source->id();
  EXPECT_EQ(a.modified_ns, b.modified_ns);
  EXPECT_EQ(a.inode, b.inode);
  EXPECT_NE(origin_of(before)->key, origin_of(after)->key);
  EXPECT_FALSE(origin_of(before)->source->unchanged());
}

TEST(file_source, is_read_after_a_change_of_its_inode_alone) {
  const testing::TempFolder folder;
  const std::string path = written(folder, "a", 60);
  const Tensor t = opened(path);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  fs::create_hard_link(path, folder.at("backup"));
  EXPECT_FALSE(origin_of(t)->source->id() == file_id(path));
  EXPECT_EQ(testing::read_whole(t, Parallel::serial()).shape(), kShape);
}

TEST(file_source, notices_that_its_file_changed) {
  const testing::TempFolder folder;
  const std::string path = written(folder, "a", 60);
  const Tensor t = opened(path);
  const FileSource& source = *origin_of(t)->source;
  EXPECT_TRUE(source.unchanged());
  folder.write("a", std::string(4 * 5 * 6, '\2'));
  EXPECT_FALSE(source.unchanged());
  fs::remove(path);
  EXPECT_FALSE(source.unchanged());
}

}  // namespace
}  // namespace varo
