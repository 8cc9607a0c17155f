# SPDX-License-Identifier: Apache-2.0
# A test program a layer, from the x_test.cc files beside the code, the examples, and, on request
# (target `benches`), a micro-benchmark program from bench/*_bench.cc.
find_package(GTest REQUIRED)

foreach(layer core kernels formats operators pipeline)
  file(GLOB_RECURSE tests CONFIGURE_DEPENDS src/${layer}/*_test.cc)
  if(tests)
    add_executable(${layer}_tests ${tests})
    # The objects, not the shared library: tests reach what the library hides.
    target_link_libraries(${layer}_tests PRIVATE varo_flags varo_static GTest::gtest_main GTest::gmock)
    add_test(NAME ${layer} COMMAND ${layer}_tests)
  endif()
endforeach()

# A program of its own: it replaces the C library's malloc, as sanitizers do.
if(NOT VARO_SANITIZE)
  add_executable(steady_test tests/steady_test.cc)
  target_link_libraries(steady_test PRIVATE varo_flags varo_static GTest::gtest_main)
  add_test(NAME steady COMMAND steady_test)
endif()

# What must not compile, and does once VARO_AS_IT_SHOULD_BE is defined.
file(GLOB refused CONFIGURE_DEPENDS tests/compile_fail/*.cc)
foreach(file ${refused})
  get_filename_component(name ${file} NAME_WE)
  set(compile ${CMAKE_CXX_COMPILER} -std=c++20 -fsyntax-only -I${CMAKE_SOURCE_DIR}/include
      -I${CMAKE_SOURCE_DIR}/src ${file})
  add_test(NAME refused_${name} COMMAND ${compile})
  set_tests_properties(refused_${name} PROPERTIES WILL_FAIL TRUE)
  add_test(NAME accepted_${name} COMMAND ${compile} -DVARO_AS_IT_SHOULD_BE)
endforeach()

# The shared library as other programs see it.
add_executable(border_test tests/border_test.cc)
target_link_libraries(border_test PRIVATE varo GTest::gtest_main)
if(VARO_SANITIZE)  # the sanitizer's run-time belongs to the program
  target_link_options(border_test PRIVATE -fsanitize=${VARO_SANITIZE})
endif()
add_test(NAME border COMMAND border_test)

# What one element is (src/kernels/*/*_point.h) stands alone: for the host, and where there is nvcc for
# devices too.
set(device_headers ${CMAKE_SOURCE_DIR}/tests/device/headers.cu)
set_source_files_properties(${device_headers} PROPERTIES LANGUAGE CXX)
add_library(host_headers OBJECT ${device_headers})
target_include_directories(host_headers PRIVATE include src)
target_compile_options(host_headers PRIVATE -Wall -Wextra -Werror -ffp-contract=off)
find_program(VARO_NVCC nvcc HINTS /usr/local/cuda/bin)
if(VARO_NVCC)
  set(device_object ${CMAKE_BINARY_DIR}/generated/device_headers.o)
  add_custom_command(OUTPUT ${device_object}
                     COMMAND ${VARO_NVCC} -std=c++20 --expt-relaxed-constexpr --fmad=false -Werror all-warnings
                             -Xcompiler -ffp-contract=off,-Wall,-Wextra -I${CMAKE_SOURCE_DIR}/include
                             -I${CMAKE_SOURCE_DIR}/src -MD -MF ${device_object}.d -c ${device_headers} -o ${device_object}
                     DEPENDS ${device_headers} DEPFILE ${device_object}.d
                     COMMENT "Headers of one element, for devices" VERBATIM)
  add_custom_target(varo_device_headers ALL DEPENDS ${device_object})
endif()

# Examples see the public headers and the shared library only.
file(GLOB examples CONFIGURE_DEPENDS examples/*.cc)
foreach(example ${examples})
  get_filename_component(name ${example} NAME_WE)
  add_executable(example_${name} ${example})
  target_link_libraries(example_${name} PRIVATE varo)
  if(VARO_SANITIZE)  # the sanitizer's run-time belongs to the program
    target_link_options(example_${name} PRIVATE -fsanitize=${VARO_SANITIZE})
  endif()
  add_test(NAME example_${name} COMMAND example_${name})
endforeach()

file(GLOB benches CONFIGURE_DEPENDS bench/*_bench.cc)
find_package(benchmark QUIET)
if(benches AND benchmark_FOUND)
  add_executable(benches EXCLUDE_FROM_ALL ${benches})
  target_link_libraries(benches PRIVATE varo_flags varo_static benchmark::benchmark_main)
endif()
