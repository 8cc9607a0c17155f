// SPDX-License-Identifier: Apache-2.0
// Defines a pipeline in C++ and prints the mean of each sample of ten batches:
//   example_crop_and_flip [folder with .npy volumes of shape D, H, W and type float32]
// Without a folder it makes one.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <varo/pipeline.h>

namespace fs = std::filesystem;

// Writes a float32 volume [20, 30, 40] as .npy.
void write_volume(const fs::path& path, float first) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (20, 30, 40), }";
  header.resize(117, ' ');
  std::vector<float> voxels(20 * 30 * 40, first);
  std::ofstream file(path, std::ios::binary);
  file.write("\x93NUMPY\x01\x00\x76\x00", 10) << header << '\n';
  file.write(reinterpret_cast<const char*>(voxels.data()),
             static_cast<std::streamsize>(voxels.size() * sizeof(float)));
}

int main(int argc, char** argv) try {
  const fs::path folder = argc > 1 ? argv[1] : fs::temp_directory_path() / "varo_example";
  if (argc == 1) {
    fs::create_directories(folder);
    for (int i = 0; i < 4; ++i)
      write_volume(folder / ("v" + std::to_string(i) + ".npy"), static_cast<float>(10 * i));
  }
  varo::Pipeline pipe({.batch_size = 2, .num_threads = 2, .seed = 7});
  auto volume = pipe.add("readers.numpy", {}, {{"file_root", folder.string()}});
  volume = pipe.add("reshape", {volume}, {{"layout", "DHW"}});
  const auto mirrored = pipe.add("random.coin_flip", {}, {{"probability", 0.5}});
  volume = pipe.add("flip", {volume}, {{"horizontal", mirrored}});
  volume = pipe.add("crop", {volume}, {{"crop", std::vector<double>{16, 16, 16}}});
  pipe.set_outputs({volume});
  for (int i = 0; i < 10; ++i) {
    const varo::Batch batch = pipe.run()[0];
    for (const varo::Tensor& sample : batch.samples) {
      const auto* voxels = sample.view().ptr<float>();
      double sum = 0;
      for (std::int64_t k = 0; k < sample.view().volume(); ++k) sum += voxels[k];
      std::printf("%s mean %.3f\n", sample.meta().source.c_str(),
                  sum / static_cast<double>(sample.view().volume()));
    }
  }
  return 0;
} catch (const varo::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
