// SPDX-License-Identifier: Apache-2.0
/// What rows of the kernel table do, by ITK: built and driven by itk.py.
///
///     itk_peer WORK FILE [NUMBER...]
///
/// prepares and then obeys standard input: "run" does the work once and answers with its wall and
/// processor seconds, "write PATH" writes the last result as raw bytes. One thread. Buffers of
/// results are new for each run, as ITK does it, in pages that the allocator keeps.
#include <array>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <functional>
#include <iostream>
#include <itkAffineTransform.h>
#include <itkBSplineInterpolateImageFunction.h>
#include <itkBinaryImageToLabelMapFilter.h>
#include <itkBinaryThresholdImageFilter.h>
#include <itkConnectedComponentImageFilter.h>
#include <itkDiscreteGaussianImageFilter.h>
#include <itkImage.h>
#include <itkImageFileReader.h>
#include <itkLinearInterpolateImageFunction.h>
#include <itkMultiThreaderBase.h>
#include <itkNearestNeighborInterpolateImageFunction.h>
#include <itkNiftiImageIO.h>
#include <itkResampleImageFilter.h>
#include <malloc.h>
#include <map>
#include <string>
#include <vector>

namespace {

template <class T>
using Volume = itk::Image<T, 3>;
using Numbers = std::vector<double>;

struct Work {
  std::function<void()> run;
  std::function<void(std::ostream&)> write;
};

/// Takes the leading three of `numbers`, a shape in zyx, as a size in ITK's order.
itk::Size<3> take_size(Numbers& numbers) {
  itk::Size<3> size;
  for (int i = 0; i < 3; ++i) size[i] = static_cast<itk::SizeValueType>(numbers.at(2 - i));
  numbers.erase(numbers.begin(), numbers.begin() + 3);
  return size;
}

/// A file of raw elements; `numbers` begins with its shape.
template <class T>
typename Volume<T>::Pointer load(const std::string& path, Numbers& numbers) {
  auto volume = Volume<T>::New();
  volume->SetRegions(take_size(numbers));
  volume->Allocate();
  const auto bytes = volume->GetPixelContainer()->Size() * sizeof(T);
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(volume->GetBufferPointer()),
            static_cast<std::streamsize>(bytes));
  if (!file) throw std::runtime_error("cannot read " + path);
  return volume;
}

template <class T>
void write_volume(const Volume<T>* volume, std::ostream& out) {
  out.write(reinterpret_cast<const char*>(volume->GetBufferPointer()),
            static_cast<std::streamsize>(volume->GetPixelContainer()->Size() * sizeof(T)));
}

/// `source` is what a new run begins at: everything that follows is computed again.
template <class Filter>
Work of_filter(itk::SmartPointer<Filter> filter, itk::Object* source) {
  return {[=] {
            source->Modified();
            filter->Update();
          },
          [=](std::ostream& out) { write_volume(filter->GetOutput(), out); }};
}

/// numbers: the shape of the input, that of the output, then for a warp the 3x4 map (xyz) from
/// output to input voxels; a resize has none.
template <class T, class Interpolator>
Work resample(const std::string& path, Numbers numbers) {
  const auto input = load<T>(path, numbers);
  const auto before = input->GetBufferedRegion().GetSize(), after = take_size(numbers);
  auto filter = itk::ResampleImageFilter<Volume<T>, Volume<T>>::New();
  filter->SetInput(input);
  filter->SetInterpolator(Interpolator::New());
  filter->SetSize(after);
  filter->SetDefaultPixelValue(0);
  if (numbers.empty()) {
    typename Volume<T>::SpacingType spacing;
    typename Volume<T>::PointType origin;
    for (int i = 0; i < 3; ++i) {
      spacing[i] = static_cast<double>(before[i]) / static_cast<double>(after[i]);
      origin[i] = spacing[i] / 2 - 0.5;
    }
    filter->SetOutputSpacing(spacing);
    filter->SetOutputOrigin(origin);
  } else {
    auto transform = itk::AffineTransform<double, 3>::New();
    itk::Matrix<double, 3, 3> matrix;
    itk::Vector<double, 3> offset;
    for (int i = 0; i < 3; ++i) {
      for (int j = 0; j < 3; ++j) matrix(i, j) = numbers.at(4 * i + j);
      offset[i] = numbers.at(4 * i + 3);
    }
    transform->SetMatrix(matrix);
    transform->SetOffset(offset);
    filter->SetTransform(transform);
  }
  return of_filter(filter, input.GetPointer());
}

/// The boxes of all components: an int32 row for each, class, starts and stops in zyx.
class Boxes {
 public:
  void clear() { rows_.clear(); }
  std::size_t size() const { return rows_.size(); }
  void add(std::size_t count, int value) {
    constexpr auto kMost = INT32_MAX;
    rows_.resize(rows_.size() + count, {value, kMost, kMost, kMost, 0, 0, 0});
  }
  /// A run of voxels along x belongs to box `number`.
  void grow(std::size_t number, const itk::Index<3>& index, itk::SizeValueType length) {
    auto& row = rows_[number];
    for (int i = 0; i < 3; ++i) {
      const auto first = static_cast<std::int32_t>(index[2 - i]);
      const auto last = first + static_cast<std::int32_t>(i == 2 ? length : 1);
      row[1 + i] = std::min(row[1 + i], first);
      row[4 + i] = std::max(row[4 + i], last);
    }
  }
  void write(std::ostream& out) const {
    out.write(reinterpret_cast<const char*>(rows_.data()),
              static_cast<std::streamsize>(rows_.size() * sizeof(rows_[0])));
  }

 private:
  std::vector<std::array<std::int32_t, 7>> rows_;
};

/// Boxes of all components of classes 1 to numbers[3] by the filter that makes no label image.
Work objects_by_runs(const std::string& path, Numbers numbers) {
  using Map = itk::LabelMap<itk::LabelObject<itk::SizeValueType, 3>>;
  const auto input = load<std::uint8_t>(path, numbers);
  const auto boxes = std::make_shared<Boxes>();
  auto filter = itk::BinaryImageToLabelMapFilter<Volume<std::uint8_t>, Map>::New();
  filter->SetInput(input);
  const int classes = static_cast<int>(numbers.at(0));
  return {[=] {
            boxes->clear();
            input->Modified();
            for (int value = 1; value <= classes; ++value) {
              filter->SetInputForegroundValue(static_cast<std::uint8_t>(value));
              filter->Update();
              for (Map::ConstIterator at(filter->GetOutput()); !at.IsAtEnd(); ++at) {
                boxes->add(1, value);
                Map::LabelObjectType::ConstLineIterator line(at.GetLabelObject());
                for (; !line.IsAtEnd(); ++line)
                  boxes->grow(boxes->size() - 1, line.GetLine().GetIndex(),
                              line.GetLine().GetLength());
              }
            }
          },
          [=](std::ostream& out) { boxes->write(out); }};
}

/// The same by a label image for each class, which is walked once, run by run.
Work objects_by_labels(const std::string& path, Numbers numbers) {
  using Mask = Volume<std::uint8_t>;
  using Labels = Volume<std::uint32_t>;
  const auto input = load<std::uint8_t>(path, numbers);
  const auto boxes = std::make_shared<Boxes>();
  auto threshold = itk::BinaryThresholdImageFilter<Mask, Mask>::New();
  auto components = itk::ConnectedComponentImageFilter<Mask, Labels>::New();
  threshold->SetInput(input);
  components->SetInput(threshold->GetOutput());
  const int classes = static_cast<int>(numbers.at(0));
  return {[=] {
            boxes->clear();
            input->Modified();
            for (int value = 1; value <= classes; ++value) {
              threshold->SetLowerThreshold(static_cast<std::uint8_t>(value));
              threshold->SetUpperThreshold(static_cast<std::uint8_t>(value));
              components->Update();
              const auto first = boxes->size();
              boxes->add(components->GetObjectCount(), value);
              const Labels* labels = components->GetOutput();
              const auto size = labels->GetBufferedRegion().GetSize();
              const std::uint32_t* row = labels->GetBufferPointer();
              itk::Index<3> at;
              for (at[2] = 0; at[2] < static_cast<long>(size[2]); ++at[2]) {
                for (at[1] = 0; at[1] < static_cast<long>(size[1]); ++at[1], row += size[0]) {
                  for (std::size_t x = 0, end; x < size[0]; x = end) {
                    for (end = x + 1; end < size[0] && row[end] == row[x];) ++end;
                    at[0] = static_cast<long>(x);
                    if (row[x]) boxes->grow(first + row[x] - 1, at, end - x);
                  }
                }
              }
            }
          },
          [=](std::ostream& out) { boxes->write(out); }};
}

/// numbers: shape, sigma, taps.
Work gaussian(const std::string& path, Numbers numbers) {
  const auto input = load<float>(path, numbers);
  auto filter = itk::DiscreteGaussianImageFilter<Volume<float>, Volume<float>>::New();
  filter->SetInput(input);
  filter->SetVariance(numbers.at(0) * numbers.at(0));
  filter->SetMaximumKernelWidth(static_cast<int>(numbers.at(1)));
  return of_filter(filter, input.GetPointer());
}

Work read(const std::string& path, Numbers) {
  auto reader = itk::ImageFileReader<Volume<std::int16_t>>::New();
  reader->SetImageIO(itk::NiftiImageIO::New());
  reader->SetFileName(path);
  return of_filter(reader, reader.GetPointer());
}

template <class T>
using Linear = itk::LinearInterpolateImageFunction<Volume<T>, double>;
template <class T>
using Nearest = itk::NearestNeighborInterpolateImageFunction<Volume<T>, double>;
using BSpline = itk::BSplineInterpolateImageFunction<Volume<float>, double, double>;  // cubic

const std::map<std::string, Work (*)(const std::string&, Numbers)> kWorks = {
    {"linear", resample<float, Linear<float>>},
    {"nearest", resample<std::uint8_t, Nearest<std::uint8_t>>},
    {"bspline", resample<float, BSpline>},
    {"objects by runs", objects_by_runs},
    {"objects by labels", objects_by_labels},
    {"gaussian", gaussian},
    {"read", read},
};

double seconds(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

void serve(const Work& work) {
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "run") {
      const double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
      work.run();
      std::printf("%.9f %.9f\n", seconds(CLOCK_MONOTONIC) - wall,
                  seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    } else if (line.rfind("write ", 0) == 0) {
      std::ofstream file(line.substr(6), std::ios::binary);
      work.write(file);
      std::puts(file.flush() ? "written" : "error: cannot write");
    } else {
      std::puts("error: unknown command");
    }
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) try {
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, INT32_MAX);
  itk::MultiThreaderBase::SetGlobalMaximumNumberOfThreads(1);
  itk::MultiThreaderBase::SetGlobalDefaultNumberOfThreads(1);
  if (argc < 3 || !kWorks.count(argv[1])) throw std::runtime_error("no such work");
  Numbers numbers;
  for (int i = 3; i < argc; ++i) numbers.push_back(std::stod(argv[i]));
  const Work work = kWorks.at(argv[1])(argv[2], numbers);
  std::puts("ready");
  std::fflush(stdout);
  serve(work);
} catch (const std::exception& error) {
  std::cerr << "itk_peer: " << error.what() << '\n';
  return 1;
}
