// SPDX-License-Identifier: Apache-2.0
#include "operators/labels/component_store.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "core/hash.h"
#include "formats/testing.h"
#include "varo/error.h"

namespace varo {
namespace {

const Shape kLabels{6, 7, 8};

ComponentTable example() {
  std::vector<std::uint8_t> labels(6 * 7 * 8);
  for (const int at : {0, 1, 8, 200, 330}) labels[static_cast<std::size_t>(at)] = 1;
  for (const int at : {50, 58}) labels[static_cast<std::size_t>(at)] = 3;
  return label_components(dense_view(labels.data(), kLabels), 0, Parallel::serial());
}

void expect_example(const ComponentStore::Table& table) {
  ASSERT_NE(table, nullptr);
  const ComponentTable expected = example();
  EXPECT_EQ(table->rank, 3);
  ASSERT_EQ(table->classes.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(table->classes[i].value, expected.classes[i].value);
    EXPECT_EQ(table->classes[i].begin, expected.classes[i].begin);
    EXPECT_EQ(table->classes[i].end, expected.classes[i].end);
  }
  EXPECT_EQ(table->boxes, expected.boxes);
  EXPECT_EQ(table->voxels, expected.voxels);
  EXPECT_EQ(table->first, expected.first);
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// As somebody would who knows the format: the fingerprint fits.
std::string signed_again(std::string bytes) {
  const std::size_t body = bytes.size() - 16;
  const Hash128 hash = hash_bytes(bytes.data(), body, 2, Parallel::serial());
  std::memcpy(bytes.data() + body, &hash.lo, 8);
  std::memcpy(bytes.data() + body + 8, &hash.hi, 8);
  return bytes;
}

class Store : public ::testing::Test {
 protected:
  testing::TempFolder folder;
  const std::string place = folder.at("deep/down");
  const ComponentStore store{place};
  const std::string key = ComponentStore::key_of("somewhere", 0);
};

TEST_F(Store, finds_what_was_kept_also_from_another_object) {
  EXPECT_EQ(store.load(key, kLabels), nullptr);
  store.save(key, example());
  expect_example(store.load(key, kLabels));
  expect_example(ComponentStore(place).load(key, kLabels));
  EXPECT_EQ(store.load(ComponentStore::key_of("somewhere", 1), kLabels), nullptr);
  EXPECT_EQ(store.load(key, {6, 7, 7}), nullptr) << "a box would reach outside";
  EXPECT_EQ(store.load(key, {6 * 7, 8}), nullptr);
  store.save(key, ComponentTable{.rank = 3});
  EXPECT_EQ(store.load(key, kLabels)->size(), 0) << "the newest counts, and may be empty";
  for (const auto& file : std::filesystem::directory_iterator(place))
    EXPECT_EQ(file.path(), store.path_of(key)) << "nothing else is left";
}

TEST_F(Store, damaged_files_count_as_missing_and_are_replaced) {
  store.save(key, example());
  const std::string path = store.path_of(key), good = bytes_of(path);
  const auto put = [&](const std::string& bytes) { folder.write(path, bytes); };
  for (std::size_t cut = 0; cut < good.size(); ++cut) {
    put(good.substr(0, cut));
    EXPECT_EQ(store.load(key, kLabels), nullptr) << cut << " bytes";
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << at % 8));
    put(bad);
    EXPECT_EQ(store.load(key, kLabels), nullptr) << "byte " << at;
  }
  put(good + '\0');
  EXPECT_EQ(store.load(key, kLabels), nullptr);
  store.save(key, example());
  expect_example(store.load(key, kLabels));
}

TEST_F(Store, hostile_files_do_no_harm) {
  store.save(key, example());
  const std::string path = store.path_of(key), good = bytes_of(path);
  const std::size_t words = (good.size() - 16) / 4;
  const auto inside = [](const ComponentTable& table) {
    for (std::int64_t c = 0; c < table.size(); ++c)
      for (std::size_t k = 0; k < 3; ++k)
        if (table.lo(c)[k] < 0 || table.hi(c)[k] > kLabels[static_cast<int>(k)]) return false;
    return true;
  };
  for (std::size_t word = 0; word < words; ++word)
    for (const std::uint32_t value : {0U, 1U, 9U, 0x7FFFFFFFU, 0x80000000U, 0xFFFFFFFFU}) {
      std::string bad = good;
      std::memcpy(bad.data() + 4 * word, &value, 4);
      folder.write(path, signed_again(bad));
      const auto table = store.load(key, kLabels);
      EXPECT_TRUE(table == nullptr || inside(*table)) << word;
    }
}

TEST_F(Store, a_folder_that_cannot_be_written_is_told_once) {
  folder.write("file", "");
  const ComponentStore blocked(folder.at("file/below"));
  ::testing::internal::CaptureStderr();
  blocked.save(key, example());
  blocked.save(key, example());
  const std::string told = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(told.find("file/below"), std::string::npos) << told;
  EXPECT_EQ(std::count(told.begin(), told.end(), '\n'), 1) << told;
  EXPECT_EQ(blocked.load(key, kLabels), nullptr);
}

TEST_F(Store, a_disk_that_is_full_leaves_nothing_behind) {
  store.save("other", example());
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{64, before.rlim_max};
  ::testing::internal::CaptureStderr();
  setrlimit(RLIMIT_FSIZE, &tight);
  store.save(key, example());
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(store.load(key, kLabels), nullptr);
  for (const auto& file : std::filesystem::directory_iterator(place))
    EXPECT_EQ(file.path(), store.path_of("other"));
  expect_example(store.load("other", kLabels));
}

TEST_F(Store, what_killed_processes_left_is_removed_after_an_hour) {
  const std::string path = store.path_of(key), other = store.path_of("other");
  const auto put = [&](const std::string& name, int minutes) {
    folder.write(name, "part");
    std::filesystem::last_write_time(
        name, std::filesystem::file_time_type::clock::now() - std::chrono::minutes(minutes));
    return name;
  };
  const std::string left = put(path + ".12-3", 61), left_too = put(other + ".0a1b2c3d", 9999);
  const std::string under_way = put(path + ".12-4", 58), table = put(other, 9999),
                    foreign = put(place + "/notes.objects.1-1", 9999);
  store.save(key, example());
  for (const std::string& gone : {left, left_too}) EXPECT_FALSE(std::filesystem::exists(gone));
  for (const std::string& kept : {path, under_way, table, foreign})
    EXPECT_TRUE(std::filesystem::exists(kept)) << kept;
  put(left, 61);
  store.save(key, example());
  EXPECT_TRUE(std::filesystem::exists(left)) << "only the first time";
}

TEST_F(Store, names_of_drafts_that_are_taken_are_passed_over) {
  store.save(key, example());
  std::vector<std::string> taken;
  for (int number = 0; number < 2000; ++number) {
    taken.push_back(store.path_of("other") + "." + std::to_string(getpid()) + "-" +
                    std::to_string(number));
    folder.write(taken.back(), "another's");
  }
  store.save("other", example());
  expect_example(store.load("other", kLabels));
  for (const std::string& name : taken) EXPECT_EQ(bytes_of(name), "another's");
}

TEST_F(Store, readers_and_writers_at_once) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      const ComponentStore own(place);
      for (int i = 0; i < 200; ++i) {
        own.save(key, example());
        const auto table = own.load(key, kLabels);
        EXPECT_TRUE(table != nullptr && table->boxes == example().boxes);
      }
    });
  for (std::thread& thread : threads) thread.join();
}

TEST_F(Store, what_is_no_folder_is_refused) {
  const std::string file = folder.write("file", "");
  for (const std::string& name : {file, std::string()}) {
    try {
      const ComponentStore refused(name);
      FAIL() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::param);
      EXPECT_NE(std::string(error.what()).find("cache_dir"), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace varo
