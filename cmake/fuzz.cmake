# SPDX-License-Identifier: Apache-2.0
# One fuzzer a file of fuzz/, linked with clang's libFuzzer: cmake --preset fuzz
if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "VARO_FUZZ needs clang (-DCMAKE_CXX_COMPILER=clang++)")
endif()
target_compile_options(varo_flags INTERFACE -fsanitize=fuzzer-no-link)

file(GLOB fuzzers CONFIGURE_DEPENDS fuzz/*.cc)
foreach(fuzzer ${fuzzers})
  get_filename_component(name ${fuzzer} NAME_WE)
  add_executable(fuzz_${name} ${fuzzer})
  target_link_libraries(fuzz_${name} PRIVATE varo_flags varo_static)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
endforeach()
